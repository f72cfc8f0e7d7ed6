"""Random networks with odd weights, three ways: enumeration by the prover, mpmath in 3000 bits, and the checker, which
must agree on every input, on the loss and on the least margin, and whose verdicts must be those of the certificates."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any

import layered_network as reference
import mpmath
import numpy as np
import pytest
from odd_networks import Odd

import mechproof
from mechproof.engine.checker import check
from mechproof.engine.checker.budget import Budget
from mechproof.engine.checker.networks.enumeration import Deciding
from mechproof.engine.checker.networks.network_file import read_description
from mechproof.engine.checker.networks.passes import Passes
from mechproof.engine.checker.networks.task import read_task
from mechproof.engine.rule import NotEstablished
from mechproof.models.recognition.network_file import load_network
from mechproof.models.tasks import task_of
from mechproof.rewrites.enumeration import decide

BITS = 3000
# Differences that are this much smaller than the logits are zero, as far as 3000 bits can tell.
ZERO = mpmath.mpf(2) ** -2000


def written(odd: Odd, folder: Path) -> tuple[Path, str, list[int]]:
    """The network file, a task file, and the positions at which the network is read."""
    n = odd.positions
    read = [0] if odd.mixed else sorted(odd.random.sample(range(n), odd.pick(1, n)))
    answers = [odd.pick(f"max(t) % {odd.outputs}", f"sum(t) % {odd.outputs}", "0") for _ in read]
    counted = odd.pick("inputs", "pairs")
    task = folder / "task.toml"
    task.write_text(
        f'positions = {n}\nread = {read}\ncounted = "{counted}"\nanswers = {json.dumps(answers)}\n', "utf-8"
    )
    return reference.write(odd.layers, folder), str(task), read


def fraction(x: Any) -> Any:
    return mpmath.mpf(x.numerator) / x.denominator


@pytest.mark.parametrize("seed", [*range(12), *(pytest.param(seed, marks=pytest.mark.ci) for seed in range(12, 200))])
def test_three_ways_agree(seed, tmp_path):
    """What the prover and the checker decide is true; so are the bounds; and certificates are verified where the
    checker decides what the prover does."""
    odd = Odd(seed)
    path, task, read = written(odd, tmp_path)
    net = load_network(path)
    made = task_of(task, net)
    found = decide(net, made)
    network, own = read_task(task, read_description(str(path), None))
    deciding = Deciding(Passes(network, own, Budget(10**10)))
    wrong, undecided = dict(found.wrong_inputs()), dict(found.undecided_inputs())
    values, ahead, decides_less = mpmath.mpf(0), [], False
    for t in itertools.product(range(odd.tokens), repeat=odd.positions):
        answers = own.answers(t)
        outcomes = deciding.outcomes(t, answers)
        with mpmath.workprec(BITS):
            logits = reference.logits(odd.layers, t)
            for p, answer, outcome in zip(read, answers, outcomes, strict=True):
                mine, top = logits[p], max(map(abs, logits[p]))
                by_prover = None if p in undecided.get(t, ()) else p not in wrong.get(t, ())
                by_checker = outcome if isinstance(outcome, bool) else None
                decides_less |= by_checker is None and by_prover is not None
                if odd.outputs > 1:
                    margin = reference.margin(mine, answer)
                    ahead.append(margin)
                    values += reference.loss(mine, answer)
                    right = margin > top * ZERO
                else:
                    right = True
                assert {by_prover, by_checker} <= {right, None}, (t, p, margin)
    with mpmath.workprec(BITS):
        mean = values / (odd.tokens**odd.positions * len(read))
        assert found.loss is None or fraction(found.loss.lower) <= mean <= fraction(found.loss.upper)
        if found.margin is not None:
            assert found.margin.lower is None or fraction(found.margin.lower) <= min(ahead)
            assert found.margin.upper is None or fraction(found.margin.upper) >= min(ahead)
    if not decides_less:
        for metric in ("accuracy", "loss", "margin"):
            assert_verified(path, task, metric)


def assert_verified(path: Path, task: str, metric: str) -> None:
    """The certificate, where there is one."""
    try:
        proof = mechproof.prove(path, task=task, metric=metric, strategy="enumerate")
    except NotEstablished:
        return
    certificate = path.with_name("certificate.json")
    certificate.write_bytes(proof.certificate)
    assert check(certificate, path, task).status == "VERIFIED"


EYE = np.eye(2)
ZERO_WIDTH = {"function": "layernorm", "epsilon": "5e-324"}


@pytest.mark.parametrize(
    "layers",
    [
        [{"kind": "embed", "E": np.array([[1.0], [2.5]])}, {"kind": "unembed", "W_U": EYE[:1], "norm": ZERO_WIDTH}],
        [
            {"kind": "embed", "E": np.array([[3e38, 3e38], [0.25, 0.25]])},
            {"kind": "norm", "function": "layernorm", "epsilon": "1e-300"},
            {
                "kind": "mlp",
                "function": "gelu",
                "W_in": EYE,
                "W_out": EYE,
                "norm": {**ZERO_WIDTH, "function": "rmsnorm"},
            },
            {"kind": "unembed", "W_U": EYE + 1},
        ],
        [
            {"kind": "embed", "E": EYE},
            {"kind": "unembed", "W_U": EYE, "norm": {"function": "rmsnorm", "epsilon": "1", "w": np.zeros(2)}},
        ],
        [
            {"kind": "embed", "E": EYE},
            {"kind": "attention", "scale": "1", "mask": "none", **dict.fromkeys(("W_Q", "W_K", "W_O"), EYE[None])}
            | {"W_V": 0 * EYE[None]},
            {"kind": "mlp", "function": "silu", "W_in": 0 * EYE, "W_gate": EYE * 1e9, "W_out": EYE, "skip": "none"},
            {"kind": "unembed", "W_U": EYE},
        ],
    ],
    ids=["a norm of one number", "a constant row", "gains of zero", "a gate of nothing"],
)
def test_exact_zeros_stay_exact(layers, tmp_path):
    """Numbers that are zero whatever the precision make ties that both programs decide."""
    path = reference.write(layers, tmp_path)
    (tmp_path / "task.toml").write_text('positions = 2\nanswer = "max(t)"\n', "utf-8")
    proof = mechproof.prove(path, task=str(tmp_path / "task.toml"))
    assert proof.theorem.bounds == (0, 0)
    assert_verified(path, str(tmp_path / "task.toml"), "accuracy")


def test_numbers_of_every_size_are_told_apart(tmp_path):
    """Logits of the size of denormal numbers and of their products, and of 2^900: relative sizes decide."""
    for size in (5e-324, 2.0**-600, 1.0, 2.0**900):
        layers = [
            {"kind": "embed", "E": size * np.array([[3.0, 1.0], [1.0, 2.0]])},
            {"kind": "attention", "scale": "1", "mask": "none", "W_V": EYE[None], "W_O": 1e-9 * EYE[None]}
            | dict.fromkeys(("W_Q", "W_K"), 2.0**-999 * EYE[None]),
            {"kind": "pointwise", "function": "identity"},
            {"kind": "unembed", "W_U": min(size, 1) * EYE},
        ]
        path = reference.write(layers, tmp_path)
        (tmp_path / "task.toml").write_text('positions = 2\nanswer = "t[1]"\n', "utf-8")
        proof = mechproof.prove(path, task=str(tmp_path / "task.toml"))
        assert proof.theorem.bounds == (1, 1), size
        assert_verified(path, str(tmp_path / "task.toml"), "accuracy")


def test_joined_positions_without_a_table_of_places(tmp_path):
    """How many positions are joined, and so whether the layers fit, is said by the task."""
    draw = reference.Draw(3)
    layers = [
        {"kind": "embed", "E": draw(3, 2)},
        {"kind": "concat"},
        {"kind": "linear", "W": draw(4, 3)},
        {"kind": "unembed", "W_U": draw(3, 3)},
    ]
    path = reference.write(layers, tmp_path)
    (tmp_path / "task.toml").write_text('positions = 2\nanswer = "max(t)"\n', "utf-8")
    assert_verified(path, str(tmp_path / "task.toml"), "accuracy")
    (tmp_path / "task.toml").write_text('positions = 3\nanswer = "max(t)"\n', "utf-8")
    with pytest.raises(mechproof.MechproofError, match="W"):
        mechproof.prove(path, task=str(tmp_path / "task.toml"))

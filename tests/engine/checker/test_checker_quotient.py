"""``quotient/1``: prover and checker agree on what is accepted, whatever the advice; what is forged or broken is
refused with a verdict."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from npz import write_npz
from quotient_advice import VARIANTS, random_advice
from two_token_network import ORDER, adding_network, exact_margin, form_of, written

from mechproof.engine.certificate import emit
from mechproof.engine.checker import Verdict, check
from mechproof.engine.checker.networks.network_file import read_description
from mechproof.engine.checker.networks.statement import statement_hash
from mechproof.engine.checker.networks.task import read_task
from mechproof.engine.checker.quotient import form as two_tokens
from mechproof.engine.checker.quotient import rules as quotient
from mechproof.rewrites.rules.accuracy import AccuracyFromCount
from mechproof.rewrites.rules.cascade import Cascade
from mechproof.rewrites.rules.grid_network import GridNetworkRule, Grids
from mechproof.rewrites.rules.quotient import Quotient

TASK = f"group:Z{ORDER}"


def certificate(seed: int, noise: int, *, evaluate: bool = True) -> tuple[Any, bytes]:
    """The statement of a network, and a certificate with random advice."""
    rng = random.Random(seed)
    statement = adding_network(seed, noise)
    graph, form = form_of(statement)
    neurons = graph.claim(form).left.shape[1]
    grids = Grids(rng.choice([20, 30]), tuple(rng.randint(700, 5000) for _ in range(neurons)))
    grid = graph.apply(GridNetworkRule(), [form], grids)
    made = random_advice(rng, ORDER, neurons, rng.choice(VARIANTS))
    accepted = graph.apply(Quotient(), [grid], made)
    goal = graph.apply(AccuracyFromCount(), [graph.apply(Cascade(evaluate=evaluate), [accepted, form])])
    return statement, emit(graph, goal, statement.sha256)


def judged(text: bytes, network: Path, **options: Any) -> Verdict:
    path = network.with_name("certificate.json")
    path.write_bytes(text)
    return check(path, network, TASK, **options)


@pytest.mark.parametrize("seed", range(20))
def test_prover_and_checker_accept_the_same(seed, tmp_path):
    """Random blocks, partitions, shares, trees and variants: the very count is verified, one more is refused."""
    statement, text = certificate(seed, noise=5 * seed, evaluate=False)
    network = written(statement, tmp_path)
    verdict = judged(text, network, jobs=1 + seed % 2)
    assert verdict.status == "VERIFIED", verdict.line
    accepted, total = verdict.right_low, ORDER**2
    assert accepted is not None and verdict.right_high == total
    assert accepted <= sum(exact_margin(statement, x, y) > 0 for x, y in product(range(ORDER), repeat=2))
    more = text.replace(f'"right_low":"{accepted:#x}"'.encode(), f'"right_low":"{accepted + 1:#x}"'.encode())
    assert judged(more, network).code == ("E216" if accepted < total else "E203")


@pytest.mark.parametrize("seed", range(8))
def test_the_cascade_counts_exactly(seed, tmp_path):
    """With evaluation the count is that of enumeration; neither one more nor one less is verified."""
    statement, text = certificate(seed, noise=30 + 20 * seed)
    network = written(statement, tmp_path)
    verdict = judged(text, network)
    right = sum(exact_margin(statement, x, y) > 0 for x, y in product(range(ORDER), repeat=2))
    assert (verdict.status, verdict.right_low, verdict.right_high) == ("VERIFIED", right, right)
    high = text.replace(f'"right_high":"{right:#x}"'.encode(), f'"right_high":"{right - 1:#x}"'.encode())
    low = high.replace(f'"right_low":"{right:#x}"'.encode(), f'"right_low":"{right - 1:#x}"'.encode())
    assert judged(low, network).code == "E216"


def changed(text: bytes, **advice: Any) -> bytes:
    """The certificate with other advice."""
    data = json.loads(text)
    data["derivations"][1]["advice"] |= advice
    return (json.dumps(data, separators=(",", ":")) + "\n").encode()


@pytest.mark.parametrize(
    ("advice", "code"),
    [
        ({"bits": 65}, "E238"),
        ({"bits": -1}, "E238"),
        ({"scales": []}, "E238"),
        ({"scales": [0] * 13}, "E238"),
        ({"blocks": []}, "E238"),
        ({"blocks": [[list(range(13)), [], []], [[], [], []]], "merges": [[0, 1], [2, 3], [4, 5]]}, "VERIFIED"),
        ({"blocks": [[list(range(13)), [], []]], "merges": [[0, 1]]}, "E238"),
        ({"blocks": [[list(range(13)), [], []]], "merges": [[0, 1], [0, 2]]}, "E238"),
        ({"blocks": [[list(range(13)), [], []]], "merges": [[-1, 1], [2, 3]]}, "E238"),
        ({"blocks": [[[0] * 13, [], []]]}, "E238"),
        ({"blocks": [[[-1, *range(12)], [], []]]}, "E238"),
        ({"blocks": [[list(range(13)), ["AAAAAAAAAAAAAAAA", "EREREREREREREREREQ=="], []]]}, "E238"),
        ({"blocks": [[list(range(13)), ["AAAAAAAAAAAAAAAA", ""], []]]}, "E238"),
        ({"blocks": [[list(range(13)), ["AAAAAAAA", "CAgICAgICAgICAgICA=="], []]]}, "E238"),
        ({"exact": 2}, "E110"),
        ({"blocks": [[list(range(13)), [[]], []]]}, "E110"),
    ],
)
def test_broken_advice_is_refused(advice, code, tmp_path):
    """Grids that do not fit, blocks that are no blocks, labels of empty classes, trees that are none."""
    statement, text = certificate(3, noise=3)
    verdict = judged(changed(text, **advice), written(statement, tmp_path))
    assert code in (verdict.code, verdict.status), verdict.line


def test_other_networks_are_refused(tmp_path):
    """A quotient of a network whose hidden layer is no ReLU does not apply."""
    statement, text = certificate(4, noise=3)
    network = written(statement, tmp_path)
    network.write_text(network.read_text().replace('"relu"', '"square"'))
    assert judged(text, network).code == "E201"
    made, task = read_task(TASK, read_description(str(network), None))
    forged = text.replace(statement.sha256.encode(), statement_hash(made, task).encode())
    assert judged(forged, network).code == "E238"


def test_evaluation_stays_in_its_words(tmp_path):
    """Means of 0 with large numbers: the others are evaluated with these, and their logits must fit too.

    The network is right on (0, 0) alone; 0 of 9 was verified when logits of 3 * 2^63 left their words.
    """
    size = 3.0 * 2**34
    arrays = {
        "x": np.array([[0], [-size], [size]], dtype=np.float32),
        "y": np.array([[size], [-size], [0]], dtype=np.float32),
        "U": np.array([[1, -1, 0]], dtype=np.float32),
    }
    write_npz(tmp_path / "net.npz", arrays)
    kinds = ('"embed"\ntables = ["x", "y"]', '"sum"', '"pointwise"\nfunction = "relu"', '"unembed"\nW_U = "U"')
    path, task = tmp_path / "net.toml", "group:Z3"
    path.write_text('weights = "net.npz"\n' + "".join(f"[[layer]]\nkind = {kind}\n" for kind in kinds))
    statement = statement_hash(*read_task(task, read_description(str(path), None)))
    side = ["AAAAAAAA", "AA=="]
    advice = {
        "bits": 29,
        "scales": [1],
        "blocks": [[[0], side, side]],
        "merges": [[0, 1], [3, 2]],
        "exact": 0,
        "largest": 1,
        "evaluate": 1,
    }
    count = {"right_low": "0x0", "right_high": "0x0"}
    text = json.loads(certificate(3, noise=3)[1]) | {"statement": statement}
    text["relation"] |= count | {"inputs": "0x9"}
    network, quotients, accuracy = text["derivations"]
    network["conclusion"] |= {"statement": statement}
    quotients |= {"advice": advice, "conclusion": quotients["conclusion"] | count}
    accuracy["conclusion"] |= count | {"inputs": "0x9"}
    (tmp_path / "c.json").write_text(json.dumps(text, separators=(",", ":")) + "\n")
    verdict = check(tmp_path / "c.json", path, task)
    assert verdict.code == "E238", verdict.line


@pytest.mark.parametrize("fault", ["no remainder", "no distance", "no slack", "no shift"])
def test_a_fault_in_the_checker_is_noticed(fault, tmp_path, monkeypatch):
    """Without one part of the bound it counts more than is right, or than the prover does."""
    if fault == "no remainder":
        monkeypatch.setattr(quotient.Quotient, "remainders", lambda self, x: [0] * ORDER)
    elif fault == "no distance":
        monkeypatch.setattr(quotient, "above_root", lambda square: 0)
    elif fault == "no shift":
        monkeypatch.setattr(quotient, "SHARES", 1 << 40)
    else:
        made = two_tokens.on_grids
        monkeypatch.setattr(quotient, "on_grids", lambda *given: replace(made(*given), slack=-(1 << 30)))
    for seed in range(12):
        statement, text = certificate(seed, noise=70, evaluate=False)
        if judged(text, written(statement, tmp_path)).status != "VERIFIED":
            return
        low = int(json.loads(text)["relation"]["right_low"], 16)
        more = text.replace(f'"right_low":"{low:#x}"'.encode(), f'"right_low":"{low + 1:#x}"'.encode())
        if low < ORDER**2 and judged(more, tmp_path / "net.toml").status == "VERIFIED":
            return
    pytest.fail("nobody noticed")

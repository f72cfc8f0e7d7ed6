"""True certificates are verified, and what is verified is the truth by enumeration."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mechproof.engine.checker import check
from mechproof.engine.checker.errors import Failure
from mechproof.engine.checker.proof import RULES, with_own

MODELS = [
    ("pulled_model", (0, 4, 3, 0.3)),
    ("pulled_model", (0, 5, 3, 0.3)),
    ("pulled_model", (1, 4, 4, 0.3)),
    ("pulled_model", (2, 2, 2, 0.3)),
    ("pulled_model", (1, 3, 2, 0.3)),
    ("pulled_model", (1, 5, 1, 0.3)),
    ("pulled_model", (0, 1, 3, 0.3)),
    ("random_model", (3, 4, 3, 3, 2, True)),
    ("random_model", (5, 3, 3, 2, 3, False, np.float16)),
    ("tied_model", (0, 4, 3)),
    ("tied_model", (1, 3, 4)),
    ("tied_model", (5, 5, 2)),
]


@pytest.mark.parametrize(("kind", "arguments"), MODELS)
def test_tree_gives_the_exact_count(emitter: Any, judge: Any, kind: str, arguments: tuple[Any, ...]) -> None:
    """A tree that decides everything proves the number that enumeration finds, ties and biases included."""
    model = getattr(emitter, kind)(*arguments)
    truth = model.truth()
    verdict = judge(model, emitter.tree_certificate(model))
    assert verdict.line == f"s VERIFIED accuracy = {truth}/{model.V**model.K} sha256:{model.statement}"
    assert (verdict.exit_code, verdict.right_low, verdict.right_high) == (0, truth, truth)


@pytest.mark.parametrize(("kind", "arguments"), MODELS)
def test_triples_enclose_the_count(emitter: Any, judge: Any, kind: str, arguments: tuple[Any, ...]) -> None:
    """Counts by triples hold the truth, on a coarse grid and on a fine one."""
    model = getattr(emitter, kind)(*arguments)
    truth = model.truth()
    for grid in (8, 1000):
        verdict = judge(model, emitter.triples_certificate(model, grid))
        assert verdict.status == "VERIFIED", verdict.line
        assert verdict.right_low <= truth <= verdict.right_high


def test_unproved_cells_widen_the_interval(emitter: Any, judge: Any) -> None:
    """U proves nothing: the verdict becomes an interval, or a lower bound when nothing is proved wrong."""
    model = emitter.pulled_model(0, 4, 3, 0.3)
    verdict = judge(model, emitter.tree_certificate(model, frozenset({(0, 1)})))
    truth = model.truth()
    assert verdict.right_low <= truth <= verdict.right_high == verdict.right_low + 3
    assert verdict.line.startswith(f"s VERIFIED accuracy in [{verdict.right_low}/64, {verdict.right_high}/64] sha256:")
    nothing = judge(model, emitter.tree_certificate(model, frozenset(model.cells())))
    assert nothing.relation == "accuracy >= 0/64"


def test_the_verdict_speaks_in_words_and_json(emitter: Any, judge: Any, small: Any) -> None:
    """The theorem is rendered from the checker's numbers; the JSON object has the same facts."""
    verdict = judge(small, emitter.tree_certificate(small))
    assert verdict.text.splitlines()[0] == verdict.line
    assert "of all 64 inputs, exactly" in verdict.text
    assert "embed: tables shared, E 4 x 3, P 3 x 3\n  attention: heads 1, scale 1/sqrt(2)" in verdict.text
    assert verdict.as_json()["sha256"] == small.statement
    assert "code" not in verdict.as_json()


@pytest.mark.parametrize("jobs", [2, 3])
def test_jobs_do_not_change_the_verdict(emitter: Any, judge: Any, jobs: int) -> None:
    """Sharing the cells among processes changes neither a proof nor the failure that is reported."""
    model = emitter.pulled_model(0, 5, 3, 0.3)
    for certificate in (emitter.tree_certificate(model), emitter.triples_certificate(model)):
        assert judge(model, certificate, jobs=jobs) == judge(model, certificate)
    certificate = emitter.tree_certificate(model)
    advice = certificate["derivations"][3]["advice"]
    advice["tree"] = advice["tree"].replace("W0", "R")
    assert judge(model, certificate, jobs=jobs).code == "E224"


PUBLISHED = [
    ("max_of_2_coq/simpler.npz", 4096, 4096),
    ("max_of_4_seed123/weights.npz", 16772964, 16777216),
    ("unsound_averaging/total_v8_k4.npz", 513, 4096),
]


@pytest.mark.parametrize(("name", "right", "inputs"), PUBLISHED)
def test_published_networks(emitter: Any, data: Path, tmp_path: Path, name: str, right: int, inputs: int) -> None:
    """The networks with known counts get exactly these, and within a few seconds."""
    path = data / name
    stored = np.load(path)
    names = ("W_E", "W_pos", "W_Q", "W_K", "W_V", "W_O", "W_U")
    model = emitter.Model({n: stored[n].reshape(stored[n].shape[-2:]) for n in names})
    certificate = tmp_path / "certificate.json"
    certificate.write_bytes(emitter.text(emitter.tree_certificate(model)))
    started = time.process_time()
    verdict = check(certificate, path)
    assert verdict.line == f"s VERIFIED accuracy = {right}/{inputs} sha256:{model.statement}"
    assert time.process_time() - started < 5


def test_room_of_the_format_is_enough(emitter: Any, judge: Any) -> None:
    """A bound with 2^-59 of the largest margin to spare is established, on either side; at zero there is a tie."""
    weights = {
        "W_E": [[1, 0], [-1, 0]],
        "W_pos": [[0, 0], [0, 0]],
        "W_Q": [[0], [0]],
        "W_K": [[0], [0]],
        "W_V": [[1], [0]],
        "W_O": [[0, 1]],
        "W_U": [[0, 0], [1, 0]],
    }
    # In the cell q = m = 1 the sum for x = 0 is (1 or -1) - 1 + 2 b: 2 b on the sequence (0, 1).
    for bias, right in ((-(2.0**-60), True), (2.0**-60, False), (0.0, False)):
        tensors = {n: np.array(a, dtype=np.float64) for n, a in weights.items()}
        model = emitter.Model(tensors | {"b_U": np.array([bias, 0.0])})
        assert [model.right(s) for s in ((0, 0), (1, 0), (0, 1), (1, 1))] == [True, bias < 0, right, True]
        advice = emitter.tree_advice(model, ("RR" if bias < 0 else "RW0") + ("R" if right else "SSRW0"))
        count = 4 if right else 2
        proved = judge(model, emitter.certificate(model, emitter.TREE, advice, count, count))
        assert proved.relation == f"accuracy = {count}/4"


def test_many_sequences_of_exact_ties(emitter: Any, judge: Any) -> None:
    """A network whose logits are all equal is wrong everywhere by W on whole cells: zero entries stay exactly zero."""
    shapes = {"W_E": (3, 2), "W_pos": (3, 2), "W_Q": (2, 2), "W_K": (2, 2), "W_V": (2, 2), "W_O": (2, 2), "W_U": (2, 3)}
    rng = np.random.default_rng(0)
    model = emitter.Model({n: rng.normal(size=s) * (n != "W_U") for n, s in shapes.items()})
    tree = "W1" + "W0" * 2 + "W0" * 3
    advice = emitter.tree_advice(model, tree)
    assert judge(model, emitter.certificate(model, emitter.TREE, advice, 0, 0)).relation == "accuracy = 0/27"
    advice = emitter.tree_advice(model, tree.replace("W1", "R"))
    assert judge(model, emitter.certificate(model, emitter.TREE, advice, 0, 0)).code == "E224"


def test_checks_of_ones_own_are_added_and_replace_nothing() -> None:
    """A rule that is not built in is known beside all others; a built-in one cannot be taken over."""
    own = replace(RULES["accuracy/1"], name="mine/1")
    assert with_own([own]) == {**RULES, "mine/1": own}
    with pytest.raises(Failure) as failure:
        with_own([RULES["accuracy/1"]])
    assert failure.value.code.name == "E100" and "accuracy/1" in str(failure.value.data["problem"])

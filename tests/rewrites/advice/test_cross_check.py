"""The cross-check agrees with true proofs and notices each kind of planted error."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import mpmath
import numpy as np
import pytest
from typer.testing import CliRunner

import mechproof
from mechproof.__main__ import app
from mechproof.engine.arithmetic.ball import Ball
from mechproof.engine.arithmetic.interval import IntervalTable
from mechproof.engine.graph import ProofGraph
from mechproof.models import zoo
from mechproof.models.one_layer import one_layer_of
from mechproof.rewrites.advice import cross_check as module
from mechproof.rewrites.advice.cross_check import CrossCheck, Disagreement, NothingToCompare
from mechproof.rewrites.advice.second_evaluation import SecondEvaluation
from mechproof.rewrites.rules.accuracy import Accuracy
from mechproof.rewrites.rules.additive_margin import AdditiveMargin
from mechproof.rewrites.rules.loss import Loss
from mechproof.rewrites.rules.margin_enclosure import MarginEnclosure
from mechproof.rewrites.rules.path_decomposition import Paths
from mechproof.rewrites.rules.right_count import RightCount

DATA = Path(__file__).parents[2] / "data"
SMALL, BIASED = DATA / "unsound_averaging" / "cell_v3_k3.npz", zoo.path("max_of_2_v64_d32_seed123")


def cross_check(proof: mechproof.Proof, sample: int = module.SAMPLE) -> CrossCheck:
    return module.cross_check(proof.graph, proof.goal, proof.name, sample)


def rewritten(proof: mechproof.Proof, kind: type, change: Any) -> mechproof.Proof:
    """The proof with every claim of a kind replaced, as a faulty rule might have concluded it."""
    graph = ProofGraph()
    graph.network, graph._ids = proof.graph.network.copy(), dict(proof.graph._ids)
    for node, data in proof.graph.network.nodes(data=True):
        if type(data.get("claim")) is kind:
            graph.network.nodes[node]["claim"] = change(data["claim"])
    return replace(proof, graph=graph)


@pytest.mark.parametrize("options", [{}, {"metric": "loss"}, {"strategy": "story"}, {"strategy": "vertex/EQKE"}])
def test_true_proofs_agree(options):
    """All inputs of a small network: every kind of thing is compared, down to the theorem."""
    found = cross_check(mechproof.prove(SMALL, **options))
    assert found.whole and found.inputs == 27 and found.compared["theorem"] == 1
    assert found.compared["exact scores"] == 81 and found.compared["exact logit differences"] == 243
    assert found.compared["signs"] == 54 and found.compared["enclosed margins"] == 81
    assert found.compared["exponentials"] and found.compared["constants"] == 2


def test_a_sample_of_a_larger_network():
    """The sample is the same each time, and of the size asked for."""
    proof = mechproof.prove(BIASED)
    first, second = cross_check(proof, 8), cross_check(proof, 8)
    assert first == second and (first.inputs, first.whole) == (8, False) and "theorem" not in first.compared


@pytest.mark.parametrize("file", [SMALL, BIASED], ids=["small", "zoo"])
def test_the_second_evaluation_is_the_network(file):
    """Its logits are those of a forward pass in floats, biases and all."""
    network = one_layer_of(mechproof.prove(file).theorem.statement)
    w = {name: np.array(matrix.fractions(), dtype=float) for name, matrix in network.tensors.items()}
    second, tokens = SecondEvaluation(network), (0, 2, 1)[-network.n_ctx :]
    scores, logits = second.forward(tokens)
    x = w["W_E"][list(tokens)] + w["W_pos"]
    found = [float(mpmath.ldexp(score, 4 * second.unit)) for score in scores]
    expected = (x[-1] @ w["W_Q"] + w["b_Q"][0]) @ (x @ w["W_K"] + w["b_K"]).T
    assert np.allclose(found, expected)
    for p, row in enumerate(logits):
        after = x[-1] + (x[p] @ w["W_V"] + w["b_V"][0]) @ w["W_O"] + w["b_O"][0]
        expected = after @ w["W_U"] + w["b_U"][0]
        assert np.allclose([float(mpmath.ldexp(entry, 4 * second.unit)) for entry in row], expected)


def test_a_wrong_table_is_noticed():
    """Path tables of another network under this one's name."""
    other = mechproof.prove(DATA / "unsound_averaging" / "total_v8_k4.npz")
    tables = next(c.tables for s in other.graph.proof(other.goal) if type(c := other.graph.claim(s.claim)) is Paths)
    proof = mechproof.prove(SMALL)
    for name in ("EQKE", "EVOU"):
        changed = rewritten(proof, Paths, lambda paths, n=name: replace(paths, tables={**paths.tables, n: tables[n]}))
        with pytest.raises(Disagreement, match="differs"):
            cross_check(changed)


@pytest.mark.parametrize(
    ("function", "words"), [("exp", r"exp\(EQK"), ("sqrt", r"sqrt\(8\)")], ids=["exponential", "root"]
)
def test_a_wrong_library_function_is_noticed(monkeypatch, function, words):
    """An exponential or a root that is wrong in the thirtieth bit, in every ball."""
    proof, right = mechproof.prove(SMALL), getattr(Ball, function)
    wrong = lambda x: right(x) * (Ball.dyadic(1, 0) + Ball.dyadic(1, -30))  # noqa: E731
    monkeypatch.setattr(Ball, function, staticmethod(wrong) if function == "sqrt" else wrong)
    monkeypatch.setattr(AdditiveMargin, "enclosure", property(lambda self: MarginEnclosure(self.paths)))
    with pytest.raises(Disagreement, match=words):
        cross_check(proof)


def test_a_margin_outside_its_enclosure_is_noticed(monkeypatch):
    """A table of margins whose upper ends are too small."""
    cell = MarginEnclosure.cell

    def lowered(self: MarginEnclosure, q: int, m: int) -> Any:
        found = cell(self, q, m)
        return replace(found, base=IntervalTable(found.base.lower - (1 << 40), found.base.lower - (1 << 40)))

    proof = mechproof.prove(SMALL)
    monkeypatch.setattr(MarginEnclosure, "cell", lowered)
    with pytest.raises(Disagreement, match="outside the enclosure"):
        cross_check(proof)


def test_a_wrong_sign_is_noticed(monkeypatch):
    """A decision on one input that is the wrong way round."""
    proof, sign = mechproof.prove(SMALL), AdditiveMargin.sign
    monkeypatch.setattr(AdditiveMargin, "sign", lambda *given: -(sign(*given) or 0))
    with pytest.raises(Disagreement, match="the sign of the margin"):
        cross_check(proof)


def test_wrong_counts_and_theorems_are_noticed():
    """A cell whose sequences are all called wrong, and an accuracy or a loss a little off."""
    proof, losing = mechproof.prove(SMALL), mechproof.prove(SMALL, metric="loss")
    swapped = rewritten(proof, RightCount, lambda count: replace(count, right=count.wrong, wrong=count.right))
    with pytest.raises(Disagreement, match="whole cell"):
        cross_check(swapped)
    better = rewritten(proof, Accuracy, lambda theorem: replace(theorem, low=17, high=17))
    with pytest.raises(Disagreement, match="16 of 27 inputs right"):
        cross_check(better)
    lower = rewritten(losing, Loss, lambda theorem: replace(theorem, high=theorem.low - (1 << 40), low=0))
    with pytest.raises(Disagreement, match="a mean loss of"):
        cross_check(lower)


def test_theorems_about_float_runs_are_refused():
    """They are compared with runs, not with the real function."""
    with pytest.raises(NothingToCompare, match="float32 runs"):
        cross_check(mechproof.prove(SMALL, semantics="float32"))


def test_the_command(tmp_path, monkeypatch):
    """The transcript says what was compared and that it proves nothing; a disagreement exits 1 and writes nothing."""
    arguments = ["prove", str(SMALL), "--quiet", "--cross-check", "--out"]
    told = CliRunner().invoke(app, [*arguments, str(tmp_path / "a"), "--json"])
    assert told.exit_code == 0
    assert json.loads(told.stdout)["cross_check"]["compared"]["signs"] == 54
    assert "54 signs, 22 verdicts, 1 theorem. This proves nothing." in (tmp_path / "a" / "transcript.md").read_text()

    monkeypatch.setattr(module, "_equal", lambda *_: False)
    refused = CliRunner().invoke(app, [*arguments, str(tmp_path / "b")])
    assert isinstance(refused.exception, Disagreement) and refused.exception.exit_code == 1
    assert not (tmp_path / "b").exists()

    float_run = CliRunner().invoke(app, ["prove", str(SMALL), "--cross-check", "--semantics", "float32"])
    assert float_run.exit_code == 2

"""The story of running sums: what it shows right is right, its numbers are those of the weights, and it is told of no
other network."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest
from box_networks import layers, statement
from running_sums import summing

from mechproof.engine.formula import Formula, Table
from mechproof.engine.oracle import examine
from mechproof.engine.rule import NotEstablished
from mechproof.rewrites.enumeration import decide
from mechproof.rewrites.rules.running_mean import EQUAL
from mechproof.rewrites.running_sum_story import tell


def weights(rng: random.Random) -> dict:
    low, high = sorted(rng.randint(0, 4) for _ in range(2))
    between = [rng.choice([low, high, rng.randint(1, 5)]) or 1 for _ in range(rng.randint(0, 3))]
    return {"K": len(between), "l": low, "u": high, "w": Table(between)}


def test_the_lemma_holds_and_its_mutants_do_not() -> None:
    """True of random weights, attained, and false with a premise dropped or a relation turned round."""
    rng = random.Random(2)
    assert isinstance(EQUAL.statement, Formula)
    report = examine(EQUAL.statement, [weights(rng) for _ in range(3000)])
    assert report.holds, report.counterexample
    assert report.attained
    assert [mutant.change for mutant in report.mutants if mutant.required and not mutant.killed] == []


def test_an_exact_mean_is_right_everywhere(tmp_path: Path) -> None:
    """Equal weights and exact numbers: every input, by the story alone."""
    known = statement(summing(0, 0), "running-sum-sign", tmp_path)
    claim = tell(known, "net").claim
    assert claim.low == known.inputs and max(claim.uneven) < 2.0**-20 and max(claim.bent) < 2.0**-20


@pytest.mark.parametrize(("bend", "heat"), [(0.125, 0), (0, 0.02), (0.25, 0.01), (0.5, 0.5)])
def test_nothing_is_right_that_is_wrong(bend: float, heat: float, tmp_path: Path) -> None:
    """Less is shown the more uneven and bent it is, never more than is true; ε is that of the scores."""
    net = summing(bend, heat)
    known = statement(net, "running-sum-sign", tmp_path)
    claim = tell(known, "net").claim
    assert claim.low <= decide(known.network, known.task, loss=False).right
    scores = heat * np.array([0, 1, 2 + bend, -2, -1]) / np.sqrt(int(net[1]["scale"][7:-1]))
    assert float(max(claim.uneven)) == pytest.approx(np.expm1(scores.max() - scores.min()), rel=1e-4, abs=1e-6)
    assert heat > 0.1 or claim.low > 0


def test_random_networks(tmp_path: Path) -> None:
    """Whatever the network, the count is at most the true one."""
    for seed in range(4):
        known = statement(layers("relu", seed, 5, 3, outputs=3), "running-sum-sign", tmp_path)
        assert tell(known, "net").claim.low <= decide(known.network, known.task, loss=False).right


@pytest.mark.parametrize("kind", ["two heads, relu", "one head", "layernorm, relu", "gelu"])
def test_other_networks(kind: str, tmp_path: Path) -> None:
    """One sentence."""
    known = statement(layers(kind, 1, 5, 3, outputs=3), "running-sum-sign", tmp_path)
    with pytest.raises(NotEstablished, match="the story is of one head"):
        tell(known, "net")

"""Groups and nodes: sizes by formula against the inputs themselves, and that children part their node."""

from __future__ import annotations

import random
from typing import Any

import induction_networks as small
import pytest
from induction_networks import formula

from mechproof.engine.formula import Table
from mechproof.engine.oracle import examine
from mechproof.models.tasks.inputs import InputSet
from mechproof.rewrites.rules.induction.nodes import PARTITION, groups


def environment(rng: random.Random) -> dict[str, Any]:
    K = rng.randint(1, 3)
    return {"K": K, "p": rng.randrange(K), "T": Table([set(rng.sample(range(3), rng.randint(1, 3))) for _ in range(K)])}


def test_lemma_holds_and_its_mutants_fail():
    """True of random sets; with another relation it is false."""
    rng = random.Random(9)
    report = examine(formula(PARTITION), [environment(rng) for _ in range(200)])
    assert report.holds and all(mutant.killed for mutant in report.mutants if mutant.required)


@pytest.mark.parametrize(("condition", "tokens", "positions"), [("repeated", 5, 5), ("repeated", 4, 3), ("once", 3, 5)])
def test_groups_and_children_part_the_inputs(condition, tokens, positions):
    """Every input is in one group, and in one child of a group at each free position."""
    every = sorted(small.inputs(condition, tokens, positions))
    found = groups(InputSet((tuple(range(tokens)),) * positions, condition))
    assert sorted(tuple(row) for node in found for row in node.inputs().tolist()) == every
    for node in found:
        rows = sorted(node.inputs().tolist())
        assert all((row[node.i], row[-1], row[node.i + 1]) == (node.q, node.q, node.a) for row in rows)
        for position in node.free:
            children = list(node.children(position))
            assert sum(child.size for child in children) == node.size
            assert sorted(row for child in children for row in child.inputs().tolist()) == rows

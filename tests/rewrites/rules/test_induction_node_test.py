"""The node test: its lemma over fractions, and on small networks every margin that it shows against all inputs."""

from __future__ import annotations

import random
from dataclasses import replace
from fractions import Fraction
from functools import cached_property
from typing import Any

import induction_networks as small
import numpy as np
import pytest
from shares import shared_out

from mechproof.engine.formula import Num, Table
from mechproof.engine.oracle import examine
from mechproof.rewrites.rules.induction import grid, node_test, ratio
from mechproof.rewrites.rules.induction.form import TwoLayers
from mechproof.rewrites.rules.induction.grid import Grid
from mechproof.rewrites.rules.induction.node_test import NODE_TEST
from mechproof.rewrites.rules.induction.nodes import groups
from mechproof.rewrites.rules.induction.tables import InductionTables

STATEMENT: Any = NODE_TEST.statement


def instances() -> list[dict[str, Any]]:
    rng = random.Random(5)
    off = (0, 0, 1, 2, -4)

    def one(n: int) -> dict[str, Any]:
        falls = [Fraction(rng.randint(-1, 6), 2) for _ in range(n)]
        values = [Fraction(rng.randint(-6, 6), 2) for _ in range(n)]
        y = Fraction(rng.randint(-2, 12), 2)
        return {
            "n": n,
            "e": Table(falls),
            "x": Table(values),
            "E": Table([e + Fraction(rng.choice(off), 2) for e in falls]),
            "X": Table([x - Fraction(rng.choice(off), 2) for x in values]),
            "y": y,
            "Y": y - Fraction(rng.choice(off), 2),
        }

    return [one(rng.randint(0, 3)) for _ in range(400)]


def test_lemma_holds_and_its_mutants_fail():
    """True of random numbers; turned round it is false, and with a premise that is one weaker it is, too."""
    some = instances()
    report = examine(STATEMENT, some)
    assert report.holds and all(mutant.killed for mutant in report.mutants if mutant.required)
    inner = STATEMENT.right.right
    weaker = replace(inner, left=replace(inner.left, right=Num(-1)))
    some = [env for env in some if STATEMENT.left.value(env) and STATEMENT.right.left.value(env)]
    assert not all(weaker.value(env) for env in some)
    tight = {"n": 1, "e": Table([1]), "x": Table([-1]), "E": Table([1]), "X": Table([-1]), "y": 1, "Y": 1}
    assert not inner.left.value(tight) and not inner.right.value(tight)


CASES = [
    (1, 5, 4, "induction", 6.0, "1/sqrt(3)"),
    (2, 4, 5, "induction", 4.0, "1/2"),
    (3, 4, 4, "induction-once", 6.0, "1/sqrt(3)"),
    (4, 3, 5, "induction-once", 4.0, "1/1"),
    (5, 4, 4, "induction", 0.0, "1/sqrt(3)"),
    (6, 3, 5, "induction-once", 0.0, "1/4"),
    (9, 4, 4, "induction", 14.0, "1/1"),
]


def made(case: tuple[Any, ...], folder: Any) -> tuple[InductionTables, dict[small.Tokens, Any]]:
    seed, tokens, positions, task, sharp, scale = case
    network = small.layers(seed, tokens, positions, sharp=sharp, scale=scale)
    statement = small.statement(network, folder, task)
    found = small.inputs(statement.task.inputs.condition, tokens, positions)
    tables = InductionTables(statement, Grid.of(TwoLayers.of(statement, "test"), "test"))
    return tables, small.margins(network, found)


def shown(tables: InductionTables, node: Any, *, wide: bool) -> int:
    """The largest margin that the test shows, to one unit (all of them are tried by halving)."""
    test = tables.test(node, wide=wide)
    low, high = -(1 << 27), 1 << 27
    assert not test.holds(high)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if test.holds(middle) else (low, middle)
    return low


def faults(tables: InductionTables, margins: dict[small.Tokens, Any]) -> tuple[int, int, int]:
    """(inputs below a margin that was shown, nodes whose margin is within 2^-9 of the least, nodes)."""
    wrong = tight = nodes = 0
    bits = tables.grid.bits
    for root in groups(tables.statement.task.inputs):
        children = [child for position in root.free[:1] for child in root.children(position)]
        for node, wide in [(root, True), (root, False), *((child, False) for child in children)]:
            if not node.size:
                continue
            margin = shown(tables, node, wide=wide)
            rows = [tuple(row) for row in node.inputs().tolist()]
            wrong += sum(not small.above(margins[row], margin, bits) for row in rows)
            tight += not all(small.above(margins[row], margin + (1 << bits - 9), bits) for row in rows)
            nodes += 1
    return wrong, tight, nodes


@pytest.mark.parametrize("case", shared_out(CASES, kept=[CASES[2], CASES[6]]))
def test_margins_that_are_shown_are_true(case, tmp_path):
    """For every group, and every group with one more token fixed, with shared and with own distractors."""
    tables, margins = made(case, tmp_path)
    wrong, _, nodes = faults(tables, margins)
    assert not wrong and nodes >= 48


def test_margins_are_sharp_where_attention_is(tmp_path):
    """Of a sharp induction head the margin that is shown is the least one to 2^-9, on some nodes."""
    _, tight, _ = faults(*made(CASES[-1], tmp_path))
    assert tight > 20


share_ends, penalties, box_floor = node_test.share_ends, node_test.penalties, node_test.box_floor
least_ratio = ratio.least_ratio


def middle(*weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Shares without their width."""
    low, high = share_ends(*weights)
    both = (low + high) // 2
    return both, both


def largest_ratio(choices: Any) -> np.ndarray:
    return -least_ratio([choice._replace(values=-choice.values) for choice in choices])


def other_side(around: np.ndarray, members: Any) -> np.ndarray:
    return -box_floor(-around, [(low, high, -off) for low, high, off in members])


MUTANTS: dict[str, tuple[str, Any]] = {
    "shares without width": ("share_ends", middle),
    "penalties of half the size": ("penalties", lambda *of: penalties(*of) // 2),
    "gaps one larger": ("penalties", lambda gaps, *of: penalties(gaps + (1 << 20), *of)),
    "the largest ratio": ("least_ratio", largest_ratio),
    "the box's other side": ("box_floor", other_side),
}


@pytest.mark.parametrize("name", MUTANTS)
def test_mutants_of_the_bounds_show_what_is_false(name, tmp_path, monkeypatch):
    """With one bound turned round, some margin is shown that an input does not have."""
    monkeypatch.setattr(node_test, *MUTANTS[name])
    for number, case in enumerate(CASES[::-1]):
        folder = tmp_path / str(number)
        folder.mkdir()
        if faults(*made(case, folder))[0]:
            return
    raise AssertionError("no input contradicts the mutant")


def test_a_mutant_of_the_bound_for_any_token_before_shows_what_is_false(tmp_path, monkeypatch):
    """With the least that earlier positions write in place of the most, and nothing computed for pairs."""
    right = node_test.Distractors._highest.func  # type: ignore[attr-defined]

    def lowest(held: Any) -> Any:
        at, token = held.atoms
        return [held.written[at, token, m][:, some].min(axis=1) for m, some in enumerate(held.tokens[:-1])]

    monkeypatch.setattr(node_test.NodeTest, "penalty", node_test.NodeTest.alone)
    for name, highest in (("true", right), ("false", lowest)):
        replaced = cached_property(highest)
        replaced.__set_name__(node_test.Distractors, "_highest")
        monkeypatch.setattr(node_test.Distractors, "_highest", replaced)
        found = []
        for number, case in enumerate(CASES[1:4]):
            folder = tmp_path / f"{name}{number}"
            folder.mkdir()
            found.append(faults(*made(case, folder))[0])
        assert any(found) == (name == "false"), found


def test_margins_beyond_all_words_are_not_shown(tmp_path):
    """No test shows a margin that no grid holds: penalties of such margins once left their words, and were survived."""
    statement = small.statement(small.layers(1, 4, 4, sharp=6.0), tmp_path, "induction")
    tables = InductionTables(statement, Grid.of(TwoLayers.of(statement, "test"), "test"))
    for node in groups(statement.task.inputs)[:3]:
        test = tables.test(node, wide=True)
        assert not any(test.holds(factor << bits) for bits in range(26, 70) for factor in (1, 3, 5, 7))


def test_a_lost_penalty_is_never_survived():
    """e^{-g} is not tabulated below -4: such a key makes every node with a deficit fail, whatever the others do."""
    far = np.array([-(5 << 20)])
    assert grid.penalties(far, np.array([[1, 0, -1]]), 20).tolist() == [[grid.LOST, 0, 0]]

"""Copying wins: R15 with and without its minimum, every sequence of certified cells, and parts that do not fit."""

from __future__ import annotations

import random
from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from gap_cells import leaning, tabled, wrongly_certified
from story_claims import told

from mechproof.engine.formula import Table
from mechproof.engine.oracle import examine, fails
from mechproof.engine.rule import NotEstablished
from mechproof.rewrites.rules.attention_floor import AttentionFloorRule
from mechproof.rewrites.rules.attention_range import Reach
from mechproof.rewrites.rules.diagonal_gap import COMMON, MARGIN, CommonRows, DiagonalGap
from mechproof.rewrites.strategies.splits.story import story_gap

MARGIN_STATEMENT: Any = MARGIN.statement
COMMON_STATEMENT: Any = COMMON.statement
RULE = DiagonalGap()


def shares(rng: random.Random, n: int) -> list[Fraction]:
    """n numbers that add up to one, none negative."""
    parts = [rng.randint(0, 3) for _ in range(n)]
    parts[rng.randrange(n)] += 1
    return [Fraction(part, sum(parts)) for part in parts]


def margins(rng: random.Random) -> dict[str, Any]:
    """Weights that add up to one; the bounds are mostly met, and o is on either side of g."""
    n = rng.randint(0, 2)
    alpha, *beta = shares(rng, n + 1)
    g, o = (Fraction(rng.randint(-4, 4)) for _ in range(2))
    v = [o + rng.choice((0, 0, 0, 1, -1)) for _ in range(n)]
    floor = alpha - rng.choice((0, 0, Fraction(1, 4), alpha, Fraction(-1, 4)))
    u = g + rng.choice((0, 0, 0, 1, -1))
    return {
        "n": n, "\\alpha": alpha, "\\beta": Table(beta), "v": Table(v), "l": floor, "g": g, "o": o, "u": u,
    }  # fmt: skip


def test_lemma_of_the_margin_holds_and_its_mutants_fail():
    """True of all instances, each of the two bounds attained, and each premise needed."""
    rng = random.Random(1)
    instances = [margins(rng) for _ in range(600)]
    report = examine(MARGIN_STATEMENT, instances)
    assert report.holds and report.attained
    # one bound turned round may leave the other true; dropping the premise may not
    assert all(mutant.killed for mutant in report.mutants if "premise" in mutant.change)
    first, second, third = (
        MARGIN_STATEMENT.left.left.left,
        MARGIN_STATEMENT.left.left.right,
        MARGIN_STATEMENT.left.right,
    )
    for kept in (first & second, first & third, second & third):
        assert fails(replace(MARGIN_STATEMENT, left=kept), instances)


def test_mutants_without_the_minimum_are_refuted():
    """Where others do more for m than m itself, l g + (1 - l) o alone overstates; elsewhere g alone does."""
    better, worse = (
        {"n": 0, "\\alpha": Fraction(1), "\\beta": Table([]), "v": Table([]), "l": Fraction(0), "g": Fraction(0),
         "o": Fraction(1), "u": Fraction(0)},
        {"n": 1, "\\alpha": Fraction(1, 2), "\\beta": Table([Fraction(1, 2)]), "v": Table([Fraction(-1)]),
         "l": Fraction(1, 2), "g": Fraction(1), "o": Fraction(-1), "u": Fraction(1)},
    )  # fmt: skip
    bounds = MARGIN_STATEMENT.right
    for env, mutant in ((better, bounds.right), (worse, bounds.left)):
        assert MARGIN_STATEMENT.value(env)
        assert fails(replace(MARGIN_STATEMENT, right=mutant), [env])


def test_lemma_of_the_common_rows_holds_and_its_mutants_fail():
    """Moving rows changes nothing when weights add up to one, and does otherwise."""
    rng, instances = random.Random(2), []
    for _ in range(100):
        k = rng.randint(1, 3)
        weights = [w * rng.choice((1, 1, 1, 2)) for w in shares(rng, k)]
        numbers = {name: Fraction(rng.randint(-3, 3)) for name in "Duw"}
        tables = {name: Table([Fraction(rng.randint(-3, 3)) for _ in range(k)]) for name in "ef"}
        instances.append({"K": k, "\\alpha": Table(weights)} | numbers | tables)
    assert examine(COMMON_STATEMENT, instances).passed


def claims(net: Any) -> tuple[list[Any], CommonRows]:
    """The premises, the floor's reach chosen by the search, and the common rows."""
    bench, story = told(net)
    gap = bench.graph.claim(story_gap(bench, story))
    parts = [bench.graph.claim(claim) for claim in (story.diagonal, story.direct, story.values)]
    return [gap.attention, *parts], story.rows


@pytest.mark.parametrize("flavour", ["leaning", "float16", "eighths", "twin outputs", "cancelling paths", "huge"])
def test_certified_cells_are_right(oracle, flavour):
    """Every sequence of every certified cell, by the definition; not vacuous on networks of the kind."""
    certified = 0
    for seed in range(5):
        net = leaning(oracle, seed) if flavour == "leaning" else oracle.random_net(seed, flavour, 4, 3)
        premises, rows = claims(net)
        gap = RULE.conclude(premises, rows)
        assert not wrongly_certified(gap, net)
        certified += int(gap.certified.sum())
    assert certified or flavour != "leaning"


def ramp(oracle: Any, rng: random.Random, part: str) -> list[Any]:
    """The premises and the common rows for a network that looks at larger tokens and copies; one part is noise."""
    V, K = 3, 3

    def noise(rows: int) -> list[list[Fraction]]:
        return [[Fraction(rng.randint(-8, 8), 2) for _ in range(V)] for _ in range(rows)]

    scores = [[Fraction(2 * t) for t in range(V)] for _ in range(V)]
    copying = [[Fraction(3 * (i == j)) for j in range(V)] for i in range(V)]
    tables = {"EVOU": copying} | {part: noise(K if part == "PVOU" else V)}
    if part == "EVOU":
        tables["EVOU"] = [[x + 9 * (i == j) for j, x in enumerate(row)] for i, row in enumerate(tables["EVOU"])]
    net = tabled(oracle, V, K, EQKE=scores, **tables)
    bench, story = told(net)
    q, m, c = np.indices((V, V, K))
    reach = Reach(np.where((q < m) | ((q == m) & (m >= 1)), m - 1, -1) * (c >= 1) - (c == 0))
    paths, gap, positions = (bench.graph.claim(claim) for claim in (bench.paths, story.gap, story.positions))
    floor = AttentionFloorRule().conclude([paths, gap, positions], reach)
    parts = [bench.graph.claim(claim) for claim in (story.diagonal, story.direct, story.values)]
    return [net, story.rows, floor, *parts]


@pytest.mark.parametrize("part", ["UU", "PVOU", "EVOU"])
def test_mutants_without_one_part_are_noticed(oracle, part):
    """Forgetting the direct path, the positions or the harm of other tokens certifies wrong sequences; the rule does
    not."""
    noticed, rng = 0, random.Random(part)
    for _ in range(12):
        net, rows, floor, diagonal, direct, positions = ramp(oracle, rng, part)
        assert not wrongly_certified(RULE.conclude([floor, diagonal, direct, positions], rows), net)
        match part:
            case "UU":
                direct = replace(direct, bounds=direct.bounds - direct.bounds)
            case "PVOU":
                positions = replace(positions, bounds=positions.bounds - positions.bounds)
            case "EVOU":
                diagonal = replace(diagonal, others=diagonal.others - diagonal.others)
        noticed += bool(wrongly_certified(RULE.conclude([floor, diagonal, direct, positions], rows), net))
    assert noticed


def test_parts_that_do_not_fit_are_refused(oracle):
    """A common row left out of one table, rows exchanged, another table, another network, another meaning."""
    net = leaning(oracle, 2)
    premises, rows = claims(net)
    floor, diagonal, direct, positions = premises
    others, _ = claims(leaning(oracle, 3, net.V, net.K))
    u, w = rows.direct, rows.positions
    for wrong in (CommonRows(None, w), CommonRows(u, None), CommonRows(w, u)):
        with pytest.raises(NotEstablished, match="same words"):
            RULE.conclude(premises, wrong)
    with pytest.raises(NotEstablished, match="same words"):
        RULE.conclude([floor, diagonal, positions, direct], rows)
    with pytest.raises(NotEstablished, match="not about one network"):
        RULE.conclude([others[0], diagonal, direct, positions], rows)
    other = replace(direct, meanings=tuple((name, "0" * 64) for name, _ in direct.meanings))
    with pytest.raises(NotEstablished, match="different matrices"):
        RULE.conclude([floor, diagonal, other, positions], rows)
    with pytest.raises(NotEstablished, match="the common row is"):
        RULE.conclude(premises, CommonRows(direct.term, rows.positions))

"""S1: extremes over boxes, as a lemma over fractions and as a decision about whole cells."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

import mpmath
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shares import halved

from mechproof.engine.formula import (
    At,
    Formula,
    Max,
    Members,
    Min,
    Num,
    Range,
    Total,
    Var,
)
from mechproof.rewrites.rules.box_extremes import BOX, Cell

STATEMENT: Any = BOX.statement
BELOW, ABOVE = STATEMENT.body.left, STATEMENT.body.right

real = st.fractions(min_value=-9, max_value=9, max_denominator=9)


def environment(rows: list[list[Any]], sets: list[list[int]]) -> dict[str, Any]:
    """D(p, t) from its rows; T_p from the sets."""
    return {"K": len(rows), "D": lambda p, t: rows[p][t], "T": sets.__getitem__}


def random_environment(rng: random.Random) -> dict[str, Any]:
    positions, tokens = rng.randint(1, 3), rng.randint(1, 3)
    rows = [[rng.randint(-4, 4) for _ in range(tokens)] for _ in range(positions)]
    return environment(rows, [rng.sample(range(tokens), rng.randint(1, tokens)) for _ in range(positions)])


@settings(max_examples=100, deadline=None, derandomize=True)
@given(
    st.lists(
        st.tuples(st.lists(real, min_size=3, max_size=3), st.sets(st.integers(0, 2), min_size=1)),
        min_size=1,
        max_size=3,
    )
)
def test_lemma(rows):
    """The printed statement holds for all tables and all non-empty token sets."""
    assert STATEMENT.value(environment([row for row, _ in rows], [list(allowed) for _, allowed in rows]))


_p, _a = Var("p"), Var("a")
_positions = Range(Num(0), Var("K"))
_allowed = Members(At("T", _p, subscript=True))


def _body(left: Formula, right: Formula) -> Formula:
    return replace(STATEMENT, body=left & right)


MUTANTS: dict[str, Formula] = {
    "one unit more below": _body(replace(BELOW, left=BELOW.left + Num(1)), ABOVE),
    "one unit less above": _body(BELOW, replace(ABOVE, right=ABOVE.right - Num(1))),
    "strict below": _body(replace(BELOW, sign="<"), ABOVE),
    "strict above": _body(BELOW, replace(ABOVE, sign="<")),
    "the maximum as a lower bound": _body(
        replace(BELOW, left=Total(_p, _positions, Max(_a, _allowed, At("D", _p, _a)))), ABOVE
    ),
    "the minimum as an upper bound": _body(
        BELOW, replace(ABOVE, right=Total(_p, _positions, Min(_a, _allowed, At("D", _p, _a))))
    ),
    "another position's set": _body(
        BELOW,
        replace(ABOVE, right=Total(_p, _positions, Max(_a, Members(At("T", Num(0), subscript=True)), At("D", _p, _a)))),
    ),
    "last position dropped": _body(
        replace(BELOW, left=Total(_p, Range(Num(0), Var("K") - Num(1)), Min(_a, _allowed, At("D", _p, _a)))), ABOVE
    ),
}


@pytest.mark.parametrize("mutant", MUTANTS)
def test_mutants_are_false(mutant):
    """Each change of the statement, one unit included, is refuted: both ends are attained."""
    rng = random.Random(3)
    assert not all(MUTANTS[mutant].value(random_environment(rng)) for _ in range(150))


FLAVOURS = ["float16", "eighths", "huge", "twin outputs", "twin tokens", "uniform attention", "no unembedding"]


def largest_and_least(net: Any, q: int, m: int, x: int, unit: int) -> tuple[Any, Any]:
    """The extremes of Σ_p D over the cell by enumeration, in the cell's unit."""
    sums = [net.truth.margin(tokens, x)[0] for tokens in net.truth.members(q, m)]
    return tuple(mpmath.ldexp(value, -net.truth.places - unit) for value in (max(sums), min(sums)))


@pytest.mark.parametrize("flavour", halved(FLAVOURS, 1))
def test_cells_against_enumeration(oracle, flavour):
    """x is inactive only where it never wins, a winner only where it always does, and both whenever bounds allow."""
    seen = {"inactive": 0, "everywhere": 0, "neither": 0}
    for seed in range(6):
        net = oracle.random_net(seed, flavour)
        enclosure = net.margin().enclosure
        for q, m in net.truth.cells:
            cell = Cell(enclosure, q, m)
            table = cell.table
            widest = max(
                0,
                *((table.free.upper - table.free.lower).ravel().tolist()),
                *(table.base.upper - table.base.lower).tolist(),
            )
            winners = [net.truth.wrong.get(tokens, []) for tokens in net.truth.members(q, m)]
            everywhere = cell.wins_everywhere()
            assert m not in cell.active
            assert set(everywhere) <= set(cell.active)
            for x in range(net.V):
                if x == m:
                    continue
                largest, least = largest_and_least(net, q, m, x, table.unit)
                assert x in cell.active or not any(x in found for found in winners)
                assert x not in everywhere or all(x in found for found in winners)
                # the box test is exact up to the width of the enclosures
                assert x not in cell.active or largest >= -net.K * widest
                assert x in everywhere or least <= net.K * widest
                seen["everywhere" if x in everywhere else "neither" if x in cell.active else "inactive"] += 1
    assert seen["everywhere"] + seen["inactive"] > 0, seen


def test_the_cell_must_hold_its_maximum(oracle):
    """An x that beats m only on sequences without m is inactive: the roots, not one big box, are what is tested."""
    # token 1 at a free position makes output 0 win over 2, token 2 forbids it
    net = oracle.net(
        3, 3, 3, 3,
        W_E=[[1, 0, 0], [0, 1, 0], [0, 0, 1]], W_V=[[1, 0, 0], [0, 1, 0], [0, 0, 1]],
        W_O=[[1, 0, 0], [0, 1, 0], [0, 0, 1]], W_U=[[0, 0, 0], [1, 0, 0], [-8, -8, 0]],
    )  # fmt: skip
    cell = Cell(net.margin().enclosure, 0, 2)
    assert not any(0 in net.truth.wrong.get(tokens, []) for tokens in net.truth.members(0, 2))
    assert int(cell.table.base.upper[0]) + int(cell.table.free.upper[:, :, 0].max(axis=1).sum()) > 0
    assert 0 not in cell.active


def test_what_is_active_is_found_once(oracle):
    """The outputs that may win are kept with the enclosure, so that rules that ask again pay nothing."""
    enclosure = oracle.random_net(1, "eighths", 4, 3).margin().enclosure
    first = Cell(enclosure, 1, 3).active
    assert enclosure.active[1, 3] is first
    assert Cell(enclosure, 1, 3).active is first

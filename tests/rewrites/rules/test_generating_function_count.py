"""S2: the lemma over fractions, counts from chosen triples, and triples made to mislead."""

from __future__ import annotations

import itertools
import random
from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shares import shared_out

from mechproof.engine.arithmetic.interval import IntervalTable
from mechproof.engine.formula import At, Ceiling, Floor, Formula, Node, Num, Relation, Table
from mechproof.engine.oracle import examine
from mechproof.engine.rule import NotEstablished
from mechproof.rewrites.advice.grid_steps import choose
from mechproof.rewrites.rules.generating_function_count import (
    STEPS,
    UNION,
    GeneratingFunctionCount,
    Triple,
    Triples,
    count_wins,
)
from mechproof.rewrites.rules.margin_enclosure import CellTable

STATEMENT: Any = STEPS.statement
UP, DOWN = STATEMENT.body.left, STATEMENT.body.right

fraction = st.fractions(-6, 6, max_denominator=8)
room = st.fractions(0, 2, max_denominator=8)


def environment(rows: list[list[tuple[Any, Any, Any]]], query: tuple[Any, Any, Any], step: Any) -> dict[str, Any]:
    """Entries are (D, room below, room above)."""
    return {
        "K": len(rows),
        "T": lambda p: range(len(rows[p])),
        "D": lambda p, t: rows[p][t][0],
        "D^{-}": lambda p, t: rows[p][t][0] - rows[p][t][1],
        "D^{+}": lambda p, t: rows[p][t][0] + rows[p][t][2],
        "\\delta": step,
        "\\beta": query[0],
        "\\beta^{-}": query[0] - query[1],
        "\\beta^{+}": query[0] + query[2],
    }


def random_environment(rng: random.Random, least_room: int = 0, least_step: int = 1) -> dict[str, Any]:
    def entry() -> tuple[Any, Any, Any]:
        return Fraction(rng.randint(-6, 6), rng.choice((1, 2))), rng.randint(least_room, 1), rng.randint(least_room, 1)

    positions = rng.randint(1, 2)
    rows = [[entry() for _ in range(rng.randint(1, 2))] for _ in range(positions)]
    step = rng.choice([s for s in range(least_step, 4) if s])
    return environment(rows, entry(), Fraction(step, rng.randint(1, 2)))


entry = st.tuples(fraction, room, room)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    st.lists(st.lists(entry, min_size=2, max_size=2), min_size=1, max_size=3),
    entry,
    st.fractions(Fraction(1, 8), 4, max_denominator=8),
)
def test_lemma(rows, query, step):
    """The printed statement holds for all enclosures and steps."""
    assert STATEMENT.value(environment(rows, query, step))


def _with(up: Formula, down: Formula) -> Formula:
    return replace(STATEMENT, body=up & down)


def _swapped(node: Any, old: type[Node], new: type[Node]) -> Any:
    """The expression with every ``old`` node made a ``new`` one; entries of tables stay as they are."""
    if not isinstance(node, Node) or isinstance(node, At):
        return node
    fields = {name: _swapped(value, old, new) for name, value in vars(node).items()}
    return (new if isinstance(node, old) else type(node))(**fields)


def _more(relation: Relation, unit: int) -> Relation:
    return replace(relation, left=relation.left + Num(unit))


MUTANTS: dict[str, Formula] = {
    "upper sum one step less": _with(replace(UP, right=_more(UP.right, -1)), DOWN),
    "lower sum one step more": _with(UP, replace(DOWN, left=_more(DOWN.left, 1))),
    "upper steps rounded down": _with(replace(UP, right=_swapped(UP.right, Ceiling, Floor)), DOWN),
    "lower steps rounded up": _with(UP, replace(DOWN, left=_swapped(DOWN.left, Floor, Ceiling))),
    "upper count by the lower enclosures": _with(replace(UP, right=_swapped(DOWN.left, Floor, Ceiling)), DOWN),
    "lower count by the upper enclosures": _with(UP, replace(DOWN, left=_swapped(UP.right, Ceiling, Floor))),
    "the lower count shows a strict win": _with(UP, replace(DOWN, right=replace(DOWN.right, sign=">"))),
    "sign of the sum flipped": _with(replace(UP, left=replace(UP.left, sign="\\le")), DOWN),
}


@pytest.mark.parametrize("mutant", MUTANTS)
def test_mutants_are_false(mutant):
    """Each change of the statement, one grid step included, is refuted by some small instance."""
    rng = random.Random(6)
    assert not all(MUTANTS[mutant].value(random_environment(rng)) for _ in range(600))


@pytest.mark.parametrize("broken", [{"least_room": -2}, {"least_step": -3}])
def test_the_hypotheses_are_used(broken):
    """Without D- <= D <= D+, or with a negative step, the statement is false."""
    rng = random.Random(7)
    assert not all(STATEMENT.value(random_environment(rng, **broken)) for _ in range(300))


def random_table(
    rng: random.Random, positions: int, tokens: int, outputs: int
) -> tuple[np.ndarray, np.ndarray, CellTable]:
    """Integers D and enclosures of them, as a cell's table."""
    entries = [rng.randint(-9, 9) for _ in range((positions * tokens + 1) * outputs)]
    base, free = np.split(np.array(entries, dtype=np.int64), [outputs])
    free = free.reshape(positions, tokens, outputs)
    rooms = [rng.randint(0, 2) for _ in range(4)]
    table = CellTable(
        IntervalTable(free - rooms[0], free + rooms[1]), IntervalTable(base - rooms[2], base + rooms[3]), 0
    )
    return free, base, table


@pytest.mark.parametrize("must_hold", [False, True])
def test_polynomials_count_what_the_lemma_says(must_hold):
    """The coefficient sums are N- and N+ by enumeration, and enclose the number of wins; they meet at times."""
    rng = random.Random(8)
    met = 0
    for _ in range(150):
        positions, tokens = rng.randint(1, 3), rng.randint(2, 3)
        free, base, table = random_table(rng, positions, tokens, 1)
        shift = rng.randint(0, 2)
        low, high = count_wins(table, Triple(0, tokens - 1, 0, shift), must_hold=must_hold)
        wins = plus = minus = 0
        for tokens_chosen in itertools.product(range(tokens), repeat=positions):
            if must_hold and tokens - 1 not in tokens_chosen:
                continue
            chosen = list(enumerate(tokens_chosen))
            wins += sum(int(free[p, t, 0]) for p, t in chosen) + int(base[0]) >= 0
            up = sum(-(-Fraction(int(table.free.upper[p, t, 0]), 2**shift) // 1) for p, t in chosen)
            down = sum(Fraction(int(table.free.lower[p, t, 0]), 2**shift) // 1 for p, t in chosen)
            plus += up + Fraction(int(table.base.upper[0]), 2**shift) // 1 >= 0
            minus += down + Fraction(int(table.base.lower[0]), 2**shift) // 1 >= 0
        assert (low, high) == (minus, plus)
        assert low <= wins <= high
        met += low == wins == high
    assert met > 0


RULE = GeneratingFunctionCount()
FLAVOURS = [
    "float16", "eighths", "denormal", "huge", "tiny", "twin outputs", "twin tokens", "uniform attention",
    "no unembedding", "nearly twin outputs", "cancelling paths",
]  # fmt: skip


@pytest.mark.parametrize("seeds", shared_out([range(2), range(2, 8)], kept=[range(2)]), ids=str)
@pytest.mark.parametrize("flavour", FLAVOURS)
def test_counts_enclose_the_truth(oracle, flavour, seeds):
    """With chosen triples on a fine and on a coarse grid, every cell's counts are true."""
    for seed in seeds:
        net = oracle.random_net(seed, flavour)
        margin = net.margin()
        widths = []
        for grid in (1024, 16, 1):
            count = RULE.conclude([margin], choose(margin, grid))
            assert oracle.encloses(count, net), (seed, grid)
            widths.append(count.high - count.low)
        assert widths[0] <= widths[2]


@pytest.mark.parametrize(("V", "K"), [(1, 1), (1, 3), (2, 1), (6, 1), (6, 2), (2, 9)])
def test_edge_sizes(oracle, V, K):
    """One token, one position, two positions and many positions."""
    for seed in range(3):
        net = oracle.random_net(seed, "eighths", V, K)
        margin = net.margin()
        assert oracle.encloses(RULE.conclude([margin], choose(margin, 1024)), net)


def _each(triples: Triples, **changes: Any) -> Triples:
    return Triples(tuple(replace(t, **{name: change(t) for name, change in changes.items()}) for t in triples.triples))


def garbage(triples: Triples, V: int) -> dict[str, Triples]:
    """Advice that is refused: the reason that it is refused for is the part before the colon."""
    all_of_them = triples.triples
    return {
        "grid: a step below the unit": _each(triples, exponent=lambda t: t.exponent - 200),
        "grid: an enormous step": _each(triples, exponent=lambda t: t.exponent + 200),
        "grid steps: a step of one unit": _each(triples, exponent=lambda t: t.exponent - 28),
        "sorted: twice": Triples(tuple(t for t in all_of_them for _ in range(2))),
        "sorted: backwards": Triples(all_of_them[::-1]),
        "may win: m itself": Triples((replace(all_of_them[0], x=all_of_them[0].m),)),
        "may win: no such output": Triples((replace(all_of_them[0], x=V),)),
        "may win: counted from behind": Triples((replace(all_of_them[0], x=-1),)),
        "no cell: no such query": Triples((replace(all_of_them[0], q=V, m=V),)),
        "no cell: query above the maximum": Triples((replace(all_of_them[0], q=2, m=1),)),
        "no cell: negative": Triples((replace(all_of_them[0], q=-1, m=-1),)),
    }


@pytest.mark.parametrize("name", garbage(Triples((Triple(0, 1, 0, 0),)), 4))
def test_garbage_is_refused(oracle, name):
    """Triples off the grid, out of range, repeated or nowhere are refused, with the reason."""
    net = oracle.random_net(3, "eighths", 4, 3)
    margin = net.margin()
    advice = garbage(choose(margin, 64), 4)[name]
    with pytest.raises(NotEstablished) as caught:
        RULE.conclude([margin], advice)
    assert name.partition(":")[0] in str(caught.value)


def test_poor_triples_only_widen(oracle):
    """Missing triples and random steps give true counts; without triples nothing is shown wrong."""
    rng = random.Random(9)
    for seed in range(12):
        net = oracle.random_net(seed, rng.choice(FLAVOURS[:4]))
        margin = net.margin()
        chosen = choose(margin, 1 << 12)
        for _ in range(6):
            kept = [t for t in chosen.triples if rng.random() < 0.7]
            poor = [replace(t, exponent=t.exponent + rng.choice((0, 1, 6, 12))) for t in kept]
            assert oracle.encloses(RULE.conclude([margin], Triples(tuple(poor))), net)
        empty = RULE.conclude([margin], Triples(()))
        assert oracle.encloses(empty, net)
        assert not any(empty.wrong.values())


def test_the_certificate_form(oracle):
    """Advice is written as docs/certificate.md §2.1 says: q, m, x and the exponent of the step."""
    assert RULE.encode(Triples((Triple(1, 2, 0, -40),))) == {"triples": [[1, 2, 0, -40]]}


def tables() -> list[dict[str, Any]]:
    """All tables of two outputs over two sequences with entries -1, 0, 1, and random larger ones."""
    rng = random.Random(5)
    small = [[list(row[:2]), list(row[2:])] for row in itertools.product((-1, 0, 1), repeat=4)]
    large = [[[rng.randint(-2, 2) for _ in range(4)] for _ in range(3)] for _ in range(60)]
    return [{"V": len(rows), "N": len(rows[0]), "S": Table(rows)} for rows in (*small, *large)]


def test_union_lemma_holds_and_its_mutants_fail():
    """Wrong sequences lie between the largest and the sum of the single counts; each bound is attained and needed."""
    report = examine(UNION.statement, tables())  # type: ignore[arg-type]

    assert report.passed and len([m for m in report.mutants if m.required]) == 6

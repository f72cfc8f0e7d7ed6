"""Brute force in the additive form: the lemma over fractions, and exact counts, ties and near-ties included."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shares import halved

from mechproof.engine.formula import Exists, Formula, Num, Range, Var
from mechproof.rewrites.rules import additive_margin
from mechproof.rewrites.rules.enumeration import DECIDED, Enumeration, TooManySequences

STATEMENT: Any = DECIDED.statement
RIGHT, WRONG = STATEMENT.left, STATEMENT.right

entry = st.tuples(
    st.fractions(-6, 6, max_denominator=6), st.fractions(0, 2, max_denominator=4), st.fractions(0, 2, max_denominator=4)
)


def environment(rows: list[list[tuple[Any, Any, Any]]], m: int) -> dict[str, Any]:
    """Rows of (D, room below, room above)."""
    return {
        "K": len(rows),
        "V": len(rows[0]),
        "m": m,
        "D": lambda p, x: rows[p][x][0],
        "D^{-}": lambda p, x: rows[p][x][0] - rows[p][x][1],
        "D^{+}": lambda p, x: rows[p][x][0] + rows[p][x][2],
    }


def random_environment(rng: random.Random, least_room: int = 0) -> dict[str, Any]:
    positions, tokens = rng.randint(1, 3), rng.randint(1, 3)
    rows = [
        [(rng.randint(-2, 2), rng.randint(least_room, 1), rng.randint(least_room, 1)) for _ in range(tokens)]
        for _ in range(positions)
    ]
    return environment(rows, rng.randrange(tokens))


@settings(max_examples=120, deadline=None, derandomize=True)
@given(st.lists(st.lists(entry, min_size=3, max_size=3), min_size=1, max_size=4), st.integers(0, 2))
def test_lemma(rows, m):
    """The printed statement holds for all enclosures of all margins."""
    assert STATEMENT.value(environment(rows, m))


_everywhere = Range(Num(0), Var("V"))
MUTANTS: dict[str, Formula] = {
    "a tie shown right": replace(RIGHT, left=replace(RIGHT.left, body=replace(RIGHT.left.body, sign="\\le"))) & WRONG,
    "right by the lower ends": replace(
        RIGHT, left=replace(RIGHT.left, body=replace(RIGHT.left.body, left=WRONG.left.body.left))
    )
    & WRONG,
    "right by one output": replace(RIGHT, left=Exists(RIGHT.left.var, RIGHT.left.domain, RIGHT.left.body)) & WRONG,
    "one unit of grace": replace(RIGHT, left=replace(RIGHT.left, body=replace(RIGHT.left.body, right=Num(1)))) & WRONG,
    "wrong by the upper ends": RIGHT
    & replace(WRONG, left=replace(WRONG.left, body=replace(WRONG.left.body, left=RIGHT.left.body.left))),
    "wrong one unit early": RIGHT
    & replace(WRONG, left=replace(WRONG.left, body=replace(WRONG.left.body, right=Num(-1)))),
    "m counted as an output of its own rival": RIGHT & replace(WRONG, left=replace(WRONG.left, domain=_everywhere)),
}


@pytest.mark.parametrize("mutant", MUTANTS)
def test_mutants_are_false(mutant):
    """Each change of the statement is refuted by some small instance."""
    rng = random.Random(4)
    assert not all(MUTANTS[mutant].value(random_environment(rng)) for _ in range(400))


def test_the_ends_must_enclose():
    """Where D- <= D <= D+ fails the statement is false: the hypothesis is used."""
    rng = random.Random(5)
    assert not all(STATEMENT.value(random_environment(rng, least_room=-2)) for _ in range(200))


FLAVOURS = [
    "float16", "eighths", "denormal", "huge", "tiny", "twin outputs", "twin tokens", "uniform attention",
    "no unembedding", "nearly twin outputs", "cancelling paths",
]  # fmt: skip


@pytest.mark.parametrize("flavour", halved(FLAVOURS))
def test_counts_are_exact(oracle, flavour):
    """Cell by cell, the counts are those of the definition."""
    for seed in range(10):
        net = oracle.random_net(seed, flavour)
        assert oracle.is_exact(Enumeration().conclude([net.margin()], None), net), seed


@pytest.mark.parametrize(("V", "K"), [(1, 1), (1, 2), (1, 4), (2, 1), (6, 1), (6, 2), (2, 9)])
def test_edge_sizes(oracle, V, K):
    """One token, one position, two positions and many positions."""
    for seed in range(3):
        net = oracle.random_net(seed, "eighths", V, K)
        assert oracle.is_exact(Enumeration().conclude([net.margin()], None), net)


def test_undecided_signs_count_neither_way(oracle, monkeypatch):
    """Where the ladder ends early, sequences are left open; none is guessed."""
    monkeypatch.setattr(additive_margin, "LADDER", (2,))
    open_sequences = 0
    for seed in range(6):
        net = oracle.random_net(seed, "nearly twin outputs")
        count = Enumeration().conclude([net.margin()], None)
        assert oracle.encloses(count, net)
        open_sequences += count.high - count.low
    assert open_sequences > 0


def test_too_many_sequences_are_refused(oracle):
    """An input set beyond the limit is refused before anything is computed."""
    zero = oracle.net(2, 40, 1, 1)
    with pytest.raises(TooManySequences, match=str(2**40)):
        Enumeration().conclude([zero.margin()], None)


def test_progress_and_certificates(oracle):
    """Every cell is reported once, and no certificate may carry the rule."""
    seen: list[tuple[int, int]] = []
    net = oracle.random_net(0, "eighths", 3, 2)
    Enumeration(lambda done, cells: seen.append((done, cells))).conclude([net.margin()], None)
    assert seen == [(n, 6) for n in range(1, 7)]
    assert not Enumeration.certifiable

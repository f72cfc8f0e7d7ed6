"""Attention ranges: the lemmas over fractions, every sequence within a reach, saturation, and ranges made to lie."""

from __future__ import annotations

import itertools
import random
from dataclasses import replace
from fractions import Fraction
from typing import Any

import mpmath
import numpy as np
import pytest
from gap_cells import (
    Cell,
    attention,
    cells,
    leaning,
    members,
    random_reach,
    random_split,
    range_faults,
    room,
    tabled,
    treated,
)
from shares import halved

from mechproof.engine.arithmetic.dyadic import DyadicMatrix
from mechproof.engine.errors import MagnitudeError
from mechproof.engine.formula import Table
from mechproof.engine.oracle import examine, fails
from mechproof.engine.rule import NotEstablished
from mechproof.models.one_layer import one_layer_of
from mechproof.rewrites.rules import attention_range
from mechproof.rewrites.rules.attention_range import (
    GRID_BITS,
    PLACES,
    RANGE,
    AttentionRange,
    AttentionRangeRule,
    Reach,
)
from mechproof.rewrites.rules.row_split import TableItself
from mechproof.rewrites.rules.row_split_range import CommonRow, SplitRange

RULE = AttentionRangeRule()
ONE = 1 << GRID_BITS
RANGE_STATEMENT: Any = RANGE.statement
PLACES_STATEMENT: Any = PLACES.statement
Sizes = tuple[int, ...]


def weights(rng: random.Random) -> dict[str, Any]:
    """Positive weights; those of the others within the factors x and y more often than not."""
    n, r = rng.randint(1, 2), rng.randint(0, 2)
    x = Fraction(rng.randint(0, 4), 2)
    y = x + Fraction(rng.randint(0, 4), 2)
    e = [Fraction(rng.randint(1, 4), 2) for _ in range(r)]
    w = [entry * rng.choice((x, y, (x + y) / 2, x / 2, y * 2)) for entry in e]
    tables = {"b": Table([Fraction(rng.randint(1, 4), 2) for _ in range(n)]), "e": Table(e), "w": Table(w)}
    return {"n": n, "r": r, "x": x, "y": y} | tables


def places(rng: random.Random, least: int = 0) -> dict[str, Any]:
    rest = Fraction(rng.randint(0, 6), 2)
    return {
        "S": Fraction(rng.randint(1, 6), 2),
        "R": rest,
        "u": min(Fraction(rng.randint(least, 6), 2), rest),
        "x": Fraction(rng.randint(0, 6), 2),
    }


def test_lemma_of_the_range_holds_and_its_mutants_fail():
    """True of all instances, both bounds attained, and both needed with their premise."""
    rng = random.Random(1)
    report = examine(RANGE_STATEMENT, [weights(rng) for _ in range(300)])
    assert report.passed and len([mutant for mutant in report.mutants if mutant.required]) == 3


def test_mutants_of_the_range_with_its_ends_exchanged_or_half_a_premise():
    """The lower end takes the larger factor; each half of the premise is used by one end."""
    rng = random.Random(2)
    instances = [weights(rng) for _ in range(300)]
    exchanged = [env | {"x": env["y"], "y": env["x"]} for env in instances]
    assert fails(RANGE_STATEMENT.right, exchanged)
    for half in (RANGE_STATEMENT.left.body.left, RANGE_STATEMENT.left.body.right):
        premise = replace(RANGE_STATEMENT.left, body=half)
        assert fails(replace(RANGE_STATEMENT, left=premise), instances)
    negative = {"n": 1, "r": 1, "x": 1, "y": 2, "b": Table([Fraction(-1, 2)]), "e": Table([1]), "w": Table([1])}
    assert fails(RANGE_STATEMENT, [negative])


def test_lemma_of_the_places_holds_and_its_mutants_fail():
    """True of all instances, attained where nothing moves, and false where weight moves the other way."""
    rng = random.Random(3)
    report = examine(PLACES_STATEMENT, [places(rng) for _ in range(200)])
    assert report.passed
    assert fails(PLACES_STATEMENT, [places(rng, least=-4) | {"R": Fraction(3)} for _ in range(60)])


def itself(net: Any) -> tuple[Any, Any]:
    paths = net.margin().paths
    return paths, TableItself().conclude([paths], "EQKE")


def everything(net: Any) -> Reach:
    """Every cell with its largest reach."""
    table = np.full((net.V, net.V, net.K), -1, dtype=np.int64)
    for q, m, c in cells(net.V, net.K):
        table[q, m, c] = m - 1
    return Reach(table)


def ranges(net: Any, reach: Reach | None = None) -> AttentionRange:
    """The ranges from the exact table."""
    return RULE.conclude(list(itself(net)), reach or everything(net))


FLAVOURS = ["float16", "eighths", "denormal", "huge", "tiny", "twin tokens", "uniform attention", "cancelling paths"]


@pytest.mark.parametrize("flavour", halved(FLAVOURS, 1))
def test_every_sequence_within_reach_is_enclosed(oracle, flavour):
    """Any reach and any split: the attention of each sequence, from the definition to sixty digits, is in the range."""
    rng = random.Random(flavour)
    for seed in range(5):
        net = oracle.random_net(seed, flavour, 2 + seed % 4, 2 + seed % 2)
        paths, exact = itself(net)
        for split, share in ((exact, 1.0), (random_split(rng, paths), 1.0), (random_split(rng, paths), 0.4)):
            claim = RULE.conclude([paths, split], random_reach(rng, net.V, net.K, share))
            assert not range_faults(claim, net), seed
            assert ((claim.low == -1) == (claim.reach.table == -1)).all()
            assert (claim.low <= claim.high).all() and (claim.high <= ONE).all()


def test_the_range_is_tight(oracle):
    """Without noise, a query that is the maximum comes within a few grid units of both ends of some cell's range."""
    for seed in range(6):
        net = leaning(oracle, seed)
        claim = ranges(net)
        for cell, _ in treated(claim.reach):
            if cell[0] != cell[1]:
                claim.reach.table[cell] = -1
        below, above = room(claim, net)
        assert 0 <= below < 40 and 0 <= above < 40


@pytest.mark.parametrize("K", [2, 3, 5, 6, 7])
def test_uniform_attention_is_what_it_is(oracle, K):
    """Without scores the attention on m is the number of its copies over K, to one grid unit."""
    claim = ranges(oracle.net(3, K, 1, 1))
    for cell, _ in treated(claim.reach):
        share = Fraction((K - cell[2]) * ONE, K)
        assert claim.low[cell] <= share <= claim.high[cell]
        assert claim.high[cell] - claim.low[cell] <= 1


def extremes(paths: Any, split: Any, cell: Cell, reach: int) -> tuple[Any, Any]:
    """Both ends as the theorem states them, in grid units to sixty digits, by trying every placement."""
    q, m, c = cell
    table, bounds, scores = split.approximation.fractions(), split.bounds.fractions(), paths.tables["EQKP"].fractions()
    K = len(scores[0])
    gaps = [table[q][m] - table[q][k] for k in range(reach + 1)]

    def power(value: Fraction) -> Any:
        return mpmath.exp(
            mpmath.mpf(value.numerator) / value.denominator / mpmath.sqrt(one_layer_of(paths.statement).d_head)
        )

    with mpmath.workdps(80):
        b = [power(entry - scores[q][-1]) for entry in scores[q][:-1]]
        found = []
        for gap in (min(gaps) - bounds[q][0], max(gaps) + bounds[q][0]):
            shares = []
            for copies in itertools.combinations(range(K - 1), K - c - (q == m)):
                s = sum(b[p] for p in copies) + (q == m)
                rest = sum(b[p] for p in range(K - 1) if p not in copies) + (q != m)
                shares.append(s / (s + rest * power(-gap)))
            found.append(shares)
        return mpmath.ldexp(min(found[0]), GRID_BITS), mpmath.ldexp(max(found[1]), GRID_BITS)


def wild(oracle: Any, rng: random.Random, V: int, K: int, tokens: Sizes, positions: Sizes) -> Any:
    """Independent entries of EQKE and of EQKP, of about 2^size for any of the sizes."""

    def table(columns: int, sizes: Sizes) -> list[list[Fraction]]:
        return [[Fraction(rng.randint(-1 << 20, 1 << 20), 1 << 20) * Fraction(2) ** rng.choice(sizes)
                 for _ in range(columns)] for _ in range(V)]  # fmt: skip

    return tabled(oracle, V, K, EQKE=table(V, tokens), EQKP=table(K, positions))


SIZES = [(0,), (4, 8), (0, 10, 18), (18,), (-60, 0, 18), (19,), (20,)]
SHAPES = [(2, 3), (4, 3), (2, 6), (3, 4)]


@pytest.mark.parametrize("sizes", SIZES)
def test_scores_of_any_size_are_what_the_theorem_says(oracle, sizes):
    """Exponents up to 10^6 between tokens, saturated at both ends: within a few grid units of the theorem's ends."""
    rng = random.Random(str(sizes))
    for V, K in SHAPES:
        net = wild(oracle, rng, V, K, sizes, (0,))
        paths, exact = itself(net)
        for split in (exact, random_split(rng, paths)):
            claim = RULE.conclude([paths, split], random_reach(rng, V, K))
            assert not range_faults(claim, net)
            for cell, reach in treated(claim.reach):
                low, high = extremes(paths, split, cell, reach)
                assert low - 64 <= claim.low[cell] <= low
                assert high <= claim.high[cell] <= high + 64


@pytest.mark.parametrize("sizes", SIZES[2::2])
def test_positions_of_any_size_are_sound(oracle, sizes):
    """Positional weights that vanish beside others on their grid widen a range; it stays true."""
    rng = random.Random(str(sizes))
    for V, K in SHAPES:
        for tokens in ((0,), sizes):
            net = wild(oracle, rng, V, K, tokens, sizes)
            paths, exact = itself(net)
            for split in (exact, random_split(rng, paths)):
                claim = RULE.conclude([paths, split], random_reach(rng, V, K))
                assert not range_faults(claim, net)
                for cell, reach in treated(claim.reach):
                    low, high = extremes(paths, split, cell, reach)
                    assert claim.low[cell] <= low and high <= claim.high[cell]


@pytest.mark.parametrize("size", [24, 60, 200, 5000])
def test_scores_beyond_the_exponent_range_are_refused(oracle, size):
    """Scores above 2^21 have no exponential here, and the refusal says so."""
    net = wild(oracle, random.Random(1), 3, 3, (size,), (0,))
    with pytest.raises(MagnitudeError, match="exponential of an attention score"):
        ranges(net)


def test_noise_beyond_the_exponent_range_is_refused(oracle):
    """A bound of the noise is exponentiated like a score."""
    paths, exact = itself(oracle.random_net(0, "eighths", 3, 2))
    split = replace(exact, bounds=DyadicMatrix.from_integers(3, 1, [0, 1, 0], 60))
    with pytest.raises(MagnitudeError, match="exponential of an attention score"):
        RULE.conclude([paths, split], Reach(np.full((3, 3, 2), -1, dtype=np.int64)))


@pytest.mark.parametrize(("V", "K"), [(2, 9), (2, 7), (3, 5), (1, 1), (1, 4), (4, 1), (2, 1)])
def test_edge_sizes(oracle, V, K):
    """Many positions, one position, one token."""
    for seed in range(2):
        net = oracle.random_net(seed, "float16", V, K)
        claim = ranges(net)
        assert claim.cells == len(cells(V, K)) == V * (V + 1) // 2 * (K - 1) - (K - 1)
        assert not range_faults(claim, net)


def test_exact_extreme_mantissas(oracle):
    """Mantissas just above and below a power of two, in every role, by weights exp(n log 2 ± tiny)."""
    for offset in (-1, 0, 1):
        scores = [Fraction(round(Fraction(n) * Fraction(6931471805599453, 10**16) * 2**40) + offset, 2**40)
                  for n in (-9, -1, 0, 1, 9)]  # fmt: skip
        for seed in range(6):
            rng = random.Random(seed)
            # the root of d_head is 2 for a head of four: V + K = 4
            tables = {name: [[2 * rng.choice(scores) for _ in range(2)] for _ in range(2)] for name in ("EQKE", "EQKP")}
            net = tabled(oracle, 2, 2, **tables)
            assert not range_faults(ranges(net), net)


# What a wrong range would look like, and that the enumeration above would notice.


def test_a_range_one_step_too_small_is_noticed(oracle):
    """Ends moved inward by the room that the tight instances leave are contradicted by a sequence."""
    net = leaning(oracle, 0)
    claim = ranges(net)
    treat = claim.reach.table >= 0
    assert range_faults(replace(claim, low=np.where(treat, claim.low + 40, -1)), net)
    assert range_faults(replace(claim, high=np.where(treat, claim.high - 40, -1)), net)


def test_mutant_without_the_noise_is_noticed(oracle):
    """A split whose noise is forgotten gives ranges that some sequence leaves."""
    rng, found = random.Random(5), 0
    for seed in range(6):
        net = oracle.random_net(seed, "float16", 3, 3)
        paths = net.margin().paths
        split = random_split(rng, paths)
        forgotten = replace(split, bounds=DyadicMatrix.zero(3, 1))
        found += bool(range_faults(RULE.conclude([paths, forgotten], everything(net)), net))
    assert found > 0


def test_mutant_with_the_copies_at_the_wrong_places_is_noticed(oracle, monkeypatch):
    """Copies at the largest weights for the low end, or the query's slot taken for a free one."""
    sums = attention_range._Attention._sums
    net = oracle.random_net(3, "float16", 3, 3)
    assert not range_faults(ranges(net), net)
    monkeypatch.setattr(
        attention_range._Attention, "_sums", lambda self, q, m, c, *, fewest: sums(self, q, m, c, fewest=not fewest)
    )
    assert range_faults(ranges(net), net)
    monkeypatch.setattr(
        attention_range._Attention, "_sums", lambda self, q, m, c, *, fewest: sums(self, q, q, c, fewest=fewest)
    )
    assert range_faults(ranges(net), net)


def test_mutant_with_one_key_less_is_noticed(oracle, monkeypatch):
    """The extremes must run over all tokens up to the reach, the last included."""
    net = oracle.random_net(3, "float16", 4, 3)
    largest, least = attention_range._Attention(*itself(net))._extreme_keys
    short = tuple(np.concatenate([table[:, :1], table[:, :-1]], axis=1) for table in (largest, least))
    monkeypatch.setattr(attention_range._Attention, "_extreme_keys", short)
    assert range_faults(ranges(net), net)


def test_a_larger_reach_is_another_claim(oracle):
    """Some sequence just beyond the reach leaves the range, and the claim's identity changes with the reach."""
    net = leaning(oracle, 0)
    q, m, _ = np.indices((net.V, net.V, net.K))
    table = np.where(everything(net).table >= 0, np.where(q == m, 0, q), -1)
    claim = ranges(net, Reach(table))
    larger = replace(claim, reach=everything(net))
    assert range_faults(larger, net)
    assert claim.identity() != larger.identity()


# Refusals.


@pytest.mark.parametrize(
    ("cell", "reach"),
    [
        ((0, 1, 0), 0), ((1, 1, 0), 0), ((1, 1, 1), 1), ((1, 1, 1), 2), ((1, 1, 1), -2), ((1, 2, 1), 0),
        ((2, 1, 1), 0), ((3, 2, 1), 1), ((0, 0, 1), 0), ((0, 3, 2), 3), ((2, 3, 1), 1), ((0, 1, 1), 1 << 40),
    ],
)  # fmt: skip
def test_reaches_that_no_sequence_can_have_are_refused(oracle, cell, reach):
    """No other token, one that is no less than m, a query beyond the reach or above the maximum."""
    net = oracle.random_net(0, "eighths", 4, 3)
    table = np.full((4, 4, 3), -1, dtype=np.int64)
    table[cell] = reach
    with pytest.raises(NotEstablished, match="no sequence of it can have"):
        ranges(net, Reach(table))
    within = set(members(cell, min(reach, 3), 3))
    assert cell[2] == 0 or not within or reach >= cell[1]


def test_every_reach_that_a_sequence_can_have_is_accepted(oracle):
    """Each cell with each of its reaches, and each encloses at least one sequence."""
    net = oracle.random_net(0, "eighths", 3, 3)
    for q, m, c in cells(3, 3):
        for reach in range(0 if q == m else q, m):
            table = np.full((3, 3, 3), -1, dtype=np.int64)
            table[q, m, c] = reach
            assert ranges(net, Reach(table)).cells == 1
            assert any(True for _ in members((q, m, c), reach, 3))


@pytest.mark.parametrize(
    "table",
    [
        np.full((4, 4, 2), -1, dtype=np.int64),
        np.full((4, 3, 3), -1, dtype=np.int64),
        np.full((48,), -1, dtype=np.int64),
        np.int64(-1),
        np.full((4, 4, 3), -1.0),
        np.full((4, 4, 3), np.nan),
        np.full((4, 4, 3), -1, dtype=np.int8),
        np.full((4, 4, 3), 255, dtype=np.uint8),
        np.full((4, 4, 3), -1, dtype=object),
        np.full((4, 4, 3), "x"),
    ],
    ids=lambda table: f"{table.shape} {table.dtype}",
)
def test_tables_of_another_shape_or_type_are_refused(oracle, table):
    """The rule's own refusal, not numpy's."""
    with pytest.raises(NotEstablished, match="the reach is a table of shape"):
        ranges(oracle.random_net(0, "eighths", 4, 3), Reach(table))


def test_splits_of_something_else_are_refused(oracle):
    """Another table, another network, a common row in place of a table, bounds by column, a table of another size."""
    net, other = (oracle.random_net(seed, "eighths", 4, 3) for seed in (0, 1))
    paths, exact = itself(net)
    for split in (TableItself().conclude([paths], "UU"), itself(other)[1]):
        with pytest.raises(NotEstablished, match="not of EQKE of the same network"):
            RULE.conclude([paths, split], everything(net))
    for split in (
        SplitRange().conclude([paths], CommonRow("EQKE", None, "rows")),
        replace(exact, bounds=DyadicMatrix.zero(4, 4)),
        replace(exact, approximation=DyadicMatrix.zero(5, 5)),
        replace(exact, bounds=DyadicMatrix.zero(3, 1)),
    ):
        with pytest.raises(NotEstablished, match="a whole table and one bound a row"):
            RULE.conclude([paths, split], everything(net))


def test_the_certificate_form(oracle):
    """The claim says how many cells it has."""
    table = np.array([[[-1, -1], [-1, 0]], [[-1, -1], [-1, 0]]])
    claim = ranges(oracle.random_net(0, "eighths", 2, 2), Reach(table))
    assert claim.conclusion() == {"kind": "attention_range", "cells": 2}
    assert claim.sentence().startswith("For 2 treated")
    assert attention(oracle.net(2, 2, 1, 1), (0, 1)) == mpmath.mpf(1) / 2

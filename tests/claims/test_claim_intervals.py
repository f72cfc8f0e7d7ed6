"""Interval matrices against fractions: exact stays exact, everything else encloses."""

from __future__ import annotations

import random
from fractions import Fraction

import pytest
from fraction_matrix import FractionMatrix

from mechproof.claims.intervals import IntervalMatrix, NotPositive, ShapesDiffer, root_above
from mechproof.engine.arithmetic.verdict import Verdict

SEEDS = range(12)


def drawn(rng: random.Random, rows: int, columns: int, width: int) -> tuple[IntervalMatrix, FractionMatrix]:
    """A matrix of fractions over 1, 2, 3 or 7, and an enclosure that is ``width`` wide at most."""
    scale = Fraction(1, rng.choice([1, 2, 3, 7]))
    values = [rng.randint(-9, 9) for _ in range(rows * columns)]
    lower = [value - rng.randint(0, width) for value in values]
    upper = [value + rng.randint(0, width) for value in values]
    truth = tuple(tuple(scale * v for v in values[i * columns : (i + 1) * columns]) for i in range(rows))
    return IntervalMatrix.between((rows, columns), lower, upper, scale), FractionMatrix(truth)


def encloses(interval: IntervalMatrix, truth: FractionMatrix) -> bool:
    assert interval.shape == (len(truth.rows), len(truth.rows[0]))
    bounds = [(interval.bounds(i, j), value) for i, row in enumerate(truth.rows) for j, value in enumerate(row)]
    return all(low <= value <= high for (low, high), value in bounds)


@pytest.mark.parametrize("width", [0, 2])
@pytest.mark.parametrize("seed", SEEDS)
def test_arithmetic_encloses_and_exact_stays_exact(seed, width):
    """+, -, @, transpose, rows and coarsening, against the same operations on fractions."""
    rng = random.Random(seed)
    (a, x), (b, y), (c, z) = drawn(rng, 3, 2, width), drawn(rng, 3, 2, width), drawn(rng, 2, 4, width)
    pairs = [(a + b, x + y), (a - b, x - y), (a @ c, x @ z), ((a - b) @ c, (x - y) @ z)]
    pairs += [(a.T, x.T), (a.row(1), x.row(1))]
    for interval, truth in pairs:
        assert encloses(interval, truth)
        assert encloses(interval.coarsened(3), truth)
        assert width or interval.exact


@pytest.mark.parametrize("width", [0, 2])
@pytest.mark.parametrize("seed", SEEDS)
def test_entries_enclose(seed, width):
    """Absolute values, products entry by entry, and extremes and sums of rows."""
    rng = random.Random(seed)
    (a, x), (b, y) = drawn(rng, 3, 4, width), drawn(rng, 3, 4, width)
    products = tuple(tuple(v * w for v, w in zip(r, s, strict=True)) for r, s in zip(x.rows, y.rows, strict=True))
    assert encloses(a * b, FractionMatrix(products))
    assert encloses(a.abs(), FractionMatrix(tuple(tuple(map(abs, row)) for row in x.rows)))
    for reduce in (max, min, sum):
        assert encloses(a.rowwise(reduce), FractionMatrix(tuple((Fraction(reduce(row)),) for row in x.rows)))


def test_an_axis_of_length_one_is_stretched_and_others_must_agree():
    """A row is taken from every row, a column from every column; other shapes are an error with both."""
    rng = random.Random(5)
    (a, x), (row, r), (column, c) = drawn(rng, 3, 3, 0), drawn(rng, 1, 3, 0), drawn(rng, 3, 1, 0)
    ones = FractionMatrix.ones(3)
    assert encloses(a - row, x - ones @ r) and encloses(a - column, x - c @ ones.T)
    with pytest.raises(ShapesDiffer) as caught:
        _ = a + drawn(rng, 2, 3, 0)[0]
    assert caught.value.shapes == ((3, 3), (2, 3))
    with pytest.raises(ShapesDiffer):
        _ = a @ row


@pytest.mark.parametrize("value", [Fraction(2), Fraction(9, 4), Fraction(1, 3), Fraction(0), Fraction(10**40 + 1)])
def test_square_roots(value):
    """Exact where rational; else between neighbours of the grid."""
    root = IntervalMatrix.number(value).sqrt(30)
    low, high = root.bounds()
    assert low**2 <= value <= high**2 and high - low <= Fraction(1, 1 << 30)
    assert root.exact == (value in (0, Fraction(9, 4)))
    assert root_above(value, 30) == high or root.exact


def test_what_is_not_defined_is_refused():
    """Division by what may be zero, and roots of what may be negative; certain and possible are told apart."""
    zero, maybe = IntervalMatrix.number(Fraction(0)), IntervalMatrix.interval(Fraction(-1), Fraction(1))
    for divisor in (zero, maybe):
        with pytest.raises(NotPositive) as caught:
            IntervalMatrix.number(Fraction(1)).over(divisor, 10)
        assert caught.value.certain == divisor.exact
    with pytest.raises(NotPositive) as caught:
        maybe.sqrt(10)
    assert not caught.value.certain


def test_division_encloses():
    """By an exact number exactly; by an interval between the quotients with its ends."""
    one = IntervalMatrix.number(Fraction(1))
    assert one.over(IntervalMatrix.number(Fraction(-3)), 10).bounds() == (Fraction(-1, 3), Fraction(-1, 3))
    low, high = one.over(IntervalMatrix.interval(Fraction(2), Fraction(3)), 20).bounds()
    assert low <= Fraction(1, 3) and Fraction(1, 2) <= high and high - low < Fraction(1, 6) + Fraction(1, 1 << 18)


@pytest.mark.parametrize("relation", ["<=", "<", ">=", ">", "=", "!="])
@pytest.mark.parametrize("ends", [(-2, -1), (-1, 0), (0, 0), (0, 1), (1, 1), (-1, 1)])
def test_a_comparison_is_decided_only_if_every_member_agrees(relation, ends):
    """TRUE if all numbers between the ends satisfy it, FALSE if none does, else UNDECIDED."""
    holds = {
        "<=": lambda x: x <= 0, "<": lambda x: x < 0, ">=": lambda x: x >= 0,
        ">": lambda x: x > 0, "=": lambda x: x == 0, "!=": lambda x: x != 0,
    }[relation]  # fmt: skip
    members = {Fraction(ends[0]), Fraction(ends[1]), Fraction(sum(ends), 2)}
    found = {holds(x) for x in members}
    expected = Verdict.UNDECIDED if len(found) == 2 else Verdict.TRUE if found == {True} else Verdict.FALSE
    assert IntervalMatrix.interval(Fraction(ends[0]), Fraction(ends[1])).compare(relation) == [expected]

"""Matrices of intervals: exact values stay exact, enclosures contain every product of their members, and are narrow."""

from __future__ import annotations

import itertools
import operator
import random
import tracemalloc
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import pytest

from mechproof.engine.checker.budget import Budget
from mechproof.engine.checker.claims import matrix as claim_matrix
from mechproof.engine.checker.claims.functions import MATRIX_FUNCTIONS
from mechproof.engine.checker.claims.matrix import Arithmetic, Intervals, between, exactly, number, root
from mechproof.engine.checker.errors import Failure

Grid = list[list[Fraction]]


def arithmetic(bits: int = 64, steps: int = 10**9) -> Arithmetic:
    return Arithmetic(Budget(steps), bits)


def refusal(action: Callable[[], Any]) -> str:
    """The code of the failure."""
    with pytest.raises(Failure) as failure:
        action()
    return failure.value.code.name


def grid(rows: Any, scale: Fraction) -> Grid:
    return [[v * scale for v in row] for row in rows]


def random_value(rng: random.Random, height: int, width: int, exact: bool) -> Intervals:
    """Entries around zero; intervals of some width when not exact."""
    lower = tuple(tuple(rng.randint(-9, 9) for _ in range(width)) for _ in range(height))
    scale = Fraction(rng.randint(1, 5), rng.randint(1, 7))
    if exact:
        return exactly(lower, scale)
    return Intervals(lower, tuple(tuple(v + rng.randint(0, 3) for v in row) for row in lower), scale)


def member(rng: random.Random, value: Intervals) -> Grid:
    """A matrix in the intervals, often at their ends."""
    ends = zip(grid(value.lower, value.scale), grid(value.upper, value.scale), strict=True)
    parts = [Fraction(0), Fraction(1, 3), Fraction(1)]
    return [[low + rng.choice(parts) * (high - low) for low, high in zip(*rows, strict=True)] for rows in ends]


def contains(value: Intervals, truth: Grid) -> bool:
    low, high = grid(value.lower, value.scale), grid(value.upper, value.scale)
    rows = zip(low, truth, high, strict=True)
    return all(a <= v <= b for row in rows for a, v, b in zip(*row, strict=True))


def stretched(a: Grid, height: int, width: int) -> Grid:
    return [[row[j if len(row) > 1 else 0] for j in range(width)] for row in (a * height if len(a) == 1 else a)]


def entrywise(operation: Any) -> Callable[[Grid, Grid], Grid]:
    def found(a: Grid, b: Grid) -> Grid:
        height, width = max(len(a), len(b)), max(len(a[0]), len(b[0]))
        pairs = zip(stretched(a, height, width), stretched(b, height, width), strict=True)
        return [[operation(x, y) for x, y in zip(*rows, strict=True)] for rows in pairs]

    return found


def matmul(a: Grid, b: Grid) -> Grid:
    return [[sum((x * y for x, y in zip(r, c, strict=True)), Fraction(0)) for c in zip(*b, strict=True)] for r in a]


OPERATIONS: dict[str, Callable[[Grid, Grid], Grid]] = {
    "add": entrywise(operator.add),
    "subtract": entrywise(operator.sub),
    "multiply": entrywise(operator.mul),
    "product": matmul,
}
SHAPES = [((2, 3), (2, 3)), ((2, 1), (1, 3)), ((1, 1), (2, 2)), ((3, 2), (1, 2))]


@pytest.mark.parametrize("name", OPERATIONS)
@pytest.mark.parametrize("kinds", list(itertools.product([True, False], repeat=2)))
def test_operations(name: str, kinds: tuple[bool, bool]) -> None:
    """Every member is enclosed; what is exact comes out exact, and its value is that of fractions."""
    rng = random.Random(1)
    for shapes in SHAPES if name != "product" else [((2, 3), (3, 2)), ((1, 2), (2, 1))]:
        for _ in range(10):
            a, b = (random_value(rng, *shape, exact) for shape, exact in zip(shapes, kinds, strict=True))
            found = getattr(arithmetic(), name)(a, b)
            assert found.exact == all(kinds)
            for _ in range(20):
                truth = OPERATIONS[name](member(rng, a), member(rng, b))
                assert contains(found, truth)
                assert not found.exact or truth == grid(found.lower, found.scale)


@pytest.mark.parametrize("name", OPERATIONS)
def test_operations_are_narrow(name: str) -> None:
    """Without rounding both ends are attained by members, at ends of the arguments."""
    a, b = Intervals(((1, -2),), ((2, 1),), Fraction(1)), Intervals(((-1,), (3,)), ((2,), (4,)), Fraction(1, 2))
    ends = [[x, y] for x in (1, 2) for y in (-2, 1)], [[x, y] for x in (-1, 2) for y in (3, 4)]
    pairs = [
        ([[Fraction(v) for v in one]], [[Fraction(v, 2)] for v in other]) for one, other in itertools.product(*ends)
    ]
    truths = [OPERATIONS[name](*pair) for pair in pairs]
    found = getattr(arithmetic(), name)(a, b)
    for i, j in itertools.product(range(len(truths[0])), range(len(truths[0][0]))):
        entries = [truth[i][j] for truth in truths]
        assert (found.lower[i][j] * found.scale, found.upper[i][j] * found.scale) == (min(entries), max(entries))


def test_rounding_goes_outward() -> None:
    """To multiples of 2^-(b+32), by less than one of them on either side; never for exact or coarser values."""
    own = arithmetic(8)
    third = Intervals(((-1, 1),), ((-1, 2),), Fraction(1, 3))
    found = own.rounded(third)
    assert found.scale == Fraction(1, 1 << 40)
    assert contains(found, [[Fraction(-1, 3), Fraction(2, 3)]])
    for rows, truth in ((found.lower, (-1, 1)), (found.upper, (-1, 2))):
        assert all(0 < abs(v * found.scale - Fraction(t, 3)) < found.scale for v, t in zip(rows[0], truth, strict=True))
    assert own.rounded(exactly(third.lower, third.scale)).scale == Fraction(1, 3)
    assert own.rounded(third._replace(scale=Fraction(5, 8))).scale == Fraction(5, 8)


@pytest.mark.parametrize(("low", "high"), [(2, 4), (-4, -2), (3, 3), (-5, -5)])
def test_reciprocals(low: int, high: int) -> None:
    """1/d runs between the reciprocals of the ends, exactly."""
    own, scale = arithmetic(), Fraction(3, 7)
    value = exactly(((low,),), scale) if low == high else Intervals(((low,),), ((high,),), scale)
    found = own.reciprocal(value)
    assert (found.lower[0][0] * found.scale, found.upper[0][0] * found.scale) == (1 / (high * scale), 1 / (low * scale))
    assert found.exact == (low == high)


def test_no_division_by_what_may_be_zero() -> None:
    """Not by an interval that holds 0, at an end or inside, nor by a matrix with such an entry."""
    own = arithmetic()
    for low, high in ((0, 1), (-1, 0), (-1, 1), (0, 0)):
        assert (
            refusal(lambda low=low, high=high: own.reciprocal(Intervals(((low,),), ((high,),), Fraction(1)))) == "E293"
        )
        matrix = Intervals(((5, low),), ((6, high),), Fraction(1))
        assert refusal(lambda matrix=matrix: own.quotient(number(Fraction(1)), matrix)) == "E293"


def test_quotients_entry_by_entry() -> None:
    """The hull of the quotients of the ends, rounded outward to the unit; a column and a row stretch."""
    own = arithmetic()
    over = Intervals(((3,), (-7,)), ((4,), (2,)), Fraction(1, 5))
    under = Intervals(((2, -9),), ((3, -4),), Fraction(3))
    found = own.quotient(over, under)
    for i in range(2):
        for j in range(2):
            values = [
                Fraction(x[i][0], 5) / (3 * y[0][j])
                for x in (over.lower, over.upper)
                for y in (under.lower, under.upper)
            ]
            low, high = found.lower[i][j] * found.scale, found.upper[i][j] * found.scale
            assert min(values) - own.unit < low <= min(values) <= max(values) <= high < max(values) + own.unit


@pytest.mark.parametrize("exponent", [-3, -2, -1, 0, 1, 2, 3, 4])
@pytest.mark.parametrize(("low", "high"), [(2, 3), (-3, -2), (-3, 2), (-2, 3), (5, 5)])
def test_powers(exponent: int, low: int, high: int) -> None:
    """The hull of the powers of all members: of the ends, and of 0 when it is inside and the power even."""
    own = arithmetic()
    value = number(Fraction(low, 2)) if low == high else Intervals(((low,),), ((high,),), Fraction(1, 2))
    if exponent < 0 and low < 0 < high:
        assert refusal(lambda: own.power(value, exponent)) == "E293"
        return
    found = own.power(value, exponent)
    members = [Fraction(low, 2) + Fraction(k, 20) * (high - low) for k in range(11)]
    members += [Fraction(0)] if low < 0 < high and exponent else []
    powers = [member**exponent for member in members]
    ends = found.lower[0][0] * found.scale, found.upper[0][0] * found.scale
    unit = own.unit
    assert min(powers) - unit <= ends[0] <= min(powers) <= max(powers) <= ends[1] <= max(powers) + unit
    beside = Intervals(((low, 1),), ((high, 2),), Fraction(1, 2))
    both = own.power(beside, exponent)
    assert abs(both.lower[0][0] * both.scale - ends[0]) <= own.unit
    assert abs(both.upper[0][0] * both.scale - ends[1]) <= own.unit


def test_roots() -> None:
    """Exact for squares of rationals; else below and above, with a relative width of 2^-bits, far from 1 as well."""
    for value in (Fraction(0), Fraction(9, 4), Fraction(1, 49), Fraction(10) ** 400):
        assert root(value, 8) == (root(value, 8)[0],) * 2
        assert root(value, 8)[0] ** 2 == value
    for value in (Fraction(2), Fraction(8, 9), Fraction(2, 10**90), Fraction(10) ** 91):
        for bits in (4, 100):
            low, high = root(value, bits)
            assert low**2 < value < high**2
            assert high <= low * (1 + Fraction(1, 2**bits))
    own = arithmetic(16)
    found = own.root(Intervals(((2,),), ((9,),), Fraction(1)))
    assert contains(found, [[Fraction(141421357, 10**8)]])
    assert contains(found, [[Fraction(3)]])
    assert found.upper[0][0] * found.scale == 3
    assert own.root(number(Fraction(9, 4))) == number(Fraction(3, 2))
    assert refusal(lambda: own.root(Intervals(((-1,),), ((1,),), Fraction(1)))) == "E293"
    beside = own.root(exactly(((4, 2),), Fraction(1, 9)))
    assert (beside.lower[0][0] * beside.scale, beside.upper[0][0] * beside.scale) == (Fraction(2, 3), Fraction(2, 3))
    assert (beside.lower[0][1] * beside.scale) ** 2 < Fraction(2, 9) < (beside.upper[0][1] * beside.scale) ** 2


def test_between() -> None:
    """Equal ends are an exact number."""
    assert between(Fraction(1, 3), Fraction(1, 3)).exact
    found = between(Fraction(1, 3), Fraction(1, 2))
    assert (found.lower, found.upper, found.scale) == (((2,),), ((3,),), Fraction(1, 6))


@pytest.mark.parametrize("name", ["add", "multiply"])
@pytest.mark.parametrize("shapes", [((2, 2), (3, 2)), ((2, 2), (2, 3)), ((2, 1), (3, 3))])
def test_shapes_that_do_not_fit(name: str, shapes: Any) -> None:
    """Only sides of length 1 are stretched."""
    a, b = (random_value(random.Random(0), height, width, True) for height, width in shapes)
    assert refusal(lambda: getattr(arithmetic(), name)(a, b)) == "E252"


def test_inner_sizes_must_agree() -> None:
    """A product needs them."""
    a = random_value(random.Random(0), 2, 2, True)
    assert refusal(lambda: arithmetic().product(a, exactly(((1, 1),)))) == "E252"


def test_nothing_large_is_begun(monkeypatch: pytest.MonkeyPatch) -> None:
    """An outer product, or a power, beyond the budget or the limit on sizes is refused before it is computed."""
    column, row = exactly(((1,),) * 1500), exactly(((1,) * 1500,))
    for name in ("product", "multiply", "add"):
        assert refusal(lambda name=name: getattr(arithmetic(steps=10**5), name)(column, row)) == "E242"
    own = arithmetic(steps=10**12)
    large = own.power(number(Fraction(2) ** 1328), 9999)
    assert refusal(lambda: own.power(own.power(large, 9999), 9999)) == "E243"
    monkeypatch.setattr(claim_matrix, "MAX_VALUE_BITS", 1 << 24)
    for name in ("product", "multiply", "add"):
        assert refusal(lambda name=name: getattr(own, name)(column, row)) == "E243"


def entries(a: Grid) -> list[Fraction]:
    return [v for row in a for v in row]


FUNCTIONS: dict[str, Callable[[Grid], Grid]] = {
    "abs": lambda a: [[abs(v) for v in row] for row in a],
    "max": lambda a: [[max(entries(a))]],
    "min": lambda a: [[min(entries(a))]],
    "range": lambda a: [[max(entries(a)) - min(entries(a))]],
    "sum": lambda a: [[sum(entries(a), Fraction(0))]],
    "mean": lambda a: [[sum(entries(a), Fraction(0)) / len(entries(a))]],
    "row_max": lambda a: [[max(row)] for row in a],
    "row_min": lambda a: [[min(row)] for row in a],
    "row_range": lambda a: [[max(row) - min(row)] for row in a],
    "row_sum": lambda a: [[sum(row, Fraction(0))] for row in a],
    "row_mean": lambda a: [[sum(row, Fraction(0)) / len(row)] for row in a],
    "mean_over_rows": lambda a: [[sum(column, Fraction(0)) / len(a) for column in zip(*a, strict=True)]],
    "row_difference": lambda a: [[max(max(row) - min(row) for row in a)]],
    "transpose": lambda a: [list(column) for column in zip(*a, strict=True)],
    "diagonal": lambda a: [[row[i]] for i, row in enumerate(a)],
    "diagonal_margin": lambda a: [[min(row[i] - max(row[:i] + row[i + 1 :]) for i, row in enumerate(a))]],
}


def test_all_functions_are_here() -> None:
    """A function of the language without a reference would go untested."""
    assert FUNCTIONS.keys() == MATRIX_FUNCTIONS.keys()


@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions(name: str) -> None:
    """Exact matrices give exact values; of intervals every member's value is enclosed, and both ends are attained."""
    rng = random.Random(2)
    square = name.startswith("diagonal")
    for _ in range(30):
        width = rng.randint(2, 3)
        height = width if square else rng.randint(1, 3)
        exact = random_value(rng, height, width, True)
        found = MATRIX_FUNCTIONS[name](exact)
        assert found.exact
        assert grid(found.lower, found.scale) == FUNCTIONS[name](grid(exact.lower, exact.scale))
        loose = random_value(rng, height, width, False)
        found = MATRIX_FUNCTIONS[name](loose)
        truths = [FUNCTIONS[name](member(rng, loose)) for _ in range(30)]
        assert all(contains(found, truth) for truth in truths)
    loose = Intervals(((2, -5), (-4, 1)), ((4, 1), (-3, 6)), Fraction(1))
    corners = itertools.product(
        *(
            [Fraction(v) for v in {*ends, *({0} if ends[0] < 0 < ends[1] else {})}]
            for ends in zip(
                entries(grid(loose.lower, loose.scale)), entries(grid(loose.upper, loose.scale)), strict=True
            )
        )
    )
    truths = [FUNCTIONS[name]([[a, b], [c, d]]) for a, b, c, d in corners]
    found = MATRIX_FUNCTIONS[name](loose)
    for i, j in itertools.product(range(len(truths[0])), range(len(truths[0][0]))):
        values = [truth[i][j] for truth in truths]
        assert (found.lower[i][j] * found.scale, found.upper[i][j] * found.scale) == (min(values), max(values)), name


def test_a_diagonal_ends_where_the_matrix_does() -> None:
    """Wide or tall; a margin is of square matrices with another entry in each row."""
    assert MATRIX_FUNCTIONS["diagonal"](exactly(((1, 2),))).lower == ((1,),)
    assert MATRIX_FUNCTIONS["diagonal"](exactly(((1, 2), (3, 4), (5, 6)))).lower == ((1,), (4,))
    for rows in (((1, 2),), ((1,),)):
        assert refusal(lambda rows=rows: MATRIX_FUNCTIONS["diagonal_margin"](exactly(rows))) == "E252"


def test_ranges_are_never_negative() -> None:
    """Overlapping intervals leave a range of at least 0."""
    assert MATRIX_FUNCTIONS["row_range"](Intervals(((0, 0),), ((3, 3),), Fraction(1))).lower == ((0,),)


def test_a_product_of_intervals_holds_one_sum_at_a_time() -> None:
    """A row of long entries times a matrix: the products of a whole row of the result are not there together."""
    long, size = 1 << 20000, 100
    row = tuple(long + i for i in range(size))
    a = Intervals((row,), (tuple(v + 1 for v in row),), Fraction(1))
    square = tuple(tuple(range(i, i + size)) for i in range(1 << 1000, (1 << 1000) + size))
    b = Intervals(square, tuple(tuple(v + 1 for v in own) for own in square), Fraction(1))
    tracemalloc.start()
    try:
        found = arithmetic().product(a, b)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert found.shape == (1, size) and peak < 8 << 20

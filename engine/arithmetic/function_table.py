"""Real functions on whole arrays of fixed-point numbers: Taylor polynomials on a table of cells, with a proved error.

A table holds a function f on [start, stop), cut into cells of width 2^-cell_bits; a cell c has the Taylor coefficients
c_0 … c_4 of f at its middle.  For x in the cell and t = x - middle, |t| <= T = 2^-(cell_bits + 1),

    f(x) = c_0 + t(c_1 + t(c_2 + t(c_3 + t c_4))) + R,    |R| <= T^5 · sup_cell |f^(5)|/120        (Lagrange's
    remainder).

Coefficients and the supremum are enclosed by Arb's power series, once at the middle and once over the whole cell; the
largest |R| of all cells is rounded up.  Arguments are integers in units of 2^-INPUT, values integers in units of
2^-OUTPUT; c_j is rounded to units u_j = 2^(j·cell_bits - OUTPUT), since it is multiplied by t^j.  With half a unit for
each rounded coefficient and half a unit for each rounded shift, Horner's scheme errs at step j by at most

    E_4 = 1/2,    E_j = E_(j+1)·u_(j+1)·T/u_j + 1/2 + 1/2 = E_(j+1)/2 + 1 < 2 units u_j,

so |value - 2^OUTPUT f(x)| <= 2 + ⌈2^OUTPUT max |R|⌉ = ``error``.  With coefficients of at most L units each the
intermediate sums are at most 2L + 2, and |t| <= 2^(INPUT - cell_bits - 1): no product leaves 62 bits if
(L + 1)·2^(INPUT - cell_bits) does not, which is checked for all coefficients that are multiplied.

>>> import numpy as np
>>> half = np.array([1 << INPUT - 1])
>>> value = int(exp_falling().at(half)[0])                      # exp(-1/2) = 0.60653065971…
>>> abs(value * 10**9 >> OUTPUT) - 606530659 in (-1, 0), exp_falling().error
(True, 3)
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np
from flint import arb, arb_series, fmpz

from ..errors import MagnitudeError
from .ball import precision

INPUT, OUTPUT = 34, 40  # bits behind the point of arguments and of values
DEGREE = 4
_SERIES_BITS = 96
Function = Callable[[arb_series], arb_series]


@dataclass(frozen=True, eq=False)
class FunctionTable:
    """f on [start, stop) (integers, in units of 1); ``coefficients``: (DEGREE + 1) × cells; see the module."""

    start: int
    stop: int
    cell_bits: int
    coefficients: np.ndarray
    error: int
    steepest_fall: int  # -f' is at most this many units of 2^-OUTPUT on [start, stop), and at least zero

    def at(self, x: np.ndarray) -> np.ndarray:
        """2^OUTPUT f(2^-INPUT x) up to ``error``; every entry of x must lie in the table's range (ValueError)."""
        if x.size and (int(x.min()) < self.start << INPUT or int(x.max()) >= self.stop << INPUT):
            raise ValueError("an argument outside of the table")
        width = INPUT - self.cell_bits
        offset = x - (self.start << INPUT)
        cell = offset >> width
        t = (offset & ((1 << width) - 1)) - (1 << width - 1)
        half = 1 << width - 1
        value = self.coefficients[DEGREE][cell]
        for coefficient in self.coefficients[DEGREE - 1 :: -1]:
            value *= t
            value += half
            value >>= width
            value += coefficient[cell]
        return value


@dataclass(frozen=True, eq=False)
class FallingTable:
    """A function f >= 0 on [0, ∞) that does not increase behind ``stop``: there 0 <= f <= f(stop) <= ``tail`` units."""

    table: FunctionTable
    tail: int

    @property
    def error(self) -> int:
        """|value - f| is at most this, everywhere, in units of 2^-OUTPUT."""
        return max(self.table.error, self.tail)

    def at(self, x: np.ndarray) -> np.ndarray:
        """2^OUTPUT f(2^-INPUT x) up to ``error``, for x >= 0 of any size."""
        stop = self.table.stop << INPUT
        return np.where(x >= stop, 0, self.table.at(np.minimum(x, stop - 1)))


def function_table(f: Function, start: int, stop: int, cell_bits: int) -> FunctionTable:
    """The table of f on [start, stop); raises :class:`MagnitudeError` where f is not smooth or too large for it."""
    if cell_bits < 1 or cell_bits >= INPUT:
        raise ValueError(f"cells of width 2^-{cell_bits}")
    cells = (stop - start) << cell_bits
    coefficients = np.empty((DEGREE + 1, cells), dtype=np.int64)
    remainder, fall = arb(0), arb(0)
    with precision(_SERIES_BITS):
        radius = arb((fmpz(1), fmpz(-cell_bits - 1)))
        for cell in range(cells):
            middle = arb((fmpz(2 * ((start << cell_bits) + cell) + 1), fmpz(-cell_bits - 1)))
            at_middle = f(arb_series([middle, 1], prec=DEGREE + 1))
            over_cell = f(arb_series([middle + radius * arb(0, 1), 1], prec=DEGREE + 2))
            for power in range(DEGREE + 1):
                coefficients[power, cell] = _nearest(at_middle[power], OUTPUT - power * cell_bits)
            remainder = remainder.max(over_cell[DEGREE + 1].abs_upper())
            fall = fall.max(-over_cell[1].lower())
        error = 2 + ceil_units(remainder * radius ** (DEGREE + 1))
    largest = int(np.abs(coefficients[1:]).max())
    if (largest + 1) << INPUT - cell_bits >= 1 << 62:
        raise MagnitudeError("a coefficient of a table of a function", "62 bits")
    return FunctionTable(start, stop, cell_bits, coefficients, error, ceil_units(fall))


def _nearest(value: arb, bits: int) -> int:
    """value·2^bits to the nearest integer, at most half a unit and 2^-10 away (``error`` has room for that)."""
    units = value * arb((fmpz(1), fmpz(bits)))
    if not units.is_finite():
        raise MagnitudeError("a coefficient of a table of a function", "a finite number")
    mantissa, exponent = (int(part) for part in units.rad().man_exp())
    if mantissa.bit_length() + exponent > -10:
        raise MagnitudeError("a coefficient of a table of a function", f"{_SERIES_BITS} bits of precision")
    doubled = (units.mid() * 2).floor().unique_fmpz()
    assert doubled is not None, "the middle of a ball is one number"
    nearest = int(doubled) + 1 >> 1
    if abs(nearest) >= 1 << 62:
        raise MagnitudeError("a coefficient of a table of a function", "62 bits")
    return nearest


def ceil_units(value: arb) -> int:
    """At least value·2^OUTPUT, as an integer."""
    found = (value * arb((fmpz(1), fmpz(OUTPUT)))).upper().ceil().unique_fmpz()
    if found is None:
        raise MagnitudeError("the remainder of a table of a function", "a finite bound")
    return max(int(found), 0)


def falling_table(f: Function, stop: int, cell_bits: int) -> FallingTable:
    """The table of a function that is nonnegative, and does not increase behind ``stop`` (the caller's proof)."""
    table = function_table(f, 0, stop, cell_bits)
    with precision(_SERIES_BITS):
        tail = ceil_units(f(arb_series([stop, 1], prec=1))[0])
    return FallingTable(table, tail)


@cache
def exp_falling() -> FallingTable:
    """exp(-x)."""
    return falling_table(lambda x: (-x).exp(), 28, 6)


@cache
def inverse_root() -> FunctionTable:
    """1/sqrt(x) on [1, 4)."""
    return function_table(lambda x: x.rsqrt(), 1, 4, 8)


@cache
def logarithm() -> FunctionTable:
    """log(x) on [1, 2)."""
    return function_table(lambda x: x.log(), 1, 2, 9)

"""Float arithmetics, and the weights that a float run starts from: each rounded to the nearest number of the format,
at once or by way of a longer one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from typing import NamedTuple

from ..budget import Budget
from ..certificate import Reader
from ..dyadic import Matrix, matrix
from ..errors import Code, Failure
from ..one_layer.form import OneLayer

RUN_MODEL = 2


class Arithmetic(NamedTuple):
    """Numbers are stored with ``stored`` significant bits and added up with ``accumulated``, at least as many.

    Normal numbers are at least 2**least in size, and below 2**end.
    """

    name: str
    stored: int
    accumulated: int
    least: int
    end: int

    @property
    def unit(self) -> Fraction:
        """u: the largest relative error of one operation."""
        return Fraction(1, 1 << self.accumulated)

    @property
    def storage(self) -> Fraction:
        """The largest relative error of storing a result; 0 when it is stored as it was computed."""
        return Fraction(0) if self.stored == self.accumulated else Fraction(1, 1 << self.stored)


ARITHMETICS = {
    name: Arithmetic(name, *numbers)
    for name, numbers in {
        "float32": (24, 24, -126, 128),
        "float64": (53, 53, -1022, 1024),
        "bfloat16": (8, 24, -126, 128),
    }.items()
}


class Runs(NamedTuple):
    """Which float runs: their arithmetic, and the error of the exponential in units in its last place."""

    arithmetic: Arithmetic
    exp_ulps: int

    @property
    def semantics(self) -> dict[str, object]:
        """As it stands in a statement."""
        return {
            "runs": "every float run",
            "model": RUN_MODEL,
            "stored": self.arithmetic.name,
            "accumulated_bits": self.arithmetic.accumulated,
            "exp_ulps": self.exp_ulps,
        }


def of_runs(reader: Reader) -> dict[str, Callable[[], Arithmetic | int]]:
    """The members of an object that say which runs; E110 for another name."""

    def arithmetic() -> Arithmetic:
        at, name = reader.at, reader.word()
        if name not in ARITHMETICS:
            raise Failure(Code.E110, at=at, expected=" or ".join(ARITHMETICS), found=name)
        return ARITHMETICS[name]

    return {"semantics": arithmetic, "exp_ulps": reader.small}


def nearest(value: int, exponent: int, arithmetic: Arithmetic) -> int:
    """``n`` such that n * 2**exponent is the stored number nearest to value * 2**exponent, ties to even.

    Numbers below 2**least lie on the grid of those just above it. E260 when the number is too large for the format.

    >>> nearest(257, 0, ARITHMETICS["bfloat16"]), nearest(259, 0, ARITHMETICS["bfloat16"])
    (256, 260)
    """
    grid = max(value.bit_length() + exponent - 1, arithmetic.least) + 1 - arithmetic.stored - exponent
    if grid > 0:
        below, rest = value >> grid, value & ((1 << grid) - 1)
        half = 1 << (grid - 1)
        value = (below + (rest > half or (rest == half and below & 1))) << grid
    if value.bit_length() + exponent > arithmetic.end:
        raise Failure(Code.E260, format=arithmetic.name, end=arithmetic.end)
    return value


def rounded(network: OneLayer, arithmetic: Arithmetic, budget: Budget) -> OneLayer:
    """The network of the rounded weights; E260."""

    def of(a: Matrix) -> Matrix:
        height, width = a.shape
        budget.spend(height * width)
        return matrix(((nearest(v, a.exponent, arithmetic) for v in row) for row in a.rows), a.exponent)

    return replace(network, tensors={name: of(a) for name, a in network.tensors.items()})


def rounded_twice(network: OneLayer, arithmetic: Arithmetic, budget: Budget) -> OneLayer:
    """The network of the weights rounded to as many bits as are added up first; E260."""
    longer = arithmetic._replace(stored=arithmetic.accumulated)
    return rounded(rounded(network, longer, budget), arithmetic, budget)

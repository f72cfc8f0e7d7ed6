"""Exact tensors of any number of axes: integers over one power of two.

A weight of H heads is one tensor H × d × e; what a layer computes with is a matrix of it, :meth:`DyadicTensor.matrix`.

>>> t = DyadicTensor.of((2, 2), [1, 2, 3, 4], exponent=-1)
>>> t.matrix().fractions()
[[Fraction(1, 2), Fraction(1, 1)], [Fraction(3, 2), Fraction(2, 1)]]
>>> t[1].row_matrix().fractions()
[[Fraction(3, 2), Fraction(2, 1)]]
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import prod

import numpy as np

from .dyadic import DyadicMatrix


@dataclass(frozen=True, eq=False)
class DyadicTensor:
    """The reals ``numerators * 2**exponent``; ``numerators`` is a numpy array of Python integers.

    ``==`` is equality of shapes and real numbers, whatever the exponents.
    """

    numerators: np.ndarray
    exponent: int

    @staticmethod
    def of(shape: tuple[int, ...], integers: Iterable[int], exponent: int) -> DyadicTensor:
        """The tensor with row-major entries ``integers[i] * 2**exponent``."""
        entries = np.empty(prod(shape), dtype=object)
        entries[:] = list(integers)
        return DyadicTensor(entries.reshape(shape), exponent)

    @property
    def shape(self) -> tuple[int, ...]:
        return self.numerators.shape

    def __getitem__(self, index: int | slice | tuple[int | slice, ...]) -> DyadicTensor:
        """A part, by numpy's rules for integers and slices."""
        return DyadicTensor(self.numerators[index], self.exponent)

    def rearranged(self, numerators: np.ndarray) -> DyadicTensor:
        """The same unit with other integers: axes permuted, split or merged."""
        return DyadicTensor(numerators, self.exponent)

    def matrix(self) -> DyadicMatrix:
        """A tensor of two axes as a matrix; raises ValueError for any other."""
        rows, columns = self.shape
        return DyadicMatrix.from_integers(rows, columns, self.numerators.reshape(-1).tolist(), self.exponent)

    def row_matrix(self) -> DyadicMatrix:
        """A vector as a matrix of one row; raises ValueError for any other shape."""
        (columns,) = self.shape
        return DyadicMatrix.from_integers(1, columns, self.numerators.tolist(), self.exponent)

    def is_zero(self) -> bool:
        return not np.any(self.numerators)

    def is_one(self) -> bool:
        """Whether every entry is 1."""
        if self.exponent > 0:
            return False
        return bool(np.all(self.numerators == 1 << -self.exponent))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, DyadicTensor):
            return NotImplemented
        least = min(self.exponent, other.exponent)
        mine, theirs = (t.numerators * (1 << t.exponent - least) for t in (self, other))
        return self.shape == other.shape and bool(np.all(mine == theirs))

    __hash__ = None  # type: ignore[assignment]  # equal values may have different exponents

    def __repr__(self) -> str:
        return f"DyadicTensor({' × '.join(map(str, self.shape))}, over 2^{self.exponent})"

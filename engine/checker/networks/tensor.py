"""Exact tensors of any number of axes: integers in row-major order over one power of two."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

from ..budget import within
from ..dyadic import Matrix, matrix, tensor_hash
from ..errors import Code, Failure
from ..stored import FORMATS, INTEGERS, Stored, exact

MAX_NUMBERS = 1 << 21


@dataclass(frozen=True)
class Tensor:
    """Entries ``entries[i] * 2**exponent``, row-major in ``shape``."""

    shape: tuple[int, ...]
    entries: tuple[int, ...]
    exponent: int

    @property
    def hash(self) -> str:
        """sha256 of the canonical text: equal numbers in an equal shape, equal hash."""
        return tensor_hash(matrix([self.entries], self.exponent), self.shape)

    def rows(self) -> Matrix:
        """A matrix, or a vector as a matrix of one row."""
        width = self.shape[-1]
        return matrix((self.entries[i : i + width] for i in range(0, len(self.entries), width)), self.exponent)

    def last_axes(self, height: int, width: int) -> Matrix:
        """The last two axes as a matrix of its first ``height`` rows; earlier axes have length 1."""
        return Tensor((height, width), self.entries[: height * width], self.exponent).rows()

    def parts(self) -> list[Matrix]:
        """The slices along the first of three axes, or the rows of a matrix as matrices of one row."""
        size = prod(self.shape[1:])
        slices = (self.entries[i : i + size] for i in range(0, len(self.entries), size))
        return [Tensor(self.shape[1:], entries, self.exponent).rows() for entries in slices]

    def constant(self, value: int) -> bool:
        """Whether every entry is the integer ``value``."""
        return all(
            e << self.exponent == value if self.exponent >= 0 else e == value << -self.exponent for e in self.entries
        )


def permuted(tensor: Tensor, shape: Sequence[int], order: Sequence[int]) -> Tensor:
    """The entries seen in ``shape``, with its axes in another order.

    >>> permuted(Tensor((2, 3), tuple(range(6)), 0), (2, 3), (1, 0)).entries
    (0, 3, 1, 4, 2, 5)
    """
    strides = [prod(shape[axis + 1 :]) for axis in range(len(shape))]
    places = [0]
    for axis in order:
        steps = [k * strides[axis] for k in range(shape[axis])]
        places = [place + step for place in places for step in steps]
    return Tensor(tuple(shape[axis] for axis in order), tuple(tensor.entries[i] for i in places), tensor.exponent)


def read_tensor(file: str, stored: Stored) -> Tensor:
    """The stored tensor, exactly; E124 for another dtype, E132 for no entries, E133 for a NaN."""
    within("the number of weights", prod(stored.shape), MAX_NUMBERS)
    if stored.dtype not in FORMATS:
        raise Failure(Code.E124, file=file, name=stored.name, dtype=stored.dtype)
    return _row_major(stored, *exact(file, stored, _count(file, stored)))


def read_integers(file: str, stored: Stored) -> Tensor:
    """The stored tensor of integers; E154 for another dtype, E132 for no entries."""
    if stored.dtype not in INTEGERS:
        raise Failure(Code.E154, file=file, name=stored.name, dtype=stored.dtype)
    count = _count(file, stored)
    return _row_major(stored, struct.unpack(f"<{count}{INTEGERS[stored.dtype]}", stored.payload()), 0)


def _count(file: str, stored: Stored) -> int:
    """How many entries there are; E132 for none."""
    if not prod(stored.shape):
        raise Failure(Code.E132, file=file, name=stored.name, found=stored.shape, expected="no empty axis")
    return prod(stored.shape)


def _row_major(stored: Stored, entries: tuple[int, ...], exponent: int) -> Tensor:
    """The entries, which lie as they are stored, in row-major order."""
    if not stored.columns_first:
        return Tensor(stored.shape, entries, exponent)
    axes = tuple(reversed(range(len(stored.shape))))
    return permuted(Tensor((), entries, exponent), stored.shape[::-1], axes)

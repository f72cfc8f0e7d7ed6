"""Matrices of fractions in the plainest form, to evaluate terms on both sides of an equation."""

from __future__ import annotations

import random
from dataclasses import dataclass
from fractions import Fraction


@dataclass(frozen=True)
class FractionMatrix:
    """Rows of fractions; softmax is to base 2 and asks for integers, so that it stays exact."""

    rows: tuple[tuple[Fraction, ...], ...]

    @staticmethod
    def random(rng: random.Random, rows: int, columns: int) -> FractionMatrix:
        return FractionMatrix(tuple(tuple(Fraction(rng.randint(-3, 3)) for _ in range(columns)) for _ in range(rows)))

    @staticmethod
    def ones(rows: int) -> FractionMatrix:
        return FractionMatrix(tuple((Fraction(1),) for _ in range(rows)))

    def __add__(self, other: FractionMatrix) -> FractionMatrix:
        pairs = zip(self.rows, other.rows, strict=True)
        return FractionMatrix(tuple(tuple(a + b for a, b in zip(x, y, strict=True)) for x, y in pairs))

    def __sub__(self, other: FractionMatrix) -> FractionMatrix:
        pairs = zip(self.rows, other.rows, strict=True)
        return FractionMatrix(tuple(tuple(a - b for a, b in zip(x, y, strict=True)) for x, y in pairs))

    def __matmul__(self, other: FractionMatrix) -> FractionMatrix:
        columns = other.T.rows
        return FractionMatrix(
            tuple(
                tuple(sum((a * b for a, b in zip(x, y, strict=True)), Fraction(0)) for y in columns) for x in self.rows
            )
        )

    @property
    def T(self) -> FractionMatrix:
        return FractionMatrix(tuple(zip(*self.rows, strict=True)))

    def row(self, index: int) -> FractionMatrix:
        return FractionMatrix((self.rows[index],))

    def softmax(self, scale: str) -> FractionMatrix:
        assert all(value.denominator == 1 for row in self.rows for value in row)
        powers = [[Fraction(2) ** int(value) for value in row] for row in self.rows]
        return FractionMatrix(tuple(tuple(power / sum(row, Fraction(0)) for power in row) for row in powers))

    def winner(self) -> FractionMatrix:
        def shares(row: tuple[Fraction, ...]) -> tuple[Fraction, ...]:
            return tuple(Fraction(all(v > w for j, w in enumerate(row) if j != i)) for i, v in enumerate(row))

        return FractionMatrix(tuple(map(shares, self.rows)))

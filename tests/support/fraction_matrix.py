"""Matrices of fractions in the plainest form, to evaluate terms on both sides of an equation."""

from __future__ import annotations

import random
from dataclasses import dataclass
from fractions import Fraction


@dataclass(frozen=True)
class FractionMatrix:
    """Rows of fractions; softmax is to base 2 and asks for integers, norms have no root, so that all stays exact."""

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

    def masked_softmax(self, factor: Fraction, root: int, causal: bool) -> FractionMatrix:
        """To base 2 and without the root; any function of what a row sees would do."""
        assert all((factor * value).denominator == 1 for row in self.rows for value in row)
        seen = [row[: p + 1] if causal else row for p, row in enumerate(self.rows)]
        powers = [[Fraction(2) ** int(factor * value) for value in row] for row in seen]
        shares = (
            [*(power / sum(row, Fraction(0)) for power in row), *[Fraction(0)] * (len(self.rows[0]) - len(row))]
            for row in powers
        )
        return FractionMatrix(tuple(map(tuple, shares)))

    def pointwise(self, function: str) -> FractionMatrix:
        functions = {"square": lambda x: x * x, "relu": lambda x: max(x, Fraction(0))}
        return FractionMatrix(tuple(tuple(functions[function](value) for value in row) for row in self.rows))

    def times(self, other: FractionMatrix) -> FractionMatrix:
        pairs = zip(self.rows, other.rows, strict=True)
        return FractionMatrix(tuple(tuple(a * b for a, b in zip(x, y, strict=True)) for x, y in pairs))

    def normalised(self, centred: bool, epsilon: Fraction) -> FractionMatrix:
        """Without the root; any function of the row, centred or not, would do."""

        def norm(row: tuple[Fraction, ...]) -> tuple[Fraction, ...]:
            mean = sum(row, Fraction(0)) / len(row) if centred else Fraction(0)
            rest = [value - mean for value in row]
            return tuple(value / (sum((v * v for v in rest), Fraction(0)) / len(row) + epsilon) for value in rest)

        return FractionMatrix(tuple(map(norm, self.rows)))

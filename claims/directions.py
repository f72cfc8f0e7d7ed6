"""Advice about singular values, on demand: directions to many bits, and ranks."""

from __future__ import annotations

from dataclasses import dataclass, field

from ..engine.arithmetic.dyadic import DyadicMatrix
from ..rewrites.advice.principal_directions import coarse_directions, principal_directions
from .intervals import IntervalMatrix
from .singular import Spectrum, tall

# Directions of matrices that are longer on both sides are those of floats: some 40 bits of the largest singular value.
REFINED = 256


def width(bits: int) -> int:
    """How many bytes hold a number of at most 2 in size to so many bits."""
    return bits // 8 + 1


@dataclass(frozen=True)
class Directions:
    """``found`` is what was asked for, by what the expression means; ``ranked`` adds the rank of exact matrices."""

    bits: int
    ranked: bool = False
    found: dict[str, Spectrum] = field(default_factory=dict, compare=False, repr=False)

    def __call__(self, meaning: str, matrix: IntervalMatrix) -> Spectrum:
        if meaning not in self.found:
            self.found[meaning] = self._search(matrix)
        return self.found[meaning]

    def _search(self, matrix: IntervalMatrix) -> Spectrum:
        middle, _ = matrix.midpoint_and_radius()
        large = min(matrix.shape) > REFINED
        search = coarse_directions if large else principal_directions
        directions = IntervalMatrix.of(search(DyadicMatrix(tall(middle).numerators(), 0), 8 * width(self.bits) - 2))
        if large or not self.ranked or not matrix.exact:
            return Spectrum(directions)
        rank = int(matrix.numerators().rank())
        return Spectrum(directions, rank if rank < directions.shape[0] else None)

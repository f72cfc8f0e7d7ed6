"""A network evaluated a second time, in other arithmetic: Python integers straight from the weights, then mpmath.

Nothing of what proofs rest on is used: no path tables, no matrix library, no balls.  mpmath's numbers carry no error
bounds of their own; with the precision chosen here (:meth:`SecondEvaluation.precision`) an exponential errs by less
than 2^-TRUSTED of itself, and a sum of such terms by less than 2^-TRUSTED of the sum of their absolute values.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from ...models.one_layer import OneLayer

TRUSTED = 180
Row = list[int]


def _times(row: Row, matrix: Sequence[Row]) -> Row:
    return [sum(a * b for a, b in zip(row, column, strict=True)) for column in zip(*matrix, strict=True)]


def _plus(*rows: Row) -> Row:
    return [sum(column) for column in zip(*rows, strict=True)]


@dataclass(frozen=True)
class SecondEvaluation:
    """The function of docs/certificate.md §1.1 on single sequences.  Scores come times sqrt(h)."""

    network: OneLayer

    @cached_property
    def unit(self) -> int:
        """All weights are integers times 2^unit; scores and logits are integers times 2^(4 unit)."""
        return min(0, *(matrix.exponent for matrix in self.network.tensors.values()))

    @cached_property
    def _weights(self) -> dict[str, list[Row]]:
        return {
            name: [[entry << matrix.exponent - self.unit for entry in row] for row in matrix.integers()]
            for name, matrix in self.network.tensors.items()
        }

    def _scaled(self, row: Row, factors: int) -> Row:
        """The same reals where products of ``factors`` more weights are added to them."""
        return [entry << -self.unit * factors for entry in row]

    def query(self, q: int) -> Row:
        w = self._weights
        residual = _plus(w["W_E"][q], w["W_pos"][-1])
        return _plus(_times(residual, w["W_Q"]), self._scaled(w["b_Q"][0], 1))

    def token_score(self, q: int, t: int) -> int:
        """The query of q times the part of a key that token t gives, in units of 2^(4 unit)."""
        key = _times(self._weights["W_E"][t], self._weights["W_K"])
        return sum(a * b for a, b in zip(self.query(q), key, strict=True))

    def position_score(self, q: int, p: int) -> int:
        """The query of q times the rest of a key at position p, in units of 2^(4 unit)."""
        w = self._weights
        key = _plus(_times(w["W_pos"][p], w["W_K"]), self._scaled(w["b_K"][0], 1))
        return sum(a * b for a, b in zip(self.query(q), key, strict=True))

    def forward(self, tokens: Sequence[int]) -> tuple[Row, list[Row]]:
        """The scores of the last position, and by position the logits of attending to that position alone."""
        w = self._weights
        stream = [_plus(w["W_E"][t], w["W_pos"][p]) for p, t in enumerate(tokens)]
        query = self.query(tokens[-1])
        scores, logits = [], []
        for residual in stream:
            key = _plus(_times(residual, w["W_K"]), self._scaled(w["b_K"][0], 1))
            value = _plus(_times(residual, w["W_V"]), self._scaled(w["b_V"][0], 1))
            scores.append(sum(a * b for a, b in zip(query, key, strict=True)))
            after = _plus(_times(value, w["W_O"]), self._scaled(stream[-1], 2), self._scaled(w["b_O"][0], 2))
            logits.append(_plus(_times(after, w["W_U"]), self._scaled(w["b_U"][0], 3)))
        return scores, logits

    def precision(self, scores: Sequence[int]) -> int:
        """Bits of mpmath that leave TRUSTED good ones in the exponentials of these scores."""
        largest = max(map(abs, scores)).bit_length() + 4 * self.unit
        return TRUSTED + 24 + max(0, largest)

    def number(self, mpmath: Any, numerator: int) -> Any:
        """numerator · 2^(4 unit)."""
        return mpmath.ldexp(mpmath.mpf(numerator), 4 * self.unit)

    def exponential(self, mpmath: Any, score: int) -> Any:
        """exp(score / sqrt(h))."""
        return mpmath.exp(self.number(mpmath, score) / mpmath.sqrt(self.network.d_head))

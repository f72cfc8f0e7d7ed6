"""γ, the numbers that tie several heads together: of two by tangents of a concave bound; of more, the heads' means.

With γ and the corners of the ratios, a margin's table is A + γ B, A = w_0 n_0 + Σ ρ_h w_h n_h and B_h = w_0 - ρ_h w_h.
Its least sum over a set, and the least of these over the corners, are concave in γ.  Several outputs of one set share
its weights and its B.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ...boxes.bounds import Sets
from .extremes import least, least_and_rise, sums_of_largest
from .floats import Brackets

ROOM = 2.0**-19  # of the size of what is added up, in single precision: a bound must be above it to be taken
FARTHEST = (1 << 31) - 1  # units, as certificates hold them
ROUNDS = 6


@dataclass(frozen=True, eq=False)
class Found:
    """Of pairs: whether some γ is good enough, the bound over its size, and γ in units."""

    held: np.ndarray
    bound: np.ndarray
    gammas: np.ndarray

    @classmethod
    def nothing(cls, pairs: int, others: int) -> Found:
        return cls(np.zeros(pairs, dtype=np.bool_), np.zeros(pairs), np.zeros((pairs, others), dtype=np.int64))

    def put(self, at: np.ndarray, other: Found) -> None:
        """What was found of the pairs at these places."""
        self.held[at], self.bound[at], self.gammas[at] = other.held, other.bound, other.gammas

    def take(self, at: slice | np.ndarray) -> Found:
        return Found(self.held[at], self.bound[at], self.gammas[at])


class Gammas:
    """Pairs of one batch: so many outputs for each set.  ``weights`` by head (sets × positions × tokens), 0 for tokens
    that a set has not, ``ratios`` (sets × other heads × 2), γ in units ``unit``.  What is found is one row a pair, set
    by set.

    A, and the sets, of pairs; B of sets, and which set a pair is of.
    """

    def __init__(
        self, sets: Sets, weights: list[np.ndarray], brackets: Brackets, ratios: np.ndarray, unit: float
    ) -> None:
        count, each = brackets.constant.shape
        self._of, self._unit, self._others = np.repeat(np.arange(count), each), unit, len(weights) - 1
        self._sets = sets.take(self._of)
        self._means = self._starts(sets, weights, brackets)
        products = brackets.tables
        products[0] += brackets.constant[:, :, None, None]
        for w, product in zip(weights, products, strict=True):
            product *= w[:, None]
        self._pieces: list[tuple[np.ndarray, list[np.ndarray]]] = []
        for corner in itertools.product((0, 1), repeat=self._others):
            rho = [ratios[:, h, end, None, None].astype(np.float32) for h, end in enumerate(corner)]
            table = products[0]
            for r, product in zip(rho, products[1:], strict=True):
                table = table + r[:, None] * product
            directions = [weights[0] - r * w for r, w in zip(rho, weights[1:], strict=True)]
            self._pieces.append((table.reshape(-1, *table.shape[2:]), directions))
        size = sums_of_largest(sets, weights[0])
        for h, w in enumerate(weights[1:]):
            size = size + ratios[:, h, 1] * sums_of_largest(sets, w)
        self._scale = (size[:, None] * brackets.most).reshape(-1) + 1e-30
        self._span = 2 * brackets.most.reshape(-1)

    @staticmethod
    def _starts(sets: Sets, weights: list[np.ndarray], brackets: Brackets) -> np.ndarray:
        """How far each head's mean over the set is from the mean of the heads: pairs × other heads."""
        own = []
        count, each = brackets.constant.shape
        for w, table in zip(weights, brackets.tables, strict=True):
            held = w.reshape(count, -1, 1)
            own.append((table.reshape(count, each, -1) @ held)[:, :, 0] / held.sum(axis=1))
        own[0] = own[0] + brackets.constant
        found = np.stack(own, axis=2).reshape(count * each, -1)
        return found[:, 1:] - found.mean(axis=1, keepdims=True)

    def begin(self, start: list[np.ndarray | None]) -> Found:
        """The bounds with the first γ; ``start``: where to begin, else at the means."""
        units = np.clip(np.round(self._means / self._unit), -FARTHEST, FARTHEST).astype(np.int64)
        for row, given in enumerate(start):
            if given is not None:
                units[row] = given
        bound = self._value(units * self._unit)
        return Found(bound > ROOM * self._scale, bound / self._scale, units)

    def better(self, begun: np.ndarray) -> Found:
        """The best γ of pairs that fail with this one; of more than two heads none is looked for."""
        goal = ROOM * self._scale
        if self._others == 1:
            bound, units = self._tangents(begun[:, 0], goal)
            return Found(bound > goal, bound / self._scale, units[:, None])
        bound = self._value(begun * self._unit)
        return Found(bound > goal, bound / self._scale, begun)

    def table(self, units: np.ndarray) -> np.ndarray:
        """The table whose least sum is the bound."""
        tables = [self._at(piece, units * self._unit) for piece in self._pieces]
        bounds = [least(self._sets, table) for table in tables]
        found, bound = tables[0], bounds[0]
        for table, value in zip(tables[1:], bounds[1:], strict=True):
            found = np.where((value < bound)[:, None, None], table, found)
            bound = np.minimum(value, bound)
        return found

    def _at(self, piece: tuple[np.ndarray, list[np.ndarray]], gammas: np.ndarray) -> np.ndarray:
        table, directions = piece
        for h, direction in enumerate(directions):
            step = gammas[:, h].astype(np.float32).reshape(len(direction), -1, 1, 1) * direction[:, None]
            table = table + step.reshape(table.shape)
        return table

    def _value(self, gammas: np.ndarray) -> np.ndarray:
        return np.min([least(self._sets, self._at(piece, gammas)) for piece in self._pieces], axis=0)

    def _tangents(self, start: np.ndarray, goal: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The bound is the lesser of two concave ones, those of the corners; mostly one rises and the other falls.  It
        lies below their tangents: where these meet is the next γ, until the bound is good enough or can no longer
        be."""
        n, unit = len(start), self._unit
        best, at_best = np.full(n, -np.inf), start.copy()
        right = np.minimum(np.ceil(self._span / unit), FARTHEST)
        left, step = -right, right / 64
        at, open_, here = start.astype(float), np.arange(n), self
        for _ in range(ROUNDS):
            (low, high), (up, down) = here._lines(at * unit)
            value = np.minimum(low, high)
            better = value > best[open_]
            best[open_[better]], at_best[open_[better]] = value[better], at[better].astype(np.int64)
            rises = np.where(low <= high, up, down) > 0
            left, right = np.where(rises, at, left), np.where(rises, right, at)
            opposed = up * down < 0
            ahead = (high - low) / np.where(opposed, up - down, 1)
            top = np.where(opposed, low + up * ahead, np.inf)
            after = np.round(np.where(opposed, at + ahead / unit, at + np.where(rises, step, -step)))
            after = np.clip(after, left, right)
            on = (best[open_] <= goal[open_]) & (top > 0) & (after != at)
            if not on.any():
                break
            open_, at, left, right, step = open_[on], after[on], left[on], right[on], 2 * step[on]
            if not on.all():
                here = here.some(np.flatnonzero(on))
        return best, at_best

    def _lines(self, gammas: np.ndarray) -> tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
        """The bound of each of two corners at one γ a pair, and its rise."""
        sides = [
            least_and_rise(self._sets, self._at(piece, gammas[:, None]), piece[1][0][self._of])
            for piece in self._pieces
        ]
        return (sides[0][0], sides[1][0]), (sides[0][1], sides[1][1])

    @staticmethod
    def joined(parts: Sequence[Gammas], sets: Sets) -> Gammas:
        """The pairs of all of these, each with a set of its own, which are these."""
        found = object.__new__(Gammas)
        first = parts[0]
        found._unit, found._others, found._sets = first._unit, first._others, sets
        for name in ("_scale", "_means", "_span"):
            setattr(found, name, np.concatenate([getattr(part, name) for part in parts]))
        found._of = np.arange(len(found._scale))
        found._pieces = [
            (
                np.concatenate([table for table, _ in piece]),
                [np.concatenate(d) for d in zip(*(d for _, d in piece), strict=True)],
            )
            for piece in zip(*(part._pieces for part in parts), strict=True)
        ]
        return found

    def some(self, rows: np.ndarray) -> Gammas:
        """These pairs, each with a set of its own."""
        found = object.__new__(Gammas)
        of = self._of[rows]
        found._of, found._sets = np.arange(len(rows)), self._sets.take(rows)
        found._unit, found._others = self._unit, self._others
        found._pieces = [(table[rows], [d[of] for d in directions]) for table, directions in self._pieces]
        found._scale, found._means, found._span = self._scale[rows], self._means[rows], self._span[rows]
        return found

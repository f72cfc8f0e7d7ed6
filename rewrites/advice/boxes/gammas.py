"""γ, the numbers that tie several heads together: of two by tangents of a concave bound; of more, the heads' means.

With γ and the corners of the ratios, a margin's table is A + γ B, A = w_0 n_0 + Σ ρ_h w_h n_h and B_h = w_0 - ρ_h w_h.
Its least sum over a set, and the least of these over the corners, are concave in γ.
"""

from __future__ import annotations

import itertools

import numpy as np

from ...boxes.bounds import Sets
from .extremes import least, least_and_rise, size_of_sums

ROOM = 2.0**-23  # of the size of what is added up: a bound must be above it to be taken
FARTHEST = (1 << 31) - 1  # units, as certificates hold them
ROUNDS = 8
SHARE = 0.6  # of pairs that are looked at, below which the others are left out of the arrays


class Gammas:
    """Pairs of one batch: ``weights`` and ``n`` by head, ``ratios`` (pairs × other heads × 2), in units ``unit``."""

    def __init__(
        self, sets: Sets, weights: list[np.ndarray], n: list[np.ndarray], ratios: np.ndarray, unit: float
    ) -> None:
        self._sets, self._unit, self._others = sets, unit, len(n) - 1
        products = [w * x for w, x in zip(weights, n, strict=True)]
        self._pieces: list[tuple[np.ndarray, list[np.ndarray]]] = []
        for corner in itertools.product((0, 1), repeat=self._others):
            rho = [ratios[:, h, end, None, None] for h, end in enumerate(corner)]
            table = products[0]
            for r, product in zip(rho, products[1:], strict=True):
                table = table + r * product
            self._pieces.append((table, [weights[0] - r * w for r, w in zip(rho, weights[1:], strict=True)]))
        sizes = np.abs(products[0])
        for h, product in enumerate(products[1:]):
            sizes = sizes + ratios[:, h, 1, None, None] * np.abs(product)
        self._scale = size_of_sums(sets, sizes)
        allowed = sets.allowed
        with np.errstate(invalid="ignore"):
            own = np.stack(
                [
                    np.where(allowed, product, 0).sum(axis=(1, 2)) / np.where(allowed, w, 0).sum(axis=(1, 2))
                    for w, product in zip(weights, products, strict=True)
                ],
                axis=1,
            )
        self._means = own[:, 1:] - own.mean(axis=1, keepdims=True)
        self._span = 2 * np.max([np.abs(x).max(axis=(1, 2)) for x in n], axis=0)

    def best(self, start: list[np.ndarray | None]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Whether some γ is good enough, the best bound over its size, and γ in units; ``start``: where to begin."""
        units = np.clip(np.round(self._means / self._unit), -FARTHEST, FARTHEST).astype(np.int64)
        for row, given in enumerate(start):
            if given is not None:
                units[row] = given
        if self._others != 1:
            bound = self._value(units * self._unit)
            return bound > ROOM * self._scale, bound / self._scale, units
        return self._tangents(units[:, 0])

    def table(self, units: np.ndarray) -> np.ndarray:
        """The table whose least sum is the bound."""
        tables = [self._at(piece, units * self._unit) for piece in self._pieces]
        bounds = [least(self._sets, table) for table in tables]
        found, bound = tables[0], bounds[0]
        for table, value in zip(tables[1:], bounds[1:], strict=True):
            found = np.where((value < bound)[:, None, None], table, found)
            bound = np.minimum(value, bound)
        return found

    @staticmethod
    def _at(piece: tuple[np.ndarray, list[np.ndarray]], gammas: np.ndarray) -> np.ndarray:
        table, directions = piece
        for h, direction in enumerate(directions):
            table = table + gammas[:, h, None, None] * direction
        return table

    def _value(self, gammas: np.ndarray) -> np.ndarray:
        return np.min([least(self._sets, self._at(piece, gammas)) for piece in self._pieces], axis=0)

    def _tangents(self, start: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The maximum lies below where a rising and a falling tangent meet: there is the next γ, until the bound is
        good enough or can no longer be."""
        n, unit = len(start), self._unit
        goal, reach = ROOM * self._scale, np.minimum(np.ceil(self._span / unit), FARTHEST)
        best, at_best = np.full(n, -np.inf), start.copy()
        left, right = -reach, reach.copy()
        left_line, right_line = (np.full((2, n), np.nan) for _ in range(2))  # value and rise
        at, open_ = start.astype(float), np.arange(n)
        here = self
        rows = open_  # which of the pairs ``here`` holds
        for _ in range(ROUNDS + 2):
            mine = np.searchsorted(rows, open_)
            if len(open_) < SHARE * len(rows):
                here, rows = here._some(mine), open_
                mine = np.arange(len(open_))
            value, rise = (each[mine] for each in here._line(_spread(at[open_], mine, len(rows)) * unit))
            better = value > best[open_]
            best[open_[better]], at_best[open_[better]] = value[better], at[open_[better]].astype(np.int64)
            for side, line, ends in ((rise > 0, left_line, left), (rise <= 0, right_line, right)):
                own = open_[side]
                line[0, own], line[1, own], ends[own] = value[side], rise[side] * unit, at[own]
            at[open_], top = _meeting(
                *(array[..., open_] for array in (left, left_line, right, right_line)), best[open_]
            )
            open_ = open_[(best[open_] <= goal[open_]) & (top > 0) & (left[open_] < right[open_])]
            if not len(open_):
                break
        return best > goal, best / self._scale, at_best[:, None]

    def _line(self, gammas: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The bound and its rise at one γ a pair."""
        step = np.maximum(self._span * 1e-7, self._unit)
        value = rise = None
        for table, (direction,) in self._pieces:
            own, own_rise = least_and_rise(self._sets, table + gammas[:, None, None] * direction, direction, step)
            rise = own_rise if value is None or rise is None else np.where(own < value, own_rise, rise)
            value = own if value is None else np.minimum(value, own)
        assert value is not None and rise is not None, "there are corners"
        return value, rise

    def _some(self, rows: np.ndarray) -> Gammas:
        found = object.__new__(Gammas)
        found._sets, found._unit, found._others = self._sets.take(rows), self._unit, self._others
        found._pieces = [(table[rows], [d[rows] for d in directions]) for table, directions in self._pieces]
        found._scale, found._means, found._span = self._scale[rows], self._means[rows], self._span[rows]
        return found


def _spread(values: np.ndarray, places: np.ndarray, length: int) -> np.ndarray:
    found = np.zeros(length)
    found[places] = values
    return found


def _meeting(
    left: np.ndarray, left_line: np.ndarray, right: np.ndarray, right_line: np.ndarray, best: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Where to look next, in whole units, and what the bound is at most there.  While one side is not known, doubled
    steps towards it."""
    (lv, ls), (rv, rs) = left_line, right_line
    both = ~np.isnan(lv) & ~np.isnan(rv)
    gap = np.where(both & (ls - rs > 0), ls - rs, 1)
    meet = (rv - rs * right - lv + ls * left) / gap
    top = np.where(both, lv + ls * (meet - left), np.inf)
    only_left, only_right = np.isnan(rv), np.isnan(lv)
    # a tangent alone says how far its own side may still be good
    top = np.where(only_left, lv + ls * (right - left), np.where(only_right, rv + rs * (left - right), top))
    ahead = left + np.maximum(-2 * lv / np.maximum(ls, 1e-300), 1)
    back = right - np.maximum(2 * rv / np.minimum(rs, -1e-300), 1)
    at = np.where(both, meet, np.where(only_left, ahead, back))
    return np.floor(np.clip(at, left, right)), top

"""The loss of whole cells, from bounds of the quotients of two separable sums: two-sided, without a tree.

Theorem.  On a cell (q, m) let logit_x - logit_m lie between γ⁻_x and γ⁺_x for every x != m.  Then each of its losses
lies between log(1 + Σ exp γ⁻_x) and log(1 + Σ exp γ⁺_x).

A number γ is above all quotients of Σ_p D and Σ_p w over the cell if and only if the separable sum Σ_p (D - γ w) is
negative on the whole cell, which the box extremes of its roots decide; it is below all of them if that sum is positive.
The advice says such numbers, in steps of 2^-DIFFERENCE_BITS; every one of them is tested.  Where it says none, the
least or the largest difference of the cell, whatever the attention, stands for it.

Rounding.  Steps are rounded towards failure on the enclosures' grid, and a sum must be at least one unit of that grid
away from zero; :func:`.loss_tree.cross_entropy` leaves room as well.  So checkers that round otherwise pass them too.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...engine.certificate import small_table
from ...engine.cost import Cost
from ...engine.rule import NotEstablished, Rule
from ...models.one_layer import one_layer_of
from .additive_margin import MARGIN_COST
from .box_extremes import BOX, root_bounds
from .loss import LossSum
from .loss_tree import CROSS_ENTROPY, DIFFERENCE, GRID_BITS, HIGH, LOW, MEAN, cross_entropy
from .margin_enclosure import MarginEnclosure
from .notions import CELL, MARGIN_TERMS
from .parts import cells
from .path_decomposition import K, Paths, V
from .slack_count import SLACK, raised

# An entry n > 0 stands for (n - ZERO)·2^-DIFFERENCE_BITS, and 0 for no number.
DIFFERENCE_BITS = 9
ZERO = 1 << 15
ENTRIES = 1 << 16
# A finer grid than this is finer than every difference that is not zero.
FINEST = 40


@dataclass(frozen=True, eq=False)
class Differences:
    """Advice, by m: the entries of the cells (0, m) … (m, m), below and above, by x != m: (m+1) × 2 × (V-1)."""

    tables: tuple[np.ndarray, ...]


class CellLoss(Rule):
    """From the paths.  Advice: :class:`Differences`; a number that fails its test is refused.

    ``progress(done, cells)`` is called after each cell.
    """

    name = "cell_loss"
    certifiable = True
    premises = (Paths,)
    lemmas = (SLACK, BOX, DIFFERENCE, CROSS_ENTROPY, MEAN)
    notions = (MARGIN_TERMS, CELL)
    derivation = (
        "Each cell $(q, m)$ consists of boxes, sets of sequences of which position $p$ holds a token of a set "
        "$T_p$: the whole cell when $q = m$, and otherwise one for each free position, the first that holds "
        "$m$. By [@margin-with-slack], with $-\\gamma$ for $\\gamma$, and [@box-extremes], $\\mathrm{logit}_x "
        "- \\mathrm{logit}_m$ is below $\\gamma$ on the whole cell when $$\\sum_{0 \\le p < K} \\max_{t \\in "
        "T_p} (D_{q,m,x}(p,t) - \\gamma\\,w_q(p,t)) < 0$$ on each of its boxes, and at least $\\gamma$ when "
        "$$\\sum_{0 \\le p < K} \\min_{t \\in T_p} (D_{q,m,x}(p,t) - \\gamma\\,w_q(p,t)) \\ge 0$$ on each. "
        "The certificate says such numbers $\\gamma^{+}_x$ above and $\\gamma^{-}_x$ below each difference; "
        "where it says none, [@logit-difference] bounds it by its extremes at single positions. By "
        "[@cross-entropy] the loss of every sequence of the cell lies between $$\\log\\Bigl(1 + \\sum_{x \\ne "
        "m} e^{\\gamma^{-}_x}\\Bigr) \\quad \\text{and} \\quad \\log\\Bigl(1 + \\sum_{x \\ne m} "
        "e^{\\gamma^{+}_x}\\Bigr),$$ and [@sum-over-parts] adds up the cells."
    )
    cost = MARGIN_COST + Cost(
        multiply=V**3 * (V + 1) * K,
        add=2 * V**3 * (V + 1) * K,
        compare=V**3 * (V + 1) * K,
        exp=V**3,
    )

    def __init__(self, progress: Callable[[int, int], None] | None = None) -> None:
        self._progress = progress

    def conclude(self, premises: Sequence[Any], advice: Differences) -> LossSum:
        (paths,) = premises
        layer, enclosure = one_layer_of(paths.statement), MarginEnclosure(paths)
        self._require_shapes(advice, layer.d_vocab)
        low, high = dict.fromkeys(layer.cells(), 0), dict.fromkeys(layer.cells(), 0)
        for done, (q, m) in enumerate(low):
            if (size := layer.cell_size(q, m)) and layer.d_vocab > 1:
                below, above = self._bounds(Quotients(enclosure, q, m), advice.tables[m][q])
                low[q, m] = size * cross_entropy(below, LOW)
                high[q, m] = size * cross_entropy(above, HIGH)
            if self._progress is not None:
                self._progress(done + 1, len(low))
        return LossSum(cells(paths.statement), low, high)

    def encode(self, advice: Differences) -> dict[str, Any]:
        return {"differences": [small_table(table.ravel().tolist()) for table in advice.tables]}

    def _require_shapes(self, advice: Differences, vocabulary: int) -> None:
        shapes = [table.shape for table in advice.tables]
        if shapes != [(m + 1, 2, vocabulary - 1) for m in range(vocabulary)]:
            raise NotEstablished(self.tag, f"the tables of differences have the shapes {shapes}")
        if any(((table < 0) | (table >= ENTRIES)).any() for table in advice.tables):
            raise NotEstablished(self.tag, "a difference has more than 16 bits")

    def _bounds(self, cell: Quotients, entries: np.ndarray) -> tuple[list[int], list[int]]:
        """Bounds of all logit differences of the cell, by x != m, in steps of 2^-GRID_BITS."""
        for side, good in ((LOW, cell.are_below(entries[LOW])), (HIGH, cell.are_above(entries[HIGH]))):
            if not (good | (entries[side] == 0)).all():
                words = ("below", "above")[side]
                raise NotEstablished(
                    self.tag, f"cell q = {cell.q}, m = {cell.m}: a difference may be {words} its bound"
                )
        known = cell.extremes()
        return tuple(  # type: ignore[return-value]
            [
                (entry - ZERO) << GRID_BITS - DIFFERENCE_BITS if entry else extreme
                for entry, extreme in zip(row, extremes, strict=True)
            ]
            for row, extremes in zip(entries.tolist(), known, strict=True)
        )


class Quotients:
    """The logit differences of one cell that is not empty, by x != m, as quotients of separable sums."""

    def __init__(self, enclosure: MarginEnclosure, q: int, m: int) -> None:
        self.q, self.m = q, m
        self._table, self._weights = enclosure.cell(q, m), enclosure.attention(q, m)
        self._others = np.array([x for x in range(enclosure.d_vocab) if x != m], dtype=np.int64)
        self._least, self._largest = self._weights.least[self._others], self._weights.largest[self._others]

    def extremes(self) -> tuple[list[int], list[int]]:
        """The least and the largest difference, whatever the attention, in steps of 2^-GRID_BITS, rounded outward."""
        shift = self._weights.exponent + GRID_BITS
        least, largest = self._least.tolist(), self._largest.tolist()
        return [_floored(value, shift) for value in least], [-_floored(-value, shift) for value in largest]

    def entries(self) -> tuple[np.ndarray, np.ndarray]:
        """The first and the last entry (1 … ENTRIES-1) in the range of the differences."""
        shift = self._weights.exponent + DIFFERENCE_BITS
        first = [-_floored(-value, shift) + ZERO for value in self._least.tolist()]
        last = [_floored(value, shift) + ZERO for value in self._largest.tolist()]
        ends = ([min(max(n, 1), ENTRIES) for n in first], [min(max(n, 0), ENTRIES - 1) for n in last])
        return np.array(ends[0], dtype=np.int64), np.array(ends[1], dtype=np.int64)

    def are_above(self, entries: np.ndarray) -> np.ndarray:
        """Whether all quotients are certainly below the numbers, which lie in the range of the differences."""
        steps = self._steps(entries)
        free, base = self._raised(steps)
        sums = root_bounds(self.q, self.m, base.upper, free.upper, np.max)
        return np.asarray(self._within(steps) & (sums < 0).all(axis=0))

    def are_below(self, entries: np.ndarray) -> np.ndarray:
        """Whether all quotients are certainly above the numbers, which lie in the range of the differences."""
        steps = -self._steps(2 * ZERO - entries)
        free, base = self._raised(steps)
        sums = root_bounds(self.q, self.m, base.lower, free.lower, np.min)
        return np.asarray(self._within(steps) & (sums > 0).all(axis=0))

    def _steps(self, entries: np.ndarray) -> np.ndarray:
        """What entries stand for on the grid, rounded down; where the grid is too fine for it, out of range."""
        shift = -DIFFERENCE_BITS - self._weights.exponent
        numbers = entries - ZERO
        return numbers << min(shift, FINEST) if shift >= 0 else numbers >> min(-shift, FINEST)

    def _within(self, steps: np.ndarray) -> np.ndarray:
        return (self._least <= steps) & (steps <= self._largest)

    def _raised(self, steps: np.ndarray) -> tuple[Any, Any]:
        """Enclosures of D - γ w at the free positions and at the last one."""
        cut = -np.clip(steps, self._least, self._largest)
        table, weights = self._table, self._weights
        return raised(table.free[:, :, self._others], weights.free, cut), raised(
            table.base[self._others], weights.base, cut
        )


def _floored(value: int, shift: int) -> int:
    """value·2^shift, rounded down."""
    return value << shift if shift >= 0 else value >> -shift

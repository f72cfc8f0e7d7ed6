"""Chooses the numbers of :mod:`..rules.cell_loss` by bisection.  Untrusted: the rule tests every one of them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ...models.one_layer import one_layer_of
from ..rules.cell_loss import Differences, Quotients
from ..rules.margin_enclosure import MarginEnclosure
from ..rules.path_decomposition import Paths


def choose(paths: Paths, progress: Callable[[int, int], None] | None = None) -> Differences:
    """The numbers closest to the logit differences of every cell that pass, 0 where none does."""
    layer, enclosure = one_layer_of(paths.statement), MarginEnclosure(paths)
    tables = [np.zeros((m + 1, 2, layer.d_vocab - 1), dtype=np.int64) for m in range(layer.d_vocab)]
    cells = [cell for cell in layer.cells() if layer.cell_size(*cell)] if layer.d_vocab > 1 else []
    for done, (q, m) in enumerate(cells):
        cell = Quotients(enclosure, q, m)
        first, last = cell.entries()
        below = nearest(cell.are_below, first - 1, last + 1)
        above = nearest(cell.are_above, last + 1, first - 1)
        tables[m][q] = np.where(below < first, 0, below), np.where(above > last, 0, above)
        if progress is not None:
            progress(done + 1, len(cells))
    return Differences(tuple(tables))


def nearest(passes: Callable[[np.ndarray], np.ndarray], known: np.ndarray, far: np.ndarray) -> np.ndarray:
    """The last numbers that pass on the way from ``known`` to ``far``, ends excluded; ``known`` where none does."""
    while (wide := abs(known - far) > 1).any():
        middle = (known + far) >> 1
        good = passes(middle)
        known, far = np.where(wide & good, middle, known), np.where(wide & ~good, middle, far)
    return known

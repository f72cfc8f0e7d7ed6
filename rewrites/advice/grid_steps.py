"""Chooses the grid of :mod:`..rules.generating_function_count`.  Untrusted: any step is sound."""

from __future__ import annotations

from collections.abc import Callable

from ...models.one_layer import one_layer_of
from ..rules.additive_margin import AdditiveMargin
from ..rules.box_extremes import Cell
from ..rules.generating_function_count import Triple, Triples


def choose(margin: AdditiveMargin, grid: int, progress: Callable[[int, int], None] | None = None) -> Triples:
    """A triple for every active (q, m, x): the largest sum of margins is ``grid`` steps, four times, or less than
    eight times."""
    layer = one_layer_of(margin.paths.statement)
    cells = [cell for cell in layer.cells() if layer.cell_size(*cell)]
    triples = []
    for done, (q, m) in enumerate(cells):
        cell = Cell(margin.enclosure, q, m)
        for x in cell.active:
            highest = int(cell.table.free.upper[:, :, x].max(axis=1, initial=0).sum()) + int(cell.table.base.upper[x])
            triples.append(Triple(q, m, x, cell.table.unit + max(0, (highest // grid).bit_length() - 3)))
        if progress is not None:
            progress(done + 1, len(cells))
    return Triples(tuple(triples))

"""Chooses the grid of :mod:`..rules.generating_function_count`.  Untrusted: any step is sound."""

from __future__ import annotations

from collections.abc import Callable

from ...models.one_layer import one_layer_of
from ..rules.additive_margin import AdditiveMargin
from ..rules.box_extremes import Cell
from ..rules.generating_function_count import Triple, Triples

BITS = 120  # the finest step has so many bits less than the largest margin: the checker computes with a few more


def choose(margin: AdditiveMargin, grid: int, progress: Callable[[int, int], None] | None = None) -> Triples:
    """A triple for every active (q, m, x): the largest sum of margins is ``grid`` steps, four times, or less than
    eight times; no finer than BITS say."""
    layer = one_layer_of(margin.paths.statement)
    cells = [cell for cell in layer.cells() if layer.cell_size(*cell)]
    triples = []
    for done, (q, m) in enumerate(cells):
        cell = Cell(margin.enclosure, q, m)
        for x in cell.active:
            free, base = cell.table.free, cell.table.base
            highest = int(free.upper[:, :, x].max(axis=1, initial=0).sum()) + int(base.upper[x])
            sizes = [*free.lower[:, :, x].flat, *free.upper[:, :, x].flat, base.lower[x], base.upper[x]]
            largest = max(int(abs(size)).bit_length() for size in sizes)
            up = max(0, (highest // grid).bit_length() - 3, largest - BITS)
            triples.append(Triple(q, m, x, cell.table.unit + up))
        if progress is not None:
            progress(done + 1, len(cells))
    return Triples(tuple(triples))

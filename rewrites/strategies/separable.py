"""Two-sided count in one pass by generating functions; needs no search, and K may be large.

Source: :mod:`..rules.generating_function_count`; for the loss :mod:`..rules.cell_loss`.
"""

from __future__ import annotations

from functools import partial

from ...engine.graph import ProofGraph
from ..advice import cell_differences
from ..advice.grid_steps import choose
from ..rules.cell_loss import CellLoss
from ..rules.generating_function_count import GeneratingFunctionCount
from . import Options, Progress

SUMMARY = "two-sided count by truncated polynomial products; narrow but not exact"


def derive(graph: ProofGraph, margin: int, options: Options, progress: Progress) -> int:
    triples = choose(graph.claim(margin), options.grid, partial(progress, "choosing grids"))
    return graph.apply(GeneratingFunctionCount(), [margin], triples)


def derive_loss(graph: ProofGraph, paths: int, options: Options, progress: Progress) -> int:
    differences = cell_differences.choose(graph.claim(paths), partial(progress, "bounding logit differences"))
    return graph.apply(CellLoss(partial(progress, "bounding cells")), [paths], differences)

"""The worst ratio of every cell at the vertices of its score box, the same output in all terms.

A configuration names the split of EQKE (see :mod:`.subcubic`): EQKE itself, or what a split leaves as noise.

Source: Vertex-Softmax, arXiv 2605.10974.
"""

from __future__ import annotations

from ...engine.graph import ProofGraph
from ..rules.vertex_cells import VertexCells
from . import Options, Progress, cubic, paths_under
from .splits import attention
from .splits.common import Workbench

SUMMARY = "lower bound by worst ratios, output by output, in V^4 K steps; no search"
DEFAULT_VARIANT = "EQKE"
VARIANTS = (*attention.OPTIONS, *attention.OTHERS)
PARTS = (("attention", attention.TOLD),)


def derive(graph: ProofGraph, margin: int, options: Options, progress: Progress) -> int:
    paths = paths_under(graph, margin)
    bench = Workbench.of(graph, paths, any_row=True)
    progress("judging tokens at vertices", 0, 1)
    split = attention.attention_split(bench, options.variant or DEFAULT_VARIANT)
    count = graph.apply(VertexCells(), [split, margin])
    progress("judging tokens at vertices", 1, 1)
    return count


def derive_loss(graph: ProofGraph, paths: int, options: Options, progress: Progress) -> int:
    """The cubic proof's: worst ratios are compared with zero only."""
    return cubic.derive_loss(graph, paths, options, progress)

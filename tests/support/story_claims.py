"""The claims of the mechanistic story of a small network, in a graph of their own."""

from __future__ import annotations

from typing import Any

from mechproof.engine.graph import ProofGraph
from mechproof.rewrites.standard_forms import paths_of
from mechproof.rewrites.strategies.splits.common import Workbench
from mechproof.rewrites.strategies.splits.story import Story, story


def bench_of(net: Any) -> Workbench:
    """A fresh graph with the network's paths."""
    graph = ProofGraph()
    paths = paths_of(graph, net.statement)
    return Workbench.of(graph, paths, any_row=False)


def told(net: Any) -> tuple[Workbench, Story]:
    """The workbench and the ids of the story's claims."""
    bench = bench_of(net)
    return bench, story(bench)

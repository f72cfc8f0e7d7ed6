"""The inputs that a count of float runs leaves open, one by one.

Reads the tree of the proof: its leaves that are neither right nor wrong.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence

from ..engine.graph import ProofGraph
from ..models.one_layer import one_layer_of
from .rules.box_extremes import Cell
from .rules.float_margin import FloatMargin
from .rules.token_order_tree import CellTree, TokenOrderTree, Tree, TreeReader, token_digits

LISTED = 64


def float_margin(graph: ProofGraph) -> FloatMargin | None:
    """The claim about float runs of a graph, if it has one."""
    claims = (graph.claim(step.claim) for step in graph.derivations())
    return next((claim for claim in claims if isinstance(claim, FloatMargin)), None)


def undecided_inputs(graph: ProofGraph, limit: int = LISTED) -> list[tuple[int, ...]] | None:
    """The first ``limit`` sequences on which runs are neither all shown right nor all wrong; None without a tree."""
    for step in graph.derivations():
        margin = graph.claim(step.premises[0]) if step.premises else None
        if isinstance(step.rule, TokenOrderTree) and isinstance(margin, FloatMargin):
            return list(itertools.islice(_open(margin, step.advice), limit))
    return None


def _open(margin: FloatMargin, tree: Tree) -> Iterator[tuple[int, ...]]:
    layer = one_layer_of(margin.statement)
    reader = TreeReader(tree.symbols, token_digits(layer.d_vocab), TokenOrderTree.name)
    for q, m in layer.cells():
        if not layer.cell_size(q, m):
            continue
        cell = Cell(margin.enclosure, q, m)
        match reader.symbol():
            case "W":
                reader.token()
            case "S":
                yield from _open_leaves(CellTree(margin, cell), reader)
            case "U":
                free = itertools.product(range(m + 1), repeat=layer.n_ctx - 1)
                yield from ((*tokens, q) for tokens in free if m in (*tokens, q))


def _open_leaves(tree: CellTree, reader: TreeReader) -> Iterator[tuple[int, ...]]:
    stack = tree.roots()[::-1]
    while stack:
        node = tree.settled(stack.pop())
        if node is None:
            continue
        match reader.symbol():
            case "W":
                reader.token()
            case "S":
                stack.extend(reversed(tree.split(node)))
            case "U":
                choices: list[Sequence[int]] = [(token,) for token in node.tokens]
                for p in node.positions:
                    choices[p] = tree.order[node.level + (p < node.start) :]
                yield from ((*tokens, tree.q) for tokens in itertools.product(*choices))

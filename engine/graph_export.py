"""A proof graph for other tools: GraphML, DOT, JSON and Mermaid.

Claims are boxes and derivations are dots between premises and conclusions.  All four show the same nodes and edges,
in one order.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable

import networkx as nx

from .graph import ProofGraph


def plain(graph: ProofGraph) -> nx.DiGraph:
    """The graph with strings only: node ids ``c0``, ``d1``; attributes ``kind`` and ``label``."""
    names = {node: f"c{node}" if isinstance(node, int) else f"d{node[1]}" for node in graph.network}
    result = nx.DiGraph()
    for node, data in graph.network.nodes(data=True):
        if "claim" in data:
            result.add_node(names[node], kind="claim", label=data["claim"].kind, text=data["claim"].sentence())
        else:
            rule = data["derivation"].rule
            result.add_node(names[node], kind="derivation", label=rule.tag, text=rule.derivation)
    result.add_edges_from((names[a], names[b]) for a, b in graph.network.edges)
    return result


def graphml(graph: ProofGraph) -> str:
    buffer = io.BytesIO()
    nx.write_graphml(plain(graph), buffer)
    return buffer.getvalue().decode() + "\n"


def node_link_json(graph: ProofGraph) -> str:
    return json.dumps(nx.node_link_data(plain(graph), edges="edges"), indent=1) + "\n"


def dot(graph: ProofGraph) -> str:
    simple = plain(graph)
    shapes = {"claim": "box", "derivation": "ellipse"}
    nodes = [
        f"  {name} [shape={shapes[d['kind']]}, label={_quoted(d['label'])}];" for name, d in simple.nodes(data=True)
    ]
    return "\n".join(["digraph proof {", *nodes, *(f"  {a} -> {b};" for a, b in simple.edges), "}"]) + "\n"


def mermaid(graph: ProofGraph) -> str:
    simple = plain(graph)
    boxes = {"claim": ("[", "]"), "derivation": ("([", "])")}
    nodes = []
    for name, data in simple.nodes(data=True):
        opening, closing = boxes[data["kind"]]
        nodes.append(f"  {name}{opening}{_quoted(data['label'])}{closing}")
    return "\n".join(["graph TD", *nodes, *(f"  {a} --> {b}" for a, b in simple.edges)]) + "\n"


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', "'") + '"'


FORMATS: dict[str, Callable[[ProofGraph], str]] = {
    "dot": dot,
    "graphml": graphml,
    "json": node_link_json,
    "mermaid": mermaid,
}

"""A proof graph for other tools (GraphML, DOT, JSON, Mermaid) and as a drawing (SVG).

Claims are boxes and derivations are dots between premises and conclusions; all show the same claims in one order.
"""

from __future__ import annotations

import html
import io
import json
from collections.abc import Callable
from typing import TYPE_CHECKING

import networkx as nx

from .transcript.plain import plain as plain_text

if TYPE_CHECKING:
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


WIDTH, HEIGHT, GAP_X, GAP_Y = 150, 36, 18, 44
DRAWN = 400


def svg(graph: ProofGraph) -> str:
    """A drawing: a box a claim with its first rule, below its premises; further derivations are dashed lines.

    Of a large graph the first :data:`DRAWN` claims are drawn, and a last line says how many are not.
    """
    claims = [node for node in graph.network if isinstance(node, int)]
    drawn = claims[:DRAWN]
    first = {claim: graph.derivations_of(claim)[0] for claim in drawn}
    level: dict[int, int] = {}
    for claim in drawn:
        level[claim] = 1 + max((level[premise] for premise in first[claim].premises), default=-1)
    rows: dict[int, list[int]] = {}
    for claim in drawn:
        rows.setdefault(level[claim], []).append(claim)
    place = {
        claim: (column * (WIDTH + GAP_X) + GAP_X, row * (HEIGHT + GAP_Y) + GAP_X)
        for row, members in rows.items()
        for column, claim in enumerate(members)
    }
    wide = max(map(len, rows.values()), default=1) * (WIDTH + GAP_X) + GAP_X
    high = len(rows) * (HEIGHT + GAP_Y) + GAP_X
    parts = []
    for claim in drawn:
        x, y = place[claim]
        for number, derivation in enumerate(graph.derivations_of(claim)):
            for premise in derivation.premises:
                if premise in place:
                    a, b = place[premise]
                    style = ' stroke-dasharray="4 3"' if number else ""
                    ends = f'x1="{a + WIDTH // 2}" y1="{b + HEIGHT}" x2="{x + WIDTH // 2}" y2="{y}"'
                    parts.append(f'<line {ends} stroke="#999"{style}/>')
    for claim in drawn:
        x, y = place[claim]
        told = html.escape(plain_text(graph.claim(claim).sentence()))
        parts.append(f'<g><title>{told}</title><rect x="{x}" y="{y}" width="{WIDTH}" height="{HEIGHT}" rx="4"')
        parts.append(' fill="#f6f8fa" stroke="#57606a"/>')
        for text, down, style in ((graph.claim(claim).kind, 15, "600"), (first[claim].rule.tag, 29, "400")):
            middle = f'x="{x + WIDTH // 2}" y="{y + down}" text-anchor="middle" font-weight="{style}"'
            parts.append(f"<text {middle}>{html.escape(text)}</text>")
        parts.append("</g>")
    if len(claims) > len(drawn):
        parts.append(f'<text x="{GAP_X}" y="{high + 12}">and {len(claims) - len(drawn)} more claims</text>')
    size = f'viewBox="0 0 {wide} {high + GAP_X}" width="{wide}" height="{high + GAP_X}"'
    opening = f'<svg xmlns="http://www.w3.org/2000/svg" {size} font-family="sans-serif" font-size="11">'
    return opening + "".join(parts) + "</svg>\n"


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', "'") + '"'


FORMATS: dict[str, Callable[[ProofGraph], str]] = {
    "dot": dot,
    "graphml": graphml,
    "json": node_link_json,
    "mermaid": mermaid,
    "svg": svg,
}

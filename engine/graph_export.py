"""A proof graph for other tools (GraphML, DOT, JSON, Mermaid) and as a drawing (SVG).

Claims are boxes and derivations are dots between premises and conclusions; all show the same claims in one order.
"""

from __future__ import annotations

import html
import io
import json
from collections.abc import Callable, Mapping, Sequence
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


WIDTH, HEIGHT, GAP_X, GAP_Y = 150, 36, 30, 56
DRAWN = 400
# Lanes of lines between two rows, and between two columns, and how far apart they are.
LANES, LANE = 9, 4
ARROW = (
    '<defs><marker id="proof-arrow" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
    '<path d="M0 0L8 4L0 8z" fill="#57606a"/></marker></defs>'
)


def svg(graph: ProofGraph) -> str:
    """A drawing: a box a claim with its first rule, below its premises; arrows lead from premises to what they show,
    past all boxes; those of further derivations are dashed.

    Of a large graph the first :data:`DRAWN` claims are drawn, and a last line says how many are not.
    """
    claims = [node for node in graph.network if isinstance(node, int)]
    drawn = claims[:DRAWN]
    first = {claim: graph.derivations_of(claim)[0] for claim in drawn}
    places = _Places(drawn, {claim: derivation.premises for claim, derivation in first.items()})
    parts = [ARROW]
    for claim in drawn:
        for number, derivation in enumerate(graph.derivations_of(claim)):
            dashed = ' stroke-dasharray="4 3"' if number else ""
            for premise in dict.fromkeys(derivation.premises):
                if premise in places.at and places.row(premise) != places.row(claim):
                    path = places.path(premise, claim)
                    parts.append(f'<path d="{path}" fill="none" stroke="#999"{dashed} marker-end="url(#proof-arrow)"/>')
    for claim in drawn:
        x, y = places.corner(claim)
        told = html.escape(plain_text(graph.claim(claim).sentence()))
        parts.append(f'<g><title>{told}</title><rect x="{x}" y="{y}" width="{WIDTH}" height="{HEIGHT}" rx="4"')
        parts.append(' fill="#f6f8fa" stroke="#57606a"/>')
        for text, down, style in ((graph.claim(claim).kind, 15, "600"), (first[claim].rule.tag, 29, "400")):
            middle = f'x="{x + WIDTH // 2}" y="{y + down}" text-anchor="middle" font-weight="{style}"'
            parts.append(f"<text {middle}>{html.escape(text)}</text>")
        parts.append("</g>")
    wide, high = places.size
    if len(claims) > len(drawn):
        parts.append(f'<text x="{GAP_X}" y="{high + 12}">and {len(claims) - len(drawn)} more claims</text>')
    size = f'viewBox="0 0 {wide} {high + GAP_X}" width="{wide}" height="{high + GAP_X}"'
    opening = f'<svg xmlns="http://www.w3.org/2000/svg" {size} font-family="sans-serif" font-size="11">'
    return opening + "".join(parts) + "</svg>\n"


class _Places:
    """Where boxes stand, by row and column: below their premises, in each row near the columns of these."""

    def __init__(self, drawn: Sequence[int], premises: Mapping[int, Sequence[int]]) -> None:
        level: dict[int, int] = {}
        for claim in drawn:
            level[claim] = 1 + max((level[premise] for premise in premises[claim]), default=-1)
        self.at: dict[int, tuple[int, int]] = {}
        self._rows = 1 + max(level.values(), default=-1)
        for row in range(self._rows):
            members = [claim for claim in drawn if level[claim] == row]
            members.sort(key=lambda claim: self._pull(premises[claim]))
            self.at |= {claim: (row, column) for column, claim in enumerate(members)}

    def _pull(self, premises: Sequence[int]) -> tuple[int, int]:
        """The mean column of some claims, as a whole number of 2^-16ths."""
        columns = [self.at[premise][1] for premise in premises]
        return (sum(columns) << 16) // max(1, len(columns)), len(columns)

    @property
    def size(self) -> tuple[int, int]:
        columns = 1 + max((column for _, column in self.at.values()), default=0)
        return columns * (WIDTH + GAP_X) + GAP_X, self._rows * (HEIGHT + GAP_Y) + GAP_X

    def row(self, claim: int) -> int:
        return self.at[claim][0]

    def corner(self, claim: int) -> tuple[int, int]:
        row, column = self.at[claim]
        return column * (WIDTH + GAP_X) + GAP_X, row * (HEIGHT + GAP_Y) + GAP_X

    def path(self, premise: int, claim: int) -> str:
        """Down from the premise into the space between rows, along it, down between two columns where rows lie in
        between, and along again to the claim: it meets no other box."""
        (a, b), (x, y) = self.corner(premise), self.corner(claim)
        lane = self.at[premise][1] % LANES
        start, end = a + WIDTH // 2, x + WIDTH // 2 + (lane - LANES // 2) * LANE
        below, above = b + HEIGHT + 8 + lane * LANE, y - GAP_Y + 8 + lane * LANE
        points = [(start, b + HEIGHT), (start, below)]
        if above != below:
            between = x - GAP_X + 4 + (lane * LANE) % (GAP_X - 8)
            points += [(between, below), (between, above)]
        points += [(end, above), (end, y)]
        kept = [point for index, point in enumerate(points) if index == 0 or point != points[index - 1]]
        return "M" + "L".join(f"{across} {down}" for across, down in kept)


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', "'") + '"'


FORMATS: dict[str, Callable[[ProofGraph], str]] = {
    "dot": dot,
    "graphml": graphml,
    "json": node_link_json,
    "mermaid": mermaid,
    "svg": svg,
}

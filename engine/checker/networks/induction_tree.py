"""``induction_tree/1``: the right inputs of an induction task by a tree of nodes; docs/certificate.md §12.2.

The groups (q, i, a) part the inputs, and so does fixing one more token. A leaf is a node that its test settles, or one
whose inputs are decided one by one, or one of which nothing is claimed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from ..certificate import Reader
from ..errors import Failure
from ..rule import Auditor, Count, Derivation, Rule, check_count, read_count
from ..shards import in_shards
from .enumeration import Deciding
from .induction import Distractors, Node, NodeTest, Tables

MARGIN_BITS = 24
POSITIONS = "0123456789abcdef"
Step = tuple[Node, str]


@dataclass(frozen=True)
class Advice:
    """Margins in units of 2**-24, ascending from 0 on, and the symbols of all nodes."""

    margins: list[int]
    symbols: str


def read_advice(reader: Reader) -> Advice:
    """The margins and the tree."""
    return Advice(*reader.object(margins=lambda: reader.items(reader.big, 26), tree=reader.nodes))


class Trees:
    """The walk through one derivation's tree; ``blocks`` are the leaves of the groups with one q and i."""

    def __init__(self, auditor: Auditor, derivation: Derivation) -> None:
        self.auditor, self.derivation, self.advice = auditor, derivation, derivation.advice
        margins = self.advice.margins
        if margins != sorted(set(margins)) or not margins or margins[0] < 0:
            raise derivation.differs("margins", margins, "another order, or one below 0")
        kinds = [layer.kind for layer in auditor.network.layers]
        attention = auditor.network.layers[1:-1]
        plain = kinds == ["embed", "attention", "attention", "unembed"] and all(
            layer.norm is None and not any(name.startswith("b_") for name in layer.tensors)
            for layer in auditor.network.layers
        )
        task = auditor.task
        everything = tuple(range(auditor.network.vocabulary[0]))
        if (
            not plain
            or any(layer.settings["heads"] != 1 or layer.settings["mask"] != "causal" for layer in attention)
            or auditor.network.layers[0].settings["tables"] != "shared"
            or task.condition not in ("repeated", "once")
            or task.right != "the token after the earlier occurrence"
            or any(tokens != everything for tokens in task.tokens)
            or task.read != (len(task.tokens) - 1,)
            or not everything[-1] < auditor.network.outputs
            or len(task.tokens) > len(POSITIONS)
        ):
            raise derivation.differs("network and task", "two plain attention layers on induction", task.name)
        self.tables = Tables(auditor.network, task, auditor.budget)

    def groups(self) -> Iterator[Node]:
        """(q, i, a) in this order."""
        n, V = self.tables.n, self.tables.tokens
        for q in range(V):
            for i in range(0 if self.tables.distinct else 1, n - 2):
                for a in range(V):
                    if a != q:
                        yield Node(self.tables, i, (*[None] * i, q, a, *[None] * (n - i - 3), q))

    def blocks(self) -> list[list[Step]]:
        """The leaves with their symbols; the sizes must add up, and so must the symbols."""
        symbols, at, size = self.advice.symbols, 0, 0
        found: dict[tuple[int | None, int], list[Step]] = {}
        for group in self.groups():
            stack = [group]
            while stack:
                node = stack.pop()
                symbol = symbols[at : at + 1 + symbols.startswith(".", at)]
                at += len(symbol)
                if symbol in POSITIONS and symbol:
                    position = POSITIONS.index(symbol)
                    if position >= self.tables.n or node.fixed[position] is not None:
                        raise self.refused(node, symbol, "a free position")
                    stack += node.children(position)
                    self.auditor.budget.spend(len(node.rest))
                    continue
                if symbol not in ("!", "?") and not 0 <= ord(symbol[-1:] or "@") - ord("A") < len(self.advice.margins):
                    raise self.refused(node, symbol, "a margin, !, ? or a position")
                found.setdefault((node.fixed[-1], node.i), []).append((node, symbol))
                size += node.size
        if at != len(symbols):
            raise self.derivation.differs("tree", f"{len(symbols)} symbols", f"{at} nodes")
        if size != self.auditor.task.size:
            raise self.derivation.differs("tree", f"{size} inputs", f"{self.auditor.task.size} inputs")
        return list(found.values())

    def refused(self, node: Node, symbol: str, expected: str) -> Failure:
        """What a symbol says is not so."""
        return self.derivation.differs(f"the node with tokens {node.fixed}", symbol or "nothing", f"no {expected}")

    @cached_property
    def deciding(self) -> Deciding:
        """What decides inputs one by one."""
        return Deciding(self.auditor.passes)

    def count(self, leaves: list[Step]) -> tuple[int, int]:
        """How many inputs of some leaves with one q and i are right, and wrong."""
        right = wrong = 0
        wide: Distractors | None = None
        for node, symbol in leaves:
            if symbol == "!":
                number = 0
                for tokens in node.inputs():
                    (outcome,) = self.deciding.outcomes(tokens, self.deciding.passes.answers(tokens))
                    number, right, wrong = number + 1, right + (outcome is True), wrong + (outcome is False)
                self.deciding.passes.compare(number, node.size)
            elif symbol != "?":
                if len(symbol) == 1:
                    held = wide = wide or node.distractors(wide=True)
                else:
                    held = node.distractors(wide=False)
                margin = self.advice.margins[ord(symbol[-1]) - ord("A")]
                # to the units of the tables, up
                if not NodeTest(node, held).holds(-((-margin << self.tables.bits) >> MARGIN_BITS)):
                    raise self.refused(node, symbol, "such margin is shown")
                right += node.size
        return right, wrong

    def counted(self) -> Count:
        """At least so many inputs are right, and at most."""
        blocks = self.blocks()
        if "!" in self.advice.symbols:
            _ = self.deciding  # made once, before processes share the work
        right, wrong = in_shards(lambda at: self.count(blocks[at]), len(blocks), self.auditor.jobs)
        return Count(right, self.auditor.task.size - wrong)


def check(auditor: Auditor, derivation: Derivation) -> None:
    """Holds when the stated bounds are no better than what the tree shows."""
    check_count(derivation, Trees(auditor, derivation).counted())


RULE = Rule("induction_tree/1", ("network",), "right_count", read_advice, read_count, check)  # type: ignore[arg-type]

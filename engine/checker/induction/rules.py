"""``induction_tree/1``, ``induction_loss/1``, ``induction_margin/1``: the right inputs of an induction task, the mean
loss and the least margin, by a tree of nodes; docs/certificate.md §11.2.

The groups (q, i, a) part the inputs, and so does fixing one more token. A leaf is a node that its test settles, or one
whose inputs are decided one by one, or one of which nothing is claimed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from ..certificate import Reader
from ..errors import Failure
from ..exponential import exponential, shifted_up
from ..logarithm import UNIT_BITS, logarithm
from ..networks.enumeration import Deciding
from ..networks.loss import BITS, total
from ..networks.margin import check_witness, enclosures
from ..relations import Loss, Margin
from ..rule import Auditor, Count, Derivation, Rule, check_count, check_enclosure, read_count
from ..shards import in_shards
from .node import PRECISION, Distractors, Node, NodeTest, Tables

MARGIN_BITS = 24
POSITIONS = "0123456789abcdef"
Step = tuple[Node, str]


@dataclass(frozen=True)
class Advice:
    """Margins in units of 2**-24, ascending from 0 on, and the symbols of all nodes; for a least margin, an input."""

    margins: list[int]
    symbols: str
    witness: Sequence[int] = ()


def read_advice(reader: Reader, **more: Callable[[], Any]) -> Advice:
    """The margins and the tree."""
    return Advice(*reader.object(margins=lambda: reader.items(reader.big, 26), tree=reader.nodes, **more))


def read_margin_advice(reader: Reader) -> Advice:
    """The same with ``"witness":[t_0,..]``, an input with a small margin."""
    return read_advice(reader, witness=lambda: reader.items(reader.small))


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
                long = {".": 1, "w": 1 + self.digits}.get(symbols[at : at + 1], 0)
                symbol = symbols[at : at + 1 + long]
                at += len(symbol)
                if symbol in POSITIONS and symbol:
                    position = POSITIONS.index(symbol)
                    if position >= self.tables.n or node.fixed[position] is not None:
                        raise self.refused(node, symbol, "a free position")
                    stack += node.children(position)
                    self.auditor.budget.spend(len(node.rest))
                    continue
                if symbol.startswith("w"):
                    self.named(node, symbol)
                elif symbol not in ("!", "?") and not 0 <= ord(symbol[-1:] or "@") - ord("A") < len(
                    self.advice.margins
                ):
                    raise self.refused(node, symbol, "a margin, !, ? or a position")
                found.setdefault((node.fixed[-1], node.i), []).append((node, symbol))
                size += node.size
        if at != len(symbols):
            raise self.derivation.differs("tree", f"{len(symbols)} symbols", f"{at} nodes")
        if size != self.auditor.task.size:
            raise self.derivation.differs("tree", f"{size} inputs", f"{self.auditor.task.size} inputs")
        return list(found.values())

    @property
    def digits(self) -> int:
        """How many hexadecimal digits name an output."""
        return len(f"{self.auditor.network.outputs - 1:x}")

    def named(self, node: Node, symbol: str) -> tuple[int, int]:
        """The key with a fixed token, and the wrong output, of a node that is wrong throughout."""
        if len(symbol) != 2 + self.digits or any(x not in POSITIONS for x in symbol[1:]):
            raise self.refused(node, symbol, "a key and an output")
        key, output = int(symbol[1], 16), int(symbol[2:], 16)
        if key >= self.tables.n or node.fixed[key] is None or output == node.fixed[node.i + 1]:
            raise self.refused(node, symbol, "a key with a fixed token and a wrong output")
        if output >= self.auditor.network.outputs:
            raise self.refused(node, symbol, "an output")
        return key, output

    def refused(self, node: Node, symbol: str, expected: str) -> Failure:
        """What a symbol says is not so."""
        return self.derivation.differs(f"the node with tokens {node.fixed}", symbol or "nothing", f"no {expected}")

    def settled(self, leaves: list[Step]) -> Iterator[tuple[Node, int | None]]:
        """Each of some leaves with one q and i, with the margin that its test shows, in units of 2**-24; -1 where its
        inputs are wrong; None where they are to be decided. Nothing is said of the others."""
        wide: Distractors | None = None
        for node, symbol in leaves:
            if symbol == "!":
                yield node, None
            elif symbol.startswith("w"):
                key, output = self.named(node, symbol)
                if not NodeTest(node, node.distractors(wide=False), (key, output)).holds(0):
                    raise self.refused(node, symbol, "input is shown wrong")
                yield node, -1
            elif symbol != "?":
                wide = wide or node.distractors(wide=True)
                margin = self.advice.margins[ord(symbol[-1]) - ord("A")]
                # to the units of the tables, up
                units = -((-margin << self.tables.bits) >> MARGIN_BITS)
                # what is known of more tokens often does, and is at hand
                if not NodeTest(node, wide).holds(units) and not (
                    len(symbol) > 1 and NodeTest(node, node.distractors(wide=False)).holds(units)
                ):
                    raise self.refused(node, symbol, "such margin is shown")
                yield node, margin

    @cached_property
    def deciding(self) -> Deciding:
        """What decides inputs one by one."""
        return Deciding(self.auditor.passes)

    def visited(self, node: Node) -> Iterator[tuple[tuple[int, ...], Sequence[int]]]:
        """Each input of a node, with its right answers."""
        number = 0
        for tokens in node.inputs():
            number += 1
            yield tokens, self.auditor.passes.answers(tokens)
        self.auditor.passes.compare(number, node.size)

    def summed(self, count: Callable[[list[Step]], tuple[int, int]]) -> tuple[int, int]:
        """The sums of ``count`` over the blocks."""
        blocks = self.blocks()
        if "!" in self.advice.symbols:
            _ = self.deciding  # made once, before processes share the work
        return in_shards(lambda at: count(blocks[at]), len(blocks), self.auditor.jobs)

    def require_margins(self) -> None:
        """Bounds of least margins and of losses need one of every leaf."""
        for symbol in "?w":
            if symbol in self.advice.symbols:
                raise self.derivation.differs("tree", symbol, "a leaf of which no margin is known")


def check(auditor: Auditor, derivation: Derivation) -> None:
    """Holds when the stated bounds are no better than what the tree shows."""
    trees = Trees(auditor, derivation)

    def count(leaves: list[Step]) -> tuple[int, int]:
        """How many inputs of some leaves are right, and wrong."""
        right = wrong = 0
        for node, margin in trees.settled(leaves):
            if margin is not None:
                right, wrong = (right + node.size, wrong) if margin >= 0 else (right, wrong + node.size)
                continue
            for tokens, answers in trees.visited(node):
                (outcome,) = trees.deciding.outcomes(tokens, answers)
                right, wrong = right + (outcome is True), wrong + (outcome is False)
        return right, wrong

    right, wrong = trees.summed(count)
    check_count(derivation, Count(right, auditor.task.size - wrong))


def check_margin(auditor: Auditor, derivation: Derivation) -> None:
    """Holds when every leaf shows a margin of ``low`` at least, and one input has one of ``high`` at most."""
    trees, stated = Trees(auditor, derivation), derivation.conclusion

    def below(leaves: list[Step]) -> tuple[int, int]:
        """How many leaves and inputs are not seen to reach the lower bound."""
        unseen = 0
        for node, margin in trees.settled(leaves):
            if margin is not None:
                unseen += margin << UNIT_BITS - MARGIN_BITS < stated.low
            else:
                for tokens, _ in trees.visited(node):
                    unseen += all(low < stated.low for low, _ in enclosures(auditor.passes, tokens))
        return unseen, 0

    trees.require_margins()
    unseen, _ = trees.summed(below)
    if unseen:
        raise derivation.differs("low", stated.low, f"{unseen} leaves that may be below it")
    check_witness(auditor.passes, derivation, trees.advice.witness)


def check_loss(auditor: Auditor, derivation: Derivation) -> None:
    """Holds when the mean of the leaves' bounds is no better than stated.

    With a margin g over C - 1 outputs the loss is at most log(1 + (C - 1) exp(-g)); a lower bound is of the inputs that
    are decided one by one.
    """
    trees, rivals = Trees(auditor, derivation), auditor.network.outputs - 1
    most = [highest_loss(margin, rivals) for margin in trees.advice.margins]

    def bounds(leaves: list[Step]) -> tuple[int, int]:
        """Bounds of the sum of the losses."""
        low = high = 0
        for node, margin in trees.settled(leaves):
            if margin is None:
                ends = total(auditor.passes, derivation, trees.visited(node))
                low, high = (x + (end << UNIT_BITS - BITS) for x, end in zip((low, high), ends, strict=True))
            else:
                high += node.size * most[trees.advice.margins.index(margin)]
        return low, high

    trees.require_margins()
    check_enclosure(derivation, *trees.summed(bounds), auditor.inputs)


def highest_loss(margin: int, rivals: int) -> int:
    """At least log(1 + rivals exp(-margin / 2**24)), in units of 2**-128.

    >>> highest_loss(0, 1) * 10**12 >> 128, highest_loss(100 << 24, 25)
    (693147180559, 1)
    """
    _, power, exponent = exponential(-margin, -MARGIN_BITS, 1, PRECISION)
    work = UNIT_BITS + MARGIN_BITS
    above = (1 << work) + rivals * shifted_up(power, exponent + work)
    return shifted_up(logarithm(above, work)[1], -MARGIN_BITS)


RULES = (
    Rule("induction_tree/1", ("network",), "right_count", read_advice, read_count, check),  # type: ignore[arg-type]
    Rule("induction_loss/1", ("network",), "loss", read_advice, Loss.read, check_loss),  # type: ignore[arg-type]
    Rule("induction_margin/1", ("network",), "margin", read_margin_advice, Margin.read, check_margin),  # type: ignore[arg-type]
)

"""Every input of an induction task by a tree of nodes: counts of right and wrong inputs, and of those with a margin.

The groups (q, i, a) part the inputs, and so does every branching below them.  A leaf is settled by the node test for
one of the tree's margins, or its inputs are decided one by one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import islice
from typing import Any

import numpy as np

from ....engine.cost import Cost
from ....engine.digest import digest
from ....engine.ledger import Ledger
from ....engine.rule import NotEstablished, Rule
from ....models.statement import Statement
from ...enumeration.outcome import RIGHT, WRONG, Outcome
from ..count import Count
from ..every_input import DECIDED_BY_RADIUS
from ..network_function import NetworkFunction
from .distractor_row import DISTRACTOR_ROW, SHARE_ENDS
from .node_test import NODE_TEST
from .nodes import PARTITION, Node, groups
from .query_row import QUERY_ATOMS
from .ratio import RATIO
from .reference_row import REFERENCE_ROW
from .sign_form import SIGN_FORM
from .tables import InductionTables

MARGIN_BITS = 24
POSITIONS = "0123456789abcdef"
LEDGER = (
    "Each row is a set of inputs, a leaf of the tree: the tokens of all positions, with a star where any may stand "
    "that the task allows there, how it was settled, how many inputs it has, and how many of them are right and "
    "wrong. Sets whose inputs were decided together share a row, named by the first. No two rows share an input and "
    "together they are all, so that the last columns add up to the numbers of inputs that are shown right and wrong."
)
OWN, EACH, OPEN, ALL_WRONG = ".", "!", "?", "w"
BLOCK = 1 << 13  # inputs that are decided together


@dataclass(frozen=True)
class NodeTree:
    """Advice: margins in units of 2^-24, from 0 on, and the nodes' symbols, group after group, depth first.

    A capital letter: every input has a margin above that of the letter's place (A the first), by the test with the
    distractors of the group's q and i; after a dot: with those of the node's own tokens.  ``w``, the position of a key
    in one hexadecimal digit and an output in as many as the last one has: every input is wrong, since that output is
    above the right one, seen from that key.  ``!``: each input is decided; ``?``: nothing is known.  A hexadecimal
    digit: the position at which the node is parted; its children follow.
    """

    margins: tuple[int, ...]
    symbols: str


@dataclass(frozen=True)
class Leaf:
    """A settled node: above the margin with that number, or wrong throughout; or nodes whose inputs were decided one by
    one, together; or one of which nothing is known."""

    nodes: tuple[Node, ...]
    level: int | None = None
    outcome: Outcome | None = None
    wrong: bool = False

    @property
    def size(self) -> int:
        """How many inputs it has."""
        return sum(node.size for node in self.nodes)

    def counts(self) -> tuple[int, int]:
        """How many of its inputs are right, and wrong."""
        if self.level is not None or self.wrong:
            return (0, self.size) if self.wrong else (self.size, 0)
        if self.outcome is None:
            return 0, 0
        return int((self.outcome.verdicts == RIGHT).sum()), int((self.outcome.verdicts == WRONG).sum())


@dataclass(frozen=True)
class RightInputs(Count):
    """At least ``right`` inputs are right and ``wrong`` are wrong; ``above``: so many are shown to exceed each margin.

    ``decided``: inputs that were decided one by one; ``shown_wrong``: inputs of nodes that are wrong throughout;
    ``groups``: how many groups are right by one test, without branching, and how many there are.
    """

    statement: Statement
    right: int
    wrong: int
    margins: tuple[Fraction, ...]
    above: tuple[int, ...]
    tests: int
    decided: int
    shown_wrong: int
    groups: tuple[int, int]

    @property
    def low(self) -> int:
        return self.right

    @property
    def high(self) -> int:
        return self.statement.inputs - self.wrong

    def identity(self) -> str:
        levels = [[str(margin), hex(count)] for margin, count in zip(self.margins, self.above, strict=True)]
        return digest([self.statement.sha256, hex(self.right), hex(self.wrong), levels])

    def sentence(self) -> str:
        total = self.statement.inputs
        exact = self.right + self.wrong == total
        said = "exactly" if exact else "at least"
        margins = "".join(
            f" At least ${count}$ have a margin above ${margin}$."
            for margin, count in zip(self.margins, self.above, strict=True)
            if margin
        )
        return f"Of ${total}$ inputs {said} ${self.right}$ are right and {said} ${self.wrong}$ wrong.{margins}"


# What a leaf's test says, with its bounds.
TOLD = (
    "The groups $(q, i, a)$ (the query's token, where it stands before, the right answer) and every branching part the "
    "inputs ([@partition]). On a leaf let $r$ be the reference key, the position behind the earlier $q$, and $b "
    "\\ne a$ an "
    "output. For every other key $k$ and every pair of tokens $t_k$, $t_{k-1}$ that the leaf allows, let $g_k(t_k, "
    "t_{k-1})$ "
    "be at most the score of $r$ minus that of $k$, $v_k(t_k, t_{k-1})$ at most what attention to $k$ alone gives "
    "output $a$ "
    "more than $b$, $v_r$ the same of $r$, and $\\delta_b$ at most what the query's own row gives, by [@query-atoms], "
    "[@least-ratio], [@reference-row], [@share-ends] and [@distractor-row]. By [@sign-form] and [@node-test] the "
    "margin over $b$ "
    "exceeds $\\gamma$ on all inputs of the leaf when $$v_r + \\delta_b - \\gamma - \\max_{t} \\sum_{k \\ne r} "
    "e^{-g_k(t_k, t_{k-1})} \\max\\bigl(0, \\gamma - \\delta_b - v_k(t_k, t_{k-1})\\bigr) > 0,$$ the maximum over "
    "the chains "
    "of tokens that the leaf allows, found position by position. The leaf has the margin $\\gamma$ when this holds "
    "for every "
    "$b \\ne a$."
)


class InductionTree(Rule):
    """From the network and its tables.  Advice: :class:`NodeTree`.  A false symbol refuses the whole tree."""

    name = "induction_tree"
    premises = (NetworkFunction, InductionTables)
    certifiable = True
    left_out = 1
    lemmas = (
        SIGN_FORM,
        RATIO,
        QUERY_ATOMS,
        REFERENCE_ROW,
        SHARE_ENDS,
        DISTRACTOR_ROW,
        NODE_TEST,
        PARTITION,
        DECIDED_BY_RADIUS,
    )
    derivation = (
        f"{TOLD} Its inputs are right for $\\gamma = 0$; they are all wrong when it holds with some other output in "
        f"place of "
        "$a$, $a$ alone in place of $b$, and any key whose token the leaf fixes as the reference. Inputs of the "
        "remaining "
        "leaves are decided one by one ([@decided-by-radius])."
    )
    cost = Cost()

    def conclude(self, premises: Sequence[Any], advice: NodeTree) -> RightInputs:
        _, tables = premises
        leaves = list(self.leaves(tables, advice))
        counts = [leaf.counts() for leaf in leaves]
        roots = groups(tables.statement.task.inputs)
        if sum(leaf.size for leaf in leaves) != tables.statement.inputs:
            raise AssertionError("the leaves do not add up to the inputs")
        whole = [1 for leaf in leaves if leaf.level is not None and len(leaf.nodes[0].free) == len(roots[0].free)]
        levels = [
            sum(leaf.size for leaf in leaves if leaf.level is not None and advice.margins[leaf.level] >= margin)
            for margin in advice.margins
        ]
        return RightInputs(
            tables.statement,
            sum(right for right, _ in counts),
            sum(wrong for _, wrong in counts),
            tuple(Fraction(margin, 1 << MARGIN_BITS) for margin in advice.margins),
            tuple(levels),
            sum(symbol != OWN for symbol in advice.symbols) - (1 + _digits(tables)) * advice.symbols.count(ALL_WRONG),
            sum(leaf.size for leaf in leaves if leaf.outcome is not None),
            sum(leaf.size for leaf in leaves if leaf.wrong),
            (len(whole), len(roots)),
        )

    def leaves(self, tables: InductionTables, advice: NodeTree, *, losses: bool = False) -> Iterator[Leaf]:
        """Every leaf, once its symbol is shown to be true; inputs are decided with their losses or without."""
        if list(advice.margins) != sorted(set(advice.margins)) or min(advice.margins, default=-1) < 0:
            raise NotEstablished(self.tag, "the margins of a tree ascend, from 0 on")
        symbols = iter(advice.symbols)
        stack = groups(tables.statement.task.inputs)[::-1]
        waiting: list[Node] = []
        while stack:
            node = stack.pop()
            symbol = next(symbols, "")
            wide = symbol != OWN
            symbol = symbol if wide else next(symbols, "")
            level = ord(symbol) - ord("A") if symbol else -1
            if 0 <= level < len(advice.margins):
                margin = tables.grid.units(advice.margins[level], 1 << MARGIN_BITS)
                if not tables.holds(node, margin, wide=wide):
                    raise NotEstablished(self.tag, f"a node at {node.fixed} is not shown to have margin {symbol}")
                yield Leaf((node,), level)
            elif wide and symbol == ALL_WRONG:
                key, output = self._named(tables, node, symbols)
                if not tables.fails(node, key, output):
                    raise NotEstablished(self.tag, f"a node at {node.fixed} is not shown to be wrong")
                yield Leaf((node,), wrong=True)
            elif wide and symbol == EACH:
                waiting.append(node)
                if sum(node.size for node in waiting) > BLOCK:
                    yield _decided(tables, waiting, losses)
                    waiting = []
            elif wide and symbol == OPEN:
                yield Leaf((node,))
            elif wide and symbol and symbol in POSITIONS and POSITIONS.index(symbol) in node.free:
                stack.extend(reversed(list(node.children(POSITIONS.index(symbol)))))
            else:
                raise NotEstablished(self.tag, f"symbol {symbol!r} at a node {node.fixed}")
        if waiting:
            yield _decided(tables, waiting, losses)
        if next(symbols, ""):
            raise NotEstablished(self.tag, "the tree has more symbols than nodes")

    def _named(self, tables: InductionTables, node: Node, symbols: Iterator[str]) -> tuple[int, int]:
        """The key and the output that follow a w."""
        key, output = POSITIONS.find(next(symbols, "?")), "".join(islice(symbols, _digits(tables)))
        known = len(output) == _digits(tables) and all(digit in POSITIONS for digit in output)
        if not (0 <= key < len(node.fixed) and node.fixed[key] is not None and known):
            raise NotEstablished(self.tag, f"the key of a node at {node.fixed} is not fixed")
        if not int(output, 16) < tables.grid.form.outputs or int(output, 16) == node.a:
            raise NotEstablished(self.tag, f"{output} is not one of the wrong outputs")
        return key, int(output, 16)

    def ledger(self, premises: Sequence[Any], advice: NodeTree) -> Ledger:
        _, tables = premises
        rows = []
        for leaf in self.leaves(tables, advice):
            shown = (
                "one by one" if leaf.outcome is not None else "test" if leaf.level is not None or leaf.wrong else "open"
            )
            tokens = " ".join("*" if token is None else str(token) for token in leaf.nodes[0].fixed)
            more = f" and {len(leaf.nodes) - 1} more" if len(leaf.nodes) > 1 else ""
            rows.append((tokens + more, shown, leaf.size, *leaf.counts()))
        return Ledger("count.csv", ("tokens", "shown by", "inputs", "right", "wrong"), tuple(rows), LEDGER)

    def charge(self, premises: Sequence[Any], advice: NodeTree) -> Cost:
        """A test reads every pair of tokens of every key from every atom."""
        _, tables = premises
        form = tables.grid.form
        n, V = form.positions, form.tokens
        entries = n * V**2 * n * V
        tests = len(advice.symbols)
        work = 4 * entries * tests
        return Cost(multiply=work, add=work, compare=work // 2, exp=(n * V) ** 2)

    def encode(self, advice: NodeTree) -> dict[str, Any]:
        return {"margins": [hex(margin) for margin in advice.margins], "tree": advice.symbols}


def wrong_symbols(tables: InductionTables, key: int, output: int) -> str:
    """The symbols of a node that is wrong throughout."""
    return f"{ALL_WRONG}{key:x}{output:0{_digits(tables)}x}"


def _digits(tables: InductionTables) -> int:
    """How many hexadecimal digits name an output."""
    return len(f"{tables.grid.form.outputs - 1:x}")


def _decided(tables: InductionTables, nodes: Sequence[Node], losses: bool) -> Leaf:
    """Every input of some nodes, decided."""
    decider = tables.with_losses if losses else tables.decider
    return Leaf(tuple(nodes), outcome=decider.decide(0, np.concatenate([node.inputs() for node in nodes])))

"""Counts over sets of inputs: a tree of boxes whose leaves are shown right, or wrong, throughout.

Theorem.  Let a network have one layer of attention, then perhaps an MLP, then an unembedding, perhaps behind a norm.
The inputs that count at a read position are split into disjoint sets.  On a leaf R every output but the right one
is shown to be below it, on a leaf W one output is shown to be at least as large; inputs of a leaf E are decided one by
one, and nothing is said of a leaf U.  So the sizes of R, and of what E finds right, add up to at most the number of
right inputs; those of W, and of what E finds wrong, to at most the number of wrong ones.

Proof.  The tests are the lemmas of the rule, applied to exact tables with directed rounding (rewrites/boxes/bounds.py);
sizes are integers and add up to the size of the whole, which is tested too.  With several read positions, an input is
right when it is right at each of them: at most the sum of those not shown right are not right (union bound).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from sympy import symbols

from ...engine.certificate import hex_integer, signed_table, small_table
from ...engine.cost import Cost
from ...engine.digest import digest
from ...engine.domains.separable import SeparableDomain
from ...engine.form import Form, form_of
from ...engine.interpret import Interpreter
from ...engine.ledger import Ledger
from ...engine.rule import NotEstablished, Rule
from ...models.statement import Statement
from ...models.tasks.inputs import InputSet
from ...models.tasks.task import Answer, Task
from ..boxes.answers import ReadPosition
from ..boxes.bounds import Units
from ..boxes.tree import Counted, Replay, Tree
from ..enumeration import decide
from .box_derivation import SEPARABLE, derivation
from .box_extremes import BOX
from .box_partition import PARTS
from .count import Count
from .final_norm import NORM
from .joint_heads import HEADS
from .list_extremes import LISTS
from .network_function import NetworkFunction
from .pointwise_lines import LINES
from .ratio_bound import RATIO
from .sum_extremes import SUMS

SYMBOLS = {"R": "right throughout", "W": "wrong throughout", "E": "to be found one by one", "U": "open"}
LEDGER = (
    "Each row is a leaf of the tree of a read position, in the order of the tree: what is shown of its inputs, how "
    "many they are, and how many are right and wrong there. What is found one by one is counted in one row, of no "
    "inputs of its own. At each position the leaves share no input and are all, so that the last columns add up to "
    "what is shown right and wrong there."
)
N, P, T, H = symbols("N P T H", positive=True, integer=True)


@dataclass(frozen=True)
class Boxes:
    """The advice: one tree a read position, and the units of their numbers."""

    units: Units
    trees: tuple[Tree, ...]


@dataclass(frozen=True)
class AtPosition:
    """What a tree shows at one read position, in inputs (``of`` in all): so many have margins above the threshold of
    its units, so many at most that."""

    position: int
    right: int
    wrong: int
    of: int
    leaves: tuple[tuple[str, int], ...]


@dataclass(frozen=True)
class BoxCount(Count):
    """The inputs (or pairs of input and read position) that are right: at least ``low``, at most ``high``."""

    statement: Statement
    found: tuple[AtPosition, ...]

    @property
    def low(self) -> int:
        if self.statement.task.counted == "pairs":
            return sum(here.right for here in self.found)
        total = self.statement.inputs
        return max(0, total - sum(total - here.right for here in self.found))

    @property
    def high(self) -> int:
        if self.statement.task.counted == "pairs":
            return sum(here.of - here.wrong for here in self.found)
        return min(here.of - here.wrong for here in self.found)

    def identity(self) -> str:
        return digest(
            [self.statement.sha256, [[here.position, hex(here.right), hex(here.wrong)] for here in self.found]]
        )

    def sentence(self) -> str:
        total, what = self.statement.inputs, self.statement.unit
        if self.low == self.high:
            return f"Of ${total}$ {what} exactly ${self.low}$ are right."
        return f"Of ${total}$ {what} at least ${self.low}$ and at most ${self.high}$ are right."


@dataclass(frozen=True)
class _AtOne:
    """The answers at one read position of a task."""

    answer: Answer
    index: int

    @property
    def text(self) -> str:
        return self.answer.text

    @property
    def meaning(self) -> str:
        return self.answer.meaning

    def __call__(self, tokens: np.ndarray) -> np.ndarray:
        return self.answer(tokens)[:, self.index : self.index + 1]


@lru_cache(maxsize=4)
def forms_of(statement: Statement) -> tuple[Form, ...]:
    """The separable form of the logits at each read position; raises
    :class:`~...engine.domains.separable.NotSeparable`."""
    network, task = statement.network, statement.task
    run = Interpreter(network.term(task.positions, task.read), network.values(task.positions))
    rows = run.rows(SeparableDomain(task.inputs.sets))
    return tuple(form_of(row, position) for row, position in zip(rows, task.read, strict=True))


def form_at(statement: Statement, index: int) -> Form:
    """The form of one of them."""
    return forms_of(statement)[index]


Told = Callable[[int, int], None]


def silent(done: int, total: int) -> None:
    """No progress report."""


def found_by(statement: Statement, advice: Boxes, tag: str, progress: Told = silent) -> tuple[AtPosition, ...]:
    """What the trees show, position by position; raises :class:`~...engine.rule.NotEstablished`."""
    if len(advice.trees) != len(statement.task.read):
        raise NotEstablished(tag, f"{len(advice.trees)} trees for {len(statement.task.read)} read positions")
    steps = 1000 * len(advice.trees)
    return tuple(
        _found_at(statement, index, advice, tag, lambda done, index=index: progress(1000 * index + done, steps))
        for index in range(len(advice.trees))
    )


def _found_at(statement: Statement, index: int, advice: Boxes, tag: str, told: Callable[[int], None]) -> AtPosition:
    read, counted = _counted(statement, index, advice, tag, told)
    tree, total = advice.trees[index], read.space.size(read.space.root)  # type: ignore[arg-type]
    right, wrong = _decided(statement, read, counted)
    leaves = tuple((symbol, tree.symbols.count(symbol)) for symbol in "RWEU")
    return AtPosition(
        read.position,
        (counted.right + right) * read.ignored,
        (counted.wrong + wrong) * read.ignored,
        total * read.ignored,
        leaves,
    )


def _counted(
    statement: Statement, index: int, advice: Boxes, tag: str, told: Callable[[int], None] = lambda done: None
) -> tuple[ReadPosition, Counted]:
    """The leaves of the tree of a read position, each tested."""
    read = ReadPosition(statement.network, statement.task, index)
    replay = Replay(read, form_at(statement, index), statement.network.outputs, advice.units, tag)
    total = read.space.size(read.space.root)  # type: ignore[arg-type]
    return read, replay.count(advice.trees[index], lambda inputs: told(1000 * inputs // total))


def _decided(statement: Statement, read: ReadPosition, counted: Counted) -> tuple[int, int]:
    """How many of the inputs of leaves E are right, and wrong."""
    if not counted.enumerated:
        return 0, 0
    task = statement.task
    inputs = np.array([tokens for node in counted.enumerated for tokens in read.inputs(node)], dtype=np.int64)
    listed = InputSet(task.inputs.sets, "listed", inputs)
    alone = Task(task.name, listed, (read.position,), _AtOne(task.answer, read.index), "pairs", task.tensors)
    found = decide(statement.network, alone, loss=False)
    return found.right, found.wrong


def encoded(advice: Boxes) -> dict[str, Any]:
    """Trees as a certificate has them."""
    units = advice.units
    return {
        "threshold": hex_integer(units.above),
        "bits": {"z": units.z, "gamma": units.gamma, "slope": units.slope},
        "trees": [
            {"symbols": tree.symbols, "places": small_table(tree.places), "numbers": signed_table(tree.numbers)}
            for tree in advice.trees
        ],
    }


def charged(statement: Statement, advice: Boxes, cost: Cost) -> Cost:
    """The work of testing the trees: every symbol tests every output at most."""
    task, network = statement.task, statement.network
    tests = sum(len(tree.symbols) for tree in advice.trees) * network.outputs
    heads = max(getattr(layer, "heads", 1) for layer in network.layers)
    sizes = {N: tests, P: task.positions, T: max(network.vocabulary(task.positions)), H: heads}
    return Cost(*(term.subs(sizes) for term in cost.terms()))


DERIVATION = (
    "The inputs are split along a tree, by [@box-parts] into disjoint sets whose sizes add up, and on each set margins "
    "are bounded by [@box-extremes], [@sum-extremes] or [@list-extremes], with [@ratio-bound], [@joint-heads], "
    "[@pointwise-lines] and [@norm-before-unembedding] where the network needs them."
)


def told_of(statement: Statement) -> str:
    """The derivation for the network and the task of a statement."""
    return derivation(statement, form_at(statement, 0))


BOX_LEMMAS = (BOX, SUMS, LISTS, RATIO, LINES, HEADS, NORM, PARTS)
COST = Cost(multiply=N * P * T * H, add=N * P * T * H, compare=N * P * T)


class BoxTree(Rule):
    """Advice: :class:`Boxes`.  Every symbol is tested; a false one refuses the whole."""

    name = "boxes"
    certifiable = True
    premises = (NetworkFunction,)
    lemmas = BOX_LEMMAS
    notions = (SEPARABLE,)
    derivation = DERIVATION
    cost = COST

    def __init__(self, progress: Told = silent) -> None:
        self._progress = progress

    def conclude(self, premises: Sequence[Any], advice: Boxes) -> BoxCount:
        (function,) = premises
        statement: Statement = function.statement
        if advice.units.above:
            raise NotEstablished(self.tag, "right are inputs whose margins exceed 0, and no other threshold")
        return BoxCount(statement, found_by(statement, advice, self.tag, self._progress))

    def derived(self, premises: Sequence[Any], advice: Boxes) -> str:
        return told_of(premises[0].statement)

    def charge(self, premises: Sequence[Any], advice: Boxes) -> Cost:
        (function,) = premises
        return charged(function.statement, advice, self.cost)

    def ledger(self, premises: Sequence[Any], advice: Boxes) -> Ledger:
        statement: Statement = premises[0].statement
        rows: list[tuple[int | str, ...]] = []
        for index in range(len(advice.trees)):
            read, counted = _counted(statement, index, advice, self.tag)
            for number, (symbol, size) in enumerate(counted.leaves):
                of = size * read.ignored
                shown = (of, 0) if symbol == "R" else (0, of) if symbol == "W" else (0, 0)
                rows.append((read.position, number, SYMBOLS[symbol], of, *shown))
            if counted.enumerated:
                right, wrong = (many * read.ignored for many in _decided(statement, read, counted))
                rows.append((read.position, len(counted.leaves), "found one by one", 0, right, wrong))
        return Ledger("count.csv", ("position", "leaf", "shown", "inputs", "right", "wrong"), tuple(rows), LEDGER)

    def encode(self, advice: Boxes) -> dict[str, Any]:
        return encoded(advice)

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
from ...engine.rule import NotEstablished, Rule
from ...models.statement import Statement
from ...models.tasks.inputs import InputSet
from ...models.tasks.task import Answer, Task
from ..boxes.answers import ReadPosition
from ..boxes.bounds import Units
from ..boxes.tree import Counted, Replay, Tree
from ..enumeration import decide
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

N, P, T, H = symbols("N P T H", positive=True, integer=True)


@dataclass(frozen=True)
class Boxes:
    """The advice: one tree a read position, and the units of their numbers."""

    units: Units
    trees: tuple[Tree, ...]


@dataclass(frozen=True)
class AtPosition:
    """What a tree shows at one read position, in inputs (``of`` in all)."""

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


class BoxTree(Rule):
    """Advice: :class:`Boxes`.  Every symbol is tested; a false one refuses the whole."""

    name = "boxes"
    certifiable = True
    premises = (NetworkFunction,)
    lemmas = (BOX, SUMS, LISTS, RATIO, LINES, HEADS, NORM, PARTS)
    derivation = (
        "The inputs are split along a tree, by [@box-parts] into disjoint sets whose sizes add up. On each leaf the "
        "margins "
        "are bounded: the MLP by lines, [@pointwise-lines], on intervals that [@ratio-bound] gives; several heads "
        "jointly, "
        "[@joint-heads]; a norm before the unembedding by [@norm-before-unembedding]. What is left is the sign of a "
        "separable sum on the set: [@box-extremes] for tokens that vary independently, [@sum-extremes] where their "
        "labels "
        "have a given sum, [@list-extremes] for lists of different numbers. All numbers are integers, rounded to the "
        "safe "
        "side; the tree, and the numbers with which its tests succeed, are in the certificate."
    )
    cost = Cost(multiply=N * P * T * H, add=N * P * T * H, compare=N * P * T)

    def __init__(self, progress: Callable[[int, int], None] = lambda done, total: None) -> None:
        self._progress = progress

    def conclude(self, premises: Sequence[Any], advice: Boxes) -> BoxCount:
        (function,) = premises
        statement: Statement = function.statement
        if len(advice.trees) != len(statement.task.read):
            raise NotEstablished(self.tag, f"{len(advice.trees)} trees for {len(statement.task.read)} read positions")
        found = [self._at(statement, index, advice) for index in range(len(advice.trees))]
        return BoxCount(statement, tuple(found))

    def _at(self, statement: Statement, index: int, advice: Boxes) -> AtPosition:
        network, task = statement.network, statement.task
        read, tree = ReadPosition(network, task, index), advice.trees[index]
        replay = Replay(read, form_at(statement, index), network.outputs, advice.units, self.tag)
        total = read.space.size(read.space.root)  # type: ignore[arg-type]
        done = index * 1000

        def told(inputs: int) -> None:
            self._progress(done + 1000 * inputs // total, 1000 * len(advice.trees))

        counted = replay.count(tree, told)
        right, wrong = self._decided(statement, read, counted)
        leaves = tuple((symbol, tree.symbols.count(symbol)) for symbol in "RWEU")
        return AtPosition(
            read.position,
            (counted.right + right) * read.ignored,
            (counted.wrong + wrong) * read.ignored,
            total * read.ignored,
            leaves,
        )

    @staticmethod
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

    def charge(self, premises: Sequence[Any], advice: Boxes) -> Cost:
        (function,) = premises
        task, network = function.statement.task, function.statement.network
        tests = sum(len(tree.symbols) for tree in advice.trees) * network.outputs
        heads = max(getattr(layer, "heads", 1) for layer in network.layers)
        sizes = {N: tests, P: task.positions, T: max(network.vocabulary(task.positions)), H: heads}
        return Cost(*(term.subs(sizes) for term in self.cost.terms()))

    def encode(self, advice: Boxes) -> dict[str, Any]:
        units = advice.units
        return {
            "threshold": hex_integer(units.above),
            "bits": {"z": units.z, "gamma": units.gamma, "slope": units.slope},
            "trees": [
                {"symbols": tree.symbols, "places": small_table(tree.places), "numbers": signed_table(tree.numbers)}
                for tree in advice.trees
            ],
        }

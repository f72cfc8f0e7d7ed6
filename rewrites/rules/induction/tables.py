"""The path expansion of two layers as a claim: tables that a tree of nodes is tested with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property, reduce
from typing import Any

import numpy as np

from ....engine.claim import Claim
from ....engine.cost import Cost
from ....engine.equality import Equal
from ....engine.interpret import Interpreter
from ....engine.rule import NotEstablished, Rule
from ....models.statement import Statement
from ....models.two_layer_paths import TwoLayerPaths
from ...enumeration.block import Decider
from ...enumeration.decide import chosen
from ...enumeration.ladder import settle
from ...enumeration.outcome import Margin, least
from ..network_function import NetworkFunction
from .form import TwoLayers
from .grid import GRID, Grid
from .node_test import Distractors, NodeTest
from .nodes import Node


@dataclass(frozen=True, eq=False)
class InductionTables(Claim):
    """The products of weights that scores and logits are mixtures of, rounded to a grid.

    What was tested is remembered: a search and the rule that replays what it found evaluate each node once.
    """

    statement: Statement
    grid: Grid
    _wide: dict[tuple[int, int], Distractors] = field(default_factory=dict)
    _held: dict[tuple[Node, bool, int], bool] = field(default_factory=dict)
    _failed: dict[tuple[Node, int, int], bool] = field(default_factory=dict)

    kind = "induction_tables"

    def conclusion(self) -> dict[str, Any]:
        return {"kind": self.kind}

    def identity(self) -> str:
        return self.statement.sha256

    def sentence(self) -> str:
        form = self.grid.form
        return (
            f"The scores of layer 2 and the logits are mixtures of the entries of eight tables over {form.positions} "
            f"positions and {form.tokens} tokens, which are known to $2^{{-{self.grid.bits}}}$."
        )

    def test(self, node: Node, *, wide: bool) -> NodeTest:
        """Whether a node's inputs are right, its distractors bounded for all nodes with its q and i, or for its own
        tokens."""
        if wide:
            key = node.q, node.i
            if key not in self._wide:
                self._wide.clear()  # groups come in order: one is enough
                self._wide[key] = Distractors(self.grid, node.q, _widest(node))
            held = self._wide[key]
        else:
            held = Distractors(self.grid, node.q, node.tokens)
        rivals = np.delete(np.arange(self.grid.form.outputs), node.a)
        return NodeTest(held, node.i + 1, node.a, rivals, node.tokens)

    def opposite(self, node: Node, key: int, output: int) -> NodeTest:
        """Whether that output is above the right one on all inputs of a node, seen from a key with a fixed token."""
        held = Distractors(self.grid, node.q, node.tokens)
        return NodeTest(held, key, output, np.array([node.a]), node.tokens)

    def holds(self, node: Node, margin: int, *, wide: bool, test: NodeTest | None = None) -> bool:
        """Whether every input of the node is shown to have a margin above ``margin`` units."""
        key = node, wide, margin
        if key not in self._held:
            self._held[key] = (test or self.test(node, wide=wide)).holds(margin)
        return self._held[key]

    def fails(self, node: Node, key: int, output: int, test: NodeTest | None = None) -> bool:
        """Whether every input of the node is shown to be wrong, since that output is above the right one."""
        asked = node, key, output
        if asked not in self._failed:
            self._failed[asked] = (test or self.opposite(node, key, output)).holds(0)
        return self._failed[asked]

    def _decider(self, loss: bool) -> Decider:
        network, task = self.statement.network, self.statement.task
        return Decider(network, task, chosen(network, task, loss=loss))

    @cached_property
    def decider(self) -> Decider:
        """Decides inputs one by one."""
        return self._decider(False)

    @cached_property
    def with_losses(self) -> Decider:
        """The same, with their losses."""
        return self._decider(True)

    @cached_property
    def _exactly(self) -> Interpreter:
        network, task = self.statement.network, self.statement.task
        return Interpreter(network.term(task.positions, task.read), network.values(task.positions))

    def least_margin(self, inputs: np.ndarray, enough: Fraction | None = None) -> Margin | None:
        """The least margin of some inputs, one a row: enclosed by balls but for those that fixed-point numbers show to
        have at least ``enough``."""
        found = self.decider.decide(0, inputs).margin
        if found is None or (None not in (found.lower, enough) and found.lower >= enough):  # type: ignore[operator]
            return found
        if len(inputs) > 1:
            halves = inputs[: len(inputs) // 2], inputs[len(inputs) // 2 :]
            return reduce(least, (self.least_margin(half, enough) for half in halves))
        (answer,) = self.statement.task.answer(inputs).tolist()
        (settled,) = settle(self._exactly, inputs[0].tolist(), answer, loss=False)
        return settled.least(inputs[0], self.statement.task.read[0])


def _widest(node: Node) -> list[np.ndarray]:
    """The tokens that any node with the same q and i may have at each position."""
    rest = np.delete(np.arange(node.vocabulary), node.q)
    return [np.array([node.q]) if m in (node.i, len(node.fixed) - 1) else rest for m in range(len(node.fixed))]


class InductionTablesRule(Rule):
    """From the network, the equation between its definition and a mixture of keys, and that between its scores and a
    mixture of atoms.  No advice."""

    name = "induction_tables"
    premises = (NetworkFunction, Equal, Equal)
    lemmas = (GRID,)
    derivation = (
        "By the two equations logits and scores are averages of what the keys' tokens, and the tokens that these and "
        "the query read, have in eight products of stored weights. These are exact; every entry is rounded down to the "
        "grid once, and the weights of layer 1 are enclosed. What rounding costs a mixture is bounded by "
        "[@rounded-mixture]."
    )
    cost = Cost()

    def conclude(self, premises: Sequence[Any], advice: Any) -> InductionTables:
        function, logits, scores = premises
        statement, tag = function.statement, self.tag
        form = TwoLayers.of(statement, tag)
        terms = TwoLayerPaths(statement.network, statement.task.positions)
        expected = (terms.definition, terms.mixture), (terms.scores(0), terms.mixed_scores)
        for equation, (left, right) in zip((logits, scores), expected, strict=True):
            if equation.about not in ("", statement.sha256) or (equation.left, equation.right) != (left, right):
                raise NotEstablished(tag, f"the equation of {equation.left} is not the one that leads to the tables")
        return InductionTables(statement, Grid.of(form, tag))

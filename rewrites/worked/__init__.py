"""One set of inputs, or one input, of a proof from the weights to its verdict, with numbers that a calculator gives
again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ...engine.graph import Derivation, ProofGraph
from ...engine.transcript import Block, Section
from ..rules.additive_margin import AdditiveMargin
from ..rules.cascade import QuotientCount
from ..rules.every_input import DecidedInputs
from ..rules.float_margin import FloatMargin
from ..rules.generating_function_count import GeneratingFunctionCount
from ..rules.induction.tree import RightInputs
from ..rules.loss import LossSum
from ..rules.quotient import Accepted
from ..rules.right_count import RightCount
from ..rules.token_order_tree import TokenOrderTree
from . import cell, found, induction, loss, one_input, quotient

SET, INPUT = "One set of inputs, worked through", "One input, worked through"


def worked_section(graph: ProofGraph, proof: Sequence[Derivation]) -> tuple[Block, ...]:
    """The example of the last step that has one; no section where none has."""
    for step in reversed(proof):
        title, blocks = _example(step, [graph.claim(premise) for premise in step.premises], graph.claim(step.claim))
        if blocks:
            return (Section(title, blocks, "worked-example"),)
    return ()


def _example(step: Derivation, premises: Sequence[Any], conclusion: Any) -> tuple[str, tuple[Block, ...]]:
    match conclusion:
        case LossSum():
            return INPUT, loss.blocks(premises[0], found.sequence(premises[0]), conclusion)
        case DecidedInputs(statement=statement, decision=decision):
            return INPUT, one_input.blocks(statement, decision.margin)
        case QuotientCount(by=Accepted() as accepted):
            return INPUT, quotient.blocks(accepted)
        case RightInputs():
            return SET, induction.blocks(premises[1], step.advice)
        case RightCount(sets=sets) if sets is not None:
            chosen = cell.of_sets(sets)
            return SET, () if chosen is None else cell.blocks(sets.paths, chosen)
        case RightCount():
            return _by_margins(step, premises, conclusion)
    return "", ()


def _by_margins(step: Derivation, premises: Sequence[Any], count: RightCount) -> tuple[str, tuple[Block, ...]]:
    """Of counts by the exact margins; what float runs make of them has no example."""
    match premises:
        case [AdditiveMargin() as margin] if not isinstance(margin, FloatMargin):
            box = None
            if isinstance(step.rule, TokenOrderTree):
                box = found.leaf(margin, step.advice, step.rule.name)
            elif isinstance(step.rule, GeneratingFunctionCount):
                box = found.whole_cell(margin, count)
            if box is None:
                return INPUT, cell.blocks(margin.paths, found.alone(margin.paths))
            return SET, cell.blocks(margin.paths, box)
    return "", ()

"""Statements as claims in the proof graph, and the rules that decide them.

``Decide`` evaluates a statement on the names' exact values and concludes that it holds, or that it does not, where
enclosures show it.  ``PositiveLoss`` needs no weights at all.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ..engine.arithmetic.verdict import Verdict
from ..engine.claim import Claim
from ..engine.cost import Cost
from ..engine.digest import digest
from ..engine.errors import MagnitudeError, describe
from ..engine.formula import At, ForAll, Num, Range, Total, Var
from ..engine.rule import Lemma, NotEstablished, Rule
from .context import Budget, Context, Open
from .directions import Directions
from .measured import Measured
from .trace import GUARD, spectra, text
from .tree import Compare, Expression, Name, Negate, Number, Statement
from .truth import Judge
from .vocabulary import Meaning

_x, _y = Var("x"), Var("y")
_outputs = Range(Num(0), Var("V"))

BELOW_ONE = Lemma(
    label="no-certain-answer",
    title="A softmax gives no output the whole",
    given="For all reals $w_0, \\dots, w_{V-1} > 0$:",
    statement=(Var("V") >= Num(2)).implies(
        ForAll(_y, _outputs, At("w", _y, subscript=True) < Total(_x, _outputs, At("w", _x, subscript=True)))
    ),
    proof="The sum has at least one other term, and every term is positive.",
    source="elementary",
)


@dataclass(frozen=True)
class Decided(Claim):
    """The statement is true (``holds``) or false of what the premise, whose identity is ``subject``, is about.

    ``text`` is the statement in ASCII with abbreviations spelled out.
    """

    subject: str
    text: str
    holds: bool
    measured: tuple[Measured, ...] = ()
    witness: str = ""

    kind = "claim"

    def conclusion(self) -> dict[str, Any]:
        return {"kind": self.kind, "outcome": "holds" if self.holds else "fails", "text": self.text}

    def identity(self) -> str:
        numbers = [[m.text, str(m.low), str(m.high)] for m in self.measured]
        return digest([self.subject, self.conclusion(), numbers, self.witness])

    def sentence(self) -> str:
        return "The statement holds." if self.holds else "The statement does not hold."


@dataclass(unsafe_hash=True)
class StillOpen(NotEstablished):
    """A statement that this evaluation does not decide; ``hopeless`` if more precision would not help."""

    hopeless: bool
    sentence = "{rule}: undecided: {reason}"


@dataclass(frozen=True)
class Question:
    """Advice for :class:`Decide`: what to decide, how much work to spend, and directions with their precision."""

    statement: Statement
    budget: Budget
    directions: Directions


class Decide(Rule):
    """From the meaning of the names.  Advice: a :class:`Question`."""

    name = "decide"
    certifiable = True
    premises = (Meaning,)
    lemmas = ()
    derivation = (
        "The statement is evaluated: exactly where it is polynomial in the weights, with enclosures that are rounded "
        "outward where it is not."
    )
    cost = Cost()

    def conclude(self, premises: Sequence[Any], advice: Question) -> Decided:
        (vocabulary,), directions = premises, advice.directions
        context = Context(vocabulary, directions.bits, advice.budget, directions, directions.ranked)
        try:
            outcome = Judge(context).whole(advice.statement)
        except Open as problem:
            raise StillOpen(self.tag, problem.reason, problem.hopeless) from None
        except MagnitudeError as problem:
            raise StillOpen(self.tag, describe(problem), True) from None
        if outcome.verdict is Verdict.UNDECIDED:
            raise StillOpen(self.tag, "; ".join([*map(str, outcome.measured), outcome.gap]), False)
        subject, holds = vocabulary.identity(), outcome.verdict.proved
        return Decided(subject, text(advice.statement), holds, outcome.measured, outcome.witness)

    def encode(self, advice: Question) -> dict[str, Any]:
        return {"bits": advice.directions.bits + GUARD, "spectra": spectra(advice.statement, advice.directions)}


class DecideWithoutTrace(Decide):
    """The same for statements that no certificate can carry, see :func:`.trace.can_carry`."""

    name = "decide_without_trace"
    certifiable = False


@dataclass(frozen=True)
class Positive(Claim):
    """The cross-entropy is positive on every input, for a network with ``outputs`` logits, all of them real."""

    outputs: int

    kind = "positive_loss"

    def conclusion(self) -> dict[str, Any]:
        return {"kind": self.kind, "outputs": self.outputs}

    def identity(self) -> str:
        return str(self.outputs)

    def sentence(self) -> str:
        return (
            f"Whatever the weights and the input, with ${self.outputs}$ logits, all of them real numbers, the "
            "cross-entropy is positive: $-\\log$ of a probability below $1$."
        )


class PositiveLoss(Rule):
    """No premise.  Advice: the number of outputs."""

    name = "positive_loss"
    certifiable = True
    premises = ()
    lemmas = (BELOW_ONE,)
    derivation = (
        "[@no-certain-answer] with $w_x = \\exp(\\mathrm{logit}_x)$: the probability of the right output is below 1, "
        "so minus its logarithm is positive, and so is a mean of such numbers."
    )
    cost = Cost()

    def conclude(self, premises: Sequence[Any], advice: int) -> Positive:
        if advice < 2:
            raise NotEstablished(self.tag, f"it takes two outputs or more, not {advice}")
        return Positive(advice)


class DecideByPositivity(Rule):
    """From the positive cross-entropy.  Advice: a statement that compares ``loss`` with a number that is at most 0."""

    name = "decide_by_positivity"
    certifiable = True
    premises = (Positive,)
    lemmas = ()
    derivation = "The loss is positive and the number it is compared with is not."
    cost = Cost()

    def conclude(self, premises: Sequence[Any], advice: Statement) -> Decided:
        holds = settled_by_positivity(advice)
        if holds is None:
            raise NotEstablished(self.tag, "the statement is not a comparison of the loss with a number at most 0")
        witness = "the cross-entropy is positive for any real logits"
        return Decided(premises[0].identity(), text(advice), holds, (), witness)


_POSITIVE = {"<=": False, "<": False, "=": False, ">": True, ">=": True, "!=": True}
_MIRRORED = {"<=": ">=", "<": ">", ">=": "<=", ">": "<", "=": "=", "!=": "!="}


def settled_by_positivity(statement: Statement) -> bool | None:
    """Whether ``loss`` compared with a number at most 0 holds; None for other statements."""
    if not isinstance(statement, Compare) or len(statement.parts) != 2:
        return None
    left, right, (operator,) = *statement.parts, statement.operators
    if right == Name("loss"):
        left, right, operator = right, left, _MIRRORED[operator]
    return _POSITIVE[operator] if left == Name("loss") and _at_most_zero(right) else None


def _at_most_zero(node: Expression) -> bool:
    match node:
        case Number(value):
            return value <= 0
        case Negate(Number(value)):
            return value >= 0
    return False

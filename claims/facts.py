"""What is true or false of a value: the predicates of the language."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ..engine.arithmetic.verdict import Verdict
from . import network
from .context import Context
from .errors import NotDefined, WrongArguments
from .functions import Values, sequence
from .measured import Measured
from .outcome import Outcome, tightest
from .tree import Call


@dataclass(frozen=True)
class Predicate:
    """As :class:`~.functions.Function`, with an outcome for its value."""

    count: int | None
    arguments: str
    meaning: str
    judge: Callable[[Context, Call, Values], Outcome]


def _correct(context: Context, call: Call, values: Values) -> Outcome:
    tokens = sequence(context, call, values)
    if context.vocabulary.margin is None:
        return _right(context, call, tokens)
    stronger, decided = network.stronger_output(context.margin, tokens)
    if stronger is not None:
        wrong = ", ".join(map(str, tokens))
        return Outcome(Verdict.FALSE, witness=f"logit {stronger} on ({wrong}) is not below logit {max(tokens)}")
    if not decided:
        return Outcome(Verdict.UNDECIDED, gap="two logits are too close to tell apart")
    return Outcome(Verdict.TRUE, witness=f"logit {max(tokens)} is the largest on ({', '.join(map(str, tokens))})")


def _right(context: Context, call: Call, tokens: list[int]) -> Outcome:
    """On any network and task; an input that the task does not have is neither right nor wrong."""
    shown = ", ".join(map(str, tokens))
    if not context.words.statement.task.inputs.holds(tokens):
        raise NotDefined(call.column, f"({shown}) is no input of the task {context.words.statement.task.name}")
    verdict, why = context.words.about.activations.correct(tokens)
    if verdict is Verdict.UNDECIDED:
        return Outcome(verdict, gap="two logits are too close to tell apart")
    return Outcome(
        verdict, witness=f"{why} on ({shown})" if why else f"the right answer's logit is the largest on ({shown})"
    )


def _is_increasing(context: Context, call: Call, values: Values) -> Outcome:
    (vector,) = values
    if 1 not in vector.shape:
        found = f"a matrix of {vector.shape[0]} × {vector.shape[1]}"
        raise WrongArguments(call.column, call.function, "a row or a column", found)
    row = vector.flat()
    size = row.shape[1]
    if size == 1:
        return Outcome(Verdict.TRUE)
    steps = row.block(range(1), range(1, size)) - row.block(range(1), range(size - 1))
    verdicts = steps.compare(">")
    place = tightest(steps, ">", verdicts)
    text = f"step from entry {place} to {place + 1}"
    measured = Measured(text, *steps.bounds(0, place), None)
    refuted = verdicts[place].refuted
    return Outcome(verdicts[place], (measured,), f"at entry {place + 1}" if refuted else "", str(measured))


FACTS: dict[str, Predicate] = {
    "correct": Predicate(
        None, "the tokens of a sequence", "the largest token's logit is strictly the largest", _correct
    ),
    "is_increasing": Predicate(1, "a row or a column", "every entry is larger than the one before", _is_increasing),
}

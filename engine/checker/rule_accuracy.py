"""``accuracy/1``: bounds of the number of right sequences, out of V^K."""

from __future__ import annotations

from dataclasses import dataclass

from .certificate import Reader
from .rule import Auditor, Derivation, Rule, check_count, no_advice


@dataclass(frozen=True)
class Accuracy:
    """right_low <= number of right sequences <= right_high, of ``inputs``."""

    right_low: int
    right_high: int
    inputs: int


def read_bounds(reader: Reader) -> Accuracy:
    """``"right_low":..,"right_high":..,"inputs":..}``, the common end of this conclusion and of the relation."""
    reader.literal('"right_low":')
    low = reader.big()
    reader.literal(',"right_high":')
    high = reader.big()
    reader.literal(',"inputs":')
    inputs = reader.big()
    reader.literal("}")
    return Accuracy(low, high, inputs)


def read_conclusion(reader: Reader) -> Accuracy:
    """The bounds."""
    reader.literal('{"kind":"accuracy",')
    return read_bounds(reader)


def check(auditor: Auditor, derivation: Derivation) -> None:
    """Holds when the bounds are no better than the premise's and the number of inputs is V^K."""
    check_count(derivation, derivation.premises[0].conclusion)
    if derivation.conclusion.inputs != auditor.inputs:
        raise derivation.differs("inputs", derivation.conclusion.inputs, auditor.inputs)


RULE = Rule("accuracy/1", ("right_count",), "accuracy", no_advice, read_conclusion, check)

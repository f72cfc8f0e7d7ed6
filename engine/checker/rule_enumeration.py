"""``enumeration/1``, ``enumerated_loss/1``, ``least_margin/1``: what comes of all inputs, by evaluating every one; and
``quotient/1``: by classes of tokens."""

from __future__ import annotations

from . import rule_loss
from .networks import loss, margin, quotient
from .networks.enumeration import counted
from .rule import Auditor, Derivation, Rule, check_count, no_advice, read_count


def check(auditor: Auditor, derivation: Derivation) -> None:
    """Holds when the stated bounds are no better than the checker's own count."""
    check_count(derivation, counted(auditor.passes))


RULES = (
    Rule("enumeration/1", ("network",), "right_count", no_advice, read_count, check),
    Rule("enumerated_loss/1", ("network",), "loss", no_advice, rule_loss.read_conclusion, loss.check),
    Rule("least_margin/1", ("network",), "margin", no_advice, margin.read_conclusion, margin.check),
    Rule("quotient/1", ("network",), "right_count", quotient.read_advice, read_count, quotient.check),
)

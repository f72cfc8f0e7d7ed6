"""Three-valued verdicts: TRUE, FALSE, UNDECIDED.

A comparison of enclosures can be undecided, and undecided proves nothing.  A verdict therefore has no
truth value of its own: ``if verdict:`` raises, so that "unknown" can never slip through as "true".

>>> Verdict.TRUE.proved
True
>>> (Verdict.TRUE & Verdict.UNDECIDED).proved
False
>>> bool(Verdict.FALSE)
Traceback (most recent call last):
TypeError: a verdict is not a bool: ask .proved or .refuted
"""

from __future__ import annotations

from enum import Enum


class Verdict(Enum):
    """Outcome of a comparison; Kleene's strong three-valued logic under ``&``, ``|`` and ``~``."""

    TRUE = "true"
    FALSE = "false"
    UNDECIDED = "undecided"

    @property
    def proved(self) -> bool:
        return self is Verdict.TRUE

    @property
    def refuted(self) -> bool:
        return self is Verdict.FALSE

    def __and__(self, other: Verdict) -> Verdict:
        if self.refuted or other.refuted:
            return Verdict.FALSE
        return Verdict.TRUE if self.proved and other.proved else Verdict.UNDECIDED

    def __or__(self, other: Verdict) -> Verdict:
        return ~(~self & ~other)

    def __invert__(self) -> Verdict:
        return {Verdict.TRUE: Verdict.FALSE, Verdict.FALSE: Verdict.TRUE}.get(self, Verdict.UNDECIDED)

    def __bool__(self) -> bool:
        raise TypeError("a verdict is not a bool: ask .proved or .refuted")

"""What a backward search is asked for, and what it asks of a method (see :mod:`.backward`)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from ....engine.claim import Claim
from ....engine.errors import MechproofError
from ..splits.common import Workbench


@dataclass(frozen=True)
class Goal:
    """A claim of this kind about ``subject``, numbers open."""

    kind: type[Claim]
    subject: Any = None
    # For terms with names of advice: the claim that knows them.
    known: int | None = None

    def __str__(self) -> str:
        return self.kind.kind if self.subject is None else f"{self.kind.kind}({self.subject})"


@dataclass(unsafe_hash=True)
class Unreachable(MechproofError):
    """No method gives the goal; ``close`` says which came close, and what each of them lacks."""

    goal: str
    close: tuple[str, ...]
    sentence = "no rule reaches {goal}: {close}"
    exit_code = 1


class Method(Protocol):
    """How one rule, or one recipe over rules, reaches goals.

    ``needs`` are the goals to solve first; ``attempts`` applies rules to one choice of claims for them and yields what
    it concludes, about the goal.  A :class:`NotEstablished` that it raises is remembered as the method's reason.
    """

    @property
    def name(self) -> str: ...

    @property
    def kind(self) -> type[Claim]: ...

    def needs(self, bench: Workbench, goal: Goal) -> Sequence[Goal] | None:
        """The goals needed for this one; None when the method does not fit it."""
        ...

    def attempts(self, bench: Workbench, goal: Goal, claims: Sequence[int]) -> Iterator[int]: ...

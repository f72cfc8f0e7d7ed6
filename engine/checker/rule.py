"""What a rule is: the kinds of its premises, how to read its texts, and how to check one application."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeVar

from .budget import Budget
from .certificate import Reader
from .errors import Code, Failure
from .networks.layers import Network
from .networks.passes import Passes
from .networks.statement import statement_hash
from .networks.task import Task
from .networks.theorem import theorem
from .relations import Enclosure, Relation

T = TypeVar("T")


class Auditor:
    """The auditor's side: everything here is computed from network and task, nothing is believed of the certificate.

    ``found`` holds, by derivation, what its check computed and later ones use.
    """

    def __init__(self, network: Network, task: Task, budget: Budget, jobs: int) -> None:
        self.network = network
        self.task = task
        self.budget = budget
        self.jobs = jobs
        self.found: dict[int, Any] = {}
        self.known: dict[Any, Any] = {}

    @cached_property
    def statement(self) -> str:
        """The statement's hash."""
        numbers = sum(len(t.entries) for layer in self.network.layers for t in layer.tensors.values())
        self.budget.spend(2 * numbers)
        return statement_hash(self.network, self.task)

    @property
    def inputs(self) -> int:
        """The number of inputs, or of pairs of input and position."""
        return self.task.size

    @cached_property
    def passes(self) -> Passes:
        """The ways to evaluate an input."""
        return Passes(self.network, self.task, self.budget, self.jobs)

    def counted(self, relation: Relation) -> tuple[int, str]:
        """What a relation counts, or is a mean over: how many, and in words."""
        return self.task.measured if isinstance(relation, Enclosure) else (self.task.size, self.task.counts)

    def told(self) -> tuple[str, str]:
        """What the theorem is about, in words: before and after its own sentence."""
        return theorem(self.network, self.task, self.statement)

    def of(self, make: Callable[[Auditor], T]) -> T:
        """What ``make`` gives for this auditor, computed once."""
        if make not in self.known:
            self.known[make] = make(self)
        return self.known[make]


@dataclass(frozen=True)
class Count:
    """right_low <= number of right sequences <= right_high."""

    right_low: int
    right_high: int


@dataclass(frozen=True)
class Derivation:
    """One application of a rule as the certificate states it; premises are earlier derivations.

    ``kind`` is that of its conclusion, given those of its premises; None where the rule does not take them.
    """

    id: int
    rule: Rule
    premises: tuple[Derivation, ...]
    advice: Any
    conclusion: Any

    @cached_property
    def kind(self) -> str | None:
        return self.rule.kinds.get(tuple(premise.kind for premise in self.premises))

    def differs(self, what: str, stated: object, own: object) -> Failure:
        """The refusal of a conclusion that the checker's own result does not imply."""
        return Failure(Code.E216, id=self.id, rule=self.rule.name, what=what, stated=stated, own=own)


@dataclass(frozen=True)
class Rule:
    """A rule. ``check`` returns when the auditor's own result implies the conclusion, and raises Failure otherwise.

    From ``premises`` of these kinds it concludes one of ``kind``; ``others``: further kinds of premises that it takes.
    ``subject``: what a certificate with it is about, where that is no network and task.
    """

    name: str
    premises: tuple[str, ...]
    kind: str
    read_advice: Callable[[Reader], Any]
    read_conclusion: Callable[[Reader], Any]
    check: Callable[[Auditor, Derivation], None]
    others: tuple[tuple[tuple[str, ...], str], ...] = ()
    subject: Callable[[str, Derivation, Budget], Auditor] | None = None

    @cached_property
    def kinds(self) -> dict[tuple[str | None, ...], str]:
        """The conclusion's kind, by those of the premises."""
        return dict(((self.premises, self.kind), *self.others))


def no_advice(reader: Reader) -> None:
    """The advice of a rule that needs none."""
    reader.literal("{}")


def read_count(reader: Reader) -> Count:
    """The conclusion of a counting rule."""
    return Count(*reader.object(kind="right_count", right_low=reader.big, right_high=reader.big))


def check_enclosure(derivation: Derivation, low: int, high: int, times: int = 1) -> None:
    """So many times the stated bounds must be implied by ``low`` and ``high``: no better on either side."""
    stated = derivation.conclusion
    if stated.low * times > low:
        raise derivation.differs("low", stated.low, low // times)
    if stated.high * times < high:
        raise derivation.differs("high", stated.high, -(-high // times))


def check_count(derivation: Derivation, own: Count, bounds: Any = None) -> None:
    """The stated bounds (the conclusion, or ``bounds`` of it) must be implied by ``own``: no better on either side."""
    stated = bounds or derivation.conclusion
    if stated.right_low > own.right_low:
        raise derivation.differs("right_low", stated.right_low, own.right_low)
    if stated.right_high < own.right_high:
        raise derivation.differs("right_high", stated.right_high, own.right_high)

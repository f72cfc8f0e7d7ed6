"""Rules: what may be concluded from what.

A rule is a lemma (its ∀-statement and written proof) together with the computation that applies it.
``conclude`` receives claims that are already proved and advice that nobody vouches for; it returns
the conclusion that the lemma gives, or raises :class:`NotEstablished`.  Whatever the advice, the
conclusion is true: bad advice can only weaken it or make it fail.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from .claim import Claim
from .cost import Cost
from .errors import MechproofError
from .formula import Formula
from .ledger import Ledger
from .term import Equation


@dataclass(unsafe_hash=True)
class NotEstablished(MechproofError):
    """A rule's condition does not hold, or is not known to hold."""

    rule: str
    reason: str
    sentence = "{rule}: not established: {reason}"
    exit_code = 1


@dataclass(frozen=True)
class Lemma:
    """A ∀-statement with its written proof.

    ``statement`` is a formula or a family of equations: what the oracle tests evaluate and what the
    transcript prints are the same object.  ``given`` introduces the symbols, ``proof`` is prose with $mathematics$.
    """

    label: str
    title: str
    given: str
    statement: Formula | tuple[Equation, ...]
    proof: str
    source: str


@dataclass(frozen=True)
class Notion:
    """What a word or a symbol means that derivations and conclusions use; a transcript defines it before its first use.

    ``text`` is a passage of prose with $mathematics$; ``needs`` are the notions that it rests on.
    """

    label: str
    title: str
    text: str
    needs: tuple[Notion, ...] = ()


class Rule(ABC):
    """One way to conclude; instances hold no state.

    ``derivation`` says in prose how the conclusion follows from the lemmas and the premises; ``notions`` are what it,
    and the conclusion's sentence, take for known.
    """

    name: ClassVar[str]
    version: ClassVar[int] = 1
    premises: ClassVar[tuple[type[Claim], ...]]
    lemmas: ClassVar[tuple[Lemma, ...]]
    derivation: ClassVar[str]
    notions: ClassVar[tuple[Notion, ...]] = ()
    cost: ClassVar[Cost]
    # Whether a checker has a check of this very rule; else a certificate shows the conclusion by itself, or not at all.
    certifiable: ClassVar[bool] = False
    # So many of the premises, the last ones, a certificate leaves out: the checker finds out by itself what they say.
    left_out: ClassVar[int] = 0
    # True for assumptions: what is derived from one is conditional and never counts as proved.
    conditional: ClassVar[bool] = False

    @property
    def tag(self) -> str:
        """Name and version as certificates cite them."""
        return f"{self.name}/{self.version}"

    @property
    def shipped(self) -> bool:
        """Whether the rule is part of mechproof, and so of what its tests and reviews cover."""
        return type(self).__module__.split(".")[0] == __name__.split(".")[0]

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other)

    def __hash__(self) -> int:
        return hash(type(self))

    @abstractmethod
    def conclude(self, premises: Sequence[Any], advice: Any) -> Claim:
        """The conclusion for these premises (in the order of ``self.premises``) and this advice."""

    def derived(self, premises: Sequence[Any], advice: Any) -> str:
        """The derivation for these premises and this advice: which of several ways was taken is told, not left open.

        A transcript states those lemmas of the rule that this text cites.
        """
        return self.derivation

    def ledger(self, premises: Sequence[Any], advice: Any) -> Ledger | None:
        """The sets whose sizes the conclusion adds up, where it is a count; a detailed transcript attaches them."""
        return None

    def charge(self, premises: Sequence[Any], advice: Any) -> Cost:
        """What this application costs; a rule whose cost depends on terms or advice says it here."""
        return self.cost

    def encode(self, advice: Any) -> dict[str, Any]:
        """The advice in certificate form, where a certificate carries it."""
        return {}

"""Claims: quantified statements with an exact conclusion, the nodes of the proof graph.

A claim is array-valued where it can be: "for every cell (q, m), at least low[q, m] sequences are right"
is one claim with a table, not V² of them.  A claim by itself proves nothing; only a derivation in a
:class:`~mechproof.engine.graph.ProofGraph` does.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar


@dataclass(frozen=True)
class Shown:
    """A check by which anyone sees that a claim holds, however it was found: the checker's rule, the claims that it
    starts from, which are proved in the same graph, and its advice in certificate form."""

    rule: str
    premises: tuple[Claim, ...]
    encode: Callable[[], dict[str, Any]]


class Claim(ABC):
    """A statement that a rule may conclude or take as a premise."""

    kind: ClassVar[str]

    @abstractmethod
    def conclusion(self) -> dict[str, Any]:
        """The claim as it stands in a certificate; "kind" comes first."""

    @abstractmethod
    def identity(self) -> str:
        """A digest of everything the claim says: equal claims, equal identity."""

    def shown(self) -> Shown | None:
        """How a certificate shows the claim, where that is not by the rule that concluded it."""
        return None

    @abstractmethod
    def sentence(self) -> str:
        """The claim in words (prose with $mathematics$), numbers included, nothing overstated."""

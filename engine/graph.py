"""The proof graph: claims, and the derivations that prove them.

The only way to add a claim is :meth:`ProofGraph.apply`, which runs a rule on claims already in the
graph.  So every claim in the graph has a derivation down to the definitions, by construction, and
strategies are mere recipes for calling it.  A claim may have several derivations; all are kept, and
choosing one per claim is choosing a proof.

The graph itself is a networkx ``DiGraph`` with two kinds of nodes: claims (integers) and derivations
(``("by", n)``); edges run premise -> derivation -> claim.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

import networkx as nx

from .claim import Claim
from .rule import NotEstablished, Rule


@dataclass(frozen=True)
class Derivation:
    """``rule`` applied to the claims ``premises`` with ``advice`` gave ``claim`` (ids in one graph)."""

    rule: Rule
    premises: tuple[int, ...]
    advice: Any
    claim: int

    @property
    def carried(self) -> tuple[int, ...]:
        """The premises that a certificate carries."""
        return self.premises[: len(self.premises) - self.rule.left_out]


@dataclass(frozen=True)
class Step:
    """What a certificate says of a claim: the checker's rule, premises, advice (encoded when it is written)."""

    claim: int
    rule: str
    premises: tuple[int, ...]
    encode: Callable[[], dict[str, Any]]


Usable = TypeVar("Usable", Derivation, Step)


class ProofGraph:
    """A set of proved claims with all their derivations."""

    def __init__(self) -> None:
        self.network = nx.DiGraph()
        self._ids: dict[str, int] = {}

    def apply(self, rule: Rule, premises: Sequence[int] = (), advice: Any = None) -> int:
        """Conclude by ``rule``; returns the claim's id.  The same conclusion twice is one claim.

        Raises :class:`NotEstablished` when a premise has the wrong kind or the rule refuses.
        """
        claims = [self.claim(premise) for premise in premises]
        expected = [kind.__name__ for kind in rule.premises]
        found = [type(claim).__name__ for claim in claims]
        if len(claims) != len(rule.premises) or not all(map(isinstance, claims, rule.premises)):
            raise NotEstablished(rule.tag, f"it takes premises {expected}, not {found}")
        conclusion = rule.conclude(claims, advice)
        return self._keep(conclusion, _key(conclusion), rule, tuple(premises), advice)

    def _keep(self, conclusion: Claim, key: str, rule: Rule, premises: tuple[int, ...], advice: Any) -> int:
        """The id of a claim that :meth:`apply` concluded; what cuts work off does not do so in here."""
        claim = self._ids.setdefault(key, len(self._ids))
        if claim not in self.network:
            self.network.add_node(claim, claim=conclusion)
        derivation = Derivation(rule, premises, advice, claim)
        if derivation not in self.derivations_of(claim):
            step = ("by", self.network.number_of_nodes())
            self.network.add_node(step, derivation=derivation)
            self.network.add_edges_from((premise, step) for premise in premises)
            self.network.add_edge(step, claim)
        return claim

    def claim(self, claim: int) -> Any:
        """The claim with this id."""
        return self.network.nodes[claim]["claim"]

    def find(self, claim: Claim) -> int | None:
        """The id under which this very claim is proved here, or None: a claim that is merely true is not found."""
        return self._ids.get(_key(claim))

    def derivations_of(self, claim: int) -> list[Derivation]:
        """All derivations of a claim, oldest first."""
        return [self.network.nodes[step]["derivation"] for step in self.network.predecessors(claim)]

    def derivations(self) -> Iterator[Derivation]:
        """All derivations, oldest first: each after at least one derivation of every premise."""
        for _, data in self.network.nodes(data=True):
            if "derivation" in data:
                yield data["derivation"]

    def proof(self, goal: int) -> list[Derivation]:
        """One derivation per needed claim, premises first: without assumptions where possible, the oldest otherwise.

        Raises :class:`NotEstablished` when there is none, which :meth:`apply` does not let happen.
        """
        found = select(goal, self._free()) or select(goal, list(self.derivations()))
        if found is None:
            raise NotEstablished(self.claim(goal).kind, "it has no derivation")
        return found

    def _free(self) -> list[Derivation]:
        """The derivations that are no assumptions."""
        return [derivation for derivation in self.derivations() if not derivation.rule.conditional]

    def steps(self, goal: int) -> list[Step] | None:
        """What a certificate of the goal says, premises first; None if it cannot be certified.

        A claim is shown by its own :meth:`~.claim.Claim.shown` where it is proved without assumptions, or by a rule
        that the checker knows.
        """
        usable: list[Step] = []
        itself: set[int] = set()
        for derivation in closure(self._free()).values():
            shown = self.claim(derivation.claim).shown()
            if shown is not None:
                premises = tuple(self._ids[_key(premise)] for premise in shown.premises)
                usable.append(Step(derivation.claim, shown.rule, premises, shown.encode))
                itself.add(derivation.claim)
        for derivation in self._free():
            if derivation.rule.certifiable and derivation.claim not in itself:
                encode = partial(derivation.rule.encode, derivation.advice)
                usable.append(Step(derivation.claim, derivation.rule.tag, derivation.carried, encode))
        return select(goal, usable)

    def is_certifiable(self, goal: int) -> bool:
        """Whether a certificate can carry some proof of the goal."""
        return self.steps(goal) is not None

    def is_conditional(self, goal: int) -> bool:
        """Whether every proof of the goal rests on an assumption."""
        return any(step.rule.conditional for step in self.proof(goal))

    def replay(self) -> ProofGraph:
        """The same derivations run again from the rules alone; every conclusion must come out again.

        Raises :class:`NotEstablished` where one does not, and for a claim that has no derivation.
        """
        for claim, data in self.network.nodes(data=True):
            if "claim" in data and not self.derivations_of(claim):
                raise NotEstablished(data["claim"].kind, "it has no derivation")
        fresh = ProofGraph()
        translation: dict[int, int] = {}
        for derivation in self.derivations():
            premises = [translation[premise] for premise in derivation.premises]
            claim = fresh.apply(derivation.rule, premises, derivation.advice)
            if _key(fresh.claim(claim)) != _key(self.claim(derivation.claim)):
                raise NotEstablished(derivation.rule.tag, "replaying it gives another conclusion")
            translation[derivation.claim] = claim
        return fresh

    def _repr_svg_(self) -> str:
        """How notebooks show the graph."""
        from .graph_export import svg

        return svg(self)


def closure(usable: Sequence[Usable]) -> dict[int, Usable]:
    """The first of the usable derivations for every claim that they reach, premises first."""
    chosen: dict[int, Usable] = {}
    waiting = list(usable)
    while waiting:
        later = []
        for derivation in waiting:
            if derivation.claim not in chosen:
                if chosen.keys() >= set(derivation.premises):
                    chosen[derivation.claim] = derivation
                else:
                    later.append(derivation)
        if len(later) == len(waiting):
            break
        waiting = later
    return chosen


def select(goal: int, usable: Sequence[Usable]) -> list[Usable] | None:
    """One of the usable derivations for every claim that the goal needs, premises first; None where some have none."""
    chosen = closure(usable)
    if goal not in chosen:
        return None
    needed = {goal}
    for derivation in reversed(chosen.values()):
        if derivation.claim in needed:
            needed.update(derivation.premises)
    return [derivation for derivation in chosen.values() if derivation.claim in needed]


def _key(claim: Claim) -> str:
    return f"{claim.kind}:{claim.identity()}"


def carried(proof: Sequence[Derivation]) -> list[Derivation]:
    """Of the derivations of a proof, premises first and its goal last, those that a certificate would carry."""
    needed = {proof[-1].claim}
    for derivation in reversed(proof):
        if derivation.claim in needed:
            needed.update(derivation.carried)
    return [derivation for derivation in proof if derivation.claim in needed]

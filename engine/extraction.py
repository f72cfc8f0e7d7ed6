"""Extraction: one derivation per needed claim, so that the whole proof is cheapest.

A claim may have several derivations, and a proof that shares claims between its branches pays for them once; so the
cheapest proof is not made of cheapest parts.  The search here decides claim by claim, the latest first, which
derivation to use; it cuts a branch when what it has spent, with the least that its open claims can cost, is no better
than the best proof known.  That is exact.  Past a number of steps it returns the best proof found so far and says so.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from .graph import Derivation, ProofGraph
from .rule import NotEstablished

STEPS = 20_000

Price = Callable[[Derivation], int]


@dataclass(frozen=True)
class Extracted:
    """A proof of ``goal``: its derivations, premises first, and their total price.

    ``exact``: no other choice of derivations in the graph is cheaper; otherwise the search ran out of steps.
    """

    goal: int
    steps: tuple[Derivation, ...]
    price: int
    exact: bool


def extract(graph: ProofGraph, goal: int, price: Price, steps: int = STEPS) -> Extracted:
    """The cheapest proof of the goal without assumptions.

    Raises :class:`NotEstablished` when there is none.
    """
    return _Search(graph, goal, price, steps).run()


class _Search:
    def __init__(self, graph: ProofGraph, goal: int, price: Price, steps: int) -> None:
        self.graph, self.goal, self.left = graph, goal, steps
        usable = [d for d in graph.derivations() if not d.rule.conditional]
        self.price = {id(derivation): price(derivation) for derivation in usable}
        self.options: dict[int, list[Derivation]] = {}
        for derivation in usable:
            self.options.setdefault(derivation.claim, []).append(derivation)
        for found in self.options.values():
            found.sort(key=lambda derivation: self.price[id(derivation)])
        self.least = {claim: self.price[id(found[0])] for claim, found in self.options.items()}
        self.best: dict[int, Derivation] | None = None
        self.best_price = 0

    def run(self) -> Extracted:
        exact = self._decide({}, {self.goal}, 0)
        steps = None if self.best is None else _ordered(self.best, self.goal)
        if steps is None:
            raise NotEstablished(self.graph.claim(self.goal).kind, "no proof of it without assumptions was found")
        return Extracted(self.goal, tuple(steps), self.best_price, exact)

    def _decide(self, chosen: dict[int, Derivation], open_claims: set[int], spent: int) -> bool:
        """Extend a partial choice in every way that may be better; False when the steps ran out."""
        if self.best is not None and spent + sum(self.least.get(c, 0) for c in open_claims) >= self.best_price:
            return True
        if not open_claims:
            if _ordered(chosen, self.goal) is not None:
                self.best, self.best_price = dict(chosen), spent
            return True
        claim = max(open_claims)
        for derivation in self.options.get(claim, ()):
            self.left -= 1
            if self.left < 0 and self.best is not None:
                return False
            chosen[claim] = derivation
            below = (open_claims - {claim}) | {p for p in derivation.premises if p not in chosen}
            done = self._decide(chosen, below, spent + self.price[id(derivation)])
            del chosen[claim]
            if not done:
                return False
        return True


def _ordered(chosen: dict[int, Derivation], goal: int) -> list[Derivation] | None:
    """The chosen derivations below the goal, premises first; None when they run in a circle."""
    order: list[Derivation] = []
    state: dict[int, bool] = {}
    waiting: list[tuple[int, bool]] = [(goal, False)]
    while waiting:
        claim, finished = waiting.pop()
        if finished:
            state[claim] = True
            order.append(chosen[claim])
        elif claim in state:
            if not state[claim]:
                return None
        else:
            state[claim] = False
            waiting.append((claim, True))
            for premise in chosen[claim].premises:
                if state.get(premise) is False:
                    return None
                if premise not in state:
                    waiting.append((premise, False))
    return order


@dataclass(frozen=True)
class Choice:
    """A proved candidate for a goal: its claim, how good it is (larger is better), and its cheapest proof."""

    claim: int
    worth: int
    proof: Extracted

    @property
    def length(self) -> int:
        return len(self.proof.steps)


def select(
    choices: Sequence[Choice], minimise: str, *, at_least: int | None = None, price_limit: int | None = None
) -> Choice | None:
    """The best choice by ``cost``, ``tightness`` or ``length`` within the limits; None when there is none."""
    fit = [
        c
        for c in choices
        if (at_least is None or c.worth >= at_least) and (price_limit is None or c.proof.price <= price_limit)
    ]
    keys = {
        "cost": lambda c: (c.proof.price, -c.worth, c.length),
        "tightness": lambda c: (-c.worth, c.proof.price, c.length),
        "length": lambda c: (c.length, c.proof.price, -c.worth),
    }
    return min(fit, key=keys[minimise], default=None)

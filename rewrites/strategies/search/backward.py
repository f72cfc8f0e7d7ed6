"""Bounds by backward search: from what is wanted to the rules that give it.

A *goal* names a kind of claim and what it is about, and leaves its numbers open: "row differences of this term",
"EQKE up to noise", "right counts", "accuracy".  A *method* says how one rule reaches goals of one kind: which goals it
needs first, and which advice to try on what was found for them.  :class:`Engine` solves goals recursively; every claim
it finds stays in the proof graph with its derivation, and only those that no other beats in price and looseness are
built upon (the others are kept, and marked).

Methods stand in the modules of :mod:`..methods`, and in those that other packages register under the entry point
``mechproof.rules`` (each a list of methods); a new one is a new file.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib.metadata import entry_points
from typing import Any, cast

from ....engine.claim import Claim
from ....engine.explain import price
from ....engine.extraction import Extracted, extract
from ....engine.front import front
from ....engine.graph import Derivation, ProofGraph
from ....engine.rule import NotEstablished
from ....models.one_layer import one_layer_of
from ....models.statement import Statement
from ...advice.allowance import shared_allowance
from ...advice.deadline import WIDE, deadline
from .. import methods as shipped
from ..splits.common import Workbench
from .goals import Goal, Method, Unreachable

ENTRY_POINTS = "mechproof.rules"


@dataclass(frozen=True)
class Found:
    """A claim found for a goal: its price, its looseness, and whether another one found is no worse in both."""

    claim: int
    price: int
    looseness: Any
    dominated: bool


@dataclass(frozen=True)
class Limits:
    """When to stop: claims in the graph, and seconds."""

    claims: int = 20_000
    seconds: int = 60


def all_methods() -> tuple[Method, ...]:
    """The shipped methods in the order of their files, then those of other packages."""
    found: list[Method] = []
    for module in sorted(module.name for module in pkgutil.iter_modules(shipped.__path__)):
        found += importlib.import_module(f"{shipped.__name__}.{module}").METHODS
    for point in sorted(entry_points(group=ENTRY_POINTS), key=lambda point: point.name):
        found += point.load()
    return tuple(cast(Method, method) for method in found)


@dataclass
class Engine:
    """Solves goals about one network in one proof graph, in a fixed order, nothing twice."""

    bench: Workbench
    limits: Limits = field(default_factory=Limits)
    methods: tuple[Method, ...] = field(default_factory=all_methods)

    def __post_init__(self) -> None:
        self._solved: dict[tuple[type[Claim], str], list[Found]] = {}
        self._prices: dict[tuple[int, str, tuple[int, ...]], int] = {}
        self._reasons: dict[str, list[str]] = {}
        self._late = deadline(self.limits.seconds, WIDE)
        # Whether a limit was met, so that more might have been found.
        self.cut_short = False

    @property
    def graph(self) -> ProofGraph:
        return self.bench.graph

    @property
    def statement(self) -> Statement:
        return self.graph.claim(self.bench.paths).statement

    def price(self, derivation: Derivation) -> int:
        """The operations that a derivation charges for this network."""
        key = derivation.claim, derivation.rule.tag, derivation.premises
        if key not in self._prices:
            network = one_layer_of(self.statement)
            sizes = {"V": network.d_vocab, "K": network.n_ctx, "d": network.d_model, "h": network.d_head}
            self._prices[key] = price(self.graph, derivation, sizes)
        return self._prices[key]

    def proof(self, claim: int) -> Extracted:
        """The cheapest proof of a claim that was found."""
        return extract(self.graph, claim, self.price)

    def solve(self, goal: Goal) -> list[Found]:
        """Everything found for a goal, cheapest first.  Raises :class:`Unreachable` when nothing is."""
        key = goal.kind, str(goal.subject)
        if key not in self._solved:
            self._solved[key] = []  # a goal that needs itself finds nothing new
            self._solved[key] = self._ranked(self._search(goal))
        if not self._solved[key]:
            reasons = self._reasons.get(str(goal)) or ["no method gives claims of this kind"]
            raise Unreachable(str(goal), tuple(reasons))
        return self._solved[key]

    def _search(self, goal: Goal) -> dict[int, None]:
        """What the methods find, in their order.  Where time is limited, those still to be tried share what is
        left of it."""
        found: dict[int, None] = {}
        reasons = self._reasons.setdefault(str(goal), [])
        fitting = [method for method in self.methods if method.kind is goal.kind]
        for place, method in enumerate(fitting):
            with shared_allowance(len(fitting) - place) as time:
                try:
                    self._try(method, goal, found, reasons)
                except (NotEstablished, Unreachable) as missing:
                    reasons.append(f"{method.name} lacks: {missing}")
            self.cut_short = self.cut_short or time.spent
        return found

    def _try(self, method: Method, goal: Goal, found: dict[int, None], reasons: list[str]) -> None:
        needs = method.needs(self.bench, goal)
        for number, claims in enumerate([] if needs is None else self._choices(needs)):
            if number and self._spent():  # every method may make one attempt
                reasons.append(f"{method.name} was cut short")
                break
            for claim in method.attempts(self.bench, goal, claims):
                found[claim] = None

    def _choices(self, needs: Sequence[Goal]) -> list[tuple[int, ...]]:
        """All combinations of claims worth building upon."""
        combined: list[tuple[int, ...]] = [()]
        for need in needs:
            good = [found.claim for found in self.solve(need) if not found.dominated]
            combined = [(*claims, claim) for claims in combined for claim in good]
        return combined

    def _spent(self) -> bool:
        self.cut_short = self.cut_short or self._late()
        self.cut_short = self.cut_short or self.graph.network.number_of_nodes() > 2 * self.limits.claims
        return self.cut_short

    def _ranked(self, claims: dict[int, None]) -> list[Found]:
        priced = [(self.proof(claim).price, self.graph.claim(claim).looseness, claim) for claim in claims]
        good = {claim for _, _, claim in front(priced, lambda found: found)}
        return [Found(claim, price, looseness, claim not in good) for price, looseness, claim in sorted(priced)]

"""Extraction: the cheapest proof with shared claims paid once, against all choices enumerated."""

from __future__ import annotations

import itertools
import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pytest

from mechproof.engine.claim import Claim
from mechproof.engine.cost import Cost
from mechproof.engine.extraction import Choice, Extracted, extract, select
from mechproof.engine.graph import ProofGraph
from mechproof.engine.rule import NotEstablished, Rule


@dataclass(frozen=True)
class Number(Claim):
    number: int
    kind = "number"

    def conclusion(self) -> dict[str, Any]:
        return {"kind": self.kind}

    def identity(self) -> str:
        return str(self.number)

    def sentence(self) -> str:
        return f"{self.number}."


def rule(premises: int, conditional: bool = False) -> Rule:
    """A rule of its own kind that concludes the number its advice (number, price) names."""

    class Names(Rule):
        name = f"names_{premises}_{conditional}"
        lemmas = ()
        derivation = "As the advice says."
        cost = Cost()

        def conclude(self, premises: Sequence[Any], advice: Any) -> Number:
            return Number(advice[0])

    Names.premises = (Number,) * premises
    Names.conditional = conditional
    return Names()


RULES = {n: rule(n) for n in range(4)}
ASSUMED = rule(0, conditional=True)


def price(derivation: Any) -> int:
    return derivation.advice[1]


def random_graph(seed: int, *, circles: bool) -> tuple[ProofGraph, int]:
    """A dozen claims, each from earlier ones in one to three ways; later ones may also give earlier ones again."""
    rng = random.Random(seed)
    graph = ProofGraph()
    ids: list[int] = []
    for number in range(10):
        for _ in range(rng.randint(1, 3)):
            used = rng.sample(ids, min(len(ids), rng.randint(0, 3)))
            found = graph.apply(RULES[len(used)], used, (number, rng.randint(0, 9)))
        ids.append(found)
    if circles:
        for _ in range(6):
            old, new = sorted(rng.sample(range(10), 2))
            graph.apply(RULES[1], [ids[new]], (old, rng.randint(0, 9)))
    return graph, ids[-1]


def cheapest(graph: ProofGraph, goal: int) -> int:
    """The least price over all choices of one derivation a claim that give a proof."""
    claims = sorted({d.claim for d in graph.derivations()})
    best = None
    for choice in itertools.product(*(graph.derivations_of(claim) for claim in claims)):
        chosen = dict(zip(claims, choice, strict=True))
        proved: set[int] = set()
        while True:
            more = {c for c, d in chosen.items() if c not in proved and proved >= set(d.premises)}
            if not more:
                break
            proved |= more
        if goal in proved:
            needed = {goal}
            for claim in [goal]:
                stack = [claim]
                while stack:
                    for premise in chosen[stack.pop()].premises:
                        if premise not in needed:
                            needed.add(premise)
                            stack.append(premise)
            total = sum(price(chosen[claim]) for claim in needed)
            best = total if best is None else min(best, total)
    assert best is not None
    return best


@pytest.mark.parametrize("circles", [False, True])
@pytest.mark.parametrize("seed", range(12))
def test_the_extracted_proof_is_the_cheapest(seed, circles):
    """Exactly the least total over all choices, and a proof: premises first, each claim once."""
    graph, goal = random_graph(seed, circles=circles)

    found = extract(graph, goal, price)

    assert found.exact
    assert found.price == sum(map(price, found.steps)) == cheapest(graph, goal)
    proved: set[int] = set()
    for step in found.steps:
        assert proved >= set(step.premises)
        assert step.claim not in proved
        proved.add(step.claim)
    assert found.steps[-1].claim == goal


def test_what_is_shared_is_paid_once():
    """Two branches through one dear claim beat two cheaper ones through claims of their own."""
    graph = ProofGraph()
    shared, one, two = (graph.apply(RULES[0], (), (n, p)) for n, p in ((0, 10), (1, 7), (2, 7)))
    left = graph.apply(RULES[1], [one], (3, 0))
    graph.apply(RULES[1], [shared], (3, 0))
    right = graph.apply(RULES[1], [two], (4, 0))
    graph.apply(RULES[1], [shared], (4, 0))
    goal = graph.apply(RULES[2], [left, right], (5, 0))

    assert extract(graph, goal, price).price == 10


def test_too_few_steps_are_said():
    """The fallback gives a proof and does not call it the cheapest."""
    graph, goal = random_graph(3, circles=False)
    found = extract(graph, goal, price, steps=1)
    assert not found.exact
    assert found.price >= cheapest(graph, goal)


def test_assumptions_are_no_proof():
    """A claim that rests on an assumption only has no extracted proof."""
    graph = ProofGraph()
    assumed = graph.apply(ASSUMED, (), (0, 1))
    goal = graph.apply(RULES[1], [assumed], (1, 1))
    with pytest.raises(NotEstablished):
        extract(graph, goal, price)


def choice(claim: int, worth: int, cost: int, length: int = 1) -> Choice:
    return Choice(claim, worth, Extracted(claim, (None,) * length, cost, True))  # type: ignore[arg-type]


def test_what_is_selected():
    """Each kind of selection takes the least of its kind within the limits."""
    choices = [choice(0, 5, 10, 4), choice(1, 4, 12, 1), choice(2, 9, 20, 2), choice(3, 9, 25, 1), choice(4, 1, 2, 9)]

    def selected(minimise: str, **limits: int) -> int | None:
        best = select(choices, minimise, **limits)
        return None if best is None else best.claim

    assert selected("cost", at_least=5) == 0
    assert selected("tightness") == 2
    assert selected("tightness", price_limit=19) == 0
    assert selected("length", at_least=9) == 3
    assert selected("cost", at_least=10) is None

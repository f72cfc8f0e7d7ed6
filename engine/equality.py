"""Equations as claims, and the rules that derive them: one rewrite step, a chain of steps, expansion.

``Equal(a, b)`` says that two terms are equal for every value of their tensors; ``Equal(a, b, about)`` that they are
for the tensors of one statement, since facts about its weights were used.  A conditional rewrite takes the claims of
its conditions as premises: a condition that is merely unproved cannot be supplied, so the rewrite does not fire, and an
explanation lists each condition with its own derivation.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from .claim import Claim
from .cost import Cost
from .graph import ProofGraph
from .rewriting import Binding, Condition, Position, Rewrite, Shaped, build, of_which, positions, replaced, subterm
from .rule import Lemma, NotEstablished, Rule
from .term import Equation, Named, Term


@dataclass(frozen=True)
class Equal(Claim):
    """``left = right``, for all tensors or, with ``about``, for those of the statement with this hash."""

    left: Term
    right: Term
    about: str = ""

    kind = "equal"

    def conclusion(self) -> dict[str, Any]:
        return {"kind": self.kind}

    def identity(self) -> str:
        return f"{self.about}:{self.left.key}:{self.right.key}"

    def sentence(self) -> str:
        return f"${self.left} = {self.right}${of_which(self.about)}."


def _subject(rule: Rule, premises: Sequence[Any]) -> str:
    """What a conclusion from these premises is about; facts about two networks say nothing about one."""
    subjects = sorted({premise.about for premise in premises} - {""})
    if len(subjects) > 1:
        raise NotEstablished(rule.tag, f"its premises are about different networks: {subjects[0]} and {subjects[1]}")
    return subjects[0] if subjects else ""


@dataclass(frozen=True)
class Application:
    """Advice for one step: where in which term to rewrite, from left to right or backwards, with which advice terms."""

    term: Term
    position: Position
    backwards: bool = False
    advice: tuple[tuple[str, Term], ...] = ()


class Step(Rule):
    """One application of a rewrite rule; its premises are the rule's conditions, in order."""

    lemmas: ClassVar[tuple[Lemma, ...]] = ()
    derivation = "One rewrite step."
    cost = Cost()

    def __init__(self, rewrite: Rewrite) -> None:
        self.rewrite = rewrite
        self.name = f"rewrite:{rewrite.name}"  # type: ignore[misc]
        self.premises = tuple(condition.kind for condition in rewrite.when)  # type: ignore[misc]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Step) and self.rewrite == other.rewrite

    def __hash__(self) -> int:
        return hash(self.rewrite.name)

    def conclude(self, premises: Sequence[Any], advice: Application) -> Equal:
        rule = self.rewrite.reversed if advice.backwards else self.rewrite
        target = subterm(advice.term, advice.position)
        binding = rule.match(target, dict(advice.advice))
        if binding is None:
            raise NotEstablished(self.tag, f"it does not match {target}")
        for condition, premise in zip(rule.when, premises, strict=True):
            wanted = condition.claim(binding, premise.about)
            if wanted.identity() != premise.identity():
                raise NotEstablished(self.tag, f"its condition is not the premise given: {wanted.sentence()}")
        rewritten = replaced(advice.term, advice.position, build(rule.right, binding))
        return Equal(advice.term, rewritten, _subject(self, premises))


class Chain(Rule):
    """a = b and b = c give a = c."""

    name = "chain"
    premises = (Equal, Equal)
    lemmas = ()
    derivation = "Equality is transitive."
    cost = Cost()

    def conclude(self, premises: Sequence[Any], advice: Any) -> Equal:
        first, second = premises
        if first.right != second.left:
            raise NotEstablished(self.tag, f"{first.right} is not {second.left}")
        return Equal(first.left, second.right, _subject(self, premises))


class Symmetry(Rule):
    """a = b gives b = a."""

    name = "symmetry"
    premises = (Equal,)
    lemmas = ()
    derivation = "Equality is symmetric."
    cost = Cost()

    def conclude(self, premises: Sequence[Any], advice: Any) -> Equal:
        return Equal(premises[0].right, premises[0].left, premises[0].about)


class Expansion(Rule):
    """Two terms with the same expansion into words are equal.  Advice: the two terms."""

    name = "expansion"
    premises = ()
    lemmas = ()
    derivation = "Both sides expand into the same words of tensors, with the same multiplicities."
    cost = Cost()

    def conclude(self, premises: Sequence[Any], advice: tuple[Term, Term]) -> Equal:
        equation = Equation("expansion", *advice)
        if not equation.holds():
            raise NotEstablished(self.tag, f"the sides of {equation} do not expand to the same words")
        return Equal(equation.left, equation.right)


class Unfold(Rule):
    """An abbreviation is what it abbreviates.  Advice: an :class:`Application` at the abbreviation."""

    name = "unfold"
    premises = ()
    lemmas = ()
    derivation = "By definition of the abbreviation."
    cost = Cost()

    def conclude(self, premises: Sequence[Any], advice: Application) -> Equal:
        target = subterm(advice.term, advice.position)
        if not isinstance(target, Named):
            raise NotEstablished(self.tag, f"{target} is not an abbreviation")
        return Equal(advice.term, replaced(advice.term, advice.position, target.body))


@dataclass(frozen=True)
class Budget:
    """Limits of a saturation: claims found, and the depth of the longest chain."""

    terms: int = 2000
    depth: int = 50


@dataclass
class Saturation:
    """What a saturation found: every term reached with the claim that it equals the start, and whether it was
    complete."""

    start: Term
    reached: dict[Term, int] = field(default_factory=dict)
    complete: bool = True


def steps(
    graph: ProofGraph, term: Term, rules: Sequence[Rewrite], about: str = ""
) -> Iterator[tuple[Rewrite, Position, list[int]]]:
    """Every application of the rules to the term whose conditions are proved in the graph, for all tensors or for
    those of the statement ``about``: rules in order, outermost first."""
    places = list(positions(term))
    by_former: dict[type[Term], list[tuple[Position, Term]]] = {}
    for place in places:
        by_former.setdefault(type(place[1]), []).append(place)
    for rule in rules:
        for position, target in by_former.get(rule.left.former, []) if isinstance(rule.left, Shaped) else places:
            binding = rule.match(target)
            if binding is None:
                continue
            guards = [_proved(graph, condition, binding, about) for condition in rule.when]
            proved = [guard for guard in guards if guard is not None]
            if len(proved) == len(guards):
                yield rule, position, proved


def _proved(graph: ProofGraph, condition: Condition, binding: Binding, about: str) -> int | None:
    """The id of the condition for all tensors, or else for those of the statement ``about``."""
    everywhere = graph.find(condition.claim(binding, ""))
    return graph.find(condition.claim(binding, about)) if everywhere is None else everywhere


def rewrite_once(graph: ProofGraph, term: Term, rules: Sequence[Rewrite], about: str = "") -> tuple[Term, int] | None:
    """The first applicable rewrite (rules in order, then outermost first); the new term and the id of the equation."""
    for rule, position, guards in steps(graph, term, rules, about):
        claim = graph.apply(Step(rule), guards, Application(term, position))
        rewritten = graph.claim(claim).right
        if rewritten != term:
            return rewritten, claim
    return None


def normalise(
    graph: ProofGraph, term: Term, rules: Sequence[Rewrite], limit: int = 10_000, about: str = ""
) -> tuple[Term, int | None]:
    """Rewrite while some rule applies; the last term and the id of ``term = last`` (None if nothing applied).

    Conditions are facts about all tensors or, with ``about``, also about those of that statement.

    Raises :class:`NotEstablished` after ``limit`` steps: rules that go in circles are for :func:`saturate`.
    """
    total: int | None = None
    for _ in range(limit):
        step = rewrite_once(graph, term, rules, about)
        if step is None:
            return term, total
        term, claim = step
        total = claim if total is None else graph.apply(Chain(), [total, claim])
    raise NotEstablished("normalise", f"no normal form after {limit} steps")


def saturate(graph: ProofGraph, term: Term, rules: Sequence[Rewrite], budget: Budget, about: str = "") -> Saturation:
    """All terms that the rules reach from ``term``, breadth first, each with a proof that it is equal; cycles end by
    themselves.  ``about`` as for :func:`normalise`.

    No rule is applied twice to the same term at the same position; the order is fixed, so equal input gives equal
    output.
    """
    result = Saturation(term)
    result.reached[term] = graph.apply(Expansion(), (), (term, term))
    frontier = [term]
    for _ in range(budget.depth):
        following: list[Term] = []
        for here in frontier:
            for rule, position, guards in steps(graph, here, rules, about):
                claim = graph.apply(Step(rule), guards, Application(here, position))
                there = graph.claim(claim).right
                if there in result.reached:
                    continue
                if len(result.reached) >= budget.terms:
                    result.complete = False
                    return result
                result.reached[there] = graph.apply(Chain(), [result.reached[here], claim])
                following.append(there)
        if not following:
            return result
        frontier = following
    result.complete = False
    return result

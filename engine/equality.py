"""Equations as claims, and the rules that derive them: one rewrite, a named step of many, a chain, expansion.

``Equal(a, b)`` says that two terms are equal for every value of their tensors; ``Equal(a, b, about)`` that they are
for the tensors of one statement, since facts about its weights were used.  A conditional rewrite takes the claims of
its conditions as premises: a condition that is merely unproved cannot be supplied, so the rewrite does not fire, and an
explanation lists each condition with its own derivation.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from .claim import Claim
from .cost import Cost
from .rewriting import Entry, Fact, Focus, Position, Rewrite, Rewritten, of_which, replaced, subterm
from .rule import Lemma, NotEstablished, Rule
from .term import Equation, Term


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
        if str(self.left) == str(self.right):
            return f"${self.left}$ is the same however its products are bracketed{of_which(self.about)}."
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
    """One application of an entry of the table; its premises are the entry's conditions, in order."""

    lemmas: ClassVar[tuple[Lemma, ...]] = ()
    derivation = "One rewrite step."
    cost = Cost()

    def __init__(self, entry: Entry) -> None:
        self.entry = entry
        self.name = f"rewrite:{entry.name}"  # type: ignore[misc]
        self.premises = tuple(condition.kind for condition in entry.when)  # type: ignore[misc]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Step) and self.entry == other.entry

    def __hash__(self) -> int:
        return hash(self.entry.name)

    def conclude(self, premises: Sequence[Any], advice: Application) -> Equal:
        entry = self.entry.reversed if advice.backwards and isinstance(self.entry, Rewrite) else self.entry
        target = subterm(advice.term, advice.position)
        found = entry.rewrite(target, dict(advice.advice))
        if found is None:
            raise NotEstablished(self.tag, f"it does not match {target}")
        _require(self, found, premises)
        return Equal(advice.term, replaced(advice.term, advice.position, found.term), _subject(self, premises))


def _require(rule: Rule, found: Rewritten, premises: Sequence[Fact]) -> None:
    """Every condition is one of the premises, about all tensors or about those of a premise's statement."""
    given = {(type(premise), premise.identity()) for premise in premises}
    abouts = dict.fromkeys(["", *(premise.about for premise in premises)])
    for facts in zip(*map(found.conditions, abouts), strict=True):
        if not any((type(fact), fact.identity()) in given for fact in facts):
            raise NotEstablished(rule.tag, f"its condition is not the premise given: {facts[0].sentence()}")


@dataclass(frozen=True)
class Move:
    """An entry of the table, and where it is applied."""

    entry: Entry
    position: Position


@dataclass(frozen=True)
class Script:
    """Advice for a named step: the moves, one after the other, from ``term`` on; ``name`` is what people call it."""

    name: str
    term: Term
    moves: tuple[Move, ...]

    def lines(self) -> Iterator[tuple[str, Term, Term]]:
        """Entry, the subterm that it rewrites, and what it rewrites it to, a move each."""
        focus = Focus(self.term)
        for move in self.moves:
            target = focus.at(move.position)
            found = move.entry.rewrite(target)
            assert found is not None, "the script of a derivation was replayed"
            yield move.entry.name, target, found.term
            focus.put(found.term)


class NamedStep(Rule):
    """Several rewrites of one term, each replayed; the premises are the facts that their conditions need."""

    name = "named_step"
    lemmas = ()
    derivation = "Each rewrite of the step is an entry of the table of equations, its conditions among the premises."
    cost = Cost()

    def __init__(self, facts: int) -> None:
        self.premises = (Fact,) * facts  # type: ignore[misc]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, NamedStep) and len(self.premises) == len(other.premises)

    def __hash__(self) -> int:
        return hash((self.name, len(self.premises)))

    def conclude(self, premises: Sequence[Any], advice: Script) -> Equal:
        about, focus = _subject(self, premises), Focus(advice.term)
        for move in advice.moves:
            target = focus.at(move.position)
            found = move.entry.rewrite(target)
            if found is None:
                raise NotEstablished(self.tag, f"{advice.name}: {move.entry.name} does not match {target}")
            if found.when:
                _require(self, found, premises)
            focus.put(found.term)
        return Equal(advice.term, focus.whole(), about)


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

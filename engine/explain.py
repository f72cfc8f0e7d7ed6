"""Why is this true: a claim's derivation as a tree, an equation's as a list of steps, and what each step costs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from .cost import Cost
from .equality import Chain, Equal, NamedStep, Step, Symmetry
from .graph import Derivation, ProofGraph
from .rule import Rule
from .term import Term
from .transcript.plain import plain


@dataclass(frozen=True)
class Explanation:
    """One claim, the rule that gives it, and the explanations of its premises; ``sentence`` and ``because`` are
    markup."""

    claim: int
    sentence: str
    rule: str
    because: str
    premises: tuple[Explanation, ...]

    def lines(self, depth: int = 0, told: set[int] | None = None) -> Iterator[str]:
        """Indented plain text; a claim that was told before is only named."""
        told = set() if told is None else told
        if self.claim in told:
            yield f"{'  ' * depth}[{self.claim}] (above)"
            return
        told.add(self.claim)
        yield f"{'  ' * depth}[{self.claim}] {plain(self.sentence)}  by {self.rule}"
        for premise in self.premises:
            yield from premise.lines(depth + 1, told)


def explain(graph: ProofGraph, claim: int) -> Explanation:
    """The tree of one proof of the claim; under an equation stand its named steps, each with its conditions."""
    known: dict[int, Explanation] = {}
    proof = graph.proof(claim)
    by = {step.claim: step for step in proof}
    for step in proof:
        if isinstance(step.rule, Chain):
            premises = tuple(_told(by, known, line) for line in _chain(graph, by, step.claim, False))
        else:
            premises = tuple(known[premise] for premise in step.premises)
        sentence = graph.claim(step.claim).sentence()
        known[step.claim] = Explanation(step.claim, sentence, step.rule.tag, step.rule.derivation, premises)
    return known[claim]


def _told(by: Mapping[int, Derivation], known: Mapping[int, Explanation], line: NamedLine) -> Explanation:
    """One step of a chain."""
    rule, count = by[line.claim].rule, len(line.rewrites)
    sentence = f"{line.name}: {count} rewrite{'s' * (count != 1)}{', read backwards' * line.backwards}."
    return Explanation(line.claim, sentence, rule.tag, rule.derivation, tuple(known[c] for c in line.conditions))


@dataclass(frozen=True)
class NamedLine:
    """A step of an equation's explanation: its own equation's claim, its name, whether it is read from its end to its
    beginning, its rewrites as (entry, before, after) in the order in which they are read, the term after all of them,
    and its conditions' claims."""

    claim: int
    name: str
    backwards: bool
    rewrites: tuple[tuple[str, Term, Term], ...]
    term: Term
    conditions: tuple[int, ...]


def equation_lines(graph: ProofGraph, claim: int) -> list[NamedLine]:
    """The proof of an :class:`Equal` claim as a chain, one step a line, from its left side to its right side."""
    by = {step.claim: step for step in graph.proof(claim)}
    return list(_chain(graph, by, claim, False))


def _chain(graph: ProofGraph, by: Mapping[int, Derivation], claim: int, backwards: bool) -> Iterator[NamedLine]:
    step, equal = by[claim], graph.claim(claim)
    assert isinstance(equal, Equal)
    match step.rule:
        case Chain():
            for premise in reversed(step.premises) if backwards else step.premises:
                yield from _chain(graph, by, premise, backwards)
        case Symmetry():
            yield from _chain(graph, by, step.premises[0], not backwards)
        case rule:
            if equal.left != equal.right:
                name, rewrites = _rewrites(rule, step.advice, equal)
                if backwards:
                    rewrites = tuple((entry, after, before) for entry, before, after in reversed(rewrites))
                end = equal.left if backwards else equal.right
                yield NamedLine(claim, name, backwards, rewrites, end, step.premises)


def _rewrites(rule: Rule, advice: Any, equal: Equal) -> tuple[str, tuple[tuple[str, Term, Term], ...]]:
    """What a step is called, and its rewrites."""
    match rule:
        case NamedStep():
            return advice.name, tuple(advice.lines())
        case Step():
            return rule.entry.name, ((rule.entry.name, equal.left, equal.right),)
    return rule.name, ((rule.name, equal.left, equal.right),)


def charged(graph: ProofGraph, step: Derivation) -> Cost:
    """What one derivation costs."""
    return step.rule.charge([graph.claim(premise) for premise in step.premises], step.advice)


def price(graph: ProofGraph, step: Derivation, sizes: Mapping[str, int]) -> int:
    """The operations that one derivation costs for these sizes: what proofs are compared by.

    A symbol that ``sizes`` does not give (the number of nodes of a tree, for instance) counts as one.
    """
    total = charged(graph, step).evaluate(sizes).total
    return int(total.subs(dict.fromkeys(total.free_symbols, 1)))


def blame(graph: ProofGraph, goal: int, sizes: Mapping[str, int]) -> list[tuple[Derivation, int]]:
    """The derivations of the goal's proof with their prices for these sizes, dearest first."""
    priced = [(step, price(graph, step, sizes)) for step in graph.proof(goal)]
    return sorted(priced, key=lambda pair: -pair[1])

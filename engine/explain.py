"""Why is this true: a claim's derivation as a tree, an equation's as a list of steps, and what each step costs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from .cost import Cost
from .equality import Application, Chain, Equal, Step, Symmetry
from .graph import Derivation, ProofGraph
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
    """The tree of one proof of the claim."""
    known: dict[int, Explanation] = {}
    for step in graph.proof(claim):
        premises = tuple(known[premise] for premise in step.premises)
        sentence = graph.claim(step.claim).sentence()
        known[step.claim] = Explanation(step.claim, sentence, step.rule.tag, step.rule.derivation, premises)
    return known[claim]


@dataclass(frozen=True)
class Line:
    """One rewrite of an equation's explanation: the rule, its direction, the term after it, and its conditions'
    claims."""

    rule: str
    backwards: bool
    term: str
    conditions: tuple[int, ...]


def equation_lines(graph: ProofGraph, claim: int) -> list[Line]:
    """The proof of an :class:`Equal` claim as a chain, exactly one rewrite a line, from its left side to its right
    side."""
    by = {step.claim: step for step in graph.proof(claim)}
    return list(_chain(graph, by, claim, False))


def _chain(graph: ProofGraph, by: Mapping[int, Derivation], claim: int, backwards: bool) -> Iterator[Line]:
    step, equal = by[claim], graph.claim(claim)
    assert isinstance(equal, Equal)
    match step.rule:
        case Chain():
            for premise in reversed(step.premises) if backwards else step.premises:
                yield from _chain(graph, by, premise, backwards)
        case Symmetry():
            yield from _chain(graph, by, step.premises[0], not backwards)
        case rule:
            end = equal.left if backwards else equal.right
            if equal.left != equal.right:
                name = rule.rewrite.name if isinstance(rule, Step) else rule.name
                turned = isinstance(step.advice, Application) and step.advice.backwards
                yield Line(name, backwards != turned, str(end), step.premises)


def charged(graph: ProofGraph, step: Derivation) -> Cost:
    """What one derivation costs."""
    return step.rule.charge([graph.claim(premise) for premise in step.premises], step.advice)


def blame(graph: ProofGraph, goal: int, sizes: Mapping[str, int]) -> list[tuple[Derivation, int]]:
    """The derivations of the goal's proof with their costs for these sizes, dearest first.

    A symbol that ``sizes`` does not give (the number of nodes of a tree, for instance) counts as one.
    """
    priced = []
    for step in graph.proof(goal):
        total = charged(graph, step).evaluate(sizes).total
        priced.append((step, int(total.subs(dict.fromkeys(total.free_symbols, 1)))))
    return sorted(priced, key=lambda pair: -pair[1])

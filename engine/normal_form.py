"""Finding chains of equations: terms are rewritten innermost first until no entry applies, and what was done is written
down as a script, which the graph replays.

Nothing here is trusted: a script is advice.
"""

from __future__ import annotations

from collections.abc import Sequence

from .equality import Chain, Expansion, Move, NamedStep, Script, Symmetry
from .graph import ProofGraph
from .rewriting import Entry, Position, Rewritten
from .rule import NotEstablished
from .term import Term

LIMIT = 100_000


def normalised(
    graph: ProofGraph, term: Term, name: str, entries: Sequence[Entry], about: str = "", limit: int = LIMIT
) -> int:
    """The id of ``term = normal form``, as one named step.

    Conditions are facts that the graph has proved, for all tensors or for those of the statement ``about``.  Raises
    :class:`NotEstablished` after ``limit`` rewrites.
    """
    search = _Search(graph, entries, about, limit)
    search.normal(term, ())
    return graph.apply(NamedStep(len(search.facts)), list(search.facts), Script(name, term, tuple(search.moves)))


class _Search:
    def __init__(self, graph: ProofGraph, entries: Sequence[Entry], about: str, limit: int) -> None:
        self._graph, self._about, self._limit = graph, about, limit
        self._by_former: dict[type[Term] | None, list[Entry]] = {}
        for entry in entries:
            self._by_former.setdefault(entry.former, []).append(entry)
        # Terms known to be normal, by their identity; held, so that no other gets it.
        self._normal: dict[int, Term] = {}
        self.moves: list[Move] = []
        self.facts: dict[int, None] = {}

    def normal(self, term: Term, position: Position) -> Term:
        """The normal form of the subterm at ``position``; its moves are written down."""
        while id(term) not in self._normal:
            for index, part in enumerate(term.parts()):
                found = self.normal(part, (*position, index))
                if found is not part:
                    term = term.with_part(index, found)
            rewritten = self._rewritten(term, position)
            if rewritten is None:
                self._normal[id(term)] = term
                break
            term = rewritten
        return term

    def _rewritten(self, term: Term, position: Position) -> Term | None:
        for entry in (*self._by_former.get(type(term), ()), *self._by_former.get(None, ())):
            found = entry.rewrite(term)
            if found is None:
                continue
            facts = self._proved(found)
            if facts is not None:
                if len(self.moves) >= self._limit:
                    raise NotEstablished("normal form", f"none after {self._limit} rewrites")
                self.facts.update(dict.fromkeys(facts))
                self.moves.append(Move(entry, position))
                return found.term
        return None

    def _proved(self, found: Rewritten) -> list[int] | None:
        """The ids of the conditions, None if one is not proved."""
        ids = []
        for general, special in zip(found.conditions(""), found.conditions(self._about), strict=True):
            everywhere = self._graph.find(general)
            fact = self._graph.find(special) if everywhere is None else everywhere
            if fact is None:
                return None
            ids.append(fact)
        return ids


def chained(graph: ProofGraph, equations: Sequence[int]) -> int:
    """The id of ``first left side = last right side``; at least one equation.  Those that say nothing are left
    out."""
    telling = [equation for equation in equations if graph.claim(equation).left != graph.claim(equation).right]
    total, *rest = telling or equations[:1]
    for equation in rest:
        total = graph.apply(Chain(), [total, equation])
    return total


def turned(graph: ProofGraph, equation: int) -> int:
    """The id of the equation read from right to left."""
    return graph.apply(Symmetry(), [equation])


def same_words(graph: ProofGraph, left: int, right: int) -> int:
    """The id of ``left side of left = left side of right``, whose right sides expand into the same words; raises
    NotEstablished when they do not."""
    ends = graph.claim(left).right, graph.claim(right).right
    between = [] if ends[0] == ends[1] else [graph.apply(Expansion(), (), ends)]
    return chained(graph, [left, *between, turned(graph, right)])

"""Finding chains of equations: terms are rewritten innermost first until no entry applies, and what was done is written
down as a script, which the graph replays.

Nothing here is trusted: a script is advice.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from .equality import Chain, Expansion, Move, NamedStep, Script, Symmetry
from .graph import ProofGraph
from .rewriting import Entry, Fact, Position
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
    key = term.key, tuple(entries), limit
    found = _FOUND.get(key)
    if found is None or any((_known(graph, fact, about) is not None) != held for fact, held in found.asked):
        search = _Search(graph, entries, about, limit)
        search.normal(term, ())
        found = _FOUND[key] = Found(tuple(search.moves), tuple(search.used.values()), tuple(search.asked.values()))
        if len(_FOUND) > MOST:
            _FOUND.pop(next(iter(_FOUND)))
    known = (_known(graph, fact, about) for fact in found.used)
    facts = dict.fromkeys(fact for fact in known if fact is not None)
    return graph.apply(NamedStep(len(facts)), list(facts), Script(name, term, found.moves))


@dataclass(frozen=True)
class Found:
    """What was found for a term: the moves, the conditions that they need, and all that were looked for, with whether
    they were known; conditions are for all tensors here."""

    moves: tuple[Move, ...]
    used: tuple[Fact, ...]
    asked: tuple[tuple[Fact, bool], ...]


# Networks of one size have the same terms, and one network has many proofs: where the same conditions are known, the
# same moves lead to the normal form.
_FOUND: dict[tuple[str, tuple[Entry, ...], int], Found] = {}
MOST = 256


def _known(graph: ProofGraph, fact: Fact, about: str) -> int | None:
    """The id of the fact, for all tensors or for those of the statement ``about``."""
    everywhere = graph.find(fact)
    return graph.find(replace(fact, about=about)) if everywhere is None else everywhere


class _Search:
    def __init__(self, graph: ProofGraph, entries: Sequence[Entry], about: str, limit: int) -> None:
        self._graph, self._about, self._limit = graph, about, limit
        self._by_former: dict[type[Term] | None, list[Entry]] = {}
        for entry in entries:
            self._by_former.setdefault(entry.former, []).append(entry)
        # Terms known to be normal, by their identity; held, so that no other gets it.
        self._normal: dict[int, Term] = {}
        self.moves: list[Move] = []
        # By kind and identity.
        self.used: dict[tuple[type[Fact], str], Fact] = {}
        self.asked: dict[tuple[type[Fact], str], tuple[Fact, bool]] = {}

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
            conditions = {(type(fact), fact.identity()): fact for fact in found.conditions("")}
            if all(self._ask(key, fact) for key, fact in conditions.items()):
                if len(self.moves) >= self._limit:
                    raise NotEstablished("normal form", f"none after {self._limit} rewrites")
                self.used.update(conditions)
                self.moves.append(Move(entry, position))
                return found.term
        return None

    def _ask(self, key: tuple[type[Fact], str], fact: Fact) -> bool:
        if key not in self.asked:
            self.asked[key] = fact, _known(self._graph, fact, self._about) is not None
        return self.asked[key][1]


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

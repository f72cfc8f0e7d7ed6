"""Bounds by search: all derivations of a row-difference bound that the rules give, with what each costs.

For a product M_1 … M_n the search tries, for every interval of factors: multiplying out, the Frobenius norms, row
lengths, an ellipsoid around the columns of what follows the narrowest break, and at every break the product rule and
the mean rule on bounds of the right part.  All derivations stay in the graph;
per interval those that another beats in both price and size are not built upon.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

from ....engine.equality import Expansion
from ....engine.explain import price
from ....engine.front import front
from ....engine.graph import ProofGraph
from ....engine.term import Tensor, Term, factors, product
from ...advice.ellipsoid import enclosing
from ...advice.mean_row import mean_row
from ...rules.known_matrices import NameMatrix
from ...rules.row_difference import RowDifferenceAlong, RowDifferenceExact
from ...rules.row_difference_ellipsoid import Ellipsoid, RowDifferenceEllipsoid
from ...rules.row_difference_norm import RowDifferenceNorm
from ...rules.row_difference_product import RowDifferenceMean, RowDifferenceProduct
from ...rules.row_difference_spectral import RowDifferenceLength


@dataclass(frozen=True)
class Bound:
    """A proved bound: its claim, its largest entry, and the operations of its proof."""

    claim: int
    largest: Fraction
    price: int


def _bound(graph: ProofGraph, claim: int) -> Bound:
    """The bound that a claim states; its matrices have numbers as sizes, so the price needs no others."""
    return Bound(claim, graph.claim(claim).largest, sum(price(graph, step, {}) for step in graph.proof(claim)))


def curve(bounds: Iterable[Bound]) -> list[Bound]:
    """The bounds that no other beats in price and size, cheapest first."""
    return front(bounds, lambda bound: (bound.price, bound.largest, bound.claim))


def row_difference_bounds(graph: ProofGraph, known: int, term: Term) -> list[Bound]:
    """Every bound found for the row differences of ``term``; ``known`` is a claim of known matrices.

    All are claims about ``term`` itself, whatever its brackets; the graph has their derivations.
    """
    search = _Search(graph, known, factors(term))
    whole = search.interval(0, len(search.factors))
    return [_bound(graph, claim) for claim in _about(graph, whole, term)]


def ellipsoid_bound(graph: ProofGraph, known: int, left: Term, right: Term) -> int:
    """Row differences of left·right, the columns of ``right`` in an ellipsoid found for them."""
    values = graph.claim(known).values
    parts = enclosing(left.evaluate(values), right.evaluate(values))
    names = [f"{letter}_{(left @ right).key[:12]}" for letter in "ySz"]
    written = [f"{name[0]}_{{\\mathrm{{e}}}}" for name in names]
    for named in zip(names, parts, written, strict=True):
        known = graph.apply(NameMatrix(), [known], named)
    tensors = [Tensor(*named) for named in zip(names, (part.shape for part in parts), written, strict=True)]
    return graph.apply(RowDifferenceEllipsoid(), [known], Ellipsoid(left, right, *tensors))


def _about(graph: ProofGraph, claims: Sequence[int], term: Term) -> Iterator[int]:
    """The same bounds for ``term``, carried over by the equation between the two bracketings."""
    for claim in claims:
        other = graph.claim(claim).term
        if other == term:
            yield claim
        else:
            equal = graph.apply(Expansion(), (), (other, term))
            yield graph.apply(RowDifferenceAlong(), [claim, equal])


class _Search:
    """Bounds for every interval of one list of factors, each found once."""

    def __init__(self, graph: ProofGraph, known: int, terms: tuple[Term, ...]) -> None:
        self.graph, self.known, self.factors = graph, known, terms
        self._found: dict[tuple[int, int], list[int]] = {}

    def interval(self, start: int, end: int) -> list[int]:
        """The claims about the product of factors ``start`` to ``end`` - 1, dominated ones included."""
        if (start, end) not in self._found:
            whole = product(self.factors[start:end])
            claims = [self.graph.apply(RowDifferenceExact(), [self.known], whole)]
            for rule in (RowDifferenceNorm(), RowDifferenceLength()):
                claims.append(self.graph.apply(rule, [self.known], self.factors[start:end]))
            middles = range(start + 1, end)
            if middles:
                middle = min(middles, key=lambda middle: self.factors[middle].shape[0])
                left, right = product(self.factors[start:middle]), product(self.factors[middle:end])
                claims += _about(self.graph, [ellipsoid_bound(self.graph, self.known, left, right)], whole)
            for middle in middles:
                claims += _about(self.graph, list(self._broken(start, middle, end)), whole)
            self._found[start, end] = list(dict.fromkeys(claims))
        return self._found[start, end]

    def _broken(self, start: int, middle: int, end: int) -> Iterator[int]:
        left, right = product(self.factors[start:middle]), product(self.factors[middle:end])
        row, known = self._common_row(left)
        common = self.graph.apply(RowDifferenceExact(), [known], row @ right)
        found = self.interval(middle, end)
        for bound in curve(_bound(self.graph, claim) for claim in found):
            yield self.graph.apply(RowDifferenceProduct(), [self.known, bound.claim], left)
            yield self.graph.apply(RowDifferenceMean(), [known, bound.claim, common], (left, row))

    def _common_row(self, left: Term) -> tuple[Tensor, int]:
        """A name for a row close to all rows of ``left``, and the claim that knows it."""
        row = mean_row(left.evaluate(self.graph.claim(self.known).values))
        name = f"mean_{left.key[:12]}"
        known = self.graph.apply(NameMatrix(), [self.known], (name, row))
        return Tensor(name, row.shape, f"\\overline{{{left}}}"), known

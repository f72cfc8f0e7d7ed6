"""What recipes for splits share: the claims they start from, names for advice, and bounds of products."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from ....engine.arithmetic.dyadic import DyadicMatrix
from ....engine.equality import Expansion
from ....engine.graph import ProofGraph
from ....engine.term import Tensor, Term, factors, product
from ....models.one_layer import one_layer_of
from ....models.one_layer_terms import OneLayerTerms
from ...advice.directions import mean_row, median_row, middle_row
from ...rules.known_matrices import KnownWeights, NameMatrix
from ...rules.network_function import NetworkFunction
from ...rules.path_decomposition import Paths
from ...rules.row_difference import RowDifferenceAlong, RowDifferenceExact
from ...rules.row_difference_least import RowDifferenceLeast
from ...rules.row_difference_product import RowDifferenceMean, RowDifferenceProduct

# Rows that may be split off from all rows of a matrix, the published one first.
COMMON_ROWS = (mean_row, median_row, middle_row)


@dataclass
class Workbench:
    """A graph with the claims of known matrices in it; ``known`` is the latest, which knows all names given so far.

    ``any_row``: other common rows than the mean are tried as well (T5).
    """

    graph: ProofGraph
    paths: int
    known: int
    terms: OneLayerTerms
    any_row: bool

    @staticmethod
    def of(graph: ProofGraph, paths: int, *, any_row: bool) -> Workbench:
        """For a graph that has the network and its paths."""
        claim: Paths = graph.claim(paths)
        network = graph.apply(KnownWeights(), [_network(graph, claim)])
        return Workbench(graph, paths, network, OneLayerTerms.of(one_layer_of(claim.statement)), any_row)

    def fresh(self) -> Workbench:
        """The same without any names: what one split calls its parts is no concern of another."""
        return Workbench.of(self.graph, self.paths, any_row=self.any_row)

    def value(self, term: Term) -> DyadicMatrix:
        return term.evaluate(self.graph.claim(self.known).values)

    def name(self, name: str, matrix: DyadicMatrix, latex: str) -> Tensor:
        """A name for a matrix of advice, known from now on."""
        self.known = self.graph.apply(NameMatrix(), [self.known], (name, matrix, latex))
        return Tensor(name, matrix.shape, latex)

    def exact(self, term: Term) -> int:
        """Row differences of a term, multiplied out."""
        return self.graph.apply(RowDifferenceExact(), [self.known], term)

    def product(self, left: Term, right: int) -> int:
        """Row differences of left·R from those of R."""
        return self.graph.apply(RowDifferenceProduct(), [self.known, right], left)

    def around_mean(self, left: Term, right: int, label: str) -> int:
        """The same with a common row of ``left`` split off, which is multiplied through R from the left."""
        term, found = self.graph.claim(right).term, []
        for choice in COMMON_ROWS if self.any_row else COMMON_ROWS[:1]:
            bench = replace(self)
            row = bench.name(
                f"{choice.__name__}_{label}", choice(self.value(left)), f"\\bar{{{label[0]}}}_{{{label[1:]}}}"
            )
            common = self.along(bench.exact(_through(row, term)), row @ term)
            found.append(self.graph.apply(RowDifferenceMean(), [bench.known, right, common], (left, row)))
        return min(found, key=lambda claim: sum(bound[0] for bound in self.graph.claim(claim).bounds.fractions()))

    def along(self, bound: int, term: Term) -> int:
        """The same bound for a term that expands to the same words."""
        found = self.graph.claim(bound).term
        if found == term:
            return bound
        return self.graph.apply(RowDifferenceAlong(), [bound, self.graph.apply(Expansion(), (), (found, term))])

    def least(self, bounds: Sequence[int]) -> int:
        """The smallest of several bounds for one term."""
        best, *others = bounds
        for other in others:
            best = self.graph.apply(RowDifferenceLeast(), [best, other])
        return best


Recipe = Callable[[Workbench], int]


def _network(graph: ProofGraph, paths: Paths) -> int:
    found = graph.find(NetworkFunction(paths.statement))
    if found is None:
        raise LookupError("the graph has paths, but not the network they are from")
    return found


def _through(row: Term, term: Term) -> Term:
    """row·term, bracketed so that only rows are multiplied."""
    return product((row, *factors(term)))

"""From the definition of the network to the forms in which papers reason, by rewriting alone.

Every function here drives the entries of :mod:`.equations` in a proof graph and returns the id of an equation; all of
its steps and conditions are in the graph, so ``explain`` shows them.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..engine.graph import ProofGraph
from ..engine.normal_form import chained, normalised, same_words
from ..engine.rewriting import Entry
from ..engine.term import Term
from ..models.network import Network
from ..models.one_layer import NAMES, one_layer_of
from ..models.one_layer_terms import OneLayerTerms
from ..models.path_tables import heads_of, through_tables
from ..models.statement import Statement
from .equations import UNFOLD, UNFOLD_ROW, rules
from .rules.network_function import NetworkFunctionDefinition
from .rules.path_decomposition import PathDecomposition
from .rules.selection import SelectionRows
from .rules.softmax_rows import SoftmaxRows
from .rules.zero_tensor import ZeroByValue

# A row of the stream behind a layer, by rows of what the layer reads.
READING: tuple[Entry, ...] = (
    UNFOLD_ROW,
    *rules(
        "row-outer", "row-of-one", "row-sum", "row-product", "row-softmax", "last-sees-all", "row-pointwise",
        "row-entrywise", "row-norm",
    ),
)  # fmt: skip

VANISHING: tuple[Entry, ...] = rules("vanish", "plus-zero", "zero-plus", "times-zero", "zero-times", "row-zero")

# Towards sums of words bracketed to the left, without transposes of products and with the facts on ones used up.
EXPANDING: tuple[Entry, ...] = (
    UNFOLD,
    *rules(
        "one-sees-all", "unit-total", "row-outer", "row-of-one", "row-sum", "row-product", "turn-sum", "turn-product",
        "expand-left", "expand-right", "bracket-left",
    ),
)  # fmt: skip

# After these: a single token's or position's column of ones meets what selects from it first.
SINGLE: tuple[Entry, ...] = rules("turn-one", "one-times", "times-one")

# Towards a sum of averages, the tables unopened.
AVERAGING: tuple[Entry, ...] = rules("unit-total", "expand-left", "bracket-left")

# The steps as readers see them, and what each does.
READ, EXPAND, COLLECT = "read the last position", "write out the residual stream", "collect the words into tables"
PLACES, NAME = "make places for what is zero in this network", "name the tables"
AVERAGE = "the attention weights sum to one"
MEANINGS = {
    READ: "What the other positions make of their attention is not read, and the last position sees all of them.",
    EXPAND: "The products are multiplied out, up to a sum of words of tensors.",
    COLLECT: "The same words are what the tables expand to; what does not depend on the token moves into a row.",
    PLACES: "The tables have a place for every bias and for the positions.",
    NAME: "What depends on the tokens is left over as products of the selection and of the tables.",
    AVERAGE: "So what is the same at every position moves into the average.",
}


def read_rows(graph: ProofGraph, definition: Term) -> int:
    """The id of ``definition = the same by the rows that it reads``: what other positions compute in the last layers
    is gone, and the last position's causal softmax is a plain one."""
    return normalised(graph, definition, READ, READING)


def path_form(graph: ProofGraph, definition: Term, form: Term, about: str = "") -> int:
    """The id of ``definition = form``.

    Conditions that the graph has proved may be used, for all tensors or for those of the statement ``about``.  Raises
    :class:`NotEstablished` when the sides do not expand to the same words.
    """
    there = _steps(graph, definition, ((READ, READING), (EXPAND, EXPANDING), (EXPAND, SINGLE)), about)
    naming = ((NAME, (UNFOLD,)), (PLACES, VANISHING))
    back = _steps(graph, form, (*naming, (COLLECT, EXPANDING), (COLLECT, SINGLE)), about)
    return same_words(graph, there, back)


def _steps(graph: ProofGraph, term: Term, steps: Sequence[tuple[str, Sequence[Entry]]], about: str = "") -> int:
    """The id of the equation from the term to what these steps make of it, one after the other."""
    equations: list[int] = []
    for name, entries in steps:
        equations.append(normalised(graph, term, name, entries, about))
        term = graph.claim(equations[-1]).right
    return chained(graph, equations)


def logits_by_heads(graph: ProofGraph, network: Network, positions: int) -> int:
    """The id of ``the definition by layers = s UU + Σ_h α_h (S EVOU_h + PVOU_h)`` at the last position.

    Raises :class:`~..models.path_tables.NoPathTables` for a network of other layers than one of attention.
    """
    heads = heads_of(network, positions)
    for selection in (heads[0].selection, heads[0].query):
        graph.apply(SelectionRows(), (), selection)
    return path_form(graph, network.term(positions, [positions - 1]), through_tables(heads))


def logits_by_paths(graph: ProofGraph, statement: Statement) -> int:
    """The id of ``the definition by layers = α (1 s UU + S EVOU + PVOU)`` for the network of the statement."""
    terms = OneLayerTerms.of(one_layer_of(statement))
    for selection in (terms.selection, terms.selection.row(terms.n_ctx - 1)):
        graph.apply(SelectionRows(), (), selection)
    graph.apply(SoftmaxRows(), (), terms.attention)
    for term in _zeros(terms, statement):
        graph.apply(ZeroByValue(), [graph.apply(NetworkFunctionDefinition(), (), statement)], term)
    about = statement.sha256
    equation = path_form(graph, terms.definition(statement.network), terms.paths, about)
    averaging = ((AVERAGE, AVERAGING), (AVERAGE, SINGLE))
    ends = [_steps(graph, form, averaging) for form in (terms.paths, terms.mixture)]
    return chained(graph, [equation, same_words(graph, ends[0], ends[1])])


def _zeros(terms: OneLayerTerms, statement: Statement) -> list[Term]:
    """The weights of the network that its layers leave out, since they are zero."""
    present = set(statement.network.values(terms.n_ctx))
    return [terms.weights[theirs] for ours, theirs in NAMES.items() if ours not in present]


def paths_of(graph: ProofGraph, statement: Statement) -> int:
    """The id of the paths of the statement's network, from its definition."""
    network = graph.apply(NetworkFunctionDefinition(), (), statement)
    return graph.apply(PathDecomposition(), [network, logits_by_paths(graph, statement)])

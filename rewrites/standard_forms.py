"""From the definition of the network to the forms in which papers reason, by rewriting alone.

Every function here drives the rules of :mod:`.equations` in a proof graph and returns the id of an equation; all of
its steps and conditions are in the graph, so ``explain`` shows them.
"""

from __future__ import annotations

from ..engine.equality import Application, Chain, Expansion, Symmetry, Unfold, normalise
from ..engine.graph import ProofGraph
from ..engine.rewriting import Rewrite, positions
from ..engine.term import Named, Term
from ..models.architectures.one_layer_terms import OneLayerTerms
from .equations import rules
from .rules.selection import SelectionRows

# Towards sums of words bracketed to the left, without transposes of products and with the facts on ones used up.
EXPANDING: tuple[Rewrite, ...] = rules(
    "softmax-total", "select-total", "select-total-turned", "one-times", "times-one", "row-outer",
    "turn-twice", "turn-sum", "turn-minus", "turn-product", "row-sum", "row-minus", "row-product",
    "expand-left", "expand-right", "minus-left", "minus-right", "bracket-left",
)  # fmt: skip


def unfolded(graph: ProofGraph, term: Term) -> tuple[Term, int | None]:
    """The term without abbreviations, and the id of the equation (None if there were none)."""
    total: int | None = None
    while named := next((where for where, part in positions(term) if isinstance(part, Named)), None):
        claim = graph.apply(Unfold(), (), Application(term, named))
        term = graph.claim(claim).right
        total = claim if total is None else graph.apply(Chain(), [total, claim])
    return term, total


def expanded(graph: ProofGraph, term: Term) -> tuple[Term, int]:
    """The term as a sum of words, and the id of the equation."""
    total = graph.apply(Expansion(), (), (term, term))
    here, unfolding = unfolded(graph, term)
    for claim in (unfolding, normalise(graph, here, EXPANDING)[1]):
        if claim is not None:
            total = graph.apply(Chain(), [total, claim])
    return graph.claim(total).right, total


def equal_by_expansion(graph: ProofGraph, left: Term, right: Term) -> int:
    """The id of ``left = right``, both brought to sums of words; raises NotEstablished when these differ."""
    left_words, from_left = expanded(graph, left)
    right_words, from_right = expanded(graph, right)
    middle = graph.apply(Expansion(), (), (left_words, right_words))
    there = graph.apply(Chain(), [from_left, middle])
    return graph.apply(Chain(), [there, graph.apply(Symmetry(), [from_right])])


def _from_definition(graph: ProofGraph, terms: OneLayerTerms, form: Term) -> int:
    graph.apply(SelectionRows(), (), terms.selection)
    graph.apply(SelectionRows(), (), terms.selection.row(terms.n_ctx - 1))
    return equal_by_expansion(graph, terms.logits, form)


def path_expansion(graph: ProofGraph, terms: OneLayerTerms) -> int:
    """logits(t) = s UU + softmax(s EQKE Sᵀ + s EQKP)(S EVOU + PVOU), from the definition."""
    return _from_definition(graph, terms, terms.path_logits)


def mean_key_form(graph: ProofGraph, terms: OneLayerTerms) -> int:
    """The same with a mean position folded into query-key tables: the papers' subcubic form."""
    return _from_definition(graph, terms, terms.mean_key_logits)

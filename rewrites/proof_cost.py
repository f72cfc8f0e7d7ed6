"""What a proof costs, counted from its own derivations: operations, bits, order of growth, unexplained dimension.

*Operations* are what the rules of the proof charge, for this network's sizes; advice is free.  *Bits* is the length of
the longest integer among the exact matrices that the proof's claims hold (numerators as stored, over one power of two a
matrix).  The *order* is the leading monomials of the same charges with sizes as symbols: V tokens, K positions, widths
d and h (written d where they are equal), n nodes or triples, G grid steps.  A weight's sizes are known by its name;
a matrix of advice has only its numbers, so where two sizes of the network are equal the first of V, d, h, K stands.

The *unexplained dimension* is the published estimate of how many numbers a proof ranges over without explanation
in the source.  It is read off the rules of the proof: how UU and EQKE are split, and by what the noise is bounded.
Proofs by rules that the estimate does not cover have none.

Source: arXiv 2406.11779, appendices A.2 and A.3.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass, replace
from typing import Any

import sympy
from sympy import Expr, Symbol
from sympy.core.sympify import converter

from ..engine.arithmetic.dyadic import DyadicMatrix
from ..engine.cost import Cost
from ..engine.explain import charged
from ..engine.graph import Derivation, ProofGraph
from ..engine.term import Named, Ones, Tensor, Term
from ..models.one_layer import OneLayer, one_layer_of
from ..models.one_layer_terms import OneLayerTerms
from .rules.additive_margin import AdditiveMargin
from .rules.box_extremes import Cell
from .rules.cubic_cells import CubicCells
from .rules.enumeration import Enumeration
from .rules.generating_function_count import Triples, on_grid
from .rules.known_matrices import tensor_names
from .rules.logit_gap import LogitGapRule
from .rules.path_decomposition import K, V, d, h
from .rules.row_difference import RowDifferenceAlong, RowDifferenceExact
from .rules.row_difference_least import RowDifferenceLeast
from .rules.row_difference_product import RowDifferenceMean, RowDifferenceProduct
from .rules.row_difference_spectral import RowDifferenceSpectral
from .rules.row_split import RowSplit, SplitAlong, TableItself
from .rules.row_split_range import SplitRange
from .rules.token_order_tree import Tree

NODES, STEPS = "n", "G"


@dataclass(frozen=True)
class ProofCost:
    """``growth`` has the leading monomials of the order.

    ``dimension`` is None where the published estimate says nothing about the proof's rules.
    """

    multiply: int
    add: int
    exp: int
    compare: int
    bits: int
    growth: Expr
    dimension: int | None

    @property
    def order(self) -> str:
        """The growth as people write it."""
        return written(self.growth)

    def row(self) -> dict[str, int | str | None]:
        """The account as plain data."""
        numbers = {name: getattr(self, name) for name in ("multiply", "add", "exp", "compare", "bits", "dimension")}
        return {**numbers, "order": self.order}

    @property
    def total(self) -> int:
        """Operations of all kinds."""
        return self.multiply + self.add + self.exp + self.compare


def proof_cost(graph: ProofGraph, goal: int) -> ProofCost:
    """The account of the goal's proof (the one that :meth:`ProofGraph.proof` chooses)."""
    proof = graph.proof(goal)
    network = one_layer_of(graph.claim(goal).statement)
    sizes = {"V": network.d_vocab, "K": network.n_ctx, "d": network.d_model, "h": network.d_head}
    numbers = order = Cost()
    for step in proof:
        charge = charged(graph, step)
        if any(charge.terms()):  # most rewrites of terms cost nothing, whatever the sizes
            numbers += charge.evaluate(sizes | _advice_sizes(graph, step))
            order += symbolic_charge(graph, step, network)
    dimension = _dimension(graph, proof)
    number = None if dimension is None else int(dimension.subs({s: sizes[str(s)] for s in dimension.free_symbols}))
    claims = (graph.claim(step.claim) for step in proof)
    multiply, add, exp, compare = (int(sympy.ceiling(term)) for term in numbers.terms())
    return ProofCost(multiply, add, exp, compare, longest_integer(claims), _leading(order, sizes), number)


def longest_integer(claims: Iterable[Any]) -> int:
    """Bits of the longest numerator in the exact matrices that the claims hold."""
    seen = {id(matrix): matrix for claim in claims for matrix in _matrices(claim)}
    return max((int(n).bit_length() for matrix in seen.values() for n in matrix.numerators.entries()), default=0)


def _matrices(claim: Any) -> Iterator[DyadicMatrix]:
    for field in fields(claim):
        value = getattr(claim, field.name)
        for part in value.values() if isinstance(value, Mapping) else (value,):
            if isinstance(part, DyadicMatrix):
                yield part


def _advice_sizes(graph: ProofGraph, step: Derivation) -> dict[str, int]:
    """What the symbols n and G of a charge stand for in this derivation."""
    match step.advice:
        case Tree(symbols=symbols):
            return {NODES: sum(symbol in "RWSU" for symbol in symbols)}
        case Triples(triples=triples):
            return {NODES: len(triples), STEPS: _grid_steps(graph.claim(step.premises[0]), step.advice)}
    return {}


def _grid_steps(margin: AdditiveMargin, advice: Triples) -> int:
    """The largest degree to which a product is multiplied out."""
    cells = {(t.q, t.m) for t in advice.triples}
    tables = {(q, m): Cell(margin.enclosure, q, m).table for q, m in cells}
    return max((budget for t in advice.triples for _, budget in on_grid(tables[t.q, t.m], t)), default=0)


class _Size(int):
    """A number that remembers by which symbols it came about."""

    expression: Expr

    @staticmethod
    def of(number: int, expression: Expr) -> _Size:
        size = _Size(number)
        size.expression = expression
        return size

    def __add__(self, other: int) -> _Size:
        return _Size.of(int(self) + int(other), self.expression + _expression(other))

    def __mul__(self, other: int) -> _Size:
        return _Size.of(int(self) * int(other), self.expression * _expression(other))

    def __pow__(self, power: int) -> _Size:  # type: ignore[override]
        return _Size.of(int(self) ** power, self.expression**power)

    __radd__, __rmul__ = __add__, __mul__


def _expression(number: int) -> Expr:
    return number.expression if isinstance(number, _Size) else sympy.Integer(number)


# Costs take their entries through sympify, which would keep the number only.
converter[_Size] = _expression


def symbolic_charge(graph: ProofGraph, step: Derivation, network: OneLayer) -> Cost:
    """What the derivation costs, with this network's sizes as symbols."""
    head = d if network.d_head == network.d_model else h
    named = ((network.d_vocab, V), (network.d_model, d), (network.d_head, head), (network.n_ctx, K))
    v, width, inner, positions = (_Size.of(number, symbol) for number, symbol in named)
    by_number = {int(size): size for size in (positions, inner, width, v)}
    weights = OneLayerTerms(v, positions, width, inner).weights
    advice = _sized(step.advice, weights, by_number)
    cost = step.rule.charge([graph.claim(premise) for premise in step.premises], advice)
    return Cost(*(term.subs(h, head) for term in cost.terms()))


def _sized(value: Any, weights: Mapping[str, Tensor], by_number: Mapping[int, int]) -> Any:
    """The same advice, its terms over tensors whose sizes are symbols."""

    def inside(part: Any) -> Any:
        return _sized(part, weights, by_number)

    match value:
        case Ones():
            return Ones(by_number.get(value.shape[0], value.shape[0]))
        case Tensor():
            rows, columns = (by_number.get(number, number) for number in value.shape)
            return weights.get(value.name) or Tensor(value.name, (rows, columns), value.latex)
        case Named():
            return replace(value, body=inside(value.body))
        case Term():
            for index, part in enumerate(value.parts()):
                value = value.with_part(index, inside(part))
            return value
        case tuple():
            return tuple(map(inside, value))
    if is_dataclass(value) and not isinstance(value, type):
        terms = {f.name: getattr(value, f.name) for f in fields(value) if isinstance(getattr(value, f.name), Term)}
        return replace(value, **{name: inside(term) for name, term in terms.items()}) if terms else value
    return value


def _leading(order: Cost, sizes: Mapping[str, int]) -> Expr:
    """The leading monomials, those dropped that are at most another as these sizes are at most V."""
    small = [symbol for symbol in (K, d, h) if sizes[str(symbol)] <= sizes["V"]]

    def smaller(m: Expr, n: Expr) -> bool:
        rest: Counter[Symbol] = Counter()
        for sign, monomial in ((1, n), (-1, m)):
            for base, power in _powers(monomial):
                rest[base] += sign * int(sympy.Integer(power.subs(K, sizes["K"])))
        spare = rest.pop(V, 0) + sum(min(rest.pop(symbol, 0), 0) for symbol in small)
        return spare >= 0 and all(power >= 0 for power in rest.values())

    # Of two that are equal only for this K, the one with K in its exponent stays.
    monomials = sympy.Add.make_args(order.leading())
    kept: list[Expr] = []
    for m in sorted(monomials, key=lambda m: all(power.is_Integer for _, power in _powers(m))):
        if not any(smaller(m, n) for n in kept):
            kept = [n for n in kept if not smaller(n, m)] + [m]
    return sympy.Add(*kept)


SUPERSCRIPTS = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")


def written(leading: Expr) -> str:
    """Monomials for people.

    >>> written(V**3 * K + V**2 * d)
    'V³K + V²d'
    >>> written(V ** (K + 1))
    'V^(K + 1)'
    """
    monomials = [sorted(_powers(term), key=_place) for term in sympy.Add.make_args(leading)]
    monomials.sort(key=lambda monomial: [(_place(pair), -_degree(pair)) for pair in monomial])
    return " + ".join("".join(map(_power, monomial)) or "1" for monomial in monomials)


def _place(pair: tuple[Symbol, Expr]) -> int:
    return ["V", "K", "d", "h", NODES, STEPS].index(str(pair[0]))


def _degree(pair: tuple[Symbol, Expr]) -> int:
    """The exponent; one with a symbol in it counts as large."""
    return int(str(pair[1])) if pair[1].is_Integer else 100


def _power(pair: tuple[Symbol, Expr]) -> str:
    symbol, exponent = pair
    if not exponent.is_Integer:
        return f"{symbol}^({exponent})"
    return f"{symbol}" if exponent == 1 else f"{symbol}{str(exponent).translate(SUPERSCRIPTS)}"


def _powers(monomial: Expr) -> list[tuple[Symbol, Expr]]:
    return [(base, sympy.sympify(power)) for base, power in monomial.as_powers_dict().items() if base.free_symbols]


def _dimension(graph: ProofGraph, proof: Sequence[Derivation]) -> Expr | None:
    by = {step.claim: step for step in proof}
    for step in proof:
        match step.rule:
            case Enumeration():
                return V ** (K + 1)
            case CubicCells():
                return 3 * V**2 + 2 * V * K
            case LogitGapRule():
                splits = {
                    c.name: premise for premise in step.premises if isinstance(c := graph.claim(premise), RowSplit)
                }
                keys = by[step.premises[0]].premises[1]
                parts = [_of_direct(graph, by, splits["UU"]), _of_noise(by, keys), _of_values(by, splits["EVOU"])]
                covered = [part for part in parts if part is not None]
                return sum(covered, V) if covered == parts else None
    return None


def _of_values(by: Mapping[int, Derivation], split: int) -> Expr | None:
    return V**2 if isinstance(by[split].rule, TableItself) else None


def _of_direct(graph: ProofGraph, by: Mapping[int, Derivation], split: int) -> Expr | None:
    """D(EUPU): two extremes, a pair of them a query, or a product bound's V d numbers; V more for a common row.

    The bounds of single targets (T2), which the published family does not have, count as the table's V² entries.
    """
    step = by[split]
    match step.rule:
        case SplitRange():
            extremes = {"pairs": V**2, "rows": 2 * V, "all": sympy.Integer(2)}
            return extremes[step.advice.kind] + (V if step.advice.row is not None else 0)
        case SplitAlong():
            known = graph.claim(step.premises[0])
            common_row = bool(tensor_names(step.advice.approximation) & set(known.advice))
            return V * d + 2 + (V if common_row else 0)
    return None


def _of_noise(by: Mapping[int, Derivation], split: int) -> Expr | None:
    """D(err)."""
    step = by[split]
    if isinstance(step.rule, TableItself):
        return V**2
    if not isinstance(step.rule, SplitAlong):
        return None
    noise = by[step.premises[1]]
    while isinstance(noise.rule, RowDifferenceAlong | RowDifferenceLeast):
        noise = by[noise.premises[0]]
    dimensions = {
        RowDifferenceExact: 4 * V,
        RowDifferenceSpectral: 2 * V,
        RowDifferenceProduct: 2 * V + 2 * d,
        RowDifferenceMean: 3 * V + 2 * d,
    }
    return dimensions.get(type(noise.rule))

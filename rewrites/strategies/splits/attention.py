"""EQKE as a cheap table plus noise: the ten ways of the published family, and one of ours.

Source: arXiv 2406.11779, with the cross terms that its code drops.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from ....engine.term import Ones, Term
from ...advice.directions import floats, leading, mean_row, peeled
from ...rules.row_difference_spectral import RowDifferenceLength, RowDifferenceSpectral
from ...rules.row_split import Split, SplitAlong, TableItself
from ..search.products import ellipsoid_bound
from .common import Recipe, Workbench


@dataclass(frozen=True)
class Rest:
    """What is left of EQKE as a product of factors, and the cheap part A with the column c of the split."""

    factors: tuple[Term, ...]
    approximation: Term
    column: Term


def attention_split(bench: Workbench, name: str) -> int:
    """The id of a split of EQKE by the option of that name."""
    return (OPTIONS | OTHERS)[name](bench.fresh())


def _itself(bench: Workbench) -> int:
    return bench.graph.apply(TableItself(), [bench.paths], "EQKE")


def _split(rest: Callable[[Workbench], Rest], noise: Callable[[Workbench, tuple[Term, ...]], int]) -> Recipe:
    def recipe(bench: Workbench) -> int:
        parts = rest(bench)
        bound = noise(bench, parts.factors)
        split = Split("EQKE", parts.approximation, parts.column)
        return bench.graph.apply(SplitAlong(), [bench.known, bound], split)

    return recipe


def _mean_keys(bench: Workbench) -> Term:
    """W_E + 1 P̄: what stands at a key's position, with a mean position folded in."""
    mean = bench.name("mean", mean_row(bench.value(bench.terms.weights["W_pos"])), "\\bar{P}")
    return bench.terms.weights["W_E"] + Ones(bench.terms.d_vocab) @ mean


def _column(bench: Workbench, keys: Term) -> Term:
    """What the mean position adds to all scores of a query."""
    mean = keys.parts()[1].parts()[1]
    return bench.terms.query_side @ (mean @ bench.terms.weights["W_K"]).T


def rank_one(bench: Workbench) -> Rest:
    """EQKE is (Q - u z)(B - y v) and products with a vector, for short vectors u, z, y, v near its first singular
    ones."""
    keys = _mean_keys(bench)
    left, right = bench.terms.query_side, (keys @ bench.terms.weights["W_K"]).T
    a, b = floats(bench.value(left)), floats(bench.value(right))
    first, second = leading(a @ b)
    u_value, z_value, _ = peeled(a, first)
    v_value, y_value, _ = peeled(b.T, second)
    u, z = bench.name("u", u_value, "u"), bench.name("z", z_value, "z")
    y, v = bench.name("y", y_value.T, "y"), bench.name("v", v_value.T, "v")
    approximation = u @ (z @ right) + (left @ y - u @ (z @ y)) @ v
    return Rest((left - u @ z, right - y @ v), approximation, _column(bench, keys))


def four_factors(bench: Workbench) -> Rest:
    """EQKE is M1 M2 M3 M4 and products with a vector, after two directions of tokens on each side and one of each
    weight matrix have been split off."""
    w, everywhere = bench.terms.weights, Ones(bench.terms.d_vocab)
    keys, queries = _mean_keys(bench), bench.terms.query_residual
    core = floats(bench.value(w["W_Q"])) @ floats(bench.value(w["W_K"])).T
    query_values, key_values = floats(bench.value(queries)), floats(bench.value(keys))
    query_direction, key_direction = leading(query_values @ core @ key_values.T)
    q_parts, m1 = _peel_twice(bench, "q", queries, query_values, query_direction)
    k_parts, m4 = _peel_twice(bench, "k", keys, key_values, key_direction)
    (uq, cq), m2 = _peel_once(bench, "Q", w["W_Q"])
    (uk, ck), m3 = _peel_once(bench, "K", w["W_K"])
    pieces = [column @ (((row @ w["W_Q"]) @ w["W_K"].T) @ keys.T) for column, row in q_parts]
    pieces += [(m1 @ (w["W_Q"] @ (w["W_K"].T @ row.T))) @ column.T for column, row in k_parts]
    pieces.append((m1 @ uq) @ ((cq @ w["W_K"].T) @ m4.T))
    pieces.append((m1 @ (m2 @ ck.T)) @ (uk.T @ m4.T))
    pieces.append(everywhere @ ((w["b_Q"] @ w["W_K"].T) @ keys.T))
    approximation = pieces[0]
    for piece in pieces[1:]:
        approximation = approximation + piece
    return Rest((m1, m2, m3.T, m4.T), approximation, _column(bench, keys))


def _peel_twice(bench: Workbench, letter: str, term: Term, values, direction) -> tuple[list[tuple[Term, Term]], Term]:
    parts: list[tuple[Term, Term]] = []
    for number in (1, 2):
        column, row, values = peeled(values, direction)
        names = f"{letter}{number}", f"r{letter}{number}"
        shown = f"{letter}_{number}", f"r_{{{letter}{number}}}"
        parts.append((bench.name(names[0], column, shown[0]), bench.name(names[1], row, shown[1])))
        term = term - parts[-1][0] @ parts[-1][1]
        direction = leading(values)[0]
    return parts, term


def _peel_once(bench: Workbench, letter: str, weight: Term) -> tuple[tuple[Term, Term], Term]:
    values = floats(bench.value(weight))
    column, row, _ = peeled(values, leading(values)[0])
    u = bench.name(f"u{letter}", column, f"u_{letter}")
    c = bench.name(f"c{letter}", row, f"c_{letter}")
    return (u, c), weight - u @ c


def _exact(bench: Workbench, factors: tuple[Term, ...]) -> int:
    left, right = factors
    return bench.exact(left @ right)


def _spectral(bench: Workbench, factors: tuple[Term, ...]) -> int:
    return bench.graph.apply(RowDifferenceSpectral(), [bench.known], factors)


def _lengths(bench: Workbench, factors: tuple[Term, ...]) -> int:
    return bench.graph.apply(RowDifferenceLength(), [bench.known], factors)


def _ellipsoid(bench: Workbench, factors: tuple[Term, ...]) -> int:
    left, right = factors
    return ellipsoid_bound(bench.graph, bench.known, left, right)


def _product(bench: Workbench, factors: tuple[Term, ...]) -> int:
    left, right = factors
    return bench.product(left, bench.exact(right))


def _mean(bench: Workbench, factors: tuple[Term, ...]) -> int:
    left, right = factors
    return bench.around_mean(left, bench.exact(right), "M")


def _breaks(bench: Workbench, factors: tuple[Term, ...], *, mean: bool) -> int:
    """The least over the three places to break the product, both sides multiplied out."""
    m1, m2, m3, m4 = factors
    whole = ((m1 @ m2) @ m3) @ m4
    bounds = []
    for number, (left, right) in enumerate(((m1, (m2 @ m3) @ m4), (m1 @ m2, m3 @ m4), ((m1 @ m2) @ m3, m4))):
        right_bound = bench.exact(right)
        bound = bench.around_mean(left, right_bound, f"L{number}") if mean else bench.product(left, right_bound)
        bounds.append(bench.along(bound, whole))
    return bench.least(bounds)


def _recursive(bench: Workbench, factors: tuple[Term, ...], *, means: int) -> int:
    """One factor at a time from the right; the first ``means`` factors have a common row split off."""
    *others, last = factors
    bound = bench.exact(last)
    for number in reversed(range(len(others))):
        factor = others[number]
        bound = bench.around_mean(factor, bound, f"M{number}") if number < means else bench.product(factor, bound)
    return bound


OPTIONS: dict[str, Recipe] = {
    "EQKE": _itself,
    "mdx": _split(rank_one, _exact),
    "md": _split(rank_one, _product),
    "mmd": _split(rank_one, _mean),
    "svd": _split(rank_one, _spectral),
    "len": _split(rank_one, _lengths),
    "sub": _split(four_factors, partial(_breaks, mean=False)),
    "msub": _split(four_factors, partial(_breaks, mean=True)),
    "rec": _split(four_factors, partial(_recursive, means=0)),
    "mrec": _split(four_factors, partial(_recursive, means=1)),
    "mmrec": _split(four_factors, partial(_recursive, means=3)),
}

# Not among the options of the family's configurations.
OTHERS: dict[str, Recipe] = {"ellipsoid": _split(rank_one, _ellipsoid)}

TOLD: dict[str, str] = {
    "EQKE": "the table itself, no noise",
    "mdx": "rank one, and the exact row differences of the rest",
    "md": "rank one, and a product bound of the rest",
    "mmd": "rank one, and a product bound of the rest around a mean row",
    "svd": "rank one, and the spectral norm of the rest",
    "len": "rank one, and the lengths of the rest's rows",
    "sub": "four factors, and the best of three product bounds of the rest",
    "msub": "four factors, and the best of three product bounds of the rest around mean rows",
    "rec": "four factors, one after the other",
    "mrec": "four factors, one after the other, the first around its mean row",
    "mmrec": "four factors, one after the other, the first three around their mean rows",
    "ellipsoid": "rank one, and an ellipsoid around the rest's rows",
}

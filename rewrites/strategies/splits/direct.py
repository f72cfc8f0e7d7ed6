"""The direct path as one row for all queries plus noise: the five ways of the published family.

Source: arXiv 2406.11779.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ....engine.arithmetic.dyadic import DyadicMatrix
from ....engine.term import Ones, Term
from ...advice.directions import floats, leading, mean_row, weighted_row
from ...rules.row_split import Split, SplitAlong
from ...rules.row_split_range import CommonRow, SplitRange
from .common import COMMON_ROWS, Workbench


@dataclass(frozen=True)
class Sharpening:
    """Switches: per-target bounds (T2), and a common row also where the published option has none."""

    pairs: bool = True
    common_row: bool = True


def direct_split(bench: Workbench, name: str, sharpening: Sharpening) -> int:
    """The id of a split of UU by the option of that name."""
    return OPTIONS[name](bench.fresh(), sharpening)


def _exact(bench: Workbench, sharpening: Sharpening) -> int:
    table = bench.graph.claim(bench.paths).tables["UU"]
    row = mean_row(table) if sharpening.common_row else None
    kind = "pairs" if sharpening.pairs else "rows"
    return bench.graph.apply(SplitRange(), [bench.paths], CommonRow("UU", row, kind))


def _all(bench: Workbench, sharpening: Sharpening) -> int:
    table = bench.graph.claim(bench.paths).tables["UU"]
    row = mean_row(table) if sharpening.common_row else None
    return bench.graph.apply(SplitRange(), [bench.paths], CommonRow("UU", row, "all"))


def _constant(bench: Workbench) -> Term:
    """What all queries add to the logits: the biases' part."""
    w = bench.terms.weights
    return w["b_O"] @ w["W_U"] + w["b_U"]


def _plain(bench: Workbench, sharpening: Sharpening) -> int:
    queries, unembedding = bench.terms.query_residual, bench.terms.weights["W_U"]
    noise = bench.product(queries, bench.exact(unembedding))
    return bench.graph.apply(SplitAlong(), [bench.known, noise], Split("UU", _constant(bench)))


def _around(bench: Workbench, row: DyadicMatrix) -> int:
    """Around the query that ``row`` stands for."""
    queries, unembedding = bench.terms.query_residual, bench.terms.weights["W_U"]
    centre = bench.name("e", row, "\\bar{e}")
    noise = bench.product(queries - Ones(bench.terms.d_vocab) @ centre, bench.exact(unembedding))
    split = Split("UU", centre @ unembedding + _constant(bench))
    return bench.graph.apply(SplitAlong(), [bench.known, noise], split)


def _mean(bench: Workbench, sharpening: Sharpening) -> int:
    queries = bench.value(bench.terms.query_residual)
    rows = COMMON_ROWS if bench.any_row else COMMON_ROWS[:1]
    found = [_around(bench.fresh(), choice(queries)) for choice in rows]
    return min(found, key=lambda claim: sum(bound[0] for bound in bench.graph.claim(claim).bounds.fractions()))


def _direction(bench: Workbench, sharpening: Sharpening) -> int:
    queries = bench.value(bench.terms.query_residual)
    logits = floats(queries) @ floats(bench.value(bench.terms.weights["W_U"]))
    return _around(bench, weighted_row(queries, leading(logits)[0]))


OPTIONS: Mapping = {"exact": _exact, "glob": _all, "mean": _mean, "svdq": _direction, "md": _plain}
TOLD: Mapping[str, str] = {
    "exact": "exact row differences, per query",
    "glob": "exact row differences, for all queries at once",
    "mean": "around a common row, by a product bound",
    "svdq": "around the row of a leading direction, by a product bound",
    "md": "by a product bound",
}

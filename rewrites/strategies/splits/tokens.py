"""EVOU as a table of low rank plus noise, below the V² d multiplications that the table itself takes.

The slides of the compact-proofs work leave this row open ("convex hull on OV"); a low rank r and the lengths of the
rest's rows take V² r + V d².
"""

from __future__ import annotations

from functools import partial

from ...advice.directions import low_rank_factors
from ...rules.row_difference_spectral import RowDifferenceLength
from ...rules.row_split import Split, SplitAlong, TableItself
from .common import Recipe, Workbench

RANKS = (6, 8, 10, 12, 16)


def exact(bench: Workbench) -> int:
    """The table itself."""
    return bench.graph.apply(TableItself(), [bench.paths], "EVOU")


def low_rank(bench: Workbench, rank: int) -> int:
    """EVOU = u (z Y) + (X - u z) Y with X = W_E W_V, Y = W_O W_U and ``rank`` columns u."""
    w = bench.terms.weights
    left, right = w["W_E"] @ w["W_V"], w["W_O"] @ w["W_U"]
    u_value, z_value = low_rank_factors(bench.value(left), bench.value(right), rank)
    u = bench.name(f"u_OV_{rank}", u_value, f"u_{{OV,{rank}}}")
    z = bench.name(f"z_OV_{rank}", z_value, f"z_{{OV,{rank}}}")
    noise = bench.graph.apply(RowDifferenceLength(), [bench.known], (left - u @ z, right))
    return bench.graph.apply(SplitAlong(), [bench.known, noise], Split("EVOU", u @ (z @ right)))


OPTIONS: dict[str, Recipe] = {"EVOU": exact, **{f"r{rank}": partial(low_rank, rank=rank) for rank in RANKS}}
TOLD = {
    "EVOU": "the table itself",
    **{f"r{rank}": f"rank {rank}, and the lengths of the rest's rows" for rank in RANKS},
}

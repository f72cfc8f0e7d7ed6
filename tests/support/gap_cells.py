"""Cells of the sub-cubic proofs by enumeration: the sequences of a cell, and what claims about them must enclose."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import mpmath
import numpy as np

from mechproof.engine.arithmetic.bounds import row_ranges
from mechproof.engine.arithmetic.dyadic import DyadicMatrix
from mechproof.rewrites.rules.attention_floor import AttentionFloor
from mechproof.rewrites.rules.attention_range import GRID_BITS, AttentionRange, Reach
from mechproof.rewrites.rules.logit_gap import LogitGap
from mechproof.rewrites.rules.path_decomposition import Paths
from mechproof.rewrites.rules.row_split import RowSplit
from mechproof.rewrites.rules.row_split_range import KINDS, CommonRow, SplitRange

Cell = tuple[int, int, int]
DIGITS = 60


def members(cell: Cell, reach: int, positions: int) -> Iterator[tuple[int, ...]]:
    """Every sequence with query q and maximum m in which exactly c tokens, all at most ``reach``, are not m."""
    q, m, c = cell
    for free in itertools.product(range(m + 1), repeat=positions - 1):
        tokens = (*free, q)
        others = [token for token in tokens if token != m]
        if max(tokens) == m and len(others) == c and max(others, default=0) <= reach:
            yield tokens


def cells(V: int, K: int) -> list[Cell]:
    """Every cell that can be treated."""
    return [(q, m, c) for m in range(1, V) for q in range(m + 1) for c in range(1, K)]


def treated(reach: Reach) -> Iterator[tuple[Cell, int]]:
    """The treated cells with their reach."""
    for q, m, c in np.argwhere(reach.table >= 0).tolist():
        yield (q, m, c), int(reach.table[q, m, c])


def random_reach(rng: random.Random, V: int, K: int, share: float = 1.0) -> Reach:
    """A reach for about that share of all cells, each drawn from what the cell allows."""
    table = np.full((V, V, K), -1, dtype=np.int64)
    for q, m, c in cells(V, K):
        if rng.random() < share:
            table[q, m, c] = rng.randint(0 if q == m else q, m - 1)
    return Reach(table)


def random_split(rng: random.Random, paths: Paths, name: str = "EQKE") -> RowSplit:
    """The table as a random one near it and noise, with bounds that are the exact row differences of the noise."""
    table = paths.tables[name]
    rows, columns = table.shape
    size = rng.choice((0, 1, 1 << 20))
    noise = [rng.randint(-size, size) for _ in range(rows * columns)]
    rest = DyadicMatrix.from_integers(rows, columns, noise, -20)
    return RowSplit(paths.statement, name, table - rest, row_ranges(rest))


def common_row(rng: random.Random, paths: Paths) -> RowSplit:
    """The direct path as a random row for all queries and noise, bounded in one of the three ways."""
    columns = paths.tables["UU"].shape[1]
    row = DyadicMatrix.from_integers(1, columns, [rng.randint(-8, 8) for _ in range(columns)], -3)
    return SplitRange().conclude([paths], CommonRow("UU", rng.choice((None, row)), rng.choice(KINDS)))


def attention(net: Any, tokens: tuple[int, ...]) -> Any:
    """The attention on the largest token, from the definition, to sixty digits."""
    with mpmath.workdps(DIGITS + 20):
        weights = [net.truth.weight(tokens[-1], p, t, DIGITS) for p, t in enumerate(tokens)]
        top = [weight for weight, token in zip(weights, tokens, strict=True) if token == max(tokens)]
        return mpmath.fsum(top) / mpmath.fsum(weights)


def range_faults(claim: AttentionRange | AttentionFloor, net: Any) -> list[str]:
    """Every sequence within a reach whose attention lies outside the claimed range."""
    faults = []
    for cell, reach in treated(claim.reach):
        low, high = int(claim.low[cell]), int(claim.high[cell])
        for tokens in members(cell, reach, net.K):
            with mpmath.workdps(DIGITS):
                units = mpmath.ldexp(attention(net, tokens), GRID_BITS)
                if not low - mpmath.mpf("1e-40") <= units <= high + mpmath.mpf("1e-40"):
                    faults.append(f"{cell} {tokens}: {units} not in [{low}, {high}]")
    return faults


def room(claim: AttentionRange, net: Any) -> tuple[Any, Any]:
    """How far, in grid units, the nearest sequence of any treated cell is from the low and the high end."""
    below, above = [], []
    for cell, reach in treated(claim.reach):
        with mpmath.workdps(DIGITS):
            units = [mpmath.ldexp(attention(net, t), GRID_BITS) for t in members(cell, reach, net.K)]
            below.append(min(units) - int(claim.low[cell]))
            above.append(int(claim.high[cell]) - max(units))
    return min(below), min(above)


def wrongly_certified(claim: LogitGap, net: Any) -> list[tuple[int, ...]]:
    """Every wrong sequence within the reach of a certified cell."""
    found = [t for cell, reach in treated(claim.attention.reach) if claim.certified[cell]
             for t in members(cell, reach, net.K) if t in net.truth.wrong]  # fmt: skip
    alone = [(m,) * net.K for m in range(net.V) if claim.certified[m, m, 0]]
    return found + [tokens for tokens in alone if tokens in net.truth.wrong]


def split_faults(split: RowSplit, table: DyadicMatrix) -> list[str]:
    """Every difference within a row of the table that the split does not dominate."""
    slack = split_slack(split, table)
    return [f"{index}: {value}" for index, value in slack.items() if value < 0]


def split_slack(split: RowSplit, table: DyadicMatrix) -> dict[tuple[int, int, int], Fraction]:
    """A[q,i] - A[q,j] + bounds[q,j] - (T[q,i] - T[q,j]) for all q, i, j."""
    t, a, bounds = (matrix.fractions() for matrix in (table, split.approximation, split.bounds))
    V = len(t)
    return {
        (q, i, j): a[q % len(a)][i] - a[q % len(a)][j] + bounds[q][j % len(bounds[q])] - (t[q][i] - t[q][j])
        for q, i, j in itertools.product(range(V), repeat=3)
    }


def leaning(oracle: Any, seed: int, V: int = 0, K: int = 0) -> Any:
    """A network that looks at large tokens and copies what it sees, with noise, biases and h != d; often right."""
    rng = random.Random(seed)
    V, K = V or rng.randint(3, 5), K or rng.randint(2, 3)
    width, head = V + 1, V

    def table(rows: int, columns: int, entry: Any, noise: int = 4) -> list[list[Fraction]]:
        return [[entry(i, j) + Fraction(rng.randint(-noise, noise), 32) for j in range(columns)] for i in range(rows)]

    none = Fraction(0)
    return oracle.net(
        V, K, width, head,
        W_E=table(V, width, lambda i, j: Fraction(i == j), 1),
        W_pos=table(K, width, lambda i, j: none, 1),
        W_Q=table(width, head, lambda i, j: Fraction(j == 0)),
        W_K=table(width, head, lambda i, j: Fraction(3 * i * (j == 0))),
        W_V=table(width, head, lambda i, j: Fraction(3 * (i == j))),
        W_O=table(head, width, lambda i, j: Fraction(2 * (i == j))),
        W_U=table(width, V, lambda i, j: Fraction(i == j)),
        b_Q=table(1, head, lambda i, j: none),
        b_K=table(1, head, lambda i, j: none),
        b_V=table(1, head, lambda i, j: none),
        b_O=table(1, width, lambda i, j: none),
        b_U=table(1, V, lambda i, j: none),
    )  # fmt: skip


def tabled(oracle: Any, V: int, K: int, **tables: list[list[Fraction]]) -> Any:
    """A network without biases with exactly these path tables (UU, EVOU, PVOU, EQKE, EQKP; zero where not given).

    Tokens and positions are unit vectors; values are written to coordinates that tokens and positions do not use.
    """
    sizes = {"UU": (V, V), "EVOU": (V, V), "PVOU": (K, V), "EQKE": (V, V), "EQKP": (V, K)}
    zero = {name: [[Fraction(0)] * columns for _ in range(rows)] for name, (rows, columns) in sizes.items()}
    t = zero | tables
    half = V + K

    def units(rows: int, columns: int, shift: int = 0) -> list[list[Fraction]]:
        return [[Fraction(i + shift == j) for j in range(columns)] for i in range(rows)]

    keys = [[*(row[k] for row in t["EQKE"]), *[Fraction(0)] * K] for k in range(V)]
    keys += [[*(row[p] for row in t["EQKP"]), *[Fraction(0)] * K] for p in range(K)]
    nothing = [[Fraction(0)] * half for _ in range(half)]
    queries = [[Fraction(i == j and i < V) for j in range(half)] for i in range(half)]
    return oracle.net(
        V, K, 2 * half, half,
        W_E=units(V, 2 * half), W_pos=units(K, 2 * half, V),
        W_Q=queries + nothing, W_K=keys + nothing, W_V=units(2 * half, half), W_O=units(half, 2 * half, half),
        W_U=[*t["UU"], *[[Fraction(0)] * V for _ in range(K)], *t["EVOU"], *t["PVOU"]],
    )  # fmt: skip


def noisy(oracle: Any, rng: random.Random, V: int, K: int) -> Any:
    """Random path tables in which the largest token has some advantage: right on some sequences of most cells."""

    def table(rows: int, columns: int, entry: Any, noise: int) -> list[list[Fraction]]:
        return [[entry(i, j) + Fraction(rng.randint(-noise, noise), 8) for j in range(columns)] for i in range(rows)]

    none = Fraction(0)
    return tabled(
        oracle, V, K,
        UU=table(V, V, lambda i, j: none, 8),
        EVOU=table(V, V, lambda i, j: Fraction(rng.randint(1, 6) * (i == j)), 8),
        PVOU=table(K, V, lambda i, j: none, 4),
        EQKE=table(V, V, lambda i, j: Fraction(j * rng.randint(0, 4)), 16),
        EQKP=table(V, K, lambda i, j: none, 8),
    )  # fmt: skip

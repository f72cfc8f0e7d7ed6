"""One set of sequences of a cell (q, m), from the weights to its verdict: for proofs through path tables.

The largest sum of D over the set is found as the checker finds it (engine/checker/one_layer): of a box position by
position, of a set (q, m, n, N) by the n largest gains over the maximum's own token.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from math import comb, prod

import numpy as np

from ...engine.arithmetic.ball import Ball, precision
from ...engine.arithmetic.dyadic import DyadicMatrix
from ...engine.arithmetic.printing import ceil_str, floor_str
from ...engine.ledger import ranges
from ...engine.transcript import Block, Table, paragraph, passage, prose
from ...models.one_layer import one_layer_of
from ..rules.cell_sets import CellSets
from ..rules.margin_enclosure import MarginEnclosure
from ..rules.notions import TERMS
from ..rules.path_decomposition import Paths
from .decimals import BITS, LISTED, down, ends, places, row, up


@dataclass(frozen=True)
class Term:
    """A term D(p, t) of the sums; ``counted``: whether the largest sum has it."""

    position: int
    token: int
    counted: bool


@dataclass(frozen=True)
class Box:
    """The sequences of a cell whose free positions hold tokens of these sets."""

    q: int
    m: int
    held: tuple[tuple[int, ...], ...]

    @property
    def size(self) -> int:
        return prod(map(len, self.held))

    def told(self) -> str:
        if all(len(tokens) == 1 for tokens in self.held):
            listed = ", ".join(str(token) for (token,) in self.held)
            return f"The sequence $({listed}, {self.q})$: the query is $q = {self.q}$, the maximum $m = {self.m}$."
        free = "; ".join(f"position {p}: {ranges(tokens)}" for p, tokens in enumerate(self.held))
        sizes = " \\cdot ".join(str(len(tokens)) for tokens in self.held)
        product = f"{sizes} = " if len(self.held) > 1 else ""
        return (
            f"The query is $q = {self.q}$, the maximum $m = {self.m}$, and the free positions may hold these tokens: "
            f"{free} (a-b stands for all from a to b). That is ${product}{self.size}$ sequences."
        )

    def largest(self, base: np.ndarray, free: np.ndarray) -> np.ndarray:
        """Upper ends of the largest sum over the set, by output."""
        rows = [free[p, list(tokens)].max(axis=0) for p, tokens in enumerate(self.held)]
        return base + np.array(rows, dtype=np.int64).sum(axis=0)

    def terms(self, free: np.ndarray) -> Iterator[Term]:
        """The largest term of each free position; ``free``: upper ends for one output, position by token."""
        for p, tokens in enumerate(self.held):
            yield Term(p, max(tokens, key=lambda t, p=p: int(free[p, t])), counted=True)


@dataclass(frozen=True)
class Chosen:
    """The set (q, m, n, N)."""

    q: int
    m: int
    n: int
    tokens: tuple[int, ...]
    positions: int

    @property
    def size(self) -> int:
        return comb(self.positions, self.n) * len(self.tokens) ** self.n

    def told(self) -> str:
        return (
            f"The query is $q = {self.q}$, the maximum $m = {self.m}$; $n = {self.n}$ of the $K - 1 = "
            f"{self.positions}$ free positions hold tokens of the set $N$ = {{{ranges(self.tokens)}}} (a-b stands for "
            f"all from a to b), the others hold $m$. That is ${comb(self.positions, self.n)} \\cdot "
            f"{len(self.tokens)}^{{{self.n}}} = {self.size}$ sequences: so many ways to choose the positions, and so "
            f"many "
            "tokens at each."
        )

    def _gains(self, free: np.ndarray) -> np.ndarray:
        return free[:, list(self.tokens)].max(axis=1) - free[:, self.m]

    def largest(self, base: np.ndarray, free: np.ndarray) -> np.ndarray:
        best = np.sort(self._gains(free), axis=0)[len(free) - self.n :]
        return base + free[:, self.m].sum(axis=0) + best.sum(axis=0)

    def terms(self, free: np.ndarray) -> Iterator[Term]:
        order = np.argsort(-self._gains(free), kind="stable").tolist()
        chosen = set(order[: self.n])
        for p in range(len(free)):
            yield Term(p, self.m, counted=p not in chosen)
            yield Term(p, max(self.tokens, key=lambda t, p=p: int(free[p, t])), counted=p in chosen)


def of_sets(sets: CellSets) -> Chosen | None:
    """A set with the most sequences, of those with tokens besides the maximum."""
    positions = one_layer_of(sets.paths.statement).n_ctx - 1
    found = [
        Chosen(q, m, n, tuple(t for t in range(m) if tokens >> t & 1), positions)
        for (q, m, n), tokens in sorted(sets.sets.items())
        if n and tokens
    ]
    return max(found, key=lambda chosen: chosen.size, default=None)


class Cell:
    """The numbers of one such set."""

    def __init__(self, paths: Paths, chosen: Box | Chosen) -> None:
        self.paths, self.chosen = paths, chosen
        self.layer = one_layer_of(paths.statement)
        table = MarginEnclosure(paths).cell(chosen.q, chosen.m)
        base, free = table.base.upper, table.free.upper
        sums = chosen.largest(base, free)
        outputs = [x for x in range(self.layer.d_vocab) if x != chosen.m]
        self.others = sorted(outputs, key=lambda x: -int(sums[x]))
        self.x = self.others[0]
        own = Term(self.layer.n_ctx - 1, chosen.q, counted=True)
        self.rows = [*chosen.terms(free[:, :, self.x]), own]
        with precision(BITS):
            self._top = max(self._score(term) for term in self.rows)
            self.weights = [ends(self._weight(term)) for term in self.rows]
            self.values = [ends(self._weight(term) * self._difference(term)) for term in self.rows]

    def _score(self, term: Term) -> int:
        return self.paths.score(self.chosen.q, term.position, term.token)

    def _weight(self, term: Term) -> Ball:
        """w_q(p, t) over the largest weight of the rows."""
        below = Ball.dyadic(self._score(term) - self._top, self.paths.score_exponent)
        return below.over(Ball.sqrt(self.layer.d_head)).exp()

    def _difference(self, term: Term) -> Ball:
        q, m = self.chosen.q, self.chosen.m
        found = self.paths.logit_difference(q, term.position, term.token, self.x, m)
        return Ball.dyadic(found, self.paths.logit_exponent)

    @cached_property
    def total(self) -> tuple[Fraction, Fraction]:
        """Lower and upper ends of the largest sum, in units of the largest weight."""
        counted = [value for term, value in zip(self.rows, self.values, strict=True) if term.counted]
        low, high = (sum((value[end] for value in counted), Fraction(0)) for end in (0, 1))
        return low, high

    def entry(self, table: str, i: int, j: int) -> Fraction:
        return self.paths.tables[table].fraction(i, j)

    def gap(self, table: str, i: int) -> Fraction:
        """What a row of a table gives output x more than output m."""
        return self.entry(table, i, self.x) - self.entry(table, i, self.chosen.m)


def blocks(paths: Paths, chosen: Box | Chosen) -> tuple[Block, ...]:
    """The set, a score and a value from the weights, the terms, their sum and its sign; nothing for one output."""
    if one_layer_of(paths.statement).d_vocab == 1:
        return ()
    cell = Cell(paths, chosen)
    return (
        *passage(
            f"Put {TERMS} A sequence with the query $q$ and the "
            "maximum $m$ is right if and only if $\\sum_p D_{q,m,x}(p, t_p) < 0$ for every $x \\ne m$."
        ),
        paragraph(
            f"{chosen.told()} Decimals are cut off downwards, but those behind $\\le$ and in the columns of upper "
            "bounds, which are rounded up; so the last digit of a sum may differ from the sum of what is shown."
        ),
        *_from_weights(cell),
        _scores(cell),
        paragraph(
            f"The output that comes closest to the maximum's is $x = {cell.x}$, with $\\mathrm{{UU}}[{chosen.q}, "
            f"{cell.x}] - \\mathrm{{UU}}[{chosen.q}, {chosen.m}] = {floor_str(cell.gap('UU', chosen.q), 6)}$. Each "
            "logit difference below adds this to the two columns before it, and $D$ is that times the weight."
        ),
        _values(cell),
        *_verdict(cell),
    )


def _from_weights(cell: Cell) -> tuple[Block, ...]:
    """An entry of EQKE and one of EVOU as inner products of rows that the weights give."""
    layer, q = cell.layer, cell.chosen.q
    if max(layer.d_head, layer.d_model) > LISTED:
        return ()
    weight, t = layer.tensors, cell.rows[0].token
    stream = weight["W_E"].row(q) + weight["W_pos"].row(layer.n_ctx - 1)
    query, key = stream @ weight["W_Q"] + weight["b_Q"], weight["W_E"].row(t) @ weight["W_K"]
    written = weight["W_E"].row(t) @ weight["W_V"] @ weight["W_O"]
    column = weight["W_U"].T.row(cell.x)

    def numbers(one: DyadicMatrix) -> str:
        return row(one.fractions()[0])

    return passage(
        f"""
        From the weights: the query's row is $Q[{q}] = (W_E[{q}] + W_{{\\mathrm{{pos}}}}[{layer.n_ctx - 1}]) W_Q + b_Q$
        = {numbers(query)}, and the key of token {t} is $W_E[{t}] W_K$ = {numbers(key)}; their inner product is
        $\\mathrm{{EQKE}}[{q}, {t}] = {floor_str(cell.entry("EQKE", q, t), 6)}$. What token {t} writes is
        $W_E[{t}] W_V W_O$ = {numbers(written)}; its inner product with column {cell.x} of $W_U$, {numbers(column)},
        is $\\mathrm{{EVOU}}[{t}, {cell.x}] = {floor_str(cell.entry("EVOU", t, cell.x), 6)}$. All other entries come
        about in the same way.
        """
    )


def _scores(cell: Cell) -> Table:
    header = ("$p$", "$t$", "$\\mathrm{EQKE}[q,t]$", "$\\mathrm{EQKP}[q,p]$", "weight $w_q(p,t)$")
    q = cell.chosen.q
    rows = [
        (
            prose(str(term.position)),
            prose(str(term.token)),
            down(cell.entry("EQKE", q, term.token)),
            down(cell.entry("EQKP", q, term.position)),
            down(weight[0], _digits(cell)),
        )
        for term, weight in zip(cell.rows, cell.weights, strict=True)
    ]
    caption = prose(
        "Scores, before the factor $1/\\sqrt{d_h}$, and weights, all divided by the largest of them, which changes no "
        "sign."
    )
    return Table(tuple(map(prose, header)), tuple(rows), caption, ("right",) * len(header))


def _values(cell: Cell) -> Table:
    x, m = cell.x, cell.chosen.m
    several = ["in the sum"] if isinstance(cell.chosen, Chosen) else []
    header = (
        "$p$",
        "$t$",
        f"$\\mathrm{{EVOU}}[t,{x}] - \\mathrm{{EVOU}}[t,{m}]$",
        f"$\\mathrm{{PVOU}}[p,{x}] - \\mathrm{{PVOU}}[p,{m}]$",
        "logit difference",
        "$D$, at most",
        *several,
    )
    digits, own = _digits(cell), cell.gap("UU", cell.chosen.q)
    rows = []
    for term, value in zip(cell.rows, cell.values, strict=True):
        token, position = cell.gap("EVOU", term.token), cell.gap("PVOU", term.position)
        numbers = (down(token), down(position), down(own + token + position), up(value[1], digits))
        counted = [prose("yes" if term.counted else "no") for _ in several]
        rows.append((prose(str(term.position)), prose(str(term.token)), *numbers, *counted))
    caption = (
        "At each free position the maximum's own token, and the token of $N$ with the largest $D$; the positions with "
        "the largest gain of the second over the first hold it in the worst sequence."
        if several
        else "At each position the token with the largest $D$, of those that it may hold on the set."
    )
    return Table(tuple(map(prose, header)), tuple(rows), prose(caption), ("right",) * len(header))


def _digits(cell: Cell) -> int:
    return places(min(map(abs, cell.total)))


def _verdict(cell: Cell) -> Sequence[Block]:
    low, high = cell.total
    digits, q, m, x = _digits(cell), cell.chosen.q, cell.chosen.m, cell.x
    rest = " Every other output is treated in the same way." if len(cell.others) > 1 else ""
    all_of_them = "the sequence is" if cell.chosen.size == 1 else f"all {cell.chosen.size} sequences are"
    total = f"\\sum_p D_{{{q},{m},{x}}}(p, t_p)"
    if high < 0:
        said = f"$${total} \\le {ceil_str(high, digits)} < 0.$$ So {all_of_them} right.{rest}"
    elif low >= 0 and cell.chosen.size == 1:
        said = f"$${total} \\ge {floor_str(low, digits)} \\ge 0.$$ So the sequence is wrong."
    else:
        said = f"$${total} \\le {ceil_str(high, digits)},$$ which leaves the sign open; an exact test decides it."
    terms = "the terms that are marked" if isinstance(cell.chosen, Chosen) else "these terms"
    over = "The sum of margins" if cell.chosen.size == 1 else "The largest sum of margins over the set"
    return passage(f"{over}, that of {terms}, is {said}")

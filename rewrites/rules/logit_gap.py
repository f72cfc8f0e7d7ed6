"""Logit gaps without looking at every output in every cell: the sub-cubic test.

Fix a cell (q, m, c) with reach j, and write for an output x != m

    b_x = a[x] - a[m] + max_p (PVOU[p,x] - PVOU[p,m])       a the common row of the direct path's split
    r_x = A[m,x] - A[m,m] + d[m]                              A and d the table and the noise of EVOU's split
    w   = max_{k<=j} (max_{x != m} A[k,x] - A[k,m] + d[k]),   g = bounds[q,m] of the direct path's split.

Theorem.  If the attention on m is α, then logit_x - logit_m <= g + b_x + α r_x + (1 - α) w for every sequence within
the
reach.  Put f(α) = max_x (b_x + α r_x).  For α in [α⁻, α⁺], f(α) + (1 - α) w is at most its larger value at the two
ends,
and f is bounded at each end
  * from an anchor a (any number in [0, 1]): f(α) <= f(a) + (α - a)·(max_x r_x if α >= a else min_x r_x);
  * between two anchors a <= α <= a': f(α) <= f(a) + (f(a') - f(a)) (α - a)/(a' - a).
So each cell costs O(1) once f is known at the anchors.  (With the anchor's first bound and max_x r_x on both sides, the
published rule is recovered; it is not sound for α < a.)

Proof.  Softmax weights sum to 1.  The direct path gives g + a[x] - a[m]; positions give at most their maximum; copies
of
m give α r_x; the other tokens k <= j give at most (1 - α) w.  f is convex, as a maximum of affine functions: so is
f(α) + (1 - α) w, which therefore has its maximum over an interval at an end; the chord lies above f; and f(α) - f(a) <=
max_x (α - a) r_x.

Source: arXiv 2406.11779, repaired where it is not sound; the chord is ours.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import comb
from typing import Any

import numpy as np
from flint import fmpz_mat

from ...engine.arithmetic.interval import IntervalTable, grid_bits, on_grid
from ...engine.certificate import hex_integer
from ...engine.claim import Claim
from ...engine.cost import Cost
from ...engine.digest import digest
from ...engine.formula import At, ForAll, Max, Min, Num, Range, Total, Var
from ...engine.rule import Lemma, NotEstablished, Rule
from ...models.one_layer import one_layer_of
from .additive_margin import AdditiveMargin
from .attention_floor import AttentionFloor
from .attention_range import GRID_BITS, AttentionRange
from .cell_sets import ALONE, CellSets, first_tokens
from .notions import LOGIT_GAP
from .path_decomposition import TABLE_COSTS, K, Paths, V
from .row_split import SPLIT, RowSplit

# Logits are rounded up to a grid on which every part has at most LOGIT_BITS bits.
LOGIT_BITS = 25
# A cell is certified when its bound is below -ROOM units of 2^-GRID_BITS of that grid.
ROOM = 1 << 8
CHORD_BITS = 4
ONE = 1 << GRID_BITS
ADDED_LIMIT = 1 << 62

_x, _a = Var("x"), Var("a")
_outputs = Range(Num(0), Var("n"))
_b, _r = At("b", _x, subscript=True), At("r", _x, subscript=True)


def _f(at: Any) -> Any:
    return Max(_x, _outputs, _b + at * _r)


ENDS = Lemma(
    label="gap-at-ends",
    title="A logit gap is worst at an end of the attention range",
    given="For all $b_x$, $r_x$ ($x < n$, $n \\ge 1$), and all $w$, $u$, $\\alpha$ and $v$:",
    statement=((Var("u") <= Var("\\alpha")) & (Var("\\alpha") <= Var("v"))).implies(
        (_f(Var("\\alpha")) + (Num(1) - Var("\\alpha")) * Var("w") <= _f(Var("u")) + (Num(1) - Var("u")) * Var("w"))
        | (_f(Var("\\alpha")) + (Num(1) - Var("\\alpha")) * Var("w") <= _f(Var("v")) + (Num(1) - Var("v")) * Var("w"))
    ),
    proof=(
        "The left side is a maximum of affine functions of $\\alpha$, hence convex: it is at most one of its end "
        "values."
    ),
    source="arXiv 2406.11779",
)

ANCHOR = Lemma(
    label="gap-anchor",
    title="The largest of many affine functions, from its value at an anchor",
    given="For all $b_x$, $r_x$ ($x < n$, $n \\ge 1$), all $a$ and $\\alpha$:",
    statement=(
        (Var("\\alpha") >= _a).implies(_f(Var("\\alpha")) <= _f(_a) + (Var("\\alpha") - _a) * Max(_x, _outputs, _r))
    )
    & ((Var("\\alpha") <= _a).implies(_f(Var("\\alpha")) <= _f(_a) + (Var("\\alpha") - _a) * Min(_x, _outputs, _r))),
    proof=(
        "$b_x + \\alpha r_x = b_x + a r_x + (\\alpha - a) r_x$. The first two terms are at most the maximum at $a$; "
        "the last is at "
        "most $(\\alpha - a)$ times the largest $r_x$ when $\\alpha \\ge a$, and times the least when $\\alpha \\le a$."
    ),
    source="arXiv 2406.11779 (extreme attention), sound on both sides of the anchor",
)

CHORD = Lemma(
    label="gap-chord",
    title="The largest of many affine functions lies below its chords",
    given="For all $b_x$, $r_x$ ($x < n$, $n \\ge 1$), all $a < d$ and all $\\alpha$:",
    statement=((_a <= Var("\\alpha")) & (Var("\\alpha") <= Var("d"))).implies(
        (Var("d") - _a) * _f(Var("\\alpha"))
        <= (Var("d") - Var("\\alpha")) * _f(_a) + (Var("\\alpha") - _a) * _f(Var("d"))
    ),
    proof=(
        "The maximum is convex in $\\alpha$, and $\\alpha$ is the mixture of $a$ and $d$ with the weights $(d - "
        "\\alpha)/(d - a)$ and "
        "$(\\alpha - a)/(d - a)$."
    ),
    source="convexity",
)

_k = Var("k")
_others = Range(Num(0), Var("n"))
_weight, _value = At("\\beta", _k), At("v", _k)

OTHERS = Lemma(
    label="gap-others",
    title="What the other tokens add",
    given="For all weights $\\beta(k)$ and values $v(k)$ of $n$ tokens $k$, and every real $w$:",
    statement=ForAll(_k, _others, (_weight >= Num(0)) & (_value <= Var("w"))).implies(
        Total(_k, _others, _weight * _value) <= Total(_k, _others, _weight) * Var("w")
    ),
    proof=(
        "Each $\\beta(k)\\,v(k)$ is at most $\\beta(k)\\,w$. With weights of attention, whose sum over these "
        "tokens is what the others leave of 1, they add at most $w$ times that to a gap; with the weights of all "
        "positions, whose sum is 1, positions add at most the largest of their values."
    ),
    source="arXiv 2406.11779",
)


@dataclass(frozen=True, eq=False)
class Anchors:
    """Advice: how the largest logit gap is bounded.  Any choice is sound.

    ``chord``: between the 2^CHORD_BITS + 1 equidistant anchors.  ``anchors[m, c]`` (V × K, units of 2^-GRID_BITS, or
    None): one anchor a cell, with the slopes on both sides.  Where both are given the smaller bound counts.
    ``single``: the sequences of one token throughout are decided by the exact direct path, else by its split.
    ``spread``: w is replaced by the largest row difference of EVOU over k <= j (published), which is never smaller.
    ``shared``: every query uses the w of the largest reach of its (m, c) (published), which is never smaller.
    """

    chord: bool = True
    anchors: np.ndarray | None = None
    single: bool = True
    spread: bool = False
    shared: bool = False


@dataclass(frozen=True, eq=False)
class LogitGap(Claim):
    """In every certified cell (q, m, c) every sequence within the reach is right.

    ``certified`` is V × V × K, booleans; c = 0 stands for the one sequence that is m everywhere (q = m).
    """

    attention: AttentionRange | AttentionFloor
    certified: np.ndarray

    kind = "logit_gap"

    @property
    def looseness(self) -> int:
        """How many sequences are not shown to be right."""
        return self.attention.paths.statement.inputs - sum(self.counts(1).values())

    def counts(self, choices: int) -> dict[tuple[int, int], int]:
        """By (q, m): the sequences of certified cells whose other tokens are among the first j + ``choices``."""
        layer = one_layer_of(self.attention.paths.statement)
        right, free = dict.fromkeys(layer.cells(), 0), layer.n_ctx - 1
        for q, m, c in zip(*(axis.tolist() for axis in np.nonzero(self.certified)), strict=True):
            others = c if q == m else c - 1
            tokens = int(self.attention.reach.table[q, m, c]) + choices if c else 0
            right[q, m] += comb(free, others) * tokens**others
        return right

    def sets(self) -> CellSets:
        """The certified cells as sets of sequences."""
        found: dict[tuple[int, int, int], int] = {}
        for q, m, c in zip(*(axis.tolist() for axis in np.nonzero(self.certified)), strict=True):
            n = c if q == m else c - 1
            found[q, m, n] = first_tokens(int(self.attention.reach.table[q, m, c])) if n else ALONE
        return CellSets(self.attention.paths, found)

    def conclusion(self) -> dict[str, Any]:
        return {"kind": self.kind, "certified": hex_integer(_bits(self.certified))}

    def identity(self) -> str:
        return digest([self.attention.identity(), hex_integer(_bits(self.certified))])

    def sentence(self) -> str:
        return f"For {int(self.certified.sum())} of the $(q, m, c)$ every sequence within the reach is right."


def _bits(mask: np.ndarray) -> int:
    """The mask as one integer, entry (q, m, c) row by row from the highest bit on."""
    return int("".join("1" if entry else "0" for entry in mask.ravel().tolist()) or "0", 2)


def _derivation(*, chord: bool, anchored: bool, single: bool, spread: bool = False, shared: bool = False) -> str:
    """How $f$ is bounded, and how the sequences of one token throughout are decided."""
    at_chord = (
        "$$F(\\alpha) = \\frac{(d - \\alpha)\\,f(a) + (\\alpha - a)\\,f(d)}{d - a}$$ of [@gap-chord] between the "
        f"neighbours $a \\le \\alpha \\le d$ of the {(1 << CHORD_BITS) + 1} equidistant anchors from 0 to 1"
    )
    at_anchor = (
        "$$F(\\alpha) = \\max\\left(f(a) + (\\alpha - a) \\max_{x \\ne m} r_x,\\; f(a) + (\\alpha - a) \\min_{x "
        "\\ne m} "
        "r_x\\right)$$ of [@gap-anchor] from one anchor $a$, which the proof chooses for each $(m, c)$"
    )
    bound = " or, where it is less, ".join([at_chord] * chord + [at_anchor] * anchored)
    alone = (
        "$$\\max_{x \\ne m} \\left(\\mathrm{UU}[m,x] - \\mathrm{UU}[m,m] + \\mathrm{EVOU}[m,x] - \\mathrm{EVOU}[m,m] + "
        "\\max_{0 \\le p < K} (\\mathrm{PVOU}[p,x] - \\mathrm{PVOU}[p,m])\\right) < 0,$$ with the exact tables."
        if single
        else "$$g + \\max_{x \\ne m} (b_x + r_x) < 0.$$ It has $\\alpha = 1$."
    )
    others = " Here $w$ is the largest difference within any row $k \\le j$ of EVOU, which is no less." * spread
    others += " Here $w$ is taken at the largest reach of any query with the same $m$ and $c$." * shared
    return (
        "By [@gap-others] the logit gap to $x$ is at most $g + b_x + \\alpha r_x + (1 - \\alpha) w$ on every sequence "
        "within the reach, where $\\alpha^{-} \\le \\alpha \\le \\alpha^{+}$; the rows of EVOU come from its split, by "
        "[@row-split]. By [@gap-at-ends] the largest of these over $x$ is largest at $\\alpha^{-}$ or $\\alpha^{+}$. "
        f"With the bound {bound}, so that $F(\\alpha) \\ge f(\\alpha)$, all sequences within the reach of "
        "$(q, m, c)$ are right when "
        "$$g + \\max_{\\alpha \\in \\{\\alpha^{-}, \\alpha^{+}\\}} \\left(F(\\alpha) + (1 - \\alpha) w\\right) < 0.$$ "
        f"The one sequence of $(m, m, 0)$, which is $m$ throughout, is right when {alone}{others}"
    )


class LogitGapRule(Rule):
    """From attention ranges, a split of UU into one common row and noise, a split of EVOU, and the margin.

    Advice: :class:`Anchors`.
    """

    name = "logit_gap"
    premises = (AttentionRange, RowSplit, RowSplit, AdditiveMargin)
    lemmas = (SPLIT, ENDS, ANCHOR, CHORD, OTHERS)
    notions = (LOGIT_GAP,)
    derivation = _derivation(chord=True, anchored=True, single=True)
    cost = TABLE_COSTS["PVOU"] + Cost(
        multiply=2 * V**2 * K + 16 * V**2, add=V**2 * (K + 20) + 6 * V**2 * K, compare=4 * V**2 * K + 17 * V**2
    )

    def conclude(self, premises: Sequence[Any], advice: Anchors) -> LogitGap:
        attention, direct, tokens, margin = premises
        paths = margin.paths
        require_splits(self, [attention.paths, paths], direct, tokens)
        _check_anchors(self, advice, attention.reach.table.shape)
        certified = np.zeros(attention.reach.table.shape, dtype=np.bool_)
        tables = LogitTables(paths, direct, tokens)
        for m in range(len(certified)):
            certified[m, m, 0] = _single_token(paths, m) if advice.single else tables.single(m)
            _certify(certified, m, tables, attention, advice)
        return LogitGap(attention, certified)

    def derived(self, premises: Sequence[Any], advice: Anchors) -> str:
        return _derivation(
            chord=advice.chord,
            anchored=advice.anchors is not None,
            single=advice.single,
            spread=advice.spread,
            shared=advice.shared,
        )

    def charge(self, premises: Sequence[Any], advice: Anchors) -> Cost:
        return self.cost + TABLE_COSTS["UU"] if advice.single else self.cost


def require_splits(rule: Rule, others: Sequence[Any], direct: RowSplit, tokens: RowSplit) -> None:
    """Raise NotEstablished unless these are splits of UU and EVOU as gaps need them, and of the network of the others.

    The first of ``others`` are the paths of the network.
    """
    same = {premise.statement.sha256 for premise in (*others, direct, tokens)}
    if len(same) != 1 or (direct.name, tokens.name) != ("UU", "EVOU"):
        raise NotEstablished(rule.tag, "the premises are not splits of UU and EVOU of one network")
    whole = tokens.approximation.shape[0] == one_layer_of(others[0].statement).d_vocab
    if direct.approximation.shape[0] != 1 or tokens.bounds.shape[1] != 1 or not whole:
        raise NotEstablished(rule.tag, "UU's split needs a common row, EVOU's a whole table and one bound a row")


def _check_anchors(rule: Rule, advice: Anchors, shape: tuple[int, ...]) -> None:
    if advice.anchors is None:
        if not advice.chord:
            raise NotEstablished(rule.tag, "there is neither a chord nor an anchor")
        return
    whole = advice.anchors.shape == shape[1:] and advice.anchors.dtype == np.int64
    if not whole or not ((advice.anchors >= 0) & (advice.anchors <= ONE)).all():
        raise NotEstablished(rule.tag, "the anchors are not one number between 0 and 1 for every (m, c)")


class LogitTables:
    """Enclosures of what a gap is made of, all on one grid of LOGIT_BITS bits, in units of 2^exponent."""

    # The grid is no finer than 2^FINEST; None for any.
    FINEST: int | None = None

    def __init__(self, paths: Paths, direct: RowSplit, tokens: RowSplit) -> None:
        rows = [tokens.approximation, paths.tables["PVOU"], direct.approximation]
        noises = [tokens.bounds, direct.bounds]
        exponent = min(part.exponent for part in rows + noises)
        values = [_centred(part.at_exponent(exponent)) for part in rows]
        values += [part.at_exponent(exponent) for part in noises]
        # differences have twice the size of their parts
        shift = max(grid_bits(value, LOGIT_BITS - 1) for value in values)
        if self.FINEST is not None:
            shift = max(shift, self.FINEST - exponent)
        self.exponent = exponent + shift
        self.tokens, self.positions, self.common, token_noise, noise = (on_grid(value, shift) for value in values)
        size = paths.tables["PVOU"].shape[1]
        self.token_noise = token_noise.upper[:, 0]
        self.noise = np.broadcast_to(noise.upper, (size, size))

    def base(self, m: int) -> np.ndarray:
        """b_x, rounded up."""
        common, positions = against_target(self.common, m), against_target(self.positions, m)
        return common.upper[0] + positions.upper.max(axis=0)

    def own(self, m: int) -> IntervalTable:
        """r_x, and the least that the row of EVOU itself may have."""
        row = against_target(self.tokens[m : m + 1], m)[0]
        return IntervalTable(row.lower - self.token_noise[m], row.upper + self.token_noise[m])

    def single(self, m: int) -> bool:
        """Whether the sequence of m alone is right by the splits."""
        others = np.delete(self.base(m) + self.own(m).upper, m)
        return bool((others + self.noise[m, m] < 0).all())

    def largest(self, values: np.ndarray, bits: int) -> int:
        """What f is made of: the largest of values in units of 2^-bits of the grid."""
        return int(values.max())

    def others(self, m: int, *, spread: bool) -> np.ndarray:
        """w for every reach j < m, rounded up."""
        tokens = self.tokens[:m]
        if spread:
            each = tokens.upper.max(axis=1) - tokens.lower.min(axis=1)
        else:
            each = np.delete(against_target(tokens, m).upper, m, axis=1).max(axis=1)
        return np.maximum.accumulate(each + self.token_noise[:m])


def _centred(values: fmpz_mat) -> fmpz_mat:
    """Each row minus its first entry: differences within a row stay."""
    rows = [[entry - row[0] for entry in row] for row in values.tolist()]
    return fmpz_mat(rows)


def against_target(table: IntervalTable, m: int) -> IntervalTable:
    """Entries of each row minus its entry m."""
    lower, upper = table.lower, table.upper
    return IntervalTable(lower - upper[:, m : m + 1], upper - lower[:, m : m + 1])


def _single_token(paths: Paths, m: int) -> bool:
    """Whether the sequence of m alone is right, by the sufficient test with the largest positional part; exact."""
    positions = range(paths.tables["PVOU"].shape[0])
    return all(
        max(paths.logit_difference(m, p, m, x, m) for p in positions) < 0
        for x in range(paths.tables["EVOU"].shape[1])
        if x != m
    )


def _certify(certified: np.ndarray, m: int, tables: LogitTables, attention: AttentionRange, advice: Anchors) -> None:
    """Set certified[q, m, c] for the treated cells of m whose bound is negative."""
    q, c, worst = worst_gaps(m, tables, attention, advice)
    certified[q, m, c] = worst + ROOM < 0


def worst_gaps(
    m: int, tables: LogitTables, attention: AttentionRange, advice: Anchors
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The treated cells of m as q and c, and the theorem's bound of each, in units of 2^-GRID_BITS of the grid."""
    reach = attention.reach.table[:, m, :]
    q, c = np.nonzero(reach >= 0)
    worst = np.full(q.shape, -ADDED_LIMIT, dtype=np.int64)
    if not q.size:
        return q, c, worst
    j = reach.max(axis=0)[c] if advice.shared else reach[q, c]
    w = tables.others(m, spread=advice.spread)[j]
    base, own = np.delete(tables.base(m), m), tables.own(m)
    lower, upper = np.delete(own.lower, m), np.delete(own.upper, m)
    anchors = None if advice.anchors is None else advice.anchors[m, c]
    for ends in (attention.low, attention.high):
        alpha = ends[q, m, c]
        bounds = [_chord(tables, base, upper, alpha)] if advice.chord else []
        bounds += [] if anchors is None else [_anchored(base, lower, upper, alpha, anchors)]
        worst = np.maximum(worst, np.minimum.reduce(bounds) + (ONE - alpha) * w)
    return q, c, worst + tables.noise[q, m] * ONE


def _chord(tables: LogitTables, base: np.ndarray, own: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    """f(alpha) from above, in units of 2^-GRID_BITS of the grid."""
    steps = 1 << CHORD_BITS
    at = np.array([tables.largest(base * steps + i * own, CHORD_BITS) for i in range(steps + 1)], dtype=np.int64)
    rest_bits = GRID_BITS - CHORD_BITS
    left = np.minimum(alpha >> rest_bits, steps - 1)
    rest = alpha - (left << rest_bits)
    return (at[left] << rest_bits) + (at[left + 1] - at[left]) * rest


def _anchored(
    base: np.ndarray, lower: np.ndarray, upper: np.ndarray, alpha: np.ndarray, anchors: np.ndarray
) -> np.ndarray:
    """The same from one anchor a cell."""
    at = {a: int((base * ONE + a * upper).max()) for a in np.unique(anchors).tolist()}
    value = np.array([at[a] for a in anchors.tolist()], dtype=np.int64)
    slope = np.where(alpha >= anchors, int(upper.max()), int(lower.min()))
    return value + (alpha - anchors) * slope

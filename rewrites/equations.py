"""The rewrite rules of terms, in one table: name, shapes, left = right, conditions.

Every rule holds for all matrices of the declared shapes that satisfy its conditions; tests evaluate both sides over
fractions.  Metavariables that occur only on the right are advice (any matrix of that shape).  Reading a rule backwards
is also sound.  ``1`` is a column of ones; softmax and norms act row by row.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..engine.rewriting import (
    Condition,
    Fact,
    Last,
    OnesOf,
    Rewrite,
    Unfolding,
    ZerosOf,
    causal,
    entrywise,
    layernorm,
    metas,
    normalised,
    of_which,
    pointwise,
    row,
    softmax,
)


@dataclass(frozen=True)
class Zero(Fact):
    """Every entry of a term is zero."""

    kind = "zero"

    def sentence(self) -> str:
        return f"${self.term} = 0${of_which(self.about)}."


@dataclass(frozen=True)
class UnitRowSums(Fact):
    """Every row of a term sums to one: the rows of a selection of tokens do, and those of a softmax."""

    kind = "unit_row_sums"

    def sentence(self) -> str:
        return f"Every row of ${self.term}$ sums to one{of_which(self.about)}."


A, B, C, c, r = metas("A B C c r")
n, m, one = (OnesOf(size) for size in ("n", "m", "1"))
nothing = ZerosOf("n", "m")


def zero(meta: Any) -> Condition:
    return Condition(Zero, meta)


def unit_row_sums(meta: Any) -> Condition:
    return Condition(UnitRowSums, meta)


# fmt: off
EQUATIONS = (
    # name, shapes, left = right, conditions
    # products of sums
    Rewrite("expand-left",      "A: n×m, B: m×k, C: m×k", A @ (B + C),                A @ B + A @ C),
    Rewrite("expand-right",     "A: n×m, B: n×m, C: m×k", (A + B) @ C,                A @ C + B @ C),
    Rewrite("bracket-left",     "A: n×m, B: m×k, C: k×l", A @ (B @ C),                (A @ B) @ C),
    # transposes
    Rewrite("turn-sum",         "A: n×m, B: n×m",         (A + B).T,                  A.T + B.T),
    Rewrite("turn-product",     "A: n×m, B: m×k",         (A @ B).T,                  B.T @ A.T),
    # rows
    Rewrite("row-sum",          "A: n×m, B: n×m",         row(A + B),                 row(A) + row(B)),
    Rewrite("row-product",      "A: n×m, B: m×k",         row(A @ B),                 row(A) @ B),
    Rewrite("row-outer",        "r: 1×m",                 row(n @ r),                 r),
    Rewrite("row-of-one",       "r: 1×m",                 row(r),                     r),
    Rewrite("row-softmax",      "A: n×m",                 row(softmax(A)),            softmax(row(A))),
    Rewrite("last-sees-all",    "A: n×n",                 Last(causal(A)),            softmax(Last(A))),
    Rewrite("one-sees-all",     "A: 1×1",                 causal(A),                  softmax(A)),
    Rewrite("row-pointwise",    "A: n×m",                 row(pointwise(A)),          pointwise(row(A))),
    Rewrite("row-entrywise",    "A: n×m, B: n×m",         row(entrywise(A, B)),       entrywise(row(A), row(B))),
    Rewrite("row-norm",         "A: n×m",                 row(normalised(A)),         normalised(row(A))),
    # ones
    Rewrite("one-times",        "r: 1×m",                 one @ r,                    r),
    Rewrite("times-one",        "c: n×1",                 c @ one,                    c),
    Rewrite("turn-one",         "",                       one.T,                      one),
    Rewrite("unit-total",       "A: n×m",                 A @ m,                      n, (unit_row_sums(A),)),
    # what the mean of a row takes away
    Rewrite("norm-shift",       "A: n×m, c: n×1",         layernorm(A + c @ m.T),     layernorm(A)),
    # zeros
    Rewrite("vanish",           "A: n×m",                 A,                          nothing, (zero(A),)),
    Rewrite("plus-zero",        "A: n×m",                 A + nothing,                A),
    Rewrite("zero-plus",        "A: n×m",                 nothing + A,                A),
    Rewrite("times-zero",       "A: n×m",                 A @ ZerosOf("m", "k"),      ZerosOf("n", "k")),
    Rewrite("zero-times",       "A: m×k",                 nothing @ A,                ZerosOf("n", "k")),
    Rewrite("row-zero",         "",                       row(nothing),               ZerosOf("1", "m")),
)
# fmt: on

UNFOLD = Unfolding("unfold")
UNFOLD_ROW = Unfolding("unfold-row", of_a_row=True)

TABLE = {rule.name: rule for rule in EQUATIONS}


def rules(*names: str) -> tuple[Rewrite, ...]:
    """The named rules, in the order given."""
    return tuple(TABLE[name] for name in names)

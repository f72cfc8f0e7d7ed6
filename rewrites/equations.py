"""The rewrite rules of terms, in one table: name, shapes, left = right, conditions.

Every rule holds for all matrices of the declared shapes that satisfy its conditions; tests evaluate both sides over
fractions.  Metavariables that occur only on the right are advice (any matrix of that shape).  Reading a rule backwards
is also sound.  ``1`` is a column of ones; softmax and winner act row by row.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..engine.rewriting import Condition, Fact, OnesOf, Rewrite, metas, of_which, row, softmax, winner


@dataclass(frozen=True)
class Zero(Fact):
    """Every entry of a term is zero."""

    kind = "zero"

    def sentence(self) -> str:
        return f"${self.term} = 0${of_which(self.about)}."


@dataclass(frozen=True)
class UnitRowSums(Fact):
    """Every row of a term sums to one: the rows of a selection of tokens do."""

    kind = "unit_row_sums"

    def sentence(self) -> str:
        return f"Every row of ${self.term}$ sums to one{of_which(self.about)}."


A, B, C, c, r, L = metas("A B C c r L")
n, k, m, one = (OnesOf(size) for size in ("n", "k", "m", "1"))


def zero(meta: Any) -> Condition:
    return Condition(Zero, meta)


def unit_row_sums(meta: Any) -> Condition:
    return Condition(UnitRowSums, meta)


# fmt: off
EQUATIONS = (
    # name, shapes, left = right, conditions
    # products of sums
    Rewrite("expand-left",         "A: n×m, B: m×k, C: m×k", A @ (B + C),          A @ B + A @ C),
    Rewrite("expand-right",        "A: n×m, B: n×m, C: m×k", (A + B) @ C,          A @ C + B @ C),
    Rewrite("minus-left",          "A: n×m, B: m×k, C: m×k", A @ (B - C),          A @ B - A @ C),
    Rewrite("minus-right",         "A: n×m, B: n×m, C: m×k", (A - B) @ C,          A @ C - B @ C),
    Rewrite("bracket-left",        "A: n×m, B: m×k, C: k×l", A @ (B @ C),          (A @ B) @ C),
    Rewrite("regroup",             "A: n×m, B: n×m, C: n×m", A + (B + C),          (A + B) + C),
    Rewrite("swap",                "A: n×m, B: n×m",         A + B,                B + A),
    # transposes
    Rewrite("turn-sum",            "A: n×m, B: n×m",         (A + B).T,            A.T + B.T),
    Rewrite("turn-minus",          "A: n×m, B: n×m",         (A - B).T,            A.T - B.T),
    Rewrite("turn-product",        "A: n×m, B: m×k",         (A @ B).T,            B.T @ A.T),
    Rewrite("turn-twice",          "A: n×m",                 A.T.T,                A),
    # rows
    Rewrite("row-sum",             "A: n×m, B: n×m",         row(A + B),           row(A) + row(B)),
    Rewrite("row-minus",           "A: n×m, B: n×m",         row(A - B),           row(A) - row(B)),
    Rewrite("row-product",         "A: n×m, B: m×k",         row(A @ B),           row(A) @ B),
    Rewrite("row-outer",           "r: 1×m",                 row(n @ r),           r),
    Rewrite("one-times",           "r: 1×m",                 one @ r,              r),
    Rewrite("times-one",           "c: n×1",                 c @ one.T,            c),
    # splits: any row r, any matrix L of the shape
    Rewrite("mean-rest",           "A: n×m, r: 1×m",         A,                    n @ r + (A - n @ r)),
    Rewrite("low-rank-rest",       "A: n×m, L: n×m",         A,                    L + (A - L)),
    # invariances: what a query adds to all its keys, and what adds to all logits
    Rewrite("softmax-shift",       "A: n×m, c: n×1",         softmax(A + c @ m.T), softmax(A)),
    Rewrite("softmax-total",       "A: n×m",                 softmax(A) @ m,       n),
    Rewrite("winner-shift",        "A: n×m, c: n×1",         winner(A + c @ m.T),  winner(A)),
    # conditional
    Rewrite("drop-zero",           "A: n×m, B: n×m",         A + B,                A, (zero(B),)),
    Rewrite("drop-zero-bias",      "A: n×m, r: 1×m",         A + n @ r,            A, (zero(r),)),
    Rewrite("select-total",        "A: n×m",                 A @ m,                n, (unit_row_sums(A),)),
    Rewrite("select-total-turned", "A: n×m, B: k×1",         B @ m.T @ A.T,        B @ n.T, (unit_row_sums(A),)),
)
# fmt: on

TABLE = {rule.name: rule for rule in EQUATIONS}


def rules(*names: str) -> tuple[Rewrite, ...]:
    """The named rules, in the order given."""
    return tuple(TABLE[name] for name in names)

"""Counting the sequences of certified cells.

Theorem.  A cell (q, m, c) with reach j has C(K-1, n)·(j+1)^n sequences within its reach, where n = c when q = m and
n = c - 1 when q < m is the number of free positions that hold another token than m.  Cells are disjoint.

Proof.  Choose the n positions among the K - 1 free ones; each holds one of the tokens 0 … j (all below m), the others
hold m.  Query, maximum and number of other tokens can be read off a sequence.

The published count uses j instead of j + 1; it is kept as a switch.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ...engine.cost import Cost
from ...engine.formula import At, Count, Num, Power, Range, Sequences, Var
from ...engine.rule import Lemma, NotEstablished, Rule
from .logit_gap import LogitGap
from .notions import REACH
from .parts import cells
from .path_decomposition import K, V
from .right_count import RightCount

_t, _p = Var("t"), Var("p")
_positions = Range(Num(0), Var("L"))
_others = Count(_p, _positions, At("t", _p, subscript=True).differs(Var("m")))

CELL = Lemma(
    label="gap-count",
    title="How many sequences a cell has within its reach",
    given=(
        "For all $m > j \\ge 0$ and all $n$, where every $T_p$ is $\\{0, \\dots, j, m\\}$ and $C(L,n)$ is the "
        "number of "
        "ways to choose $n$ of $L$ positions:"
    ),
    statement=Count(_t, Sequences("T", Var("L")), _others.equals(Var("n"))).equals(
        At("C", Var("L"), Var("n")) * Power(Var("j") + Num(1), Var("n"))
    ),
    proof="Choose the $n$ positions; each holds one of $j + 1$ tokens, the rest hold $m$.",
    source="arXiv 2406.11779, with all j + 1 tokens counted",
)


def _derivation(choices: int) -> str:
    """``choices``: whether all j + 1 tokens within a reach are counted, or j of them."""
    tokens = "j + 1" if choices else "j"
    fewer = "" if choices else " (of the $j + 1$ tokens within the reach one is left out, as the published count does)"
    return (
        "Let $n = c$ when $q = m$ and $n = c - 1$ when $q < m$: so many free positions hold another token than $m$. By "
        "[@gap-count] with $L = K - 1$ and $C(K-1, n)$ the number of ways to choose them, at least "
        f"$$\\sum_{{(q, m, c)}} C(K-1, n)\\,({tokens})^{{n}}$$ sequences are right: the sum runs over the $(q, m, "
        f"c)$ that "
        f"were shown right within their reach $j${fewer}, and each $(m, m, 0)$ that was shown right adds 1. A sequence "
        "determines $q$, $m$ and $c$, so no sequence is counted twice."
    )


class GapCount(Rule):
    """From logit gaps.  Advice: 1 to count all tokens 0 … j, 0 to count j of them (published)."""

    name = "gap_count"
    premises = (LogitGap,)
    lemmas = (CELL,)
    notions = (REACH,)
    derivation = _derivation(1)
    cost = Cost(multiply=2 * V**2 * K)

    def derived(self, premises: Sequence[Any], advice: int) -> str:
        return _derivation(advice)

    def conclude(self, premises: Sequence[Any], advice: int) -> RightCount:
        (gap,) = premises
        if advice not in (0, 1):
            raise NotEstablished(self.tag, f"the switch is 0 or 1, not {advice!r}")
        right = gap.counts(advice)
        return RightCount(cells(gap.attention.paths.statement), right, dict.fromkeys(right, 0), gap.sets())

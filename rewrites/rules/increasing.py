"""The size direction: a number for every token that grows with the token, exceptions named.

Theorem.  Let P[t] be at least s[0], ..., s[t].  A token t with s[t] >= P[t-1] + h has s[t] - s[k] >= h for all k < t.

Proof.  s[k] <= P[t-1] for all k < t.

So V - 1 comparisons with the running maximum decide for every token whether it lies above all smaller ones, and a few
tokens out of order do not spoil the others.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from itertools import accumulate
from typing import Any

from ...engine.arithmetic.printing import floor_str
from ...engine.claim import Claim
from ...engine.cost import Cost
from ...engine.formula import At, ForAll, Num, Range, Var
from ...engine.rule import Lemma, Rule
from .path_decomposition import V
from .rank_one import RankOne


def listed(tokens: Sequence[int], most: int = 8) -> str:
    """The first few of some tokens.

    >>> listed([3, 5]), listed(range(20), 3)
    ('3, 5', '0, 1, 2 and 17 more')
    """
    shown = ", ".join(map(str, tokens[:most]))
    return shown if len(tokens) <= most else f"{shown} and {len(tokens) - most} more"


@dataclass(frozen=True)
class Increasing(Claim):
    """For every token t without the exceptions, and all k < t: s[t] > s[k], s the direction of a :class:`RankOne`."""

    rank_one: RankOne

    kind = "increasing"

    @cached_property
    def steps(self) -> tuple[Fraction, ...]:
        """s[t] less the largest s[k], k < t, for t = 1, 2, …"""
        (size,) = self.rank_one.factors.size.fractions()
        return tuple(entry - top for top, entry in zip(accumulate(size, max), size[1:], strict=False))

    @property
    def exceptions(self) -> tuple[int, ...]:
        """The tokens that do not lie above all smaller ones."""
        return tuple(t for t, step in enumerate(self.steps, 1) if step <= 0)

    def conclusion(self) -> dict[str, Any]:
        return {"kind": self.kind, "exceptions": len(self.exceptions)}

    def identity(self) -> str:
        return self.rank_one.identity()

    def sentence(self) -> str:
        good = [step for step in self.steps if step > 0]
        if not good:
            return "The size direction $s$ puts no token above all smaller ones."
        if not self.exceptions:
            return f"The size direction $s$ is strictly increasing, by at least {floor_str(min(good), 6)} a token."
        return (
            f"In the size direction $s$, {len(good)} tokens lie above every smaller one, by at least "
            f"{floor_str(min(good), 6)}; the tokens {listed(self.exceptions)} do not."
        )


_t, _k, _h = Var("t"), Var("k"), Var("h")
_tokens = Range(Num(0), Var("n"))

RECORDS = Lemma(
    label="increasing",
    title="One comparison a token",
    given="For all numbers $s(t)$, $P(t)$ ($t < n$) and $h$:",
    statement=ForAll(_t, _tokens, ForAll(_k, Range(Num(0), _t + Num(1)), At("s", _k) <= At("P", _t))).implies(
        ForAll(
            _t,
            Range(Num(1), Var("n")),
            (At("s", _t) >= At("P", _t - Num(1)) + _h).implies(
                ForAll(_k, Range(Num(0), _t), At("s", _t) - At("s", _k) >= _h)
            ),
        )
    ),
    proof="$s(k) \\le P(t-1)$ for all $k < t$; here $P(t)$ is the largest of $s(0), \\dots, s(t)$.",
    source="a running maximum",
)


class IncreasingRule(Rule):
    """From one direction for all queries; no advice."""

    name = "increasing"
    premises = (RankOne,)
    lemmas = (RECORDS,)
    derivation = "[@increasing], every token compared exactly with the running maximum."
    cost = Cost(compare=2 * V)

    def conclude(self, premises: Sequence[Any], advice: Any) -> Increasing:
        return Increasing(*premises)

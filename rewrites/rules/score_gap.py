"""Score gaps: a large token's score is above every clearly smaller one's, whatever the query.

Theorem.  Let T[k] - T[m] <= a (s[k] - s[m]) + d for all k <= j, with a >= 0.  Then for all k <= j

    T[m] - T[k]  >=  a (s[m] - max_{k<=j} s[k]) - d.

Proof.  The left side is at least a (s[m] - s[k]) - d, and a s[k] <= a max s.

With s increasing the maximum is s[j]; so the gap grows with the distance of the two tokens' sizes, and noise d is made
up for by a distance of d/a.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from itertools import accumulate
from typing import Any

from ...engine.arithmetic.dyadic import DyadicMatrix
from ...engine.arithmetic.printing import ceil_str, floor_str
from ...engine.claim import Claim
from ...engine.cost import Cost
from ...engine.digest import tensor_digest
from ...engine.formula import At, ForAll, Max, Num, Range, Var
from ...engine.rule import Lemma, NotEstablished, Rule
from ...models.statement import Statement
from .increasing import Increasing
from .path_decomposition import V
from .rank_one import Factors, RankOne


@dataclass(frozen=True)
class Scores:
    """Strengths and sizes, and the noise d (V × 1), by which score gaps are bounded."""

    factors: Factors
    noise: DyadicMatrix

    @cached_property
    def exceptions(self) -> tuple[int, ...]:
        """The tokens t > 0 whose size is not above that of all smaller ones."""
        (size,) = self.factors.size.integers()
        return tuple(t for t, top in enumerate(accumulate(size[:-1], max), 1) if size[t] <= top)


@dataclass(frozen=True)
class ScoreGap(Claim):
    """For all q, all m that are no exceptions and all k <= j < m: EQKE[q,m] - EQKE[q,k] >= gap(q, m, j).

    gap(q, m, j) = a[q] (s[m] - peaks[j]) - d[q] with peaks[j] the largest of s[0], …, s[j]; a, s and d are those of
    the direction itself, or what is ``stated`` of them.
    """

    increasing: Increasing
    stated: Scores | None = None

    kind = "score_gap"

    @property
    def rank_one(self) -> RankOne:
        return self.increasing.rank_one

    @cached_property
    def scores(self) -> Scores:
        """a, s and d."""
        return self.stated or Scores(self.rank_one.factors, self.rank_one.split.bounds)

    @property
    def exceptions(self) -> tuple[int, ...]:
        """The tokens that have no gap."""
        return self.scores.exceptions

    @property
    def statement(self) -> Statement:
        return self.rank_one.statement

    def gap(self, q: int, m: int, j: int) -> Fraction:
        factors, (size,) = self.scores.factors, self.scores.factors.size.fractions()
        rise = size[m] - max(size[: j + 1])
        return factors.strength.fraction(q, 0) * rise - self.scores.noise.fraction(q, 0)

    @cached_property
    def distance(self) -> int | None:
        """The least G such that gap(q, m, m - G) > 0 for all queries and all m >= G that are no exceptions; None where
        there is none below V."""
        factors, (size,) = self.scores.factors, self.scores.factors.size.fractions()
        bounds, strengths = self.scores.noise.fractions(), factors.strength.fractions()
        needed = max(d * Fraction(a.denominator, a.numerator) for (d,), (a,) in zip(bounds, strengths, strict=True))
        peaks = list(accumulate(size, max))
        targets = sorted(set(range(1, len(size))) - set(self.exceptions))
        far = (g for g in range(1, len(size)) if all(size[m] - peaks[m - g] > needed for m in targets if m >= g))
        return next(far, None) if targets else None

    def conclusion(self) -> dict[str, Any]:
        return {"kind": self.kind}

    def identity(self) -> str:
        stated = self.stated
        parts = () if stated is None else (stated.factors.strength, stated.factors.size, stated.noise)
        return ":".join([self.increasing.identity(), *map(tensor_digest, parts)])

    def sentence(self) -> str:
        start = (
            "For every query $q$, every token $m$ whose $s(m)$ lies above all $s(k)$ with $k < m$, and all $k \\le j "
            "< m$: "
            "$\\mathrm{EQKE}[q,m] - \\mathrm{EQKE}[q,k] \\ge a(q)\\,(s(m) - \\max_{i \\le j} s(i)) - d(q)$, with the "
            "noise $d(q)$ of "
            "the split"
        )
        if self.stated is not None:
            least = floor_str(min(row[0] for row in self.stated.factors.strength.fractions()), 4)
            most = ceil_str(max(row[0] for row in self.stated.noise.fractions()), 4)
            start += (
                f", where numbers that are no better stand for $a(q)$, $s$ and $d(q)$: strengths of at least {least}, "
                f"noise of at most {most}"
            )
        if self.distance is None:
            return f"{start}; no distance $m - k$ makes this positive for all queries."
        return f"{start}; from a distance $m - k \\ge {self.distance}$ on this is positive for all queries."


_k, _a, _d, _m = Var("k"), Var("a"), Var("d"), Var("m")
_near = Range(Num(0), Var("j") + Num(1))

GAP = Lemma(
    label="score-gap",
    title="Distance in size is distance in score",
    given="For all $a \\ge 0$, $d$, all numbers $T(k)$ and $s(k)$ of tokens, a token $m$ and all $j \\ge 0$:",
    statement=(
        (_a >= Num(0)) & ForAll(_k, _near, At("T", _k) - At("T", _m) <= _a * (At("s", _k) - At("s", _m)) + _d)
    ).implies(
        ForAll(
            _k, _near, At("T", _m) - At("T", _k) >= _a * (At("s", _m) - Max(Var("i"), _near, At("s", Var("i")))) - _d
        )
    ),
    proof=(
        "$T(m) - T(k) \\ge a\\,(s(m) - s(k)) - d$, and $a\\,s(k)$ is at most $a$ times the largest $s(i)$, $i \\le j$, "
        "as $a \\ge 0$. For an increasing $s$ the largest is $s(j)$."
    ),
    source="a sum of two inequalities",
)


class ScoreGapRule(Rule):
    """From one direction for all queries that is increasing; no advice."""

    name = "score_gap"
    premises = (RankOne, Increasing)
    lemmas = (GAP,)
    derivation = "[@score-gap] for every query and every token that lies above all smaller ones."
    cost = Cost(multiply=V, compare=V)

    def conclude(self, premises: Sequence[Any], advice: Any) -> ScoreGap:
        rank_one, increasing = premises
        if increasing.identity() != rank_one.identity() or rank_one.split.name != "EQKE":
            raise NotEstablished(self.tag, "the two claims are not about one direction of EQKE")
        return ScoreGap(increasing)

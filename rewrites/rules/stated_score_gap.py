"""Score gaps by numbers that are no better than the true ones: what follows from an explanation's own numbers.

Theorem.  Let 0 <= a' <= a, d' >= d and 0 <= r' <= r.  Then a' r' - d' <= a r - d.

Proof.  a' r' <= a' r <= a r.

With r = s[m] - max_{k<=j} s[k], a score gap by strengths a, sizes s and noise d is one by a', s' and d' too, if no rise
of s' is larger than that of s.  As r - r' = (s[m] - s'[m]) - (peaks[j] - peaks'[j]), one comparison a token decides.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from typing import Any

from ...engine.cost import Cost
from ...engine.formula import Num, Var
from ...engine.rule import Lemma, NotEstablished, Rule
from .path_decomposition import V
from .score_gap import ScoreGap, Scores

_a, _b, _d, _e, _r, _s = (Var(name) for name in ("a", "b", "d", "e", "r", "s"))

WORSE = Lemma(
    label="stated-score-gap",
    title="A score gap by worse numbers",
    given="For all numbers $a$, $b$, $d$, $e$, $r$ and $s$:",
    statement=((_b >= Num(0)) & (_b <= _a) & ((_d <= _e) & ((_r >= Num(0)) & (_s <= _r)))).implies(
        _b * _s - _e <= _a * _r - _d
    ),
    proof="$b s \\le b r$ as $b \\ge 0$, and $b r \\le a r$ as $r \\ge 0$; and $-e \\le -d$.",
    source="products of ordered numbers",
)


class StatedScoreGap(Rule):
    """From score gaps.  Advice: :class:`~.score_gap.Scores` that are no better."""

    name = "stated_score_gap"
    premises = (ScoreGap,)
    lemmas = (WORSE,)
    derivation = (
        "[@stated-score-gap]: the stated strengths are positive and no larger than those of the direction, the stated "
        "noise is no smaller, and no stated size rises further above those of the smaller tokens, for every token that "
        "rises at all."
    )
    cost = Cost(add=2 * V, compare=5 * V)

    def conclude(self, premises: Sequence[Any], advice: Scores) -> ScoreGap:
        (gap,) = premises
        known = gap.scores
        for mine, theirs in ((advice.factors.strength, known.factors.strength), (advice.noise, known.noise)):
            if mine.shape != theirs.shape:
                raise NotEstablished(self.tag, f"there are {mine.shape} numbers, not {theirs.shape}")
        if advice.factors.size.shape != known.factors.size.shape:
            raise NotEstablished(self.tag, "the stated sizes are not one a token")
        strengths = zip(advice.factors.strength.fractions(), known.factors.strength.fractions(), strict=True)
        if not all(0 < stated[0] <= true[0] for stated, true in strengths):
            raise NotEstablished(self.tag, "a stated strength is not positive, or is larger than the true one")
        noises = zip(advice.noise.fractions(), known.noise.fractions(), strict=True)
        if not all(stated[0] >= true[0] for stated, true in noises):
            raise NotEstablished(self.tag, "a stated noise is smaller than the true one")
        if not set(known.exceptions) <= set(advice.exceptions):
            raise NotEstablished(self.tag, "a token is stated to be above all smaller ones that is not")
        (stated,), (true,) = advice.factors.size.fractions(), known.factors.size.fractions()
        # how much further the true peak of the first tokens rises than the stated one, at most so far
        ahead = accumulate((p - s for p, s in zip(accumulate(true, max), accumulate(stated, max), strict=True)), max)
        for t, (mine, theirs, most) in enumerate(zip(stated[1:], true[1:], ahead, strict=False), 1):
            if t not in advice.exceptions and theirs - mine < most:
                raise NotEstablished(self.tag, f"the size of token {t} is stated to rise further than it does")
        return ScoreGap(gap.increasing, advice)

"""Sentences about one layer of attention with one head that is to return the largest token.

They are the claims of ``mechproof story``, and what follows from them is what the strategy ``story`` concludes, with
the numbers that the sentences state in place of those that are proved.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from fractions import Fraction
from itertools import accumulate, pairwise
from typing import Any

import numpy as np

from ...engine.arithmetic.dyadic import DyadicMatrix
from ...engine.claim import Claim
from ...engine.graph import ProofGraph
from ...engine.rule import NotEstablished, Rule
from ...engine.whatif import Assumption
from ...models.one_layer import one_layer_of
from ...models.statement import Statement
from ...rewrites.advice.size_direction import story_reach
from ...rewrites.rules.accuracy import AccuracyFromCount
from ...rewrites.rules.attention_floor import AnyAttention, AttentionFloorRule
from ...rewrites.rules.attention_range import Reach
from ...rewrites.rules.diagonal import Diagonal
from ...rewrites.rules.diagonal_gap import DiagonalGap
from ...rewrites.rules.gap_count import GapCount
from ...rewrites.rules.increasing import Increasing
from ...rewrites.rules.rank_one import Factors, RankOne
from ...rewrites.rules.row_difference import RowDifference
from ...rewrites.rules.score_gap import ScoreGap, Scores
from ...rewrites.rules.stated_diagonal import Margins, StatedDiagonal
from ...rewrites.rules.stated_row_difference import StatedRowDifference
from ...rewrites.rules.stated_score_gap import StatedScoreGap
from ...rewrites.standard_forms import paths_of
from ...rewrites.strategies.splits.common import Workbench
from ...rewrites.strategies.splits.story import story
from ..reading import Following, Truth
from ..sentence import AT_LEAST, AT_MOST, Kind, Number, Sentence

RANK_ONE, INCREASING, DIAGONAL, HARM = "rank_one(EQKE)", "increasing(size)", "diagonal(EVOU)", "harm(EVOU)"
SCORES, DIRECT, VALUES = "small(EQKP)", "small(UU)", "small(PVOU)"
_SMALL = (Number("difference", AT_MOST),)
KINDS = (
    Kind(
        RANK_ONE,
        "every query looks at tokens along one direction s, with a strength of its own, up to a residual",
        (Number("residual", AT_MOST), Number("strength", AT_LEAST)),
    ),
    Kind(INCREASING, "s(t) is above s(k) for all k < t", (Number("step", AT_LEAST),), exceptions=True),
    Kind(SCORES, "two positions of one query differ little in their scores", _SMALL),
    Kind(DIAGONAL, "attention to a token adds most to its own logit", (Number("margin", AT_LEAST),), exceptions=True),
    Kind(
        HARM, "full attention to a smaller token puts no other output far above the largest's", (Number("by", AT_MOST),)
    ),
    Kind(DIRECT, "two entries of a row of the direct path differ little", _SMALL),
    Kind(VALUES, "two entries of what a position adds to the logits differ little", _SMALL),
)
ATTENTION = (RANK_ONE, INCREASING, SCORES)
NEEDED = (DIAGONAL, DIRECT, VALUES)
# Stated decimals are rounded to so many binary places, in the direction that makes the sentence weaker.
PLACES = 64
# What an ideal strength or margin has of the largest true one.
IDEAL = 64


def read(statement: Statement, common_rows: bool) -> LargestToken:
    """Raises :class:`~mechproof.models.one_layer.NotOneLayer`, or NotEstablished for a network with one token."""
    return LargestToken(statement, common_rows=common_rows)


class LargestToken:
    """The claims of one network, proved in one graph, which grows by what is concluded from them."""

    kinds: Mapping[str, Kind] = {kind.key: kind for kind in KINDS}

    def __init__(self, statement: Statement, *, common_rows: bool) -> None:
        one_layer_of(statement)
        self.statement, self.graph = statement, ProofGraph()
        self._bench = Workbench.of(self.graph, paths_of(self.graph, statement), any_row=False)
        self._told = story(self._bench, common=common_rows)
        claim, told = self.graph.claim, self._told
        self._rank_one: RankOne = claim(told.rank_one)
        self._increasing: Increasing = claim(told.increasing)
        self._diagonal: Diagonal = claim(told.diagonal)
        self._small: Mapping[str, int] = {SCORES: told.positions, DIRECT: told.direct, VALUES: told.values}

    def truth(self, sentence: Sentence) -> Truth:
        """Of the sentence with its exceptions."""
        key = sentence.kind.key
        if key == RANK_ONE:
            strengths = [row[0] for row in self._rank_one.factors.strength.fractions()]
            return Truth(True, {"residual": self._rank_one.split.largest, "strength": min(strengths)})
        if key == INCREASING:
            return _of_tokens("step", enumerate(self._increasing.steps, 1), sentence)
        if key == DIAGONAL:
            return _of_tokens("margin", enumerate(self._diagonal.margins), sentence)
        if key == HARM:
            return Truth(True, {"by": max(-row[m - 1] for m, row in enumerate(self._diagonal.others.fractions()) if m)})
        return Truth(True, {"difference": self.graph.claim(self._small[key]).largest})

    def ideal(self, kind: Kind) -> Mapping[str, Fraction]:
        """No residual, no differences, no harm; even steps in the range that the sizes have; large strengths and
        margins."""
        (size,) = self._rank_one.factors.size.fractions()
        match kind.key:
            case "rank_one(EQKE)":
                largest = max(row[0] for row in self._rank_one.factors.strength.fractions())
                return {"residual": Fraction(0), "strength": IDEAL * largest}
            case "increasing(size)":
                return {"step": (max(size) - min(size)) / max(1, len(size) - 1)}
            case "diagonal(EVOU)":
                return {"margin": IDEAL * max(map(abs, self._diagonal.margins))}
        return {kind.numbers[0].name: Fraction(0)}

    def follows(self, said: Mapping[str, Sentence], *, assumed: bool = False) -> Following:
        """By :mod:`~mechproof.rewrites.rules.diagonal_gap`, with as much attention as the sentences show."""
        missing = tuple(key for key in NEEDED if key not in said)
        if missing:
            return Following(0, self.graph, missing=missing)
        graph = self.graph
        diagonal = self._weaker_diagonal(said[DIAGONAL], said.get(HARM), assumed)
        direct, values = (self._weaker_small(said[key], assumed) for key in (DIRECT, VALUES))
        parts = [graph.claim(claim) for claim in (diagonal, direct, values)]
        unsaid = tuple(key for key in (*ATTENTION, HARM) if key not in said)
        if set(ATTENTION) <= said.keys():
            gap = self._weaker_gap(said[RANK_ONE], said[INCREASING], assumed)
            scores = self._weaker_small(said[SCORES], assumed)
            reach = self._reach(said, graph.claim(gap), graph.claim(scores), *parts)
            floor = graph.apply(AttentionFloorRule(), [self._bench.paths, gap, scores], reach)
        else:
            floor = graph.apply(AnyAttention(), [self._bench.paths], self._reach(said, None, None, *parts))
        cells = graph.apply(DiagonalGap(), [floor, diagonal, direct, values], self._told.rows)
        goal = graph.apply(AccuracyFromCount(), [graph.apply(GapCount(), [cells], 1)])
        return Following(graph.claim(goal).low, graph, goal, unsaid)

    def _reach(self, said: Mapping[str, Sentence], *claims: Any) -> Reach:
        """The largest reaches; none where nothing is said of what other tokens do."""
        if HARM in said:
            return story_reach(*claims)
        layer = one_layer_of(self.statement)
        return Reach(np.full((layer.d_vocab, layer.d_vocab, layer.n_ctx), -1, dtype=np.int64))

    def _concluded(self, rule: Rule, premise: int, advice: Any, claim: Claim, assumed: bool) -> int:
        """``claim`` by the rule; where that does not show it, assumed."""
        try:
            return self.graph.apply(rule, [premise], advice)
        except NotEstablished:
            if not assumed:
                raise
            return self.graph.apply(Assumption(), (), claim)

    def _weaker_small(self, sentence: Sentence, assumed: bool) -> int:
        premise = self._small[sentence.kind.key]
        if not sentence.numbers:
            return premise
        known: RowDifference = self.graph.claim(premise)
        bound = _matrix([[sentence.numbers["difference"]]], up=True)
        claim = replace(known, bounds=DyadicMatrix.ones(known.term.shape[0], 1) @ bound)
        return self._concluded(StatedRowDifference(), premise, bound, claim, assumed)

    def _weaker_diagonal(self, copying: Sentence, harm: Sentence | None, assumed: bool) -> int:
        known = self._diagonal
        most = None if harm is None else harm.numbers.get("by")
        if not copying.numbers and not copying.excepted and most is None:
            return self._told.diagonal
        margin = copying.numbers.get("margin")
        # of an excepted row nothing is said: a margin of 0 or less shows nothing
        own = [
            [min(true, Fraction(0)) if m in copying.excepted else true if margin is None else margin]
            for m, true in enumerate(known.margins)
        ]
        others = known.others
        if most is not None:
            # of tokens that are not below m nothing is said, and nothing is used
            others = _matrix(
                [
                    [-most if j < m else min(-most, entry) for j, entry in enumerate(row)]
                    for m, row in enumerate(others.fractions())
                ],
                up=False,
            )
        stated = Margins(_matrix(own, up=False), others)
        claim = replace(known, own=stated.own, others=stated.others)
        return self._concluded(StatedDiagonal(), self._told.diagonal, stated, claim, assumed)

    def _weaker_gap(self, along: Sentence, order: Sentence, assumed: bool) -> int:
        known: ScoreGap = self.graph.claim(self._told.gap)
        if not along.numbers and not order.numbers and set(order.excepted) <= set(known.exceptions):
            return self._told.gap
        factors, noise = known.scores.factors, known.scores.noise
        queries = noise.shape[0]
        strength = factors.strength
        if "strength" in along.numbers:
            strength = _matrix([[along.numbers["strength"]]] * queries, up=False)
        if "residual" in along.numbers:
            noise = _matrix([[along.numbers["residual"]]] * queries, up=True)
        size = factors.size
        if order.numbers or not set(order.excepted) <= set(known.exceptions):
            # a step that is assumed is so of the true exceptions too
            excepted = set(order.excepted) if assumed else {*order.excepted, *known.exceptions}
            size = _sizes(factors.size, order.numbers.get("step"), excepted)
        stated = Scores(Factors(strength, size), noise)
        claim = ScoreGap(known.increasing, stated)
        return self._concluded(StatedScoreGap(), self._told.gap, stated, claim, assumed)


def _sizes(size: DyadicMatrix, step: Fraction | None, excepted: set[int]) -> DyadicMatrix:
    """Sizes that rise by the step, or as far as the true ones, and not at all where nothing is said."""
    (true,) = size.fractions()
    peaks = list(accumulate(true, max))
    rises = [Fraction(0)]
    for t, (before, here) in enumerate(pairwise(peaks), 1):
        rises.append(Fraction(0) if t in excepted else here - before if step is None else step)
    rounded = _matrix([rises], up=False).fractions()[0]
    return _matrix([list(accumulate(rounded))], up=False)


def _of_tokens(name: str, numbers: Any, sentence: Sentence) -> Truth:
    """Truth of a sentence that says of every token but the excepted ones that its number is positive, and at least the
    stated one."""
    spoken = {t: number for t, number in numbers if t not in sentence.excepted}
    stated = sentence.numbers.get(name, Fraction(0))
    failing = tuple(t for t, number in spoken.items() if number <= 0 or number < stated)
    holds = all(number > 0 for number in spoken.values())
    return Truth(holds, {name: min(spoken.values(), default=None)}, failing)


def _matrix(rows: list[list[Fraction]], *, up: bool) -> DyadicMatrix:
    """The numbers, rounded to PLACES binary places."""
    scaled = [number * (1 << PLACES) for row in rows for number in row]
    whole = [
        -(-number.numerator // number.denominator) if up else number.numerator // number.denominator
        for number in scaled
    ]
    return DyadicMatrix.from_integers(len(rows), len(rows[0]), whole, -PLACES)

"""What a network does on sequences: logits, right or wrong, and the mean cross-entropy, from its path tables.

logit_x(t) = Σ_p α_p λ_q(p, t_p, x) with α = softmax(score) and exact λ (:mod:`..rules.path_decomposition`); balls
enclose, so the bounds hold whatever the precision.  Whether a sequence is right is decided by exact signs.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import product

from ..engine.arithmetic.ball import Ball, precision
from ..engine.arithmetic.dyadic import DyadicMatrix
from ..models.one_layer import one_layer_of
from ..rewrites.rules.additive_margin import AdditiveMargin
from ..rewrites.rules.path_decomposition import Paths, exp_of_score

# Working precision beyond what is asked for.
GUARD = 64

Bounds = tuple[Fraction, Fraction]


def bounds_of(ball: Ball, bits: int) -> Bounds:
    """Fractions below and above every member; raises MagnitudeError unless it is finite."""
    (low, low_exponent), (high, high_exponent) = ball.floor_mantissa(bits), ball.ceil_mantissa(bits)
    return low * Fraction(2) ** low_exponent, high * Fraction(2) ** high_exponent


@dataclass(frozen=True)
class Forward:
    """The network on sequences, at the current precision; exponentials are computed once."""

    paths: Paths
    weights: dict[tuple[int, int, int], Ball]
    logit_tables: tuple[list[list[int]], ...]

    @staticmethod
    def of(paths: Paths) -> Forward:
        at = paths.logit_exponent
        tables = (DyadicMatrix(paths.tables[name].at_exponent(at), at).integers() for name in ("UU", "EVOU", "PVOU"))
        return Forward(paths, {}, tuple(tables))

    def _weight(self, q: int, p: int, t: int) -> Ball:
        if (q, p, t) not in self.weights:
            root = Ball.sqrt(one_layer_of(self.paths.statement).d_head)
            score = Ball.dyadic(self.paths.score(q, p, t), self.paths.score_exponent)
            self.weights[q, p, t] = exp_of_score(score.over(root))
        return self.weights[q, p, t]

    def attention(self, tokens: Sequence[int]) -> list[Ball]:
        weights = [self._weight(tokens[-1], p, t) for p, t in enumerate(tokens)]
        total = Ball.dyadic(0, 0)
        for weight in weights:
            total = total + weight
        return [weight.over(total) for weight in weights]

    def logits(self, tokens: Sequence[int], relative_to: int | None = None) -> Iterator[Ball]:
        """The logit of every output in turn; less that of one output, if one is given."""
        uu, evou, pvou = self.logit_tables
        attention, q = self.attention(tokens), tokens[-1]
        for x in range(len(uu[q])):
            total = Ball.dyadic(0, 0)
            for p, (alpha, t) in enumerate(zip(attention, tokens, strict=True)):
                part = uu[q][x] + evou[t][x] + pvou[p][x]
                if relative_to is not None:
                    part -= uu[q][relative_to] + evou[t][relative_to] + pvou[p][relative_to]
                total = total + alpha * Ball.dyadic(part, self.paths.logit_exponent)
            yield total

    def cross_entropy(self, tokens: Sequence[int]) -> Ball:
        """log Σ_x exp(logit_x - logit_m) for the largest token m; the term x = m is exactly 1."""
        m = max(tokens)
        total = Ball.dyadic(1, 0)
        for x, gap in enumerate(self.logits(tokens, relative_to=m)):
            if x != m:
                total = total + gap.exp()
        return total.log()


def logits(paths: Paths, tokens: Sequence[int], bits: int) -> list[Bounds]:
    """Bounds of all logits on one sequence."""
    with precision(bits + GUARD):
        return [bounds_of(ball, bits + GUARD) for ball in Forward.of(paths).logits(tokens)]


def mean_loss(paths: Paths, bits: int) -> Bounds:
    """Bounds of the mean cross-entropy over all sequences, each of which is looked at."""
    network = one_layer_of(paths.statement)
    with precision(bits + GUARD):
        forward, total = Forward.of(paths), Ball.dyadic(0, 0)
        for tokens in product(range(network.d_vocab), repeat=network.n_ctx):
            total = total + forward.cross_entropy(tokens)
        return bounds_of(total.over(Ball.dyadic(paths.statement.inputs, 0)), bits + GUARD)


def stronger_output(margin: AdditiveMargin, tokens: Sequence[int]) -> tuple[int | None, bool]:
    """An output x with a logit at least that of the largest token, or None; and whether nothing stayed undecided."""
    q, m = tokens[-1], max(tokens)
    outputs = (x for x in range(one_layer_of(margin.paths.statement).d_vocab) if x != m)
    decided = True
    for x in outputs:
        sign = margin.sign(q, m, x, tokens)
        if sign is None:
            decided = False
        elif sign >= 0:
            return x, True
    return None, decided

"""The network on single sequences: enclosed logits, exact answers, and the loss by enumeration (section 10.3).

With q = t_{K-1} and the softmax weights a_p, logits[x] = UU[q,x] + sum over p of a_p (EVOU[t_p,x] + PVOU[p,x]). The
weights come as lower bounds and one slack for all of them; so do the logits, in units of 2^-bits. The loss at the
largest token m is log(sum over x of exp(logits[x])) - logits[m]. That logarithm increases with each logit and moves
along when all do, so an error of e in the logits is one of at most 2 e in the loss. It is taken of the logits less the
largest: nothing is larger than 1, and exponentials below 2^-bits need not be computed.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

from ..exponential import Enclosure, exponential, exponential_steps, shifted_down, shifted_up
from ..logarithm import logarithm
from ..one_layer.counts import View
from ..rule import Auditor


class Sequences:
    """The auditor's network on sequences, in fixed point: ``bits`` binary digits."""

    def __init__(self, auditor: Auditor, bits: int) -> None:
        self.margins = margins = auditor.of(View).margins
        self.budget = auditor.budget
        self.bits = bits
        by_token, by_position = (
            max(max(map(abs, row)) for row in part) for part in (margins.by_token, margins.by_position)
        )
        size = (by_token + by_position).bit_length() + margins.logit_unit + margins.positions.bit_length()
        # fine enough for the logits of weights that are all equal, or of which one is all
        self.digits = max(bits, margins.positions.bit_length() - margins.logit_unit)
        self.share_bits = bits + max(0, size) + 4
        self.precision = self.share_bits + margins.positions.bit_length() + 8
        self.weights: dict[tuple[int, int], Enclosure] = {}

    def weight(self, score: int) -> Enclosure:
        """exp(score / sqrt(h))."""
        key = score, self.precision
        if key not in self.weights:
            self.budget.spend(exponential_steps(self.precision, score.bit_length()))
            unit, head = self.margins.score_unit, self.margins.head
            self.weights[key] = exponential(score, unit, head, self.precision)
        return self.weights[key]

    def shares(self, tokens: Sequence[int]) -> tuple[list[int], int]:
        """For each position n with n <= a_p * 2**share_bits <= n + slack; and the slack."""
        margins, q = self.margins, tokens[-1]
        tokens_at = [self.weight(margins.token_scores[q][t]) for t in tokens]
        positions = [self.weight(score) for score in margins.position_scores[q]]
        pairs = list(zip(tokens_at, positions, strict=True))
        top = max(a.exponent + b.exponent for a, b in pairs)
        low = [shifted_down(a.low * b.low, a.exponent + b.exponent - top) for a, b in pairs]
        high = [shifted_up(a.high * b.high, a.exponent + b.exponent - top) for a, b in pairs]
        least, most = sum(low), sum(high)
        shares = [(v << self.share_bits) // most for v in low]
        above = [-((-v << self.share_bits) // least) for v in high]
        return shares, max(b - a for a, b in zip(shares, above, strict=True))

    def logits(self, tokens: Sequence[int], digits: int) -> tuple[list[int], list[int]]:
        """For each output bounds of its logit, in units of 2**-digits.

        The weights add up to one: an output gets what the last position gives it, and the weighted differences of the
        other positions from that. Without any difference it is known exactly, whatever the weights.
        """
        margins = self.margins
        outputs, positions = margins.vocabulary, margins.positions
        self.budget.spend(16 + positions * 8 + outputs * (positions + 1) * (1 + (self.share_bits >> 8)) // 4)
        shares, slack = self.shares(tokens)
        shift = margins.logit_unit + digits - self.share_bits
        tables = zip((margins.by_token[t] for t in tokens), margins.by_position, strict=True)
        *others, last = ([a + b for a, b in zip(token, place, strict=True)] for token, place in tables)
        total = [a + b << self.share_bits for a, b in zip(margins.direct[tokens[-1]], last, strict=True)]
        errors = [0] * outputs
        for share, row in zip(shares[:-1], others, strict=True):
            differences = [a - b for a, b in zip(row, last, strict=True)]
            total = [n + share * d for n, d in zip(total, differences, strict=True)]
            errors = [error + slack * abs(d) for error, d in zip(errors, differences, strict=True)]
        pairs = list(zip(total, errors, strict=True))
        return [shifted_down(n - e, shift) for n, e in pairs], [shifted_up(n + e, shift) for n, e in pairs]

    def correct(self, tokens: Sequence[int]) -> bool:
        """Whether the largest token's logit is strictly the largest; exact signs decide what enclosures leave open."""
        m = max(tokens)
        lower, upper = self.logits(tokens, self.bits)
        if any(low > upper[m] for x, low in enumerate(lower) if x != m):
            return False
        close = [x for x, high in enumerate(upper) if x != m and high >= lower[m]]
        return all(self.margins.sign(tokens[-1], m, x, tokens[:-1]) < 0 for x in close)

    def one_loss(self, tokens: Sequence[int]) -> tuple[int, int]:
        """Bounds of the loss on one sequence, in units of 2**-bits; with a single output it is 0."""
        if self.margins.vocabulary == 1:
            return 0, 0
        bits = self.bits
        logits, upper = self.logits(tokens, bits)
        error = max(high - low for low, high in zip(logits, upper, strict=True))
        top = max(logits)
        low = high = 0
        for logit in logits:
            if top - logit > bits << bits:
                high += 1
            else:
                least, most, exponent = exponential(logit - top, -bits, 1, bits)
                low += shifted_down(least, exponent + bits)
                high += shifted_up(most, exponent + bits)
        above = top - logits[max(tokens)]
        below, up = logarithm(low, bits)[0], logarithm(high, bits)[1]
        return max(0, above + below - error), above + up + error

    def loss(self) -> tuple[int, int]:
        """Bounds of the sum of the losses of all sequences, in units of 2**-bits; E242 when there are many."""
        margins = self.margins
        outputs, positions = margins.vocabulary, margins.positions
        self.budget.spend(outputs**positions * outputs * exponential_steps(self.bits))
        low = high = 0
        for tokens in product(range(outputs), repeat=positions):
            below, above = self.one_loss(tokens)
            low += below
            high += above
        return low, high

"""``position_gap/1``: as ``logit_gap/1``, the copies of the maximum sharing what positions add.

The copies of m in a sequence have scores that differ by their positions only: of the attention y on m, position p has
the share b_p / (sum of b over the copies), b_p = exp(EQKP[q,p] / sqrt(h)). With n copies that share is largest beside
the n - 1 least other b, and least, if p must hold m, beside the n - 1 largest; otherwise it may be 0. If the shares lie
in [l_p, u_p] then for P_p = PVOU[p,x] - PVOU[p,m] and any number z, as they add up to one, the copies' mean of P is at
most

    T_x = z + sum of (P_p - z) u_p where P_p > z, else (P_p - z) l_p.

The best z is one of the P_p. The other tokens stand anywhere but at the query's position if q = m, and anywhere else;
with W_x the largest P_p of these, b_x = a[x] - a[m] + W_x and the gap is at most g + b_x + y (r_x + T_x - W_x) +
(1 - y) w, with a, g, r, w of rule_gap.py. It is affine in y for each x: the ends of the attention range decide.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from .errors import Code, Failure
from .exponential import Enclosure
from .rule import Auditor, Derivation, Rule, no_advice
from .rule_attention import ALPHA_BITS, ONE, Ranges, require_split
from .rule_attention import KIND as ATTENTION
from .rule_gap import KIND, Gaps, Target, flags, highest_lines, largest_gap, read_certified
from .rule_row_split import KIND as ROW_SPLIT
from .shards import in_shards


class Share(NamedTuple):
    """Bounds of a position's share, in units of 2**-ALPHA_BITS."""

    low: int
    high: int


def shares(weights: Sequence[Enclosure], number: int, own: bool) -> list[Share]:
    """By position, for so many copies at free positions, and one at the last position if ``own``; at least one."""
    unit = max(weight.exponent for weight in weights)
    lows = [weight.low >> unit - weight.exponent for weight in weights]
    highs = [-(-weight.high >> unit - weight.exponent) for weight in weights]
    free = len(weights) - 1
    found: list[Share] = []
    for p in range(free + 1):
        copies = number if p == free else number - 1
        if copies < 0 or (p == free and not own):
            found.append(Share(0, 0))
            continue
        at_last = own and p < free
        least = sum(sorted(lows[:p] + lows[p + 1 : free])[:copies]) + at_last * lows[-1]
        others = sorted(highs[:p] + highs[p + 1 : free], reverse=True)
        most = sum(others[:copies]) + at_last * highs[-1]
        certain = p == free or number == free
        low = (lows[p] << ALPHA_BITS) // max(1, lows[p] + most) if certain else 0
        found.append(Share(low, -(-(highs[p] << ALPHA_BITS) // (highs[p] + least))))
    return found


def largest_mean(values: Sequence[int], bounds: Sequence[Share]) -> int:
    """At least sum of w v for weights w within these bounds that add up to one, in units of 2**-ALPHA_BITS.

    >>> half = Share(0, ONE // 2)
    >>> largest_mean([1, 5, 3], [half, half, half]) == 4 * ONE
    True
    """
    pairs = list(zip(values, bounds, strict=True))
    return min(z * ONE + sum((v - z) * (share.high if v > z else share.low) for v, share in pairs) for z in values)


def target_of(gaps: Gaps, m: int, bounds: Sequence[Share], own: bool) -> Target:
    """The lines of all x, and w by j, in units of the logits' over ONE."""
    rows = [[value - row[m] for x, value in enumerate(row) if x != m] for row in gaps.positions]
    common = [value - gaps.common[m] for x, value in enumerate(gaps.common) if x != m]
    own_row = [value - gaps.tokens[m][m] for x, value in enumerate(gaps.tokens[m]) if x != m]
    lines: list[tuple[int, int]] = []
    for a, r, values in zip(common, own_row, zip(*rows, strict=True), strict=True):
        worst = max(values[:-1] if own else values)
        slope = (r + gaps.token_noise[m][0] - worst) * ONE + largest_mean(values, bounds)
        lines.append(((a + worst) * ONE, slope))
    return Target(highest_lines(lines), [w * ONE for w in gaps.others(m)], False)


def check(auditor: Auditor, derivation: Derivation) -> None:
    """Holds when the gap of every certified cell is negative at both ends of its attention range; E257, E258."""
    margins = auditor.margins
    vocabulary, positions = margins.vocabulary, margins.positions
    ranges: Ranges = auditor.found[derivation.premises[0].id]
    direct = require_split(auditor, derivation, 1, "UU", 1, {1, vocabulary})
    tokens = require_split(auditor, derivation, 2, "EVOU", vocabulary, {1})
    certified = flags(derivation, vocabulary**2 * positions)
    auditor.budget.spend(len(certified))
    gaps = Gaps(auditor.paths, direct, tokens, auditor.budget)

    def check_group(m: int, c: int, queries: Sequence[int]) -> None:
        """The cells (q, m, c) of these queries, either all m or none: shares are bounded for all of them at once."""
        own = queries[0] == m
        number = positions - 1 - c + (not own)
        auditor.budget.spend(len(queries) * positions**2 + gaps.size * vocabulary * positions**2 // 2)
        for q in queries:
            if ranges.reach(q, m, c) < 0:
                raise Failure(Code.E257, cell=(q, m, c))
        each = [shares(margins.position_weights[q], number, own) for q in queries]
        bounds = [Share(min(s.low for s in p), max(s.high for s in p)) for p in zip(*each, strict=True)]
        target = target_of(gaps, m, bounds, own)
        for q in queries:
            auditor.budget.spend(gaps.size * len(target.lines))
            noise = gaps.noise_at(q, m) << 2 * ALPHA_BITS
            j = ranges.reach(q, m, c)
            if any(noise + largest_gap(target, j, share) >= 0 for share in ranges.ends(q, m, c)):
                raise Failure(Code.E258, id=derivation.id, rule=derivation.rule.name, cell=(q, m, c))

    def check_target(m: int) -> tuple[int, int]:
        auditor.budget.spend(vocabulary * (positions + gaps.size * m // 16))
        for c in range(positions):
            stated = [q for q in range(vocabulary) if certified[(q * vocabulary + m) * positions + c] == "1"]
            if c == 0 and m in stated:
                stated.remove(m)
                if not gaps.target(m).alone:
                    raise Failure(Code.E258, id=derivation.id, rule=derivation.rule.name, cell=(m, m, 0))
            for queries in ([q for q in stated if q != m], [q for q in stated if q == m]):
                if queries:
                    check_group(m, c, queries)
        return 0, 0

    in_shards(check_target, vocabulary, auditor.jobs)
    auditor.found[derivation.id] = ranges


RULE = Rule(
    "position_gap/1", (ATTENTION, ROW_SPLIT, ROW_SPLIT, "additive_margin"), KIND, no_advice, read_certified, check
)

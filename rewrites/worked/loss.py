"""The loss of one sequence, from the tables to its logarithm: for proofs through path tables."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from ...engine.arithmetic.ball import Ball, precision
from ...engine.arithmetic.printing import ceil_str, floor_str
from ...engine.transcript import Block, Table, paragraph, prose
from ...models.one_layer import one_layer_of
from ..rules.loss import UNIT_BITS, LossSum
from ..rules.path_decomposition import Paths
from .decimals import BITS, down, ends, places, up

# So many outputs have a row of their own, those with the largest differences.
SHOWN = 12


def blocks(paths: Paths, tokens: Sequence[int], total: LossSum) -> tuple[Block, ...]:
    """Weights, logit differences and the loss of a sequence, beside what the proof says of its cell."""
    layer = one_layer_of(paths.statement)
    q, m = tokens[-1], max(tokens)
    others = [x for x in range(layer.d_vocab) if x != m]
    if not others:
        return ()
    scores = [paths.score(q, p, t) for p, t in enumerate(tokens)]
    with precision(BITS):
        root = Ball.sqrt(layer.d_head)
        below = [Ball.dyadic(score - max(scores), paths.score_exponent) for score in scores]
        weights = [difference.over(root).exp() for difference in below]
        whole = sum(weights[1:], weights[0])
        gaps = {x: _gap(paths, tokens, x, weights).over(whole) for x in others}
        powers = {x: gap.exp() for x, gap in gaps.items()}
        loss = ends(sum(powers.values(), Ball.dyadic(1, 0)).log())
        shares = [ends(weight.over(whole)) for weight in weights]
        found = {x: (ends(gaps[x]), ends(powers[x])) for x in others}
    digits = places(loss[0])
    shown = sorted(others, key=lambda x: -found[x][0][1])[:SHOWN]
    return (
        paragraph(
            f"The sequence $({', '.join(map(str, tokens))})$ lies in the cell $(q, m) = ({q}, {m})$. Decimals are cut "
            "off downwards, but those of columns that say so and behind $\\le$, which are rounded up."
        ),
        _shares(paths, tokens, shares),
        _differences(shown, found, len(others), digits),
        paragraph(
            "So its loss, $\\log(1 + \\sum_{x \\ne m} \\exp(\\mathrm{logit}_x - \\mathrm{logit}_m))$, is at least "
            f"${floor_str(loss[0], digits)}$ and at most ${ceil_str(loss[1], digits)}$. {_of_cell(total, (q, m))}"
        ),
    )


def _gap(paths: Paths, tokens: Sequence[int], x: int, weights: Sequence[Ball]) -> Ball:
    """Σ_p w_p (λ_p(x) - λ_p(m))."""
    q, m = tokens[-1], max(tokens)
    parts = [
        weight * Ball.dyadic(paths.logit_difference(q, p, t, x, m), paths.logit_exponent)
        for p, (t, weight) in enumerate(zip(tokens, weights, strict=True))
    ]
    return sum(parts[1:], parts[0])


def _shares(paths: Paths, tokens: Sequence[int], shares: Sequence[tuple[Fraction, Fraction]]) -> Table:
    header = ("$p$", "$t_p$", "$\\mathrm{EQKE}[q,t_p]$", "$\\mathrm{EQKP}[q,p]$", "attention $\\alpha_p$")
    q = tokens[-1]
    rows = tuple(
        (
            prose(str(p)),
            prose(str(t)),
            down(paths.tables["EQKE"].fraction(q, t)),
            down(paths.tables["EQKP"].fraction(q, p)),
            down(share[0]),
        )
        for p, (t, share) in enumerate(zip(tokens, shares, strict=True))
    )
    return Table(tuple(map(prose, header)), rows, prose("Scores before their scale, and attention."), ("right",) * 5)


def _differences(
    shown: Sequence[int],
    found: dict[int, tuple[tuple[Fraction, Fraction], tuple[Fraction, Fraction]]],
    number: int,
    digits: int,
) -> Table:
    header = ("$x$", "$\\mathrm{logit}_x - \\mathrm{logit}_m$, at most", "its exponential, at most")
    rows = [(prose(str(x)), up(found[x][0][1]), up(found[x][1][1], digits)) for x in shown]
    if number > len(shown):
        rest = sum((power[1] for x, (_, power) in found.items() if x not in shown), Fraction(0))
        rows.append((prose(f"the other {number - len(shown)}"), prose(""), up(rest, digits)))
    every = sum((power[1] for _, power in found.values()), Fraction(0))
    rows.append((prose("all"), prose(""), up(every, digits)))
    caption = prose("Logit differences, mixtures of the tables' entries by the attention, and their exponentials.")
    return Table(tuple(map(prose, header)), tuple(rows), caption, ("right",) * 3)


def _of_cell(total: LossSum, cell: tuple[int, int]) -> str:
    """What the proof says of all sequences of the cell together."""
    low, high = (Fraction(side[cell], 1 << UNIT_BITS) for side in (total.low, total.high))
    size = total.partition.sizes[cell]
    if size == 1:
        return (
            f"The proof encloses it between ${floor_str(low, places(low))}$ and ${ceil_str(high, places(high))}$, and "
            "adds up such bounds."
        )
    return (
        f"Of the losses of all {size} sequences of its cell together the proof shows that they add up to at least "
        f"${floor_str(low, places(low))}$ and at most ${ceil_str(high, places(high))}$."
    )

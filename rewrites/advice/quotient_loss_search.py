"""Looks for a quotient, and a cut below which leads are evaluated, that give the mean loss at least cost.  Untrusted,
and in floats.

On a sample of first tokens the cut is the smallest at which the bounds are near enough: halving between leads.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from ..rules.grid_network import Grids
from ..rules.quotient import QuotientAdvice
from ..rules.separable_relu import SeparableRelu
from .quotient_search import Plan, Search

THRESHOLDS = (3e-3, 1e-3, 0.01, 0.02, 0.03, 3e-4, 0.05, 0.1)
BLOCK_PRICES = (0.3, 0.7, 1.5)
SAMPLE = 1 << 22  # so many logits are looked at for each candidate
HALVINGS = 10
AIM = 0.93  # exponentials are looked up in steps of 2^-12, and a sample is not all
EACH = 8  # operations for a lead: both ends, two exponentials, their sums, what the quotient takes to compare


@dataclass(frozen=True)
class FoundLoss:
    """Advice, with what it should cost."""

    grids: Grids
    advice: QuotientAdvice
    cost: float


def loss_search(form: SeparableRelu, width: Fraction, progress: Callable[[int, int], None]) -> FoundLoss:
    """The cheapest advice by which the larger bound should be at most 1 + ``width`` times the smaller one."""
    search, best, seen = Search(form), None, set[tuple[tuple[int, int], ...]]()
    for done, threshold in enumerate(THRESHOLDS):
        progress(done, len(THRESHOLDS))
        for price in BLOCK_PRICES:
            chosen = search.assignment(*search.prices(threshold * search.usual), price)
            if tuple(chosen) in seen:
                continue
            seen.add(tuple(chosen))
            plan = search.plan(chosen)
            if best is None or min(plan.costs.values()) < best.cost:
                found = [*_cuts(search, plan, 1 + AIM * float(width)), *([best] if best else [])]
                best = min(found, key=lambda one: one.cost)
    assert best is not None, "the first candidate is taken"
    return best


def _cuts(search: Search, plan: Plan, aim: float) -> list[FoundLoss]:
    """With both bounds of the remainder."""
    sample, distance = search.sample(SAMPLE), search.distances(plan)
    columns, (neurons, outputs) = np.arange(search.answers.shape[1]), search.out.shape
    rows: list[tuple[np.ndarray, ...]] = []
    for x, hidden, remainders in search.hidden(plan, sample):
        right = search.answers[x]
        direct = search.direct[0][x] + search.direct[1]
        near, exact = hidden @ search.out, np.maximum(search.left[x] + search.right, 0) @ search.out
        lead, true = ((own := part + direct)[columns, right][:, None] - own for part in (near, exact))
        for part in (lead, true):
            part[columns, right] = np.inf
        rows.append((lead, true, *(distance[right] * rho[:, None] for rho in remainders)))
    lead, true, *aways = (np.concatenate(part) for part in zip(*rows, strict=True))
    slack = _slack(search, plan)
    found = []
    for remainder, away in zip((False, True), aways, strict=True):
        away = away + slack
        least = lead - away
        order = np.sort(least[np.isfinite(least)])
        few, many = 0, len(order)
        for _ in range(HALVINGS):
            middle = (few + many) // 2
            open_ = least < order[middle]
            high, low = (np.where(open_, true + sign * slack, lead + sign * away) for sign in (-1, 1))
            if _loss(high) > aim * _loss(low):
                few = middle
            else:
                many = middle
        cut = order[min(many, len(order) - 1)]
        rivals = least <= cut
        evaluated = int(rivals.sum()) + 3 * int(rivals.any(axis=1).sum())
        cost = plan.costs[remainder, False] + EACH / neurons + evaluated / (len(least) * outputs)
        advice = plan.advice(remainder, False, max(1, round(float(cut) * 2.0**plan.grids.bits)))
        found.append(FoundLoss(plan.grids, advice, float(cost)))
    return found


def _slack(search: Search, plan: Plan) -> float:
    """About what rounding to the grids takes from a lead."""
    weights = (np.abs(search.out) / plan.scale[:, None]).sum(axis=0).max()
    active = (np.maximum(search.left.max(axis=0) + search.right.max(axis=0), 0) * plan.scale).sum()
    return float((2 * weights + active) * 2.0 ** (-plan.grids.bits / 2))


def _loss(leads: np.ndarray) -> float:
    """The sum of the losses."""
    worst = np.minimum(leads.min(axis=1), 0)
    terms = np.exp(worst[:, None] - leads).sum(axis=1) + np.exp(worst)
    return float((np.log1p(terms - 1) - worst).sum())

"""The count of docs/certificate.md §7 for one cell, by a second reading: to 60 digits, with a threshold taken off."""

from __future__ import annotations

from fractions import Fraction
from math import comb
from typing import Any

import mpmath
from loss_certificates import DIGITS, real


def bounds_by_output(model: Any, q: int, m: int, joint: bool) -> tuple[Any, ...]:
    """a_x, f_x, a, f and the r_k, as fractions."""
    parts, others = model.parts, [x for x in range(model.V) if x != m]

    def gaps(row: Any) -> dict[int, Any]:
        return {x: row[x] - row[m] for x in others}

    u, e, o = gaps(parts["UU"][q]), [gaps(row) for row in parts["EVOU"]], [gaps(row) for row in parts["PVOU"]]
    free = o[:-1] if joint and model.K > 1 else o
    worst = {x: max(row[x] for row in free) for x in others}
    at_query = o[-1] if joint else worst
    on_maximum = {x: u[x] + e[m][x] + worst[x] for x in others}
    on_query = {x: u[x] + e[q][x] + at_query[x] for x in others}
    if not others:
        return on_maximum, on_query, 0, 0, []
    most = max(u.values())
    raised = [max(row[x] + worst[x] for x in others) for row in e]
    if not joint:
        return on_maximum, on_query, most + raised[m], most + raised[q], [most + r for r in raised[:m]]
    apart = [[most + e[k][x] + worst[x] for x in others if x != k] for k in range(m)]
    other = [max([u[k] + e[k][k] + worst[k], *apart[k]]) for k in range(m)]
    return on_maximum, on_query, max(on_maximum.values()), max(on_query.values()), other


def power(model: Any, score: Any) -> Any:
    """exp(score / sqrt(h))."""
    return mpmath.exp(real(score) / mpmath.sqrt(model.h))


def counted(model: Any, q: int, m: int, joint: bool, threshold: Fraction = Fraction(0)) -> int:
    """So many sequences of the cell are shown to have all logit differences below the threshold."""
    with mpmath.workdps(DIGITS):
        on_maximum, on_query, a, f, other = bounds_by_output(model, q, m, joint)
        scores, free = model.parts["EQKE"][q], sorted(model.parts["EQKP"][q][:-1])
        b = [power(model, score) for score in free]
        weight, own = [power(model, score) for score in scores], power(model, model.score(q, model.K - 1, q))
        least = real(threshold)
        total = int(
            all(
                weight[m] * sum(b) * (real(on_maximum[x]) - least) + own * (real(on_query[x]) - least) < 0
                for x in on_maximum
            )
        )
        for c in range(1, model.K if q == m else model.K - 1):
            n = model.K - 1 - c
            good = [
                k
                for k in range(m)
                if all(
                    weight[m] * sum(held) * (real(a) - least)
                    + own * (real(f) - least)
                    + weight[k] * sum(left) * (real(other[k]) - least)
                    < 0
                    for held, left in ((b[:n], b[n:]), (b[c:], b[:c]))
                )
            ]
            total += comb(model.K - 1, c) * len(good) ** c
        return total

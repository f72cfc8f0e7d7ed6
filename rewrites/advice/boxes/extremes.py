"""Least sums and least ratios over sets, in floats; codes of ratios."""

from __future__ import annotations

import math

import numpy as np

from ....engine.form import ListTables, ProductTables, least_with_sum, slope
from ...boxes.bounds import CODE_BITS, Sets

ITERATIONS, BISECTIONS = 12, 14  # of ratios


def least(sets: Sets, table: np.ndarray) -> np.ndarray:
    """The least sum over each set."""
    if isinstance(sets, ListTables) or sets.labels is None or sets.cut is None or sets.bounds is None:
        return sets.least(table)
    rise, run = slope(table, sets.allowed, sets.labels)
    return least_with_sum(table, sets.allowed, sets.labels, sets.bounds, np.where(sets.cut, rise / run, 0))


def least_and_rise(sets: Sets, table: np.ndarray, direction: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The least sum, and how fast it grows when the table moves in the direction: what the least input has of it."""
    if isinstance(sets, ListTables):
        return _of_lists(sets, table, direction)
    tilted = table
    if sets.labels is not None and sets.cut is not None:
        rise, run = slope(table, sets.allowed, sets.labels)
        tilted = table - np.where(sets.cut, rise / run, 0)[:, None, None] * sets.labels
    at = np.where(sets.allowed, tilted, np.inf).argmin(axis=2)[:, :, None]
    return least(sets, table), np.take_along_axis(direction, at, 2).sum(axis=(1, 2))


def _of_lists(sets: ListTables, table: np.ndarray, direction: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """:func:`~...engine.form.least_over_lists`, every sum with that of the direction beside it."""
    n, L, step, values = len(table), sets.length, sets.step, sets.free.shape[1]
    rows, number = np.arange(n), np.arange(values)
    both = np.stack([table, direction])
    place = table[:, :L, :values].argmin(axis=1)[None, :, None]
    anywhere = np.take_along_axis(both[:, :, :L, :values], place, 2)[:, :, 0]
    total = both[:, rows, L, values] + anywhere[:, rows, sets.next]
    if step:
        total = total + anywhere[:, rows, sets.before] + both[:, rows, L + step, sets.before]
        costs = both[:, :, L + 1 : L + step, :values] + anywhere[:, :, None]
        total = total + _chosen(costs, sets, number < sets.before[:, None])
    above = number > sets.next[:, None]
    known = sets.known & above
    needed = L - 1 - step - known.sum(axis=1)
    order = np.where(sets.free & above, anywhere[0], np.inf).argsort(axis=1)
    ordered = np.take_along_axis(anywhere, order[None], 2)
    taken = np.where(number < needed[:, None], ordered, 0)
    total = total + np.where(known, anywhere, 0).sum(axis=2) + taken.sum(axis=2)
    return total[0], total[1]


def _chosen(costs: np.ndarray, sets: ListTables, below: np.ndarray) -> np.ndarray:
    """The programme over the numbers below ``before``; costs: 2 × sets × places × numbers."""
    may, must = ((sets.free | sets.known) & below).T, (sets.known & below).T
    costs = np.ascontiguousarray(costs.transpose(3, 0, 2, 1))
    costs[:, 0] = np.where(may[:, None], costs[:, 0], np.inf)
    best = np.full((2, costs.shape[2] + 1, costs.shape[3]), np.inf, dtype=costs.dtype)
    best[:, 0] = 0
    needed = [bool(row.any()) for row in must]
    for number in range(int(sets.before.max(initial=0))):
        chosen = best[:, :-1] + costs[number]
        if needed[number]:
            best[0][:, must[number]] = np.inf
        np.copyto(best[:, 1:], chosen, where=chosen[0] < best[0, 1:])
    return best[:, -1]


def least_ratio(sets: Sets, w: np.ndarray, g: np.ndarray) -> np.ndarray:
    """About the least Σ g/Σ w over each set (g is weighted already), by Dinkelbach's iteration; tables one a set."""
    if isinstance(sets, ProductTables) and sets.cut is not None:
        return _bisected(sets, w, g)
    with np.errstate(divide="ignore", invalid="ignore"):
        found = np.where(sets.allowed, g, 0).sum(axis=(1, 2)) / np.where(sets.allowed, w, 0).sum(axis=(1, 2))
    for _ in range(ITERATIONS):
        value, total = least_and_rise(sets, g - found[:, None, None] * w, w)
        found = found + value / total
        if (np.abs(value) <= 1e-12 * np.abs(found * total)).all():
            break
    return found


def _bisected(sets: ProductTables, w: np.ndarray, g: np.ndarray) -> np.ndarray:
    """The same where sums of labels are held: the bound is concave and falls in the ratio."""
    with np.errstate(divide="ignore", invalid="ignore"):
        single = np.where(sets.allowed & (w > 0), g / np.where(w > 0, w, 1), np.nan)
    low, high = np.nanmin(single, axis=(1, 2)), np.nanmax(single, axis=(1, 2))
    low, high = low - 1e-9 * np.abs(low), high + 1e-9 * np.abs(high)
    below = least(sets, g - low[:, None, None] * w)
    above = least(sets, g - high[:, None, None] * w)
    for turn in range(BISECTIONS):
        chord = low + (high - low) * below / np.where(below - above > 0, below - above, 1)
        at = np.clip(chord if turn % 3 else (low + high) / 2, low, high)
        value = least(sets, g - at[:, None, None] * w)
        holds = value >= 0
        low, below = np.where(holds, at, low), np.where(holds, value, below)
        high, above = np.where(holds, high, at), np.where(holds, above, value)
        if (high - low <= 1e-4 * (np.abs(low) + np.abs(high))).all():
            break
    return low


def widest(sets: Sets, table: np.ndarray) -> np.ndarray:
    """The largest entry that a set has, one a set."""
    return np.where(sets.allowed, table, 0).max(axis=(1, 2))[:, None, None]


def sums_of_largest(sets: Sets, table: np.ndarray) -> np.ndarray:
    """Σ_p of the largest entry that a set has there: what rounding is relative to."""
    return np.where(sets.allowed, table, 0).max(axis=2).sum(axis=1)


def code_of(ratio: float, *, up: bool) -> int:
    """The code of a number that is a little smaller (larger if ``up``) than this one."""
    fraction, exponent = math.frexp(min(max(ratio, 2.0**-60), 2.0**60))
    place = (exponent - 1 << CODE_BITS) + (2 * fraction - 1) * 2**CODE_BITS
    return math.ceil(place) + 1 if up else math.floor(place) - 1


def ratio_of(codes: np.ndarray) -> np.ndarray:
    """The numbers that codes stand for."""
    mantissa = 2**CODE_BITS + (codes & 2**CODE_BITS - 1)
    return mantissa * 2.0 ** ((codes >> CODE_BITS) - CODE_BITS)

"""Least sums and least ratios over sets, in floats; codes of ratios."""

from __future__ import annotations

import math

import numpy as np

from ....engine.form import ListTables, ProductTables, least_with_sum, slope
from ...boxes.bounds import CODE_BITS, Sets

ITERATIONS, BISECTIONS = 8, 14  # of ratios


def least(sets: Sets, table: np.ndarray) -> np.ndarray:
    """The least sum over each set."""
    if isinstance(sets, ListTables) or sets.labels is None or sets.cut is None or sets.bounds is None:
        return sets.least(table)
    rise, run = slope(table, sets.allowed, sets.labels)
    return least_with_sum(table, sets.allowed, sets.labels, sets.bounds, np.where(sets.cut, rise / run, 0))


def least_and_rise(
    sets: Sets, table: np.ndarray, direction: np.ndarray, step: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The least sum, and how fast it grows when the table moves in the direction: what the least input has of it, or,
    where that input is not at hand, a difference over ``step``."""
    if isinstance(sets, ProductTables) and sets.cut is None:
        at = np.where(sets.allowed, table, np.inf).argmin(axis=2)[:, :, None]
        value, rise = (np.take_along_axis(each, at, 2).sum(axis=(1, 2)) for each in (table, direction))
        return value, rise
    value = least(sets, table)
    return value, (least(sets, table + step[:, None, None] * direction) - value) / step


def least_ratio(sets: Sets, w: np.ndarray, g: np.ndarray) -> np.ndarray:
    """About the least Σ g/Σ w over each set (g is weighted already), by Dinkelbach's iteration; tables one a set."""
    if isinstance(sets, ProductTables) and sets.cut is None:
        return _dinkelbach(sets, w, g)
    with np.errstate(divide="ignore", invalid="ignore"):
        single = np.where(sets.allowed & (w > 0), g / np.where(w > 0, w, 1), np.nan)
    low, high = np.nanmin(single, axis=(1, 2)), np.nanmax(single, axis=(1, 2))
    low, high = low - 1e-9 * np.abs(low), high + 1e-9 * np.abs(high)
    # the bound is concave and falls in the ratio; both ends of where its zero lies are kept
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


def _dinkelbach(sets: ProductTables, w: np.ndarray, g: np.ndarray) -> np.ndarray:
    with np.errstate(divide="ignore", invalid="ignore"):
        found = np.where(sets.allowed, g, 0).sum(axis=(1, 2)) / np.where(sets.allowed, w, 0).sum(axis=(1, 2))
    for _ in range(ITERATIONS):
        table = np.where(sets.allowed, g - found[:, None, None] * w, np.inf)
        best = table.argmin(axis=2)[:, :, None]
        top, bottom = (np.take_along_axis(a, best, 2).sum(axis=(1, 2)) for a in (g, w))
        after = top / bottom
        if (after >= found - 1e-12 * np.abs(found)).all():
            break
        found = np.minimum(found, after)
    return found


def widest(sets: Sets, table: np.ndarray) -> np.ndarray:
    """The largest entry that a set has, one a set."""
    return np.where(sets.allowed, table, 0).max(axis=(1, 2))[:, None, None]


def size_of_sums(sets: Sets, table: np.ndarray) -> np.ndarray:
    """Σ_p of the largest size that a set has there: what rounding is relative to."""
    return np.where(sets.allowed, table, 0).max(axis=2).sum(axis=1) + 1e-300


def code_of(ratio: float, *, up: bool) -> int:
    """The code of a number that is a little smaller (larger if ``up``) than this one."""
    fraction, exponent = math.frexp(min(max(ratio, 2.0**-60), 2.0**60))
    place = (exponent - 1 << CODE_BITS) + (2 * fraction - 1) * 2**CODE_BITS
    return math.ceil(place) + 1 if up else math.floor(place) - 1


def ratio_of(codes: np.ndarray) -> np.ndarray:
    """The numbers that codes stand for."""
    mantissa = 2**CODE_BITS + (codes & 2**CODE_BITS - 1)
    return mantissa * 2.0 ** ((codes >> CODE_BITS) - CODE_BITS)

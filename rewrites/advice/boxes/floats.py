"""The tables of a form as floats, and lines of pointwise maps on them."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields

import numpy as np

from ....engine.domains.separable import WEIGHT_BITS
from ....engine.form import SIZE_BITS, Form

POINTS = 65  # on an interval, where a smooth function is compared with its line


class Tables:
    """``weights[h]``: queries × positions × tokens; ``values[h]``: outputs × positions × tokens."""

    def __init__(self, form: Form) -> None:
        unit = 2.0**form.logits.exponent
        self.form = form
        self.weights = [
            np.ldexp(w.high.astype(float), (-np.minimum(w.halvings, 1000) - WEIGHT_BITS).astype(np.int32))
            for w in form.weights
        ]
        # columns first, so that a column of every set is one take
        self.values = [np.ascontiguousarray(t.transpose(2, 0, 1)).astype(float) * unit for t in form.logits.tables]
        self.constant = form.logits.constant.astype(float) * unit
        self.kappa = None if form.kappa is None else form.kappa.values[0].astype(float) * 2.0**form.kappa.exponent
        if form.size is not None:
            self.sizes = [form.size.first.astype(float), *(t[None].astype(float) for t in form.size.others)]
            self.sizes = [t * 2.0**-SIZE_BITS for t in self.sizes]
            self.fixed = form.size.fixed * 2.0**-SIZE_BITS
            self.out_size = form.size.out.astype(float) * 2.0**-SIZE_BITS
        if form.hidden is not None:
            pre = form.hidden.pre
            self.pre = [
                np.ascontiguousarray(t.transpose(2, 0, 1)).astype(float) * 2.0**pre.exponent for t in pre.tables
            ]
            self.pre_constant = pre.constant.astype(float) * 2.0**pre.exponent
            self.out = form.hidden.out.values.astype(float) * 2.0**form.hidden.out.exponent

    def brackets(
        self, query: np.ndarray, winner: np.ndarray, loser: np.ndarray, lines: Lines | None, above: float
    ) -> list[np.ndarray]:
        """n_h(p, t) of each pair, constants with the first head; lines one row a pair."""
        n = [values[winner] for values in self.values]
        for part, values in zip(n, self.values, strict=True):
            part -= values[loser]
        constant = self.constant[query, winner] - self.constant[query, loser]
        factor = np.zeros(len(query))
        if self.kappa is None:
            constant = constant - above
        else:
            factor = np.minimum(self.kappa[winner] - self.kappa[loser] - above, 0)
            rows = np.flatnonzero(factor)
            for h, (part, size) in enumerate(zip(n, self.sizes, strict=True)):
                part[rows] += factor[rows, None, None] * (size[0] if h else size[query[rows]])
            constant = constant + factor * self.fixed
        if lines is not None:
            c = self.out[:, winner].T - self.out[:, loser].T
            k = c * np.where(c >= 0, lines.below, lines.above)
            for part, pre in zip(n, self.pre, strict=True):
                part += (k @ pre.reshape(len(pre), -1)).reshape(part.shape)
            constant = constant + (k * self.pre_constant[query]).sum(axis=1)
            constant = constant + (c * np.where(c >= 0, lines.least, lines.most)).sum(axis=1)
            if self.kappa is not None:
                constant = constant + factor * (lines.size @ self.out_size)
        n[0] += constant[:, None, None]
        return n


@dataclass(frozen=True, eq=False)
class Lines:
    """below·z + least <= φ(z) <= above·z + most, and |φ(z)| <= size, on intervals: sets × units."""

    below: np.ndarray
    least: np.ndarray
    above: np.ndarray
    most: np.ndarray
    size: np.ndarray

    def take(self, index: np.ndarray) -> Lines:
        return Lines(*(getattr(self, field.name)[index] for field in fields(self)))


def lines_on(function: str, low: np.ndarray, high: np.ndarray, slopes: np.ndarray) -> Lines:
    """The lines that the rule draws, up to its rounding."""
    none, size = np.zeros_like(low), np.maximum(np.abs(low), np.abs(high))
    if function == "identity":
        return Lines(none + 1, none, none + 1, none, size)
    if function == "square":
        return Lines(low + high, -((low + high) ** 2) / 4, low + high, -low * high, size * size)
    if function == "relu":
        straight, flat = low >= 0, high <= 0
        chord = np.where(straight, 1.0, np.where(flat, 0.0, high / np.maximum(high - low, 1e-30)))
        below = np.where(straight | (~flat & (high > -low)), 1.0, 0.0)
        return Lines(below, none, chord, np.where(straight | flat, 0.0, -chord * low), size)
    points = low[..., None] + (high - low)[..., None] * np.linspace(0, 1, POINTS)
    tilted = values_of(function, points) - slopes[..., None] * points
    bend = (high - low) ** 2 / (POINTS - 1) ** 2 / 8 + 2.0**-11
    return Lines(slopes, tilted.min(axis=-1) - bend, slopes, tilted.max(axis=-1) + bend, size)


def values_of(function: str, x: np.ndarray) -> np.ndarray:
    """φ in floating point."""
    if function == "silu":
        return x / (1 + np.exp(-x))
    if function == "gelu_new":
        return x / 2 * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))
    # Φ by the tanh form would be off by 10^-3; the error function by Abramowitz and Stegun 7.1.26 is within 1.5·10^-7
    y = np.abs(x) / math.sqrt(2)
    t = 1 / (1 + 0.3275911 * y)
    poly = t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))))
    erf = np.sign(x) * (1 - poly * np.exp(-y * y))
    return x * (1 + erf) / 2

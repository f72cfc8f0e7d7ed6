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
            self.single_sizes = [(t * 2.0**-SIZE_BITS).astype(np.float32) for t in self.sizes]
            self.largest_size = max(float(t.max()) for t in self.single_sizes)
            self.fixed = form.size.fixed * 2.0**-SIZE_BITS
            self.out_size = form.size.out.astype(float) * 2.0**-SIZE_BITS
        if form.hidden is not None:
            pre = form.hidden.pre
            self.pre = [
                np.ascontiguousarray(t.transpose(2, 0, 1)).astype(float) * 2.0**pre.exponent for t in pre.tables
            ]
            self.pre_constant = pre.constant.astype(float) * 2.0**pre.exponent
            self.out = form.hidden.out.values.astype(float) * 2.0**form.hidden.out.exponent
            self.single_pre = [t.astype(np.float32) for t in self.pre]
            self.largest_pre = np.max([np.abs(t).max(axis=(1, 2)) for t in self.pre], axis=0)
        # of single precision: what margins are made of
        self.single = [t.astype(np.float32) for t in self.values]
        self.largest = np.max([np.abs(t).max(axis=(1, 2)) for t in self.values], axis=0)

    def brackets(
        self, query: np.ndarray, winner: np.ndarray, loser: np.ndarray, lines: Lines | None, above: float
    ) -> Brackets:
        """Of pairs of outputs (sets × outputs), with a query token and a row of lines for each set."""
        n = [values[winner] - values[loser] for values in self.single]
        most = self.largest[winner] + self.largest[loser]
        constant = self.constant[query[:, None], winner] - self.constant[query[:, None], loser]
        factor = np.zeros(loser.shape)
        if self.kappa is None:
            constant = constant - above
        else:
            factor = np.minimum(self.kappa[winner] - self.kappa[loser] - above, 0)
            for h, (part, size) in enumerate(zip(n, self.single_sizes, strict=True)):
                part += factor.astype(np.float32)[..., None, None] * (size if h else size[query])[:, None]
            constant = constant + factor * self.fixed
            most = most - factor * self.largest_size
        if lines is not None:
            c = self.out.T[winner] - self.out.T[loser]
            k = c * np.where(c >= 0, lines.below[:, None], lines.above[:, None])
            for part, pre in zip(n, self.single_pre, strict=True):
                part += (k.astype(np.float32) @ pre.reshape(len(pre), -1)).reshape(part.shape)
            constant = constant + (k * self.pre_constant[query][:, None]).sum(axis=2)
            constant = constant + (c * np.where(c >= 0, lines.least[:, None], lines.most[:, None])).sum(axis=2)
            if self.kappa is not None:
                constant = constant + factor * (lines.size @ self.out_size)[:, None]
            most = most + np.abs(k) @ self.largest_pre
        return Brackets(n, constant, most + np.abs(constant))


@dataclass(frozen=True, eq=False)
class Brackets:
    """n_h(p, t) by head (sets × outputs × positions × tokens, single precision) but for a constant, which belongs to
    the first head (sets × outputs), and what they are at most in size (so many too)."""

    tables: list[np.ndarray]
    constant: np.ndarray
    most: np.ndarray


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

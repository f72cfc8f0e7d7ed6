"""Softmax of tables of fixed-point scores: weights whose errors are bounded in sum."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
from flint import arb

from ..arithmetic.ball import Ball, precision
from ..arithmetic.fixed_point import ROOM, Table, affine, lowered
from ..arithmetic.function_table import INPUT, OUTPUT, exp_falling
from ..errors import MagnitudeError

SHARE_BITS = INPUT  # bits behind the point of a weight: the unit of the exponents as well
EXP_BITS = 36  # bits behind the point of the exponentials that are divided
MOST_POSITIONS = 512
_DIGIT = 20  # the scale has two digits of so many bits


def shares(scores: Table, factor: Fraction, root: int) -> Table:
    """The weights a_m = exp(c s_m)/Σ exp(c s), c = factor/√root; the radius bounds Σ_m |a_m - a'_m| of a row.

    **Lemma 1.**  Σ_m |softmax(y)_m - softmax(y')_m| <= max_m |y_m - y'_m|.
    *Proof.*  Along the segment from y' to y with u = y - y', |u_m| <= r: d/dt a_m = a_m(u_m - ū), ū = Σ a_j u_j, and
    Σ a_m |u_m - ū| <= (Σ a_m (u_m - ū)²)^(1/2) <= (Σ a_m u_m²)^(1/2) <= r (Cauchy-Schwarz).  ∎

    **Lemma 2.**  If moreover r = max_m |y_m - y'_m| <= 1/4, the sum is at most 7r(1 - a'_j) for every j.
    *Proof.*  Deviations from the mean are in sum at most twice those from u_j: Σ a_m |u_m - ū| <= 2 Σ a_m |u_m -
    u_j| <= 4r(1 - a_j).  On the segment R = (1 - a_j)/a_j is at most e^2r R', R' at y': so 1 - a_j = R/(1 + R) <=
    e^2r R'/(1 + R') = e^2r (1 - a'_j), and 4 e^(1/2) < 7.  ∎

    **Lemma 3.**  If |e_m - e'_m| <= δ for n numbers, T = Σ e_m > 0 and T' = Σ e'_m > 0, then Σ |e_m/T - e'_m/T'| <=
    2nδ/T'. *Proof.*  e_m/T - e'_m/T' = (e_m - e'_m)/T' + e_m/T·(T' - T)/T', and Σ e_m/T = 1.  ∎

    Scores are rounded to units in which the table of exp ends below 2^32, and their distances from the largest one are
    multiplied by c, rounded up to two digits.  The largest exponential is 1 up to δ, so T' >= 2^EXP_BITS - δ.
    """
    stop = exp_falling().table.stop
    with precision(192):
        scale = Ball.rational(factor).enclosure * arb(root).rsqrt()
        # units in which the table's end is a number of 39 bits or so, unless the scores themselves need coarser ones
        finest = scores.exponent + scores.size.bit_length() - ROOM + 3
        scores = scores.at_exponent(max(finest, stop.bit_length() - _exponent(scale) - 39))
        unit = scale * arb((1, scores.exponent))
        exponent = _exponent(unit) - 2 * _DIGIT
        multiplier = _integer((unit * arb((1, -exponent))).upper().ceil())
    # y = distance·multiplier·2^exponent, in units of 2^-INPUT
    shift = -exponent - INPUT - _DIGIT
    if not 1 <= shift <= ROOM - _DIGIT:
        raise MagnitudeError("the scale of attention scores", "the exponential's table")
    end = ((stop << INPUT + shift + _DIGIT) // multiplier) + 2  # from here on the exponential is behind its table
    distance = np.minimum(scores.values.max(axis=1, keepdims=True) - scores.values, end)
    y = distance * (multiplier >> _DIGIT) + (distance * (multiplier & (1 << _DIGIT) - 1) >> _DIGIT)
    y = y + (1 << shift - 1) >> shift
    radius = lowered(affine(scores.radius, (multiplier >> _DIGIT) + 1, 0), shift)
    radius = affine(radius, 1, (end >> shift + _DIGIT) + 3)

    powers = np.maximum(exp_falling().at(y), 0) + (1 << OUTPUT - EXP_BITS - 1) >> OUTPUT - EXP_BITS
    delta = (exp_falling().error + (1 << OUTPUT - EXP_BITS - 1) >> OUTPUT - EXP_BITS) + 1
    count = powers.shape[1]
    if count > MOST_POSITIONS:
        raise MagnitudeError("a softmax", f"{MOST_POSITIONS} positions")
    values = _quotients(powers, powers.sum(axis=1, keepdims=True))
    arithmetic = count * (delta + 1) + 1
    rest = (1 << SHARE_BITS) - values.max(axis=1) + arithmetic  # at least 1 - a_j of the largest weight
    near = (radius < 1 << ROOM - SHARE_BITS) & (7 * rest < 1 << SHARE_BITS)  # and so r < 1/4
    scaled = np.where(near, radius, 0) * np.where(near, 7 * rest, 0)
    radius = np.where(near, (scaled >> SHARE_BITS) + 1, radius)
    radius = affine(radius, 1, arithmetic)
    # two distributions differ by at most 2 in sum, and the values by ``count`` units from one
    return Table(values, np.minimum(radius, (2 << SHARE_BITS) + count), -SHARE_BITS)


def _quotients(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """⌊a·2^SHARE_BITS/b⌋ for 0 <= a <= b, 0 < b < 2^46: long division with two digits."""
    first = SHARE_BITS >> 1
    shifted = a << first
    quotient = shifted // b
    return (quotient << SHARE_BITS - first) + ((shifted - quotient * b << SHARE_BITS - first) // b)


def _integer(number: arb) -> int:
    found = number.unique_fmpz()
    if found is None:
        raise MagnitudeError("the scale of attention scores", "192 bits")
    return int(found)


def _exponent(number: arb) -> int:
    """e with 2^(e - 1) <= number < 2^e, up to one."""
    mantissa, exponent = number.mid().man_exp()
    return int(mantissa).bit_length() + int(exponent)

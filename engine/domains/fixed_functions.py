"""Pointwise maps, entrywise products and norms of tables of fixed-point numbers, with their radii."""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from ..arithmetic.activations import REMAINDERS
from ..arithmetic.fixed_point import LOST, ROOM, Table, affine, lowered, saturated_product, saturated_sum
from ..arithmetic.function_table import INPUT, OUTPUT, inverse_root
from ..errors import MagnitudeError

NORM_BITS = 36  # bits behind the point of a normalised row
_ROOT_BITS = 36  # and of an inverse root
_LOW, _DIGIT = 15, 17  # bits of the second digit of what is squared, and of what is multiplied with the root
_MOST_EXPONENT = 1 << 14
_POWERS = 1 << np.arange(ROOM + 1, dtype=np.int64)


def activation(table: Table, function: str) -> Table:
    """φ of every entry.

    relu is 1-Lipschitz; the others are ReLUs with a remainder, see :mod:`..arithmetic.activations`.
    """
    if function == "relu":
        return Table(np.maximum(table.values, 0), table.radius, table.exponent)
    remainder = REMAINDERS[function]()
    exponent = max(-INPUT, table.exponent + table.size.bit_length() - ROOM + 1)
    table = table.at_exponent(exponent)
    stop = remainder.table.stop << INPUT
    shift = min(exponent + INPUT, stop.bit_length())  # from there on, every entry but 0 is behind the table's end
    y = np.minimum(np.abs(table.values), (stop >> shift) + 1) << shift
    drop = min(exponent + OUTPUT, ROOM)
    g = remainder.at(y) + (1 << drop - 1) >> drop
    steeper = saturated_sum(table.radius, lowered(table.radius, 2))
    error = (remainder.error + remainder.tail >> drop) + 2
    return Table(np.maximum(table.values, 0) - g, affine(steeper, 1, error), exponent)


def entrywise(a: Table, b: Table) -> Table:
    """The product entry by entry.

    |xy - uv| <= r|v| + s|u| + r s for |x - u| <= r, |y - v| <= s.
    """
    a, b = a.within(ROOM - 1 >> 1), b.within(ROOM - 1 >> 1)
    both = saturated_product(a.radius, b.radius)
    radius = affine(a.radius, b.size, affine(b.radius, a.size, both))
    return Table(a.values * b.values, radius, a.exponent + b.exponent)


def normalised(table: Table, centred: bool, epsilon: Fraction) -> Table:
    """N(x) = z/σ, σ² = |z|²/k + ε, z = x or x - mean x, row by row.

    **Lemma.**  Let |x_i - v_i| <= r for all i, σ' a number with |σ' - σ(v)| <= δ, and y_i = z_i(v)/σ'.  If r + δ <
    σ', then |N(x)_i - y_i| <= (2r + |y_i|(r + δ))/(σ' - r - δ).
    *Proof.*  √k σ is the norm of (z, √(kε)), and |z(x) - z(v)| <= |x - v| <= √k r, as centring projects: so
    |σ(x) - σ(v)| <= r.  N(x)_i - y_i = (z_i(x) - z_i(v))/σ(x) + y_i(σ' - σ(x))/σ(x), where |z_i(x) - z_i(v)| <= 2r,
    |σ' - σ(x)| <= r + δ, and σ(x) >= σ' - r - δ.  ∎

    Every row is in units of its own, 2^shift, that leave z two digits, z = 2^_LOW·z1 + z0, up to half a unit.  Then

        total = Σ z1² + ⌊2 Σ z1 z0/2^_LOW⌋ + ⌊Σ z0²/4^_LOW⌋ + ⌊kε in units of 4^(shift + _LOW)⌋

    is less than 3 below its true value, and k·total at least 2^54, so 2^_LOW √(total/k) is within 3/2 of σ(v): δ = 2
    covers it, and 2(r + δ) >= 2r + 1/2 the half unit of z.  1/σ' has a relative error below 2^-34, which is added at
    the end with the rounding of the result.
    """
    k = table.values.shape[1]
    if k.bit_length() > 20:
        raise MagnitudeError("the width of a norm", "2^20")
    if abs(table.exponent) > _MOST_EXPONENT:
        raise MagnitudeError("the unit of a norm's row", f"2^{_MOST_EXPONENT}")
    table = table.filling(ROOM - 3 - k.bit_length())
    z, scale = table.values, 1
    if centred:
        z, scale = z * k - z.sum(axis=1, keepdims=True), k
    room = epsilon * k * scale * scale * Fraction(4) ** -table.exponent
    largest = np.abs(z).max(axis=1)
    # z1 has so many bits, rounding up included: both its squares' sum and z·2^(_ROOT_BITS - _DIGIT) leave room
    square_bits = (ROOM - 3 - k.bit_length()) >> 1
    room_bits = room.numerator.bit_length() - room.denominator.bit_length() + 1
    room_shift = -((ROOM - 2 - room_bits) // 2)
    shift = np.maximum(bit_lengths(largest) - square_bits, room_shift) - _LOW
    lift, drop = np.maximum(-shift, 0), np.clip(shift, 0, ROOM)
    z = (z << lift[:, None]) + (1 << drop >> 1)[:, None] >> drop[:, None]
    z1, z0 = z >> _LOW, z & (1 << _LOW) - 1
    total = (z1 * z1).sum(axis=1) + ((z1 * z0).sum(axis=1) >> _LOW - 1) + ((z0 * z0).sum(axis=1) >> 2 * _LOW)
    for step in np.unique(shift).tolist():
        total[shift == step] += int(room * Fraction(4) ** -(step + _LOW))
    total = np.maximum(total, 1)

    # total/k = m·4^half with 2^INPUT <= m < 2^(INPUT + 2), so 1/√(total/k) = (2^INPUT/m)^(1/2)·2^(-INPUT/2 - half)
    up = ROOM + 1 - bit_lengths(total) & ~1
    quotient = (total << up) // k
    down = bit_lengths(quotient) - INPUT - 1 & ~1
    m = quotient >> down
    half = down - up >> 1
    root = inverse_root().at(m) >> OUTPUT - _ROOT_BITS
    spread = (m >> INPUT - 24) * root
    sigma = spread - (spread >> 20) >> 24 + _ROOT_BITS - INPUT // 2 - half - _LOW  # at most σ', by a factor near 1

    out = half + INPUT // 2 + _LOW + _ROOT_BITS - NORM_BITS - _DIGIT
    values = (z >> _DIGIT) * root[:, None] + ((z & (1 << _DIGIT) - 1) * root[:, None] >> _DIGIT)
    values = values + (1 << out - 1)[:, None] >> out[:, None]
    most = (((np.abs(z).max(axis=1) >> _DIGIT) + 1) * root >> out) + 1

    reach = saturated_product(affine(table.radius, scale, 0), 1 << np.minimum(lift, ROOM))
    reach = np.where(reach >= LOST, LOST, -(-reach >> drop)) + 2
    safe = sigma > 2 * reach
    rest, reach = np.where(safe, sigma - reach, 1), np.where(safe, reach, 0)
    short = np.maximum(bit_lengths(reach) - (ROOM - 1 - NORM_BITS), 0)
    quotient = (((reach >> short) + 1) << NORM_BITS) // np.maximum(rest >> short, 1) + 1
    radius = ((most >> NORM_BITS) + 3) * quotient + (most >> 33) + 2
    return Table(values, np.where(safe, radius, LOST), -NORM_BITS)


def bit_lengths(numbers: np.ndarray) -> np.ndarray:
    """The bit length of every number, 0 <= n <= 2^ROOM.

    >>> bit_lengths(np.array([0, 1, 2, 3, 4])).tolist()
    [0, 1, 2, 2, 3]
    """
    return np.searchsorted(_POWERS, numbers, side="right")

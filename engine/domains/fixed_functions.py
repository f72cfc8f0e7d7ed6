"""Pointwise maps, entrywise products and norms of tables of fixed-point numbers, with their radii."""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from ..arithmetic.activations import REMAINDERS
from ..arithmetic.fixed_point import LOST, ROOM, Table, affine, lowered, saturated_product, saturated_sum
from ..arithmetic.function_table import INPUT, OUTPUT, inverse_root
from ..errors import MagnitudeError

NORM_BITS = 28  # bits behind the point of a normalised row
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

    Here everything is in units of 2^shift, chosen for each row so that squares fill the room: Z = k z in units of the
    table (Z = z without centring), Z/2^shift rounded, and ε to match, rounded down, give W with |√(W/k) - σ(v)| <=
    1/2 + 1. A larger δ = 2 also covers σ' taken for √(W/k).  The relative error 2^-28 of 1/σ' and the rounding of
    the result are added at the end.
    """
    k = table.values.shape[1]
    if k.bit_length() > 20:
        raise MagnitudeError("the width of a norm", "2^20")
    table = table.filling(ROOM - 3 - k.bit_length())
    z, scale = table.values, 1
    if centred:
        z, scale = z * k - z.sum(axis=1, keepdims=True), k
    twice = -2 * table.exponent
    room = epsilon * k * scale * scale * (1 << max(twice, 0)) / Fraction(1 << max(-twice, 0))
    largest = np.abs(z).max(axis=1)
    square_bits = (ROOM - 2 - k.bit_length()) >> 1
    room_shift = -(-(int(room).bit_length() - (ROOM - 2)) // 2)
    shift = np.maximum(bit_lengths(largest) - square_bits, max(room_shift, 0))
    narrow = np.minimum(shift, ROOM + 1)
    rounded = z + (1 << narrow >> 1)[:, None] >> narrow[:, None]
    added = np.zeros_like(shift)
    for step in np.unique(shift).tolist():
        added[shift == step] = int(room) >> 2 * step
    total = np.maximum((rounded * rounded).sum(axis=1) + added, 1)

    # total/k = m·4^half with 2^INPUT <= m < 2^(INPUT + 2), so 1/√(total/k) = (2^INPUT/m)^(1/2)·2^(-INPUT/2 - half)
    up = ROOM + 1 - bit_lengths(total) & ~1
    quotient = (total << up) // k
    down = bit_lengths(quotient) - INPUT - 1 & ~1
    m = quotient >> down
    half = down - up >> 1
    root = inverse_root().at(m) >> OUTPUT - 30
    spread = (m >> INPUT - 30) * root
    sigma = spread - (spread >> 26) >> np.minimum(60 - INPUT // 2 - half, ROOM)  # not above σ'

    fill = 30 - bit_lengths(largest)
    lift, drop = np.maximum(fill, 0)[:, None], np.maximum(-fill, 0)[:, None]
    z = (z << lift) + (1 << drop >> 1) >> drop
    out = np.clip(shift + half + 30 + INPUT // 2 - NORM_BITS + fill, 1, ROOM)
    values = z * root[:, None] + (1 << out - 1)[:, None] >> out[:, None]
    most = ((np.abs(z).max(axis=1) + 1) * root >> out) + 1

    reach = _shifted_up(affine(table.radius, scale, 0), narrow) + 2
    safe = sigma > 2 * reach
    quotient = -(-(np.where(safe, reach, 0) << NORM_BITS) // np.where(safe, sigma - reach, 1))
    radius = ((most >> NORM_BITS) + 3) * quotient + (most >> 27) + 2
    return Table(values, np.where(safe, radius, LOST), -NORM_BITS)


def _shifted_up(radius: np.ndarray, shift: np.ndarray) -> np.ndarray:
    """At least radius/2^shift; LOST stays."""
    return np.where(radius >= LOST, LOST, -(-radius >> shift))


def bit_lengths(numbers: np.ndarray) -> np.ndarray:
    """The bit length of every number, 0 <= n <= 2^ROOM.

    >>> bit_lengths(np.array([0, 1, 2, 3, 4])).tolist()
    [0, 1, 2, 2, 3]
    """
    return np.searchsorted(_POWERS, numbers, side="right")

"""Lines below and above pointwise maps, and what they make of an MLP: one separable sum.

A function is one entry of ``LINES``: from bounds l <= z <= u of many arguments (integers in units of 2^-z), and a slope
that a certificate may give, the line a z + b below the function and the line above it, on [l, u].

>>> import numpy as np
>>> low, high = np.array([-4, 2, -9]), np.array([12, 5, -1])
>>> below, above = relu(low, high, np.zeros(3, dtype=np.int64), 0, 4)
>>> below.slope.tolist(), above.slope.tolist(), above.intercept.tolist()     # in units of 1/16
([16, 16, 0], [12, 16, 0], [48, 0, 0])
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ...engine.arithmetic.activations import REMAINDERS
from ...engine.arithmetic.fixed_point import Table
from ...engine.domains.fixed_functions import activation
from ...engine.form import Hidden

OUT_BITS = 30  # of a difference of what a unit writes, and of an intercept
COEFFICIENT_BITS = 28
PRODUCT_BITS = 61
_SUM_SPARE = 10
STEPS = 128  # cells of [l, u] on which the intercept of a smooth function is found
ROOM_BITS = 12  # an intercept of a smooth function leaves 2^-ROOM_BITS for a checker's own rounding


@dataclass(frozen=True, eq=False)
class Line:
    """slope·2^-bits·z + intercept·2^-(bits + z)."""

    slope: np.ndarray
    intercept: np.ndarray
    bits: int


LineRule = Callable[[np.ndarray, np.ndarray, np.ndarray, int, int], tuple[Line, Line]]


def relu(low: np.ndarray, high: np.ndarray, _: np.ndarray, z: int, bits: int) -> tuple[Line, Line]:
    """Below: z where the interval is mostly positive, else 0.  Above: slope a = ⌊2^bits u/(u - l)⌋ and, by convexity,
    the larger of the intercepts at the ends, -a l and (1 - a)u."""
    one = np.full_like(low, 1 << bits)
    nothing = np.zeros_like(low)
    chord = (high << bits) // np.maximum(high - low, 1)
    straight, flat = low >= 0, high <= 0
    below = np.where(straight | (~flat & (high > -low)), one, nothing)
    a = np.where(straight, one, np.where(flat, nothing, chord))
    b = np.where(straight | flat, nothing, np.maximum(-a * low, (one - a) * high))
    return Line(below, nothing, bits), Line(a, b, bits)


def identity(low: np.ndarray, high: np.ndarray, _: np.ndarray, z: int, bits: int) -> tuple[Line, Line]:
    line = Line(np.full_like(low, 1 << bits), np.zeros_like(low), bits)
    return line, line


def square(low: np.ndarray, high: np.ndarray, _: np.ndarray, z: int, bits: int) -> tuple[Line, Line]:
    """z² is above its tangent at the middle, (l + u)z - ((l + u)/2)², and below its chord, (l + u)z - l u."""
    total = low + high
    return Line(total, -(total * total + 3 >> 2), z), Line(total, -low * high, z)


def _smooth(function: str, bend: tuple[int, int]) -> LineRule:
    """Both lines with the slope given.  On a cell of width h, φ(z) - a z is above the lesser of its ends minus
    sup |φ''|·h²/8, and below the larger plus as much; ``bend``: that supremum as a fraction."""

    def lines(low: np.ndarray, high: np.ndarray, slope: np.ndarray, z: int, bits: int) -> tuple[Line, Line]:
        step = np.maximum(-(-(high - low) // STEPS), 1)
        points = np.minimum(low[..., None] + step[..., None] * np.arange(STEPS + 1), high[..., None])
        flat = points.reshape(1, -1)
        table = activation(Table(flat, np.zeros(1, dtype=np.int64), -z), function)
        unit = bits + z
        down = -table.exponent - unit
        values = table.values.reshape(points.shape)
        off = int(table.radius.max())
        least, most = (values - off, values + off) if down <= 0 else (values - off >> down, -(-(values + off) >> down))
        least, most = (least << max(-down, 0)), (most << max(-down, 0))
        tilted = slope[..., None] * points
        # the bend in units of 2^-unit: step² has 2^-2z, and is rounded up
        shift = 2 * z - unit
        curved = bend[0] * step * step
        curved = -(-(curved << -shift) // (8 * bend[1])) if shift <= 0 else -(-curved // (8 * bend[1]) >> shift)
        room = (1 << max(unit - ROOM_BITS, 0)) + curved + 1
        return (
            Line(slope, (least - tilted).min(axis=-1) - room, bits),
            Line(slope, (most - tilted).max(axis=-1) + room, bits),
        )

    return lines


# Of gelu |φ''| = |2 - x²| exp(-x²/2)/√(2π) <= 2/√(2π) < 4/5; of silu, with F the logistic function, |φ''| = F'·
# |2 - x tanh(x/2)| <= max(1/2, max |x|e^-|x|) = 1/2; of gelu_new < 1 (tests/rewrites/boxes/test_box_lines.py: by Arb on
# cells).
LINES: dict[str, LineRule] = {
    "relu": relu,
    "identity": identity,
    "square": square,
    "gelu": _smooth("gelu", (4, 5)),
    "gelu_new": _smooth("gelu_new", (1, 1)),
    "silu": _smooth("silu", (1, 2)),
}
NEEDS_SLOPE = frozenset(REMAINDERS)


@dataclass(frozen=True, eq=False)
class Through:
    """Σ_i c_i φ(z_i) from below: Σ_h Σ_p a^h_p tables_h(p, t_p) + constant, tables in units of 2^exponent."""

    tables: list[np.ndarray]
    exponent: int
    constants: tuple[tuple[np.ndarray, int], ...]

    def constant(self, unit: int) -> np.ndarray:
        """The constants in this unit, rounded down."""
        return sum((moved(value, exponent - unit) for value, exponent in self.constants), np.array(0))


def moved(values: np.ndarray, shift: int) -> np.ndarray:
    """values·2^shift, rounded down."""
    return values << shift if shift >= 0 else values >> min(-shift, 63)


def unit_sizes(function: str, low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """At least max |φ(z)| on [l, u], in units of 2^-z (2^-2z for the square): every function but it is within |z|."""
    most = np.maximum(np.abs(low), np.abs(high))
    return most * most if function == "square" else most


@dataclass(frozen=True, eq=False)
class Drawn:
    """Lines of every unit on the intervals of sets (sets × units), in units of 2^-z."""

    low: np.ndarray
    high: np.ndarray
    below: Line
    above: Line
    z: int

    def take(self, index: np.ndarray) -> Drawn:
        below, above = (Line(line.slope[index], line.intercept[index], line.bits) for line in (self.below, self.above))
        return Drawn(self.low[index], self.high[index], below, above, self.z)


def drawn(hidden: Hidden, low: np.ndarray, high: np.ndarray, slopes: np.ndarray, z: int, bits: int) -> Drawn:
    """The lines of an MLP's function, from its entry in ``LINES``."""
    return Drawn(low, high, *LINES[hidden.function](low, high, slopes, z, bits), z)


def through_lines(hidden: Hidden, query: np.ndarray, winner: np.ndarray, loser: np.ndarray, lines: Drawn) -> Through:
    """The MLP's part of the margin of ``winner`` over ``loser`` (sets × outputs), from below; units are the last axis.

    Let c_i be the true coefficient, c' its integer with |c_i - c'| <= d units, k = ⌊c' a⌋ with one unit at most cut
    off, b' an intercept rounded to the line's safe side.  Then
    c_i φ(z_i) >= c' φ(z_i) - d max|φ| >= c'(a z_i + b) - d max|φ| >= k z_i - max|z_i| + c' b' - d max|φ|,
    and with g' = g + e, |e| <= r: Σ_i k_i g_i >= Σ_i k_i g'_i - r Σ_i |k_i|.  What all tokens share of g, the constant
    of the query token, is rounded by itself.
    """
    own = hidden.out.values.T[winner] - hidden.out.values.T[loser]
    cut = _surplus(own, OUT_BITS)
    c, unit = own >> cut, hidden.out.exponent + cut
    off = (2 * hidden.out.error >> cut) + 2
    below, above, z = lines.below, lines.above, lines.z
    positive = c >= 0
    a = np.where(positive, below.slope[:, None], above.slope[:, None])
    cut_b = max(_surplus(below.intercept, OUT_BITS), _surplus(above.intercept, OUT_BITS))
    b = np.where(positive, (below.intercept >> cut_b)[:, None], -(-above.intercept >> cut_b)[:, None])
    k = c * a
    cut_k = _surplus(k, COEFFICIENT_BITS)
    k >>= cut_k
    k_unit = unit - below.bits + cut_k
    most = np.maximum(np.abs(lines.low), np.abs(lines.high))
    square, largest = hidden.function == "square", unit_sizes(hidden.function, lines.low, lines.high)
    constants = [
        ((c * b >> _SUM_SPARE).sum(axis=2), unit - below.bits - z + cut_b + _SUM_SPARE),
        (-off * largest.sum(axis=1)[:, None], unit - (2 * z if square else z)),
        (-most.sum(axis=1)[:, None], k_unit - z),
    ]
    pre = hidden.pre
    room = PRODUCT_BITS - COEFFICIENT_BITS - int(k.shape[2]).bit_length()
    cut_g = max(_surplus(table, room) for table in (*pre.tables, pre.constant))
    error = (2 * pre.error >> cut_g) + 3
    exponent = k_unit + pre.exponent + cut_g
    products = []
    for table in pre.tables:
        flat = (table >> cut_g).reshape(-1, table.shape[2])
        products.append((k @ flat.T).reshape(*k.shape[:2], *table.shape[:2]))
    products[0] += (k * (pre.constant[query] >> cut_g)[:, None]).sum(axis=2)[:, :, None, None]
    constants.append((-error * len(pre.tables) * np.abs(k).sum(axis=2), exponent))
    return Through(products, exponent, tuple(constants))


def _surplus(values: np.ndarray, bits: int) -> int:
    """By how many bits the largest entry exceeds these."""
    return max(int(np.abs(values).max(initial=0)).bit_length() - bits, 0)

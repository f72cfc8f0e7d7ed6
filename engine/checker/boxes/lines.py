"""Lines below and above pointwise maps on intervals.

Numbers are integers in units of 2**-FRACTION, slopes in units of 2**-STEEP. Whatever slope a is chosen, the intercept
is a bound of phi(z) - a z on the whole of [l, u]: so the line holds; slopes decide how good lines are, and no more.

* relu, identity: phi(z) - a z is linear but for a bend at 0: its extremes are at l, at u, or at 0 if that lies between.
* square: z^2 - a z is largest at l or u, and least there or at a/2, if that lies between, where it is -a^2/4.
* gelu, silu, gelu_new: where |phi''| <= 2, phi is within h^2 / 4 of its chord between points h apart, so the extremes
  are at most that far beyond those at l = z_0 < ... < z_n = u. Here h <= 2**-6.

|phi''| <= 2 for phi = x g(x), phi'' = 2 g' + x g''. gelu: phi'' = (2 - x^2) n(x), with the normal density n <= 0.4 and
x^2 n(x) <= 0.3. silu: |phi''| <= 2 s' + |x| s' with s' <= 1/4, s' <= exp(-|x|). gelu_new: phi'' = 2 s' v' + x s'' v'^2
+ x s' v'' with v' = a (1 + 3 b x^2), v'' = 6 a b x, a = 1.596, 3 b = 0.1342. For |x| <= 1, s' <= 1/4 and
|s''| <= 0.0963 give 0.91 + 0.32 + 0.11. Beyond, |s''| <= s' <= exp(-a |x|), and log(1 + 0.1342 x^2), of slope at most
0.367, is at most 0.127 + 0.367 (|x| - 1): 2 s' v' <= 0.74, |x| s' v'^2 <= 0.68, |x s' v''| <= 0.1.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..networks.gates import GATES, through_table

FRACTION = 40
STEEP = 31
WIDEST = 64


def values(function: str, points: Sequence[int]) -> tuple[list[int], int]:
    """phi of the points, and what these values are off by at most."""
    if function in GATES:
        return through_table(function, list(points), FRACTION)
    if function == "square":
        return [z * z >> FRACTION for z in points], 1
    return [max(z, 0) for z in points] if function == "relu" else list(points), 0


def intercepts(function: str, slope: int, low: int, high: int) -> tuple[int, int]:
    """Bounds of phi(z) - slope z for low <= z <= high, in units of 2**-(FRACTION + STEEP).

    >>> one = 1 << FRACTION
    >>> [b >> FRACTION + STEEP - 3 for b in intercepts("relu", 1 << STEEP - 1, -one, 3 * one)]
    [0, 12]
    """
    points, off = [low, high], 0
    if function in GATES:
        pieces = (high - low >> FRACTION - 6) + 1
        points += [low + (high - low) * k // pieces for k in range(1, pieces)]
        off = (1 << FRACTION - 14) + 1
    elif low < 0 < high:
        points.append(0)
    found, error = values(function, points)
    over = [(v << STEEP) - slope * z for v, z in zip(found, points, strict=True)]
    off = off + error << STEEP
    least = min(over)
    if function == "square" and low << STEEP + 1 < slope << FRACTION < high << STEEP + 1:
        least = -(slope * slope << FRACTION >> STEEP + 2)
    return least - off, max(over) + off


def lines(function: str, low: int, high: int, bits: int, given: int) -> tuple[int, int, int, int]:
    """Slope and intercept of a line below on [low, high], and of one above.

    The slopes of relu's lines are 0, 1, or the chord's in units of 2**-bits; of gelu, silu and gelu_new ``given``.
    """
    one = 1 << STEEP
    below = above = given
    if function == "relu":
        chord = (high << bits) // (high - low) << STEEP - bits if low < 0 < high else one * (low >= 0)
        below, above = (one * (high > -low) if low < 0 < high else chord), chord
    elif function == "identity":
        below = above = one
    elif function == "square":
        below = above = (low + high) << STEEP >> FRACTION
    return below, intercepts(function, below, low, high)[0], above, intercepts(function, above, low, high)[1]

"""Arrays of doubles that are never less than what they stand for: the arithmetic of error bounds.

Theorem.  Let t be the real value of an expression in +, ×, /, square roots and maxima of non-negative doubles with at
most 2^30 operations, where nothing that may underflow is multiplied by more than 2^60 or divided; and let d be what
doubles give, each operation rounded to nearest, or to zero below the least normal number.  Then t <= up(d).

Proof.  Without underflow d >= t·(1 - 2^-53)^(2^30) >= t·(1 - 2^-23), and (1 + 2^-20)(1 - 2^-23)(1 - 2^-53)^2 >= 1.
Underflows take at most 2^30·2^60·2^-1022 < 2^-930 more, which is added.  What is not a number (0·∞, ∞/∞) becomes ∞.

``down`` is the same from the other side; differences of two doubles have one relative rounding, like sums.

>>> bool(up(np.float64(1) / 3) * 3 > 1), float(up(np.float64("nan")))
(True, inf)
>>> float(exp_down(np.array(-1000.0))), bool(exp_up(np.array(-1000.0)) > 0)
(0.0, True)
"""

from __future__ import annotations

from typing import Any

import numpy as np

INFLATION = 1 + 2.0**-20
LEAST = 2.0**-930
# Exponentials of less are below LEAST, of more beyond the doubles.
FLOOR, CEILING = -640.0, 709.0
_HALVINGS = 11
_DEGREE = 13


def up(value: Any) -> np.ndarray:
    """At least the exact value of what was computed to get the non-negative ``value``."""
    value = np.asarray(value, dtype=np.float64) * INFLATION + LEAST
    return np.where(value >= 0, value, np.inf)


def down(value: Any) -> np.ndarray:
    """At most the exact value, and not negative; 0 where that is tiny, or where nothing is known."""
    value = np.asarray(value, dtype=np.float64)
    return np.where(value > LEAST, np.maximum(value / INFLATION - LEAST, 0.0), 0.0)


def _exp(value: np.ndarray) -> np.ndarray:
    """Within 2^-30, relatively, where FLOOR <= value <= CEILING.

    exp x = (exp(x/2^11))^(2^11), and |x/2^11| < 0.35.  There Taylor's polynomial of degree 13 is off by less than
    2^-53, and less than 2^-46 in doubles; each of the eleven squarings doubles the relative error and adds 2^-53.
    """
    small = np.clip(value, FLOOR, CEILING) / 2.0**_HALVINGS
    power = np.ones_like(small)
    for degree in range(_DEGREE, 0, -1):
        power = 1 + small * power / degree
    for _ in range(_HALVINGS):
        power = power * power
    return power


def exp_up(value: np.ndarray) -> np.ndarray:
    """At least exp of ``value``, a difference or sum of doubles rounded once."""
    return np.where(value <= CEILING, up(_exp(value)), np.inf)


def exp_down(value: np.ndarray) -> np.ndarray:
    """At most exp of ``value``, a difference or sum of doubles rounded once."""
    return np.where(value >= FLOOR, down(_exp(value)), 0.0)


def expm1_up(value: np.ndarray) -> np.ndarray:
    """At least exp(x) - 1 for x >= 0: it is 2 sinh(x/2) exp(x/2), and sinh y <= y exp(y²/6), as sinh is a product.

    >>> bool(0.1051709 < expm1_up(np.array(0.1)) < 0.105172)
    True
    """
    return up(value * exp_up(up(value / 2 + value * value / 24)))

"""What is left of an activation function behind its ReLU.

Each of gelu, gelu_new and silu is φ(x) = x F(x) with F(-x) = 1 - F(x), F increasing to 1, so that

    φ(x) = max(x, 0) - g(|x|),    g(y) = y(1 - F(y)) >= 0

(for x >= 0: x F(x) = x - x(1 - F(x)); for x < 0: x F(x) = -|x|(1 - F(|x|))).  From y = 2 on g does not increase:

* gelu, F = Φ: g' = (1 - Φ(y)) - y Φ'(y) < 0 for y > 1, since 1 - Φ(y) < Φ'(y)/y < y Φ'(y);
* silu, F(y) = 1/(1 + e^-y), g = y/(1 + e^y): g' has the sign of 1 + e^y(1 - y), negative for y >= 2;
* gelu_new, F = (1 + tanh u)/2, g = y/(1 + e^2u), u = √(2/π)(y + 0.044715 y³): g' has the sign of
  1 + e^2u(1 - 2y u'), and 2y u' >= 2√(2/π) y > 3 for y >= 2.

**Lemma.**  If -g' <= s on [0, stop], s <= 1/4, and g(stop) <= τ, then |φ(x) - φ(v)| <= 5/4·|x - v| + τ.
*Proof.*  Put g~(y) = g(min(y, stop)) and φ~(x) = max(x, 0) - g~(|x|).  Since F' >= 0 and F >= 1/2 for y >= 0, g' =
(1 - F) - y F' <= 1/2.  So φ~' is 1 - g~'(x) or g~'(|x|) with g~' in [-s, 1/2]: it lies in [-s, 1 + s], and φ~ is
(1 + s)-Lipschitz.  φ - φ~ = g~ - g lies in [0, τ], as g falls behind ``stop``; two such numbers differ by at most τ.  ∎

>>> from .function_table import OUTPUT
>>> sorted(REMAINDERS), all(4 * table().table.steepest_fall <= 1 << OUTPUT for table in REMAINDERS.values())
(['gelu', 'gelu_new', 'silu'], True)
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from functools import cache

from flint import arb, arb_series

from .ball import Ball
from .function_table import FallingTable, falling_table


def _gelu(y: arb_series) -> arb_series:
    return y * (y * arb(2).rsqrt()).erfc() * arb((1, -1))


def _gelu_new(y: arb_series) -> arb_series:
    root = arb(2).sqrt() * arb.pi().rsqrt()
    cube = y * y * y * Ball.rational(Fraction(44715, 10**6)).enclosure
    return y * (1 + ((y + cube) * root * 2).exp()).inv()


def _silu(y: arb_series) -> arb_series:
    return y * (1 + y.exp()).inv()


@cache
def _remainder_of_gelu() -> FallingTable:
    return falling_table(_gelu, 8, 7)


@cache
def _remainder_of_gelu_new() -> FallingTable:
    return falling_table(_gelu_new, 8, 7)


@cache
def _remainder_of_silu() -> FallingTable:
    return falling_table(_silu, 32, 6)


REMAINDERS: dict[str, Callable[[], FallingTable]] = {
    "gelu": _remainder_of_gelu,
    "gelu_new": _remainder_of_gelu_new,
    "silu": _remainder_of_silu,
}

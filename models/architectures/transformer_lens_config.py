"""Configurations in the form of TransformerLens, held against the one function that an architecture computes.

A weights file does not say whether scores are scaled or logits capped; a configuration does.  Each key is
either compared, with no tolerance, to what the architecture computes, or known not to matter to it; a key
of unknown meaning is refused, for it may change the function.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from math import isqrt
from typing import Any

from .errors import UnknownConfigKey, UnsupportedConfig


@dataclass(frozen=True)
class Expected:
    """The values of a key under which the architecture's function is the configured one."""

    text: str
    accepts: Callable[[Any], bool]


def exactly(*values: Any) -> Expected:
    """One of ``values``, type included: in a configuration true is not 1.

    >>> exactly(1).accepts(1), exactly(1).accepts(True)
    (True, False)
    """
    return Expected(
        " or ".join(shown(value) for value in values),
        lambda found: any(type(found) is type(value) and found == value for value in values),
    )


def no_cap() -> Expected:
    """TransformerLens caps where the key is positive."""
    return Expected("null or a number of at most 0", lambda found: found is None or (is_number(found) and found <= 0))


def scale_of_square_root(n: int) -> Expected:
    """What TransformerLens computes in float64 where the real square root of ``n`` is meant, or -1 (its default)."""
    return Expected(
        f"-1 or the float64 nearest to the square root of {n}",
        lambda found: is_number(found) and found in (-1, nearest_float64_to_square_root(n)),
    )


def is_number(value: Any) -> bool:
    return type(value) in (int, Fraction)


def nearest_float64_to_square_root(n: int) -> Fraction:
    """The correctly rounded float64 square root of an integer n ≥ 1 below 2^100, as an exact number.

    With s = floor(sqrt(n)·2^k) of 54 bits, the nearest number of 53 bits is floor((s + 1)/2)·2^(1-k).  An
    exact tie would make s odd and sqrt(n) = s·2^-k an integer, that is k ≤ 0 and n ≥ 2^106.

    >>> nearest_float64_to_square_root(64), nearest_float64_to_square_root(2)
    (Fraction(8, 1), Fraction(6369051672525773, 4503599627370496))
    """
    k = 54 - (n.bit_length() + 1) // 2
    return Fraction((isqrt(n << 2 * k) + 1) >> 1, 1 << (k - 1))


def shown(value: Any) -> str:
    """A configuration's value as JSON writes it, exact fractions as p/q, cut to a line."""
    return str(value)[:80] if isinstance(value, Fraction) else json.dumps(value, default=str)[:80]


def check_config(
    file: str, config: Mapping[str, Any], expected: Mapping[str, Expected], inert: frozenset[str]
) -> frozenset[str]:
    """The keys of ``config`` that agree with ``expected``; those in ``inert`` do not change the function.

    Raises :class:`UnsupportedConfig` or :class:`UnknownConfigKey`, with ``file`` for the message.
    """
    for key, value in config.items():
        if key in expected:
            if not expected[key].accepts(value):
                raise UnsupportedConfig(file, key, expected[key].text, shown(value))
        elif key not in inert:
            raise UnknownConfigKey(file, key[:80])
    return frozenset(config) & frozenset(expected)

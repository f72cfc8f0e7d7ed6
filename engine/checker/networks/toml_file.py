"""TOML of the auditor's own files: parsed without floats, and the paths that such a file may name."""

from __future__ import annotations

import os
import re
import tomllib
from fractions import Fraction
from typing import Any

from ..errors import Code, Failure
from ..files import read_bytes

MAX_TOML = 1 << 16


class Decimal(str):
    """A number with a point or an exponent, as it is written."""


def read_toml(file: str) -> dict[str, Any]:
    """The tables of a TOML file of at most 64 KiB, numbers with a point as :class:`Decimal`; E101, E102, E140."""
    try:
        return tomllib.loads(read_bytes(file, MAX_TOML).decode("utf-8"), parse_float=Decimal)
    except (ValueError, RecursionError) as error:
        raise Failure(Code.E140, file=file, what=f"it is no TOML ({error})") from error


def seen_from(file: str, path: Any) -> str | None:
    """The path of a file, as ``file`` names it; None for what is no path.

    >>> seen_from("nets/a.toml", "b.npz"), seen_from("a.toml", "/b.npz"), seen_from("a.toml", 3)
    ('nets/b.npz', '/b.npz', None)
    """
    if not isinstance(path, str) or not path or "\0" in path:
        return None
    return os.path.join(os.path.dirname(file), path)


def nearest_double(text: str) -> tuple[int, int] | None:
    """The float64 nearest to a decimal number, ties to even, as (M, E) for M * 2**E, M odd; None for what is none, and
    for what is not a finite float64 greater than 0.

    >>> nearest_double("1e-5"), nearest_double("0.5"), nearest_double("-1"), nearest_double("1e999")
    ((5902958103587057, -69), (1, -1), None, None)
    >>> nearest_double("4e-324"), nearest_double("2e-324")
    ((1, -1074), None)
    """
    text = text.replace("_", "")
    if not re.fullmatch(r"\+?[0-9]{1,400}(\.[0-9]{1,400})?([eE][+-]?[0-9]{1,3})?", text):
        return None
    return rounded(Fraction(text))


def rounded(value: Fraction) -> tuple[int, int] | None:
    """The float64 nearest to a number that is not negative, as :func:`nearest_double` says it."""
    if not value:
        return None
    exponent = value.numerator.bit_length() - value.denominator.bit_length() - 53
    # 2**52 <= value / 2**exponent < 2**54: one more bit than there is room for is taken off
    exponent += value * Fraction(2) ** -exponent >= 1 << 53
    exponent = max(exponent, -1074)
    below, rest = divmod(value * Fraction(2) ** -exponent, 1)
    mantissa = below + ((2 * rest, below & 1) > (1, 0))
    zeros = (mantissa & -mantissa).bit_length() - 1
    return (mantissa >> zeros, exponent + zeros) if mantissa and mantissa.bit_length() + exponent <= 1024 else None

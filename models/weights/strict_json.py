"""JSON without the standard library's leniency: no repeated keys, no NaN, no infinity, no crash.

Numbers with a fraction or an exponent are read as the float64 nearest to them, which is what whoever
wrote them meant, and handed on as that float64's exact value, so that no float reaches a proof.
"""

from __future__ import annotations

import json
from fractions import Fraction
from typing import Any, NoReturn

from .decimal_text import nearest_float64
from .errors import BadJson


class _Refused(ValueError):
    """Carries what was found through the JSON parser's callbacks."""


def parse_object(file: str, text: bytes) -> dict[str, Any]:
    """The JSON object in ``text`` (UTF-8), its fractional numbers as :class:`~fractions.Fraction`.

    Raises :class:`BadJson`.

    >>> parse_object("example", b'{"attn_scale": 0.5, "n_heads": 1}')
    {'attn_scale': Fraction(1, 2), 'n_heads': 1}
    """
    try:
        value = json.loads(
            text.decode("utf-8"), object_pairs_hook=_unique, parse_float=_float64, parse_constant=_constant
        )
    except _Refused as refused:
        raise BadJson(file, str(refused)) from None
    except RecursionError:
        raise BadJson(file, "deep nesting") from None
    except ValueError as error:  # not UTF-8, not JSON, or an integer of thousands of digits
        raise BadJson(file, f"{type(error).__name__}: {error}"[:200]) from None
    if not isinstance(value, dict):
        raise BadJson(file, "a list" if isinstance(value, list) else "a single value")
    return value


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for key, value in pairs:
        if key in result:
            raise _Refused(f"the key {key[:40]} twice")
        result[key] = value
    return result


def _float64(text: str) -> Fraction:
    try:
        return nearest_float64(text)
    except OverflowError:
        raise _Refused(f"the number {text[:40]}, which no float64 holds") from None


def _constant(name: str) -> NoReturn:
    raise _Refused(name)

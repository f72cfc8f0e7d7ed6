"""The tokens of a claim's text, and its numbers (section 10.1)."""

from __future__ import annotations

import re
from fractions import Fraction

from ..errors import Code, Failure

MAX_DIGITS = 60
MAX_EXPONENT = 400

_TOKEN = re.compile(
    r" *(?:(?P<number>0x[0-9a-fA-F]+(?:\.[0-9a-fA-F]+)?(?:p[+-]?\d+)?|\d+(?:\.\d+)?(?:e[+-]?\d+)?)"
    r"|(?P<name>[A-Za-z_]\w*(?:\.(?!T(?!\w))\w+)*|'[^']+')|(?P<sign>\.T(?!\w)|\.\.|<=|>=|!=|~=|[-+*@/^%()\[\],:<>=])|(?P<end>$))",
    re.ASCII,
)
_DECIMAL = re.compile(r"(\d+)(?:\.(\d+))?(?:e([+-]?)(\d+))?$", re.ASCII)
_HEX = re.compile(r"0x([0-9a-fA-F]+)(?:\.([0-9a-fA-F]+))?(?:p([+-]?)(\d+))?$", re.ASCII)


def number_of(text: str, at: int) -> tuple[Fraction, Fraction | None]:
    """The value and the unit of a number without its percent sign, hexadecimal ones have no unit; E116.

    >>> number_of("1.85", 0), number_of("0x1.8p-1", 0)
    ((Fraction(37, 20), Fraction(1, 100)), (Fraction(3, 4), None))
    """
    base, scale, pattern = (16, 2, _HEX) if text.startswith("0x") else (10, 10, _DECIMAL)
    match = pattern.match(text)
    assert match is not None
    whole, part, sign, digits = (group or "" for group in match.groups())
    if len(whole) + len(part) > MAX_DIGITS:
        raise Failure(Code.E116, at=at, what="digits in a number", limit=MAX_DIGITS)
    digits = digits.lstrip("0")
    if len(digits) > len(str(MAX_EXPONENT)) or int(digits or "0") > MAX_EXPONENT:
        raise Failure(Code.E116, at=at, what="in an exponent", limit=MAX_EXPONENT)
    power = Fraction(scale) ** int(f"{sign}{digits or 0}")
    unit = Fraction(power, base ** len(part))
    return int(whole + part, base) * unit, unit if base == 10 else None


def tokens_of(text: str) -> list[tuple[str, str, int]]:
    """Kind ("number", "name", "sign", "end"), spelling and place of each token; E115."""
    found: list[tuple[str, str, int]] = []
    at = 0
    while not found or found[-1][0] != "end":
        match = _TOKEN.match(text, at)
        if match is None:
            raise Failure(Code.E115, at=at, expected="a number, a name or a sign", found=text[at : at + 20].strip())
        kind = str(match.lastgroup)
        found.append((kind, match[kind], match.start(kind)))
        at = match.end()
    return found

"""What holds in place of a statement that does not: the bound that is true, or the instances from which on it is.

A candidate is a statement like any other: it is told only when it is proved itself.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction

from ..engine.arithmetic.printing import ceil_str, floor_str
from .measured import Measured, decimal_exponent
from .tree import Compare, Expression, ForAll, Name, Negate, Number, Ranging, Statement

# Digits of a bound where fewer were claimed.
DIGITS = 5
# So many instances that fail are stepped over.
MOST_STEPS = 40
_AT = re.compile(r"(?:.*; )?at (\w+) = (-?\d+)\b")
_MIRRORED = {"<=": ">=", "<": ">", ">=": "<=", ">": "<"}

# Whether a statement is proved or refuted, and why.
Settle = Callable[[Statement], tuple[str, str]]


def neighbour(statement: Statement, detail: str, measured: tuple[Measured, ...], settle: Settle) -> str:
    """The strongest true neighbour of a refuted statement, in words; empty where none was found."""
    match statement:
        case Compare((_, _), (sign,)) if sign in _MIRRORED and len(measured) == 1 and not measured[0].note:
            found = _with_bound(statement, measured[0])
            if found is not None and settle(found)[0] == "PROVED":
                return f"{found} holds"
        case ForAll((binder,), _):
            return _from_some_on(statement, binder, detail, settle)
    return ""


def _with_bound(statement: Compare, number: Measured) -> Compare | None:
    """The same comparison with the nearest decimal that is true."""
    (left, right), (sign,) = statement.parts, statement.operators
    bound = right if _is_number(right) else left if _is_number(left) else None
    if bound is None or (_is_number(left) and _is_number(right)):
        return None
    if bound is left:
        sign = _MIRRORED[sign]
    upper = sign in ("<=", "<")
    end = number.high if upper else number.low
    percent = str(bound).endswith("%")
    scaled = end * 100 if percent else end
    claimed = bound.body if isinstance(bound, Negate) else bound
    unit = claimed.unit if isinstance(claimed, Number) and claimed.unit is not None else Fraction(1)
    places = -decimal_exponent(unit * 100 if percent else unit)
    digits = max(places, DIGITS - 1 - decimal_exponent(abs(scaled)) if scaled else 0, 0)
    text = ceil_str(scaled, digits) if upper else floor_str(scaled, digits)
    value = Fraction(text) / Fraction(100 if percent else 1)
    if sign in ("<", ">") and value == end:
        return None
    new = Number(abs(value), None, text.removeprefix("-") + ("%" if percent else ""))
    side: Expression = Negate(new) if value < 0 else new
    parts = (side, right) if bound is left else (left, side)
    return replace(statement, parts=parts)


def _is_number(node: Expression) -> bool:
    return isinstance(node, Number) or (isinstance(node, Negate) and isinstance(node.body, Number))


def _from_some_on(statement: ForAll, binder: Ranging | Compare, detail: str, settle: Settle) -> str:
    """For all m: from the first m on with no exception behind it."""
    name = binder.name if isinstance(binder, Ranging) else _variable(binder)
    place = _AT.match(detail)
    for _ in range(MOST_STEPS):
        if place is None or place[1] != name:
            return ""
        first = int(place[2]) + 1
        after = Compare((Name(name), Number(Fraction(first), Fraction(1), str(first))), (">=",))
        status, told = settle(replace(statement, binders=(*statement.binders, after)))
        if status == "PROVED":
            return f"from {name} = {first} on it holds as stated"
        if status != "REFUTED":
            return ""
        place = _AT.match(told)
    return ""


def _variable(binder: Compare) -> str:
    first = binder.parts[0]
    return first.name if isinstance(first, Name) else ""

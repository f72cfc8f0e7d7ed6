"""A function of the language: what it takes, what it means, how its value is enclosed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from .context import Binding, Context
from .intervals import IntervalMatrix
from .tree import Call, Expression

Values = list[IntervalMatrix]


@dataclass(frozen=True)
class Function:
    """``arguments`` in words with their number (None: one or more); ``meaning`` for the documentation; ``gives``: what
    the value is, a "number", "row", "column", "matrix", a "vector" (of one axis, laid out as a row), of the "same"
    shape as the first argument, or of "both" stretched; ``certified``: whether the checker knows the function."""

    count: int | None
    arguments: str
    meaning: str
    compute: Callable[[Context, Call, Values, Binding], IntervalMatrix]
    gives: str = "number"
    certified: bool = True


def of_one(
    compute: Callable[[IntervalMatrix], IntervalMatrix], meaning: str, gives: str = "number", *, certified: bool = True
) -> Function:
    """A function of a matrix alone."""
    return Function(1, "a matrix", meaning, lambda context, call, values, binding: compute(values[0]), gives, certified)


def instance(node: Expression, binding: Binding) -> str:
    """What an expression means, together with the values of the variables in it."""
    return ":".join([node.key, *(f"{name}={binding[name]}" for name in sorted(binding.keys() & node.names))])

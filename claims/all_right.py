"""``for all a, b: correct(a, b, 63)``: a statement on a set of inputs, decided as one.

The instances are the inputs with t[0] = a, t[1] = b, t[2] = 63 for the values of the variables; where every one of them
is an input of the task, the statement holds if and only if none of these inputs is wrong.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from fractions import Fraction
from typing import Any

from ..models.tasks.task import Task
from .tree import Both, Compare, Expression, Fact, Index, Name, Negate, Node, Number, Statement, Subscript


def condition(
    task: Task, ranges: Mapping[str, range], conditions: Sequence[Compare], body: Statement
) -> Statement | None:
    """The condition on inputs that leaves just the instances; None where the statement is of another form, or where
    some instance may be no input of the task."""
    if not isinstance(body, Fact) or body.call.function != "correct" or task.inputs.condition != "none":
        return None
    arguments = body.call.arguments
    if len(arguments) != task.positions:
        return None
    places: dict[str, int] = {}
    parts: list[Statement] = []
    for place, (argument, tokens) in enumerate(zip(arguments, task.inputs.sets, strict=True)):
        token = _token(place)
        constant = _constant(argument)
        if isinstance(argument, Name) and argument.name in ranges:
            values = ranges[argument.name]
            if argument.name in places:
                parts.append(Compare((_token(places[argument.name]), token), ("=",)))
            else:
                places[argument.name] = place
                parts.append(Compare((_number(values.start), token, _number(values.stop - 1)), ("<=", "<=")))
        elif constant is not None:
            values = range(constant, constant + 1)
            parts.append(Compare((token, _number(constant)), ("=",)))
        else:
            return None
        if not set(values) <= set(tokens):
            return None
    if places.keys() != ranges.keys():
        return None
    parts += [_substituted(one, places) for one in conditions]
    whole = parts[0]
    for part in parts[1:]:
        whole = Both(whole, part)
    return whole


def _token(place: int) -> Expression:
    return Index(Name("t"), (Subscript(_number(place), None, True),))


def _number(value: int) -> Expression:
    return Number(Fraction(value), Fraction(1), str(value)) if value >= 0 else Negate(_number(-value))


def _constant(node: Expression) -> int | None:
    return node.value.numerator if isinstance(node, Number) and node.value.denominator == 1 else None


def _substituted(node: Any, places: Mapping[str, int]) -> Any:
    """The variables replaced by the tokens that they stand for."""
    if isinstance(node, tuple):
        return tuple(_substituted(item, places) for item in node)
    if isinstance(node, Name) and node.name in places:
        return _token(places[node.name])
    if not isinstance(node, Node):
        return node
    return replace(node, **{f.name: _substituted(getattr(node, f.name), places) for f in fields(node) if f.init})

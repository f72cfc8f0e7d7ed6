"""Numbers of a whole network over some of its inputs, as they are written.

accuracy >= 98.4 % where t[0] < t[1]      accuracy[train] = 1      (accuracy where max(t) = 63) = 100 %
accuracy where max(t) = 63 = 100 %        the last relation is the claim, what stands before it the condition
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

from .errors import SyntaxProblem
from .tree import (
    Approx,
    Both,
    Compare,
    Defined,
    Expression,
    Name,
    Negation,
    Node,
    Number,
    Restricted,
    Statement,
    Subscript,
)

# What a network is over all of its inputs, or over some: numbers, and the set of those that it gets wrong.
NUMBERS = ("accuracy", "loss", "probability", "least_margin")
WRONG = "wrong"
MEASURES = (*NUMBERS, WRONG)


def is_hook(function: str) -> bool:
    """Whether it is the name of an activation, as TransformerLens gives them: the last part begins with hook_.

    >>> is_hook("blocks.0.attn.hook_pattern"), is_hook("hook_embed"), is_hook("logits")
    (True, True, False)
    """
    return function.rpartition(".")[2].startswith("hook_")


@dataclass(frozen=True)
class LooseChain(Statement):
    """a < b ≈ c, which only says something behind 'where': a < b is the condition."""

    chain: Compare
    target: Number


def check_loose(node: Node) -> None:
    """Raise SyntaxProblem for a chain with ≈ that belongs to no 'where'."""
    if isinstance(node, LooseChain):
        raise SyntaxProblem(node.target.column, "a comparison without ≈ behind another", "≈")
    for inner in node.nodes():
        check_loose(inner)


def restricted(column: int, name: str, condition: Statement) -> Restricted:
    """The number over those inputs; raises SyntaxProblem for a name that is none."""
    if name not in MEASURES:
        raise SyntaxProblem(column, f"one of {', '.join(MEASURES)} before 'where'", repr(name))
    return Restricted(name, condition, column=column)


def among(column: int, inner: Statement, condition: Statement) -> Statement:
    """The statement about those inputs alone."""
    found = _among(inner, condition)
    if found == inner:
        raise SyntaxProblem(column, f"a statement on {', '.join(MEASURES)} before 'where'", "none of them")
    return found


def _among(node: Any, condition: Statement) -> Any:
    if isinstance(node, tuple):
        return tuple(_among(item, condition) for item in node)
    if isinstance(node, Name) and node.name in MEASURES:
        return Restricted(node.name, condition, column=node.column)
    if isinstance(node, Restricted):
        raise SyntaxProblem(node.column, "one condition", "two")
    if isinstance(node, Defined):
        body = _among(node.body, condition)
        return node if body == node.body else body
    if not isinstance(node, Node):
        return node
    return replace(node, **{f.name: _among(getattr(node, f.name), condition) for f in fields(node) if f.init})


def among_first(column: int, name: str, rest: Statement) -> Statement:
    """``name where rest``: the last relation of ``rest`` is about the name, the others are its condition."""
    condition, left, close = _split(column, rest)
    subject = restricted(column, name, condition)
    if isinstance(close, Number):
        return Approx(subject, close, column=column)
    return Compare((subject, left), (close,), column=column)


def _split(column: int, rest: Any) -> tuple[Statement, Any, Any]:
    """(condition, right side, operator), or (condition, nothing, number) for ≈."""
    match rest:
        case Both(before, last):
            condition, right, close = _split(column, last)
            return Both(before, condition, column=rest.column), right, close
        case LooseChain(chain, target):
            return chain, None, target
        case Negation(inner):
            condition, right, close = _split(column, inner)
            return Negation(condition, column=rest.column), right, close
        case Approx(Name() as name, target):
            return Compare((name,), (), column=rest.column), None, target
        case Compare(parts=(first, *between, last), operators=(*before, sign)) if between or isinstance(first, Name):
            return Compare((first, *between), tuple(before), column=rest.column), last, sign
    raise SyntaxProblem(column, "a condition and then a comparison, as in 'accuracy where t[0] < 5 >= 98 %'", "no such")


def restricted_by_index(
    column: int, matrix: Expression, subscripts: Sequence[Subscript | Compare]
) -> Restricted | None:
    """``accuracy[max(t) = 63]`` or ``accuracy[train]``; None for an index of anything else."""
    if not (isinstance(matrix, Name) and matrix.name in MEASURES):
        return None
    conditions = [_condition(subscript) for subscript in subscripts]
    whole: Statement = conditions[0]
    for condition in conditions[1:]:
        whole = Both(whole, condition, column=column)
    return Restricted(matrix.name, whole, column=column)


def _condition(subscript: Subscript | Compare) -> Compare:
    if isinstance(subscript, Compare):
        return subscript
    if subscript.single and subscript.first is not None:
        return Compare((subscript.first,), (), column=subscript.column)
    raise SyntaxProblem(subscript.column, "a condition on inputs, or the name of a split", "a range")

"""Integer expressions over the tokens: read, spelled canonically, evaluated. The grammar is that of docs/statement.md.

Python's own parser gives the tree; the table of its nodes says which of them an expression may have. ``and``, ``or``
and ``not`` give 1 or 0, as comparisons do; whatever is not 0 counts as true. Every part is evaluated, also that which a
condition does not choose; a division by zero anywhere, or a value of 2**61 and more, is refused.
"""

from __future__ import annotations

import ast
import operator
import re
from collections.abc import Callable, Sequence
from functools import reduce

from ..errors import Code, Failure

MAX_EXPRESSION = 4096
MAX_DEPTH = 64
MAX_DIGITS = 100
MAX_VALUE_BITS = 61

Value = Callable[[Sequence[int]], int]
# An expression: its canonical text, and its value on the tokens.
Expression = tuple[str, Value]

# No other characters; numbers are decimal, and names no more than names.
_PLAIN = re.compile(r"(?:[0-9]+(?![0-9A-Za-z_])|[A-Za-z]+(?![0-9A-Za-z_])|[-+*/%<>=!()\[\],\s])*", re.ASCII)
_OPERATORS: dict[type[ast.AST], tuple[str, Callable[..., int]]] = {
    ast.Add: ("+", operator.add),
    ast.Sub: ("-", operator.sub),
    ast.Mult: ("*", operator.mul),
    ast.FloorDiv: ("//", operator.floordiv),
    ast.Mod: ("%", operator.mod),
    ast.Lt: ("<", operator.lt),
    ast.LtE: ("<=", operator.le),
    ast.Gt: (">", operator.gt),
    ast.GtE: (">=", operator.ge),
    ast.Eq: ("==", operator.eq),
    ast.NotEq: ("!=", operator.ne),
    ast.And: ("and", lambda a, b: bool(a) and bool(b)),
    ast.Or: ("or", lambda a, b: bool(a) or bool(b)),
    ast.USub: ("-", lambda a: -a),
    ast.Not: ("not ", operator.not_),
}
_CALLS: dict[str, Callable[[Sequence[int]], int]] = {"max": max, "min": min, "sum": sum, "abs": lambda v: abs(v[0])}


def _value(operation: Callable[..., int], *parts: Value) -> Value:
    """The operation on the values of the parts."""

    def value(t: Sequence[int]) -> int:
        found = int(operation(*[part(t) for part in parts]))
        if found.bit_length() > MAX_VALUE_BITS:
            raise Failure(Code.E152, input=tuple(t), what="a number that is too large")
        return found

    return value


def _spelled(node: ast.expr, positions: int, depth: int = 0) -> Expression:
    """The text and value of a node."""

    def refused(what: str) -> Failure:
        return Failure(Code.E151, at=node.col_offset, what=what)

    def of(part: ast.expr) -> Expression:
        return _spelled(part, positions, depth + 1)

    def binary(op: ast.AST, left: Expression, right: Expression) -> Expression:
        sign, operation = _OPERATORS[type(op)]
        return f"({left[0]} {sign} {right[0]})", _value(operation, left[1], right[1])

    if depth > MAX_DEPTH:
        raise refused(f"more than {MAX_DEPTH} levels")
    match node:
        case ast.Constant(value=int(number)) if type(number) is int and number.bit_length() <= MAX_VALUE_BITS:
            return str(number), lambda t: number
        case ast.Subscript(value=ast.Name(id="t"), slice=ast.Constant(value=int(p))) if type(p) is int:
            if p >= positions:
                raise refused(f"expected a position below {positions}, found {p}")
            return f"t[{p}]", lambda t: t[p]
        case ast.UnaryOp(op=op, operand=body) if type(op) in _OPERATORS:
            (sign, operation), (text, value) = _OPERATORS[type(op)], of(body)
            return f"({sign}{text})", _value(operation, value)
        case ast.BinOp(left=left, op=op, right=right) | ast.Compare(left=left, ops=[op], comparators=[right]) if (
            type(op) in _OPERATORS
        ):
            return binary(op, of(left), of(right))
        case ast.BoolOp(op=op, values=parts):
            return reduce(lambda left, right: binary(op, left, right), map(of, parts))
        case ast.IfExp(test=test, body=body, orelse=other):
            (one, value), (asked, condition), (two, otherwise) = of(body), of(test), of(other)
            chosen = _value(lambda a, asked, b: a if asked else b, value, condition, otherwise)
            return f"({one} if {asked} else {two})", chosen
        case ast.Call(func=ast.Name(id="max" | "min" | "sum" as name), args=[ast.Name(id="t")], keywords=[]):
            return f"{name}(t)", _CALLS[name]
        case ast.Call(func=ast.Name(id="max" | "min" | "abs" as name), args=arguments, keywords=[]) if (
            len(arguments) == 1 if name == "abs" else len(arguments) > 1
        ):
            texts, values = zip(*map(of, arguments), strict=True)
            text = f"{name}({texts[0]})" if name == "abs" else reduce(lambda a, b: f"{name}({a}, {b})", texts)
            return text, _value(lambda *found: _CALLS[name](found), *values)
    raise refused("expected a number, t[i], an operator, a bracket, max, min, sum or abs")


def read_expression(text: str, positions: int) -> Expression:
    """The canonical text and the value over ``positions`` tokens; E151 for what is no expression.

    >>> text, value = read_expression("t[0] + t[1]*2 if not t[0] < 3 else max(t)", 2)
    >>> text, value([5, 1]), value([2, 9])
    ('((t[0] + (t[1] * 2)) if (not (t[0] < 3)) else max(t))', 7, 9)
    """
    plain = _PLAIN.match(text)
    if len(text) > MAX_EXPRESSION or plain is None or plain.end() < len(text):
        at = plain.end() if plain else 0
        what = f"at most {MAX_EXPRESSION} characters are read: numbers, names, operators and brackets"
        raise Failure(Code.E151, at=at, what=what)
    depths = [text.count("(", 0, at) - text.count(")", 0, at) for at in range(len(text))]
    if max(depths, default=0) > MAX_DEPTH or re.search(f"[0-9]{{{MAX_DIGITS + 1}}}", text):
        raise Failure(Code.E151, at=0, what=f"more than {MAX_DEPTH} levels of brackets, or {MAX_DIGITS} digits")
    try:
        tree = ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        at = getattr(error, "offset", None) or 1
        raise Failure(Code.E151, at=at - 1, what=f"no expression ({type(error).__name__})") from error
    spelled, found = _spelled(tree, positions)

    def value(t: Sequence[int]) -> int:
        try:
            return found(t)
        except ZeroDivisionError as error:
            raise Failure(Code.E152, input=tuple(t), what="a division by zero") from error

    return spelled, value

"""Integer expressions over the tokens, the right answers of short tasks (docs/statement.md §2 and §4).

>>> import numpy as np
>>> answer = parse("(t[0] + 2*t[1]) % 5 if t[0] < t[1] else max(t)")
>>> answer.text
'(((t[0] + (2 * t[1])) % 5) if (t[0] < t[1]) else max(t))'
>>> answer(np.array([[1, 2], [4, 3]])).tolist()
[[0], [4]]

Values are Python integers: nothing overflows.  A division by zero, for any input, is refused.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ...engine.errors import MechproofError

MAX_TEXT = 2000
MAX_DEPTH = 50
MAX_NUMBER = (1 << 61) - 1
# Beyond it a product of values is refused: what int64 cannot hold.
_BOUND = 1 << 62

# Words and decimal numbers, each by itself, and signs: no 0x1, no 1_000, no 1e3, which Python reads too.
_PLAIN = re.compile(r"(?:[0-9]+(?![0-9A-Za-z_])|[A-Za-z]+(?![0-9A-Za-z_])|[-+*/%<>=!()\[\],\s])*", re.ASCII)
_BINARY = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.FloorDiv: "//", ast.Mod: "%"}
_COMPARE = {ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=", ast.Eq: "==", ast.NotEq: "!="}


@dataclass(unsafe_hash=True)
class BadExpression(MechproofError):
    text: str
    expected: str
    found: str
    sentence = "expression {text!r}: expected {expected}, found {found}"


@dataclass(frozen=True)
class Expression:
    """An expression in its canonical spelling, and its value; ``positions``: one more than the largest index of t."""

    text: str
    positions: int
    tree: ast.expr

    @property
    def meaning(self) -> str:
        return f"`{self.text}`"

    def __call__(self, tokens: np.ndarray) -> np.ndarray:
        """The value for each input, inputs × 1 (int64); raises :class:`BadExpression` for a division by zero and for
        values beyond 2^62."""
        value = _Values(self.text, tokens).of(self.tree)
        return np.broadcast_to(np.asarray(value, dtype=np.int64).reshape(-1, 1), (len(tokens), 1))


def parse(text: str) -> Expression:
    """The expression; raises :class:`BadExpression` for what is none."""
    if len(text) > MAX_TEXT:
        raise BadExpression(text[:40], f"at most {MAX_TEXT} characters", str(len(text)))
    if not _PLAIN.fullmatch(text):
        raise BadExpression(text[:80], "decimal numbers, names, operators and brackets", "other characters")
    try:
        tree = ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise BadExpression(text[:80], "an expression", type(error).__name__) from None
    speller = _Speller(text[:80])
    spelled = speller.of(tree, 0)
    return Expression(spelled, speller.positions, tree)


class _Speller:
    """Canonical spelling; the one place that says which Python syntax an expression may have."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.positions = 0

    def of(self, tree: ast.expr, depth: int) -> str:
        if depth > MAX_DEPTH:
            raise BadExpression(self.text, f"at most {MAX_DEPTH} levels", "more")

        def inner(part: ast.expr) -> str:
            return self.of(part, depth + 1)

        match tree:
            case ast.Constant(value=int(value)) if not isinstance(value, bool) and 0 <= value <= MAX_NUMBER:
                return str(value)
            case ast.Subscript(value=ast.Name(id="t"), slice=ast.Constant(value=int(p))) if (
                not isinstance(p, bool) and 0 <= p < 10**4
            ):
                self.positions = max(self.positions, p + 1)
                return f"t[{p}]"
            case ast.BinOp(left=left, op=op, right=right) if type(op) in _BINARY:
                return f"({inner(left)} {_BINARY[type(op)]} {inner(right)})"
            case ast.UnaryOp(op=ast.USub(), operand=body):
                return f"(-{inner(body)})"
            case ast.UnaryOp(op=ast.Not(), operand=body):
                return f"(not {inner(body)})"
            case ast.BoolOp(op=op, values=[first, *rest]):
                word = "and" if isinstance(op, ast.And) else "or"
                spelled = inner(first)
                for part in rest:
                    spelled = f"({spelled} {word} {inner(part)})"
                return spelled
            case ast.Compare(left=left, ops=[op], comparators=[right]) if type(op) in _COMPARE:
                return f"({inner(left)} {_COMPARE[type(op)]} {inner(right)})"
            case ast.IfExp(test=test, body=body, orelse=other):
                return f"({inner(body)} if {inner(test)} else {inner(other)})"
            case ast.Call(func=ast.Name(id="max" | "min" | "sum" as name), args=[ast.Name(id="t")], keywords=[]):
                return f"{name}(t)"
            case ast.Call(func=ast.Name(id="max" | "min" as name), args=[first, second, *rest], keywords=[]):
                spelled = f"{name}({inner(first)}, {inner(second)})"
                for part in rest:
                    spelled = f"{name}({spelled}, {inner(part)})"
                return spelled
            case ast.Call(func=ast.Name(id="abs"), args=[body], keywords=[]):
                return f"abs({inner(body)})"
        expected = "integers, t[0], + - * // %, comparisons, and or not, if else, max min abs sum"
        raise BadExpression(self.text, expected, ast.unparse(tree)[:60])


class _Values:
    """Values of the parts of one expression, an int64 array over the inputs or one integer."""

    def __init__(self, text: str, tokens: np.ndarray) -> None:
        self.text = text
        self.tokens = tokens

    def of(self, tree: ast.expr) -> np.ndarray:
        match tree:
            case ast.Constant(value=int(value)):
                return np.full(len(self.tokens), value, dtype=np.int64)
            case ast.Subscript(slice=ast.Constant(value=int(p))):
                if p >= self.tokens.shape[1]:
                    raise BadExpression(self.text, f"a position below {self.tokens.shape[1]}", f"t[{p}]")
                return self.tokens[:, p]
            case ast.BinOp(left=left, op=op, right=right):
                return self.binary(op, self.of(left), self.of(right))
            case ast.UnaryOp(op=ast.USub(), operand=body):
                return -self.of(body)
            case ast.UnaryOp(op=ast.Not(), operand=body):
                return (self.of(body) == 0).astype(np.int64)
            case ast.BoolOp(op=op, values=values):
                parts = [self.of(value) != 0 for value in values]
                joined = np.stack(parts)
                held = joined.all(axis=0) if isinstance(op, ast.And) else joined.any(axis=0)
                return np.asarray(held, dtype=np.int64)
            case ast.Compare(left=left, ops=[op], comparators=[right]):
                return np.asarray(_COMPARISONS[type(op)](self.of(left), self.of(right)), dtype=np.int64)
            case ast.IfExp(test=test, body=body, orelse=other):
                return np.where(self.of(test) != 0, self.of(body), self.of(other))
            case ast.Call(func=ast.Name(id="abs"), args=[body]):
                return np.maximum(self.of(body), -self.of(body))
            case ast.Call(func=ast.Name(id=name), args=args):
                parts = self.tokens.T if len(args) == 1 else np.stack([self.of(arg) for arg in args])
                return {"max": parts.max, "min": parts.min, "sum": parts.sum}[name](axis=0)
        raise TypeError(f"{type(tree).__name__} was let pass by the speller")

    def binary(self, op: ast.operator, left: np.ndarray, right: np.ndarray) -> np.ndarray:
        largest = [int(np.maximum(side, -side).max()) if side.size else 0 for side in (left, right)]
        if max(largest[0] * largest[1] if isinstance(op, ast.Mult) else 0, *largest) >= _BOUND >> 1:
            raise BadExpression(self.text, "values below 2^61", "larger ones")
        if isinstance(op, ast.FloorDiv | ast.Mod) and not right.all():
            raise BadExpression(self.text, "no division by zero", "an input that divides by zero")
        found = _OPERATIONS[type(op)](left, right)
        if np.maximum(found, -found).max(initial=0) >= _BOUND >> 1:
            raise BadExpression(self.text, "values below 2^61", "larger ones")
        return found


_OPERATIONS: dict[type[ast.operator], Callable[[np.ndarray, np.ndarray], np.ndarray]] = {
    ast.Add: lambda a, b: a + b,
    ast.Sub: lambda a, b: a - b,
    ast.Mult: lambda a, b: a * b,
    ast.FloorDiv: lambda a, b: a // b,
    ast.Mod: lambda a, b: a % b,
}
_COMPARISONS: dict[type[ast.cmpop], Callable[[np.ndarray, np.ndarray], np.ndarray]] = {
    ast.Lt: lambda a, b: a < b,
    ast.LtE: lambda a, b: a <= b,
    ast.Gt: lambda a, b: a > b,
    ast.GtE: lambda a, b: a >= b,
    ast.Eq: lambda a, b: a == b,
    ast.NotEq: lambda a, b: a != b,
}

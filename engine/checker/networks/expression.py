"""Integer expressions over the tokens: read, spelled canonically, evaluated. The grammar is that of docs/statement.md.

``and``, ``or`` and ``not`` give 1 or 0, as comparisons do; whatever is not 0 counts as true. Every part is evaluated,
also that which a condition does not choose; a division by zero anywhere, or a value of 2**61 and more, is refused.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import reduce

from ..errors import Code, Failure

MAX_EXPRESSION = 4096
MAX_TOKENS = 500
MAX_DEPTH = 64
MAX_VALUE_BITS = 61

Value = Callable[[Sequence[int]], int]
# An expression: its canonical text, and its value on the tokens.
Expression = tuple[str, Value]

_TOKEN = re.compile(r"\s*(?:([0-9]+)|([A-Za-z_]+)|(//|<=|>=|==|!=|[-+*%<>()\[\],]))")
_BINARY: dict[str, Callable[[int, int], int]] = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "//": lambda a, b: a // b,
    "%": lambda a, b: a % b,
    "<": lambda a, b: int(a < b),
    "<=": lambda a, b: int(a <= b),
    ">": lambda a, b: int(a > b),
    ">=": lambda a, b: int(a >= b),
    "==": lambda a, b: int(a == b),
    "!=": lambda a, b: int(a != b),
    "and": lambda a, b: int(bool(a) and bool(b)),
    "or": lambda a, b: int(bool(a) or bool(b)),
}
# Binary operators from the loosest to the tightest; comparisons do not chain.
_LEVELS = (("or",), ("and",), ("not",), ("<", "<=", ">", ">=", "==", "!="), ("+", "-"), ("*", "//", "%"))


class _Reader:
    """A cursor among the tokens of an expression over ``positions`` tokens."""

    def __init__(self, text: str, positions: int) -> None:
        self.positions = positions
        self.tokens: list[tuple[str, int]] = []
        self.next = 0
        self.depth = 0
        at, end = 0, len(text.rstrip())
        while at < end:
            match = _TOKEN.match(text, at)
            if match is None:
                raise Failure(Code.E151, at=at, what=f"{text[at:].strip()[:10]} has no meaning here")
            self.tokens.append((match.group().strip(), match.end() - len(match.group().strip())))
            at = match.end()
        if len(self.tokens) > MAX_TOKENS:
            raise Failure(Code.E151, at=end, what=f"it has more than {MAX_TOKENS} numbers, names and signs")
        self.tokens.append(("", end))

    @property
    def token(self) -> str:
        return self.tokens[self.next][0]

    def fail(self, expected: str) -> Failure:
        token, at = self.tokens[self.next]
        return Failure(Code.E151, at=at, what=f"expected {expected}, found {token or 'the end'}")

    def take(self, token: str) -> None:
        if self.token != token:
            raise self.fail(token)
        self.next += 1

    def whole(self) -> Expression:
        """A conditional, or whatever binds more tightly."""
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise self.fail(f"at most {MAX_DEPTH} levels of brackets")
        text, value = self.level(0)
        if self.token == "if":
            self.take("if")
            asked, test = self.level(0)
            self.take("else")
            other, otherwise = self.whole()
            text, value = f"({text} if {asked} else {other})", _chosen(value, test, otherwise)
        self.depth -= 1
        return text, value

    def level(self, level: int) -> Expression:
        """Operators of this level, to the left, between operands of the next."""
        if level == len(_LEVELS):
            return self.prefix("-", self.atom)
        if _LEVELS[level] == ("not",):
            return self.prefix("not", lambda: self.level(level + 1))
        text, value = self.level(level + 1)
        while self.token in _LEVELS[level]:
            operator = self.token
            self.take(operator)
            other, right = self.level(level + 1)
            text, value = f"({text} {operator} {other})", _applied(operator, value, right)
            if level == 3:
                break
        return text, value

    def prefix(self, operator: str, operand: Callable[[], Expression]) -> Expression:
        """Any number of ``-`` or ``not``, then an operand."""
        count = 0
        while self.token == operator:
            self.take(operator)
            count += 1
        if count > MAX_DEPTH:
            raise self.fail(f"at most {MAX_DEPTH} signs")
        text, value = operand()
        for _ in range(count):
            text = f"(-{text})" if operator == "-" else f"(not {text})"
            value = _negative(value) if operator == "-" else _denied(value)
        return text, value

    def atom(self) -> Expression:
        token = self.token
        if token.isdigit():
            if len(token) > 100:
                raise self.fail("a shorter number")
            self.next += 1
            number = int(token)
            return str(number), lambda t: number
        self.next += token in ("t", "(", "max", "min", "sum", "abs")
        if token == "t":
            self.take("[")
            place = int(self.token) if self.token.isdigit() and len(self.token) < 7 else self.positions
            if place >= self.positions:
                raise self.fail(f"a position below {self.positions}")
            self.next += 1
            self.take("]")
            return f"t[{place}]", lambda t: t[place]
        if token == "(":
            inner = self.whole()
            self.take(")")
            return inner
        if token in ("max", "min", "sum", "abs"):
            return self.call(token)
        raise self.fail("a number, t[i], a bracket, max, min, sum or abs")

    def call(self, name: str) -> Expression:
        """``sum(t)``, ``max(t)``, ``min(t)``, ``abs(a)``, ``max(a, b, ...)``, ``min(a, b, ...)``."""
        function: Callable[[Sequence[int]], int] = {"max": max, "min": min, "sum": sum, "abs": lambda v: abs(v[0])}[
            name
        ]
        self.take("(")
        if name != "abs" and self.token == "t" and self.tokens[self.next + 1][0] == ")":
            self.next += 2
            return f"{name}(t)", function
        if name == "sum":
            raise self.fail("t)")
        arguments = [self.whole()]
        while name != "abs" and self.token == ",":
            self.take(",")
            arguments.append(self.whole())
        self.take(")")
        if name != "abs" and len(arguments) < 2:
            raise self.fail(f"two arguments of {name}, or t")
        values = [value for _, value in arguments]
        texts = [text for text, _ in arguments]
        spelled = f"{name}({texts[0]})" if name == "abs" else reduce(lambda a, b: f"{name}({a}, {b})", texts)
        return spelled, lambda t: function([value(t) for value in values])


def _applied(operator: str, left: Value, right: Value) -> Value:
    apply = _BINARY[operator]

    def value(t: Sequence[int]) -> int:
        found = apply(left(t), right(t))
        if found.bit_length() > MAX_VALUE_BITS:
            raise Failure(Code.E152, input=tuple(t), what="a number that is too large")
        return found

    return value


def _chosen(value: Value, test: Value, otherwise: Value) -> Value:
    def chosen(t: Sequence[int]) -> int:
        asked, one, other = test(t), value(t), otherwise(t)
        return one if asked else other

    return chosen


def _negative(value: Value) -> Value:
    return lambda t: -value(t)


def _denied(value: Value) -> Value:
    return lambda t: int(not value(t))


def read_expression(text: str, positions: int) -> Expression:
    """The canonical text and the value; E151 for what is no expression.

    >>> text, value = read_expression("t[0] + t[1]*2 if not t[0] < 3 else max(t)", 2)
    >>> text, value([5, 1]), value([2, 9])
    ('((t[0] + (t[1] * 2)) if (not (t[0] < 3)) else max(t))', 7, 9)
    """
    if len(text) > MAX_EXPRESSION or not text.isascii():
        raise Failure(Code.E151, at=0, what=f"it must be at most {MAX_EXPRESSION} ASCII characters")
    reader = _Reader(text, positions)
    found = reader.whole()
    if reader.token:
        raise reader.fail("the end")

    def value(t: Sequence[int]) -> int:
        try:
            return found[1](t)
        except ZeroDivisionError as error:
            raise Failure(Code.E152, input=tuple(t), what="a division by zero") from error

    return found[0], value

"""From the text of a statement to a small tree.

The grammar is grammar.lark.  Nothing is evaluated here, and nothing of the text is ever executed.  What could make
later steps slow is refused at once: long texts, deep nesting, numbers with many digits or huge exponents.

>>> statement = parse("σ(EQKE, 1) / sigma(EQKE, 2) ≥ 2.50e2")
>>> print(statement)
sigma(EQKE, 1) / sigma(EQKE, 2) >= 2.50e2
>>> statement.parts[1].value, statement.parts[1].unit
(Fraction(250, 1), Fraction(1, 1))
>>> parse("row_difference(EQKE - ) <= 2")
Traceback (most recent call last):
mechproof.rewrites.claims.syntax.SyntaxProblem: column 23: expected a name, a number or '(', found ')'
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from fractions import Fraction
from functools import cache, cached_property
from importlib.resources import files
from types import MappingProxyType
from typing import Any

from lark import Lark, Token, Tree, UnexpectedInput

from ...engine.digest import digest
from ...engine.errors import MechproofError

MAX_CHARACTERS = 2000
MAX_DEPTH = 60
MAX_SIZE = 5000
MAX_DIGITS = 60
MAX_EXPONENT = 400


@dataclass(unsafe_hash=True)
class StatementError(MechproofError):
    """Base of what can be wrong with a statement; ``column`` counts its characters from 1."""

    column: int


@dataclass(unsafe_hash=True)
class SyntaxProblem(StatementError):
    expected: str
    found: str
    sentence = "column {column}: expected {expected}, found {found}"


@dataclass(unsafe_hash=True)
class TooLarge(StatementError):
    what: str
    limit: str
    sentence = "column {column}: {what}; the limit is {limit}"


@dataclass(frozen=True)
class Node:
    """``column`` is where it begins; it takes no part in comparison."""

    column: int = field(compare=False, repr=False, kw_only=True, default=1)

    def nodes(self) -> Iterator[Node]:
        """The nodes directly below."""
        for value in (getattr(self, f.name) for f in fields(self)):
            yield from (item for item in (value if isinstance(value, tuple) else (value,)) if isinstance(item, Node))

    @cached_property
    def key(self) -> str:
        """A digest of the meaning: equal digests, equal nodes, abbreviations spelled out and columns left out."""
        values = (getattr(self, f.name) for f in fields(self) if f.compare)
        inside = [
            [item.key if isinstance(item, Node) else repr(item) for item in value] if isinstance(value, tuple)
            else value.key if isinstance(value, Node) else repr(value)
            for value in values
        ]  # fmt: skip
        return digest([type(self).__name__, *inside])

    @cached_property
    def size(self) -> int:
        """How many nodes there are, abbreviations spelled out."""
        return 1 + sum(node.size for node in self.nodes())

    @cached_property
    def depth(self) -> int:
        return 1 + max((node.depth for node in self.nodes()), default=0)

    @cached_property
    def names(self) -> frozenset[str]:
        """All names and functions that occur, bound variables too."""
        return frozenset().union(*(node.names for node in self.nodes()))


class Expression(Node):
    """Stands for a matrix; a number is a 1 × 1 matrix."""


@dataclass(frozen=True)
class Number(Expression):
    """``unit`` is the worth of the last printed digit, None for a hexadecimal number."""

    value: Fraction
    unit: Fraction | None
    text: str

    @cached_property
    def key(self) -> str:
        """However it is written."""
        return digest(["Number", str(self.value)])

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True)
class Name(Expression):
    name: str

    @cached_property
    def names(self) -> frozenset[str]:
        return frozenset({self.name})

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True)
class Defined(Expression):
    """An abbreviation: written as ``name``, equal to ``body`` in every other respect."""

    name: str
    body: Expression

    @property
    def key(self) -> str:
        return self.body.key

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True)
class Call(Expression):
    function: str
    arguments: tuple[Expression, ...]

    @cached_property
    def names(self) -> frozenset[str]:
        return frozenset({self.function}).union(*(node.names for node in self.arguments))

    def __str__(self) -> str:
        if self.function == "transpose":
            return f"{_operand(self.arguments[0])}.T"
        return f"{self.function}({', '.join(map(str, self.arguments))})"


@dataclass(frozen=True)
class Binary(Expression):
    operator: str
    left: Expression
    right: Expression

    def __str__(self) -> str:
        left, right = str(self.left), str(self.right)
        if _rank(self.left) < _rank(self):
            left = f"({left})"
        if _rank(self.right) <= _rank(self):
            right = f"({right})"
        return f"{left} {self.operator} {right}"


def _rank(node: Expression) -> int:
    """How strongly an expression binds: a sum, a product, a sign, anything else."""
    match node:
        case Binary(operator):
            return 0 if operator in ("+", "-") else 1
        case Negate():
            return 2
    return 3


def _operand(node: Expression) -> str:
    """In parentheses unless it binds strongest; a power is no operand of another."""
    return str(node) if _rank(node) == 3 and not isinstance(node, Power) else f"({node})"


@dataclass(frozen=True)
class Negate(Expression):
    body: Expression

    def __str__(self) -> str:
        return f"-{_operand(self.body)}"


@dataclass(frozen=True)
class Power(Expression):
    base: Expression
    exponent: int

    def __str__(self) -> str:
        return f"{_operand(self.base)}^{self.exponent}"


@dataclass(frozen=True)
class Subscript(Node):
    """One index, or the half-open range first:last (None: from the start, to the end)."""

    first: Expression | None
    last: Expression | None
    single: bool

    def __str__(self) -> str:
        return str(self.first) if self.single else f"{self.first or ''}:{self.last or ''}"


@dataclass(frozen=True)
class Index(Expression):
    matrix: Expression
    subscripts: tuple[Subscript, ...]

    def __str__(self) -> str:
        return f"{_operand(self.matrix)}[{', '.join(map(str, self.subscripts))}]"


class Statement(Node):
    """Is true or false."""


@dataclass(frozen=True)
class Compare(Statement):
    """A chain a <= b < c; of matrices: for every entry."""

    parts: tuple[Expression, ...]
    operators: tuple[str, ...]

    def __str__(self) -> str:
        rest = (f" {operator} {part}" for operator, part in zip(self.operators, self.parts[1:], strict=True))
        return f"{self.parts[0]}{''.join(rest)}"


@dataclass(frozen=True)
class Approx(Statement):
    """Within half a unit of the last printed digit of ``target``."""

    left: Expression
    target: Number

    def __str__(self) -> str:
        return f"{self.left} ≈ {self.target}"


@dataclass(frozen=True)
class Within(Statement):
    inner: Expression
    low: Expression
    high: Expression

    def __str__(self) -> str:
        return f"{self.inner} in [{self.low}, {self.high}]"


@dataclass(frozen=True)
class Fact(Statement):
    """A function whose value is true or false."""

    call: Call

    def __str__(self) -> str:
        return str(self.call)


@dataclass(frozen=True)
class Negation(Statement):
    inner: Statement

    def __str__(self) -> str:
        return f"not {self.inner}"


@dataclass(frozen=True)
class Both(Statement):
    left: Statement
    right: Statement

    def __str__(self) -> str:
        return f"{self.left} and {self.right}"


@dataclass(frozen=True)
class Ranging(Node):
    """name in first..last, or name in a named range."""

    name: str
    first: Expression
    last: Expression | None

    @cached_property
    def names(self) -> frozenset[str]:
        return frozenset({self.name}).union(*(node.names for node in self.nodes()))

    def __str__(self) -> str:
        return f"{self.name} in {self.first}" + (f"..{self.last}" if self.last else "")


@dataclass(frozen=True)
class ForAll(Statement):
    """Binders are :class:`Ranging`, or :class:`Compare` as a condition; a lone name is a Compare of one part."""

    binders: tuple[Ranging | Compare, ...]
    body: Statement

    def __str__(self) -> str:
        return f"for all {', '.join(map(str, self.binders))}: {self.body}"


Definitions = Mapping[str, Expression]


def parse(text: str, definitions: Definitions = MappingProxyType({})) -> Statement:
    """The statement in ``text``, with ``definitions`` put in for their names; raises :class:`StatementError`."""
    return _parse(text, "start", definitions)


def parse_expression(text: str, definitions: Definitions = MappingProxyType({})) -> Expression:
    """The expression in ``text``, likewise."""
    return _parse(text, "sum", definitions)


def _parse(text: str, start: str, definitions: Definitions) -> Any:
    if len(text) > MAX_CHARACTERS:
        raise TooLarge(MAX_CHARACTERS, f"{len(text)} characters", f"{MAX_CHARACTERS}")
    try:
        tree = _parser().parse(text, start=start)
    except UnexpectedInput as error:
        raise _problem(text, error) from None
    return _build(tree, definitions)


_SYMBOLS = {
    "COMPARE": "a comparison", "APPROX": "'≈'", "_IN": "'in'", "PLUS": "'+'", "MINUS": "'-'", "TIMES": "'*'",
    "PERCENT": "'%'", "NAME": "a name", "NUMBER": "a number", "LPAR": "'('", "RPAR": "')'", "LSQB": "'['",
    "RSQB": "']'", "COMMA": "','", "COLON": "':'", "CIRCUMFLEX": "'^'", "_NOT": "'not'", "_FOR": "'for all'",
    "_ALL": "'all'", "_AND": "'and'", "$END": "the end", "__ANON_0": "'..'", "__ANON_1": "'.T'",
}  # fmt: skip
# What can always follow is not worth telling.
_OPERATOR = {"PLUS", "MINUS", "TIMES", "CIRCUMFLEX", "LSQB", "__ANON_0", "__ANON_1", "PERCENT", "_AND", "_IN"}


def _problem(text: str, error: UnexpectedInput) -> SyntaxProblem:
    end, place = len(text.rstrip()), error.pos_in_stream
    token: Token | None = getattr(error, "token", None)
    if place is None or (token is not None and token.type == "$END"):
        place = end
    expected: set[str] = set(getattr(error, "accepts", None) or getattr(error, "allowed", None) or ())
    if "COMPARE" in expected:
        told = "a comparison"
    elif "NAME" in expected:
        told = "a name, a number or '('" if "NUMBER" in expected else "a name"
    else:
        told = ", ".join(sorted(_SYMBOLS.get(name, name) for name in expected - _OPERATOR or expected))
    found = "the end" if place >= end else repr(text[place] if token is None else str(token))
    return SyntaxProblem(place + 1, told, found)


@cache
def _parser() -> Lark:
    grammar = files(__name__.rpartition(".")[0]).joinpath("grammar.lark").read_text("utf-8")
    return Lark(grammar, parser="lalr", start=["start", "sum"], propagate_positions=True)


def _number(text: str, percent: bool, column: int) -> Number:
    hexadecimal = text.startswith("0x")
    mantissa, _, exponent = text.lower().replace("0x", "").partition("p" if hexadecimal else "e")
    whole, _, part = mantissa.partition(".")
    if len(whole) + len(part) > MAX_DIGITS or len(exponent) > 5:
        raise TooLarge(column, "a number with many digits", f"{MAX_DIGITS} digits")
    power = int(exponent or "0")
    if abs(power) > MAX_EXPONENT:
        raise TooLarge(column, f"an exponent of {power}", f"{MAX_EXPONENT}")
    shown = f"{text.lower()}%" if percent else text.lower()
    if hexadecimal:
        value = int(whole + part, 16) * Fraction(2) ** (power - 4 * len(part))
        return Number(value * Fraction(1, 100) if percent else value, None, shown, column=column)
    unit = Fraction(10) ** (power - len(part) - (2 if percent else 0))
    return Number(int(whole + part) * unit, unit, shown, column=column)


def _build(tree: Tree, definitions: Definitions) -> Any:
    """The node for a parse tree: from the leaves up and without recursion, so that nesting costs no stack."""
    built: dict[int, Any] = {}
    for subtree in tree.iter_subtrees():  # children come before their parents
        column = 1 if subtree.meta.empty else subtree.meta.start_pos + 1
        children = [built[id(child)] if isinstance(child, Tree) else child for child in subtree.children]
        node = _BUILDERS[subtree.data](column, *children)
        if isinstance(node, Name) and node.name in definitions:
            node = Defined(node.name, definitions[node.name], column=column)
        if isinstance(node, Node) and node.depth > MAX_DEPTH:
            raise TooLarge(column, "an expression nested deeply", f"{MAX_DEPTH} levels")
        if isinstance(node, Node) and node.size > MAX_SIZE:
            raise TooLarge(column, "a large expression, with definitions spelled out", f"{MAX_SIZE} parts")
        built[id(subtree)] = node
    return built[id(tree)]


def _operator(token: str) -> str:
    return {"≤": "<=", "≥": ">=", "≠": "!=", "==": "=", "−": "-", "·": "*"}.get(str(token), str(token))


def _function(name: str) -> str:
    return "sigma" if name == "σ" else str(name)


def _chain(column: int, *items: Any) -> Compare:
    return Compare(tuple(items[::2]), tuple(map(_operator, items[1::2])), column=column)


def _literal(column: int, sign: Token | None, number: Number) -> Number:
    if sign is None:
        return number
    return Number(-number.value, number.unit, f"-{number.text}", column=column)


def _exponent(column: int, sign: Token | None, number: Token) -> int:
    if not number.isdigit() or len(number) > 4:
        raise SyntaxProblem(column, "a whole number of at most 4 digits as exponent", repr(str(number)))
    return int(number) * (1 if sign is None else -1)


def _call(column: int, name: str, *arguments: Expression | None) -> Call:
    return Call(_function(name), tuple(a for a in arguments if a is not None), column=column)


_BUILDERS: dict[str, Callable[..., Any]] = {
    "start": lambda column, statement: statement,
    "both": lambda column, left, right: Both(left, right, column=column),
    "for_all": lambda column, *items: ForAll(tuple(items[:-1]), items[-1], column=column),
    "negation": lambda column, inner: Negation(inner, column=column),
    "compare": _chain,
    "condition": _chain,
    "approx": lambda column, left, _, target: Approx(left, target, column=column),
    "within": lambda column, inner, low, high: Within(inner, low, high, column=column),
    "fact": lambda column, *items: Fact(_call(column, *items), column=column),
    "ranging": lambda column, name, first, last=None: Ranging(str(name), first, last, column=column),
    "binary": lambda column, left, token, right: Binary(_operator(token), left, right, column=column),
    "negate": lambda column, _, body: Negate(body, column=column),
    "power": lambda column, base, exponent: Power(base, exponent, column=column),
    "exponent": _exponent,
    "transpose": lambda column, body: Call("transpose", (body,), column=column),
    "index": lambda column, matrix, *subscripts: Index(
        matrix, tuple(s for s in subscripts if s is not None), column=column
    ),
    "at": lambda column, first: Subscript(first, None, True, column=column),
    "slice": lambda column, first, last: Subscript(first, last, False, column=column),
    "name": lambda column, name: Name(str(name), column=column),
    "call": _call,
    "literal": _literal,
    "number": lambda column, text, percent: _number(str(text), percent is not None, column),
}

"""The tree of a statement: expressions stand for matrices, statements are true or false.

Printing a tree gives a text with the same meaning.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, fields
from fractions import Fraction
from functools import cached_property
from types import UnionType

from ..engine.digest import digest

# Names that need no quotation marks.
PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(\.(?!T(?![A-Za-z0-9_]))[A-Za-z0-9_]+)*")
# What a name is not, unless it stands in quotation marks.
RESERVED = frozenset({"for", "all", "but", "exists", "in", "and", "or", "not"})


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


def whole(value: int) -> Number:
    """A whole number as it is written."""
    return Number(Fraction(value), Fraction(1), str(value))


@dataclass(frozen=True)
class Name(Expression):
    name: str

    @cached_property
    def names(self) -> frozenset[str]:
        return frozenset({self.name})

    def __str__(self) -> str:
        plain = PLAIN.fullmatch(self.name) and self.name not in RESERVED
        return self.name if plain else f'"{self.name}"'


@dataclass(frozen=True)
class Stored(Expression):
    """The tensor that a file stores under this name, which may have more than two axes."""

    name: str

    @cached_property
    def names(self) -> frozenset[str]:
        return frozenset({self.name})

    def __str__(self) -> str:
        return str(Name(self.name))


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
class Keyword(Node):
    """``axis=1`` among arguments."""

    name: str
    value: Expression

    def __str__(self) -> str:
        return f"{self.name}={self.value}"


@dataclass(frozen=True)
class Call(Expression):
    """``method``: written behind its first argument.  Only words as authors spell them have keywords or are methods;
    :mod:`.spelling` says what they mean."""

    function: str
    arguments: tuple[Expression, ...]
    keywords: tuple[Keyword, ...] = ()
    method: bool = False

    @cached_property
    def names(self) -> frozenset[str]:
        return frozenset({self.function}).union(*(node.names for node in self.nodes()))

    def __str__(self) -> str:
        if self.function == "transpose":
            return f"{_operand(self.arguments[0])}.T"
        if self.function == "row":
            return f"[{', '.join(map(str, self.arguments))}]"
        function, given = self.function, self.arguments
        if self.method:
            function, given = f"{_operand(given[0])}.{function}", given[1:]
        return f"{function}({', '.join(map(str, (*given, *self.keywords)))})"


@dataclass(frozen=True)
class Attribute(Expression):
    """``svd(A).U``; as authors spell it."""

    body: Expression
    name: str

    def __str__(self) -> str:
        return f"{_operand(self.body)}.{self.name}"


@dataclass(frozen=True)
class Truth(Expression):
    """A statement where a value stands, as in ``mean(A > 0)``: 1 or 0 for every entry; as authors spell it."""

    statement: Statement

    def __str__(self) -> str:
        return f"({self.statement})"


@dataclass(frozen=True)
class Comprehension(Expression):
    """``body for a in first for b in second if condition``; as authors spell it."""

    body: Statement | Expression
    variables: tuple[str, ...]
    ranges: tuple[Expression, ...]
    condition: Statement | None

    def __str__(self) -> str:
        loops = "".join(f" for {name} in {over}" for name, over in zip(self.variables, self.ranges, strict=True))
        return f"{self.body}{loops}" + (f" if {self.condition}" if self.condition else "")


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


@dataclass(frozen=True)
class Restricted(Expression):
    """A number (or the set ``wrong``) of the whole network, over those inputs alone that satisfy the condition."""

    name: str
    condition: Statement

    @cached_property
    def names(self) -> frozenset[str]:
        return frozenset({self.name}) | self.condition.names

    def __str__(self) -> str:
        return f"({self.name} where {self.condition})"


@dataclass(frozen=True)
class Tokens(Node):
    """One input."""

    items: tuple[Expression, ...]

    def __str__(self) -> str:
        return f"({', '.join(map(str, self.items))}{',' * (len(self.items) == 1)})"


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
class SetRelation(Statement):
    """A set of inputs compared with a list of them: = or != as sets, <= and >= for one inside the other."""

    subject: Expression
    operator: str
    listed: tuple[Tokens, ...]

    def __str__(self) -> str:
        return f"{self.subject} {self.operator} {{{', '.join(map(str, self.listed))}}}"


@dataclass(frozen=True)
class Member(Statement):
    """Whether an input is in a set of inputs."""

    item: Tokens
    subject: Expression

    def __str__(self) -> str:
        return f"{self.item} in {self.subject}"


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
        return f"not {_closed(self.inner, Both | Either | Quantified)}"


@dataclass(frozen=True)
class Both(Statement):
    left: Statement
    right: Statement

    def __str__(self) -> str:
        return f"{_closed(self.left, Both | Either | Quantified)} and {_closed(self.right, Either)}"


@dataclass(frozen=True)
class Either(Statement):
    left: Statement
    right: Statement

    def __str__(self) -> str:
        return f"{_closed(self.left, Either | Quantified)} or {_closed(self.right, Quantified)}"


def _closed(node: Statement, kinds: type | UnionType) -> str:
    """In parentheses where it is of one of these kinds, or ends in a quantifier, which would take all that follows."""
    last = node
    while isinstance(last, Both | Either | Negation):
        last = last.inner if isinstance(last, Negation) else last.right
    open_end = isinstance(last, Quantified) and isinstance(node, Both | Either | Negation)
    return f"({node})" if isinstance(node, kinds) or open_end else str(node)


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


class Quantified(Statement):
    """Binders are :class:`Ranging`, or :class:`Compare` as a condition; a lone name is a Compare of one part."""

    binders: tuple[Ranging | Compare, ...]
    body: Statement

    @property
    def bound(self) -> str:
        return f"{', '.join(map(str, self.binders))}: {self.body}"


@dataclass(frozen=True)
class ForAll(Quantified):
    binders: tuple[Ranging | Compare, ...]
    body: Statement

    def __str__(self) -> str:
        return f"for all {self.bound}"


@dataclass(frozen=True)
class Exists(Quantified):
    binders: tuple[Ranging | Compare, ...]
    body: Statement

    def __str__(self) -> str:
        return f"exists {self.bound}"


@dataclass(frozen=True)
class AllBut(Quantified):
    """False at no more than ``exceptions`` instances; at just so many if ``exactly``."""

    binders: tuple[Ranging | Compare, ...]
    body: Statement
    exceptions: int
    exactly: bool = False

    def __str__(self) -> str:
        return f"for all but {'exactly ' * self.exactly}{self.exceptions} {self.bound}"

"""Statements of lemmas: one expression that is printed, and evaluated over fractions to test it.

A lemma's ∀-statement is built once from the classes below.  :meth:`latex` gives what the transcript
prints; :meth:`value` evaluates the very same expression by exhaustive enumeration in exact
arithmetic, so the oracle tests test the statement that people read.

Environments map names to numbers, or to callables for tables: ``At("D", p, t)`` is ``env["D"](p, t)``.

>>> from fractions import Fraction
>>> p, K = Var("p"), Var("K")
>>> lemma = ForAll(p, Range(Num(0), K), At("a", p) <= Max(Var("j"), Range(Num(0), K), At("a", Var("j"))))
>>> print(lemma.latex())
\\forall\\, 0 \\le p < K:\\; a(p) \\le \\max_{0 \\le j < K} a(j)
>>> lemma.value({"K": 2, "a": lambda p: Fraction(p, 3)})
True
"""

from __future__ import annotations

import itertools
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

Env = Mapping[str, Any]
Rational = int | Fraction


@dataclass(frozen=True)
class Table:
    """A table of numbers for an environment: nested rows, called with indices, shown as its rows.

    >>> Table([[1, 2], [3, 4]])(1, 0), Table([[Fraction(1, 2)], [{4, 3}]])
    (3, [[1/2], [{3, 4}]])
    """

    rows: Any

    def __call__(self, *indices: int) -> Any:
        entry = self.rows
        for index in indices:
            if index < 0:
                raise IndexError(f"index {index} below zero")
            entry = entry[index]
        return entry

    def __repr__(self) -> str:
        return _shown(self.rows)


def _shown(rows: Any) -> str:
    """Rows and sets of numbers as people write them."""
    if isinstance(rows, set | frozenset):
        return f"{{{', '.join(map(_shown, sorted(rows)))}}}"
    return f"[{', '.join(map(_shown, rows))}]" if isinstance(rows, list | tuple) else str(rows)


class Node(ABC):
    """Anything that can be printed and evaluated."""

    @abstractmethod
    def latex(self) -> str: ...

    @abstractmethod
    def value(self, env: Env) -> Any: ...


class Expr(Node):
    """A number-valued expression."""

    def __add__(self, other: Expr) -> Expr:
        return Binary("+", self, other)

    def __sub__(self, other: Expr) -> Expr:
        return Binary("-", self, other)

    def __mul__(self, other: Expr) -> Expr:
        return Binary("*", self, other)

    def over(self, other: Expr) -> Expr:
        return Ratio(self, other)

    def power(self, other: Expr) -> Expr:
        return Power(self, other)

    def __lt__(self, other: Expr) -> Formula:
        return Relation("<", self, other)

    def __le__(self, other: Expr) -> Formula:
        return Relation("\\le", self, other)

    def __gt__(self, other: Expr) -> Formula:
        return Relation(">", self, other)

    def __ge__(self, other: Expr) -> Formula:
        return Relation("\\ge", self, other)

    def equals(self, other: Expr) -> Formula:
        return Relation("=", self, other)

    def differs(self, other: Expr) -> Formula:
        return Relation("\\ne", self, other)


class Formula(Node):
    """A truth-valued expression."""

    def implies(self, other: Formula) -> Formula:
        return Connective("\\;\\Longrightarrow\\;", self, other)

    def iff(self, other: Formula) -> Formula:
        return Connective("\\;\\Longleftrightarrow\\;", self, other)

    def __and__(self, other: Formula) -> Formula:
        return Connective("\\;\\wedge\\;", self, other)

    def __or__(self, other: Formula) -> Formula:
        return Connective("\\;\\vee\\;", self, other)


@dataclass(frozen=True)
class Num(Expr):
    number: Rational

    def latex(self) -> str:
        return str(self.number)

    def value(self, env: Env) -> Rational:
        return self.number


@dataclass(frozen=True)
class Var(Expr):
    name: str

    def latex(self) -> str:
        return self.name

    def value(self, env: Env) -> Any:
        return env[self.name]


@dataclass(frozen=True)
class At(Expr):
    """An entry of a table, ``name(i, j, …)``; a single index that is a position is written below: t_p."""

    name: str
    indices: tuple[Expr, ...]
    subscript: bool

    def __init__(self, name: str, *indices: Expr, subscript: bool = False) -> None:
        object.__setattr__(self, "name", name)
        object.__setattr__(self, "indices", indices)
        object.__setattr__(self, "subscript", subscript)

    def latex(self) -> str:
        inside = ", ".join(index.latex() for index in self.indices)
        return f"{self.name}_{{{inside}}}" if self.subscript else f"{self.name}({inside})"

    def value(self, env: Env) -> Any:
        return env[self.name](*(index.value(env) for index in self.indices))


_OPERATIONS: dict[str, Callable[[Any, Any], Any]] = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
}


def entry(name: str, index: Expr) -> At:
    """The entry of a row, its index below: ``entry("x", i)`` is written x_i.

    >>> entry("x", Var("i")).latex()
    'x_{i}'
    """
    return At(name, index, subscript=True)


@dataclass(frozen=True)
class Binary(Expr):
    sign: str
    left: Expr
    right: Expr

    def latex(self) -> str:
        left, right = self.left.latex(), self.right.latex()
        if self.sign == "*":
            return f"{_factor(self.left)}\\,{_factor(self.right)}"
        nested = self.sign == "-" and isinstance(self.right, Binary) and self.right.sign != "*"
        if nested or _is_negative(self.right):
            right = f"\\left({right}\\right)"
        return f"-{right}" if _is_negative(self) else f"{left} {self.sign} {right}"

    def value(self, env: Env) -> Any:
        return _OPERATIONS[self.sign](self.left.value(env), self.right.value(env))


def _is_negative(expr: Expr) -> bool:
    """Whether it begins with a minus: a negative number, or what is taken from 0."""
    if isinstance(expr, Num):
        return expr.number < 0
    return isinstance(expr, Binary) and expr.sign == "-" and isinstance(expr.left, Num) and expr.left.number == 0


def _bracketed(expr: Expr) -> str:
    needs = isinstance(expr, Binary) and expr.sign != "*"
    return f"\\left({expr.latex()}\\right)" if needs else expr.latex()


def _factor(expr: Expr) -> str:
    """A factor of a product: a sign, a fraction stroke and the reach of Σ, max and min end at its brackets."""
    loose = isinstance(expr, _Folded) or (isinstance(expr, Num) and not _is_natural(expr.number))
    return f"\\left({expr.latex()}\\right)" if loose else _bracketed(expr)


@dataclass(frozen=True)
class Ratio(Expr):
    top: Expr
    bottom: Expr

    def latex(self) -> str:
        return f"\\frac{{{self.top.latex()}}}{{{self.bottom.latex()}}}"

    def value(self, env: Env) -> Fraction:
        return Fraction(self.top.value(env)) / Fraction(self.bottom.value(env))


@dataclass(frozen=True)
class Power(Expr):
    """base^exponent for natural exponents (0^0 = 1); any other exponent raises :class:`ValueError`."""

    base: Expr
    exponent: Expr

    def latex(self) -> str:
        plain = isinstance(self.base, Var) or (isinstance(self.base, Num) and _is_natural(self.base.number))
        base = self.base.latex() if plain else f"\\left({self.base.latex()}\\right)"
        return f"{base}^{{{self.exponent.latex()}}}"

    def value(self, env: Env) -> Any:
        exponent = self.exponent.value(env)
        if not _is_natural(exponent):
            raise ValueError(f"exponent {exponent} is not a natural number")
        return self.base.value(env) ** int(exponent)


def _is_natural(number: Rational) -> bool:
    return number >= 0 and number.denominator == 1


@dataclass(frozen=True)
class Absolute(Expr):
    """The absolute value."""

    body: Expr

    def latex(self) -> str:
        return f"\\left| {self.body.latex()} \\right|"

    def value(self, env: Env) -> Any:
        return abs(self.body.value(env))


@dataclass(frozen=True)
class Larger(Expr):
    """The larger of two numbers."""

    left: Expr
    right: Expr

    def latex(self) -> str:
        return f"\\max({self.left.latex()}, {self.right.latex()})"

    def value(self, env: Env) -> Any:
        return max(self.left.value(env), self.right.value(env))


@dataclass(frozen=True)
class Smaller(Expr):
    """The smaller of two numbers."""

    left: Expr
    right: Expr

    def latex(self) -> str:
        return f"\\min({self.left.latex()}, {self.right.latex()})"

    def value(self, env: Env) -> Any:
        return min(self.left.value(env), self.right.value(env))


@dataclass(frozen=True)
class Floor(Expr):
    body: Expr

    def latex(self) -> str:
        return f"\\left\\lfloor {self.body.latex()} \\right\\rfloor"

    def value(self, env: Env) -> int:
        fraction = Fraction(self.body.value(env))
        return fraction.numerator // fraction.denominator


@dataclass(frozen=True)
class Ceiling(Expr):
    body: Expr

    def latex(self) -> str:
        return f"\\left\\lceil {self.body.latex()} \\right\\rceil"

    def value(self, env: Env) -> int:
        fraction = Fraction(self.body.value(env))
        return -(-fraction.numerator // fraction.denominator)


class Domain(ABC):
    """What a bound variable runs over."""

    @abstractmethod
    def latex(self, var: Var) -> str: ...

    @abstractmethod
    def members(self, env: Env) -> Iterator[Any]: ...


@dataclass(frozen=True)
class Range(Domain):
    """Integers from ``low`` up to and without ``high``."""

    low: Expr
    high: Expr

    def latex(self, var: Var) -> str:
        return f"{self.low.latex()} \\le {var.name} < {self.high.latex()}"

    def members(self, env: Env) -> Iterator[int]:
        return iter(range(self.low.value(env), self.high.value(env)))


@dataclass(frozen=True)
class Members(Domain):
    """A finite set given by an expression, such as the allowed tokens T_p of a position."""

    of: Expr

    def latex(self, var: Var) -> str:
        return f"{var.name} \\in {self.of.latex()}"

    def members(self, env: Env) -> Iterator[Any]:
        return iter(sorted(self.of.value(env)))


@dataclass(frozen=True)
class Sequences(Domain):
    """All sequences of ``length`` tokens, each from the set ``tokens(p)`` of its position p."""

    tokens: str
    length: Expr

    def latex(self, var: Var) -> str:
        return f"{var.name} \\in \\prod_{{0 \\le p < {self.length.latex()}}} {self.tokens}_{{p}}"

    def members(self, env: Env) -> Iterator[Callable[[int], int]]:
        sets = [sorted(env[self.tokens](p)) for p in range(self.length.value(env))]
        for choice in itertools.product(*sets):
            yield choice.__getitem__


@dataclass(frozen=True)
class Where(Domain):
    """The members of a domain that satisfy a condition."""

    domain: Domain
    condition: Formula
    var: Var

    def latex(self, var: Var) -> str:
        return f"{self.domain.latex(var)},\\; {self.condition.latex()}"

    def members(self, env: Env) -> Iterator[Any]:
        return (m for m in self.domain.members(env) if self.condition.value({**env, self.var.name: m}))


@dataclass(frozen=True)
class _Folded(Expr):
    var: Var
    domain: Domain
    body: Expr

    def _values(self, env: Env) -> Iterator[Any]:
        return (self.body.value({**env, self.var.name: member}) for member in self.domain.members(env))

    def _below(self, operator: str) -> str:
        return f"{operator}_{{{self.domain.latex(self.var)}}} {_bracketed(self.body)}"


@dataclass(frozen=True)
class Total(_Folded):
    """Σ over a domain."""

    def latex(self) -> str:
        return self._below("\\sum")

    def value(self, env: Env) -> Any:
        return sum(self._values(env))


@dataclass(frozen=True)
class Max(_Folded):
    """The largest value over a domain that must not be empty."""

    def latex(self) -> str:
        return self._below("\\max")

    def value(self, env: Env) -> Any:
        return max(self._values(env))


@dataclass(frozen=True)
class Min(_Folded):
    """The least value over a domain that must not be empty."""

    def latex(self) -> str:
        return self._below("\\min")

    def value(self, env: Env) -> Any:
        return min(self._values(env))


@dataclass(frozen=True)
class Count(Expr):
    """How many members of a domain satisfy a condition, or how many there are."""

    var: Var
    domain: Domain
    condition: Formula | None = None

    def latex(self) -> str:
        condition = f" \\;:\\; {self.condition.latex()}" if self.condition else ""
        return f"\\#\\left\\{{ {self.domain.latex(self.var)}{condition} \\right\\}}"

    def value(self, env: Env) -> int:
        members = self.domain.members(env)
        condition = self.condition
        return sum(1 for m in members if condition is None or condition.value({**env, self.var.name: m}))


_RELATIONS: dict[str, Callable[[Any, Any], bool]] = {
    "<": lambda a, b: a < b,
    "\\le": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    "\\ge": lambda a, b: a >= b,
    "=": lambda a, b: a == b,
    "\\ne": lambda a, b: a != b,
}


@dataclass(frozen=True)
class Relation(Formula):
    sign: str
    left: Expr
    right: Expr

    def latex(self) -> str:
        return f"{self.left.latex()} {self.sign} {self.right.latex()}"

    def value(self, env: Env) -> bool:
        return _RELATIONS[self.sign](self.left.value(env), self.right.value(env))


_CONNECTIVES: dict[str, Callable[[bool, Callable[[], bool]], bool]] = {
    "\\;\\Longrightarrow\\;": lambda a, b: not a or b(),
    "\\;\\Longleftrightarrow\\;": lambda a, b: a == b(),
    "\\;\\wedge\\;": lambda a, b: a and b(),
    "\\;\\vee\\;": lambda a, b: a or b(),
}


@dataclass(frozen=True)
class Connective(Formula):
    sign: str
    left: Formula
    right: Formula

    def latex(self) -> str:
        if self.sign == IMPLIES:
            given, then = sequent(self)
            return f"{AND.join(map(closed, given))}{IMPLIES}{AND.join(map(closed, then))}"
        parts = members(self)
        return self.sign.join(map(closed, parts))

    def value(self, env: Env) -> bool:
        return _CONNECTIVES[self.sign](self.left.value(env), lambda: self.right.value(env))


IMPLIES, AND, OR = "\\;\\Longrightarrow\\;", "\\;\\wedge\\;", "\\;\\vee\\;"


def members(formula: Formula) -> list[Formula]:
    """What a conjunction or a disjunction joins, however it is nested; anything else is its only member."""
    if not isinstance(formula, Connective) or formula.sign not in (AND, OR):
        return [formula.left, formula.right] if isinstance(formula, Connective) else [formula]
    sides = (formula.left, formula.right)
    return [m for side in sides for m in (members(side) if _sign(side) == formula.sign else [side])]


def sequent(formula: Connective) -> tuple[list[Formula], list[Formula]]:
    """Premises and conclusions of an implication: A implies (B implies C) is A and B imply C.

    >>> a, b, c = (Var(name).equals(Num(0)) for name in "abc")
    >>> print(a.implies(b.implies(c)).latex())
    a = 0\\;\\wedge\\;b = 0\\;\\Longrightarrow\\;c = 0
    """
    given: list[Formula] = []
    then: Formula = formula
    while isinstance(then, Connective) and then.sign == IMPLIES:
        given += members(then.left) if _sign(then.left) == AND else [then.left]
        then = then.right
    return given, members(then) if _sign(then) == AND else [then]


def _sign(formula: Formula) -> str:
    return formula.sign if isinstance(formula, Connective) else ""


def closed(formula: Formula) -> str:
    """In parentheses, unless it is a relation."""
    return formula.latex() if isinstance(formula, Relation) else f"\\left({formula.latex()}\\right)"


@dataclass(frozen=True)
class ForAll(Formula):
    var: Var
    domain: Domain
    body: Formula

    def latex(self) -> str:
        return f"{self.quantifiers} {self.scope.latex()}"

    @property
    def quantifiers(self) -> str:
        """Those that follow each other in one: ∀ x, y:"""
        domains: list[str] = []
        formula: Formula = self
        while isinstance(formula, ForAll):
            domains.append(formula.domain.latex(formula.var))
            formula = formula.body
        return "\\forall\\, " + ",\\; ".join(domains) + ":\\;"

    @property
    def scope(self) -> Formula:
        """What the quantifiers are about."""
        return self.body.scope if isinstance(self.body, ForAll) else self.body

    def value(self, env: Env) -> bool:
        return all(self.body.value({**env, self.var.name: m}) for m in self.domain.members(env))


@dataclass(frozen=True)
class Exists(Formula):
    var: Var
    domain: Domain
    body: Formula

    def latex(self) -> str:
        return f"\\exists\\, {self.domain.latex(self.var)}:\\; {self.body.latex()}"

    def value(self, env: Env) -> bool:
        return any(self.body.value({**env, self.var.name: m}) for m in self.domain.members(env))

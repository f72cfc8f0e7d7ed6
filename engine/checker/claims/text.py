"""The text of a claim, as a tree (section 10.1): a parser of bounded depth and work.

Equal expressions of one text are one object: parentheses, spaces, the spelling of a number and ``.T`` for ``transpose``
leave no trace. So a node is a key for whatever is known of its value. Sums and products are flat, a + b + c is one node
of three parts: a tree is hardly deeper than its text is nested.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from typing import Any, TypeVar

from ..errors import Code, Failure
from .tokens import number_of, tokens_of
from .tree import Compare, Conjunction, ForAll, Negation, Node, Predicate, Statement, Text

MAX_POWER_DIGITS = 4
MAX_COUNT_DIGITS = 9
MAX_LEVELS = 60
# Expressions stand inside each other without a level too, as in A.T.T.T. Evaluating so many levels of statements, and
# this depth of expressions below them, takes less than two thirds of the stack that Python gives (test_claim_text.py).
MAX_DEPTH = 2 * MAX_LEVELS
MAX_PARTS = 5000

KEYWORDS = frozenset({"for", "all", "but", "exists", "in", "and", "or", "not"})
PREDICATES = frozenset({"correct", "is_increasing"})
SPECTRAL = frozenset({"sigma", "spectral_norm", "rank1", "singular_values"})
COMPARISONS = frozenset({"<=", ">=", "<", ">", "=", "!="})
# What stands between the parentheses around a statement, and not inside others.
STATED = COMPARISONS | {"~=", "in", "and", "or", "not", "for", "exists"}

Parsed = TypeVar("Parsed")


class Parser:
    """A recursive descent through section 10.1; E115 for what it does not allow, E116 beyond its limits."""

    def __init__(self, text: str) -> None:
        self.tokens = tokens_of(text)
        self.index = 0
        self.levels = 0
        self.count = 0
        self.nodes: dict[tuple[Any, ...], Node] = {}
        self.spectra: dict[Node, None] = {}
        self.seen: list[str] = []
        self.around_statements = self._around_statements()

    def _around_statements(self) -> set[int]:
        """The tokens ( around statements."""
        found, opened = set[int](), list[int]()
        for index, (_, spelling, _) in enumerate(self.tokens):
            if spelling in "([" and spelling:
                opened.append(index)
            elif spelling in ")]" and spelling and opened:
                opened.pop()
            elif opened and (spelling in STATED or (spelling in PREDICATES and index == opened[-1] + 1)):
                found.add(opened[-1])
        return found

    def text(self) -> Text:
        """The whole text."""
        statement = self.statement()
        if self.tokens[self.index][0] != "end":
            raise self.unexpected("the end")
        return Text(statement, tuple(self.spectra))

    def unexpected(self, expected: str) -> Failure:
        _, found, at = self.tokens[self.index]
        return Failure(Code.E115, at=at, expected=expected, found=found[:40] or "the end")

    def next_is(self, spelling: str, ahead: int = 0) -> bool:
        return self.tokens[min(self.index + ahead, len(self.tokens) - 1)][1] == spelling

    def accept(self, spelling: str) -> bool:
        """Step over this token, when it is next."""
        if self.next_is(spelling):
            self.index += 1
            return True
        return False

    def expect(self, spelling: str) -> None:
        if not self.accept(spelling):
            raise self.unexpected(spelling)

    def take(self, kind: str, expected: str) -> str:
        """The next token, which must be of this kind and no keyword."""
        found, spelling, _ = self.tokens[self.index]
        if found != kind or spelling in KEYWORDS:
            raise self.unexpected(expected)
        self.index += 1
        return spelling

    def is_name(self) -> bool:
        kind, spelling, _ = self.tokens[self.index]
        return kind == "name" and spelling not in KEYWORDS

    def inside(self, parse: Callable[[], Parsed]) -> Parsed:
        """Parse one level deeper."""
        self.levels += 1
        if self.levels > MAX_LEVELS:
            raise Failure(Code.E116, at=self.tokens[self.index][2], what="levels", limit=MAX_LEVELS)
        found = parse()
        self.levels -= 1
        return found

    def node(self, kind: str, data: Any, *parts: Node) -> Node:
        """The one node of this kind, data and parts."""
        self.count += 1
        if self.count > MAX_PARTS:
            raise Failure(Code.E116, at=self.tokens[self.index][2], what="parts", limit=MAX_PARTS)
        key = (kind, data, parts)
        if key not in self.nodes:
            own = [data] if kind == "name" else []
            names = frozenset(own).union(*(part.names for part in parts))
            depth = 1 + max((part.depth for part in parts), default=0)
            if depth > MAX_DEPTH:
                raise Failure(Code.E116, at=self.tokens[self.index][2], what="levels", limit=MAX_DEPTH)
            self.nodes[key] = Node(kind, data, parts, names, depth)
        return self.nodes[key]

    def statement(self) -> Statement:
        """``a or b`` is: not both not a and not b."""
        items = [self.conjunction()]
        while self.accept("or"):
            items.append(self.inside(self.conjunction))
        return items[0] if len(items) == 1 else Negation(Conjunction(tuple(map(Negation, items))))

    def conjunction(self) -> Statement:
        items = [self.part()]
        while self.accept("and"):
            items.append(self.inside(self.part))
        return items[0] if len(items) == 1 else Conjunction(tuple(items))

    def part(self) -> Statement:
        """A part of a conjunction; the body of a quantifier takes all that follows."""
        if self.accept("exists"):
            found = self.inside(lambda: self.inside(lambda: self.quantified(None, exactly=False)))
            return Negation(replace(found, body=Negation(found.body)))
        return self.inside(self.for_all) if self.next_is("for") else self.simple()

    def for_all(self) -> ForAll:
        self.expect("for")
        self.expect("all")
        if not self.accept("but"):
            return self.quantified(None, exactly=False)
        exactly = self.accept("exactly")
        count = self.take("number", "a whole number")
        if not count.isdigit() or len(count) > MAX_COUNT_DIGITS:
            self.index -= 1
            raise self.unexpected(f"at most {MAX_COUNT_DIGITS} digits")
        return self.quantified(int(count), exactly=exactly)

    def quantified(self, exceptions: int | None, *, exactly: bool) -> ForAll:
        """Binders, a colon, and what is said."""
        before = len(self.seen)
        ranges: dict[str, str | tuple[Node, Node]] = {}
        conditions: list[Compare] = []
        while True:
            if self.is_name() and self.next_is("in", 1):
                name = self.take("name", "a name")
                self.index += 1
                if name in ranges:
                    raise self.unexpected(f"one range of {name}")
                self.seen.append(name)
                ranges[name] = self.range()
            else:
                first = self.sum()
                chain = self.chain(first)
                if chain.signs:
                    conditions.append(chain)
                elif first.kind != "name":
                    raise self.unexpected("a comparison")
            if not self.accept(","):
                break
        names = tuple(dict.fromkeys(self.seen[before:]))
        if not names:
            raise self.unexpected("a variable")
        self.expect(":")
        return ForAll(names, ranges, tuple(conditions), self.statement(), exceptions, exactly)

    def range(self) -> str | tuple[Node, Node]:
        """What stands after ``in``: tokens, positions, or a..b."""
        first = self.sum()
        if self.accept(".."):
            return first, self.sum()
        if first.kind != "name" or first.data not in ("tokens", "positions"):
            raise self.unexpected("..")
        return self.seen.pop()

    def simple(self) -> Statement:
        if self.accept("not"):
            return Negation(self.inside(self.simple))
        if self.index in self.around_statements and self.accept("("):
            found = self.inside(self.statement)
            self.expect(")")
            return found
        if self.tokens[self.index][1] in PREDICATES and self.next_is("(", 1):
            return Predicate(self.take("name", "a name"), self.arguments())
        first = self.sum()
        if self.accept("~="):
            return self.near(first)
        if self.accept("in"):
            self.expect("[")
            low = self.sum()
            self.expect(",")
            high = self.sum()
            self.expect("]")
            return Compare((low, first, high), ("<=", "<="))
        chain = self.chain(first)
        if not chain.signs:
            raise self.unexpected("a comparison")
        return chain

    def chain(self, first: Node) -> Compare:
        """The comparisons that follow, perhaps none."""
        sides, signs = [first], []
        while self.tokens[self.index][1] in COMPARISONS:
            signs.append(self.tokens[self.index][1])
            self.index += 1
            sides.append(self.sum())
        return Compare(tuple(sides), tuple(signs))

    def near(self, first: Node) -> Compare:
        """first ~= number: within half a unit of the number's last printed digit."""
        negative = self.accept("-")
        value, unit = self.number()
        if unit is None:
            self.index -= 1
            raise self.unexpected("a decimal number")
        if negative:
            value = -value
        half = Fraction(unit, 2)
        low, high = (self.node("number", end) for end in (value - half, value + half))
        return Compare((low, first, high), ("<=", "<="))

    def number(self) -> tuple[Fraction, Fraction | None]:
        """A number and its unit."""
        at = self.tokens[self.index][2]
        value, unit = number_of(self.take("number", "a number"), at)
        if not self.accept("%"):
            return value, unit
        return Fraction(value, 100), None if unit is None else Fraction(unit, 100)

    def arguments(self, before: str = "(", behind: str = ")") -> tuple[Node, ...]:
        """``(sum, sum, ...)``."""
        self.expect(before)
        found = [self.inside(self.sum)]
        while self.accept(","):
            found.append(self.inside(self.sum))
        self.expect(behind)
        return tuple(found)

    def sum(self) -> Node:
        return self.flat("sum", "+-", self.product)

    def product(self) -> Node:
        return self.flat("product", "*@/", self.factor)

    def flat(self, kind: str, allowed: str, parse: Callable[[], Node]) -> Node:
        """Parts between signs of one precedence; (a + b) + c is a + b + c."""
        parts, signs = [parse()], ""
        while (spelling := self.tokens[self.index][1]) and spelling in allowed:
            self.index += 1
            signs += spelling
            parts.append(parse())
        if not signs:
            return parts[0]
        self.count += len(signs) - 1
        first = parts[0]
        if first.kind == kind:
            signs, parts[:1] = first.data + signs, first.parts
        return self.node(kind, signs, *parts)

    def factor(self) -> Node:
        if self.accept("-"):
            return self.node("neg", None, self.inside(self.factor))
        found = self.postfix()
        if not self.accept("^"):
            return found
        negative = self.accept("-")
        digits = self.take("number", "a whole number")
        if not digits.isdigit() or len(digits) > MAX_POWER_DIGITS:
            self.index -= 1
            raise self.unexpected(f"at most {MAX_POWER_DIGITS} digits")
        return self.node("^", -int(digits) if negative else int(digits), found)

    def postfix(self) -> Node:
        found = self.atom()
        while True:
            if self.accept(".T"):
                found = self.node("call", "transpose", found)
            elif self.accept("["):
                found = self.inside(lambda base=found: self.subscripts(base))
            else:
                return found

    def subscripts(self, base: Node) -> Node:
        """What stands between brackets."""
        kinds, parts = [], [base]
        while not kinds or self.accept(","):
            kind = "at" if not self.next_is(":") else ""
            if kind:
                parts.append(self.sum())
            if self.accept(":"):
                kind = "l" if kind else ""
                if not self.next_is(",") and not self.next_is("]"):
                    kind += "h"
                    parts.append(self.sum())
            kinds.append(kind)
        self.expect("]")
        return self.node("index", tuple(kinds), *parts)

    def atom(self) -> Node:
        if self.tokens[self.index][0] == "number":
            return self.node("number", self.number()[0])
        if self.accept("("):
            found = self.inside(self.sum)
            self.expect(")")
            return found
        if self.next_is("["):
            return self.node("call", "row", *self.arguments("[", "]"))
        name = self.take("name", "a number, a name or (")
        if not self.next_is("("):
            self.seen.append(name)
            return self.node("name", name)
        arguments = self.arguments()
        if name in SPECTRAL:
            self.spectra.setdefault(arguments[0])
        return self.node("call", name, *arguments)


def parse(text: str) -> Text:
    """The statement of a text of printable ASCII; E115, E116.

    >>> parse("sigma(A.T, 1) < 2").spectra[0].data
    'transpose'
    """
    return Parser(text).text()

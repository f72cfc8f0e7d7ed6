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
mechproof.claims.errors.SyntaxProblem: column 23: expected a name, a number or '(', found ')'
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from fractions import Fraction
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any

from lark import Lark, Token, Tree, UnexpectedInput

from .errors import SyntaxProblem, TooLarge
from .measured import decimal_exponent
from .restriction import LooseChain, among, among_first, check_loose, restricted, restricted_by_index
from .tree import (
    AllBut,
    Approx,
    Attribute,
    Binary,
    Both,
    Call,
    Compare,
    Comprehension,
    Defined,
    Either,
    Exists,
    Expression,
    Fact,
    ForAll,
    Index,
    Keyword,
    Member,
    Name,
    Negate,
    Negation,
    Node,
    Number,
    Power,
    Ranging,
    SetRelation,
    Statement,
    Subscript,
    Tokens,
    Truth,
    Within,
    whole,
)

MAX_CHARACTERS = 2000
MAX_DEPTH = 60
MAX_SIZE = 5000
MAX_DIGITS = 60
MAX_EXPONENT = 400
# What ``name=value`` may name among arguments; elsewhere ``=`` compares.
ARGUMENTS = frozenset(
    {
        "axis",
        "dim",
        "a_max",
        "a_min",
        "fisher",
        "keepdim",
        "keepdims",
        "max",
        "min",
        "tol",
        "rtol",
        "atol",
        "ord",
        "p",
        "q",
        "ddof",
        "unbiased",
        "correction",
        "k",
    }
)


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
    builder = _Builder(text, definitions)
    return builder.whole(tree)


_SYMBOLS = {
    "COMPARE": "a comparison", "APPROX": "'≈'", "_IN": "'in'", "PLUS": "'+'", "MINUS": "'-'", "TIMES": "'*'",
    "PERCENT": "'%'", "NAME": "a name", "QUOTED": "a name", "NUMBER": "a number", "LPAR": "'('",
    "RPAR": "')'", "LSQB": "'['", "RSQB": "']'", "COMMA": "','", "COLON": "':'", "POWER": "'^'", "_NOT": "'not'",
    "_FOR": "'for all'", "_ALL": "'all'", "_AND": "'and'", "_OR": "'or'", "_BUT": "'but'", "_EXISTS": "'exists'",
    "_IF": "'if'", "_PM": "'±'", "_TO": "'to'", "DIGITS": "'significant digits' or 'decimals'",
    "EXCEPTIONS": "'exactly'", "ATTRIBUTE": "'.'", "SEMICOLON": "';'", "SLASH": "'/'",
    "LBRACE": "'{'", "RBRACE": "'}'", "_WHERE": "'where'", "$END": "the end", "__ANON_0": "'..'",
}  # fmt: skip
# What can always follow is not worth telling.
_OPERATOR = {
    "PLUS", "MINUS", "TIMES", "POWER", "LSQB", "ATTRIBUTE", "__ANON_0", "PERCENT", "_AND", "_OR", "_IN", "_FOR", "_PM",
    "_TO", "SEMICOLON", "_WHERE",
}  # fmt: skip


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


@dataclass(frozen=True)
class Where(Node):
    """``name where rest``: a value over some inputs, or a statement about it, as what stands around it asks."""

    name: str
    rest: Any


# Rules that say themselves whether their parts are statements or values.
_EITHER = frozenset(
    {
        *("start", "trailing", "either", "both", "negation", "for_all", "all_but", "exists", "group", "call", "method"),
        *("listed", "each", "comprehension"),
    }
)


class _Builder:
    """Nodes for a parse tree: from the leaves up and without recursion, so that nesting costs no stack."""

    def __init__(self, text: str, definitions: Definitions) -> None:
        self.text, self.definitions = text, definitions
        self.ends: dict[int, int] = {}
        self.kept: list[Any] = []

    def whole(self, tree: Tree) -> Any:
        built: dict[int, Any] = {}
        for subtree in tree.iter_subtrees():  # children come before their parents
            column = 1 if subtree.meta.empty else subtree.meta.start_pos + 1
            children = [built[id(child)] if isinstance(child, Tree) else child for child in subtree.children]
            if subtree.data not in _EITHER:
                children = [self.valued(child) if isinstance(child, Where) else child for child in children]
            node = getattr(self, f"of_{subtree.data}")(column, *children)
            if isinstance(node, Name | Attribute | Call):
                node = self._defined(node)
            self._check_size(node, column)
            self.kept.append(node)
            self.ends[id(node)] = len(self.text) if subtree.meta.empty else subtree.meta.end_pos
            built[id(subtree)] = node
        found = built[id(tree)]
        check_loose(found)
        return found

    def _check_size(self, node: Any, column: int) -> None:
        if isinstance(node, Node) and node.depth > MAX_DEPTH:
            raise TooLarge(column, "an expression nested deeply", f"{MAX_DEPTH} levels")
        if isinstance(node, Node) and node.size > MAX_SIZE:
            raise TooLarge(column, "a large expression, with definitions spelled out", f"{MAX_SIZE} parts")

    def _defined(self, node: Expression) -> Expression:
        """Abbreviations put in, also before a dot."""
        if isinstance(node, Name):
            if node.name in self.definitions:
                return Defined(node.name, self.definitions[node.name], column=node.column)
            first, dot, last = node.name.rpartition(".")
            if dot and first in self.definitions:
                return Attribute(self._defined(Name(first, column=node.column)), last, column=node.column)
        if isinstance(node, Call) and not node.method:
            first, dot, last = node.function.rpartition(".")
            if dot and first in self.definitions:
                body = self._defined(Name(first, column=node.column))
                return replace(node, function=last, arguments=(body, *node.arguments), method=True)
        return node

    def stated(self, node: Any) -> Statement:
        """The statement that a part of a text is: a comparison, or a value that is true or false."""
        if isinstance(node, Where):
            return among_first(node.column, node.name, node.rest)
        if isinstance(node, Truth):
            return node.statement
        if isinstance(node, Call):
            return Fact(node, column=node.column)
        if isinstance(node, Statement):
            return node
        place = self.ends[id(node)]
        found = re.match(r"\s*([^\s()]+|.)", self.text[place:])
        at = place + (found.start(1) if found else 0)
        raise SyntaxProblem(at + 1, "a comparison", repr(found[1]) if found else "the end")

    def valued(self, node: Any) -> Expression:
        """The value that a part of a text is: a statement is 1 or 0."""
        if isinstance(node, Where):
            return restricted(node.column, node.name, node.rest)
        return Truth(node, column=node.column) if isinstance(node, Statement) else node

    def of_start(self, column: int, *parts: Any) -> Statement:
        known: dict[str, Expression] = {}
        *meanings, statement = parts
        for meaning in meanings:
            if (
                not isinstance(meaning, Compare)
                or meaning.operators != ("=",)
                or not isinstance(meaning.parts[0], Name)
            ):
                raise SyntaxProblem(meaning.column, "a definition such as 'S = svd(EQKE).S' before ';'", str(meaning))
            known[meaning.parts[0].name] = put_in(meaning.parts[1], known)
        found = put_in(self.stated(statement), known) if known else self.stated(statement)
        self._check_size(found, column)
        return found

    def of_trailing(self, column: int, body: Any, *binders: Any) -> Statement:
        return ForAll(tuple(binders), self.stated(body), column=column)

    def of_either(self, column: int, left: Any, right: Any) -> Statement:
        return Either(self.stated(left), self.stated(right), column=column)

    def of_both(self, column: int, left: Any, right: Any) -> Statement:
        return Both(self.stated(left), self.stated(right), column=column)

    def of_negation(self, column: int, inner: Any) -> Statement:
        return Negation(self.stated(inner), column=column)

    def of_for_all(self, column: int, *items: Any) -> Statement:
        return ForAll(tuple(items[:-1]), self.stated(items[-1]), column=column)

    def of_exists(self, column: int, *items: Any) -> Statement:
        return Exists(tuple(items[:-1]), self.stated(items[-1]), column=column)

    def of_all_but(self, column: int, how: Token | None, count: Token, *items: Any) -> Statement:
        if not count.isdigit() or len(count) > 9:
            raise SyntaxProblem(column, "a whole number of exceptions", repr(str(count)))
        exactly = how is not None and how.startswith("exactly")
        return AllBut(tuple(items[:-1]), self.stated(items[-1]), int(count), exactly, column=column)

    def of_compare(self, column: int, *items: Any) -> Compare:
        return Compare(tuple(items[::2]), tuple(map(_operator, items[1::2])), column=column)

    of_condition = of_compare

    def of_give_or_take(self, column: int, *items: Any) -> Statement:
        """``a = b ± c``."""
        if len(items) != 4 or _operator(items[1]) != "=":
            raise SyntaxProblem(column, "one '=' before '±'", str(items[1]))
        left, _, target, reach = items
        return _within(left, target, reach, column)

    def of_around(self, column: int, left: Any, _: Token, target: Number, reach: Any) -> Statement:
        return _within(left, target, reach, column)

    def of_approx(self, column: int, left: Any, sign: Token, target: Number) -> Statement:
        if sign == "~":
            target = _significant(target, len(_digits(target).strip("0")) or 1, column)
        return Approx(left, target, column=column)

    def of_rounded(self, column: int, left: Any, _: Token, target: Number, count: Token, digits: Token) -> Statement:
        if not count.isdigit() or not 1 <= int(count[:4]) <= MAX_DIGITS:
            raise SyntaxProblem(column, f"1 to {MAX_DIGITS} digits", repr(str(count)))
        if str(digits).startswith("dec"):
            return Approx(left, _rounded(target, -int(count)), column=column)
        return Approx(left, _significant(target, int(count), column), column=column)

    def of_approx_each(self, column: int, left: Any, _: Token, *targets: Number) -> Statement:
        """``[a, b] ≈ [1.0, 2.0]``: each of them."""
        listed = isinstance(left, Call) and left.function == "row" and left.arguments
        if listed and len(left.arguments) != len(targets):
            raise SyntaxProblem(column, f"{len(left.arguments)} numbers after '≈'", f"{len(targets)}")
        values = left.arguments if listed else [_at(left, n, column) for n in range(len(targets))]
        found: Statement = Approx(values[-1], targets[-1], column=column)
        for value, target in zip(values[-2::-1], targets[-2::-1], strict=True):
            found = Both(Approx(value, target, column=column), found, column=column)
        return found

    # What is said of some inputs, see restriction.py

    def of_where(self, column: int, name: Token, rest: Any) -> Where:
        return Where(str(name), self._condition(rest), column=column)

    def of_among(self, column: int, inner: Any, condition: Any) -> Statement:
        return among(column, self.stated(inner), self._condition(condition))

    def _condition(self, node: Any) -> Statement:
        """A lone name is that of a split."""
        return Compare((node,), (), column=node.column) if isinstance(node, Name) else self.stated(node)

    def of_both_conditions(self, column: int, left: Any, right: Any) -> Statement:
        return Both(self._condition(left), self._condition(right), column=column)

    def of_no_condition(self, column: int, inner: Any) -> Statement:
        return Negation(self._condition(inner), column=column)

    def of_chain_approx(self, column: int, *items: Any) -> Statement:
        return LooseChain(self.of_compare(column, *items[:-2]), items[-1], column=column)

    def of_set_relation(self, column: int, subject: Any, operator: Token, listed: Any) -> Statement:
        return SetRelation(subject, _operator(operator), listed, column=column)

    def of_set(self, column: int, *inputs: Any) -> tuple[Tokens, ...]:
        return tuple(item for item in inputs if item is not None)

    def of_single(self, column: int, token: Any) -> Tokens:
        return Tokens((token,), column=column)

    def of_tokens(self, column: int, *items: Any) -> Tokens:
        return Tokens(tuple(item for item in items if item is not None), column=column)

    def of_member(self, column: int, item: Any, subject: Any) -> Statement:
        return Member(item, subject, column=column)

    def of_not_member(self, column: int, item: Any, subject: Any) -> Statement:
        return Negation(Member(item, subject, column=column), column=column)

    def of_within(self, column: int, inner: Any, low: Any, high: Any) -> Statement:
        return Within(inner, low, high, column=column)

    def of_ranging(self, column: int, name: Token, first: Any, last: Any = None) -> Ranging:
        return ranging(str(name), first, last, column)

    def of_binary(self, column: int, left: Any, token: Token, right: Any) -> Expression:
        return Binary(_operator(token), left, right, column=column)

    def of_negate(self, column: int, _: Token, body: Any) -> Expression:
        return Negate(body, column=column)

    def of_power(self, column: int, base: Any, sign: Token, exponent: int | Fraction) -> Expression:
        if exponent == Fraction(1, 2):
            return Call("sqrt", (base,), column=column)
        if not isinstance(exponent, int):
            raise SyntaxProblem(self.ends[id(base)] + 1, "a whole number, 0.5 or 1/2 as exponent", f"{exponent}")
        return Call("power", (base, Number(Fraction(exponent), None, str(exponent))), column=column) if (
            sign == "**" and not isinstance(base, Number)
        ) else Power(base, exponent, column=column)  # fmt: skip

    def of_exponent(self, column: int, *parts: Token | None) -> int | Fraction:
        sign, number, *below = parts
        if number == "0.5" and sign is None:
            return Fraction(1, 2)
        for part in (number, *below):
            if part is not None and (not part.isdigit() or len(part) > 4 or (part is not number and not int(part))):
                found = repr(str(part))
                raise SyntaxProblem(column, "a whole number of at most 4 digits as exponent", found)
        value = Fraction(int(number or 0), int(below[0]) if below and below[0] is not None else 1)
        value = value if sign is None else -value
        return value.numerator if value.denominator == 1 else value

    def of_attribute(self, column: int, body: Any, name: Token) -> Expression:
        if name in (".T", ".mT"):
            return Call("transpose", (self.valued(body),), column=column)
        return Attribute(self.valued(body), str(name)[1:], column=column)

    def of_method(self, column: int, body: Any, name: Token, *arguments: Any) -> Expression:
        return self._called(column, str(name)[1:], [self.valued(body)], arguments, method=True)

    def of_call(self, column: int, name: Token, *arguments: Any) -> Expression:
        return self._called(column, _function(name), [], arguments, method=False)

    def _called(
        self, column: int, name: str, before: list[Expression], arguments: Sequence[Any], *, method: bool
    ) -> Expression:
        given, keywords = before, []
        for argument in arguments:
            match argument:
                case None:
                    pass
                case Compare((Name(word), value), ("=",)) if word in ARGUMENTS:
                    keywords.append(Keyword(word, value, column=argument.column))
                case _:
                    given.append(self.valued(argument))
        return Call(name, tuple(given), tuple(keywords), method, column=column)

    def of_index(self, column: int, matrix: Any, *found: Subscript | Compare | None) -> Expression:
        subscripts = tuple(s for s in found if s is not None)
        by_condition = restricted_by_index(column, matrix, subscripts)
        if by_condition is not None:
            return by_condition
        for subscript in subscripts:
            if isinstance(subscript, Compare):
                raise SyntaxProblem(subscript.column, "an index or a range", "a comparison")
        return Index(self.valued(matrix), tuple(s for s in subscripts if isinstance(s, Subscript)), column=column)

    def of_at(self, column: int, first: Any) -> Subscript:
        return Subscript(first, None, True, column=column)

    def of_slice(self, column: int, first: Any, last: Any) -> Subscript:
        return Subscript(first, last, False, column=column)

    def of_name(self, column: int, name: Token) -> Expression:
        return Name(str(name), column=column)

    def of_quoted(self, column: int, name: Token) -> Expression:
        return Name(str(name)[1:-1], column=column)

    def of_group(self, column: int, inner: Any) -> Node:
        return inner if isinstance(inner, Where) else self.valued(inner)

    def of_listed(self, column: int, *items: Any) -> Expression:
        return Call("row", tuple(map(self.valued, items)), column=column)

    def of_each(self, column: int, body: Any, name: Token, over: Any) -> Expression:
        """``[f(W) for W in [A, B]]``: the list of f(A) and f(B)."""
        if not isinstance(over, Call) or over.function != "row":
            raise SyntaxProblem(over.column, "a list such as [W_E, W_U] after 'in'", str(over))
        items = tuple(put_in(self.valued(body), {str(name): item}, named=False) for item in over.arguments)
        return Call("row", items, column=column)

    def of_comprehension(self, column: int, body: Any, *parts: Any) -> Expression:
        loops, condition = (parts[:-1], parts[-1]) if len(parts) % 2 else (parts, None)
        return Comprehension(
            body,
            tuple(map(str, loops[::2])),
            tuple(loops[1::2]),
            None if condition is None else self.stated(condition),
            column=column,
        )

    def of_literal(self, column: int, sign: Token | None, number: Number) -> Number:
        if sign is None:
            return number
        return Number(-number.value, number.unit, f"-{number.text}", column=column)

    def of_number(self, column: int, text: Token, percent: Token | None) -> Number:
        return _number(str(text), percent is not None, column)


def put_in(node: Any, meanings: Mapping[str, Expression], *, named: bool = True) -> Any:
    """The node with these meanings in place of the names, as abbreviations if ``named``."""
    if isinstance(node, tuple):
        return tuple(put_in(item, meanings, named=named) for item in node)
    if isinstance(node, Name) and node.name in meanings:
        meaning = meanings[node.name]
        return Defined(node.name, meaning, column=node.column) if named else meaning
    if not isinstance(node, Node):
        return node
    values = {f.name: put_in(getattr(node, f.name), meanings, named=named) for f in fields(node) if f.init}
    return replace(node, **values)


OPERATORS = {
    **dict.fromkeys(("≤", r"\le", r"\leq"), "<="),
    **dict.fromkeys(("≥", r"\ge", r"\geq"), ">="),
    **dict.fromkeys(("≠", r"\ne", r"\neq"), "!="),
    **dict.fromkeys(("·", "×", r"\cdot", r"\times"), "*"),
    "==": "=",
    "−": "-",
}


def _operator(token: str) -> str:
    return OPERATORS.get(str(token), str(token))


def _function(name: str) -> str:
    return "sigma" if name == "σ" else str(name)


def _at(matrix: Expression, place: int, column: int) -> Expression:
    return Index(matrix, (Subscript(whole(place), None, True),), column=column)


def _within(left: Expression, target: Expression, reach: Expression, column: int) -> Statement:
    return Within(left, Binary("-", target, reach), Binary("+", target, reach), column=column)


def ranging(name: str, first: Expression, last: Expression | None, column: int) -> Ranging:
    """``q in a..b``; in Python's words ``q in range(a, b)``, without b."""
    if last is None and isinstance(first, Call) and first.function in ("range", "arange"):
        ends = first.arguments
        if not 1 <= len(ends) <= 2:
            raise SyntaxProblem(first.column, "one or two numbers in range(...)", f"{len(ends)}")
        low, high = (whole(0), *ends)[-2:]
        return Ranging(name, low, Binary("-", high, whole(1)), column=column)
    return Ranging(name, first, last, column=column)


def _digits(number: Number) -> str:
    """The digits of a decimal, without sign, dot, exponent and leading zeros."""
    return number.text.lower().lstrip("-").rstrip("%").partition("e")[0].replace(".", "").lstrip("0")


def _significant(number: Number, count: int, column: int) -> Number:
    """The number rounded to so many significant digits, which are all it claims."""
    if number.unit is None or not number.value:
        raise SyntaxProblem(column, "a decimal number other than 0 to round to significant digits", str(number))
    return _rounded(number, decimal_exponent(abs(number.value)) - count + 1)


def _rounded(number: Number, power: int) -> Number:
    """The number rounded to a multiple of 10^power, ties away from 0; as a percentage if it is one."""
    percent = number.text.endswith("%")
    unit = Fraction(10) ** power
    steps = abs(number.value) / Fraction(unit) + Fraction(1, 2)
    count = (steps.numerator // steps.denominator) * (1 if number.value >= 0 else -1)
    text = f"{count}e{power + 2 * percent}{'%' * percent}"
    return Number(count * unit, unit, text, column=number.column)

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

from collections.abc import Callable, Mapping
from fractions import Fraction
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any

from lark import Lark, Token, Tree, UnexpectedInput

from .errors import SyntaxProblem, TooLarge
from .restriction import LooseChain, among, among_first, check_loose, restricted, restricted_by_index
from .tree import (
    Approx,
    Binary,
    Both,
    Call,
    Compare,
    Defined,
    Expression,
    Fact,
    ForAll,
    Index,
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
    Within,
)

MAX_CHARACTERS = 2000
MAX_DEPTH = 60
MAX_SIZE = 5000
MAX_DIGITS = 60
MAX_EXPONENT = 400


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
    "PERCENT": "'%'", "NAME": "a name", "QUOTED": "a name", "NUMBER": "a number", "LPAR": "'('",
    "RPAR": "')'", "LSQB": "'['",
    "RSQB": "']'",
    "LBRACE": "'{'", "RBRACE": "'}'", "_WHERE": "'where'",
    "COMMA": "','", "COLON": "':'", "CIRCUMFLEX": "'^'", "_NOT": "'not'", "_FOR": "'for all'",
    "_ALL": "'all'", "_AND": "'and'", "$END": "the end", "__ANON_0": "'..'", "__ANON_1": "'.T'",
}  # fmt: skip
# What can always follow is not worth telling.
_OPERATOR = {"PLUS", "MINUS", "TIMES", "CIRCUMFLEX", "LSQB", "__ANON_0", "__ANON_1", "PERCENT", "_AND", "_IN", "_WHERE"}


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
    check_loose(built[id(tree)])
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


def _index(column: int, matrix: Expression, *found: Subscript | Compare | None) -> Expression:
    subscripts = tuple(s for s in found if s is not None)
    by_condition = restricted_by_index(column, matrix, subscripts)
    if by_condition is not None:
        return by_condition
    for subscript in subscripts:
        if isinstance(subscript, Compare):
            raise SyntaxProblem(subscript.column, "an index or a range", "a comparison")
    return Index(matrix, tuple(s for s in subscripts if isinstance(s, Subscript)), column=column)


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
    "lone": lambda column, name: Compare((Name(str(name), column=column),), (), column=column),
    "among": lambda column, inner, condition: among(column, inner, condition),
    "among_first": lambda column, name, rest: among_first(column, str(name), rest),
    "restricted": lambda column, name, condition: restricted(column, str(name), condition),
    "chain_approx": lambda column, *items: LooseChain(
        _chain(column, *items[:-2]), items[-1], column=column
    ),
    "set_relation": lambda column, subject, operator, listed: SetRelation(
        subject, _operator(operator), listed, column=column
    ),
    "set": lambda column, *inputs: tuple(item for item in inputs if item is not None),
    "single": lambda column, token: Tokens((token,), column=column),
    "tokens": lambda column, *items: Tokens(tuple(i for i in items if i is not None), column=column),
    "member": lambda column, item, subject: Member(item, subject, column=column),
    "not_member": lambda column, item, subject: Negation(Member(item, subject, column=column), column=column),
    "index": _index,
    "at": lambda column, first: Subscript(first, None, True, column=column),
    "slice": lambda column, first, last: Subscript(first, last, False, column=column),
    "name": lambda column, name: Name(str(name), column=column),
    "quoted": lambda column, name: Name(str(name)[1:-1], column=column),
    "call": _call,
    "literal": _literal,
    "number": lambda column, text, percent: _number(str(text), percent is not None, column),
}

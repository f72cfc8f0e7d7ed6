r"""A statement over several rows: where it is too wide for one, it is broken at what a reader breaks it at.

First behind its quantifiers and at implications, conjunctions and disjunctions, then relations at their sign, then
sums at theirs.

>>> from .formula import At, ForAll, Num, Range, Var
>>> p, a, b = Var("p"), Var("a"), Var("b")
>>> positive = ForAll(p, Range(Num(0), Var("K")), At("w", p) > Num(0))
>>> for row in rows(positive.implies((a >= Num(0)).implies(a + b >= b)), 20): print(row)
&\left(\forall\, 0 \le p < K:\; w(p) > 0\right)
\;\wedge\; &a \ge 0
\;\Longrightarrow\; &a + b \ge b
"""

from __future__ import annotations

from collections.abc import Iterator

from .formula import AND, IMPLIES, OR, Binary, Connective, Expr, ForAll, Formula, Relation, closed, members, sequent
from .transcript.spelling import widths

QUAD = "\\quad "


def rows(formula: Formula, width: int) -> list[str]:
    """Rows of so many signs each where that can be, & where they are aligned; one row if it fits."""
    return [f"{sign}&{row}" for sign, row in _rows(formula, width)]


def fits(latex: str, width: int) -> bool:
    return sum(widths(latex)) <= width


# A row, and the connective in front of it.
_Row = tuple[str, str]


def _rows(formula: Formula, width: int) -> list[_Row]:
    if fits(formula.latex(), width):
        return [("", formula.latex())]
    match formula:
        case ForAll():
            return [("", formula.quantifiers), *_rows(formula.scope, width)]
        case Connective() if formula.sign == IMPLIES:
            given, then = sequent(formula)
            open_end = len(then) == 1 and not (isinstance(then[0], Connective) and then[0].sign != OR)
            conclusions = [_rows(then[0], width)] if open_end else [_within(part, width) for part in then]
            return [
                *_joined(AND, [_within(part, width) for part in given]),
                *_signed(IMPLIES, _joined(AND, conclusions)),
            ]
        case Connective() if formula.sign in (AND, OR):
            return _joined(formula.sign, [_within(part, width) for part in members(formula)])
        case Connective():
            return [*_within(formula.left, width), *_signed(formula.sign, _within(formula.right, width))]
        case Relation():
            return list(_relation(formula, width))
    return [("", formula.latex())]


def _within(formula: Formula, width: int) -> list[_Row]:
    """A part of a connective: in parentheses unless it is a relation, and indented where it has several rows."""
    if isinstance(formula, Relation):
        return _rows(formula, width)
    if fits(closed(formula), width):
        return [("", closed(formula))]
    (sign, first), *others = _rows(formula, width - 2)
    if not others:
        return [("", closed(formula))]
    inner = [f"\\bigl({sign}{first}", *(f"{QUAD}{sign}{row}" for sign, row in others)]
    return [("", row) for row in (*inner[:-1], f"{inner[-1]}\\bigr)")]


def _joined(sign: str, parts: list[list[_Row]]) -> list[_Row]:
    first, *others = parts
    return [*first, *(row for part in others for row in _signed(sign, part))]


def _signed(sign: str, part: list[_Row]) -> list[_Row]:
    (before, first), *others = part
    return [(sign + " " + before, first), *others]


def _relation(formula: Relation, width: int) -> Iterator[_Row]:
    """Both sides, each on rows of its own."""
    yield from (("", row) for row in _sum(formula.left, width))
    first, *others = _sum(formula.right, width)
    yield "", f"{QUAD}{formula.sign} {first}"
    yield from (("", f"{QUAD}{row}") for row in others)


def _sum(expr: Expr, width: int) -> list[str]:
    """The summands on as few rows as hold them."""
    found: list[str] = []
    for sign, term in _summands(expr):
        part = f"{sign}{term}" if found else term if sign == "+" else f"{sign}{term}"
        if found and fits(f"{found[-1]} {part}", width):
            found[-1] += f" {part}"
        else:
            found.append(f"{QUAD}{part}" if found else part)
    return found


def _summands(expr: Expr) -> Iterator[tuple[str, str]]:
    """Sign and summand, as :class:`~.formula.Binary` writes them."""
    if not isinstance(expr, Binary) or expr.sign == "*" or expr.latex().startswith("-"):
        yield "+", expr.latex()
        return
    yield from _summands(expr.left)
    whole, left = expr.latex(), expr.left.latex()
    yield expr.sign + " ", whole.removeprefix(f"{left} {expr.sign} ")

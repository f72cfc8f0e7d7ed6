"""Words that take an axis."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from .errors import NotDefined, WrongArguments
from .functions import FUNCTIONS
from .kind import COLUMN, LYING, MATRIX, NUMBER, ROW, STANDING, Kind, Known, Valued
from .tree import Call, Comprehension, Expression, Negate, Number
from .words import BY_ROWS, REDUCTIONS

if TYPE_CHECKING:
    from .spelling import Spelling


def along(spelling: Spelling, word: str, call: Call, torch: bool) -> Valued:
    """A reduction: of all entries, or along an axis."""
    arguments, keywords = list(call.arguments), {keyword.name: keyword.value for keyword in call.keywords}
    kept = kept_in(keywords)
    if not arguments:
        raise WrongArguments(call.column, word, "a matrix", "nothing")
    value = arguments.pop(0)
    if isinstance(value, Comprehension):
        raise NotDefined(call.column, f"'for' stands in all(…) and any(…), not in {word}(…)")
    body, kind = spelling.value(value)
    if (
        word in ("max", "min")
        and arguments
        and not (len(arguments) == 1 and axis_of(arguments[0]) is not None and kind.axes)
    ):
        function = {"max": "maximum", "min": "minimum"}[word]
        found: Valued = body, kind
        for argument in arguments:
            found = spelling.core(function, Call(function, (Known(*found), argument), column=call.column))
        return found
    axis = axis_in(keywords) or (arguments.pop(0) if arguments else None)
    if arguments or (keywords and word not in ("std", "var")):
        found_text = ", ".join(map(str, [*arguments, *(f"{n}={v}" for n, v in keywords.items())]))
        raise WrongArguments(call.column, word, "a matrix and perhaps axis= and keepdim=", found_text)
    whole, rows = REDUCTIONS.get(word) or (BY_ROWS[word], BY_ROWS[word])
    if word in ("std", "var"):
        whole, rows = _spread(spelling, word, call, keywords, torch, whole, rows)
    elif keywords:
        raise WrongArguments(call.column, word, "a matrix and perhaps axis=", ", ".join(keywords))
    return _reduced(spelling, word, call, (body, kind), place_of(axis, call, word, value, kind), whole, rows, kept)


def axis_in(keywords: dict[str, Expression]) -> Expression | None:
    """What ``axis=`` or ``dim=`` says, taken out."""
    return keywords.pop("axis", None) or keywords.pop("dim", None)


def kept_in(keywords: dict[str, Expression]) -> bool:
    """Whether ``keepdim=`` or ``keepdims=`` is True, taken out."""
    return str(keywords.pop("keepdim", None) or keywords.pop("keepdims", None)) == "True"


def place_of(axis: Expression | None, call: Call, word: str, value: Expression, kind: Kind) -> int | None:
    """The axis of ``value`` as 0 or 1; None where none is named.  Raises WrongArguments for one that it has not."""
    if axis is None or str(axis) == "None":
        return None
    at = axis_of(axis)
    if at is None or not -kind.axes <= at < max(kind.axes, 1):
        raise WrongArguments(call.column, word, f"an axis of {value}, which has {kind.axes}", f"axis {axis}")
    return at % max(kind.axes, 1)


def _reduced(
    spelling: Spelling, word: str, call: Call, given: Valued, axis: int | None, whole: str, rows: str, kept: bool
) -> Valued:
    body, kind = given
    by_rows = word in BY_ROWS
    truth = word in ("all", "any") and kind.truth
    if word in ("all", "any", "count") and not kind.truth:
        raise NotDefined(call.column, f"{word}(…) is of a comparison, such as {word}(A > 0)")
    if by_rows:
        if axis is None and kind.axes == 2 and not kind.layout:
            if word not in ("diff", "sort"):
                raise WrongArguments(call.column, word, "axis=0 or axis=1 of a matrix", "none")
            axis = 1
        if kind.axes == 2 and (axis == 0 or (axis is None and kind.layout == "column")):
            return spelling.made(f"{_of_columns(rows)}", call.column, A=Known(*given))[0], kind
        laid = spelling.lying(given)
        return spelling.made(rows, call.column, A=Known(*laid))[0], laid[1]
    if axis is None or kind.axes <= 1:
        value = spelling.core(word, replace(call, function=word, arguments=(Known(*given),), keywords=())) if (
            word in FUNCTIONS
        ) else spelling.made(whole, call.column, A=Known(*given))  # fmt: skip
        return value[0], NUMBER._replace(truth=truth)
    if axis == 1:
        value, _ = spelling.made(rows, call.column, A=Known(body, MATRIX._replace(truth=kind.truth)))
        return value, (COLUMN if kept else STANDING)._replace(truth=truth)
    text = "mean_over_rows(A)" if word == "mean" else _of_columns(rows)
    value, _ = spelling.made(text, call.column, A=Known(body, MATRIX._replace(truth=kind.truth)))
    return value, (ROW if kept else LYING)._replace(truth=truth)


def _spread(
    spelling: Spelling, word: str, call: Call, keywords: dict[str, Expression], torch: bool, whole: str, rows: str
) -> tuple[str, str]:
    """std and var divide by n in numpy and by n - 1 in torch."""
    told = (
        f"{word} divides by the number of entries (numpy; write ddof=0)",
        f"{word} divides by one less (torch; write ddof=1)",
    )
    given = keywords.pop("ddof", keywords.pop("correction", None))
    unbiased = keywords.pop("unbiased", None)
    if keywords:
        raise WrongArguments(call.column, word, "a matrix and perhaps axis= and ddof=", ", ".join(keywords))
    if unbiased is not None:
        less = int(str(unbiased) == "True")
    elif given is not None:
        if str(given) not in ("0", "1"):
            raise WrongArguments(call.column, word, "ddof=0 or ddof=1", str(given))
        less = int(str(given))
    elif torch or call.function.startswith(("np.", "numpy.")):
        less = int(torch)
    else:
        less = spelling.choose(word, *told)
    if not less:
        return whole, rows
    texts = "sum((A - mean(A))**2) / (size(A) - 1)", "row_sum((A - row_mean(A))**2) / (columns(A) - 1)"
    return tuple(f"sqrt({text})" for text in texts) if word == "std" else texts  # type: ignore[return-value]


def axis_of(node: Expression) -> int | None:
    """The whole number that an expression spells."""
    if isinstance(node, Negate) and isinstance(node.body, Number):
        found = axis_of(node.body)
        return None if found is None else -found
    return int(node.value) if isinstance(node, Number) and node.text.isdigit() else None


def _of_columns(rows: str) -> str:
    """The text of what is done with the columns, from that of the rows."""
    return f"({_renamed(rows)}).T"


def _renamed(text: str) -> str:
    return re.sub(r"\bA\b", "A.T", text)

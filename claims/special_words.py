"""Words whose meaning depends on how they are written: :mod:`.spelling` asks here first.

Each takes the speller, the call and whether torch is written before it, and gives the value; None for a spelling that
means what the core or :mod:`.words` says.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from .errors import NotDefined, WrongArguments
from .kind import COLUMN, LYING, MATRIX, ROW, STANDING, Known, Valued
from .reductions import along, axis_in, axis_of, kept_in, place_of
from .tree import Binary, Call, Defined, Expression, Keyword, Name, Number, Power, whole

if TYPE_CHECKING:
    from .spelling import Spelling


# Words that depend on how they are written


def _norm(spelling: Spelling, call: Call, torch: bool) -> Valued:
    arguments, keywords = list(call.arguments), {keyword.name: keyword.value for keyword in call.keywords}
    axis, kept = axis_in(keywords), kept_in(keywords)
    order = keywords.pop("ord", keywords.pop("p", arguments.pop(1) if len(arguments) > 1 else None))
    if arguments[1:] and axis is None:
        axis = arguments.pop(1)
    if not arguments or arguments[1:] or keywords:
        raise WrongArguments(call.column, "norm", "a matrix, perhaps ord and axis=", str(call))
    body = Known(*spelling.value(arguments[0]))
    name = "2" if order is None else str(order).rpartition(".")[2] if "inf" in str(order) else str(order)
    name = str(order.name) if isinstance(order, Name) and "inf" not in order.name else name
    if axis is not None:
        if name not in ("2", "1", "inf"):
            raise WrongArguments(call.column, "norm", "the order 1, 2 or inf of an axis", name)
        text = {"2": "frobenius", "1": "sum", "inf": "max"}[name]
        inner: Expression = body if name == "2" else Call("abs", (body,))
        extra = (Keyword("keepdim", Name("True")),) if kept else ()
        made = Call(text, (inner,), (Keyword("axis", axis), *extra), column=call.column)
        return along(spelling, text, made, torch)
    if order is None or name == "fro" or (name == "2" and body.kind.axes < 2):
        return spelling.made("frobenius(A)", call.column, A=body)
    texts = {
        "2": "spectral_norm(A)", "nuc": "nuclear_norm(A)", "inf": "max(row_sum(abs(A)))",
        "1": "max(row_sum(abs(A.T)))", "-2": "min(singular_values(A))",
    }  # fmt: skip
    flat = {"2": "frobenius(A)", "1": "sum(abs(A))", "inf": "max(abs(A))"}
    if name not in texts:
        raise WrongArguments(call.column, "norm", "an order 1, 2, inf, 'fro' or 'nuc'", name)
    text = texts[name]
    if body.kind.axes < 2:
        text = flat.get(name, text)
    elif name in flat and "linalg" not in call.function:
        entries = _flat_norm(spelling, call, torch)
        told = f"norm({body}, {name}) as np.linalg.norm", f"norm({body}, {name}) of all entries, as torch.norm"
        if entries or (entries is None and spelling.choose(str(call), *told)):
            text = flat[name]
    return spelling.made(text, call.column, A=body)


def _flat_norm(spelling: Spelling, call: Call, torch: bool) -> bool | None:
    """Whether a norm of an order is of all entries: torch.norm(A, p), and the method; None for norm(A, p)."""
    if "matrix_norm" in call.function:
        return False
    if torch or call.method or "vector_norm" in call.function:
        return True
    return None


def _rank(spelling: Spelling, call: Call, torch: bool) -> Valued | None:
    keywords = {keyword.name: keyword.value for keyword in call.keywords}
    arguments = list(call.arguments)
    positional = arguments.pop(1) if len(arguments) == 2 else None
    if not keywords and positional is None:
        return None
    if (
        len(arguments) != 1
        or len(keywords) + (positional is not None) != 1
        or not keywords.keys() <= {"tol", "atol", "rtol"}
    ):
        raise WrongArguments(call.column, "rank", "a matrix, perhaps atol= or rtol=", str(call))
    value = positional if positional is not None else next(iter(keywords.values()))
    relative = "rtol" in keywords
    if not relative and "atol" not in keywords:
        told = (
            f"singular values above {value} (write atol={value})",
            f"singular values above {value} times the largest (write rtol={value})",
        )
        relative = bool(spelling.choose(str(call), *told))
    text = "sum(less(t * spectral_norm(A), singular_values(A)))" if relative else "sum(less(t, singular_values(A)))"
    return spelling.made(text, call.column, A=arguments[0], t=value)


def _sigma(spelling: Spelling, call: Call, torch: bool) -> Valued | None:
    if len(call.arguments) == 1 and not call.keywords:
        return spelling.made("singular_values(A)", call.column, A=call.arguments[0])
    return None


def _singular_values(spelling: Spelling, call: Call, torch: bool) -> Valued | None:
    if len(call.arguments) == 1:
        return spelling.core("singular_values", call)[0], LYING
    return None


def _svd(spelling: Spelling, call: Call, torch: bool) -> Valued:
    raise NotDefined(call.column, "write svd(A).S, svd(A).U, svd(A).V or svd(A).Vh")


def _eigvals(spelling: Spelling, call: Call, torch: bool) -> Valued:
    raise NotDefined(
        call.column,
        "eigenvalues are complex and in no order: write eigvals(A).real or abs(eigvals(A)), in descending order",
    )


def _complex(spelling: Spelling, call: Call) -> Expression | None:
    """The matrix whose eigenvalues the only argument is, if it is that."""
    if len(call.arguments) != 1 or call.keywords:
        return None
    (inner,) = call.arguments
    inner = inner.body if isinstance(inner, Defined) else inner
    if isinstance(inner, Call):
        word, spelled = spelling.word(inner)
        if word == "eigvals" and len(spelled.arguments) == 1:
            return spelled.arguments[0]
    return None


def _abs(spelling: Spelling, call: Call, torch: bool) -> Valued | None:
    matrix = _complex(spelling, call)
    return None if matrix is None else (spelling.made("eigenvalue_sizes(A)", call.column, A=matrix)[0], LYING)


def _sum(spelling: Spelling, call: Call, torch: bool) -> Valued | None:
    matrix = _complex(spelling, call)
    return None if matrix is None else spelling.made("trace(A)", call.column, A=matrix)


def _mean(spelling: Spelling, call: Call, torch: bool) -> Valued | None:
    matrix = _complex(spelling, call)
    return None if matrix is None else spelling.made("trace(A) / rows(A)", call.column, A=matrix)


def _transpose(spelling: Spelling, call: Call, torch: bool) -> Valued | None:
    """transpose(0, 1) exchanges the axes in torch and leaves them in numpy, and permute(0, 1) leaves them."""
    axes = tuple(map(axis_of, call.arguments[1:]))
    swapped = call.function.rpartition(".")[2] == "swapaxes" or torch
    exchanged = ((), (1, 0), (-1, -2), *(((0, 1), (-2, -1)) if swapped else ()))
    if call.keywords or axes not in exchanged:
        raise WrongArguments(call.column, "a transpose", "no axes, or (1, 0)", str(call))
    return spelling.core("transpose", replace(call, arguments=call.arguments[:1], keywords=()))


def _dot(spelling: Spelling, call: Call, torch: bool) -> Valued | None:
    """np.dot of a matrix is the matrix product; inner products of matrices are of all entries."""
    written = call.function.rpartition(".")[2]
    if written in ("dot", "inner") and any(spelling.value(argument)[1].axes > 1 for argument in call.arguments):
        spelling.exactly(call, "dot", 2)
        if written == "inner":
            raise WrongArguments(call.column, "inner", "two vectors", str(call))
        return spelling.made("A @ B", call.column, A=call.arguments[0], B=call.arguments[1])
    return None


def _diagonal(spelling: Spelling, call: Call, torch: bool) -> Valued | None:
    if call.arguments and spelling.value(call.arguments[0])[1].axes < 2:
        raise WrongArguments(call.column, "diagonal", "a matrix", f"a vector: {call.arguments[0]}")
    value, _ = spelling.core("diagonal", call)
    numpy = call.method or not call.function.startswith("diagonal")
    return value, STANDING if numpy else COLUMN


def _off_diagonal(spelling: Spelling, call: Call, torch: bool) -> Valued | None:
    return spelling.core("off_diagonal", call)[0], LYING


def _flatten(spelling: Spelling, call: Call, torch: bool) -> Valued | None:
    """Also reshape(-1); the language has no other shapes."""
    if call.keywords or [axis_of(size) for size in call.arguments[1:]] not in ([], [-1]):
        raise WrongArguments(call.column, "reshape", "-1, for all entries in one row", str(call))
    body, kind = spelling.value(call.arguments[0])
    if kind.axes < 2:
        return body, kind
    return Call("flatten", (body,), column=call.column), LYING


def _arange(spelling: Spelling, call: Call, torch: bool) -> Valued | None:
    if len(call.arguments) == 1:
        return spelling.made("arange(0, n)", call.column, n=call.arguments[0])
    return None


def _range(spelling: Spelling, call: Call, torch: bool) -> Valued | None:
    if len(call.arguments) == 1 and spelling.value(call.arguments[0])[1].axes == 0:
        return spelling.made("arange(0, n)", call.column, n=call.arguments[0])
    if len(call.arguments) == 2:
        return spelling.made("arange(a, b)", call.column, a=call.arguments[0], b=call.arguments[1])
    return None


def _power(spelling: Spelling, call: Call, torch: bool) -> Valued:
    if (
        len(call.arguments) != 2
        or not isinstance(call.arguments[1], Number)
        or call.arguments[1].value.denominator != 1
    ):
        raise WrongArguments(call.column, "a power", "a matrix and a whole number", str(call))
    base, kind = spelling.value(call.arguments[0])
    return Power(base, int(call.arguments[1].value), column=call.column), kind._replace(truth=False)


def _quantile(spelling: Spelling, call: Call, torch: bool) -> Valued | None:
    arguments = list(call.arguments)
    keywords = {keyword.name: keyword.value for keyword in call.keywords}
    at = keywords.pop("q", arguments.pop(1) if len(arguments) > 1 else None)
    axis = axis_in(keywords)
    if at is None or keywords or len(arguments) != 1:
        raise WrongArguments(call.column, "quantile", "a matrix and a number from 0 to 1", str(call))
    return _quantile_at(spelling, call, arguments[0], at, axis)


def _percentile(spelling: Spelling, call: Call, torch: bool) -> Valued:
    arguments = list(call.arguments)
    if len(arguments) != 2 or call.keywords:
        raise WrongArguments(call.column, "percentile", "a matrix and a number from 0 to 100", str(call))
    return _quantile_at(spelling, call, arguments[0], Binary("/", arguments[1], whole(100)), None)


def _quantile_at(spelling: Spelling, call: Call, matrix: Expression, at: Expression, axis: Expression | None) -> Valued:
    known, place = Known(*spelling.value(matrix)), Known(*spelling.value(at))
    along_axis = place_of(axis, call, "quantile", matrix, known.kind)
    if along_axis is None or known.kind.axes < 2:
        return spelling.core("quantile", Call("quantile", (known, place), column=call.column))
    if along_axis:
        return spelling.made("row_quantile(A, q)", call.column, A=known, q=place)[0], STANDING
    return spelling.made("row_quantile(A.T, q).T", call.column, A=known, q=place)[0], LYING


def _median(spelling: Spelling, call: Call, torch: bool) -> Valued | None:
    if torch or call.method:
        told = "median as the mean of the two middle entries (numpy)", "median as the lower middle entry (torch)"
        if spelling.choose("torch.median", *told):
            if len(call.arguments) != 1 or call.keywords:
                raise WrongArguments(call.column, "torch's median", "a matrix alone", str(call))
            return spelling.made("lower_median(A)", call.column, A=call.arguments[0])
    return None


def _ones(spelling: Spelling, call: Call, torch: bool) -> Valued:
    return _filled(spelling, call, 1)


def _zeros(spelling: Spelling, call: Call, torch: bool) -> Valued:
    return _filled(spelling, call, 0)


def _filled(spelling: Spelling, call: Call, value: int) -> Valued:
    """ones(n) and ones(n, m): a number stretches to any shape, so these keep theirs."""
    made = f"arange(0, n) * 0 + {value}"
    if len(call.arguments) == 1:
        known = Known(*spelling.value(call.arguments[0]))
        if known.kind.axes:
            return spelling.made(f"A * 0 + {value}", call.column, A=known)
        return spelling.made(made, call.column, n=known)
    if len(call.arguments) == 2:
        tall = f"({made})"
        first = spelling.made(tall, call.column, n=call.arguments[0])
        second = spelling.made(tall, call.column, n=call.arguments[1])
        column = Known(spelling.turned(first[0], call.column), COLUMN)
        return spelling.made("a * b", call.column, a=column, b=Known(second[0], ROW))[0], MATRIX
    raise WrongArguments(call.column, "ones", "one or two sizes", f"{len(call.arguments)} arguments")


def _eye(spelling: Spelling, call: Call, torch: bool) -> Valued:
    spelling.exactly(call, "eye", 1)
    row = Known(spelling.made("arange(0, n)", call.column, n=call.arguments[0])[0], ROW)
    column = Known(spelling.turned(row.value, call.column), COLUMN)
    return spelling.made("equal(a, b)", call.column, a=column, b=row)[0], MATRIX


def _outer(spelling: Spelling, call: Call, torch: bool) -> Valued:
    spelling.exactly(call, "outer", 2)
    (a, _), (b, _) = (spelling.lying(spelling.value(argument)) for argument in call.arguments)
    return Binary("*", spelling.turned(a, call.column), b, column=call.column), MATRIX


def _row(spelling: Spelling, call: Call, torch: bool) -> Valued:
    return spelling.core("row", call)[0], LYING


def _fve(spelling: Spelling, call: Call, torch: bool) -> Valued:
    spelling.exactly(call, "fve", 2)
    told = "fve(A, B) as 1 - ‖A - B‖²/‖A‖²", "fve(A, B) as 1 - ‖A - B‖²/‖A - mean(A)‖² (write r_squared(A, B))"
    text = ("1 - sum((A - B)**2) / sum(A * A)", "r_squared(A, B)")[spelling.choose(str(call), *told)]
    return spelling.made(text, call.column, A=call.arguments[0], B=call.arguments[1])


def _cross_entropy(spelling: Spelling, call: Call, torch: bool) -> Valued:
    """Of logits and the place of the right one; of the tokens of a sequence, whose largest is right."""
    if not call.arguments or call.keywords:
        raise WrongArguments(call.column, "cross_entropy", "logits and a place, or the tokens of a sequence", str(call))
    if spelling.value(call.arguments[0])[1].axes:
        spelling.exactly(call, "cross_entropy", 2)
        return spelling.made("logsumexp(x) - x[t]", call.column, x=call.arguments[0], t=call.arguments[1])
    logits = Call("logits", call.arguments, column=call.column)
    right = Call("max", call.arguments, column=call.column)
    return spelling.made("logsumexp(x) - x[t]", call.column, x=logits, t=right)


def _len(spelling: Spelling, call: Call, torch: bool) -> Valued | None:
    """Of a matrix how many rows there are; of a vector, or the set of wrong inputs, how many entries."""
    spelling.exactly(call, "len", 1)
    if spelling.value(call.arguments[0])[1] == MATRIX:
        return spelling.made("rows(A)", call.column, A=call.arguments[0])
    return None


def _kurtosis(spelling: Spelling, call: Call, torch: bool) -> Valued:
    """The fourth moment over the squared variance: 3 of a normal distribution; scipy's is less by 3."""
    keywords = {keyword.name: keyword.value for keyword in call.keywords}
    fisher = keywords.pop("fisher", None)
    if keywords or len(call.arguments) != 1 or (fisher is not None and str(fisher) not in ("True", "False")):
        raise WrongArguments(call.column, "kurtosis", "a matrix, perhaps fisher=True or fisher=False", str(call))
    if fisher is not None or "stats." in call.function:
        less = str(fisher) != "False"
    else:
        told = f"{call} as 3 of a normal distribution (fisher=False)", f"{call} as 0 of a normal distribution (scipy's)"
        less = bool(spelling.choose(str(call), *told))
    text = "mean((A - mean(A))**4) / mean((A - mean(A))**2)**2"
    return spelling.made(f"{text} - 3" if less else text, call.column, A=call.arguments[0])


def _of_vectors(spelling: Spelling, call: Call, torch: bool) -> Valued | None:
    """The axis of a vector is all of it."""
    axes = [axis_of(keyword.value) for keyword in call.keywords if keyword.name in ("dim", "axis")]
    whole_axis = axes in ([0], [-1]) and len(call.keywords) == 1
    if whole_axis and all(spelling.value(argument)[1].axes == 1 for argument in call.arguments):
        return spelling.value(replace(call, keywords=()))
    return None


def _clamp(spelling: Spelling, call: Call, torch: bool) -> Valued:
    """Entries no less than min, and no more than max."""
    given: dict[str, Expression] = dict(zip(("min", "max"), call.arguments[1:], strict=False))
    given |= {keyword.name.removeprefix("a_"): keyword.value for keyword in call.keywords}
    twice = len(given) != len(call.arguments[1:]) + len(call.keywords)
    if not 1 <= len(call.arguments) <= 3 or not given or twice or not given.keys() <= {"min", "max"}:
        raise WrongArguments(call.column, "clamp", "a matrix with min= or max=", str(call))
    found: Expression = call.arguments[0]
    for name, word in (("min", "maximum"), ("max", "minimum")):
        if name in given:
            found = Call(word, (found, given[name]), column=call.column)
    return spelling.value(found)


SPECIAL: dict[str, Callable[[Spelling, Call, bool], Valued | None]] = {
    "norm": _norm,
    "rank": _rank,
    "sigma": _sigma,
    "singular_values": _singular_values,
    "svd": _svd,
    "eigvals": _eigvals,
    "abs": _abs,
    "sum": _sum,
    "mean": _mean,
    "transpose": _transpose,
    "dot": _dot,
    "diagonal": _diagonal,
    "off_diagonal": _off_diagonal,
    "flatten": _flatten,
    "arange": _arange,
    "range": _range,
    "power": _power,
    "quantile": _quantile,
    "percentile": _percentile,
    "median": _median,
    "ones": _ones,
    "zeros": _zeros,
    "eye": _eye,
    "outer": _outer,
    "row": _row,
    "fve": _fve,
    "cross_entropy": _cross_entropy,
    "len": _len,
    "kurtosis": _kurtosis,
    "logsumexp": _of_vectors,
    "cos": _of_vectors,
    "clamp": _clamp,
}

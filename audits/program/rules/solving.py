"""Inverses, factors and singular values.

Singular and eigenvectors are what a search found, and exact as they stand; singular values and eigenvalues are claims,
and unknown until :func:`~..markers.norm_claim` stands behind them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from flint import arb, arb_mat

from ....engine.arithmetic.ball import precision
from ..balls import Balls
from ..call import Call
from ..elementary import from_balls
from ..record import Kind
from ..twofold import Twofold
from .applying import Rule, settle

BITS = 256


def _balls(x: Any) -> np.ndarray:
    if isinstance(x, Balls):
        return np.array([arb(entry) for entry in x.entries.ravel()], dtype=object).reshape(x.shape)
    entries = [
        arb(arb(hi) + arb(lo), arb(rad))
        for hi, lo, rad in zip(*(p.ravel().tolist() for p in x.planes[:3]), strict=True)
    ]
    found = np.empty(len(entries), dtype=object)
    found[:] = entries
    return found.reshape(x.shape)


def _matrix(entries: np.ndarray) -> arb_mat:
    return arb_mat(entries.shape[0], entries.shape[1], entries.ravel().tolist())


def _by_matrices(formula: Callable[..., arb_mat]) -> Callable[..., Any]:
    """For each matrix of a batch; unknown where Arb finds none."""

    def apply(*operands: Any) -> Any:
        kind = type(operands[0])
        with precision(BITS):
            arrays = [_balls(one) for one in operands]
            batch = arrays[0].shape[:-2]
            found: list[Any] = []
            shape: tuple[int, ...] = arrays[-1].shape[-2:]
            for place in np.ndindex(*batch):
                try:
                    result = formula(*(_matrix(array[place]) for array in arrays))
                    shape = (result.nrows(), result.ncols())
                    found += result.entries()
                except (ZeroDivisionError, ValueError):
                    found += [arb("nan")] * int(np.prod(shape))
            whole = (*batch, *shape)
            return from_balls(found).reshape(whole) if kind is Twofold else Balls.listed(found, whole)

    return apply


def _found(call: Call, found: Any) -> None:
    """A result that floats may say there is none of: certain where it is known, and ``info`` does not deny it."""
    settle(call, call.outputs[0], found)
    info = call.outputs[-1]
    denied = not info.is_floating_point() and bool((info != 0).any())
    if denied or not np.isfinite([found.low(), found.high()]).all():
        call.machine.record.note(Kind.condition, f"{call.operation.name} finds a result")


def _inverse(call: Call) -> None:
    _found(call, _by_matrices(lambda a: a.inv())(call.numbers(call.args[0])))


def _cholesky(call: Call) -> None:
    """Column by column, each the first of what is left over the root of its first entry."""
    upper = call.kwargs.get("upper", call.args[1:2] == (True,))
    x: Any = call.numbers(call.args[0])
    x = x.moved(-1, -2) if upper else x  # torch reads one triangle
    size, columns = x.shape[-1], []
    for step in range(size):
        column = x[..., :, 0] / x[..., :1, 0].apply("sqrt")
        zeros = type(x).of(np.zeros((*x.shape[:-2], step)))
        columns.append(type(x).joined([zeros, column], len(column.shape) - 1))
        rest = column[..., 1:]
        x = x[..., 1:, 1:] - rest.reshape((*rest.shape, 1)) * rest.reshape((*rest.shape[:-1], 1, rest.shape[-1]))
    shape = columns[0].shape
    found = type(x).joined([one.reshape((*shape[:-1], 1, size)) for one in columns], len(shape) - 1)
    _found(call, found if upper else found.moved(-1, -2))


def _rest(call: Call) -> None:
    """Factors that nobody should need."""
    for output in call.outputs[1:]:
        if output.is_floating_point():
            call.machine.unclaimed(output)


def _solved(call: Call) -> None:
    a, b = (call.numbers(value) for value in call.args[:2])
    column = len(b.shape) == len(a.shape) - 1
    b = b.reshape((*b.shape, 1)) if column else b
    if call.args[2:3] == (False,) or call.kwargs.get("left") is False:
        raise ValueError("from the right")
    _found(call, _by_matrices(lambda m, v: m.solve(v))(a, b).reshape(tuple(call.outputs[0].shape)))
    _rest(call)


def _determinant(call: Call) -> None:
    found = _by_matrices(lambda a: arb_mat(1, 1, [a.det()]))(call.numbers(call.args[0]))
    settle(call, call.outputs[0], found.reshape(tuple(call.outputs[0].shape)))
    _rest(call)


def _singular(call: Call) -> None:
    """U, S, Vh: vectors as they stand, values unknown."""
    vectors = [output for output in call.outputs if output.numel()]
    values = call.outputs[1] if len(call.outputs) > 2 else call.outputs[0]
    for output in vectors:
        if output is values:
            call.machine.unclaimed(output)
        else:
            call.machine.record.note(Kind.advice, "singular vectors")
            call.machine.memory.forget(output)


def _eigen(call: Call) -> None:
    values, *vectors = call.outputs
    call.machine.unclaimed(values)
    for output in vectors:
        call.machine.record.note(Kind.advice, "eigenvectors")
        call.machine.memory.forget(output)


RULES: dict[str, Rule] = {
    "linalg_inv_ex": _inverse,
    "inverse": _inverse,
    "linalg_cholesky_ex": _cholesky,
    "cholesky": _cholesky,
    "_linalg_solve_ex": _solved,
    "linalg_solve": _solved,
    "_linalg_det": _determinant,
    "_linalg_svd": _singular,
    "linalg_svdvals": _singular,
    "_linalg_eigh": _eigen,
}

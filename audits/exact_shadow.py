"""Each torch operation of a float run beside the same operation on the exact values.

Inside ``with ExactShadow():`` every float tensor carries ``exact``, an array of balls of the same shape: what the
formula gives for real numbers, starting from the values that went in.  The run is not changed.  Branches follow the
floats; comparisons that the exact values decide otherwise are counted.  A singular vector is advice, and exact as it
stands; a matrix norm is a claim about its matrix, and beside it stands the certified norm.

>>> with ExactShadow() as run:
...     third = torch.tensor(1.0) / torch.tensor(3.0)
>>> bool(third.exact[()] < third.item()), run.compared
(True, 0)
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from flint import arb, arb_mat, fmpz
from torch import Tensor
from torch.overrides import TorchFunctionMode

from ..engine.arithmetic.ball import precision
from ..engine.arithmetic.dyadic import DyadicMatrix
from ..engine.arithmetic.spectral import spectral_norm_up
from ..engine.errors import MechproofError
from .decisions import OUTSIDE, floats, operation

BITS = 256
# A norm is enclosed to about this many bits, from a matrix rounded to twice as many.
NORM_BITS = 60

larger: Any = np.frompyfunc(arb.max, 2, 1)
smaller: Any = np.frompyfunc(arb.min, 2, 1)
exponential: Any = np.frompyfunc(arb.exp, 1, 1)
root: Any = np.frompyfunc(arb.sqrt, 1, 1)
ball: Any = np.frompyfunc(arb, 1, 1)


@dataclass(eq=False)
class NoExactCounterpart(MechproofError):
    """A verifier uses an operation that audits do not know."""

    operation: str
    sentence = "the float run uses {operation}, which has no exact counterpart here"


def array(value: Any) -> np.ndarray:
    """Balls or integers as an array, also a single one."""
    if isinstance(value, np.ndarray):
        return value
    single = np.empty((), dtype=object)
    single[()] = value
    return single


def exact(value: Any) -> Any:
    """What stands beside a tensor; a tensor (or number) with nothing beside it is exact as it stands."""
    if not isinstance(value, Tensor):
        return arb(value) if isinstance(value, float) else value
    beside = getattr(value, "exact", None)
    if beside is None:
        numbers = value.tolist() if value.is_floating_point() else value.long().tolist()
        entries = np.empty(value.numel(), dtype=object)
        entries[:] = np.array(numbers, dtype=object).ravel() if value.dim() else [numbers]
        beside = array(ball(entries)).reshape(tuple(value.shape))
    return beside


@dataclass(eq=False)
class NumbersLeave(MechproofError):
    """A verifier takes numbers out of a tensor; what it computes with them would be read as exact."""

    operation: str
    sentence = "the float run takes numbers out of a tensor ({operation}), and their exact values would be lost"


class ExactShadow(TorchFunctionMode):
    """``compared`` comparisons of floats; ``flipped`` of them the exact values decide otherwise.

    ``vanished`` exponentials are zero in floats and not in truth.  Raises :class:`NoExactCounterpart` and
    :class:`NumbersLeave`.
    """

    def __init__(self) -> None:
        super().__init__()
        self.compared = self.flipped = self.vanished = 0

    def __torch_function__(self, func: Callable, types: Any, args: tuple = (), kwargs: dict | None = None) -> Any:
        kwargs, name = kwargs or {}, operation(func)
        if name == "__setitem__" and args[0].is_floating_point():
            args[0].exact = exact(args[0])
        result = func(*args, **kwargs)
        with precision(BITS):
            if name == "__setitem__":
                if args[0].is_floating_point():
                    args[0].exact[_index(args[1])] = array(exact(args[2]))[()]
                return result
            first = result[0] if isinstance(result, tuple) and result else result
            if not isinstance(first, Tensor) and name not in OUTSIDE and floats((*args, *kwargs.values())):
                raise NumbersLeave(name)
            if name in COMPARISONS:
                self._compare(name, first, *args)
            elif isinstance(first, Tensor) and first.is_floating_point() and name not in AS_THEY_STAND:
                if name not in OPERATIONS:
                    raise NoExactCounterpart(name)
                first.exact = array(OPERATIONS[name](*args, **kwargs))  # type: ignore[attr-defined]
                if name in ("exp", "softmax"):
                    self.vanished += int(((first.exact > 0) & (first == 0).numpy()).sum())  # type: ignore[attr-defined]
        return result

    def _compare(self, name: str, result: Any, left: Any, right: Any) -> None:
        if not any(isinstance(side, Tensor) and side.is_floating_point() for side in (left, right)):
            return
        truth = COMPARISONS[name](array(exact(left)), array(exact(right)))
        self.compared += result.numel()
        self.flipped += int((np.asarray(truth, dtype=bool) != result.numpy()).sum())


def _index(index: Any) -> Any:
    if isinstance(index, tuple):
        return tuple(map(_index, index))
    return index.numpy() if isinstance(index, Tensor) else index


def _matrix(entries: np.ndarray) -> arb_mat:
    return arb_mat(entries.shape[0], entries.shape[1], entries.ravel().tolist())


def _matmul(left: Tensor, right: Tensor) -> np.ndarray:
    a: Any = np.atleast_2d(exact(left))
    b: Any = exact(right) if right.dim() > 1 else exact(right)[:, None]
    product = _matrix(a) * _matrix(b)
    entries = np.empty(a.shape[0] * b.shape[1], dtype=object)
    entries[:] = product.entries()
    return entries.reshape((*left.shape[:-1], *right.shape[1:]))


def _extreme(choose: Any) -> Callable[..., Any]:
    def reduce(value: Tensor, dim: int | None = None, keepdim: bool = False) -> Any:
        if dim is None:
            return choose.reduce(exact(value).ravel())
        return choose.reduce(exact(value), axis=dim, keepdims=keepdim)

    return reduce


def _running(choose: Any) -> Callable[..., Any]:
    return lambda value, dim: choose.accumulate(exact(value), axis=dim, dtype=object)


def _sum(value: Tensor, dim: int | None = None, keepdim: bool = False) -> Any:
    return np.add.reduce(exact(value), axis=dim, keepdims=keepdim)


def _mean(value: Tensor, dim: int | None = None, keepdim: bool = False) -> Any:
    return _sum(value, dim, keepdim) / (value.numel() if dim is None else value.shape[dim])


def _softmax(value: Tensor, dim: int) -> np.ndarray:
    weights = exponential(exact(value))
    return weights / weights.sum(axis=dim, keepdims=True)


def _sort(value: Tensor, dim: int) -> np.ndarray:
    """The k-th value lies between the k-th lower and the k-th upper end."""

    def ordered(row: np.ndarray) -> np.ndarray:
        lows, highs = (sorted(end(entry) for entry in row) for end in (arb.lower, arb.upper))
        return np.array([low.union(high) for low, high in zip(lows, highs, strict=True)], dtype=object)

    return np.apply_along_axis(ordered, dim, exact(value))


def _norm(matrix: Tensor, order: int) -> arb:
    """The spectral norm: below, the stretch of one vector; above, power traces and what rounding may have hidden."""
    if order != 2:
        raise NoExactCounterpart(f"matrix_norm of order {order}")
    entries = exact(matrix)
    if not bool(torch.isfinite(matrix).all()):
        return arb("nan")
    vector = ball(np.linalg.svd(matrix.double().numpy())[2][0].astype(object))
    length = root((vector * vector).sum())
    stretched = [(row * vector).sum() for row in entries]
    below = root(sum(value * value for value in stretched)) / length
    rounded = [(entry * 2 ** (2 * NORM_BITS)).mid().floor().unique_fmpz() for entry in entries.ravel()]
    dyadic = DyadicMatrix.from_integers(*entries.shape, rounded, -2 * NORM_BITS)  # type: ignore[arg-type]
    rest = entries.ravel() - ball(np.array(rounded, dtype=object)) / 2 ** (2 * NORM_BITS)
    numerator, exponent = spectral_norm_up([dyadic], NORM_BITS)
    above = arb((fmpz(numerator), fmpz(exponent))) + root(sum(entry * entry for entry in rest))
    return below.union(above)


def _where(first: Tensor, second: Any, other: Any) -> np.ndarray:
    """``torch.where(condition, value, other)``, or ``value.where(condition, other)``."""
    condition, value = (first, second) if first.dtype == torch.bool else (second, first)
    return np.where(condition.numpy(), exact(value), exact(other))


def _full_like(value: Tensor, number: float, **_: Any) -> np.ndarray:
    return array(ball(np.full(tuple(value.shape), number, dtype=object)))


COMPARISONS: Mapping[str, Callable[[np.ndarray, np.ndarray], np.ndarray]] = {
    "lt": np.less,
    "le": np.less_equal,
    "gt": np.greater,
    "ge": np.greater_equal,
}
# Constants, and advice.
AS_THEY_STAND = {"tensor", "zeros", "zeros_like", "ones", "empty", "arange", "linalg_svd"}
OPERATIONS: Mapping[str, Callable[..., Any]] = {
    "add": lambda a, b: exact(a) + exact(b),
    "sub": lambda a, b: exact(a) - exact(b),
    "mul": lambda a, b: exact(a) * exact(b),
    "div": lambda a, b: exact(a) / exact(b),
    "neg": lambda a: -exact(a),
    "__rsub__": lambda a, b: exact(b) - exact(a),
    "abs": lambda a: np.abs(exact(a)),
    "sqrt": lambda a: root(ball(exact(a))),
    "exp": lambda a: exponential(exact(a)),
    "log": lambda a: np.frompyfunc(arb.log, 1, 1)(exact(a)),
    "matmul": _matmul,
    "amax": _extreme(larger),
    "amin": _extreme(smaller),
    "max": _extreme(larger),
    "min": _extreme(smaller),
    "cummax": _running(larger),
    "cummin": _running(smaller),
    "sum": _sum,
    "mean": _mean,
    "softmax": _softmax,
    "sort": _sort,
    "linalg_matrix_norm": _norm,
    "to": lambda a, *_, **__: exact(a),
    "float": lambda a: exact(a),
    "double": lambda a: exact(a),
    "clone": lambda a: exact(a).copy(),
    "T": lambda a: exact(a).T,
    "reshape": lambda a, *shape: exact(a).reshape(*shape),
    "expand": lambda a, *shape: np.broadcast_to(exact(a), shape),
    "expand_as": lambda a, b: np.broadcast_to(exact(a), tuple(b.shape)),
    "__getitem__": lambda a, index: exact(a)[_index(index)],
    "cat": lambda parts, dim: np.concatenate([exact(part) for part in parts], axis=dim),
    "stack": lambda parts, dim=0: np.stack([exact(part) for part in parts], axis=dim),
    "where": _where,
    "full_like": _full_like,
}

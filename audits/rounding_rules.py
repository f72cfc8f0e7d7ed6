"""How far rounding moves the results of torch operations: a rule for each, with its proof.

The numbers of one run and their errors are given (:mod:`.seen`, with the model); a rule gives the error of a result.

Rules.  If a run computes f(v'), the error is at most |f(v') - f(x)|, what was *moved*, plus the roundings of f at v'.

* a ± b, moved by e_a + e_b; the sum that is rounded is within 2(e_a + e_b) of this run's.
* a·b and matrix products, by |x_a| e_b + e_a |v'_b|, as v'_a v'_b - x_a x_b = x_a (v'_b - x_b) + (v'_a - x_a) v'_b;
  each of n products is rounded n times (itself, and in n - 1 additions), and 2n results may be tiny.
* a/b, by (e_a + |x_a/x_b| e_b)/|v'_b|.        * √a, by e_a/(√x + √v'), and by √e_a.
* exp a, by exp(x)(exp(e) - 1).                 * log a, by e/min(x, v').
* a sum of n, by the sum of errors; n - 1 roundings.  A mean: two more.
* max, by the largest error among entries that are largest in some run or exactly: the largest of one is at most that
  of the other plus the error where it is taken.  cummax and sort, by the largest error: order statistics move by no
  more than entries do.  A norm by the Frobenius norm of the errors (Weyl).
* Places, selections, signs and absolute values keep errors, constants are rounded once, and singular vectors are
  advice, exact as they stand.

softmax.  A run has s_p + τ_p + (a number that all share) as the logarithm of its p-th numerator, with |τ_p| <= T_p =
e_p + u·|s_p - max s| + λ + what exp errs by.  Share p is σ(z_p), z_p = s_p - log Σ_{j≠p} exp s_j, which moves by at
most X = T_p + max_{j≠p} T_j, as the logarithm of a sum moves by no more than those of its terms.  σ(z + X) - σ(z) =
g(z + X/2), where g(t) = sinh(X/2)/(cosh t + cosh(X/2)) falls with |t|; so the share moves by at most g(t), t >= 0 a
lower bound of |z_p| - X/2; and 2 sinh(X/2) exp(X/2) = W = exp(X) - 1, 2 cosh(X/2) exp(X/2) = W + 2 give g(t) <=
W/(W + 2 + 2 cosh t).  The sum, its reciprocal and the product are K + 1 roundings of a share; and the numerator may be
rounded for storing where the same exponential in the sum is not, or the other way round, which is one more.  Tiny
results: the sum is at least 1/2 (its largest term is nearly 1, and γ_K <= 1/4), so that 2K of them in it and two above
it cost at most 8(K + 2)λ.

Centring.  A table minus one of its columns, again and again: let an entry of a row be off by its own ω_x, |ω_x| <=
own, and by κ, which its row shares.  Then minus column k it is off by its own ω_x + ρ_x (ρ_x from rounding) and by
-ω_k, which its row shares: κ is gone.  So errors of a table that is centred n times grow like n, and not like 2^n.

Source: N. Higham, *Accuracy and Stability of Numerical Algorithms*, chapters 2 to 4; rewrites/rules/float_softmax.py.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np
from torch import Tensor

from ..models.float_statement import EXP_ULPS
from .outward import down, exp_down, exp_up, expm1_up, up
from .rounding_model import Format, NoErrorBound, Seen, error_of, numbers_of, operand

EXP_UNITS = 2 * EXP_ULPS
NORM_UNITS = 32


def _add(result: Tensor, a: Any, b: Any, sign: int = 1) -> np.ndarray:
    left, right, form = operand(a, result.dtype), operand(b, result.dtype), Format.of(result.dtype)
    apart = np.abs(left.value + sign * right.value)
    if sign < 0 and (centring := _centring(a, b)):
        axis, own, column = centring
        moved = up(own + column)
        own = up(own + form.rounded(1, 0.0, up(apart + 2 * moved)))
        result.own = (axis, own)  # type: ignore[attr-defined]
        return up(own + column)
    moved = up(left.error + right.error)
    return form.rounded(1, moved, up(apart + 2 * moved))


def column_of(part: Tensor, whole: Tensor, index: Any) -> None:
    """Remember that a tensor is one column of another, along some axis and all others."""
    if not isinstance(index, tuple) or len(index) != whole.dim() or part.dim() != whole.dim():
        return
    cut = [axis for axis, chosen in enumerate(index) if not (isinstance(chosen, slice) and chosen == slice(None))]
    if len(cut) == 1 and isinstance(index[cut[0]], slice) and part.shape[cut[0]] == 1:
        part.column = (whole, cut[0], index)  # type: ignore[attr-defined]


def _centring(a: Any, b: Any) -> tuple[int, np.ndarray, np.ndarray] | None:
    """Of a table minus one of its columns: along which axis, and the entries' own errors, of it and of the column."""
    whole, axis, index = getattr(b, "column", (None, 0, ()))
    if whole is None or whole is not a:
        return None
    before, own = getattr(a, "own", (axis, error_of(a)))
    own = own if before == axis else error_of(a)
    return axis, own, own[index]


def keep_infinite(result: Tensor, error: np.ndarray) -> None:
    """What may overflow is off by an infinite error of its own."""
    if own := getattr(result, "own", None):
        result.own = (own[0], np.where(np.isinf(error), np.inf, own[1]))  # type: ignore[attr-defined]


def _product(times: Callable, result: Tensor, a: Any, b: Any) -> np.ndarray:
    left, right = operand(a, result.dtype), operand(b, result.dtype)
    count = left.value.shape[-1] if times is np.matmul else 1
    moved = up(times(left.true, right.error) + times(left.error, right.any))
    return Format.of(result.dtype).rounded(count, moved, up(times(left.any, right.any)), 2 * count)


def _div(result: Tensor, a: Any, b: Any) -> np.ndarray:
    left, right = operand(a, result.dtype), operand(b, result.dtype)
    moved = up(up(left.error + up(up(left.true / right.no_less) * right.error)) / right.no_less)
    return Format.of(result.dtype).rounded(1, moved, up(left.any / right.no_less))


def _sqrt(result: Tensor, a: Tensor) -> np.ndarray:
    given = operand(a, result.dtype)
    moved = np.minimum(up(given.error / (2 * np.sqrt(given.no_less))), up(np.sqrt(given.error)))
    moved = np.where((given.error == 0) | (given.value >= 2 * given.error), moved, np.inf)
    return Format.of(result.dtype).rounded(1, moved, up(np.sqrt(given.any)))


def _exp(result: Tensor, a: Tensor) -> np.ndarray:
    given = operand(a, result.dtype)
    moved = up(exp_up(given.value + given.error) * expm1_up(given.error))
    return Format.of(result.dtype).rounded(EXP_UNITS, moved, exp_up(given.value + 2 * given.error))


def _log(result: Tensor, a: Tensor) -> np.ndarray:
    """How large a logarithm is, this run's own result says."""
    given, form = operand(a, result.dtype), Format.of(result.dtype)
    moved = np.where(given.error == 0, 0.0, up(given.error / given.no_less))
    size = up((np.abs(numbers_of(result)) + form.least) * (1 + form.gamma(EXP_UNITS)) + 2 * moved)
    return form.rounded(EXP_UNITS, np.where(given.value > 2 * given.error, moved, np.inf), size)


def _sum(result: Tensor, a: Tensor, dim: Any = None, keepdim: bool = False) -> np.ndarray:
    return _mean(result, a, dim, keepdim, more=-1)


def _mean(result: Tensor, a: Tensor, dim: Any = None, keepdim: bool = False, more: int = 1) -> np.ndarray:
    given, form = operand(a, result.dtype), Format.of(result.dtype)
    axis = tuple(dim) if isinstance(dim, list) else dim
    moved, size = (up(part.sum(axis=axis, keepdims=keepdim)) for part in (given.error, given.any))
    count = max(given.value.size // max(moved.size, 1), 1)
    total = form.rounded(count + more, moved, size, count + 1)
    return total if more < 0 else up(up(total / count) + form.least)


def _extreme(sign: int, result: Tensor, a: Tensor, dim: Any = None, keepdim: bool = False) -> np.ndarray:
    given = operand(a, result.dtype)
    error = Seen(sign * given.value, given.error).maxima(dim)
    return error if keepdim else np.squeeze(error, axis=dim)


def _running(result: Tensor, a: Tensor, dim: int) -> np.ndarray:
    return np.maximum.accumulate(error_of(a), axis=dim)


def _sort(result: Tensor, a: Tensor, dim: int = -1, descending: bool = False) -> np.ndarray:
    return error_of(a).max(axis=dim, keepdims=True, initial=0)


def _softmax(result: Tensor, a: Tensor, dim: int) -> np.ndarray:
    given, form = operand(a, result.dtype), Format.of(result.dtype)
    value, error = (np.moveaxis(part, dim, -1) for part in (given.value, given.error))
    count = value.shape[-1]
    below = value.max(axis=-1, keepdims=True, initial=-np.inf) - value
    most = error.max(axis=-1, keepdims=True, initial=0)
    turned = up(error + form.gamma(1) * up(below + 2 * (most + error)) + form.least + form.gamma(EXP_UNITS))
    moved, before = up(turned + _other(turned)), up(error + _other(error))
    others = 1.0 - np.eye(count)
    high, low = exp_up(-below), exp_down(-below)
    odds, against = down(low / up(high @ others)), down(down(low @ others) / high)
    tilt = np.maximum(1.0, down(np.maximum(odds, against) * exp_down(-up(before + moved / 2))))
    share = np.minimum(1.0, up(1 / (1 + down(2 + tilt + 1 / tilt) / expm1_up(moved))))
    size = np.minimum(1.0, up(up(high / down(low @ others)) * exp_up(up(before + moved))))
    found = form.rounded(count + 2, share, size, 8 * (count + 2))
    known = np.isfinite(most) & (form.gamma(count) <= 0.25)
    return np.moveaxis(np.where(known, found, np.inf), -1, dim)


def _other(values: np.ndarray) -> np.ndarray:
    """The largest of the others along the last axis."""
    two = np.sort(np.concatenate([np.zeros((*values.shape[:-1], 1)), values], axis=-1), axis=-1)[..., -2:]
    return np.where(values == two[..., 1:], two[..., :1], two[..., 1:])


def _norm(result: Tensor, a: Tensor, order: Any) -> np.ndarray:
    if order != 2:
        raise NoErrorBound(f"matrix_norm of order {order}")
    given, form = operand(a, result.dtype), Format.of(result.dtype)
    moved, size = (up(np.sqrt(up((part * part).sum()))) for part in (given.error, given.any))
    return form.rounded(NORM_UNITS * sum(given.value.shape) + 1, moved, size)


KEPT: Mapping[str, Callable[..., np.ndarray]] = {
    **dict.fromkeys(
        ("to", "float", "double", "neg", "abs"), lambda result, a, *_, **__: operand(a, result.dtype).error
    ),
    "full_like": lambda result, _, number, **__: operand(number, result.dtype).error,
    "where": lambda result, condition, *sides: np.where(
        condition.numpy(), *(operand(side, result.dtype).error for side in sides)
    ),
}
RULES: Mapping[str, Callable[..., np.ndarray]] = {
    "add": _add,
    "sub": partial(_add, sign=-1),
    "__rsub__": partial(_add, sign=-1),
    "mul": partial(_product, np.multiply),
    "matmul": partial(_product, np.matmul),
    "div": _div,
    "sqrt": _sqrt,
    "exp": _exp,
    "log": _log,
    "sum": _sum,
    "mean": _mean,
    "amax": partial(_extreme, 1),
    "max": partial(_extreme, 1),
    "amin": partial(_extreme, -1),
    "min": partial(_extreme, -1),
    "cummax": _running,
    "cummin": _running,
    "sort": _sort,
    "softmax": _softmax,
    "linalg_matrix_norm": _norm,
}

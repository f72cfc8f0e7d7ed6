"""Sums, means, norms, extremes and what is made of them, along axes.  A new one is one line."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from ..call import Call
from ..memory import Numbers
from .applying import Rule, along, axes_of, computed, exactly


def _total(x: Numbers, axis: int) -> Numbers:
    return x.total(axis)


def _mean(x: Numbers, axis: int) -> Numbers:
    return x.total(axis) / float(x.shape[axis])


def _product(x: Numbers, axis: int) -> Numbers:
    front = x.moved(axis, 0)
    found: Any = type(x).of(np.ones(front.shape[1:]))
    for place in range(front.shape[0]):
        found = found * front[place]
    return found


def _largest(x: Numbers, axis: int) -> Numbers:
    return x.largest(axis)


def _least(x: Numbers, axis: int) -> Numbers:
    return -((-x).largest(axis))


def _about(x: Numbers, axis: int) -> Any:
    """Numbers near the largest, by which exponents are moved: any would do."""
    middle = x.mid()
    finite = np.where(np.isfinite(middle), middle, -np.inf).max(axis=axis, keepdims=True, initial=-np.inf)
    return type(x).of(np.where(np.isfinite(finite), finite, 0.0))


def _wide(x: Numbers, axis: int) -> tuple[int, ...]:
    axis %= len(x.shape)
    return tuple(1 if place == axis else size for place, size in enumerate(x.shape))


def softmax(x: Numbers, dim: int, to_float: bool = False) -> Numbers:
    """exp(x - c) over its sum, c any number near the largest."""
    if not x.shape:
        return type(x).of(1.0)
    powers = (x - _about(x, dim)).apply("exp")
    return powers / powers.total(dim).reshape(_wide(x, dim))


def _log_softmax(x: Numbers, dim: int, to_float: bool = False) -> Numbers:
    moved = x - _about(x, dim)
    return moved - moved.apply("exp").total(dim).apply("log").reshape(_wide(x, dim))


def _log_sum(x: Numbers, axis: int) -> Numbers:
    about = _about(x, axis)
    found: Any = (x - about).apply("exp").total(axis).apply("log")
    return found + about.reshape(found.shape)


def _scatter(x: Numbers, dim: Any = None, *, correction: Any = 1, keepdim: bool = False) -> Numbers:
    """The variance."""
    axes = axes_of(dim, len(x.shape))
    count = int(np.prod([x.shape[axis] for axis in axes], dtype=np.int64))
    taken = 1.0 if correction is None else exactly(correction)
    if taken is None:
        raise ValueError("a correction that is no literal")
    mean = along(_mean)(x, axes, keepdim=True)
    rest = x - mean
    return along(_total)(rest * rest, axes, keepdim=keepdim) / max(count - taken, 0.0)


def _with_mean(formula: Callable[..., Any]) -> Callable[..., Any]:
    def both(x: Numbers, dim: Any = None, *, keepdim: bool = False, **rest: Any) -> tuple[Numbers, Numbers]:
        return formula(x, dim, keepdim=keepdim, **rest), along(_mean)(x, dim, keepdim=keepdim)

    return both


def _norm(x: Numbers, order: Any = 2, dim: Any = None, keepdim: bool = False) -> Numbers:
    value = 2.0 if order is None else exactly(order)
    if value is None:
        raise ValueError("an order that is no literal")
    if value == 2:
        return along(_total)(x * x, dim, keepdim).apply("sqrt")
    if value == 1:
        return along(_total)(abs(x), dim, keepdim)
    if value == np.inf:
        return along(_largest)(abs(x), dim, keepdim)
    if value == -np.inf:
        return along(_least)(abs(x), dim, keepdim)
    return (along(_total)((abs(x).apply("log") * value).apply("exp"), dim, keepdim).apply("log") / value).apply("exp")


def _running(step: Callable[[Any, Any], Any]) -> Callable[..., Any]:
    """What has been combined so far, in log2 n rounds."""

    def formula(x: Numbers, dim: int) -> Numbers:
        if not x.shape:
            return x
        front: Any = x.moved(dim, 0)
        reach = 1
        while reach < front.shape[0]:
            front = type(front).joined([front[:reach], step(front[reach:], front[:-reach])])
            reach *= 2
        return front.moved(0, dim)

    return formula


running = _running


def _layer_norm(x: Any, shape: list[int], weight: Any, bias: Any, eps: Any) -> Any:
    axes = list(range(len(x.shape) - len(shape), len(x.shape)))
    mean = along(_mean)(x, axes, keepdim=True)
    scale = 1.0 / (_scatter(x, axes, correction=0, keepdim=True) + eps).apply("sqrt")
    found = (x - mean) * scale
    found = found if weight is None else found * weight
    return (found if bias is None else found + bias), mean, scale


def _batch_norm(x: Any, weight: Any, bias: Any, mean: Any, var: Any, *rest: Any) -> Any:
    """With the statistics that it keeps; those of the batch are not known here."""
    eps = rest[-1]
    if rest[0] is True:  # torch's schema does not say that it writes what it keeps
        raise ValueError("training")
    shape = (-1,) + (1,) * (len(x.shape) - 2)
    found = (x - mean.reshape(shape)) / (var.reshape(shape) + eps).apply("sqrt")
    found = found if weight is None else found * weight.reshape(shape)
    return found if bias is None else found + bias.reshape(shape)


def _rms_norm(call: Call) -> None:
    """Without an eps it is that of the type."""
    x, shape, weight, eps = (call.numbers(value) for value in call.args)
    axes = list(range(len(x.shape) - len(shape), len(x.shape)))
    added = torch.finfo(call.args[0].dtype).eps if eps is None else eps
    scale = 1.0 / (along(_mean)(x * x, axes, keepdim=True) + added).apply("sqrt")
    found = x * scale if weight is None else x * scale * weight
    for output, numbers in zip(call.outputs, (found, scale), strict=True):
        call.put(output, numbers.spread(tuple(output.shape)))


def _trace(x: Numbers) -> Numbers:
    size = min(x.shape)
    return x[np.arange(size), np.arange(size)].total(0)


FORMULAS: dict[str, Callable[..., Any]] = {
    "sum": along(_total),
    "mean": along(_mean),
    "prod": along(_product),
    "amax": along(_largest),
    "amin": along(_least),
    "logsumexp": along(_log_sum),
    "var": _scatter,
    "std": lambda x, dim=None, **rest: _scatter(x, dim, **rest).apply("sqrt"),
    "var_mean": _with_mean(_scatter),
    "std_mean": _with_mean(lambda x, dim=None, **rest: _scatter(x, dim, **rest).apply("sqrt")),
    "aminmax": lambda x, *, dim=None, keepdim=False: (along(_least)(x, dim, keepdim), along(_largest)(x, dim, keepdim)),
    "cumsum": _running(lambda new, old: new + old),
    "cumprod": _running(lambda new, old: new * old),
    "_softmax": softmax,
    "softmax": softmax,
    "_log_softmax": _log_softmax,
    "log_softmax": _log_softmax,
    "linalg_vector_norm": _norm,
    "norm": _norm,
    "native_layer_norm": _layer_norm,
    "_native_batch_norm_legit_no_training": _batch_norm,
    "native_batch_norm": _batch_norm,
    "trace": _trace,
}
RULES: dict[str, Rule] = {name: computed(formula) for name, formula in FORMULAS.items()} | {
    "_fused_rms_norm": _rms_norm
}

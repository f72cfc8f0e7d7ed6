"""Operations on each entry alone: arithmetic, functions, activations.  A new one is one line."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..memory import Numbers
from ..twofold import ABOVE, BELOW, EQUAL, UNORDERED
from .applying import Rule, computed, constant, exactly


def _power(x: Any, y: Any) -> Any:
    known = exactly(y)
    if known is not None and known.is_integer() and (isinstance(y, int) or abs(known) <= 64):
        count = int(known)
        return _times(x, count) if count >= 0 else 1.0 / _times(x, -count)
    if known == 0.5:
        return x.apply("sqrt")
    kind: Any = type(y)
    base = kind.of(float(x)) if isinstance(x, (int, float)) else x
    return (base.apply("log") * y).apply("exp")


def _times(x: Any, count: int) -> Any:
    """By squaring; an even power is not negative."""
    if count == 0:
        return type(x).of(np.ones(x.shape))
    if count == 1:
        return x
    half = abs(_times(x, count // 2)) if count % 2 == 0 else _times(x, count // 2)
    return half * half if count % 2 == 0 else half * half * x


def _step(end: Callable[[np.ndarray], np.ndarray]) -> Callable[..., Any]:
    """A function that never falls and is constant between jumps: its values at both ends."""

    def formula(x: Numbers) -> Numbers:
        low, high = end(x.low()), end(x.high())
        return type(x).of(low) if (low == high).all() else type(x).between(low, high)

    return formula


def _sign(x: Numbers) -> Numbers:
    found = x.compare(0.0)
    low = np.where(found == ABOVE, 1.0, np.where(found == EQUAL, 0.0, -1.0))
    high = np.where(found == BELOW, -1.0, np.where(found == EQUAL, 0.0, 1.0))
    return type(x).of(low) if (low == high).all() else type(x).between(low, high)


def _clamp(x: Any, min: Any = None, max: Any = None) -> Any:
    x = x if min is None else x.larger(min)
    return x if max is None else -((-x).larger(-max))


def _smaller(a: Any, b: Any) -> Any:
    """Entries keep their tags, so that the smaller of two is one of them."""
    sign = a.compare(b)
    if (sign < UNORDERED).all():
        return a.where(sign <= EQUAL, b)
    return -((-a).larger(-b))


def _log_one_plus_exp(x: Any) -> Any:
    """log(1 + exp x) = max(x, 0) + log(1 + exp(-|x|)), whose exponential cannot overflow."""
    return x.larger(0.0) + ((-abs(x)).apply("exp") + 1).apply("log")


def _softplus(x: Any, beta: Any = 1, threshold: Any = 20) -> Any:
    """log(1 + exp(beta x)) / beta; beyond the threshold torch's softplus is x."""
    found = _log_one_plus_exp(x * beta) / beta
    beyond = (x * beta).compare(threshold)
    return x.where(beyond == ABOVE, found.where(beyond <= EQUAL, x.hull(found)))


def _leaky(x: Any, slope: Any = 0.01) -> Any:
    found = x.compare(0.0)
    if (found < UNORDERED).all():
        return x.where(found >= EQUAL, x * slope)
    return x.where(found == ABOVE, (x * slope).where(found <= EQUAL, x.hull(x * slope)))


def _gelu(x: Any, *, approximate: str = "none") -> Any:
    if approximate == "tanh":
        inner = (x + x * x * x * constant(0.044715, x)) * ((constant(2.0, x) / _half_circle(x)).apply("sqrt"))
        return x * 0.5 * (inner.apply("tanh") + 1)
    return x * 0.5 * ((x / type(x).of(2.0).apply("sqrt")).apply("erf") + 1)


def _elu(x: Any, alpha: Any = 1, scale: Any = 1, input_scale: Any = 1) -> Any:
    return (x.larger(0.0) + ((-((-x).larger(0.0)) * input_scale).apply("exp") - 1) * alpha) * scale


def _remainder(x: Any, y: Any) -> Any:
    return x - _step(np.floor)(x / y) * y


def _heaviside(x: Any, values: Any) -> Any:
    found, steps = x.compare(0.0), (_sign(x) + 1) * 0.5
    values = values.spread(np.broadcast_shapes(x.shape, values.shape))
    return values.where(found == EQUAL, steps.where(found < UNORDERED, steps.hull(values)))


def _half_circle(like: Any) -> Any:
    return type(like).of(1.0).apply("atan") * 4.0


def _function(name: str) -> Rule:
    return computed(lambda x: x.apply(name))


NAMED = {
    **{name: name for name in ("exp", "log", "sqrt", "rsqrt", "sin", "cos", "tan", "sinh", "cosh", "tanh", "erf")},
    **{name: name for name in ("asin", "acos", "atan", "asinh", "acosh", "atanh", "log1p", "expm1", "sigmoid", "erfc")},
    "lgamma": "lgamma",
    "digamma": "digamma",
    "erfinv": "erfinv",
}
FORMULAS: dict[str, Callable[..., Any]] = {
    "add": lambda a, b, alpha=1: a + b if _one(alpha) else a + b * alpha,
    "sub": lambda a, b, alpha=1: a - b if _one(alpha) else a - b * alpha,
    "rsub": lambda a, b, alpha=1: b - a if _one(alpha) else b - a * alpha,
    "mul": lambda a, b: a * b,
    "div": lambda a, b, rounding_mode=None: ROUNDED[rounding_mode](a / b),
    "true_divide": lambda a, b: a / b,
    "floor_divide": lambda a, b: _step(np.floor)(a / b),
    "reciprocal": lambda x: 1.0 / x,
    "neg": lambda x: -x,
    "positive": lambda x: x,
    "abs": abs,
    "square": lambda x: x * x,
    "pow": _power,
    "exp2": lambda x: (x * type(x).of(2.0).apply("log")).apply("exp"),
    "log2": lambda x: x.apply("log") / type(x).of(2.0).apply("log"),
    "log10": lambda x: x.apply("log") / type(x).of(10.0).apply("log"),
    "logit": lambda x: (x / (1.0 - x)).apply("log"),
    "logaddexp": lambda a, b: (a.apply("exp") + b.apply("exp")).apply("log"),
    "log_sigmoid_forward": lambda x: -_log_one_plus_exp(-x),
    "relu": lambda x: x.larger(0.0),
    "relu6": lambda x: _clamp(x, 0.0, 6.0),
    "leaky_relu": _leaky,
    "_prelu_kernel": _leaky,
    "threshold": lambda x, at, value: x.where(x.compare(at) == ABOVE, value).hull(
        x.where(x.compare(at) != BELOW, value)
    ),
    "hardtanh": lambda x, low=-1.0, high=1.0: _clamp(x, low, high),
    "hardsigmoid": lambda x: _clamp(x / 6.0 + 0.5, 0.0, 1.0),
    "hardswish": lambda x: x * _clamp(x + 3.0, 0.0, 6.0) / 6.0,
    "elu": _elu,
    "gelu": _gelu,
    "silu": lambda x: x * x.apply("sigmoid"),
    "mish": lambda x: x * _log_one_plus_exp(x).apply("tanh"),
    "softplus": _softplus,
    "clamp": _clamp,
    "clamp_min": lambda x, low: x.larger(low),
    "clamp_max": lambda x, high: _clamp(x, None, high),
    "maximum": lambda a, b: a.larger(b),
    "minimum": _smaller,
    "floor": _step(np.floor),
    "ceil": _step(np.ceil),
    "trunc": _step(np.trunc),
    "round": _step(np.round),
    "frac": lambda x: x - _step(np.trunc)(x),
    "remainder": _remainder,
    "fmod": lambda x, y: x - _step(np.trunc)(x / y) * y,
    "sign": _sign,
    "sgn": _sign,
    "heaviside": _heaviside,
    "hypot": lambda a, b: (a * a + b * b).apply("sqrt"),
    "lerp": lambda a, b, weight: a + (b - a) * weight,
    "addcmul": lambda x, a, b, value=1: x + a * b * value,
    "addcdiv": lambda x, a, b, value=1: x + a / b * value,
    "xlogy": lambda a, b: a * b.apply("log"),
    "deg2rad": lambda x: x * (_half_circle(x) / 180.0),
}
ROUNDED: dict[Any, Callable[[Any], Any]] = {
    None: lambda x: x,
    "floor": _step(np.floor),
    "trunc": _step(np.trunc),
}
RULES: dict[str, Rule] = {name: computed(formula) for name, formula in FORMULAS.items()} | {
    name: _function(called) for name, called in NAMED.items()
}


def _one(alpha: Any) -> bool:
    return isinstance(alpha, (int, float)) and alpha == 1


__all__ = ["FORMULAS", "NAMED", "RULES"]

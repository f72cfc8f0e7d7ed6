"""Products of matrices and vectors, attention."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..memory import Numbers
from .applying import Rule, computed, exactly
from .reducing import softmax


def _vector(a: Numbers, x: Numbers) -> Any:
    return a.matmul(x.reshape((*x.shape, 1))).reshape(a.shape[:-1])  # type: ignore[arg-type]


def _dot(a: Any, b: Any) -> Any:
    return a.reshape((1, -1)).matmul(b.reshape((-1, 1))).reshape(())


def _plus(base: Any, product: Any, beta: Any = 1, alpha: Any = 1) -> Any:
    scaled = product if _is_one(alpha) else product * alpha
    return scaled + (base if _is_one(beta) else base * beta)


def _is_one(value: Any) -> bool:
    return exactly(value) == 1.0


def turned(x: Any) -> Any:
    return x.moved(-1, -2)


def _attention(
    q: Any, k: Any, v: Any, dropout: Any = 0.0, causal: bool = False, *, attn_mask: Any = None, scale: Any = None
) -> Any:
    """softmax(q k^T scale) v, with a mask added or the causal one."""
    width = type(q).of(float(q.shape[-1])).apply("sqrt")
    scores = q.matmul(turned(k)) * (1.0 / width if scale is None else scale)
    if attn_mask is not None:
        scores = scores + attn_mask
    if causal:
        keep = np.tril(np.ones(scores.shape[-2:], dtype=bool))
        scores = scores.where(np.broadcast_to(keep, scores.shape), -np.inf)
    return softmax(scores, -1).matmul(v)


def _pairwise(a: Any, b: Any, p: Any = 2, *_: Any) -> Any:
    """Distances between rows."""
    difference = a.reshape((*a.shape[:-1], 1, a.shape[-1])) - b.reshape((*b.shape[:-2], 1, *b.shape[-2:]))
    order = exactly(p)
    if order == 1:
        return abs(difference).total(-1)
    if order == np.inf:
        return abs(difference).largest(-1)
    if order != 2:
        raise ValueError(f"distances of order {order}")
    return (difference * difference).total(-1).apply("sqrt")


FORMULAS: dict[str, Callable[..., Any]] = {
    "mm": lambda a, b: a.matmul(b),
    "bmm": lambda a, b: a.matmul(b),
    "matmul": lambda a, b: a.matmul(b),
    "mv": _vector,
    "dot": _dot,
    "vdot": _dot,
    "ger": lambda a, b: a.reshape((-1, 1)) * b.reshape((1, -1)),
    "outer": lambda a, b: a.reshape((-1, 1)) * b.reshape((1, -1)),
    "addmm": lambda base, a, b, beta=1, alpha=1: _plus(base, a.matmul(b), beta, alpha),
    "baddbmm": lambda base, a, b, beta=1, alpha=1: _plus(base, a.matmul(b), beta, alpha),
    "addbmm": lambda base, a, b, beta=1, alpha=1: _plus(base, a.matmul(b).total(0), beta, alpha),
    "addmv": lambda base, a, x, beta=1, alpha=1: _plus(base, _vector(a, x), beta, alpha),
    "addr": lambda base, a, b, beta=1, alpha=1: _plus(base, a.reshape((-1, 1)) * b.reshape((1, -1)), beta, alpha),
    "_scaled_dot_product_flash_attention_for_cpu": _attention,
    "_cdist_forward": _pairwise,
    "_euclidean_dist": _pairwise,
    "linear": lambda x, weight, bias=None: _linear(x, weight, bias),
}


def _linear(x: Any, weight: Any, bias: Any) -> Any:
    found = x.reshape((-1, x.shape[-1])).matmul(turned(weight)).reshape((*x.shape[:-1], weight.shape[0]))
    return found if bias is None else found + bias


RULES: dict[str, Rule] = {name: computed(formula) for name, formula in FORMULAS.items()}

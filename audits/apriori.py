"""A bound of the rounding errors of a float run, known from one run and true of all.

Inside ``with Apriori(dtype):`` every float tensor carries ``error``, an array of doubles of the same shape, such that

    for every run from these inputs, and every entry:  |what the run has, or reads there - exact value| <= error,

where *exact* is the same formula for real numbers (what :mod:`.program` computes), and a *run* takes sums in any order,
obeys the model below, and has decided what floats decide as this one did up to there (:mod:`.decisions`; a decision
that is not ``uncertain`` falls so in all).  Where a run may overflow, the error is infinite.

The model is in :mod:`.rounding_model`, the rules with their proofs in :mod:`.rounding_rules`.

>>> with Apriori(torch.float32) as run:
...     third = torch.tensor(1.0) / torch.tensor(3.0)
>>> bool(2**-26 < error_of(third)[()] < 2**-25), run.uncertain
(True, 0)
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from .decisions import Decided, floats
from .outward import down, up
from .rounding_model import NoErrorBound, carry, distance, error_of, numbers_of, operand
from .rounding_rules import KEPT, RULES, column_of, keep_infinite
from .runs import DTYPES, PUBLISHED

COMPARISONS = {"lt", "le", "gt", "ge"}
TESTS = {"isnan", "isinf", "isfinite"}
AS_THEY_STAND = {"zeros", "zeros_like", "ones", "ones_like", "empty", "linalg_svd"}
CONSTANTS = {"tensor", "arange"}
MOVES = {
    *("T", "mT", "clone", "reshape", "view", "flatten", "expand", "expand_as", "transpose", "permute", "unsqueeze"),
    *("squeeze", "flip", "repeat", "diagonal", "__getitem__", "gather", "index_select", "cat", "stack"),
}


def decided(value: Tensor) -> int:
    """How many decisions were made before a tensor was: its bound is about runs that agree on these."""
    return getattr(value, "decided", 0)


def stands_for(value: Tensor, meant: Tensor) -> None:
    """From now on ``value`` is ``meant`` with an error."""
    carry(value, _beyond(error_of(value), distance(numbers_of(value), numbers_of(meant))))


def _beyond(error: np.ndarray, more: np.ndarray) -> np.ndarray:
    return np.where(more == 0, error, up(error + more))


class Apriori(Decided):
    """``compared`` decisions by floats; ``uncertain`` of them might fall otherwise in another run, or exactly.

    ``dtype`` is the type of the run; constants made in it stand for those of the published type.  Raises
    :class:`NoErrorBound`.
    """

    def __init__(self, dtype: torch.dtype) -> None:
        super().__init__()
        self.dtype = dtype
        self.compared = self.uncertain = 0

    def perform(self, func: Callable, name: str, args: tuple, kwargs: dict) -> Any:
        if name == "__setitem__":
            return self._write(func, *args)
        result = func(*args, **kwargs)
        first = result[0] if isinstance(result, (tuple, list)) and result else result
        if isinstance(first, Tensor) and first.is_floating_point():
            if "out" in kwargs:
                raise NoErrorBound(f"{name} with a place for its result")
            with np.errstate(all="ignore"):
                error = self._error(func, name, first, args, kwargs)
            if error is not None:
                carry(first, error)
            first.decided = len(self.made)  # type: ignore[attr-defined]
        return result

    def _write(self, func: Callable, target: Tensor, index: Any, value: Any) -> None:
        """What is another name for the target has no bound from now on: see :func:`~.rounding_model.error_of`."""
        if not target.is_floating_point():
            func(target, index, value)
            return
        if target._base is not None:
            raise NoErrorBound("writing through a view")
        vars(target).pop("own", None)
        written = torch.from_numpy(error_of(target).copy())
        written[index] = torch.from_numpy(np.array(operand(value, target.dtype).error))
        func(target, index, value)
        carry(target, written.numpy())
        target.decided = len(self.made)  # type: ignore[attr-defined]

    def _error(self, func: Callable, name: str, result: Tensor, args: tuple, kwargs: dict) -> np.ndarray | None:
        if name in AS_THEY_STAND:
            return None
        given = (*args, *kwargs.values())
        if name in CONSTANTS:
            if floats(given):
                raise NoErrorBound(f"{name} of a float tensor")
            return self._constant(func, result, args, kwargs)
        if name in MOVES:
            if any(isinstance(one, torch.dtype) for one in given):
                raise NoErrorBound(f"{name} as another type")
            if name == "__getitem__":
                column_of(result, *args)
            joined = name in ("cat", "stack")
            keys = {key: _replaced(one, result.dtype, joined) for key, one in kwargs.items()}
            return func(*(_replaced(one, result.dtype, joined) for one in args), **keys).numpy()
        if name == "where" and func is not torch.where:
            raise NoErrorBound("Tensor.where")
        if name in KEPT:
            return np.array(np.broadcast_to(KEPT[name](result, *args, **kwargs), tuple(result.shape)))
        if name not in RULES:
            raise NoErrorBound(name)
        error, found = RULES[name](result, *args, **kwargs), numbers_of(result)
        error = np.where(np.abs(found) + 2 * error <= torch.finfo(result.dtype).max, error, np.inf)
        keep_infinite(result, error)
        return np.array(np.broadcast_to(error, found.shape))

    def _constant(self, func: Callable, result: Tensor, args: tuple, kwargs: dict) -> np.ndarray | None:
        """The constant that a verifier makes in its own type, beside the one that the published run makes."""
        if result.dtype != self.dtype or "dtype" not in kwargs:
            return None
        meant = func(*args, **kwargs | {"dtype": DTYPES[PUBLISHED]})
        return _beyond(error_of(result), distance(numbers_of(result), numbers_of(meant)))

    def decide(self, result: Any, name: str, args: tuple) -> None:
        super().decide(result, name, args)
        with np.errstate(all="ignore"):
            if name in COMPARISONS and len(args) == 2:
                left, right = (operand(side, torch.result_type(*args)) for side in args)
                moved, apart = left.error + right.error, np.abs(left.value - right.value)
                certain = (moved == 0) | (down(apart) > up(2 * moved))
            elif name in TESTS:
                certain = np.isfinite(error_of(args[0]))
            else:
                certain = np.asarray(all((error_of(value) == 0).all() for value in floats(args)))
        self.compared += certain.size
        self.uncertain += int((~certain).sum())


def _replaced(value: Any, dtype: torch.dtype, joined: bool) -> Any:
    """Errors in place of floats; all tensors that are ``joined`` are numbers, others of integers are places."""
    if isinstance(value, (tuple, list)):
        return type(value)(_replaced(part, dtype, joined) for part in value)
    if isinstance(value, Tensor) and (joined or value.is_floating_point()):
        return torch.from_numpy(operand(value, dtype).error)
    return value

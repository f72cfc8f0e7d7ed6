"""From a formula over enclosures to a rule."""

from __future__ import annotations

from collections.abc import Callable
from itertools import zip_longest
from math import prod
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..call import Call, tensors
from ..memory import Numbers
from ..record import Kind

# Arguments about how numbers are kept, not about their values.
KEPT = {"dtype", "layout", "device", "pin_memory", "memory_format", "non_blocking", "out", "generator"}
Rule = Callable[[Call], None]


def computed(formula: Callable[..., Any]) -> Rule:
    """``formula`` gets enclosures for tensors and floats, anything else as it is; returns what the outputs are."""

    def rule(call: Call) -> None:
        kept = call.kwargs.get("dtype")
        if kept is not None and not kept.is_floating_point and any(map(torch.is_floating_point, tensors(call.args))):
            call.machine.refuse(f"{call.func} of floats as whole numbers")
        args = [call.numbers(value) for value in call.args]
        kwargs = {name: call.numbers(value) for name, value in call.kwargs.items() if name not in KEPT}
        found = formula(*args, **kwargs)
        parts = found if isinstance(found, tuple) else (found,)
        for output, numbers in zip_longest(call.outputs, parts[: len(call.outputs)]):
            if numbers is None:
                call.machine.unclaimed(output)
            else:
                settle(call, output, numbers)

    return rule


def settle(call: Call, output: Tensor, numbers: Numbers) -> None:
    """Beside floats the enclosure; a whole number or answer follows where it is certain."""
    if output.is_floating_point():
        call.put(output, numbers.spread(tuple(output.shape)))
        return
    low, high = (np.broadcast_to(end, tuple(output.shape)) for end in (numbers.low(), numbers.high()))
    whole(call, output, low, high)


def whole(call: Call, output: Tensor, low: np.ndarray, high: np.ndarray) -> None:
    """Whole numbers between doubles that are whole."""
    kind = bool if output.dtype == torch.bool else np.int64
    certain = (low == high) & np.isfinite(low)
    if not output.is_floating_point() and kind is not bool:
        limits = torch.iinfo(output.dtype)
        if (np.isfinite(low) & (low < limits.min) | np.isfinite(high) & (high > limits.max)).any():
            call.machine.record.note(Kind.choice, "a whole number beyond its type")
    truth = np.where(certain, low, 0.0).astype(kind)
    call.machine.decided(
        output, truth, ~certain, call.operation.name, lambda place: f"{low[place]:g} to {high[place]:g} at {place}"
    )
    if call.machine.follows and not certain.all():
        low, high = (np.where(certain, output.numpy(), end) for end in (low, high))
        call.machine.memory.write(output, call.machine.memory.kind.between(low, high))


def axes_of(dims: Any, count: int) -> list[int]:
    if dims is None or (isinstance(dims, (list, tuple)) and not dims):
        return list(range(count))
    return [dim % count if count else 0 for dim in (dims if isinstance(dims, (list, tuple)) else [dims])]


def along(reduce: Callable[[Numbers, int], Numbers]) -> Callable[..., Numbers]:
    """A formula over one axis, as torch calls it with none, one or several, that stay as axes of size 1 or go."""

    def formula(x: Numbers, dim: Any = None, keepdim: bool = False) -> Numbers:
        if not x.shape:
            return reduce(x.reshape((1,)), 0)
        axes = axes_of(dim, len(x.shape))
        shape = x.shape
        kept = tuple(1 if axis in axes else size for axis, size in enumerate(shape))
        left = tuple(size for axis, size in enumerate(shape) if axis not in axes)
        for done, axis in enumerate(sorted(axes, reverse=True)):  # behind one another at the end
            x = x.moved(axis, len(x.shape) - 1 - done)
        found = reduce(x.reshape((*left, prod(shape[axis] for axis in axes))), -1)
        return found.reshape(kept if keepdim else left)

    return formula


def exactly(value: Any) -> float | None:
    """The double that an argument is, if it is one."""
    if isinstance(value, (int, float)):
        return float(value)
    if value.shape != ():
        return None
    low, high = float(value.low()), float(value.high())
    return low if low == high else None


def constant(value: float, like: Numbers) -> Numbers:
    return type(like).constant(value)

"""Tensors made of a few numbers or of nothing: grids, constants, random numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
from torch import Tensor

from ..call import Call
from ..record import Kind
from ..twofold import ABOVE, EQUAL
from .applying import Rule


def _grid(call: Call, start: Any, step: Any) -> None:
    (output,) = call.outputs
    kind: Any = call.machine.memory.kind
    call.put(output, kind.of(np.arange(output.numel(), dtype=np.float64)) * step + start)


def _numbers(call: Call) -> list[Any]:
    """The arguments, all as enclosures."""
    if not call.outputs[0].is_floating_point():
        call.machine.refuse(f"{call.func} of floats as whole numbers")
    kind: Any = call.machine.memory.kind
    found = [call.numbers(value) for value in call.args]
    return [kind.of(float(one)) if isinstance(one, (int, float)) else one.reshape(()) for one in found]


def _range(call: Call) -> None:
    """start + i step below the end; a shape is open where it is not certain how many."""
    numbers = _numbers(call)
    kind: Any = call.machine.memory.kind
    start, end = (kind.of(0.0), numbers[0]) if len(numbers) == 1 else numbers[:2]
    step = numbers[2] if len(numbers) > 2 else kind.of(1.0)
    steps, count = (end - start) / step, float(call.outputs[0].numel())
    if steps.compare(count) > EQUAL or steps.compare(count - 1) != ABOVE:
        call.machine.record.note(Kind.shape, "arange")
    _grid(call, start, step)


def _even(call: Call) -> None:
    """From start to end in so many places."""
    start, end, _ = _numbers(call)
    count = call.outputs[0].numel()
    _grid(call, start, (end - start) / float(max(count - 1, 1)))


def _made(call: Call) -> None:
    """Constants and random numbers: exact as they stand."""
    for output in call.outputs:
        call.machine.memory.forget(output)


def _sampled(call: Call) -> None:
    """Random numbers; not those of a distribution that a tensor's numbers decide, which floats would decide."""
    given = call.args[1:] if call.operation.written else call.args
    if any(isinstance(value, Tensor) for value in given):
        call.machine.refuse(f"{call.func} of a tensor's numbers")
    _made(call)


MADE = (
    *("empty_like", "zeros_like", "ones_like", "new_zeros", "new_ones", "new_empty", "new_empty_strided"),
    *("rand_like", "randn_like", "randint_like"),
)
SAMPLED = ("bernoulli", "normal", "uniform", "random", "exponential")
RULES: dict[str, Rule] = (
    dict.fromkeys(MADE, _made) | dict.fromkeys(SAMPLED, _sampled) | {"arange": _range, "linspace": _even}
)

"""What the author of a program says to an audit; each returns its argument outside one.

>>> certified(3 < 4)
True
>>> stands_for(max)(lambda *values: max(values))(1, 2)
2
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any, TypeVar

import numpy as np
from torch import Tensor

from .call import Pass
from .machine import ACTIVE
from .memory import aside, plain
from .record import Kind
from .scalars import Scalar, read_out
from .spectral import enclosed

T = TypeVar("T")


def certified(condition: T) -> T:
    """What follows from this condition follows only where it is certainly true; where it is open, it counts as false.

    A tensor of answers, or one answer.  False must be the safe side, as it is for "this cell is right".
    """
    if not ACTIVE or not isinstance(condition, Tensor) or ACTIVE[-1].part is not Pass.sound:
        return condition
    machine = ACTIVE[-1]
    with aside():
        open_ = machine.open_entries(condition)
    if open_ is None:
        return condition
    with aside():
        found = condition.clone()
        found.numpy()[open_] = False
    return found  # type: ignore[return-value]


def advice(value: T) -> T:
    """Numbers as they stand, whatever they were computed from: a direction, a gap, a point that a search found."""
    if not ACTIVE or not isinstance(value, (Tensor, Scalar)):
        return value
    machine = ACTIVE[-1]
    machine.record.note(Kind.advice, "advice")
    if isinstance(value, Scalar):
        return value.plain  # type: ignore[return-value]
    with heuristic():
        return value.detach().clone()  # type: ignore[return-value]


@contextmanager
def heuristic() -> Iterator[None]:
    """What is computed inside is a search's result, exact as it stands, and is not audited."""
    if not ACTIVE:
        yield
        return
    machine = ACTIVE[-1]
    machine.record.note(Kind.advice, "heuristic")
    machine.trusted += 1
    try:
        yield
    finally:
        machine.trusted -= 1


def norm_claim(value: T, matrix: Tensor) -> T:
    """A singular value that is used as the spectral norm of ``matrix``: beside it stands the certified norm."""
    if not ACTIVE:
        return value
    machine = ACTIVE[-1]
    tensor = value.tensor if isinstance(value, Scalar) else value
    if not isinstance(tensor, Tensor) or tensor.numel() != 1 or matrix.dim() != 2:
        raise TypeError("norm_claim: expected one number and the matrix that it is the norm of")
    with aside():
        machine.memory.write(tensor, enclosed(machine, matrix).reshape(tuple(tensor.shape)))
    return value


def stands_for(real: Callable[..., Any], *, side: str = "") -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """A helper that rounds in a direction stands for a real function; each call is checked against that function.

    ``side``: "below" or "above" the real value, or as its name ends (``_dn``, ``_down``, ``_up``).  The result is read
    as the number it is, and a call on the wrong side is an assertion that fails.
    """

    def decorate(helper: Callable[..., Any]) -> Callable[..., Any]:
        name = helper.__name__
        towards = side or {"dn": "below", "down": "below", "lo": "below", "up": "above", "hi": "above"}.get(
            name.rsplit("_", 1)[-1], ""
        )

        @wraps(helper)
        def checked(*args: Any, **kwargs: Any) -> Any:
            if not ACTIVE:
                return helper(*args, **kwargs)
            machine = ACTIVE[-1]
            meant = real(*args, **kwargs)
            machine.trusted += 1
            try:
                found = read_out(helper(*args, **kwargs))
            finally:
                machine.trusted -= 1
            if not isinstance(meant, Tensor) or not isinstance(found, Tensor):
                raise TypeError("stands_for: expected functions that return a tensor")
            with aside():
                sign = machine.memory.kind.of(plain(found)).compare(machine.memory.read(meant))
                machine.memory.forget(found)
            wrong = sign > 0 if towards == "below" else (sign < 0) | (sign > 1) if towards == "above" else sign != 0
            machine.record.compared += wrong.size
            if wrong.any():
                place = tuple(np.argwhere(wrong)[0].tolist())
                machine.record.note(Kind.assertion, name, int(wrong.sum()), f"not {towards or 'equal'} at {place}")
            return found

        return checked

    return decorate

"""One operation of torch as its rule sees it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
from torch import Tensor

from .memory import Numbers

if TYPE_CHECKING:
    from .machine import Machine


class Pass(StrEnum):
    """What becomes of comparisons: left as floats decide them, replaced where certain, or also kept open."""

    observe = "observe"
    exact = "exact"
    sound = "sound"


@dataclass(frozen=True)
class Operation:
    """What torch's own schema says of an operation; ``name`` is without the underscore of a write in place.

    ``written``: places and names of the arguments that it writes.
    """

    name: str
    view: bool
    written: tuple[int | str, ...]
    known: bool


# Only sizes and strides of the tensor itself change.
IN_PLACE_VIEWS = {"t_", "transpose_", "unsqueeze_", "squeeze_", "swapaxes_", "detach_", "as_strided_"}


@cache
def described(func: Any) -> Operation:
    schema = func._schema
    space, name = schema.name.split("::")
    aliases = [result.alias_info for result in schema.returns]
    written = tuple(
        argument.name if argument.kwarg_only else place
        for place, argument in enumerate(schema.arguments)
        if argument.alias_info is not None and argument.alias_info.is_write
    )
    known = space in ("aten", "prim")
    view = bool(aliases) and all(alias is not None and not alias.is_write for alias in aliases)
    view = known and ((view and func._overloadname != "dtype") or name in IN_PLACE_VIEWS)
    short = name[:-1] if written and name.endswith("_") and not name.endswith("__") else name
    return Operation(short, view and not (written and not name.endswith("_")), written, known)


def flat(values: Any) -> Iterator[Any]:
    """The leaves of arguments or results."""
    if isinstance(values, (tuple, list)):
        for value in values:
            yield from flat(value)
    else:
        yield values


def tensors(values: Any) -> list[Tensor]:
    return [value for value in flat(values) if isinstance(value, Tensor)]


class Call:
    """One operation as its rule sees it: arguments, the run's own ``result``, and what stands beside them."""

    def __init__(self, machine: Machine, operation: Operation, func: Any, args: tuple, kwargs: dict) -> None:
        self.machine, self.operation, self.func, self.args, self.kwargs = machine, operation, func, args, kwargs
        self.result: Any = None
        self._before: dict[int, Numbers] = {}
        if operation.written:
            for tensor in tensors([args, list(kwargs.values())]):
                numbers = machine.memory.read(tensor)
                self._before[id(tensor)] = numbers.gather(np.arange(tensor.numel())).reshape(tuple(tensor.shape))

    @property
    def outputs(self) -> list[Tensor]:
        return tensors(self.result)

    def numbers(self, value: Any) -> Any:
        """Beside a tensor or float; anything else as it is."""
        if isinstance(value, Tensor):
            before = self._before.get(id(value))
            return self.machine.memory.read(value) if before is None else before
        if isinstance(value, float):
            return self.machine.literal(value, self.result)
        return self.machine.memory.kind.near(value) if isinstance(value, int) and abs(value) > 2**53 else value

    def held(self, value: Any) -> bool:
        return isinstance(value, Tensor) and self.machine.memory.has(value)

    def put(self, output: Tensor, numbers: Numbers) -> None:
        self.machine.put(output, numbers, self.operation.name)

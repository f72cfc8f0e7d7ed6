"""What a float run decides by its floats: comparisons, tests for NaN, choices of an index, numbers that it takes out.

A bound of rounding errors is about runs that decide alike.  ``Decided`` writes down what one run decides, so that runs
can be set side by side.

>>> import torch
>>> with Decided() as run:
...     side = torch.tensor(1.0) < torch.tensor(2.0)
>>> len(run.made)
1
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from itertools import zip_longest
from typing import Any

import numpy as np
from torch import Tensor
from torch.overrides import TorchFunctionMode, resolve_name

# What a tensor tells of itself without its entries; all else that leaves torch for Python is decided by them.
OUTSIDE = {
    *("dtype", "device", "layout", "requires_grad", "is_floating_point", "is_complex", "is_contiguous", "ndim", "dim"),
    *("numel", "nelement", "size", "shape", "stride", "element_size", "__len__", "__hash__"),
}


def operation(func: Callable) -> str:
    """The name of what a torch function mode is asked for; a property goes by its own name."""
    name = func.__name__
    return str(resolve_name(func)).split(".")[-2] if name == "__get__" else name


def tensors(values: Any) -> Iterator[Tensor]:
    """All tensors among the arguments of an operation, also as ends of a slice."""
    if isinstance(values, Tensor):
        yield values
    elif isinstance(values, (tuple, list)):
        for value in values:
            yield from tensors(value)
    elif isinstance(values, slice):
        yield from tensors((values.start, values.stop, values.step))


def floats(values: Any) -> list[Tensor]:
    return [value for value in tensors(values) if value.is_floating_point()]


def agreed(one: Sequence[bytes], other: Sequence[bytes]) -> int:
    """How many decisions two runs share before they part; all, and none can follow, if both decide the same.

    >>> agreed([b"a", b"b"], [b"a", b"c"]), agreed([b"a"], [b"a"]) > 10**9
    (1, True)
    """
    pairs = zip_longest(one, other)
    return next((place for place, (mine, theirs) in enumerate(pairs) if mine != theirs), sys.maxsize)


class Decided(TorchFunctionMode):
    """``made``: every decision of the run, in order.

    The places that a sort or a maximum returns beside its values count once something reads them.
    """

    def __init__(self) -> None:
        super().__init__()
        self.made: list[bytes] = []
        self._places: dict[int, tuple[Tensor, str, tuple]] = {}

    def __torch_function__(self, func: Callable, types: Any, args: tuple = (), kwargs: dict | None = None) -> Any:
        name, kwargs = operation(func), kwargs or {}
        if name in OUTSIDE:
            return func(*args, **kwargs)
        given = (*args, *kwargs.values())
        read = list(tensors(given))
        for value in read:
            if id(value) in self._places:
                self.decide(*self._places.pop(id(value)))
        result = self.perform(func, name, args, kwargs)
        if not any(value.is_floating_point() for value in read):
            return result
        found = args[0] if name == "__setitem__" else result
        if isinstance(found, tuple):
            for part in found:
                if isinstance(part, Tensor) and not part.is_floating_point():
                    self._places[id(part)] = (part, name, given)
        elif not isinstance(found, Tensor) or not found.is_floating_point():
            self.decide(found, name, given)
        return result

    def perform(self, func: Callable, name: str, args: tuple, kwargs: dict) -> Any:
        """The operation itself."""
        return func(*args, **kwargs)

    def decide(self, result: Any, name: str, args: tuple) -> None:
        """``result`` is what the operation decides."""
        self.made.append(np.asarray(result).tobytes())

"""The same float run in other float types, summation orders and thread counts, with the same advice.

The gaps and singular vectors of the run as published are handed to all others, so that one exact computation stands
beside all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

DTYPES = {
    "float16": torch.float16,
    "bfloat16": torch.bfloat16,
    "float32": torch.float32,
    "float64": torch.float64,
}
PUBLISHED = "float32"


@dataclass(frozen=True)
class Setting:
    """One way to run: a float type, the order in which inner products are summed, and threads."""

    dtype: str
    order: str = "as written"
    threads: int = 1

    def __str__(self) -> str:
        return f"{self.dtype}, {self.order}, {self.threads} thread{'s' * (self.threads > 1)}"


def settings(dtypes: tuple[str, ...]) -> list[Setting]:
    """For every float type as published, then in other orders, and with two threads."""
    found = []
    for dtype in dtypes:
        found += [Setting(dtype), *(Setting(dtype, order) for order in ORDERS), Setting(dtype, threads=2)]
    return found


def _reversed(func: Callable, a: Tensor, b: Tensor) -> Tensor:
    return func(a.flip(-1), b.flip(0))


def _halved(func: Callable, a: Tensor, b: Tensor) -> Tensor:
    half = a.shape[-1] // 2
    return func(a[..., :half], b[:half]) + func(a[..., half:], b[half:])


ORDERS: dict[str, Callable[[Callable, Tensor, Tensor], Tensor]] = {
    "reversed": _reversed,
    "in halves": _halved,
}


class Ordered(TorchFunctionMode):
    """Matrix products summed in another order."""

    def __init__(self, order: str) -> None:
        super().__init__()
        self._product = ORDERS[order]

    def __torch_function__(self, func: Callable, types: Any, args: tuple = (), kwargs: dict | None = None) -> Any:
        if func.__name__ == "matmul" and args[0].shape[-1] > 1:
            return self._product(func, *args)
        return func(*args, **(kwargs or {}))


class Advised(TorchFunctionMode):
    """Singular vectors are computed once: later runs get those of the first, in their own float type."""

    def __init__(self, known: list[tuple[Tensor, ...]]) -> None:
        super().__init__()
        self.known, self._next = known, 0

    def __torch_function__(self, func: Callable, types: Any, args: tuple = (), kwargs: dict | None = None) -> Any:
        if func.__name__ != "linalg_svd":
            return func(*args, **(kwargs or {}))
        self._next += 1
        if self._next > len(self.known):
            self.known.append(tuple(func(*args, **(kwargs or {}))))
        return tuple(part.to(args[0].dtype) for part in self.known[self._next - 1])


@contextmanager
def threads(number: int) -> Iterator[None]:
    """Inside, torch uses so many threads."""
    before = torch.get_num_threads()
    torch.set_num_threads(number)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@contextmanager
def running(setting: Setting, advice: list[tuple[Tensor, ...]]) -> Iterator[None]:
    """Inside, torch runs in the order and with the threads of the setting."""
    with threads(setting.threads), ExitStack() as modes:
        modes.enter_context(Advised(advice))
        if setting.order != "as written":
            modes.enter_context(Ordered(setting.order))
        yield

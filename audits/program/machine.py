"""The run of a program with enclosures beside its floats.

Two torch modes feed it: a dispatch mode sees every operation after torch has taken composite ones apart, and a
function mode above it sees numbers leave torch (:mod:`.scalars`).  Operations without a rule are refused by name.

>>> import torch
>>> machine = Machine()
>>> with machine.running():
...     third = torch.tensor(1.0) / 3
>>> bool(third.item() > machine.memory.read(third).high()), machine.record.calls
(True, 2)
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from .call import Call, Operation, Pass, described, tensors
from .memory import Memory, Numbers, aside
from .places import here
from .record import Kind, Record, UnknownOperation
from .rules import RULES
from .scalars import Functions
from .twofold import Twofold

ACTIVE: list[Machine] = []


class Machine:
    """``record`` is what happened; ``memory`` what stands beside tensors that are alive.

    ``kind`` are the enclosures, ``part`` the pass.  Raises :class:`.record.UnknownOperation`.
    """

    def __init__(self, kind: Any = Twofold, part: Pass = Pass.observe) -> None:
        self.memory, self.record, self.part = Memory(kind), Record(), part
        self.pending: list[tuple[float, Numbers]] = []
        self.trusted = 0
        self.scalars = False

    @contextmanager
    def running(self) -> Iterator[Machine]:
        ACTIVE.append(self)
        try:
            with torch.compiler.set_stance("force_eager"), self._threads(), Dispatch(self), Functions(self):
                yield self
        finally:
            ACTIVE.pop()

    @contextmanager
    def _threads(self) -> Iterator[None]:
        """Modes are of one thread: what others compute is not followed."""
        start = threading.Thread.start

        def noted(thread: threading.Thread) -> None:
            self.record.note(Kind.escape, "a thread")
            start(thread)

        threading.Thread.start = noted  # type: ignore[method-assign]
        try:
            yield
        finally:
            threading.Thread.start = start  # type: ignore[method-assign]

    @property
    def follows(self) -> bool:
        return self.part is not Pass.observe

    def quietly(self, func: Callable, args: tuple, kwargs: dict) -> Any:
        """What torch computes inside is not followed, and exact as it stands."""
        self.trusted += 1
        try:
            return func(*args, **kwargs)
        finally:
            self.trusted -= 1

    # Operations

    def run(self, func: Any, args: tuple, kwargs: dict) -> Any:
        operation = described(func)
        self.record.calls += 1
        if operation.view:
            return func(*args, **kwargs)
        if self.trusted:
            result = func(*args, **kwargs)
            for output in tensors(result):
                self.memory.forget(output)
            return result
        given = tensors([args, list(kwargs.values())]) if kwargs else tensors(args)
        concerns = any(one.is_floating_point() or one.is_complex() or self.memory.has(one) for one in given)
        rule = RULES.get(operation.name)
        if rule is None:
            if concerns or not operation.known:
                self._refuse(operation, func)
            result = func(*args, **kwargs)
            if given and any(map(torch.is_floating_point, tensors(result))):
                self._refuse(operation, func)
            return result  # whole numbers, or what is made of nothing: exact as it stands
        if not concerns and not any(isinstance(value, float) for value in (*args, *kwargs.values())):
            return func(*args, **kwargs)
        assert rule is not None
        self.record.operations[operation.name] += 1
        call = Call(self, operation, func, args, kwargs)
        call.result = func(*args, **kwargs)
        self.record.entries += sum(output.numel() for output in call.outputs)
        rule(call)
        return call.result

    def _refuse(self, operation: Operation, func: Any) -> None:
        self.record.note(Kind.refused, str(func))
        raise UnknownOperation(str(func), here())

    # What rules say

    def put(self, output: Tensor, numbers: Numbers, name: str) -> None:
        self.memory.write(output, numbers)
        if output.is_floating_point() and not self.follows:
            with np.errstate(invalid="ignore", over="ignore"):
                errors = np.abs(output.detach().double().numpy() - numbers.mid())
            errors = errors if np.isfinite(errors).all() else errors[np.isfinite(errors)]
            self.record.error(name, errors)

    def literal(self, value: float, result: Any) -> Numbers:
        """A float among the arguments: one that left a tensor, or a literal, read as the double that Python has."""
        for known, numbers in self.pending:
            if known == value or (known != value and value != value):
                return numbers
        for output in tensors(result)[:1]:
            if output.dtype in (torch.float32, torch.bfloat16, torch.float16):
                with aside():
                    rounded = torch.tensor(value, dtype=output.dtype).item()
                if rounded != value and value == value:
                    self.record.note(Kind.literal, "literal", 1, f"{value!r}, of which the run has {rounded!r}")
        return self.memory.kind.constant(value)

    def decided(self, output: Tensor, truth: np.ndarray, open_: np.ndarray, name: str, example: Callable) -> None:
        """A tensor of answers: ``truth`` but where ``open_``; the run gets the true ones in passes that follow them."""
        found = output.numpy()
        flipped = (truth != found) & ~open_
        self.record.compared += found.size
        if flipped.any():
            self.record.flipped += int(flipped.sum())
            place = tuple(np.argwhere(flipped)[0].tolist())
            self.record.note(Kind.flip, name, int(flipped.sum()), example(place))
        if open_.any():
            self.record.undecided += int(open_.sum())
            place = tuple(np.argwhere(open_)[0].tolist())
            self.record.note(Kind.undecided, name, int(open_.sum()), example(place))
        if not self.follows:
            return
        np.copyto(found, truth, where=flipped)
        if open_.any():
            low, high = found.astype(float), found.astype(float)
            low[open_], high[open_] = 0.0, 1.0
            self.memory.write(output, self.memory.kind.between(low, high))
        elif self.memory.has(output):
            self.memory.forget(output)

    def unclaimed(self, output: Tensor) -> None:
        """Values that nothing is known of, until someone says what they are."""
        self.memory.write(output, self.memory.kind.of(np.full(tuple(output.shape), np.nan)))

    def open_entries(self, tensor: Tensor) -> np.ndarray | None:
        """Where a mask or index is open, if anywhere."""
        if not self.memory.has(tensor):
            return None
        numbers = self.memory.read(tensor)
        found = numbers.low() != numbers.high()
        return found if found.any() else None


class Dispatch(TorchDispatchMode):
    """Every operation of torch, taken apart."""

    def __init__(self, machine: Machine) -> None:
        super().__init__()
        self._machine = machine

    def __torch_dispatch__(self, func: Any, types: Any, args: tuple = (), kwargs: dict | None = None) -> Any:
        with torch._C.DisableTorchFunction():
            return self._machine.run(func, args, kwargs or {})

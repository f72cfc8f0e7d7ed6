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

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NoReturn

import numpy as np
import torch
from torch import Tensor
from torch._C import DisableTorchFunction
from torch.multiprocessing.reductions import StorageWeakRef
from torch.utils._python_dispatch import TorchDispatchMode

from ...engine.errors import MechproofError
from .call import Call, Operation, Pass, described, tensors
from .memory import Memory, Numbers, aside, plain
from .places import Place, here
from .record import Kind, Record, UnknownOperation
from .rules import RULES
from .scalars import DIGITS, Functions
from .twofold import EQUAL, Twofold
from .unseen import watched

ACTIVE: list[Machine] = []
# What a tensor of no class of its own dispatches by.
PLAIN = getattr(Tensor, "__torch_dispatch__", None)
EXPONENTIALS = {"exp", "_softmax", "softmax"}
# What torch makes of nothing and needs no rule: constants, and random numbers.
STARTED = {
    *("zeros", "ones", "empty", "empty_strided", "empty_permuted", "eye", "rand", "randn", "randint", "randperm"),
    *("_efficientzerotensor",),
}


class Machine:
    """``record`` is what happened; ``memory`` what stands beside tensors that are alive.

    ``kind`` are the enclosures, ``part`` the pass, ``blamed`` a line that is done in floats where all others are exact.
    Raises :class:`.record.UnknownOperation`.
    """

    def __init__(self, kind: Any = Twofold, part: Pass = Pass.observe, blamed: Place | None = None) -> None:
        self.memory, self.record, self.part, self.blamed = Memory(kind), Record(), part, blamed
        self.pending: list[tuple[float, Numbers]] = []
        self.consumed: set[float] = set()
        self.texts: set[float] = set()
        self.trusted = 0
        self.scalars = False
        self._own: dict[int, StorageWeakRef] = {}
        self._lent: dict[int, StorageWeakRef] = {}
        self._swept = 4096

    @contextmanager
    def running(self) -> Iterator[Machine]:
        ACTIVE.append(self)
        try:
            with torch.compiler.set_stance("force_eager"), watched(self), Dispatch(self), Functions(self):
                yield self
        finally:
            ACTIVE.pop()

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
        self.record.trace = hash((self.record.trace, operation.name))
        given = tensors([args, list(kwargs.values())]) if kwargs else tensors(args)
        if any(getattr(type(one), "__torch_dispatch__", PLAIN) is not PLAIN for one in given):
            self.refuse(str(func), "is of a class of tensors with a dispatch of its own")
        if operation.view:
            if operation.name == "lift_fresh":
                self._lifted(*given)
            return self._new(func(*args, **kwargs), operation.name == "lift_fresh")
        if self.trusted:
            result = func(*args, **kwargs)
            for output in tensors([result, *self._written(operation, args, kwargs)]):
                self.memory.forget(output)
            return self._new(result)
        rule = RULES.get(operation.name) if operation.known else None
        try:
            concerns = any(one.is_floating_point() or one.is_complex() or self.memory.has(one) for one in given)
        except MechproofError as unknown:
            self.refuse(str(func), str(unknown))
        if rule is None and (concerns or not operation.known):
            self.refuse(str(func))
        if operation.written:
            self._writes(operation, args, kwargs)
        if not concerns and (rule is None or not any(isinstance(value, float) for value in (*args, *kwargs.values()))):
            result = func(*args, **kwargs)
            if not any(map(torch.is_floating_point, tensors(result))):
                return self._new(result)  # whole numbers: exact as they stand
            if rule is None:
                if given or operation.name not in STARTED:
                    self.refuse(str(func))
                return self._new(result)
            call = Call(self, operation, func, args, kwargs)
            call.result = result
        else:
            try:
                call = Call(self, operation, func, args, kwargs)
            except MechproofError as unknown:
                self.refuse(str(func), str(unknown))
            try:
                call.result = func(*args, **kwargs)
            except Exception:  # the program may go on from there
                self.record.note(Kind.condition, f"{operation.name} stops")
                raise
        assert rule is not None
        self.record.operations[operation.name] += 1
        self.record.entries += sum(output.numel() for output in call.outputs)
        try:
            errors = self._own_errors(call, rule) if self.blamed is not None and here() == self.blamed else []
            rule(call)
            for output, error in zip(call.outputs, errors, strict=False):
                if error is not None:
                    self.memory.write(output, self.memory.read(output) + self.memory.kind.of(error))
        except UnknownOperation:
            raise
        except MechproofError as unknown:
            self.refuse(str(func), str(unknown))
        except Exception as unforeseen:  # a refusal, never an answer
            self.refuse(str(func), f"is called as its rule does not know it ({unforeseen})")
        return self._new(call.result)

    def _own_errors(self, call: Call, rule: Callable[[Call], None]) -> list[np.ndarray | None]:
        """What the operation itself loses: its floats beside its exact results, from exact operands rounded once."""

        def rounded(value: Any) -> Any:
            if isinstance(value, (list, tuple)):
                return type(value)(map(rounded, value))
            if not isinstance(value, Tensor) or not value.is_floating_point():
                return value
            return torch.from_numpy(np.array(call.numbers(value).mid())).to(value.dtype)

        args, kwargs = tuple(map(rounded, call.args)), {name: rounded(one) for name, one in call.kwargs.items()}
        again = Call(self, call.operation, call.func, args, kwargs)
        again.result = call.func(*args, **kwargs)
        rule(again)
        return [
            plain(output) - self.memory.read(output).mid() if output.is_floating_point() else None
            for output in again.outputs
        ]

    def refuse(self, operation: str, *why: str) -> NoReturn:
        """Also written down, for the program may catch what is raised."""
        self.record.note(Kind.refused, operation)
        raise UnknownOperation(operation, here(), *why)

    def _new(self, result: Any, made: bool = True) -> Any:
        """Storages that the run made are its own."""
        if made:
            for output in tensors(result):
                storage = output.untyped_storage()
                self._own[storage._cdata] = StorageWeakRef(storage)
            if len(self._own) > self._swept:
                self._own = {key: one for key, one in self._own.items() if not one.expired()}
                self._swept = 2 * len(self._own) + 4096
        return result

    def _lifted(self, made: Tensor) -> None:
        """A tensor of what Python has; :mod:`.scalars` knows the numbers of those that newer functions make."""
        if not made.is_floating_point():
            return
        storage = made.untyped_storage()
        if not storage.resizable():
            self._lent[storage._cdata] = StorageWeakRef(storage)
        elif made.dtype != torch.float64 and not self.trusted:
            self.record.note(Kind.escape, "a legacy constructor rounds its numbers; torch.tensor is followed")

    def _foreign(self, tensor: Tensor) -> bool:
        """Whether others see its memory, as that of numpy's arrays and of buffers."""
        storage = tensor.untyped_storage()
        lent = self._lent.get(storage._cdata)
        return (lent is not None and not lent.expired()) or (
            storage._cdata not in self._own and not storage.resizable()
        )

    @staticmethod
    def _written(operation: Operation, args: tuple, kwargs: dict) -> list[Tensor]:
        return tensors([args[place] if isinstance(place, int) else kwargs.get(place) for place in operation.written])

    def _writes(self, operation: Operation, args: tuple, kwargs: dict) -> None:
        for tensor in self._written(operation, args, kwargs):
            if tensor.untyped_storage()._cdata not in self._own and self.record.rewrote is None:
                self.record.rewrote = here()
            if tensor.is_floating_point() and self._foreign(tensor):
                self.record.note(Kind.escape, "memory that is not torch's own is written")

    # What rules say

    def put(self, output: Tensor, numbers: Numbers, name: str) -> None:
        self.memory.write(output, numbers)
        if name in EXPONENTIALS:
            self.record.vanished += int(((output == 0).numpy() & (numbers.compare(0.0) != EQUAL)).sum())
        if output.is_floating_point() and not self.follows:
            with np.errstate(invalid="ignore", over="ignore"):
                errors = np.abs(output.detach().double().numpy() - numbers.mid())
            errors = errors if np.isfinite(errors).all() else errors[np.isfinite(errors)]
            self.record.error(name, errors)

    def literal(self, value: float, result: Any) -> Numbers:
        """A float among the arguments: one that left a tensor, or a literal, read as the double that Python has."""
        for known, numbers in self.pending:
            if known == value or (known != known and value != value):
                self.consumed.add(known)
                return numbers
        if abs(value) in self.texts:
            self.record.note(Kind.escape, "a number that was text")
        for output in tensors(result)[:1]:
            if output.dtype in (torch.float32, torch.bfloat16, torch.float16):
                with aside():
                    rounded = torch.tensor(value, dtype=output.dtype).item()
                if rounded != value and value == value:
                    self.record.note(Kind.literal, "literal", 1, f"{value!r}, of which the run has {rounded!r}")
        return self.memory.kind.constant(value)

    def written(self, text: str) -> str:
        """Text that floats decide: its numbers are known again when they come back."""
        for found in DIGITS.findall(text):
            try:
                self.texts.add(float(found))
            except ValueError:  # a version, a date
                continue
        return text

    def decided(self, output: Tensor, truth: np.ndarray, open_: np.ndarray, name: str, example: Callable) -> None:
        """A tensor of answers: ``truth`` but where ``open_``; the run gets the true ones in passes that follow them."""
        found = output.detach().numpy()
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
            self.memory.forget(output)  # answers may be written into floats
            return
        np.copyto(found, truth, where=flipped, casting="unsafe")
        if open_.any():
            low, high = found.astype(float), found.astype(float)
            low[open_], high[open_] = 0.0, 1.0
            self.memory.write(output, self.memory.kind.between(low, high))
        else:
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
        with DisableTorchFunction():
            return self._machine.run(func, args, kwargs or {})

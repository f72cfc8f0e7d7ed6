"""One pass of an audit: the program in a machine, and what its result is, as a float and as enclosed."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from math import ceil, floor, isfinite, nan
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ...engine.errors import MechproofError
from .balls import Balls, working
from .call import Pass
from .machine import Machine
from .places import Place, inside
from .record import Finding, Kind, Record, UnknownOperation
from .scalars import Scalar
from .twofold import Twofold


@dataclass(eq=False)
class NoSuchResult(MechproofError):
    """The path into a result leads nowhere."""

    path: str
    step: str
    found: str
    sentence = "the result has nothing at {path}: expected {step}, found {found}"


@dataclass(eq=False)
class FlushedToZero(MechproofError):
    """Enclosures need subnormal numbers."""

    where: str
    sentence = "{where} flushes small numbers to zero; audits need subnormal numbers (torch.set_flush_denormal(False))"


@dataclass(frozen=True)
class Precision:
    """How enclosures are kept."""

    name: str
    kind: Any
    bits: int = 0
    rational: bool = False

    @contextmanager
    def working(self) -> Iterator[None]:
        if self.kind is Twofold:
            yield
            return
        with working(self.bits, self.rational):
            yield


# What is open in one is tried again in the next.
PRECISIONS = (
    Precision("pairs of doubles", Twofold),
    Precision("256 bits", Balls, 256),
    Precision("1024 bits", Balls, 1024),
    Precision("rationals and 1024 bits", Balls, 1024, True),
)


@dataclass
class Run:
    """One pass: its value, as floats and as enclosed."""

    record: Record
    value: float = nan
    low: float = nan
    high: float = nan
    stopped: BaseException | None = None
    seconds: float = nan


def environment() -> None:
    """Raises :class:`FlushedToZero`."""
    for kind in (torch.float32, torch.float64):
        least = torch.finfo(kind).tiny
        if float(torch.tensor(least, dtype=kind) / 2) == 0:
            raise FlushedToZero("torch")
    if float(np.array(2.0**-1074) * np.array(1.0)) == 0:
        raise FlushedToZero("numpy")
    with Machine().running():  # what torch loads for its first mode is no part of a run's time
        torch.zeros(1)


def seeds() -> Callable[[], None]:
    """Puts the generators of torch, numpy and Python back to where they are."""
    torch_state, numpy_state, state = torch.get_rng_state(), np.random.get_state(), random.getstate()

    def again() -> None:
        torch.set_rng_state(torch_state)
        np.random.set_state(numpy_state)
        random.setstate(state)

    return again


def run_pass(
    precision: Precision,
    part: Pass,
    program: Callable[..., Any],
    inputs: Sequence[Any],
    path: str,
    blamed: Place | None = None,
) -> Run:
    """``blamed``: a line whose operations are done in floats, as the run does them, where all others are exact."""
    machine = Machine(precision.kind, part, blamed)
    run = Run(machine.record)
    start = time.process_time()
    with precision.working():
        try:
            with machine.running():
                result = program(*inputs)
        except Exception as stopped:  # whatever the program raises is told, not hidden
            run.seconds = time.process_time() - start
            kind = Kind.assertion if isinstance(stopped, AssertionError) else Kind.failed
            if part is not Pass.observe and not isinstance(stopped, UnknownOperation):
                _note_stop(machine.record, kind, stopped)
            run.stopped = stopped
            return run
        run.seconds = time.process_time() - start
        value = result_at(result, path)
        run.value = number_of(value)
        run.low, run.high = _ends(machine, value)
    return run


def _note_stop(record: Record, kind: Kind, stopped: BaseException) -> None:
    trace = stopped.__traceback__
    place = Place("", 0)
    while trace is not None:
        if not inside(trace.tb_frame.f_code.co_filename):
            place = Place(trace.tb_frame.f_code.co_filename, trace.tb_lineno, trace.tb_frame.f_code.co_name)
        trace = trace.tb_next
    record.findings[kind, place] = Finding(kind, place, (place,), type(stopped).__name__, 1, str(stopped))


def result_at(result: Any, path: str) -> Any:
    """Names and numbers between dots: keys, attributes, places."""
    for step in [part for part in path.split(".") if part]:
        if isinstance(result, Mapping) and step in result:
            result = result[step]
        elif not step.lstrip("-").isdigit() and hasattr(result, step):
            result = getattr(result, step)
        elif (
            step.lstrip("-").isdigit()
            and isinstance(result, (Sequence, Tensor))
            and -len(result) <= int(step) < len(result)
        ):
            result = result[int(step)]
        else:
            raise NoSuchResult(path, step, type(result).__name__)
    if (isinstance(result, Tensor) and result.numel() != 1) or not isinstance(result, (Tensor, Scalar, int, float)):
        shown = f"a tensor of shape {list(result.shape)}" if isinstance(result, Tensor) else type(result).__name__
        raise NoSuchResult(path or "its top", "one number", shown)
    return result


def number_of(value: Any) -> float:
    """A whole number stays one, however large."""
    if isinstance(value, int):
        return int(value)
    found = value.plain if isinstance(value, Scalar) else value.item() if isinstance(value, Tensor) else value
    return int(found) if isinstance(found, int) else float(found)


def _ends(machine: Machine, value: Any) -> tuple[float, float]:
    tensor = value.tensor if isinstance(value, Scalar) else value
    if isinstance(tensor, float):
        nowhere = Place("", 0)
        left = Finding(Kind.escape, nowhere, (), "the result is a plain float", 1)
        machine.record.findings.setdefault((Kind.escape, nowhere), left)
        return nan, nan
    if isinstance(tensor, int):
        return int(tensor), int(tensor)
    numbers = machine.memory.read(tensor)
    low, high = float(numbers.low().reshape(())), float(numbers.high().reshape(()))
    if not tensor.is_floating_point() and isfinite(low) and isfinite(high):
        return float(ceil(low)), float(floor(high))
    return low, high

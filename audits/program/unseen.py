"""Ways around torch's modes, which belong to one thread and see what its dispatcher sees: watched while a run lasts.

Other threads and processes are escapes, also those of pools that were started before; so is memory that is handed out
as a DLPack capsule.  Flushing subnormal numbers to zero is refused, for the enclosures need them.  Who switches off
torch's functions of classes of tensors *and* of modes switches off those of classes alone.
"""

from __future__ import annotations

import _thread
import threading
from collections.abc import Callable, Iterator
from concurrent import futures
from contextlib import contextmanager
from multiprocessing import pool, process
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import torch
from torch.utils import dlpack

from .record import Kind

if TYPE_CHECKING:
    from .machine import Machine

# Each by its holder, its name, and what it is called in a report.
ESCAPES: tuple[tuple[Any, str, str], ...] = (
    (threading.Thread, "start", "a thread"),
    (_thread, "start_new_thread", "a thread"),
    (futures.ThreadPoolExecutor, "submit", "a thread"),
    (pool.Pool, "_check_running", "a pool of workers"),
    (process.BaseProcess, "start", "a process"),
    (futures.ProcessPoolExecutor, "submit", "a process"),
    (dlpack, "to_dlpack", "to_dlpack"),
    (torch, "to_dlpack", "to_dlpack"),
    (torch._C, "_to_dlpack", "to_dlpack"),
)


@contextmanager
def watched(machine: Machine) -> Iterator[None]:
    """Each of them is written down, and flushing to zero refused."""

    def noted(real: Callable[..., Any], name: str) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            machine.record.note(Kind.escape, name)
            return real(*args, **kwargs)

        return call

    def flush(mode: bool) -> bool:
        if mode:
            machine.refuse("torch.set_flush_denormal", "makes small numbers zero, and audits need them")
        return torch_flush(mode)

    torch_flush = torch.set_flush_denormal
    patches = [patch.object(place, name, noted(getattr(place, name), said)) for place, name, said in ESCAPES]
    patches.append(patch.object(torch, "set_flush_denormal", flush))
    patches.append(patch.object(torch._C, "DisableTorchFunction", torch._C.DisableTorchFunctionSubclass))
    for one in patches:
        one.start()
    try:
        yield
    finally:
        for one in reversed(patches):
            one.stop()

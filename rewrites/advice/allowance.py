"""How long work may take and how much memory it may hold: one watch for everything that runs inside a block.

    with Allowance(seconds=5, memory=2 << 30):
        ...                                      # ends in BudgetSpent or MemorySpent when it has used up either

Trusted code reads no clock and knows nothing of this.  A timer of the system ticks a few times a second; at a tick an
open allowance that is used up raises in whatever Python code is running, as an interrupt from the keyboard would.
So no rule, table, certificate or transcript can run past it unseen; only one call into a library in C is waited for.

What is cut off leaves nothing behind: a claim enters a graph, and a file gets its name, in one piece (``WHOLE``).  A
claim that is in the graph when the time ends was proved; clocks decide how much is found, never what is true.

Outside the main thread, and on systems without such a timer, there are no ticks: searches still stop by themselves
(:mod:`.deadline`).
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from types import FrameType, TracebackType
from typing import Self

from ...engine.errors import MechproofError

TICK = 0.1  # seconds
LAST = 0.3  # seconds, for a last word
GIB = 1 << 30
# Functions that are never cut off in the middle, by module and name.
WHOLE = frozenset({("engine.graph", "_keep"), ("engine.files", "write_together")})
# A command keeps to its budget within a tenth and two seconds: what is left of them is for starting and ending.
TENTH, MORE = 0.1, 1.4
# Where a container on Linux reads its limit of memory.
CONTAINER = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")
_LOCAL = threading.local()


@dataclass
class Started:
    """``at``: when the program began that runs this command, on the clock of :func:`monotonic`."""

    at: float | None = None


started = Started()


@dataclass(unsafe_hash=True)
class Spent(MechproofError):
    """An allowance is used up."""

    exit_code = 1


@dataclass(unsafe_hash=True)
class BudgetSpent(Spent):
    seconds: str
    sentence = "the budget of {seconds} s ended before anything was established"


@dataclass(unsafe_hash=True)
class MemorySpent(Spent):
    """``found`` and ``limit`` in GiB, as text."""

    found: str
    limit: str
    sentence = (
        "the work holds {found} GiB of memory and was ended: the limit is {limit} GiB (--memory raises it; --strategy "
        "subcubic holds less than the others)"
    )
    exit_code = 2


class Allowance:
    """A block's seconds and bytes; None is no limit.

    Used up, it raises :class:`BudgetSpent` or :class:`MemorySpent`, in the block and out of it.  With ``partial`` the
    end of the time just ends the block, and ``spent`` says that it did.  Of blocks within blocks the earliest end
    counts, and the innermost limit of memory.
    """

    def __init__(self, seconds: int | float | None = None, memory: int | None = None, *, partial: bool = False) -> None:
        self.seconds, self.memory, self.partial = seconds, memory, partial
        # What the error calls the budget.
        self.told = seconds
        self._error: BudgetSpent | None = None

    def __enter__(self) -> Self:
        self._end = None if self.seconds is None else monotonic() + self.seconds
        stack = _open()
        stack.append(self)
        if len(stack) == 1 and _ticks():
            self._handler = signal.signal(signal.SIGALRM, _tick)
            self._timer = signal.setitimer(signal.ITIMER_REAL, TICK, TICK)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool | None:
        stack = _open()
        stack.remove(self)
        if not stack and _ticks():
            signal.setitimer(signal.ITIMER_REAL, *self._timer)
            signal.signal(signal.SIGALRM, self._handler)
        return self.partial and error is not None and error is self._error

    def left(self) -> float | None:
        """Seconds until the end of the time."""
        return None if self._end is None else max(self._end - monotonic(), 0.0)

    @property
    def spent(self) -> bool:
        """Whether the block was ended."""
        return self._error is not None

    def late(self) -> bool:
        return self.left() == 0

    def check_time(self) -> None:
        if self.late():
            self._error = BudgetSpent(f"{self.told:g}")
            raise self._error

    def check_memory(self) -> None:
        if self.memory is not None and (found := resident()) > self.memory:
            raise MemorySpent(f"{found / GIB:.1f}", f"{self.memory / GIB:.1f}")


def time_left() -> float | None:
    """Seconds that the open allowances leave; None where nothing limits them."""
    limits = [left for allowance in _open() if (left := allowance.left()) is not None]
    return min(limits, default=None)


def memory_limit() -> int | None:
    """Bytes that may be held: what the innermost open allowance with a limit says."""
    limits = [allowance.memory for allowance in _open() if allowance.memory is not None]
    return limits[-1] if limits else None


def last_allowance(sharers: int = 1) -> Allowance:
    """For what may be left out: a share of the time that is left, but for a last word."""
    left = time_left()
    return Allowance(None if left is None else max(left - LAST, 0) / sharers, partial=True)


def shared_allowance(sharers: int) -> Allowance:
    """For one of several that may each find something: an equal share of the time that is left, but for a tenth, in
    which what was found is used."""
    left = time_left()
    return Allowance(None if left is None else (1 - TENTH) * left / sharers, partial=True)


def resident() -> int:
    """Bytes of memory that this process holds; where the system does not say, the most that it has held."""
    try:
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        import resource

        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak if sys.platform == "darwin" else peak << 10


def command_allowance(budget: int | None = None, memory: float | None = None) -> Allowance:
    """For all that a command does: its ``budget`` in seconds with what it may exceed it by, and ``memory`` in GiB
    (default: half of what :func:`machine_memory` says)."""
    ago = 0 if started.at is None else monotonic() - started.at
    seconds = None if budget is None else max((1 + TENTH) * budget + MORE - ago, LAST)
    allowance = Allowance(seconds, machine_memory() // 2 if memory is None else int(memory * GIB))
    allowance.told = budget
    return allowance


def begin_program() -> None:
    """Let the time of commands count from the start of this process, if that was just now."""
    started.at = monotonic() - min(since_start(), MORE)


def since_start() -> float:
    """Seconds since this process started; where the system does not say, those that the processor worked for it."""
    try:
        fields = Path("/proc/self/stat").read_text().rpartition(")")[2].split()
        return time.clock_gettime(time.CLOCK_BOOTTIME) - int(fields[19]) / os.sysconf("SC_CLK_TCK")
    except (OSError, AttributeError):
        return time.process_time()


def machine_memory() -> int:
    """Bytes of memory of this machine, or of a smaller limit that is set for this process (``ulimit -v``) or for the
    container that it runs in: beyond those, libraries in C abort, or the system ends the process, without a word."""
    limits = [os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")]
    with suppress(ImportError):
        import resource

        soft, _ = resource.getrlimit(resource.RLIMIT_AS)
        limits += [] if soft == resource.RLIM_INFINITY else [soft]
    for file in CONTAINER:
        with suppress(OSError, ValueError):  # "max": no limit
            limits.append(int(Path(file).read_text()))
    return min(limits)


def _open() -> list[Allowance]:
    """The open allowances of this thread, outermost first."""
    if not hasattr(_LOCAL, "open"):
        _LOCAL.open = []
    return _LOCAL.open


def _ticks() -> bool:
    return hasattr(signal, "setitimer") and threading.current_thread() is threading.main_thread()


def _tick(_: int, frame: FrameType | None) -> None:
    if _whole(frame):
        return
    for allowance in _open():
        allowance.check_time()
    for allowance in [allowance for allowance in _open() if allowance.memory is not None][-1:]:
        allowance.check_memory()


def _whole(frame: FrameType | None) -> bool:
    """Whether something is running that is not cut off; the next tick looks again."""
    while frame is not None:
        module = frame.f_globals.get("__name__", "").partition(".")[2]
        if (module, frame.f_code.co_name) in WHOLE or frame.f_globals is globals():
            return True
        frame = frame.f_back
    return False

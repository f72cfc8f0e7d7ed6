"""What commands share: progress on standard error, and errors as one sentence there."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

from rich.console import Console

from .errors import MechproofError, describe
from .files import reason

errors = Console(stderr=True, highlight=False)
# What only extras of the package bring: top-level module -> extra.
EXTRAS = {"torch": "torch"}


@dataclass(unsafe_hash=True)
class ExtraMissing(MechproofError):
    """A module that an extra of the package brings is not installed."""

    module: str
    extra: str
    sentence = "this needs {module}, which is not installed: pip install 'mechproof[{extra}]'"


@dataclass(unsafe_hash=True)
class OutOfMemory(MechproofError):
    """The machine, or a limit that is set for the process, does not give the memory that this takes."""

    sentence = "this takes more memory than there is: use a smaller network, or a machine or a limit with more"


@dataclass(unsafe_hash=True)
class SystemRefused(MechproofError):
    """The operating system refused to read or write something."""

    what: str
    reason: str
    sentence = "{what}: {reason}"


@contextmanager
def sentences() -> Iterator[None]:
    """Every error that a user or the machine can cause inside becomes one sentence on standard error and its exit code.

    Output that cannot be written is such an error, also when the system notices at the end only: the exit codes 0 and 1
    say that the result was told.
    """
    try:
        try:
            try:
                yield
            finally:
                if sys.stdout is not None:
                    sys.stdout.flush()
        except MemoryError:
            raise OutOfMemory from None
        except RuntimeError as error:
            if "DefaultCPUAllocator" not in str(error):  # torch's way to say so
                raise
            raise OutOfMemory from None
        except SystemExit as stop:
            if isinstance(stop.__context__, BrokenPipeError):  # typer and rich have ended with 1
                sys.exit(2)
            raise
        except ModuleNotFoundError as error:
            module = (error.name or "").partition(".")[0]
            if module not in EXTRAS:
                raise
            raise ExtraMissing(module, EXTRAS[module]) from None
        except OSError as error:
            _abandon_output()
            if error.errno == errno.EPIPE:  # whoever reads has seen enough, and wants no sentence
                sys.exit(2)
            raise SystemRefused(os.fsdecode(error.filename or "standard output"), reason(error)) from None
    except MechproofError as error:
        with suppress(OSError):
            errors.print(f"mechproof: {describe(error)}", markup=False, soft_wrap=True)
        sys.exit(error.exit_code)


def _abandon_output() -> None:
    """Let what is still buffered for standard output go nowhere, or Python tries again to write it when it ends."""
    with suppress(OSError, ValueError):
        sink = os.open(os.devnull, os.O_WRONLY)
        os.dup2(sink, sys.stdout.fileno())
        os.close(sink)


@contextmanager
def progress_bars(quiet: bool) -> Iterator[Any]:
    """A callback (stage, done, total) that draws bars on standard error."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    # What is printed meanwhile goes above the bars where both are seen on one terminal, and else where it always goes.
    mixed = sys.stdout is not None and sys.stdout.isatty()
    with Progress(*columns, console=errors, transient=True, disable=quiet, redirect_stdout=mixed) as bars:
        tasks: dict[str, Any] = {}

        def report(stage: str, done: int, total: int) -> None:
            if stage not in tasks:
                tasks[stage] = bars.add_task(stage, total=total)
            bars.update(tasks[stage], completed=done)

        yield report

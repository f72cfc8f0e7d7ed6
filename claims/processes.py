"""Claims over processes: results in the order of the file, the same as one process finds.

Each process reads and remembers the networks of its own claims.  What comes back is a result with its session, whose
proof graph holds the verdict; what a session only remembers stays behind.
"""

from __future__ import annotations

import copyreg
import multiprocessing
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from types import MappingProxyType
from typing import Any

from flint import fmpz, fmpz_mat

from ..rewrites.enumeration.processes import WorkerDied, one_thread_each
from .files import StatedClaim
from .report import Result

Settle = Callable[[StatedClaim], Result]


def _read_only(items: dict[Any, Any]) -> MappingProxyType[Any, Any]:
    return MappingProxyType(items)


def _matrix(rows: int, columns: int, entries: list[int]) -> fmpz_mat:
    return fmpz_mat(rows, columns, entries)


copyreg.pickle(MappingProxyType, lambda items: (_read_only, (dict(items),)))
copyreg.pickle(fmpz, lambda number: (fmpz, (int(number),)))
copyreg.pickle(fmpz_mat, lambda m: (_matrix, (m.nrows(), m.ncols(), [int(entry) for entry in m.entries()])))


def in_processes(
    claims: Sequence[StatedClaim], jobs: int, settle: Settle, begin: Callable[..., None], *given: Any
) -> Iterator[Result]:
    """Each claim as ``settle`` does it in a process where ``begin(*given)`` came first; in order.

    Raises :class:`~mechproof.rewrites.enumeration.processes.WorkerDied`.  Processes end with the iterator, whatever
    they are at.
    """
    context = multiprocessing.get_context("spawn")
    with one_thread_each():
        pool = ProcessPoolExecutor(min(jobs, len(claims)), context, begin, given)
        try:
            waiting: list[Future[Result]] = [pool.submit(settle, claim) for claim in claims]
            for future in waiting:
                yield future.result()
        except BrokenProcessPool:
            raise WorkerDied(jobs) from None
        finally:
            pool.shutdown(wait=False, cancel_futures=True)
            for worker in multiprocessing.active_children():
                worker.terminate()

"""Sharing independent items among processes (forked, so that nothing is sent to them)."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Any

from .errors import Code, Failure, fault


def _worker(count: Callable[[int], tuple[int, int]], items: range, result: Connection) -> None:
    """Send the two sums over the items, or the first failure; any other exception is E245, as in a single process."""
    first = second = item = 0
    try:
        for item in items:
            one, other = count(item)
            first, second = first + one, second + other
        result.send((first, second))
    except KeyboardInterrupt:
        return
    except Failure as failure:
        result.send((item, failure.code.name, failure.data))
    except BaseException as error:
        result.send((item, Code.E245.name, {"error": fault(error)}))


def in_shards(count: Callable[[int], tuple[int, int]], number: int, jobs: int) -> tuple[int, int]:
    """The sums of ``count(i)`` for i < number, by ``jobs`` processes where the system can fork.

    The failure raised is that of the smallest i that any process reached. E244 when a process dies. No process is left
    behind, whatever is raised.
    """
    if jobs == 1 or "fork" not in multiprocessing.get_all_start_methods():
        pairs = [count(i) for i in range(number)]
        return sum(a for a, _ in pairs), sum(b for _, b in pairs)
    context = multiprocessing.get_context("fork")
    workers: list[tuple[BaseProcess, Connection]] = []
    try:
        for job in range(min(jobs, number)):
            receiver, sender = context.Pipe(duplex=False)
            process = context.Process(target=_worker, args=(count, range(job, number, jobs), sender), daemon=True)
            process.start()
            sender.close()
            workers.append((process, receiver))
        results = [_received(receiver) for _, receiver in workers]
    finally:
        for process, receiver in workers:
            receiver.close()
            process.terminate()
            process.join()
    failures = sorted((r for r in results if len(r) == 3), key=lambda r: r[0])
    if failures:
        raise Failure(Code[failures[0][1]], **failures[0][2])
    return sum(r[0] for r in results), sum(r[1] for r in results)


def _received(receiver: Connection) -> Any:
    """What a process sent; E244 when it ended without."""
    try:
        return receiver.recv()
    except EOFError as error:
        raise Failure(Code.E244) from error

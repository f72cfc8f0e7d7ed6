"""Blocks over processes.

Blocks are cut and handed out here, so that what is decided does not depend on the number of processes; each process has
the network once, and one thread for its products.
"""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np

from ...engine.errors import MechproofError
from ...models.network import Network
from ...models.tasks.task import Task
from .block import Decider, Settings
from .outcome import Outcome

WAITING = 3  # so many blocks a process are handed out ahead
THREADS = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")
Blocks = Iterable[tuple[int, np.ndarray]]


@dataclass(unsafe_hash=True)
class WorkerDied(MechproofError):
    jobs: int
    sentence = "one of {jobs} processes was killed, perhaps for memory: fewer processes need less of it"


def outcomes(network: Network, task: Task, settings: Settings, blocks: Blocks, jobs: int) -> Iterator[Outcome]:
    """The outcomes of these blocks, in whatever order they are done."""
    if jobs == 1:
        decider = Decider(network, task, settings)
        for number, tokens in blocks:
            yield decider.decide(number, tokens)
        return
    context = multiprocessing.get_context("spawn")
    with one_thread_each(), ProcessPoolExecutor(jobs, context, _begin, (network, task, settings)) as pool:
        running: set[Future[Outcome]] = set()
        try:
            for number, tokens in blocks:
                running.add(pool.submit(_decided, number, tokens))
                if len(running) >= WAITING * jobs:
                    done, running = wait(running, return_when=FIRST_COMPLETED)
                    yield from (future.result() for future in done)
            while running:
                done, running = wait(running, return_when=FIRST_COMPLETED)
                yield from (future.result() for future in done)
        except BrokenProcessPool:
            raise WorkerDied(jobs) from None
        finally:
            for future in running:
                future.cancel()


_deciders: list[Decider] = []  # one in each process of a pool


def _begin(network: Network, task: Task, settings: Settings) -> None:
    _deciders.append(Decider(network, task, settings))


def _decided(number: int, tokens: np.ndarray) -> Outcome:
    return _deciders[0].decide(number, tokens)


@contextmanager
def one_thread_each() -> Iterator[None]:
    """Processes that are started inside have one thread each for matrix products."""
    before = {name: os.environ.get(name) for name in THREADS}
    os.environ.update(dict.fromkeys(THREADS, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value

"""Running strategies in processes of their own: prove, verify the proof from its rules alone, account for it."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from pathlib import Path
from time import perf_counter
from typing import TypeVar

from ..engine.errors import MechproofError, describe
from ..engine.graph import ProofGraph, carried
from ..engine.rule import NotEstablished
from ..models.one_layer import one_layer_of
from ..models.problem import statement_of
from ..models.statement import Statement
from ..rewrites.proof_cost import proof_cost
from ..rewrites.rules.logit_gap import LogitGap
from ..rewrites.strategies import Options, Progress, prove_accuracy
from .storage import Row, Store

Given = TypeVar("Given")
Made = TypeVar("Made")


@dataclass(unsafe_hash=True)
class WorkerDied(MechproofError):
    done: int
    waiting: int
    exit_code = 1
    sentence = (
        "a worker process was killed, perhaps for memory: {done} rows are stored and {waiting} are not; the same "
        "command goes on from there, with --jobs 1 in less memory"
    )


@dataclass(frozen=True)
class Job:
    """One strategy on the weights at ``path``, with the tightenings ``off`` not used."""

    path: str
    strategy: str
    off: tuple[str, ...]


@lru_cache(maxsize=4)
def statement_at(path: str) -> Statement:
    """The statement about the weights at ``path``."""
    return statement_of(path)


def execute(version: str, job: Job) -> Row:
    """The row of one job.  What a strategy refuses is a row with the reason."""
    statement = statement_at(job.path)
    network = one_layer_of(statement)
    sizes = network.d_vocab, network.n_ctx, network.d_model, network.d_head, statement.inputs
    row = Row(statement.sha256, job.strategy, job.off, Path(job.path).name, *sizes, version)
    _forget_peak()
    start = perf_counter()
    try:
        graph, goal = prove_accuracy(statement, job.strategy, Options(off=job.off))
    except MechproofError as error:
        return replace(row, reason=describe(error))
    found = perf_counter()
    verify(graph, goal)
    verified = perf_counter()
    memory, account, theorem = _peak_kib(), proof_cost(graph, goal), graph.claim(goal)
    steps = graph.proof(goal)
    gaps = [claim for claim in (graph.claim(step.claim) for step in steps) if isinstance(claim, LogitGap)]
    return replace(
        row,
        right_low=theorem.low,
        right_high=theorem.high,
        **account.row(),
        cells=int(gaps[0].certified.sum()) if gaps else None,
        search_seconds=round(found - start, 3),
        verify_seconds=round(verified - found, 3),
        memory_kib=memory,
        rules=tuple(sorted({step.rule.tag for step in carried(steps)})),
    )


def verify(graph: ProofGraph, goal: int) -> ProofGraph:
    """The goal's proof, and nothing else of the graph, run again from its rules; the goal must come out again.

    Raises :class:`NotEstablished` where it does not.
    """
    fresh = ProofGraph()
    ids: dict[int, int] = {}
    for step in graph.proof(goal):
        ids[step.claim] = fresh.apply(step.rule, [ids[premise] for premise in step.premises], step.advice)
    if fresh.claim(ids[goal]).identity() != graph.claim(goal).identity():
        raise NotEstablished(graph.claim(goal).kind, "running its proof again gives another conclusion")
    return fresh


def complete(jobs: Sequence[Job], store: Store, processes: int, progress: Progress) -> None:
    """Run the jobs whose rows the store does not have; each row is committed as soon as it is there.

    ``progress(what, done, all)`` counts the rows that were there too.
    """
    done = {(row.statement, row.strategy, row.off) for row in _stored(jobs, store)}
    waiting = [job for job in jobs if (statement_at(job.path).sha256, job.strategy, job.off) not in done]
    finished = len(jobs) - len(waiting)
    progress("proving", finished, len(jobs))
    for row in in_processes(partial(execute, store.version), waiting, processes) if waiting else ():
        store.add(row)
        finished += 1
        progress("proving", finished, len(jobs))


def _stored(jobs: Sequence[Job], store: Store) -> Iterator[Row]:
    for path in {job.path for job in jobs}:
        yield from store.rows(statement_at(path).sha256)


def in_processes(work: Callable[[Given], Made], jobs: Sequence[Given], processes: int) -> Iterator[Made]:
    """What ``work`` makes of the jobs, in the order in which they end; it, jobs and results are sent to processes."""
    processes = min(processes, len(jobs))
    if processes <= 1:
        yield from map(work, jobs)
        return
    # Fresh interpreters: a fork would copy the locks of whatever threads the caller runs.
    context = multiprocessing.get_context("spawn")
    done = 0
    with ProcessPoolExecutor(processes, context, initializer=_follow_the_parent) as pool:
        futures: list[Future[Made]] = [pool.submit(work, job) for job in jobs]
        try:
            for future in as_completed(futures):
                yield future.result()
                done += 1
        except BrokenProcessPool:
            raise WorkerDied(done, len(jobs) - done) from None
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def _follow_the_parent() -> None:
    """In a worker: leave interrupts to the parent, and end with it even when it is killed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()

    def end() -> None:
        if parent is not None:
            parent.join()
            os._exit(1)

    threading.Thread(target=end, daemon=True).start()


def _forget_peak() -> None:
    """Let the system's record of this process's peak memory start anew, where it can (Linux)."""
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        return


def _peak_kib() -> int:
    """The recorded peak, 0 where there is none."""
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("VmHWM:")), 0)


def processors() -> int:
    """How many processes this machine runs at once for us."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1

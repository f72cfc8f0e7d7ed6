"""Running jobs on the workers of a Dask scheduler, which see the same files under the same paths.

A worker that is killed loses nothing: the scheduler gives its job to another one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

from ..engine.errors import MechproofError

Given = TypeVar("Given")
Made = TypeVar("Made")
PATIENCE = "30s"


@dataclass(unsafe_hash=True)
class NoCluster(MechproofError):
    scheduler: str
    reason: str
    sentence = "scheduler {scheduler}: expected a Dask scheduler with workers, found: {reason}"


def on_cluster(scheduler: str, work: Callable[[Given], Made], jobs: Sequence[Given]) -> Iterator[Made]:
    """What ``work`` makes of the jobs, in the order in which they end; raises :class:`NoCluster`."""
    try:
        from distributed import Client, as_completed
    except ImportError:
        raise NoCluster(scheduler, "no package distributed (pip install mechproof[cluster])") from None
    try:
        client = Client(scheduler, timeout=PATIENCE)
    except (OSError, ValueError) as error:
        raise NoCluster(scheduler, str(error)) from None
    with client:
        futures = client.map(work, jobs, pure=False)
        for future in as_completed(futures):
            try:
                yield future.result()
            except OSError as error:
                raise NoCluster(scheduler, str(error)) from None

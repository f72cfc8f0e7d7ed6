"""From a checkpoint and a task's name to the statement to prove."""

from __future__ import annotations

from dataclasses import dataclass

from ..engine.errors import MechproofError
from .architectures import recognise
from .architectures.one_layer_attention import OneLayerAttention
from .statement import Statement
from .tasks.max_of_k import MaxOfK
from .weights import Checkpoint

TASKS = (MaxOfK.name,)


@dataclass(unsafe_hash=True)
class UnknownTask(MechproofError):
    name: str
    known: tuple[str, ...]
    sentence = "there is no task {name!r}; the tasks are {known}"


@dataclass(unsafe_hash=True)
class TaskDoesNotFit(MechproofError):
    source: str
    task: str
    found: str
    sentence = "{source}: task {task} needs a one-layer attention-only network, found {found}"


def problem(checkpoint: Checkpoint, task: str) -> Statement:
    """The statement about this checkpoint's network and the named task; sizes come from the weights."""
    if task not in TASKS:
        raise UnknownTask(task, TASKS)
    network = recognise(checkpoint)
    if not isinstance(network, OneLayerAttention):
        raise TaskDoesNotFit(checkpoint.source, task, str(network.describe().get("family")))
    return Statement(network, MaxOfK(network.n_ctx, network.d_vocab))

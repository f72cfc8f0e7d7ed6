"""From weights and a task's name to the statement to prove."""

from __future__ import annotations

from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any

from ..engine.errors import MechproofError
from .architectures import recognise
from .architectures.errors import ArchitectureError
from .architectures.one_layer_attention import OneLayerAttention
from .network import Network
from .network_statement import NetworkStatement
from .recognition import recognise as recognise_network
from .recognition.network_file import load_network
from .statement import Statement
from .tasks import task_of
from .tasks.max_of_k import MaxOfK
from .weights import Checkpoint, from_live, load


@dataclass(unsafe_hash=True)
class NotMaxOfK(MechproofError):
    """What is asked for rests on the five path tables of a network on max-of-K."""

    task: str
    sentence = "task {task!r}: expected max-of-k, the only one that this works for; prove and check take any task"


@dataclass(unsafe_hash=True)
class NotOneLayerAttention(MechproofError):
    source: str
    found: str
    sentence = "{source}: expected one layer of attention and nothing else, found {found}"


def problem(checkpoint: Checkpoint, task: str) -> Statement:
    """The statement about this checkpoint's network on max-of-K; sizes come from the weights.

    Raises :class:`NotMaxOfK` for another ``task``, :class:`NotOneLayerAttention` and an
    :class:`~.architectures.errors.ArchitectureError` for another network.
    """
    if task != MaxOfK.name:
        raise NotMaxOfK(task)
    network = recognise(checkpoint)
    if not isinstance(network, OneLayerAttention):
        raise NotOneLayerAttention(checkpoint.source, str(network.describe().get("family")))
    return Statement(network, MaxOfK(network.n_ctx, network.d_vocab))


@dataclass(unsafe_hash=True)
class ConfigOfANetworkFile(MechproofError):
    """A configuration was given beside a network file, which says everything itself."""

    file: str
    sentence = "{file}: expected no configuration beside a network file, which says everything itself"


def statement_of(
    model: str | PathLike[str] | Any,
    task: str = MaxOfK.name,
    config: str | PathLike[str] | None = None,
    *,
    general: bool = False,
) -> tuple[Statement | NetworkStatement, str]:
    """The statement about a weights file, a network file or a live model, and the model's name for people.

    One layer of attention with one head on max-of-K has statements and proofs of its own (schema 1); every other
    network and task, and with ``general`` that one too, is stated by its layers (docs/statement.md).  Raises a
    :class:`~mechproof.engine.errors.MechproofError` with one sentence for anything unusable.
    """
    if isinstance(model, str | PathLike):
        name = Path(model).name
        if Path(model).suffix == ".toml":
            if config is not None:
                raise ConfigOfANetworkFile(name)
            return _stated(load_network(model), task), name
        checkpoint = load(model, config)
    else:
        name, checkpoint = type(model).__name__, from_live(model)
    if task == MaxOfK.name and not general:
        try:
            return problem(checkpoint, task), name
        except ArchitectureError:
            pass  # another network, then, or none: what follows says which
    return _stated(recognise_network(checkpoint), task), name


def _stated(network: Network, task: str) -> NetworkStatement:
    return NetworkStatement(network, task_of(task, network))

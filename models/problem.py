"""From weights and a task's text to the statement to prove."""

from __future__ import annotations

from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any

from ..engine.errors import MechproofError
from . import DEFAULT_TASK
from .network import Network
from .recognition import recognise
from .recognition.network_file import load_network
from .statement import Statement
from .tasks import task_of
from .weights import from_live, load


@dataclass(unsafe_hash=True)
class ConfigOfANetworkFile(MechproofError):
    """A configuration was given beside a network file, which says everything itself."""

    file: str
    sentence = "{file}: expected no configuration beside a network file, which says everything itself"


def network_of(model: str | PathLike[str] | Any, config: str | PathLike[str] | None = None) -> Network:
    """The network of a weights file, a network file or a live model; a ``config`` that is a network file says what the
    tensors of a weights file do, in place of the one that it names.

    Raises a :class:`~mechproof.engine.errors.MechproofError` with one sentence for anything unusable.
    """
    if not isinstance(model, str | PathLike):
        return recognise(from_live(model))
    if Path(model).suffix != ".toml" and config is not None and Path(config).suffix == ".toml":
        return load_network(config, model)
    if Path(model).suffix != ".toml":
        return recognise(load(model, config))
    if config is not None:
        raise ConfigOfANetworkFile(Path(model).name)
    return load_network(model)


def statement_of(
    model: str | PathLike[str] | Any, task: str = DEFAULT_TASK, config: str | PathLike[str] | None = None
) -> Statement:
    """The statement about a model's network on a task; sizes come from the weights where these determine them.

    Raises a :class:`~mechproof.engine.errors.MechproofError` with one sentence for anything unusable.
    """
    return stated(network_of(model, config), task)


def stated(network: Network, task: str = DEFAULT_TASK) -> Statement:
    """The statement about this network on the task of that text."""
    return Statement(network, task_of(task, network))

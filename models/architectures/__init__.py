"""Architectures: what function the tensors of a checkpoint stand for.

Each module with an ``ARCHITECTURE`` is a family; adding one is adding a file.
"""

from __future__ import annotations

import importlib
import pkgutil
from typing import Any, Protocol

from ..weights import Checkpoint
from .errors import AmbiguousArchitecture, ArchitectureError


class Network(Protocol):
    """A network whose function is known exactly."""

    def describe(self) -> dict[str, Any]:
        """The ``architecture`` object of a statement, its keys in the order that is hashed."""
        ...

    def assumptions(self) -> list[str]:
        """What the weights cannot show and the reader must assume."""
        ...


class Architecture(Protocol):
    """A family of networks, as its module's ``ARCHITECTURE``."""

    def resemblance(self, checkpoint: Checkpoint) -> int:
        """How many tensors of the checkpoint the family knows by name."""
        ...

    def recognise(self, checkpoint: Checkpoint) -> Network:
        """The network, or an :class:`ArchitectureError`."""
        ...


def architectures() -> dict[str, Architecture]:
    """The families in this folder by module name, sorted."""
    modules = {
        info.name: importlib.import_module(f"{__name__}.{info.name}")
        for info in sorted(pkgutil.iter_modules(__path__), key=lambda info: info.name)
    }
    return {name: module.ARCHITECTURE for name, module in modules.items() if hasattr(module, "ARCHITECTURE")}


def recognise(checkpoint: Checkpoint) -> Network:
    """The network in ``checkpoint``, of whichever family it is.

    Raises :class:`AmbiguousArchitecture` when several families fit.  When none does, the error is that of
    the family that knows most of the tensors by name.
    """
    networks: dict[str, Network] = {}
    refusals: list[tuple[int, ArchitectureError]] = []
    for name, architecture in architectures().items():
        try:
            networks[name] = architecture.recognise(checkpoint)
        except ArchitectureError as error:
            refusals.append((architecture.resemblance(checkpoint), error))
    if len(networks) > 1:
        raise AmbiguousArchitecture(checkpoint.source, tuple(networks))
    if not networks:
        raise max(refusals, key=lambda refusal: refusal[0])[1]
    return next(iter(networks.values()))

"""Recognition: which network the tensors of a checkpoint are; one convention a file.

Each module with a ``CONVENTION`` is found by its file: adding one is adding a file.
"""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache
from typing import Protocol

from ..network import Network
from ..weights import Checkpoint
from .errors import UnknownLayout


class Convention(Protocol):
    """A way of naming tensors."""

    def resemblance(self, checkpoint: Checkpoint) -> int:
        """How many of the checkpoint's tensors have names of this convention."""
        ...

    def recognise(self, checkpoint: Checkpoint) -> Network:
        """The network, or a :class:`~.errors.RecognitionError`."""
        ...


@cache
def conventions() -> dict[str, Convention]:
    """The conventions of this folder by module name, sorted."""
    modules = {
        info.name: importlib.import_module(f"{__name__}.{info.name}")
        for info in sorted(pkgutil.iter_modules(__path__), key=lambda info: info.name)
    }
    return {name: module.CONVENTION for name, module in modules.items() if hasattr(module, "CONVENTION")}


def recognise(checkpoint: Checkpoint) -> Network:
    """The network in ``checkpoint``, by the convention that knows most of its tensors by name.

    Raises a :class:`~.errors.RecognitionError` or a :class:`~..layers.layer.LayerError` that names what does not fit.
    """
    scores = {name: convention.resemblance(checkpoint) for name, convention in conventions().items()}
    best = max(scores, key=lambda name: scores[name])
    if scores[best] == 0:
        raise UnknownLayout(checkpoint.source, ", ".join(checkpoint.tensors)[:200])
    return conventions()[best].recognise(checkpoint)

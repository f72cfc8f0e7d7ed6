"""Layers: what a network is made of; one kind a file.

Each module with a ``LAYER`` is a kind, found by its file: adding one is adding a file.  What every kind computes, and
how it stands in a statement, is docs/statement.md §1.
"""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache

from .layer import Layer


@cache
def kinds() -> dict[str, type[Layer]]:
    """The kinds of layers in this folder, by their names in statements and network files."""
    modules = [
        importlib.import_module(f"{__name__}.{info.name}")
        for info in sorted(pkgutil.iter_modules(__path__), key=lambda info: info.name)
    ]
    return {module.LAYER.kind: module.LAYER for module in modules if hasattr(module, "LAYER")}


__all__ = ["Layer", "kinds"]

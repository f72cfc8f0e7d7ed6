"""Trained networks that ship with the package, so that a proof is one command away. Needs no torch.

``manifest.json`` says of each how it was trained, the sha256 of its file, an accuracy estimate by sampling,
and the exact accuracy where it has been proved. README.md tells how they are made again.

>>> [name for name in names() if name.startswith("max_of_2")]
['max_of_2_v64_d32_seed123']
"""

from __future__ import annotations

import json
from importlib.resources import files
from pathlib import Path
from typing import Any

from .errors import NoSuchNetwork

__all__ = ["NoSuchNetwork", "manifest", "names", "path", "stack", "stacks"]


def manifest() -> dict[str, dict[str, Any]]:
    """Name -> what is known of that network; the keys are explained in README.md."""
    return json.loads(_folder().joinpath("manifest.json").read_text("utf-8"))


def names() -> list[str]:
    """The shipped networks."""
    return list(manifest())


def path(name: str) -> Path:
    """The safetensors file of a shipped network; raises :class:`NoSuchNetwork`."""
    known = manifest()
    if name not in known:
        raise NoSuchNetwork(name, ", ".join(known))
    return _folder() / known[name]["file"]


def stacks() -> dict[str, dict[str, Any]]:
    """The networks of other layers, each with its network file: name -> what is known of it.

    >>> stacks()["add_mod_13_bilinear"]["task"]
    'modular-addition:13'
    """
    return json.loads(_folder().joinpath("stacks.json").read_text("utf-8"))


def stack(name: str) -> Path:
    """The network file of a shipped network of other layers; raises :class:`NoSuchNetwork`."""
    known = stacks()
    if name not in known:
        raise NoSuchNetwork(name, ", ".join(known))
    return _folder().joinpath("stacks", f"{name}.toml")


def _folder() -> Path:
    return Path(str(files(__name__)))

"""Network files: a TOML description of layers, and where their tensors come from (docs/your_network.md)."""

from __future__ import annotations

import os
from collections.abc import Mapping
from math import prod
from typing import Any, NoReturn

from ..budget import within
from ..errors import Code, Failure
from ..stored import Stored
from ..weights_file import read_tensors
from .checkpoints import read_config, recognised
from .layers import NORMS, SETTINGS, TENSORS, WITH_NORM, Description, Layer, Norm
from .pattern import Misfit, rearranged
from .tensor import MAX_NUMBERS, Tensor, read_tensor
from .toml_file import nearest_double, read_toml, seen_from

# settings that the tensors show
_SHOWN = ("heads", "gated")
_DEFAULTS: dict[str, dict[str, object]] = {"attention": {"mask": "causal"}, "mlp": {"skip": "added"}}
_KEYS = {"tensor", "pattern", "sizes", "rows", "columns"}
MAX_TABLES = 256


class _Reading:
    """Reads one network file; tensors of its weights file are converted when a layer first uses them."""

    def __init__(self, file: str) -> None:
        self.file, self.at, self.kind = file, 0, ""
        self.settings = read_toml(file)
        if unknown := sorted(set(self.settings) - {"weights", "layer"}):
            raise Failure(Code.E140, file=file, what=f"it has no setting {unknown[0]}")
        weights = seen_from(file, self.settings.get("weights"))
        if weights is None:
            raise Failure(Code.E140, file=file, what="weights must be the path of a file, seen from it")
        self.weights = weights
        self.stored: dict[str, Stored] = {stored.name: stored for stored in read_tensors(weights)}
        self.read: dict[str, Tensor] = {}
        self.numbers = 0

    def refuse(self, what: str) -> NoReturn:
        raise Failure(Code.E141, file=self.file, layer=self.at, kind=self.kind, what=what)

    def tensor(self, given: Any) -> Tensor:
        """A stored name, or a table that says how a stored tensor is turned and cut."""
        table = {"tensor": given} if isinstance(given, str) else given
        if not isinstance(table, dict) or not isinstance(table.get("tensor"), str):
            self.refuse("a tensor is a stored name, or { tensor = NAME, pattern = ... }")
        if unknown := sorted(set(table) - _KEYS):
            self.refuse(f"a tensor has no {unknown[0]}")
        name = table["tensor"]
        if name not in self.stored:
            raise Failure(Code.E131, file=self.weights, name=name)
        if name not in self.read:
            self.read[name] = read_tensor(self.weights, self.stored[name])
        found, sizes = self.read[name], table.get("sizes", {})
        if "pattern" in table:
            found = self.turned(name, found, table["pattern"], sizes)
        elif sizes:
            self.refuse("sizes belong to a pattern")
        for key, axis in (("rows", 0), ("columns", len(found.shape) - 1)):
            if key in table:
                found = self.cut(name, found, axis, table[key])
        self.numbers += len(found.entries)
        within("the number of weights", self.numbers, MAX_NUMBERS)
        return found

    def turned(self, name: str, tensor: Tensor, pattern: Any, sizes: Any) -> Tensor:
        natural = isinstance(sizes, dict) and all(type(n) is int and 0 < n < 1 << 31 for n in sizes.values())
        if not isinstance(pattern, str) or not natural:
            self.refuse("a pattern is a text, and its sizes are whole numbers")
        try:
            return rearranged(tensor, pattern, sizes)
        except Misfit as misfit:
            what = f"the pattern {pattern[:80]} does not fit the shape {' x '.join(map(str, tensor.shape))}: {misfit}"
            raise Failure(Code.E142, file=self.weights, name=name, what=what) from misfit

    def cut(self, name: str, tensor: Tensor, axis: int, ends: Any) -> Tensor:
        """The part from ``ends[0]`` up to, not including, ``ends[1]`` of an axis."""
        size = tensor.shape[axis] if tensor.shape else 0
        whole = isinstance(ends, list) and len(ends) == 2 and all(type(n) is int for n in ends)
        if not whole or not 0 <= ends[0] < ends[1] <= size:
            what = f"a range of an axis of length {size} must be [FIRST, END] with 0 <= FIRST < END <= {size}"
            raise Failure(Code.E142, file=self.weights, name=name, what=what)
        first, end = ends
        block = prod(tensor.shape[axis + 1 :])
        starts = range(0, len(tensor.entries), size * block)
        entries = tuple(e for i in starts for e in tensor.entries[i + first * block : i + end * block])
        return Tensor((*tensor.shape[:axis], end - first, *tensor.shape[axis + 1 :]), entries, tensor.exponent)

    def norm(self, table: Any) -> Norm:
        """``{ function = ..., epsilon = ..., w = ..., b = ... }``."""
        needed = {"function", "epsilon"}
        if not isinstance(table, dict) or not needed <= set(table) <= {*needed, "w", "b"}:
            self.refuse("a norm has function and epsilon, and may have w and b")
        if table["function"] not in NORMS:
            self.refuse(f"the function of a norm is one of {', '.join(NORMS)}")
        epsilon = nearest_double(str(table["epsilon"]))
        if epsilon is None:
            self.refuse(f"epsilon = {table['epsilon']} is no positive number")
        return Norm(table["function"], epsilon, {name: self.tensor(table[name]) for name in "wb" if name in table})

    def embed(self, table: Mapping[str, Any]) -> Layer:
        """``E``, or ``tables`` of own embeddings; ``P``."""
        if ("E" in table) == ("tables" in table) or set(table) - {"kind", "E", "P", "tables"}:
            self.refuse("it has E or tables, and may have P")
        tensors = {name: self.tensor(table[name]) for name in "EP" if name in table}
        if "E" in table:
            return Layer("embed", {"tables": "shared"}, tensors)
        tables = table["tables"]
        if not isinstance(tables, list) or not 0 < len(tables) <= MAX_TABLES:
            self.refuse(f"tables is a list of 1 to {MAX_TABLES} tensors, one for each position")
        return Layer("embed", {"tables": "own"}, {f"E_{p}": self.tensor(t) for p, t in enumerate(tables)} | tensors)

    def layer(self, at: int, table: Any) -> Layer:
        """One ``[[layer]]``."""
        self.at, self.kind = at, str(table.get("kind", "no kind")) if isinstance(table, dict) else "no table"
        if self.kind not in SETTINGS:
            self.refuse(f"unknown kind; there are {', '.join(SETTINGS)}")
        if self.kind == "embed":
            return self.embed(table)
        if self.kind == "norm":
            return Layer("norm", {}, {}, self.norm({key: table[key] for key in table if key != "kind"}))
        given = [name for name in SETTINGS[self.kind] if name not in _SHOWN]
        allowed = {*given, *TENSORS[self.kind], "kind", *(["norm"] if self.kind in WITH_NORM else [])}
        if unknown := sorted(set(table) - allowed):
            self.refuse(f"it has no {unknown[0]}")
        tensors = {name: self.tensor(table[name]) for name in TENSORS[self.kind] if name in table}
        settings = _DEFAULTS.get(self.kind, {}) | {name: table[name] for name in given if name in table}
        if self.kind == "attention":
            settings["heads"] = tensors["W_Q"].shape[0] if "W_Q" in tensors and tensors["W_Q"].shape else 0
        if self.kind == "mlp":
            settings["gated"] = int("W_gate" in tensors)
        return Layer(self.kind, settings, tensors, self.norm(table["norm"]) if "norm" in table else None)

    def described(self) -> Description:
        tables = self.settings.get("layer")
        if not isinstance(tables, list) or not tables:
            raise Failure(Code.E140, file=self.file, what="it has no [[layer]]")
        layers = tuple(self.layer(at, table) for at, table in enumerate(tables))
        first = layers[0].tensors
        own = sum(name.startswith("E_") for name in first)
        places = first["P"].shape[0] if "P" in first and first["P"].shape else None
        return Description(self.file, layers, own or places)


def read_description(file: str, config: str | None) -> Description:
    """The network that a checkpoint (with its configuration, if it has one) or a network file describes."""
    if os.path.splitext(file)[1].lower() == ".toml":
        if config is not None:
            raise Failure(Code.E100, problem="a network file needs no --config")
        return _Reading(file).described()
    return recognised(file, None if config is None else read_config(config))

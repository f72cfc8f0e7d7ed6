"""Network files: layers described in TOML, with the stored tensor and its pattern for every tensor of theirs.

The format is docs/your_network.md §2.  Patterns are einops'; the numbers are moved, never computed with.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any

import einops

from ...engine.arithmetic.tensor import DyadicTensor
from ...engine.files import read_bytes
from ..layers import kinds
from ..layers.attention import Scale
from ..layers.embed import Embed
from ..layers.layer import Layer
from ..network import Network
from ..weights import Checkpoint, load
from ..weights.decimal_text import nearest_float64
from .errors import BadTensor, MissingTensor
from .tensors import exact

LIMIT = 1 << 20
_PATTERN = re.compile(r"[A-Za-z_0-9 ()]+->[A-Za-z_0-9 ()]+")
_AXIS = re.compile(r"[A-Za-z_][A-Za-z_0-9]*")
_PREFIX = "axis_named_"
_NATURAL = "([1-9][0-9]{0,329})"
_SCALE = re.compile(rf"1/sqrt\({_NATURAL}\)|{_NATURAL}(?:/{_NATURAL})?")
_MOST_ROOT = 1 << 64
_DEFAULTS = {"mask": "causal", "skip": "added"}
# Kind -> the settings that a file may give, besides tensors and a norm.
_SETTINGS = {
    "norm": ("function", "epsilon"),
    "attention": ("scale", "mask"),
    "mlp": ("function", "skip"),
    "pointwise": ("function",),
}
_WITH_NORM = ("attention", "mlp", "unembed")


def load_network(path: str | os.PathLike[str], weights: str | os.PathLike[str] | None = None) -> Network:
    """The network that the TOML file at ``path`` describes, with the ``weights`` that it names, or these instead.

    Raises :class:`~.errors.RecognitionError`, :class:`~..layers.layer.LayerError`, or what :func:`~..weights.load`
    raises.
    """
    name = Path(path).name
    content = _parsed(name, read_bytes(path, LIMIT))
    for key in content:
        if key not in ("weights", "layer"):
            raise BadTensor(name, f"key {key}", "weights and [[layer]] only", "this key")
    file = content.get("weights")
    if not isinstance(file, str) or not file:
        raise BadTensor(name, "weights", "the path of a file, seen from the network file", _shown(file))
    checkpoint = load(Path(path).parent.joinpath(file) if weights is None else weights)
    entries = content.get("layer")
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise BadTensor(name, "layer", "a list of tables, [[layer]]", _shown(entries))
    reader = _Layers(name, checkpoint)
    network = Network(
        name, tuple(reader.layer(number, entry) for number, entry in enumerate(entries)), reader.assumed()
    )
    joined = any(layer.kind == "concat" for layer in network.layers)
    if not (network.embed.shared and joined):  # else the task says how many are joined, and whether the layers fit
        network.check(network.most_positions or 1)
    return network


def _parsed(name: str, text: bytes) -> dict[str, Any]:
    try:
        return tomllib.loads(text.decode("utf-8"), parse_float=_float64)
    except RecursionError:
        raise BadTensor(name, "the file", "TOML", "deep nesting") from None
    except ValueError as error:  # not UTF-8, not TOML, a number that no float64 holds
        raise BadTensor(name, "the file", "TOML", str(error)[:200]) from None


def _float64(text: str) -> Fraction:
    try:
        return nearest_float64(text)
    except OverflowError:
        raise ValueError(f"the number {text[:40]}, which no float64 holds") from None


def _shown(value: Any) -> str:
    return "nothing" if value is None else str(value)[:80]


class _Layers:
    """Layers of one file; remembers which tensors were used."""

    def __init__(self, file: str, checkpoint: Checkpoint) -> None:
        self.file = file
        self.checkpoint = checkpoint
        self.used: set[str] = set()

    def assumed(self) -> tuple[str, ...]:
        """What the reader takes from the file's author."""
        rest = [name for name in self.checkpoint.tensors if name not in self.used]
        said = f"the layers are those that {self.file} describes"
        return (said, f"stored tensors that it does not name play no part ({', '.join(rest)})") if rest else (said,)

    def layer(self, number: int, entry: Mapping[str, Any]) -> Layer:
        kind = entry.get("kind")
        if not isinstance(kind, str) or kind not in kinds():
            raise BadTensor(self.file, f"layer {number}", f"a kind of {', '.join(kinds())}", _shown(kind))
        where = f"layer {number} ({kind})"
        rest = {key: value for key, value in entry.items() if key != "kind"}
        if kind == "embed":
            return self.embed(where, rest)
        if kind in _WITH_NORM and "norm" in rest:
            inner = rest.pop("norm")
            if not isinstance(inner, dict):
                raise BadTensor(self.file, f"{where}, norm", "a table", _shown(inner))
            return self.built(where, kind, rest, norm=self.built(f"{where}, norm", "norm", inner))
        return self.built(where, kind, rest)

    def embed(self, where: str, rest: Mapping[str, Any]) -> Embed:
        if ("E" in rest) == ("tables" in rest) or set(rest) - {"E", "tables", "P"}:
            raise BadTensor(self.file, where, "E or tables, and perhaps P", ", ".join(rest))
        own = rest.get("tables", [rest.get("E")])
        if not isinstance(own, list) or not own:
            raise BadTensor(self.file, f"{where}, tables", "a list of tensors", _shown(own))
        tables = tuple(self.tensor(f"{where}, E", value) for value in own)
        P = self.tensor(f"{where}, P", rest["P"]) if "P" in rest else None
        return Embed(tables, P, shared="E" in rest)

    def built(self, where: str, kind: str, rest: Mapping[str, Any], norm: Layer | None = None) -> Any:
        """The layer of this kind with the tensors and settings that the file gives."""
        layer, settings = kinds()[kind], _SETTINGS.get(kind, ())
        for key in rest:
            if key not in layer.axes and key not in settings:
                known = [*layer.axes, *settings, *(["norm"] if kind in _WITH_NORM else [])]
                raise BadTensor(self.file, f"{where}, key {key}", f"one of {', '.join(known)}", "this key")
        given: dict[str, Any] = {}
        for name in settings:
            value = rest.get(name, _DEFAULTS.get(name))
            if value is None:
                raise BadTensor(self.file, f"{where}, {name}", "a value", "nothing")
            given[name] = self.setting(f"{where}, {name}", name, value)
        for name in layer.axes:
            if name in rest:
                given[name] = self.tensor(f"{where}, {name}", rest[name])
        for name in _required(layer):
            if name not in given:
                raise MissingTensor(self.file, f"{name} of {where}", ", ".join(rest) or "nothing")
        return layer(**given, **({} if norm is None else {"norm": norm}))

    def setting(self, where: str, name: str, value: Any) -> Any:
        if name == "epsilon":
            if not isinstance(value, Fraction | int) or isinstance(value, bool) or value <= 0:
                raise BadTensor(self.file, where, "a positive number", _shown(value))
            try:
                return nearest_float64(str(value)) if isinstance(value, int) else value
            except OverflowError:
                raise BadTensor(self.file, where, "a number that a float64 holds", _shown(value)) from None
        if not isinstance(value, str):
            raise BadTensor(self.file, where, "a text", _shown(value))
        if name != "scale":
            return value
        match = _SCALE.fullmatch(value)
        if match is None or int(match[1] or 1) >= _MOST_ROOT:
            raise BadTensor(self.file, where, '"1/sqrt(N)" with N below 2^64, "p" or "p/q"', value[:80])
        root, top, bottom = match.groups()
        return Scale(root=int(root)) if root else Scale(Fraction(int(top), int(bottom or 1)))

    def tensor(self, where: str, value: Any) -> DyadicTensor:
        """A stored tensor, by name, or by name with a pattern and cuts."""
        entry = {"tensor": value} if isinstance(value, str) else value
        if not isinstance(entry, dict) or not isinstance(entry.get("tensor"), str):
            raise BadTensor(self.file, where, "a stored tensor's name, or a table with tensor", _shown(value))
        for key in entry:
            if key not in ("tensor", "pattern", "sizes", "rows", "columns"):
                raise BadTensor(self.file, f"{where}, key {key}", "tensor, pattern, sizes, rows or columns", "this key")
        name = entry["tensor"]
        if name not in self.checkpoint.tensors:
            raise MissingTensor(self.file, f"{name} ({where})", ", ".join(self.checkpoint.tensors)[:300])
        self.used.add(name)
        tensor = exact(self.checkpoint.tensors[name])
        if "pattern" in entry:
            tensor = self.moved(where, tensor, entry["pattern"], entry.get("sizes", {}))
        elif "sizes" in entry:
            raise BadTensor(self.file, f"{where}, sizes", "a pattern that they belong to", "no pattern")
        for key, axis in (("rows", 0), ("columns", len(tensor.shape) - 1)):
            if key in entry:
                tensor = self.cut(f"{where}, {key}", tensor, axis, entry[key])
        return tensor

    def moved(self, where: str, tensor: DyadicTensor, pattern: Any, sizes: Any) -> DyadicTensor:
        if not isinstance(pattern, str) or len(pattern) > 200 or not _PATTERN.fullmatch(pattern):
            raise BadTensor(self.file, f"{where}, pattern", 'axes by name, as in "h e d -> h d e"', _shown(pattern))
        if not isinstance(sizes, dict) or not all(type(size) is int and size > 0 for size in sizes.values()):
            raise BadTensor(self.file, f"{where}, sizes", "a positive length for each named axis", _shown(sizes))
        # lengths are keyword arguments of einops: an axis may be named like another of them, or like a word of Python
        named = _AXIS.sub(rf"{_PREFIX}\g<0>", pattern)
        lengths = {f"{_PREFIX}{axis}": size for axis, size in sizes.items()}
        try:
            return tensor.rearranged(einops.rearrange(tensor.numerators, named, **lengths))
        except einops.EinopsError as error:
            said = str(error).replace(_PREFIX, "").strip().splitlines()[-1].strip()[:160]  # what is wrong stands last
            expected = f"the pattern {pattern!r} to fit shape {' × '.join(map(str, tensor.shape))}"
            raise BadTensor(self.file, where, expected, said) from None

    def cut(self, where: str, tensor: DyadicTensor, axis: int, value: Any) -> DyadicTensor:
        whole = tensor.shape[axis] if tensor.shape else 0
        fits = isinstance(value, list) and len(value) == 2 and all(type(end) is int for end in value)
        if not fits or not 0 <= value[0] < value[1] <= whole:
            raise BadTensor(self.file, where, f"[a, b] with 0 <= a < b <= {whole}", _shown(value))
        return tensor[(slice(None),) * axis + (slice(*value),)]


def _required(layer: type[Layer]) -> tuple[str, ...]:
    """The tensors that a layer of this kind always has: the weights that have no default."""
    optional = {"w", "P", "W_gate"}
    return tuple(name for name in layer.axes if name not in optional and not name.startswith("b"))

"""What a network is: a list of layers, each a kind with settings, perhaps a norm, and exact tensors.

``network`` fits tensors and settings together, in canonical form: a bias or a table of positions that is zero
everywhere is absent, and so is a norm's gain that is one everywhere.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from math import gcd
from typing import NoReturn

from ..budget import within
from ..errors import Code, Failure
from .tensor import MAX_NUMBERS, Tensor

FUNCTIONS = ("relu", "identity", "square", "gelu", "gelu_new", "silu")
NORMS = ("layernorm", "rmsnorm")
MAX_LAYERS = 64
MAX_ROOT = 1 << 64

# The settings of each kind in the order of the statement, with the values that they may have; () for any checked below.
SETTINGS: dict[str, dict[str, tuple[object, ...]]] = {
    "embed": {"tables": ("shared", "own")},
    "sum": {},
    "concat": {},
    "norm": {"function": NORMS, "epsilon": ()},
    "attention": {"heads": (), "scale": (), "mask": ("causal", "none")},
    "mlp": {"function": FUNCTIONS, "gated": (0, 1), "skip": ("added", "none")},
    "linear": {},
    "pointwise": {"function": FUNCTIONS},
    "unembed": {},
}
# The tensors of each kind in the order of the statement, by the letters of their sizes; * for those that may be absent.
TENSORS: dict[str, dict[str, str]] = {
    "embed": {},
    "sum": {},
    "concat": {},
    "norm": {"w": "d*", "b": "d*"},
    "attention": {
        "W_Q": "Hde",
        "W_K": "Hde",
        "W_V": "Hdf",
        "W_O": "Hfd",
        "b_Q": "He*",
        "b_K": "He*",
        "b_V": "Hf*",
        "b_O": "d*",
    },
    "mlp": {"W_in": "dk", "W_gate": "dk*", "W_out": "kD", "b_in": "k*", "b_out": "D*"},
    "linear": {"W": "dD", "b": "D*"},
    "pointwise": {},
    "unembed": {"W_U": "dC", "b_U": "C*"},
}
WITH_NORM = ("attention", "mlp", "unembed")


@dataclass(frozen=True)
class Norm:
    """LayerNorm or RMSNorm; ``epsilon`` is (M, E) for M * 2**E, M odd."""

    function: str
    epsilon: tuple[int, int]
    tensors: dict[str, Tensor] = field(default_factory=dict)


@dataclass(frozen=True)
class Layer:
    """One layer; ``norm`` acts on what it reads (of a layer of kind ``norm``: what it does)."""

    kind: str
    settings: dict[str, object] = field(default_factory=dict)
    tensors: dict[str, Tensor] = field(default_factory=dict)
    norm: Norm | None = None


@dataclass(frozen=True)
class Network:
    """Layers that fit, for inputs of ``len(vocabulary)`` tokens, token p below ``vocabulary[p]``."""

    layers: tuple[Layer, ...]
    vocabulary: tuple[int, ...]
    outputs: int

    @property
    def positions_left(self) -> int:
        """The number of positions at the end."""
        mixes = any(layer.kind in ("sum", "concat") for layer in self.layers)
        return 1 if mixes else len(self.vocabulary)


@dataclass(frozen=True)
class Description:
    """Layers as a file describes them; ``positions`` is the number of positions it was made for, if it says one."""

    file: str
    layers: tuple[Layer, ...]
    positions: int | None


def scale_of(text: object) -> str | None:
    """The canonical scale ``1/sqrt(N)``, N > 1, or ``p/q`` in lowest terms; None for any other text.

    >>> scale_of("1/sqrt(32)"), scale_of("1/sqrt(1)"), scale_of("2/8"), scale_of("3"), scale_of("1/0")
    ('1/sqrt(32)', '1/1', '1/4', '3/1', None)
    """
    number = "([1-9][0-9]{0,329})"
    match = re.fullmatch(rf"1/sqrt\({number}\)|{number}(?:/{number})?", text) if isinstance(text, str) else None
    if match is None:
        return None
    root, p, q = (int(group or 1) for group in match.groups())
    if root > 1:
        return f"1/sqrt({root})" if root < MAX_ROOT else None
    return f"{p // gcd(p, q)}/{q // gcd(p, q)}"


class _Fitting:
    """Fits one layer after the other; ``d`` is the width of the stream, ``n`` its number of positions."""

    def __init__(self, description: Description, positions: int) -> None:
        self.file, self.d, self.n = description.file, 0, positions
        self.vocabulary: tuple[int, ...] = ()
        self.at = 0
        self.kind = ""

    def refuse(self, what: str) -> NoReturn:
        raise Failure(Code.E141, file=self.file, layer=self.at, kind=self.kind, what=what)

    def expect(self, name: str, tensor: Tensor, shape: tuple[int | None, ...]) -> None:
        """The tensor has this shape; None is any size."""
        if len(shape) != len(tensor.shape) or any(
            s not in (None, t) for s, t in zip(shape, tensor.shape, strict=False)
        ):
            wanted = " x ".join("any" if size is None else str(size) for size in shape)
            self.refuse(f"{name} has shape {' x '.join(map(str, tensor.shape)) or 'of a number'}, expected {wanted}")

    def shaped(self, kind: str, tensors: Mapping[str, Tensor]) -> tuple[dict[str, Tensor], dict[str, int]]:
        """The tensors in canonical order, and the sizes that their shapes give to the letters."""
        sizes = {"d": self.d}
        table = TENSORS[kind]
        for name in tensors:
            if name not in table:
                self.refuse(f"it has no tensor {name}")
        for name, letters in table.items():
            letters, optional = letters.rstrip("*"), letters.endswith("*")
            if name not in tensors:
                if not optional:
                    self.refuse(f"its tensor {name} is missing")
                continue
            self.expect(name, tensors[name], tuple(sizes.get(letter) for letter in letters))
            sizes |= dict(zip(letters, tensors[name].shape, strict=True))
        return {name: tensors[name] for name in table if name in tensors}, sizes

    def set(self, layer: Layer) -> dict[str, object]:
        """The settings in canonical order."""
        allowed = SETTINGS[layer.kind]
        for name in layer.settings:
            if name not in allowed:
                self.refuse(f"it has no setting {name}")
        for name, values in allowed.items():
            if name not in layer.settings:
                self.refuse(f"its setting {name} is missing")
            if values and (layer.settings[name] not in values or isinstance(layer.settings[name], bool)):
                self.refuse(f"{name} must be one of {', '.join(map(str, values))}")
        return {name: layer.settings[name] for name in allowed}

    def normed(self, norm: Norm) -> Norm:
        """The norm in canonical form."""
        if norm.function not in NORMS:
            self.refuse(f"its norm must be one of {', '.join(NORMS)}")
        if norm.epsilon[0] <= 0:
            self.refuse("the epsilon of its norm must be positive")
        tensors, _ = self.shaped("norm", norm.tensors)
        kept = {name: t for name, t in tensors.items() if not t.constant(1 if name == "w" else 0)}
        return Norm(norm.function, norm.epsilon, kept)

    def embed(self, layer: Layer) -> Layer:
        """The tables of tokens, and that of positions."""
        settings = self.set(layer)
        own = settings["tables"] == "own"
        tables = [f"E_{p}" for p in range(self.n)] if own else ["E"]
        for name in (*tables, *layer.tensors):
            if name not in layer.tensors:
                self.refuse(f"its tensor {name} is missing ({self.n} positions)")
            if name not in tables and name != "P":
                self.refuse(f"it has no tensor {name} ({self.n} positions)")
        self.d = layer.tensors[tables[0]].shape[-1]
        for name in tables:
            self.expect(name, layer.tensors[name], (None, self.d))
        self.vocabulary = tuple(layer.tensors[tables[p if own else 0]].shape[0] for p in range(self.n))
        kept = {name: layer.tensors[name] for name in tables}
        if "P" in layer.tensors:
            places = layer.tensors["P"]
            self.expect("P", places, (None, self.d))
            if places.shape[0] < self.n:
                self.refuse(f"P has {places.shape[0]} rows, the task {self.n} positions")
            if not places.constant(0):
                kept["P"] = places
        return Layer("embed", settings, kept)

    def fitted(self, layer: Layer) -> Layer:
        """The layer in canonical form; the width and the number of positions after it are noted."""
        if layer.kind == "embed":
            return self.embed(layer)
        if layer.norm is not None and layer.kind not in (*WITH_NORM, "norm"):
            self.refuse("it takes no norm")
        norm = None if layer.norm is None else self.normed(layer.norm)
        if layer.kind == "norm":
            if norm is None:
                self.refuse("its function is missing")
            return Layer("norm", {}, {}, norm)
        settings = self.set(layer)
        tensors, sizes = self.shaped(layer.kind, layer.tensors)
        if layer.kind == "attention":
            settings["scale"] = scale_of(settings["scale"])
            if settings["scale"] is None:
                self.refuse('scale must be "1/sqrt(N)" or a positive fraction "p/q"')
            if settings["heads"] != sizes["H"] or isinstance(settings["heads"], bool):
                self.refuse(f"heads is {settings['heads']}, its tensors have {sizes['H']}")
        if layer.kind == "mlp":
            if ("W_gate" in tensors) != (settings["gated"] == 1):
                self.refuse("W_gate must be there exactly when gated is 1")
            if settings["skip"] == "added" and sizes["D"] != self.d:
                self.refuse(f"it adds {sizes['D']} numbers to a stream of {self.d}")
        if layer.kind == "concat":
            self.d *= self.n
        if layer.kind in ("sum", "concat"):
            self.n = 1
        self.d = sizes.get("D", self.d)
        kept = {name: t for name, t in tensors.items() if not (name.startswith("b") and t.constant(0))}
        return Layer(layer.kind, settings, kept, norm)


def fit(description: Description, positions: int) -> Network:
    """The network of these layers on so many positions; E141 for what does not fit, E243 for too much."""
    fitting = _Fitting(description, positions)
    layers = description.layers
    within("the number of layers", len(layers), MAX_LAYERS)
    within(
        "the number of weights", sum(len(t.entries) for layer in layers for t in layer.tensors.values()), MAX_NUMBERS
    )
    fitted: list[Layer] = []
    for at, layer in enumerate(layers):
        fitting.at, fitting.kind = at, layer.kind
        if layer.kind not in SETTINGS:
            fitting.refuse(f"unknown kind; there are {', '.join(SETTINGS)}")
        if (at == 0) != (layer.kind == "embed") or (at == len(layers) - 1) != (layer.kind == "unembed"):
            fitting.refuse("the first layer must be embed, the last unembed, and no others")
        fitted.append(fitting.fitted(layer))
    if len(layers) < 2:
        fitting.refuse("the first layer must be embed, the last unembed, and no others")
    return Network(tuple(fitted), fitting.vocabulary, fitted[-1].tensors["W_U"].shape[1])

"""One layer of attention with one head, read at the last position, and nothing else.

With row vectors over the reals (exact exp, exact square root), for tokens t_0 … t_{K-1}:

    x_p      = W_E[t_p] + W_pos[p]
    score_p  = ((x_{K-1} W_Q + b_Q) · (x_p W_K + b_K)) / sqrt(d_head)
    a        = softmax(score_0, …, score_{K-1})
    logits   = (x_{K-1} + Σ_p a_p (x_p W_V + b_V) W_O + b_O) W_U + b_U

Names, shapes and the meaning of absent biases are those of docs/certificate.md §1.1.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from ...engine.arithmetic.dyadic import DyadicMatrix
from ..weights import Checkpoint, StoredTensor
from ..weights.errors import axes_text
from .errors import (
    ArchitectureError,
    ConflictingTensors,
    MissingTensor,
    MlpFound,
    NormalisationFound,
    SeveralHeads,
    SeveralLayers,
    UnknownTensor,
    WrongShape,
)
from .transformer_lens_config import (
    DETAILS,
    HARMLESS,
    Expected,
    check_config,
    exactly,
    no_cap,
    plain,
    scale_of_square_root,
)

FAMILY = "one-layer-attention-only"

# The sizes of each axis by name; a weight has two, a bias one.
SHAPES = {
    "W_E": ("d_vocab", "d_model"),
    "W_pos": ("n_ctx", "d_model"),
    "W_Q": ("d_model", "d_head"),
    "W_K": ("d_model", "d_head"),
    "W_V": ("d_model", "d_head"),
    "W_O": ("d_head", "d_model"),
    "W_U": ("d_model", "d_vocab"),
    "b_Q": ("d_head",),
    "b_K": ("d_head",),
    "b_V": ("d_head",),
    "b_O": ("d_model",),
    "b_U": ("d_vocab",),
}
_EMBEDDINGS = {"W_E": "embed", "W_pos": "pos_embed", "W_U": "unembed", "b_U": "unembed"}
_PER_HEAD = ("W_Q", "W_K", "W_V", "W_O", "b_Q", "b_K", "b_V")


def _aliases() -> dict[str, str]:
    aliases = {}
    for name in SHAPES:
        aliases[name] = name
        if name in _EMBEDDINGS:
            aliases[f"{_EMBEDDINGS[name]}.{name}"] = name
        else:
            aliases[f"blocks.0.attn.{name}"] = name
            aliases[f"L0_attn_{name}"] = name
    return aliases


# Stored name -> name used here.
ALIASES = _aliases()

# The configurations under which TransformerLens computes this function, sizes aside.
FORM = plain() | {
    "n_layers": exactly(1),
    "n_heads": exactly(1),
    "attn_only": exactly(True),
    "attention_dir": exactly("causal"),
    "positional_embedding_type": exactly("standard"),
    "normalization_type": exactly(None),
    "post_embedding_ln": exactly(False),
    "final_rms": exactly(False),
    "use_normalization_before_and_after": exactly(False),
    "use_attn_scale": exactly(True),
    "attn_scores_soft_cap": no_cap(),
    "output_logits_soft_cap": no_cap(),
    "n_key_value_heads": exactly(None),
    "num_experts": exactly(None),
}

# Keys of a configuration that do not change this function; FORM excludes every part that has details.
INERT = HARMLESS.union(*DETAILS.values())

# What no tensor shows, and the configuration keys that, all given, settle it.
_ASSUMPTIONS = (
    (
        "no normalisation without parameters of its own acts anywhere",
        {"normalization_type"},
    ),
    (
        "attention scores are divided by the real number sqrt(d_head)",
        {"use_attn_scale", "attn_scale"},
    ),
    (
        "neither attention scores nor logits are capped",
        {"attn_scores_soft_cap", "output_logits_soft_cap"},
    ),
    (
        "the last position attends to all positions (causal mask, no window)",
        {"attention_dir", "use_local_attn"},
    ),
    (
        "attention is all there is: nothing without parameters acts on the residual stream",
        {"attn_only"},
    ),
    (
        "row p of W_pos is added to the residual stream at position p",
        {"positional_embedding_type"},
    ),
)


@dataclass(frozen=True)
class OneLayerAttention:
    """A network of this family with its exact weights.

    ``tensors`` holds the twelve tensors of docs/certificate.md §1.1 under their plain names, biases as
    1 × n matrices, zero where the file has none; ``settled`` the configuration keys that were given and
    agree; ``absent`` the biases that the file does not hold.
    """

    d_vocab: int
    n_ctx: int
    d_model: int
    d_head: int
    tensors: Mapping[str, DyadicMatrix]
    settled: frozenset[str] = frozenset()
    absent: tuple[str, ...] = ()

    @staticmethod
    def resemblance(checkpoint: Checkpoint) -> int:
        """How many of the checkpoint's tensors this family knows by name."""
        return sum(name in ALIASES for name in checkpoint.tensors)

    @classmethod
    def recognise(cls, checkpoint: Checkpoint) -> OneLayerAttention:
        """The network in ``checkpoint``.

        Raises an :class:`~mechproof.models.architectures.errors.ArchitectureError` that names the tensor or
        the configuration key when anything says that this is another function, or leaves it open.
        """
        file = checkpoint.source
        last = max(checkpoint.tensors, key=_layer)
        if _layer(last) > 0:
            raise SeveralLayers(file, last, _layer(last) + 1)
        for name in checkpoint.tensors:
            if name not in ALIASES:
                raise _stranger(file, name)
        stored = {name: _one_of(checkpoint, name) for name in SHAPES}
        found = {name: tensor for name, tensor in stored.items() if tensor is not None}
        config = checkpoint.config or {}
        check_config(file, {key: config[key] for key in config if key in FORM}, FORM, frozenset())
        for name in SHAPES:
            if name.startswith("W_") and name not in found:
                raise MissingTensor(file, name, ", ".join(checkpoint.tensors))
        sizes = dict(zip(SHAPES["W_E"], _core(file, "W_E", found["W_E"]), strict=True))
        sizes["n_ctx"] = _core(file, "W_pos", found["W_pos"])[0]
        sizes["d_head"] = _core(file, "W_Q", found["W_Q"])[1]
        tensors = {}
        for name, axes in SHAPES.items():
            shape = tuple(sizes[axis] for axis in axes)
            if name not in found:
                tensors[name] = DyadicMatrix.from_integers(1, shape[0], [0] * shape[0], 0)
                continue
            tensor = found[name]
            if _core(file, name, tensor) != shape:
                expected = f"{' × '.join(axes)} = {' × '.join(map(str, shape))}, as W_E, W_pos and W_Q have it"
                raise WrongShape(file, tensor.name, expected, axes_text(tensor.shape))
            rows, columns = (1, *shape)[-2:]
            tensors[name] = DyadicMatrix.from_integers(rows, columns, tensor.numerators, tensor.exponent)
        settled = check_config(file, config, FORM | _sized(sizes), INERT)
        absent = tuple(name for name in SHAPES if name not in found)
        return cls(**sizes, tensors=MappingProxyType(tensors), settled=settled, absent=absent)

    def describe(self) -> dict[str, Any]:
        """The ``architecture`` object of docs/certificate.md §1.3, its keys in the order that is hashed."""
        return {
            "family": FAMILY,
            "d_vocab": self.d_vocab,
            "n_ctx": self.n_ctx,
            "d_model": self.d_model,
            "d_head": self.d_head,
            "n_heads": 1,
            "normalization": "none",
            "attention_scale": "1/sqrt(d_head)",
            "mask": "causal",
            "read_at": "last position",
        }

    def assumptions(self) -> list[str]:
        """What the reader must assume of the network: neither the weights nor a given configuration rules it out."""
        open_points = [sentence for sentence, keys in _ASSUMPTIONS if not keys <= self.settled]
        square = [
            name
            for name, axes in SHAPES.items()
            if len(axes) == 2 and len({self.describe()[axis] for axis in axes}) == 1
        ]
        if square:
            open_points.append(
                f"weights act on row vectors from the right, as in TransformerLens ({', '.join(square)}: square, "
                "so that the shape does not show it)"
            )
        if self.absent:
            open_points.append(f"biases that the file does not hold are zero ({', '.join(self.absent)})")
        return open_points


def _sized(sizes: Mapping[str, int]) -> dict[str, Expected]:
    """The sizes under which TransformerLens computes this function."""
    return {
        "d_vocab": exactly(sizes["d_vocab"]),
        "d_vocab_out": exactly(sizes["d_vocab"], -1),
        "n_ctx": exactly(sizes["n_ctx"]),
        "d_model": exactly(sizes["d_model"]),
        "d_head": exactly(sizes["d_head"]),
        "attn_scale": scale_of_square_root(sizes["d_head"]),
    }


def _one_of(checkpoint: Checkpoint, name: str) -> StoredTensor | None:
    """The tensor that is stored under any of the names of ``name``, after comparing the numbers under each."""
    named = [tensor for stored, tensor in checkpoint.tensors.items() if ALIASES[stored] == name]
    for other in named[1:]:
        first = named[0]
        if _core(checkpoint.source, name, other) != _core(checkpoint.source, name, first) or (
            (other.exponent, other.numerators) != (first.exponent, first.numerators)
        ):
            raise ConflictingTensors(checkpoint.source, other.name, first.name)
    return named[0] if named else None


def _core(file: str, name: str, tensor: StoredTensor) -> tuple[int, ...]:
    """The shape without its leading axes (layer, head), which must have length 1."""
    axes = len(SHAPES[name])
    if len(tensor.shape) < axes:
        raise WrongShape(file, tensor.name, f"axes {' × '.join(SHAPES[name])}", axes_text(tensor.shape))
    leading = tensor.shape[: len(tensor.shape) - axes]
    if name in _PER_HEAD and leading and leading[-1] > 1:
        raise SeveralHeads(file, tensor.name, leading[-1])
    for size in leading:
        if size > 1 and name not in _EMBEDDINGS:
            raise SeveralLayers(file, tensor.name, size)
        if size > 1:
            raise WrongShape(file, tensor.name, f"axes {' × '.join(SHAPES[name])}", axes_text(tensor.shape))
    return tensor.shape[len(leading) :]


def _layer(name: str) -> int:
    """The layer, from 0, that a tensor of this name belongs to."""
    layer = re.match(r"(?:blocks\.|L)([0-9]{1,9})[._]", name)
    return int(layer[1]) if layer else 0


def _stranger(file: str, name: str) -> ArchitectureError:
    """Why a tensor of this name means another network."""
    parts = name.lower().split(".")
    if any(part == "mlp" or part.startswith(("mlp_", "l0_mlp")) for part in parts):
        return MlpFound(file, name)
    if any(part.startswith("ln") or "norm" in part for part in parts):
        return NormalisationFound(file, name)
    return UnknownTensor(file, FAMILY, name)


ARCHITECTURE = OneLayerAttention

"""The two ways in which TransformerLens names and lays out a network's tensors, brought to one.

HookedTransformer (to version 3.9) keeps each head apart, and weights act on row vectors from the right: W_Q is
heads × d_model × d_head.  TransformerBridge.boot_native (from version 3.4; in version 4 there is nothing else) keeps
what torch.nn.Linear holds: q.weight is (heads · d_head) × d_model, all heads below each other, and acts from the left.
Networks are described in the first form; :func:`as_hooked` moves the numbers of the second there, bit by bit.

Other bridges (around a model of another library) use the same names for other layouts, so the configuration has to say
that this one is native; it also says how many heads there are, which the tensors of a bridge do not show.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from .errors import BadShape, BridgeLayout, DuplicateTensor, axes_text
from .tensor import LAYOUTS, RawTensor

NATIVE = "TransformerLensNative"

_ATTENTION = re.compile(r"blocks\.[0-9]+\.attn\.[qkvo]\.(weight|bias)")
# A number to move, and how many heads its rows belong to.
_Move = Callable[[np.ndarray, int], np.ndarray]


def _as_it_is(tensor: np.ndarray, _heads: int) -> np.ndarray:
    return tensor


def _transposed(weight: np.ndarray, _heads: int) -> np.ndarray:
    return weight.T


def _per_head(weight: np.ndarray, heads: int) -> np.ndarray:
    """(heads · d_head) × d_model to heads × d_model × d_head; for a bias, heads · d_head to heads × d_head."""
    return weight.reshape(heads, -1, *weight.shape[1:]).swapaxes(1, -1)


def _from_heads(weight: np.ndarray, heads: int) -> np.ndarray:
    """d_model × (heads · d_head) to heads × d_head × d_model."""
    return weight.T.reshape(heads, -1, weight.shape[0])


def _attention() -> list[tuple[str, str, int, _Move]]:
    projections = [
        entry
        for letter in "qkv"
        for entry in (
            (rf"(blocks\.[0-9]+\.attn)\.{letter}\.weight", rf"\1.W_{letter.upper()}", 2, _per_head),
            (rf"(blocks\.[0-9]+\.attn)\.{letter}\.bias", rf"\1.b_{letter.upper()}", 1, _per_head),
        )
    ]
    return [
        *projections,
        (r"(blocks\.[0-9]+\.attn)\.o\.weight", r"\1.W_O", 2, _from_heads),
        (r"(blocks\.[0-9]+\.attn)\.o\.bias", r"\1.b_O", 1, _as_it_is),
    ]


# Name in a native bridge, name in a HookedTransformer, number of axes, how the numbers move.
_TENSORS: list[tuple[str, str, int, _Move]] = [
    (r"embed\.weight", "embed.W_E", 2, _as_it_is),
    (r"pos_embed\.weight", "pos_embed.W_pos", 2, _as_it_is),
    (r"unembed\.weight", "unembed.W_U", 2, _transposed),
    (r"unembed\.bias", "unembed.b_U", 1, _as_it_is),
    *_attention(),
    (r"(blocks\.[0-9]+\.mlp)\.(in|out|gate)\.weight", r"\1.W_\2", 2, _transposed),
    (r"(blocks\.[0-9]+\.mlp)\.(in|out|gate)\.bias", r"\1.b_\2", 1, _as_it_is),
    (r"(blocks\.[0-9]+\.(?:ln1|ln2|mlp\.ln)|ln_final)\.weight", r"\1.w", 1, _as_it_is),
    (r"(blocks\.[0-9]+\.(?:ln1|ln2|mlp\.ln)|ln_final)\.bias", r"\1.b", 1, _as_it_is),
]


def as_hooked(file: str, tensors: Sequence[RawTensor], config: Mapping[str, Any] | None) -> list[RawTensor]:
    """The tensors under the names and in the layout of a HookedTransformer; those of none of the two kinds as they are.

    Tensors are those of a bridge when attention weights have the names of one.  Raises :class:`BridgeLayout` when the
    configuration does not settle the layout, :class:`BadShape` and :class:`DuplicateTensor`.
    """
    first = next((tensor.name for tensor in tensors if _ATTENTION.fullmatch(tensor.name)), None)
    if first is None:
        return list(tensors)
    settings = config or {}
    if settings.get("architecture") != NATIVE:
        found = settings.get("architecture", "no such key" if settings else "no configuration")
        raise BridgeLayout(file, first, "architecture", f"{NATIVE} (TransformerBridge.boot_native)", str(found)[:80])
    heads = _count(file, first, settings, "n_heads")
    keys = heads if settings.get("n_key_value_heads") is None else _count(file, first, settings, "n_key_value_heads")
    moved = [_moved(file, tensor, heads, keys) for tensor in tensors]
    names = [tensor.name for tensor in moved]
    for name in names:
        if names.count(name) > 1:
            raise DuplicateTensor(file, name)
    return moved


def _count(file: str, tensor: str, settings: Mapping[str, Any], key: str) -> int:
    value = settings.get(key, "no such key")
    if type(value) is not int or value < 1:
        raise BridgeLayout(file, tensor, key, "the number of heads", str(value)[:80])
    return value


def _moved(file: str, tensor: RawTensor, heads: int, keys: int) -> RawTensor:
    for pattern, replacement, axes, move in _TENSORS:
        match = re.fullmatch(pattern, tensor.name)
        if match is None:
            continue
        count = keys if re.search(r"\.[kv]\.", tensor.name) else heads
        if len(tensor.shape) != axes:
            raise BadShape(
                file, tensor.name, f"{axes} axes, as torch.nn.Linear has them", f"shape {axes_text(tensor.shape)}"
            )
        if (move is _per_head and tensor.shape[0] % count) or (move is _from_heads and tensor.shape[1] % count):
            raise BadShape(
                file, tensor.name, f"an axis that {count} heads share evenly", f"shape {axes_text(tensor.shape)}"
            )
        bits = np.frombuffer(tensor.data, dtype=f"<u{LAYOUTS[tensor.dtype].size}").reshape(tensor.shape)
        there = move(bits, count)
        return RawTensor(match.expand(replacement), tensor.dtype, there.shape, there.tobytes(order="C"))
    return tensor

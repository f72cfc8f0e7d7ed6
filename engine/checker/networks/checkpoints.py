"""Networks that are known by the names of their tensors: TransformerLens state dicts, one layer under plain names, and
the group MLPs of arXiv 2302.03025.

A TransformerLens configuration says what no tensor shows; without one, a norm has epsilon 1e-5, attention is causal
and scaled by 1/sqrt(d_head), and an MLP is refused. What the description cannot say is refused by name.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from fractions import Fraction
from math import isqrt, prod
from typing import Any, NoReturn

from ..budget import within
from ..errors import Code, Failure
from ..files import read_bytes
from ..network import CANONICAL, read_tensors
from .layers import Description, Layer, Norm
from .tensor import MAX_NUMBERS, Tensor, read_tensor
from .toml_file import nearest_double

MAX_CONFIG = 1 << 20
DEFAULT_EPSILON = "1e-5"
GROUP_MLP = frozenset({"W_x", "W_y", "W", "W_U"})
_ATTENTION = ("W_Q", "W_K", "W_V", "W_O", "b_Q", "b_K", "b_V", "b_O")
_MLP = ("W_in", "W_gate", "W_out", "b_in", "b_out")
_OUTER = {
    "embed.W_E": "E",
    "pos_embed.W_pos": "P",
    "unembed.W_U": "W_U",
    "unembed.b_U": "b_U",
    "ln_final.w": "w",
    "ln_final.b": "b",
}
_BLOCK = re.compile(r"blocks\.([0-9]{1,2})\.(attn|mlp|ln1|ln2)\.([A-Za-z_]+)")
_BUFFER = re.compile(r"blocks\.[0-9]{1,2}\.attn\.(mask|IGNORE)")
# Axes without the head axis; a head axis is put in front of what has none.
_AXES = {"W_Q": 3, "W_K": 3, "W_V": 3, "W_O": 3, "b_Q": 2, "b_K": 2, "b_V": 2, "b_O": 1}
_NORMS = {"LN": "layernorm", "LNPre": "layernorm", "RMS": "rmsnorm", "RMSPre": "rmsnorm", None: None}
_FUNCTIONS = {
    "relu": "relu",
    "gelu": "gelu",
    "gelu_new": "gelu_new",
    "gelu_pytorch_tanh": "gelu_new",
    "silu": "silu",
    "solu_ln": None,
}
# Settings that change the function, with the values under which they do not.
_NEUTRAL: dict[str, tuple[object, ...]] = {
    "positional_embedding_type": ("standard", "none"),
    "parallel_attn_mlp": (False,),
    "use_local_attn": (False,),
    "scale_attn_by_inverse_layer_idx": (False,),
    "n_key_value_heads": (None,),
    "num_experts": (None,),
    "attn_scores_soft_cap": (None, "-1.0", "0.0", -1, 0),
    "output_logits_soft_cap": (None, "-1.0", "0.0", -1, 0),
    "post_embedding_ln": (False,),
    "use_normalization_before_and_after": (False,),
    "use_qk_norm": (False,),
    "final_rms": (False,),
    "attention_dir": ("causal", "bidirectional"),
    "rmsnorm_uses_offset": (False,),
    "use_logn_attn": (False,),
    "use_attention_sinks": (False,),
    "clip_qkv": (None,),
    "scale_embedding": (None, False),
    "tie_word_embeddings": (False,),
    "load_in_4bit": (False,),
    "quantization_method": (None,),
    "per_layer_head_dim": (None,),
    "per_layer_num_key_value_heads": (None,),
    "is_audio_model": (False,),
    "is_multimodal": (False,),
    "is_stateful": (False,),
    "is_visual_model": (False,),
    "architecture": (None, "TransformerLensNative"),
}
# Settings that are read below, that the shapes of tensors show as well, or that change nothing where those above are
# as they must be. Any other might change the function, and is refused.
_KNOWN = frozenset(
    [
        "normalization_type",
        "eps",
        "eps_attr",
        "act_fn",
        "use_attn_scale",
        "attn_scale",
        "n_ctx",
        "n_layers",
        "attn_only",
        "gated_mlp",
        "d_model",
        "d_head",
        "d_mlp",
        "d_vocab",
        "d_vocab_out",
        "n_heads",
        "n_params",
        "layer_norm_folding",
        "uses_rms_norm",
        "attn_implementation",
        "checkpoint_index",
        "checkpoint_label_type",
        "checkpoint_value",
        "decoder_start_token_id",
        "default_padding_side",
        "default_prepend_bos",
        "device",
        "dtype",
        "from_checkpoint",
        "init_mode",
        "init_weights",
        "initializer_range",
        "model_name",
        "n_devices",
        "original_architecture",
        "seed",
        "split_attention_weights",
        "tokenizer_appends_eos",
        "tokenizer_name",
        "tokenizer_prepends_bos",
        "trust_remote_code",
        "ungroup_grouped_query_attention",
        "use_attn_in",
        "use_attn_result",
        "use_hook_mlp_in",
        "use_hook_tokens",
        "use_split_qkv_input",
        "experts_per_token",
        "norm_topk_prob",
        "qk_norm_after_rope",
        "attn_types",
        "window_size",
        "train_seq_length",
        "relative_attention_max_distance",
        "relative_attention_num_buckets",
        "NTK_by_parts_factor",
        "NTK_by_parts_high_freq_factor",
        "NTK_by_parts_low_freq_factor",
        "NTK_original_ctx_len",
        "rotary_adjacent_pairs",
        "rotary_base",
        "rotary_base_local",
        "rotary_dim",
        "rotary_interleaved_cos_sin",
        "rotary_scaling_factor",
        "use_NTK_by_parts_rope",
        "use_dynamic_ntk_rope",
        "use_yarn_rope",
        "yarn_attention_factor",
        "yarn_beta_fast",
        "yarn_beta_slow",
        "yarn_factor",
        "yarn_global_attn_only",
        "yarn_original_max_position_embeddings",
        "yarn_truncate",
        "mm_tokens_per_image",
        "vision_hidden_size",
        "vision_num_heads",
        "vision_num_layers",
    ]
)


class _Number(str):
    """A number of a configuration with a point or an exponent, as it is written."""


class Config:
    """A TransformerLens configuration."""

    def __init__(self, file: str, values: Mapping[str, Any]) -> None:
        self.file, self.values = file, values
        if unknown := sorted(set(values) - _KNOWN - set(_NEUTRAL)):
            self.refuse(f"{unknown[0]} is a setting of unknown meaning")
        for name, neutral in _NEUTRAL.items():
            if name in values and not any(
                (values[name] == value and type(values[name]) is not bool) or values[name] is value for value in neutral
            ):
                self.refuse(f"{name} = {values[name]} cannot be described")

    def refuse(self, what: str) -> NoReturn:
        raise Failure(Code.E143, file=self.file, what=what)

    def epsilon(self) -> tuple[int, int]:
        """The float64 that ``eps`` denotes."""
        given = self.values.get("eps", DEFAULT_EPSILON)
        found = nearest_double(str(given))
        return found or self.refuse(f"eps = {given} is no positive number")

    def norm(self) -> str | None:
        """The function of all norms."""
        kind = self.values.get("normalization_type")
        if kind not in _NORMS or isinstance(kind, bool):
            self.refuse(f"normalization_type = {kind} cannot be described")
        return _NORMS[kind]

    def function(self) -> str:
        """The activation of the MLPs."""
        name = self.values.get("act_fn")
        return (
            _FUNCTIONS.get(name) or self.refuse(f"act_fn = {name} cannot be described")
            if isinstance(name, str)
            else self.refuse("act_fn is missing")
        )

    def scale(self, d_head: int) -> str:
        """1 / attn_scale; a float64 nearest to sqrt(d_head) stands for it."""
        if self.values.get("use_attn_scale", True) is False:
            if self.values.get("architecture") is not None:
                self.refuse("use_attn_scale = false divides by 1 in a HookedTransformer, not in a native bridge")
            return "1/1"
        given = self.values.get("attn_scale")
        if given in (None, "-1.0", -1):
            return f"1/sqrt({d_head})"
        found = nearest_double(str(given))
        if found is None:
            self.refuse(f"attn_scale = {given} is no positive number")
        value = found[0] * Fraction(2) ** found[1]
        root = isqrt(d_head << 128)
        if value**2 == d_head or nearest_double_of(root, 64) == found:
            return f"1/sqrt({d_head})"
        return f"{value.denominator}/{value.numerator}"

    def mask(self) -> str:
        return "none" if self.values.get("attention_dir") == "bidirectional" else "causal"

    def positions(self) -> int | None:
        """n_ctx."""
        found = self.values.get("n_ctx")
        return found if type(found) is int and found > 0 else None


def nearest_double_of(root: int, bits: int) -> tuple[int, int]:
    """The float64 nearest to root / 2**bits, where nothing depends on what lies below 2**-bits."""
    drop = root.bit_length() - 53
    mantissa = (root + (1 << drop - 1)) >> drop
    zeros = (mantissa & -mantissa).bit_length() - 1
    return mantissa >> zeros, drop - bits + zeros


def read_config(file: str) -> Config:
    """The configuration of a JSON file; E143."""
    text = read_bytes(file, MAX_CONFIG)
    try:
        values = json.loads(text, parse_float=_Number, parse_constant=_Number)
    except (ValueError, RecursionError) as error:
        raise Failure(Code.E143, file=file, what=f"it is no JSON ({error})") from error
    if not isinstance(values, dict):
        raise Failure(Code.E143, file=file, what="it is no JSON object")
    return Config(file, values)


def read_all(file: str) -> dict[str, Tensor]:
    """All tensors of a file, buffers left out."""
    tensors = [stored for stored in read_tensors(file) if not _BUFFER.fullmatch(stored.name)]
    within("the number of weights", sum(prod(stored.shape) for stored in tensors), MAX_NUMBERS)
    return {stored.name: read_tensor(file, stored) for stored in tensors}


def group_mlp(file: str, t: Mapping[str, Tensor]) -> Description:
    """logits = relu((W_x[x], W_y[y]) W) W_U."""
    layers = (
        Layer("embed", {"tables": "own"}, {"E_0": t["W_x"], "E_1": t["W_y"]}),
        Layer("concat"),
        Layer("linear", {}, {"W": t["W"]}),
        Layer("pointwise", {"function": "relu"}),
        Layer("unembed", {}, {"W_U": t["W_U"]}),
    )
    return Description(file, layers, 2)


def with_heads(name: str, tensor: Tensor) -> Tensor:
    """An attention tensor with one head axis in front: more axes of length 1 are dropped, a missing one is added."""
    axes, shape = _AXES[name], tensor.shape
    while len(shape) > axes and shape[0] == 1:
        shape = shape[1:]
    if len(shape) == axes - 1 and axes > 1:
        shape = (1, *shape)
    return Tensor(shape, tensor.entries, tensor.exponent)


class _StateDict:
    """The tensors of a TransformerLens state dict, sorted into blocks."""

    def __init__(self, file: str, tensors: Mapping[str, Tensor], config: Config) -> None:
        self.file, self.config = file, config
        self.outer: dict[str, Tensor] = {}
        others: dict[str, Tensor] = {}
        self.blocks: dict[int, dict[str, dict[str, Tensor]]] = {}
        for stored, tensor in tensors.items():
            name = canonical(stored)
            match = _BLOCK.fullmatch(name)
            if match:
                number, part, own = int(match[1]), match[2], match[3]
                allowed = {"attn": _ATTENTION, "mlp": _MLP}.get(part, ("w", "b"))
                if own not in allowed:
                    raise Failure(Code.E144, file=file, name=stored)
                place = self.blocks.setdefault(number, {}).setdefault(part, {})
                tensor = with_heads(own, tensor) if part == "attn" else tensor
            elif name in _OUTER:
                place, own = self.outer, name
            else:
                others[stored] = tensor
                continue
            if own == name and name not in ("ln_final.w", "ln_final.b"):
                tensor = plain(tensor, 1 if name.endswith("b_U") else 2)
            if place.setdefault(own, tensor) != tensor:
                raise Failure(Code.E134, file=file, name=name, other=stored)
        for name, tensor in others.items():
            # what repeats a known tensor says nothing new
            if all(tensor != tensors[known] for known in set(tensors) - set(others)):
                raise Failure(Code.E144, file=file, name=name)

    def norm(self, tensors: Mapping[str, Tensor]) -> Norm | None:
        """The norm with these tensors; what the configuration says goes, and without one the tensors tell."""
        function = self.config.norm()
        if function is None and tensors:
            if self.config.values:
                self.config.refuse("it has no norm, but there are tensors of norms")
            function = "layernorm" if "b" in tensors else "rmsnorm"
        if tensors and str(self.config.values.get("normalization_type")).endswith("Pre"):
            self.config.refuse("its norms have no tensors of their own, but there are some")
        if "b" in tensors and self.config.values.get("normalization_type") == "RMS":
            self.config.refuse("its norms have no b, but there is one")
        return None if function is None else Norm(function, self.config.epsilon(), dict(tensors))

    def attention(self, block: Mapping[str, Mapping[str, Tensor]]) -> Layer:
        tensors = dict(block["attn"])
        if "W_Q" not in tensors:
            raise Failure(Code.E131, file=self.file, name="W_Q")
        heads, d_head = tensors["W_Q"].shape[0], tensors["W_Q"].shape[-1]
        settings = {"heads": heads, "scale": self.config.scale(d_head), "mask": self.config.mask()}
        return Layer("attention", settings, tensors, self.norm(block.get("ln1", {})))

    def mlp(self, block: Mapping[str, Mapping[str, Tensor]]) -> Layer:
        tensors = dict(block["mlp"])
        settings = {"function": self.config.function(), "gated": int("W_gate" in tensors), "skip": "added"}
        return Layer("mlp", settings, tensors, self.norm(block.get("ln2", {})))

    def described(self) -> Description:
        """embed; attention and MLP of each block; unembed."""
        for name in ("embed.W_E", "unembed.W_U"):
            if name not in self.outer:
                raise Failure(Code.E131, file=self.file, name=name)
        layers = [
            Layer(
                "embed",
                {"tables": "shared"},
                {n: self.outer[o] for o, n in _OUTER.items() if n in "EP" and o in self.outer},
            )
        ]
        for number in range(len(self.blocks)):
            if number not in self.blocks:
                raise Failure(Code.E131, file=self.file, name=f"blocks.{number}")
            block = self.blocks[number]
            layers += [make(block) for part, make in (("attn", self.attention), ("mlp", self.mlp)) if part in block]
        norm = self.norm({n: self.outer[o] for o, n in _OUTER.items() if n in ("w", "b") and o in self.outer})
        out = {n: self.outer[o] for o, n in _OUTER.items() if n in ("W_U", "b_U") and o in self.outer}
        layers.append(Layer("unembed", {}, out, norm))
        self.compare()
        places = self.outer.get("pos_embed.W_pos")
        return Description(self.file, tuple(layers), places.shape[0] if places else self.config.positions())

    def compare(self) -> None:
        """What the configuration says of the number of layers and of MLPs must be so."""
        says = self.config.values
        if says.get("n_layers", len(self.blocks)) != len(self.blocks):
            self.config.refuse(f"n_layers = {says['n_layers']}, the file has {len(self.blocks)}")
        mlps = sum("mlp" in block for block in self.blocks.values())
        if (says.get("attn_only") is True and mlps) or (says.get("attn_only") is False and mlps != len(self.blocks)):
            self.config.refuse(f"attn_only = {says['attn_only']}, {mlps} of {len(self.blocks)} blocks have an MLP")
        if says.get("positional_embedding_type") == "none" and "pos_embed.W_pos" in self.outer:
            self.config.refuse("positional_embedding_type = none, but there are position embeddings")


def canonical(name: str) -> str:
    """The TransformerLens name of a plain one."""
    plain_name = CANONICAL.get(name, name)
    if plain_name in _ATTENTION:
        return f"blocks.0.attn.{plain_name}"
    return {"W_E": "embed.W_E", "W_pos": "pos_embed.W_pos", "W_U": "unembed.W_U", "b_U": "unembed.b_U"}.get(
        plain_name, plain_name
    )


def plain(tensor: Tensor, axes: int) -> Tensor:
    """Without leading axes of length 1."""
    shape = tensor.shape
    while len(shape) > axes and shape[0] == 1:
        shape = shape[1:]
    return Tensor(shape, tensor.entries, tensor.exponent)


def recognised(file: str, config: Config | None) -> Description:
    """The network of a checkpoint, by the names of its tensors; E130 to E144."""
    tensors = read_all(file)
    if set(tensors) == GROUP_MLP:
        return group_mlp(file, tensors)
    return _StateDict(file, tensors, config or Config(file, {})).described()

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
from ..files import no_number, read_bytes, unique
from ..weights_file import read_tensors
from .layers import FUNCTIONS, Description, Layer, Norm
from .tensor import MAX_NUMBERS, Tensor, read_tensor
from .toml_file import nearest_double, rounded

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
# Plain names of what is not in a block, and of what is in the first one.
_PLAIN = {name.replace(".", "_"): name for name in _OUTER} | {
    name.partition(".")[2]: name for name in _OUTER if len(name.partition(".")[2]) > 1
}
_PLAIN |= {name: f"blocks.0.attn.{name}" for name in _ATTENTION} | {name: f"blocks.0.mlp.{name}" for name in _MLP}
_PLAIN_BLOCK = re.compile(r"L([0-9]{1,2})_(attn|mlp|ln1|ln2)_([A-Za-z_]+)")
_BLOCK = re.compile(r"blocks\.([0-9]{1,2})\.(attn|mlp|ln1|ln2)\.([A-Za-z_]+)")
# Axes without the head axis; a head axis is put in front of what has none.
_AXES = {"W_Q": 3, "W_K": 3, "W_V": 3, "W_O": 3, "b_Q": 2, "b_K": 2, "b_V": 2, "b_O": 1}
_NORMS = {"LN": "layernorm", "LNPre": "layernorm", "RMS": "rmsnorm", "RMSPre": "rmsnorm", None: None}
_FUNCTIONS = {name: name for name in FUNCTIONS} | {"gelu_pytorch_tanh": "gelu_new"}


def _each(names: str, *values: object) -> dict[str, tuple[object, ...]]:
    return dict.fromkeys(names.split(), values)


# Settings that change the function, with the values under which they do not.
_NEUTRAL = {
    **_each(
        """parallel_attn_mlp use_local_attn scale_attn_by_inverse_layer_idx post_embedding_ln use_qk_norm use_logn_attn
        use_normalization_before_and_after rmsnorm_uses_offset use_attention_sinks tie_word_embeddings load_in_4bit
        is_audio_model is_multimodal is_stateful is_visual_model""",
        False,
    ),
    **_each("num_experts clip_qkv quantization_method per_layer_head_dim per_layer_num_key_value_heads", None),
    **_each("scale_embedding", None, False),
    **_each("attention_dir", "causal", "bidirectional"),
    **_each("architecture", None, "TransformerLensNative"),
    **_each("use_attn_scale", True, False),
}
# Caps, which cap where they are positive.
_CAPS = ("attn_scores_soft_cap", "output_logits_soft_cap")
# Settings that are compared with the tensors, that are read below, that the shapes of tensors show as well, or that
# change nothing where those above are as they must be. Any other might change the function, and is refused.
_OTHERS = """
    n_layers n_heads n_key_value_heads n_ctx d_model d_head d_vocab d_vocab_out attn_only gated_mlp final_rms
    positional_embedding_type normalization_type eps eps_attr act_fn attn_scale d_mlp n_params layer_norm_folding
    uses_rms_norm attn_implementation checkpoint_index checkpoint_label_type checkpoint_value decoder_start_token_id
    default_padding_side default_prepend_bos device dtype from_checkpoint init_mode init_weights initializer_range
    model_name n_devices original_architecture seed split_attention_weights tokenizer_appends_eos tokenizer_name
    tokenizer_prepends_bos trust_remote_code ungroup_grouped_query_attention use_attn_in use_attn_result use_hook_mlp_in
    use_hook_tokens use_split_qkv_input experts_per_token norm_topk_prob qk_norm_after_rope attn_types window_size
    train_seq_length relative_attention_max_distance relative_attention_num_buckets NTK_by_parts_factor
    NTK_by_parts_high_freq_factor NTK_by_parts_low_freq_factor NTK_original_ctx_len rotary_adjacent_pairs rotary_base
    rotary_base_local rotary_dim rotary_interleaved_cos_sin rotary_scaling_factor use_NTK_by_parts_rope
    use_dynamic_ntk_rope use_yarn_rope yarn_attention_factor yarn_beta_fast yarn_beta_slow yarn_factor
    yarn_global_attn_only yarn_original_max_position_embeddings yarn_truncate mm_tokens_per_image vision_hidden_size
    vision_num_heads vision_num_layers
"""
_KNOWN = {*_NEUTRAL, *_CAPS, *_OTHERS.split()}

_DECIMAL = r"-?[0-9]{1,400}(\.[0-9]{1,400})?([eE][+-]?[0-9]{1,3})?"

# From here on the nearest float64 is infinite, and up to there it is zero.
_OVERFLOW = (1 << 1024) - (1 << 970)
_UNDERFLOW = Fraction(1, 1 << 1075)


class _Number(str):
    """A number of a configuration with a point or an exponent, as it is written."""


def _number(text: str) -> _Number:
    if re.fullmatch(_DECIMAL, text) and abs(Fraction(text)) >= _OVERFLOW:
        raise ValueError(f"no float64 holds {text[:40]}")
    return _Number(text)


class Config:
    """A TransformerLens configuration."""

    def __init__(self, file: str, values: Mapping[str, Any]) -> None:
        self.file, self.values = file, values
        if unknown := sorted(set(values) - _KNOWN):
            self.refuse(f"{unknown[0]} is a setting of unknown meaning")
        for name, neutral in _NEUTRAL.items():
            self.expect(name, *neutral)
        for name in _CAPS:
            if values.get(name) is not None and ((cap := self.number(name)) is None or cap > 0):
                self.refuse(f"{name} = {values[name]} cannot be described")

    def expect(self, name: str, *allowed: object) -> None:
        """The setting, if there is one, has one of these values; true is not 1."""
        found = self.values.get(name, allowed[0] if allowed else None)
        if name in self.values and not any(type(found) is type(value) and found == value for value in allowed):
            self.refuse(f"{name} = {found} cannot be described, or is not that of the tensors")

    def number(self, name: str) -> Fraction | None:
        """A setting that is a number, 0 where the float64 nearest to it is; None for any other."""
        found = self.values.get(name)
        if type(found) is int:
            return Fraction(found)
        if isinstance(found, _Number) and re.fullmatch(_DECIMAL, found):
            value = Fraction(found)
            return value if abs(value) > _UNDERFLOW else Fraction(0)
        return None

    def refuse(self, what: str) -> NoReturn:
        raise Failure(Code.E143, file=self.file, what=what)

    def epsilon(self) -> tuple[int, int]:
        """The float64 that ``eps`` denotes."""
        found = nearest_double(str(self.values.get("eps", DEFAULT_EPSILON)))
        if found is None or ("eps" in self.values and self.number("eps") is None):
            self.refuse(f"eps = {self.values['eps']} is no positive number")
        return found

    def norm(self) -> str | None:
        """The function of all norms."""
        kind = self.values.get("normalization_type")
        if not isinstance(kind, str | None) or kind not in _NORMS:
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
        if self.values.get("use_attn_scale") is False:
            if self.values.get("architecture") is not None:
                self.refuse("use_attn_scale = false divides by 1 in a HookedTransformer, not in a native bridge")
            return "1/1"
        if "attn_scale" not in self.values or self.number("attn_scale") == -1:
            return f"1/sqrt({d_head})"
        found = nearest_double(str(self.values["attn_scale"]))
        if found is None or self.number("attn_scale") is None:
            self.refuse(f"attn_scale = {self.values['attn_scale']} is no positive number")
        value = found[0] * Fraction(2) ** found[1]
        # nothing depends on what lies below 2**-64 of the root
        if value**2 == d_head or rounded(Fraction(isqrt(d_head << 128), 1 << 64)) == found:
            return f"1/sqrt({d_head})"
        return f"{value.denominator}/{value.numerator}"

    def mask(self) -> str:
        return "none" if self.values.get("attention_dir") == "bidirectional" else "causal"


def read_config(file: str) -> Config:
    """The configuration of a JSON file; E143."""
    text = read_bytes(file, MAX_CONFIG)
    try:
        values = json.loads(text, parse_float=_number, parse_constant=no_number, object_pairs_hook=unique)
    except (ValueError, RecursionError) as error:
        raise Failure(Code.E143, file=file, what=f"it is no JSON ({error})") from error
    if not isinstance(values, dict):
        raise Failure(Code.E143, file=file, what="it is no JSON object")
    return Config(file, values)


def read_all(file: str) -> dict[str, Tensor]:
    """All tensors of a file, buffers left out."""
    tensors = read_tensors(file)
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


def plain(tensor: Tensor, axes: int) -> Tensor:
    """Without leading axes of length 1."""
    shape = tensor.shape
    while len(shape) > axes and shape[0] == 1:
        shape = shape[1:]
    return Tensor(shape, tensor.entries, tensor.exponent)


def with_heads(name: str, tensor: Tensor) -> Tensor:
    """An attention tensor with one head axis in front."""
    found = plain(tensor, axes := _AXES[name])
    one = (1,) if len(found.shape) == axes - 1 and axes > 1 else ()
    return Tensor((*one, *found.shape), found.entries, found.exponent)


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
                tensor = with_heads(own, tensor) if part == "attn" else plain(tensor, 2 if own[0] == "W" else 1)
            elif name in _OUTER:
                place, own = self.outer, name
            else:
                others[stored] = tensor
                continue
            if own == name:
                tensor = plain(tensor, 2 if "W" in name else 1)
            if place.setdefault(own, tensor) != tensor:
                raise Failure(Code.E134, file=file, name=name, other=stored)
        for name, tensor in others.items():
            # what repeats a known tensor says nothing new
            if all(tensor != tensors[known] for known in set(tensors) - set(others)):
                raise Failure(Code.E144, file=file, name=name)

    def norm(self, tensors: Mapping[str, Tensor]) -> Norm | None:
        """The norm with these tensors: those that the configuration says, and without one those that are there."""
        function = self.config.norm()
        usual = {"LN": {"w", "b"}, "RMS": {"w"}}.get(str(self.config.values.get("normalization_type")), set())
        if "normalization_type" not in self.config.values and tensors:
            usual = {"w", *tensors}
            function = "layernorm" if "b" in tensors else "rmsnorm"
        if set(tensors) != usual:
            own = f"{' and '.join(sorted(usual)) or 'no'} tensors"
            self.config.refuse(f"its norms have {own} of their own, found {' and '.join(sorted(tensors)) or 'none'}")
        return None if function is None else Norm(function, self.config.epsilon(), dict(tensors))

    def attention(self, block: Mapping[str, Mapping[str, Tensor]]) -> Layer:
        tensors = dict(block.get("attn", {}))
        if "W_Q" not in tensors:
            raise Failure(Code.E131, file=self.file, name="W_Q")
        if len(shape := tensors["W_Q"].shape) != 3:
            raise Failure(Code.E132, file=self.file, name="W_Q", found=shape, expected="heads x d_model x d_head")
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
            layers.append(self.attention(block))
            if "mlp" in block:
                layers.append(self.mlp(block))
            elif "ln2" in block:
                raise Failure(Code.E131, file=self.file, name=f"blocks.{number}.mlp.W_in")
        norm = self.norm({n: self.outer[o] for o, n in _OUTER.items() if n in ("w", "b") and o in self.outer})
        out = {n: self.outer[o] for o, n in _OUTER.items() if n in ("W_U", "b_U") and o in self.outer}
        layers.append(Layer("unembed", {}, out, norm))
        self.compare(norm is not None and norm.function == "rmsnorm")
        places = self.outer.get("pos_embed.W_pos")
        return Description(self.file, tuple(layers), places.shape[0] if places else None)

    def compare(self, final_rms: bool) -> None:
        """What the configuration says of sizes and of parts must be so."""
        expect, outer = self.config.expect, self.outer
        for name in ("embed.W_E", "pos_embed.W_pos", "unembed.W_U"):
            if name in outer and len(shape := outer[name].shape) != 2:
                raise Failure(Code.E132, file=self.file, name=name, found=shape, expected="a matrix")
        tokens, width = outer["embed.W_E"].shape
        outputs = outer["unembed.W_U"].shape[1]
        attention = [block["attn"]["W_Q"].shape for block in self.blocks.values()]
        mlps = [block["mlp"] for block in self.blocks.values() if "mlp" in block]
        gated = any("W_gate" in mlp for mlp in mlps)
        expect("n_layers", len(attention))
        expect("d_vocab", tokens)
        expect("d_model", width)
        expect("d_vocab_out", outputs, *([-1] if outputs == tokens else []))
        expect("attn_only", *([not mlps] if len(mlps) in (0, len(attention)) else []))
        expect("gated_mlp", gated, *([] if mlps else [True]))
        expect("final_rms", False, *([True] if final_rms else []))
        if "pos_embed.W_pos" in outer:
            expect("n_ctx", outer["pos_embed.W_pos"].shape[0])
        expect("positional_embedding_type", *(("standard",) if "pos_embed.W_pos" in outer else ("none", None)))
        expect("n_key_value_heads", None, *(shape[0] for shape in attention[:1]))
        for shape in attention[:1]:
            expect("n_heads", shape[0])
            expect("d_head", shape[2])


def canonical(name: str) -> str:
    """The TransformerLens name of a plain one.

    >>> canonical("W_U"), canonical("b_Q"), canonical("L1_mlp_W_in"), canonical("ln_final_w")
    ('unembed.W_U', 'blocks.0.attn.b_Q', 'blocks.1.mlp.W_in', 'ln_final.w')
    """
    if match := _PLAIN_BLOCK.fullmatch(name):
        return f"blocks.{int(match[1])}.{match[2]}.{match[3]}"
    return _PLAIN.get(name, name)


def recognised(file: str, config: Config | None) -> Description:
    """The network of a checkpoint, by the names of its tensors; E130 to E144."""
    tensors = read_all(file)
    if set(tensors) == GROUP_MLP:
        return group_mlp(file, tensors)
    return _StateDict(file, tensors, config or Config(file, {})).described()

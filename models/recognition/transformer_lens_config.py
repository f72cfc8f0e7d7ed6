"""Configurations in the form of TransformerLens, held against the one function that an architecture computes.

A weights file does not say whether scores are scaled or logits capped; a configuration does.  Each key is
either compared, with no tolerance, to what the architecture computes, or known not to matter to it; a key
of unknown meaning is refused, for it may change the function.

The tables below sort every key of HookedTransformerConfig (2.16.1 to 3.9.0) and TransformerBridgeConfig (3.4.0 to
4.3.0), as recorded in tests/data/transformer_lens: :data:`HARMLESS` changes no network's function; :data:`DETAILS`
are settings of a part, harmless to a network without that part; :func:`plain` lists what is switched off in a network
whose layers do what they usually do.  What is left says which network it is: sizes, kinds of layers, scales, caps.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from math import isqrt
from typing import Any

from .errors import UnknownConfigKey, UnsupportedConfig

VERSIONS = "2.16.1 to 4.3.0"

# Names, devices, seeds, hooks, what is done to text before it becomes tokens, how training began, and which program
# computes the same function.
HARMLESS = frozenset(
    {
        *("attn_implementation", "checkpoint_index", "checkpoint_label_type", "checkpoint_value"),
        *("decoder_start_token_id", "default_padding_side", "default_prepend_bos", "device", "dtype"),
        *("from_checkpoint", "init_mode", "init_weights", "initializer_range", "model_name", "n_devices", "n_params"),
        *("original_architecture", "seed", "split_attention_weights", "tokenizer_appends_eos", "tokenizer_name"),
        *("tokenizer_prepends_bos", "trust_remote_code", "ungroup_grouped_query_attention", "use_attn_in"),
        *("use_attn_result", "use_hook_mlp_in", "use_hook_tokens", "use_split_qkv_input"),
    }
)

# Part -> the keys that say how it works where there is one.
DETAILS: dict[str, frozenset[str]] = {
    "mlp": frozenset({"act_fn", "d_mlp", "gated_mlp", "parallel_attn_mlp"}),
    "experts": frozenset({"experts_per_token", "norm_topk_prob"}),
    "normalisation": frozenset({"eps", "eps_attr", "layer_norm_folding", "rmsnorm_uses_offset", "uses_rms_norm"}),
    "query and key normalisation": frozenset({"qk_norm_after_rope"}),
    "local attention": frozenset({"attn_types", "window_size"}),
    "log-n attention": frozenset({"train_seq_length"}),
    "relative positions": frozenset({"relative_attention_max_distance", "relative_attention_num_buckets"}),
    "rotary positions": frozenset(
        {
            *("NTK_by_parts_factor", "NTK_by_parts_high_freq_factor", "NTK_by_parts_low_freq_factor"),
            *("NTK_original_ctx_len", "rotary_adjacent_pairs", "rotary_base", "rotary_base_local", "rotary_dim"),
            *("rotary_interleaved_cos_sin", "rotary_scaling_factor", "use_NTK_by_parts_rope", "use_dynamic_ntk_rope"),
            *("use_yarn_rope", "yarn_attention_factor", "yarn_beta_fast", "yarn_beta_slow", "yarn_factor"),
            *("yarn_global_attn_only", "yarn_original_max_position_embeddings", "yarn_truncate"),
        }
    ),
    "images and sound": frozenset(
        {"mm_tokens_per_image", "vision_hidden_size", "vision_num_heads", "vision_num_layers"}
    ),
}


@dataclass(frozen=True)
class Expected:
    """The values of a key under which the architecture's function is the configured one."""

    text: str
    accepts: Callable[[Any], bool]


def exactly(*values: Any) -> Expected:
    """One of ``values``, type included: in a configuration true is not 1.

    >>> exactly(1).accepts(1), exactly(1).accepts(True)
    (True, False)
    """
    return Expected(
        " or ".join(shown(value) for value in values),
        lambda found: any(type(found) is type(value) and found == value for value in values),
    )


def no_cap() -> Expected:
    """TransformerLens caps where the key is positive."""
    return Expected("null or a number of at most 0", lambda found: found is None or (is_number(found) and found <= 0))


def plain() -> dict[str, Expected]:
    """What is switched off unless a network has it: other attention, other streams, other numbers than those stored."""
    off = exactly(False)
    return {
        "architecture": exactly("TransformerLensNative", None),
        "clip_qkv": exactly(None),
        "is_audio_model": off,
        "is_multimodal": off,
        "is_stateful": off,
        "is_visual_model": off,
        "load_in_4bit": off,
        "per_layer_head_dim": exactly(None),
        "per_layer_num_key_value_heads": exactly(None),
        "quantization_method": exactly(None),
        "scale_attn_by_inverse_layer_idx": off,
        "scale_embedding": exactly(None, False),
        "tie_word_embeddings": off,
        "use_attention_sinks": off,
        "use_local_attn": off,
        "use_logn_attn": off,
        "use_qk_norm": off,
    }


def is_number(value: Any) -> bool:
    return type(value) in (int, Fraction)


def nearest_float64_to_square_root(n: int) -> Fraction:
    """The correctly rounded float64 square root of an integer n ≥ 1 below 2^100, as an exact number.

    With s = floor(sqrt(n)·2^k) of 54 bits, the nearest number of 53 bits is floor((s + 1)/2)·2^(1-k).  An
    exact tie would make s odd and sqrt(n) = s·2^-k an integer, that is k ≤ 0 and n ≥ 2^106.

    >>> nearest_float64_to_square_root(64), nearest_float64_to_square_root(2)
    (Fraction(8, 1), Fraction(6369051672525773, 4503599627370496))
    """
    k = 54 - (n.bit_length() + 1) // 2
    return Fraction((isqrt(n << 2 * k) + 1) >> 1, 1 << (k - 1))


def shown(value: Any) -> str:
    """A configuration's value as JSON writes it, exact fractions as p/q, cut to a line."""
    return str(value)[:80] if isinstance(value, Fraction) else json.dumps(value, default=str)[:80]


def check_config(
    file: str, config: Mapping[str, Any], expected: Mapping[str, Expected], inert: frozenset[str]
) -> frozenset[str]:
    """The keys of ``config`` that agree with ``expected``; those in ``inert`` do not change the function.

    Raises :class:`UnsupportedConfig` or :class:`UnknownConfigKey`, with ``file`` for the message.
    """
    for key, value in config.items():
        if key in expected:
            if not expected[key].accepts(value):
                raise UnsupportedConfig(file, key, expected[key].text, shown(value))
        elif key not in inert:
            raise UnknownConfigKey(file, key[:80], VERSIONS)
    return frozenset(config) & frozenset(expected)

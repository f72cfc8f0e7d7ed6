"""TransformerLens checkpoints: tensors and configuration give the network that a network file would describe."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from npz import random_arrays, write_npz

from mechproof.engine.errors import MechproofError
from mechproof.models.network import Network
from mechproof.models.recognition import recognise
from mechproof.models.recognition.network_file import load_network
from mechproof.models.statement import Statement
from mechproof.models.tasks import task_of
from mechproof.models.weights import load

SHAPES: dict[str, tuple[int, ...]] = {"embed.W_E": (5, 4), "pos_embed.W_pos": (3, 4)}
for layer in (0, 1):
    SHAPES |= {f"blocks.{layer}.attn.{name}": (2, 4, 3) for name in ("W_Q", "W_K", "W_V")}
    SHAPES |= {f"blocks.{layer}.attn.W_O": (2, 3, 4), f"blocks.{layer}.attn.b_Q": (2, 3)}
    SHAPES |= {
        f"blocks.{layer}.mlp.W_in": (4, 6),
        f"blocks.{layer}.mlp.W_out": (6, 4),
        f"blocks.{layer}.mlp.b_in": (6,),
    }
    SHAPES |= {f"blocks.{layer}.{norm}.{name}": (4,) for norm in ("ln1", "ln2") for name in "wb"}
SHAPES |= {"ln_final.w": (4,), "ln_final.b": (4,), "unembed.W_U": (4, 5), "unembed.b_U": (5,)}
CONFIG: dict[str, Any] = {
    "n_layers": 2, "n_heads": 2, "d_model": 4, "d_head": 3, "d_vocab": 5, "n_ctx": 3, "act_fn": "gelu_new",
    "attn_only": False, "normalization_type": "LN", "eps": 1e-5, "attention_dir": "causal", "use_attn_scale": True,
    "attn_scale": -1.0, "positional_embedding_type": "standard", "attn_scores_soft_cap": -1.0,
    "output_logits_soft_cap": -1.0, "use_local_attn": False, "gated_mlp": False, "seed": 3, "device": "cuda",
}  # fmt: skip

NETWORK_FILE = (
    """
weights = "w.npz"
[[layer]]
kind = "embed"
E = "embed.W_E"
P = "pos_embed.W_pos"
"""
    + "".join(
        f"""
[[layer]]
kind = "attention"
scale = "1/sqrt(3)"
W_Q = "blocks.{n}.attn.W_Q"
W_K = "blocks.{n}.attn.W_K"
W_V = "blocks.{n}.attn.W_V"
W_O = "blocks.{n}.attn.W_O"
b_Q = "blocks.{n}.attn.b_Q"
norm = {{ function = "layernorm", epsilon = 1e-5, w = "blocks.{n}.ln1.w", b = "blocks.{n}.ln1.b" }}
[[layer]]
kind = "mlp"
function = "gelu_new"
W_in = "blocks.{n}.mlp.W_in"
W_out = "blocks.{n}.mlp.W_out"
b_in = "blocks.{n}.mlp.b_in"
norm = {{ function = "layernorm", epsilon = 1e-5, w = "blocks.{n}.ln2.w", b = "blocks.{n}.ln2.b" }}
"""
        for n in (0, 1)
    )
    + """
[[layer]]
kind = "unembed"
W_U = "unembed.W_U"
b_U = "unembed.b_U"
norm = { function = "layernorm", epsilon = 1e-5, w = "ln_final.w", b = "ln_final.b" }
"""
)


def recognised(folder: Path, arrays: dict[str, np.ndarray], config: dict[str, Any] | None) -> Network:
    weights = write_npz(folder / "w.npz", arrays)
    if config is not None:
        (folder / "cfg.json").write_text(json.dumps(config), "utf-8")
    return recognise(load(weights, None if config is None else folder / "cfg.json"))


def sha256(network: Network) -> str:
    return Statement(network, task_of("max-of-k", network)).sha256


def test_the_configured_network_is_the_described_one(tmp_path):
    """Two layers, two heads, MLPs and LayerNorms: one statement; assumed is only that absent biases are zero."""
    network = recognised(tmp_path, random_arrays(SHAPES), CONFIG)
    (tmp_path / "net.toml").write_text(NETWORK_FILE, "utf-8")
    assert sha256(network) == sha256(load_network(tmp_path / "net.toml"))
    assert [said.partition(" are zero")[0] for said in network.assumed] == ["biases that the file does not hold"]


def test_without_a_configuration_the_usual_values_are_assumed(tmp_path):
    """The same statement where the usual values are right; each of them is told."""
    arrays = {
        name: array for name, array in random_arrays(SHAPES).items() if ".mlp." not in name and ".ln2." not in name
    }
    config = CONFIG | {"attn_only": True, "act_fn": None}
    assert sha256(recognised(tmp_path, arrays, None)) == sha256(recognised(tmp_path, arrays, config))
    told = " ".join(recognised(tmp_path, arrays, None).assumed)
    for words in ("sqrt(d_head)", "causal", "LayerNorms", "1e-5", "capped", "W_pos"):
        assert words in told


@pytest.mark.parametrize(
    "change",
    [
        {"act_fn": "relu"},
        {"attention_dir": "bidirectional"},
        {"use_attn_scale": False},
        {"attn_scale": 2.0},
        {"eps": 1e-6},
    ],
)
def test_what_a_configuration_changes_changes_the_statement(tmp_path, change):
    """Each of these is another function of the same tensors."""
    arrays = random_arrays(SHAPES)
    assert sha256(recognised(tmp_path, arrays, CONFIG)) != sha256(recognised(tmp_path, arrays, CONFIG | change))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"act_fn": None}, "act_fn"),
        ({"act_fn": "solu_ln"}, "act_fn: expected one of relu"),
        ({"normalization_type": None}, "normalization_type is None"),
        ({"normalization_type": "BN"}, "normalization_type"),
        ({"positional_embedding_type": "rotary"}, "positional_embedding_type"),
        ({"parallel_attn_mlp": True}, "parallel_attn_mlp"),
        ({"attn_scores_soft_cap": 30.0}, "attn_scores_soft_cap"),
        ({"use_local_attn": True}, "use_local_attn"),
        ({"num_experts": 4}, "num_experts"),
        ({"n_key_value_heads": 1}, "n_key_value_heads"),
        ({"n_layers": 3}, "n_layers"),
        ({"gated_mlp": True}, "gated_mlp"),
        ({"attn_scale": 0}, "attn_scale"),
        ({"use_attn_scale": False, "architecture": "TransformerLensNative"}, "use_attn_scale"),
        ({"eps": -1}, "eps"),
        ({"scale_attn_by_inverse_layer_idx": True}, "scale_attn_by_inverse_layer_idx"),
        ({"a_key_of_next_year": 1}, "a_key_of_next_year"),
    ],
)
def test_what_the_description_cannot_say_is_refused_by_name(tmp_path, change, words):
    """Another function, or one of unknown meaning."""
    with pytest.raises(MechproofError) as caught:
        recognised(tmp_path, random_arrays(SHAPES), CONFIG | change)
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("shapes", "words"),
    [
        ({"blocks.0.attn.rotary_sin": (3, 3)}, "tensor blocks.0.attn.rotary_sin"),
        ({"blocks.3.attn.W_Q": (2, 4, 3)}, "blocks of every number"),
        ({"blocks.1.attn.W_O": (2, 4, 3)}, "layer 3 (attention), tensor W_O"),
        ({"L0_ln1_b": (4,)}, "blocks.0.ln1.b: expected the numbers of L0_ln1_b"),
    ],
)
def test_tensors_that_do_not_fit(tmp_path, shapes, words):
    """Strangers, gaps, shapes, and two names of one tensor with different numbers."""
    with pytest.raises(MechproofError) as caught:
        recognised(tmp_path, random_arrays(SHAPES | shapes), CONFIG)
    assert words in str(caught.value)


def test_a_layer_norm_is_called_one(tmp_path):
    """Plain spellings: a bias of a norm is no unknown tensor, but misses its weight."""
    plain = {"W_E": (5, 4), "W_pos": (3, 4), "W_Q": (4, 3), "W_K": (4, 3), "W_V": (4, 3), "W_O": (3, 4), "W_U": (4, 5)}
    assert [layer.kind for layer in recognised(tmp_path, random_arrays(plain), None).layers] == [
        "embed", "attention", "unembed"
    ]  # fmt: skip
    with pytest.raises(MechproofError, match=r"tensor blocks\.0\.ln1\.w: expected it"):
        recognised(tmp_path, random_arrays(plain | {"L0_ln1_b": (4,)}), None)


def test_group_mlps_are_known_by_their_names(tmp_path):
    """W_x, W_y, W, W_U; a fifth tensor is refused."""
    shapes = {"W_x": (6, 3), "W_y": (6, 3), "W": (6, 4), "W_U": (4, 6)}
    network = recognised(tmp_path, random_arrays(shapes), None)
    assert [layer.kind for layer in network.layers] == ["embed", "concat", "linear", "pointwise", "unembed"]
    with pytest.raises(MechproofError, match="tensor b"):
        recognised(tmp_path, random_arrays(shapes | {"b": (4,)}), None)
    with pytest.raises(MechproofError, match="found only"):
        recognised(tmp_path, random_arrays({"W_x": (6, 3), "W_y": (6, 3)}), None)


def test_unknown_layouts_are_pointed_to_network_files(tmp_path):
    """The sentence says what to do."""
    with pytest.raises(MechproofError, match=r"docs/your_network\.md"):
        recognised(tmp_path, random_arrays({"E": (3, 3), "Q1": (3, 3)}), None)


def test_an_embedding_that_is_stored_again_is_compared(tmp_path):
    """x_embed and y_embed of the published group transformers: equal to the embedding, or refused."""
    plain = {name: shape for name, shape in SHAPES.items() if ".mlp." not in name and ".ln2." not in name}
    arrays = random_arrays(plain)
    again = arrays | {"x_embed": arrays["embed.W_E"], "y_embed": arrays["embed.W_E"]}
    assert sha256(recognised(tmp_path, again, None)) == sha256(recognised(tmp_path, arrays, None))
    with pytest.raises(MechproofError, match="y_embed: expected the numbers of"):
        recognised(tmp_path, again | {"y_embed": arrays["embed.W_E"] + 1}, None)

"""Checkpoints of one layer with one head: every way to name and store the tensors, what is assumed, what is refused."""

from __future__ import annotations

import math
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mechproof.engine.errors import MechproofError
from mechproof.models.layers.layer import LayerError
from mechproof.models.one_layer import OneLayer, one_layer_of
from mechproof.models.problem import stated
from mechproof.models.recognition import recognise
from mechproof.models.recognition.errors import (
    BadTensor,
    MissingTensor,
    OpenSetting,
    StrangeTensor,
    TwoTensors,
    UnknownConfigKey,
    UnsupportedConfig,
)
from mechproof.models.recognition.transformer_lens_config import HARMLESS
from mechproof.models.weights import Checkpoint, StoredTensor, load

DATA = Path(__file__).parents[2] / "data"
V, K, D, H = 5, 3, 4, 2
SHAPES = {
    "W_E": (V, D),
    "W_pos": (K, D),
    "W_Q": (D, H),
    "W_K": (D, H),
    "W_V": (D, H),
    "W_O": (H, D),
    "W_U": (D, V),
    "b_Q": (H,),
    "b_K": (H,),
    "b_V": (H,),
    "b_O": (D,),
    "b_U": (V,),
}
FIRST = {name: 100 * index + 1 for index, name in enumerate(SHAPES)}
ATTENTION = [name for name in SHAPES if name[2:] in ("Q", "K", "V", "O")]
TRANSFORMER_LENS = {
    "W_E": "embed.W_E",
    "W_pos": "pos_embed.W_pos",
    "W_U": "unembed.W_U",
    "b_U": "unembed.b_U",
    **{name: f"blocks.0.attn.{name}" for name in ATTENTION},
}


def tensor(stored: str, plain: str | None = None, shape: tuple[int, ...] | None = None) -> StoredTensor:
    """Numbers that tell the tensors apart, in halves."""
    plain = plain or stored
    shape = SHAPES[plain] if shape is None else shape
    first = FIRST[plain]
    return StoredTensor(stored, "float32", shape, -1, tuple(range(first, first + math.prod(shape))))


def checkpoint(*tensors: StoredTensor, without: tuple[str, ...] = (), config: dict | None = None) -> Checkpoint:
    """The network under its plain names, with tensors added or replaced, and some left out."""
    named = {name: tensor(name) for name in SHAPES if name not in without}
    named |= {added.name: added for added in tensors}
    return Checkpoint("net.npz", named, config)


def view(given: Checkpoint) -> OneLayer:
    return one_layer_of(stated(recognise(given)))


def refused(bad: Checkpoint, error: type[MechproofError], *words: str) -> None:
    with pytest.raises(error) as caught:
        recognise(bad)
    sentence = str(caught.value)
    assert sentence.startswith("net.npz: ")
    assert "expected" in sentence
    assert "found" in sentence
    for word in words:
        assert word in sentence


def test_plain_names():
    """Every tensor arrives under its own name with its own numbers in its own shape."""
    network = view(checkpoint())
    assert (network.d_vocab, network.n_ctx, network.d_model, network.d_head) == (V, K, D, H)
    assert set(network.tensors) == set(SHAPES)
    for name, shape in SHAPES.items():
        matrix = network.tensors[name]
        assert matrix.shape == (shape if len(shape) == 2 else (1, *shape))
        flat = [entry for row in matrix.fractions() for entry in row]
        assert flat == [Fraction(FIRST[name] + i, 2) for i in range(math.prod(shape))]


def test_every_naming_and_every_leading_axis_is_the_same_network():
    """TransformerLens names, second plain names, and layer and head axes of length 1 change nothing."""
    expected = stated(recognise(checkpoint())).sha256
    lens = [
        tensor(stored, plain, (1, *SHAPES[plain]) if plain[2:] in ("Q", "K", "V") else None)
        for plain, stored in TRANSFORMER_LENS.items()
    ]
    stacked = [tensor(name, shape=(1, 1, *shape)) for name, shape in SHAPES.items()]
    second = [tensor(f"L0_attn_{name}", name) for name in ATTENTION]
    for same in (
        checkpoint(*lens, without=tuple(SHAPES)),
        checkpoint(*stacked),
        checkpoint(*second, without=tuple(ATTENTION)),
        checkpoint(*second, *lens),
    ):
        assert stated(recognise(same)).sha256 == expected


def test_absent_biases_are_zero_and_said_so():
    """A file without some biases is the network with zeros there, and the reader is told."""
    given = checkpoint(without=("b_Q", "b_U"))
    assert view(given).tensors["b_Q"].fractions() == [[0] * H]
    assert view(given).tensors["b_U"].fractions() == [[0] * V]
    assert [said for said in recognise(given).assumed if "are zero" in said] == [
        "biases that the file does not hold are zero (blocks.0.attn.b_Q, unembed.b_U)"
    ]


@pytest.mark.parametrize("name", [name for name in SHAPES if name.startswith("W_") and name != "W_pos"])
def test_missing_weights(name):
    """No weight is made up."""
    refused(checkpoint(without=(name,)), MissingTensor, f".{name}: expected it")


def test_without_positions_the_number_of_positions_is_open():
    """Then max-of-K is no task, which is said."""
    with pytest.raises(MechproofError, match="number of positions"):
        stated(recognise(checkpoint(without=("W_pos",))))


def test_same_numbers_in_another_dtype_agree():
    """Doubles are compared as numbers: a float64 copy of float32 weights is the same tensor."""
    double = replace(tensor("blocks.0.attn.W_Q", "W_Q"), dtype="float64")
    assert stated(recognise(checkpoint(double))).sha256 == stated(recognise(checkpoint())).sha256


@pytest.mark.parametrize("change", [{"exponent": 0}, {"numerators": tensor("W_Q").numerators[::-1]}])
def test_doubles_that_differ(change):
    """Two tensors of one meaning and different numbers are two networks."""
    refused(checkpoint(replace(tensor("L0_attn_W_Q", "W_Q"), **change)), TwoTensors, "W_Q", "L0_attn_W_Q")


def test_doubles_of_different_shape():
    """The same numbers in another shape are another matrix."""
    refused(checkpoint(tensor("embed.W_E", "W_E", (D, V))), TwoTensors, "embed.W_E", "W_E")


STRANGERS: list[tuple[str, type[MechproofError], str]] = [
    ("blocks.1.attn.W_Q", BadTensor, "tensor blocks.1.attn.W_Q"),
    ("blocks.7.attn.W_Q", MissingTensor, "blocks.7"),
    ("L1_attn_W_Q", BadTensor, "tensor blocks.1.attn.W_Q"),
    ("blocks.0.mlp.W_in", OpenSetting, "act_fn"),
    ("L0_mlp_b_out", OpenSetting, "act_fn"),
    ("blocks.0.ln2.b", MissingTensor, "tensor blocks.0.mlp.W_in"),
    ("ln_final.b", MissingTensor, "tensor ln_final.w"),
    ("embed.ln.w", StrangeTensor, "tensor embed.ln.w"),
    ("blocks.0.attn.q_norm.w", StrangeTensor, "tensor blocks.0.attn.q_norm.w"),
    ("blocks.0.attn._W_K", StrangeTensor, "tensor blocks.0.attn._W_K"),
    ("W_E_2", StrangeTensor, "tensor W_E_2"),
    ("../W_E", StrangeTensor, "tensor ../W_E"),
    ("w_e", StrangeTensor, "tensor w_e"),
]


@pytest.mark.parametrize(("name", "error", "word"), STRANGERS)
def test_tensors_of_other_networks(name, error, word):
    """A tensor that does not belong here is never dropped: it changes the function."""
    with pytest.raises(error, match=r"^net\.npz: ") as caught:
        recognise(checkpoint(StoredTensor(name, "float32", (1,), 0, (0,))))
    assert word in str(caught.value)


@pytest.mark.parametrize(
    ("name", "shape"),
    [
        ("W_Q", (3, D, H)),
        ("W_O", (1, 3, H, D)),
        ("b_V", (3, H)),
        ("W_K", (3, 1, D, H)),
        ("b_O", (3, D)),
        ("W_E", (3, V, D)),
        ("W_E", (V,)),
        ("b_U", ()),
        ("W_pos", (K, D + 1)),
        ("W_Q", (H, D)),
        ("W_K", (D, H + 1)),
        ("W_V", (H, D)),
        ("W_O", (D, H)),
        ("W_U", (V, D)),
        ("b_Q", (D,)),
        ("b_O", (H,)),
        ("b_U", (1,)),
    ],
)
def test_shapes_that_do_not_fit(name, shape):
    """Each inconsistent shape is refused: by the tensor's name, or by that of one that it does not fit."""
    with pytest.raises((LayerError, BadTensor), match=r"^net\.npz: .*tensor .*expected .*found"):
        recognise(checkpoint(tensor(name, shape=shape)))


SETTLING: dict[str, Any] = {
    "normalization_type": None,
    "use_attn_scale": True,
    "attn_scale": -1,
    "attn_scores_soft_cap": Fraction(-1),
    "output_logits_soft_cap": Fraction(-1),
    "attention_dir": "causal",
    "use_local_attn": False,
    "attn_only": True,
    "positional_embedding_type": "standard",
}


def test_assumptions_without_a_configuration():
    """Weights alone leave each of these points open, and each is said."""
    sentences = recognise(checkpoint()).assumed
    for word in ("normalisation", "sqrt(d_head)", "capped", "causal", "without parameters acts", "W_pos"):
        assert sum(word in sentence for sentence in sentences) == 1
    assert len(sentences) == 6


@pytest.mark.parametrize("key", SETTLING)
def test_assumptions_shrink_only_for_what_is_settled(key):
    """With all keys nothing is assumed; without any one of them exactly one sentence is back."""
    assert recognise(checkpoint(config=SETTLING)).assumed == ()
    rest = {name: value for name, value in SETTLING.items() if name != key}
    assert len(recognise(checkpoint(config=rest)).assumed) == 1


def test_what_a_configuration_settles_does_not_enter_the_statement():
    """The hash is of the function; which keys a configuration gave changes what is assumed, not what is proved."""
    assert stated(recognise(checkpoint(config=SETTLING))).sha256 == stated(recognise(checkpoint())).sha256


@pytest.mark.parametrize(
    ("sizes", "names"), [((4, 2, 2), ("W_Q", "W_K", "W_V", "W_O")), ((4, 4, 2), ("W_E", "W_U")), ((5, 4, 2), ())]
)
def test_orientation_of_square_weights_is_an_assumption(sizes, names):
    """Where a shape does not show which side a matrix acts on, the convention is said, by name."""
    v, d, h = sizes
    shapes = {"W_E": (v, d), "W_pos": (K, d), "W_O": (h, d), "W_U": (d, v), **{f"W_{x}": (d, h) for x in "QKV"}}
    tensors = {name: StoredTensor(name, "float32", s, 0, (1,) * math.prod(s)) for name, s in shapes.items()}
    said = [sentence for sentence in recognise(Checkpoint("net.npz", tensors)).assumed if "from the right" in sentence]
    assert len(said) == bool(names)
    assert all(TRANSFORMER_LENS[name] in said[0] for name in names)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("n_layers", 2),
        ("n_layers", True),
        ("n_layers", Fraction(1)),
        ("n_heads", 2),
        ("d_vocab", V + 1),
        ("d_vocab_out", V + 1),
        ("n_ctx", K + 1),
        ("d_model", D + 1),
        ("d_head", H + 1),
        ("attn_only", False),
        ("attn_only", 1),
        ("positional_embedding_type", "rotary"),
        ("positional_embedding_type", "shortformer"),
        ("post_embedding_ln", True),
        ("final_rms", True),
        ("use_normalization_before_and_after", True),
        ("use_qk_norm", True),
        ("scale_attn_by_inverse_layer_idx", True),
        ("attn_scores_soft_cap", 50),
        ("attn_scores_soft_cap", Fraction(1, 2)),
        ("attn_scores_soft_cap", False),
        ("output_logits_soft_cap", Fraction(30)),
        ("use_local_attn", True),
        ("num_experts", 2),
        ("tie_word_embeddings", True),
        ("load_in_4bit", True),
    ],
)
def test_configurations_of_other_functions(key, value):
    """A configuration that says that another function is meant is believed."""
    refused(checkpoint(config={key: value}), UnsupportedConfig, f"config key {key}: ")


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("attn_scale", True),
        ("attn_scale", None),
        ("attn_scale", "1.4142135623730951"),
        ("attention_dir", "sideways"),
        ("normalization_type", "BN"),
    ],
)
def test_values_without_a_meaning(key, value):
    """What a key of known meaning cannot say is refused."""
    refused(checkpoint(config={key: value}), BadTensor, f"config key {key}: ")


@pytest.mark.parametrize(
    "value",
    [
        1,
        Fraction(float(np.float32(2**0.5))),
        Fraction(math.nextafter(2**0.5, 2)),
        Fraction(math.nextafter(2**0.5, 1)),
        Fraction("1.4142135623730951"),
    ],
)
def test_another_scale_is_another_network(value):
    """However near: only -1 and the float64 nearest to sqrt(d_head) stand for it."""
    assert stated(recognise(checkpoint(config={"attn_scale": value}))).sha256 != stated(recognise(checkpoint())).sha256


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("attn_scale", -1),
        ("attn_scale", Fraction(-1)),
        ("attn_scale", Fraction(2**0.5)),
        ("d_vocab_out", V),
        ("d_vocab_out", -1),
        ("attn_scores_soft_cap", None),
        ("attn_scores_soft_cap", 0),
        ("output_logits_soft_cap", Fraction(-1)),
        ("n_key_value_heads", None),
        *((key, object()) for key in sorted(HARMLESS)),
    ],
)
def test_configurations_of_this_function(key, value):
    """What agrees, and what does not matter whatever its value, is accepted."""
    assert stated(recognise(checkpoint(config={key: value}))).sha256 == stated(recognise(checkpoint())).sha256


@pytest.mark.parametrize("key", ["act", "Attn_scale", "attn_scale ", "logit_bias", ""])
def test_unknown_configuration_keys(key):
    """A key of unknown meaning may change the function, so it is refused by name."""
    refused(checkpoint(config={key: 1}), UnknownConfigKey, f"config key {key}: ")


def test_coq_network_with_its_doubles():
    """The published max-of-2 network, which holds its attention tensors twice, is recognised whole."""
    network = view(load(DATA / "max_of_2_coq" / "simpler.npz"))
    assert (network.d_vocab, network.n_ctx, network.d_model) == (64, 2, 32)
    with np.load(DATA / "max_of_2_coq" / "simpler.npz") as arrays:
        assert network.tensors["W_Q"].fractions() == [
            [Fraction(float(number)) for number in row] for row in arrays["L0_attn_W_Q"][0]
        ]


def test_coq_network_with_one_double_changed():
    """One bit of one double makes it two networks."""
    whole = load(DATA / "max_of_2_coq" / "simpler.npz")
    stored = whole.tensors["L0_attn_W_V"]
    changed = replace(stored, numerators=(*stored.numerators[:-1], stored.numerators[-1] ^ 1))
    with pytest.raises(TwoTensors, match="W_V"):
        recognise(Checkpoint(whole.source, {**whole.tensors, "L0_attn_W_V": changed}))


@pytest.mark.parametrize(
    ("file", "sizes"),
    [
        ("max_of_4_seed123/weights.npz", (64, 4, 32, 32)),
        ("unsound_averaging/cell_v3_k3.npz", (3, 3, 8, 8)),
        ("unsound_averaging/total_v8_k4.npz", (8, 4, 32, 32)),
    ],
)
def test_networks_without_biases(file, sizes):
    """The networks under plain names are recognised with sizes read from their shapes."""
    network = view(load(DATA / file))
    assert (network.d_vocab, network.n_ctx, network.d_model, network.d_head) == sizes

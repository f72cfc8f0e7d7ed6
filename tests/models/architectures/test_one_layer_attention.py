"""Recognising one-layer attention-only networks, and refusing every other."""

from __future__ import annotations

import ast
import json
import math
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

import mechproof.models.architectures as architectures_package
from mechproof.models.architectures import recognise
from mechproof.models.architectures.errors import (
    ArchitectureError,
    ConflictingTensors,
    MissingTensor,
    MlpFound,
    NormalisationFound,
    SeveralHeads,
    SeveralLayers,
    UnknownConfigKey,
    UnknownTensor,
    UnsupportedConfig,
    WrongShape,
)
from mechproof.models.architectures.one_layer_attention import ARCHITECTURE, INERT, OneLayerAttention
from mechproof.models.weights import Checkpoint, StoredTensor, load

DATA = Path(__file__).parents[2] / "data"
MODULES = sorted(Path(architectures_package.__path__[0]).glob("*.py"))
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
FIRST = {name: 100 * index for index, name in enumerate(SHAPES)}
TRANSFORMER_LENS = {
    "W_E": "embed.W_E",
    "W_pos": "pos_embed.W_pos",
    "W_U": "unembed.W_U",
    "b_U": "unembed.b_U",
    **{name: f"blocks.0.attn.{name}" for name in SHAPES if name[2:] in ("Q", "K", "V", "O")},
}


def tensor(stored: str, plain: str | None = None, shape: tuple[int, ...] | None = None) -> StoredTensor:
    """Numbers that tell the tensors apart: 100·i, 100·i + 1, … in halves."""
    plain = plain or stored
    shape = SHAPES[plain] if shape is None else shape
    first = FIRST[plain]
    return StoredTensor(stored, "float32", shape, -1, tuple(range(first, first + math.prod(shape))))


def checkpoint(*tensors: StoredTensor, without: tuple[str, ...] = (), config: dict | None = None) -> Checkpoint:
    """The network under its plain names, with tensors added or replaced, and some left out."""
    named = {name: tensor(name) for name in SHAPES if name not in without}
    named |= {added.name: added for added in tensors}
    return Checkpoint("net.npz", named, config)


def refused(bad: Checkpoint, error: type[ArchitectureError], *words: str) -> None:
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
    network = recognise(checkpoint())
    assert isinstance(network, OneLayerAttention)
    assert (network.d_vocab, network.n_ctx, network.d_model, network.d_head) == (V, K, D, H)
    assert set(network.tensors) == set(SHAPES)
    for name, shape in SHAPES.items():
        matrix = network.tensors[name]
        assert matrix.shape == (shape if len(shape) == 2 else (1, *shape))
        flat = [entry for row in matrix.fractions() for entry in row]
        assert flat == [Fraction(FIRST[name] + i, 2) for i in range(math.prod(shape))]


def test_every_naming_and_every_leading_axis_is_the_same_network():
    """TransformerLens names, second plain names, and layer and head axes of length 1 change nothing."""
    expected = OneLayerAttention.recognise(checkpoint())
    lens = [
        tensor(stored, plain, (1, *SHAPES[plain]) if plain[2:] in ("Q", "K", "V") else None)
        for plain, stored in TRANSFORMER_LENS.items()
    ]
    stacked = [tensor(name, shape=(1, 1, *shape)) for name, shape in SHAPES.items()]
    second = [tensor(f"L0_attn_{name}", name) for name in SHAPES if name[2:] in ("Q", "K", "V", "O")]
    attention = tuple(name.name.removeprefix("L0_attn_") for name in second)
    for same in (
        checkpoint(*lens, without=tuple(SHAPES)),
        checkpoint(*stacked),
        checkpoint(*second, without=attention),
        checkpoint(*second, *lens),
    ):
        assert OneLayerAttention.recognise(same) == expected


def test_absent_biases_are_zero_and_said_so():
    """A file without some biases is the network with zeros there, and the reader is told."""
    network = OneLayerAttention.recognise(checkpoint(without=("b_Q", "b_U")))
    assert network.tensors["b_Q"].fractions() == [[0] * H]
    assert network.tensors["b_U"].fractions() == [[0] * V]
    assert network.absent == ("b_Q", "b_U")
    assert any("b_Q, b_U" in sentence for sentence in network.assumptions())


@pytest.mark.parametrize("name", [name for name in SHAPES if name.startswith("W_")])
def test_missing_weights(name):
    """No weight is made up."""
    refused(checkpoint(without=(name,)), MissingTensor, f"tensor {name}")


def test_same_numbers_in_another_dtype_agree():
    """Doubles are compared as numbers: a float64 copy of float32 weights is the same tensor."""
    double = replace(tensor("blocks.0.attn.W_Q", "W_Q"), dtype="float64")
    assert OneLayerAttention.recognise(checkpoint(double)) == OneLayerAttention.recognise(checkpoint())


@pytest.mark.parametrize("change", [{"exponent": 0}, {"numerators": tensor("W_Q").numerators[::-1]}])
def test_doubles_that_differ(change):
    """Two tensors of one meaning and different numbers are two networks."""
    other = replace(tensor("L0_attn_W_Q", "W_Q"), **change)
    refused(checkpoint(other), ConflictingTensors, "W_Q", "L0_attn_W_Q")


def test_doubles_of_different_shape():
    """The same numbers in another shape are another matrix."""
    refused(checkpoint(tensor("embed.W_E", "W_E", (D, V))), ConflictingTensors, "embed.W_E", "W_E")


STRANGERS = [
    ("blocks.1.attn.W_Q", SeveralLayers, "2 layers"),
    ("blocks.7.attn.W_Q", SeveralLayers, "8 layers"),
    ("L1_attn_W_Q", SeveralLayers, "2 layers"),
    ("blocks.0.mlp.W_in", MlpFound, "MLP"),
    ("blocks.0.mlp.b_out", MlpFound, "MLP"),
    ("L0_mlp_W_in", MlpFound, "MLP"),
    ("blocks.0.ln1.w", NormalisationFound, "no normalisation"),
    ("blocks.0.ln2.b", NormalisationFound, "no normalisation"),
    ("ln_final.w", NormalisationFound, "no normalisation"),
    ("embed.ln.w", NormalisationFound, "no normalisation"),
    ("blocks.0.attn.q_norm.w", NormalisationFound, "no normalisation"),
    ("blocks.0.attn._W_K", UnknownTensor, "one-layer-attention-only"),
    ("blocks.0.attn.rotary_sin", UnknownTensor, "one-layer-attention-only"),
    ("W_E_2", UnknownTensor, "one-layer-attention-only"),
    ("../W_E", UnknownTensor, "one-layer-attention-only"),
    ("w_e", UnknownTensor, "one-layer-attention-only"),
]


@pytest.mark.parametrize(("name", "error", "word"), STRANGERS)
def test_tensors_of_other_networks(name, error, word):
    """A tensor that does not belong here is never dropped: it changes the function."""
    refused(checkpoint(StoredTensor(name, "float32", (1,), 0, (0,))), error, f"tensor {name}", word)


@pytest.mark.parametrize(
    ("name", "shape", "error", "word"),
    [
        ("W_Q", (3, D, H), SeveralHeads, "found 3"),
        ("W_O", (1, 3, H, D), SeveralHeads, "found 3"),
        ("b_V", (3, H), SeveralHeads, "found 3"),
        ("W_K", (3, 1, D, H), SeveralLayers, "3 layers"),
        ("b_O", (3, D), SeveralLayers, "3 layers"),
        ("W_E", (3, V, D), WrongShape, "d_vocab × d_model"),
        ("W_E", (V,), WrongShape, "axes d_vocab × d_model"),
        ("b_U", (), WrongShape, "axes d_vocab"),
        ("W_pos", (K, D + 1), WrongShape, f"n_ctx × d_model = {K} × {D}"),
        ("W_Q", (H, D), WrongShape, f"d_model × d_head = {D} × {D}"),
        ("W_K", (D, H + 1), WrongShape, f"d_model × d_head = {D} × {H}"),
        ("W_V", (H, D), WrongShape, "W_V"),
        ("W_O", (D, H), WrongShape, f"d_head × d_model = {H} × {D}"),
        ("W_U", (D, V + 1), WrongShape, f"d_model × d_vocab = {D} × {V}"),
        ("W_U", (V, D), WrongShape, "W_U"),
        ("b_Q", (D,), WrongShape, "b_Q"),
        ("b_O", (H,), WrongShape, "b_O"),
        ("b_U", (1,), WrongShape, "b_U"),
    ],
)
def test_shapes_that_do_not_fit(name, shape, error, word):
    """Each inconsistent shape is refused with the shape that was expected."""
    refused(checkpoint(tensor(name, shape=shape)), error, f"tensor {name}", word)


def test_architecture_object_is_the_hashed_one():
    """The keys, their order and their values are those of docs/certificate.md 1.3."""
    assert json.dumps(recognise(checkpoint()).describe(), separators=(",", ":")) == (
        f'{{"family":"one-layer-attention-only","d_vocab":{V},"n_ctx":{K},"d_model":{D},"d_head":{H},'
        '"n_heads":1,"normalization":"none","attention_scale":"1/sqrt(d_head)","mask":"causal",'
        '"read_at":"last position"}'
    )


SETTLING = {
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
    sentences = recognise(checkpoint()).assumptions()
    for word in ("normalisation", "sqrt(d_head)", "capped", "causal", "attention is all", "W_pos"):
        assert sum(word in sentence for sentence in sentences) == 1
    assert len(sentences) == 6


@pytest.mark.parametrize("key", SETTLING)
def test_assumptions_shrink_only_for_what_is_settled(key):
    """With all keys nothing is assumed; without any one of them exactly one sentence is back."""
    assert recognise(checkpoint(config=SETTLING)).assumptions() == []
    rest = {name: value for name, value in SETTLING.items() if name != key}
    assert len(recognise(checkpoint(config=rest)).assumptions()) == 1


@pytest.mark.parametrize(
    ("sizes", "names"), [((4, 2, 2), "W_Q, W_K, W_V, W_O"), ((4, 4, 2), "W_E, W_U"), ((5, 4, 2), "")]
)
def test_orientation_of_square_weights_is_an_assumption(sizes, names):
    """Where a shape does not show which side a matrix acts on, the convention is said, by name."""
    v, d, h = sizes
    shapes = {"W_E": (v, d), "W_pos": (K, d), "W_O": (h, d), "W_U": (d, v), **{f"W_{x}": (d, h) for x in "QKV"}}
    tensors = {name: StoredTensor(name, "float32", s, 0, (1,) * math.prod(s)) for name, s in shapes.items()}
    network = recognise(Checkpoint("net.npz", tensors))
    said = [sentence for sentence in network.assumptions() if "from the right" in sentence]
    assert len(said) == (1 if names else 0)
    assert all(f"({names}: square" in sentence for sentence in said)


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
        ("attention_dir", "bidirectional"),
        ("positional_embedding_type", "rotary"),
        ("positional_embedding_type", "shortformer"),
        ("normalization_type", "LN"),
        ("normalization_type", "LNPre"),
        ("post_embedding_ln", True),
        ("final_rms", True),
        ("use_normalization_before_and_after", True),
        ("use_qk_norm", True),
        ("use_attn_scale", False),
        ("attn_scale", 1),
        ("attn_scale", True),
        ("attn_scale", None),
        ("attn_scale", "1.4142135623730951"),
        ("attn_scale", Fraction(float(np.float32(2**0.5)))),
        ("attn_scale", Fraction(math.nextafter(2**0.5, 2))),
        ("attn_scale", Fraction(math.nextafter(2**0.5, 1))),
        ("attn_scale", Fraction("1.4142135623730951")),
        ("scale_attn_by_inverse_layer_idx", True),
        ("attn_scores_soft_cap", 50),
        ("attn_scores_soft_cap", Fraction(1, 2)),
        ("attn_scores_soft_cap", False),
        ("output_logits_soft_cap", Fraction(30)),
        ("use_local_attn", True),
        ("n_key_value_heads", 1),
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
        ("attn_scale", -1),
        ("attn_scale", Fraction(-1)),
        ("attn_scale", Fraction(2**0.5)),
        ("d_vocab_out", V),
        ("d_vocab_out", -1),
        ("attn_scores_soft_cap", None),
        ("attn_scores_soft_cap", 0),
        ("output_logits_soft_cap", Fraction(-1)),
        ("n_key_value_heads", None),
        *((key, object()) for key in sorted(INERT)),
    ],
)
def test_configurations_of_this_function(key, value):
    """What agrees, and what does not matter whatever its value, is accepted."""
    assert OneLayerAttention.recognise(checkpoint(config={key: value})).tensors


@pytest.mark.parametrize("key", ["act", "Attn_scale", "attn_scale ", "logit_bias", ""])
def test_unknown_configuration_keys(key):
    """A key of unknown meaning may change the function, so it is refused by name."""
    refused(checkpoint(config={key: 1}), UnknownConfigKey, f"config key {key}: ")


def test_coq_network_with_its_doubles():
    """The published max-of-2 network, which holds its attention tensors twice, is recognised whole."""
    network = recognise(load(DATA / "max_of_2_coq" / "simpler.npz"))
    assert (network.describe()["d_vocab"], network.describe()["n_ctx"], network.describe()["d_model"]) == (64, 2, 32)
    assert isinstance(network, OneLayerAttention)
    with np.load(DATA / "max_of_2_coq" / "simpler.npz") as arrays:
        assert network.tensors["W_Q"].fractions() == [
            [Fraction(float(number)) for number in row] for row in arrays["L0_attn_W_Q"][0]
        ]
    assert network.absent == ()


def test_coq_network_with_one_double_changed():
    """One bit of one double makes it two networks."""
    whole = load(DATA / "max_of_2_coq" / "simpler.npz")
    stored = whole.tensors["L0_attn_W_V"]
    changed = replace(stored, numerators=(*stored.numerators[:-1], stored.numerators[-1] ^ 1))
    with pytest.raises(ConflictingTensors, match="W_V"):
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
    network = recognise(load(DATA / file))
    assert isinstance(network, OneLayerAttention)
    assert (network.d_vocab, network.n_ctx, network.d_model, network.d_head) == sizes
    assert network.absent == ("b_Q", "b_K", "b_V", "b_O", "b_U")


@pytest.mark.parametrize("config", [None, "l_2_2_model.cfg.json"])
def test_induction_network_has_two_layers(config):
    """A published two-layer network is refused in a sentence that says so, with its configuration or without."""
    folder = DATA / "induction_gbmi"
    with pytest.raises(SeveralLayers) as caught:
        recognise(load(folder / "l_2_2_model.npz", config=folder / config if config else None))
    assert "l_2_2_model.npz: tensor blocks.1.attn." in str(caught.value)
    assert str(caught.value).endswith("expected a network of one layer, found a network of 2 layers")


def test_module_announces_its_architecture():
    """The folder's listing finds this family."""
    assert architectures_package.architectures()["one_layer_attention"] is ARCHITECTURE is OneLayerAttention


@pytest.mark.parametrize("file", MODULES, ids=lambda file: file.name)
def test_no_floats(file):
    """Recognising a network is exact: no float literal, no float(), no true division."""
    for node in ast.walk(ast.parse(file.read_text())):
        assert not (isinstance(node, ast.Constant) and isinstance(node.value, float))
        assert not (isinstance(node, ast.BinOp | ast.AugAssign) and isinstance(node.op, ast.Div))
        assert not (isinstance(node, ast.Name) and node.id == "float")

"""TransformerLens as people install it: every version's names, layouts and configuration keys."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mechproof.models.one_layer import one_layer_of
from mechproof.models.problem import stated
from mechproof.models.recognition import recognise
from mechproof.models.recognition.errors import RecognitionError, StrangeTensor
from mechproof.models.recognition.transformer_lens_config import DETAILS, HARMLESS, VERSIONS, plain
from mechproof.models.weights import Checkpoint, WeightsError, from_live, load
from mechproof.models.weights.convert import convert
from mechproof.models.weights.errors import BadShape, BridgeLayout, DuplicateTensor
from mechproof.models.weights.transformer_lens import as_hooked

torch = pytest.importorskip("torch")

RECORDED = json.loads((Path(__file__).parents[2] / "data" / "transformer_lens" / "recorded.json").read_text("utf-8"))
LAYER_NORM_IN_SPITE_OF_NONE = {"3.4.0", "3.5.0"}
LAYERS = {
    *("attention_dir", "attn_only", "attn_scores_soft_cap", "final_rms", "n_heads", "n_key_value_heads", "n_layers"),
    *("normalization_type", "num_experts", "output_logits_soft_cap", "positional_embedding_type", "post_embedding_ln"),
    *("use_attn_scale", "use_normalization_before_and_after"),
}
SIZES = {"d_vocab", "d_vocab_out", "n_ctx", "d_model", "d_head", "attn_scale"}


def label(entry: dict[str, Any]) -> str:
    return f"{entry['kind']} {entry['versions'][-1]}"


class Recorded(torch.nn.Module):
    """A live model as a version of TransformerLens shows it, with random numbers."""

    def __init__(self, entry: dict[str, Any], **changes: Any) -> None:
        super().__init__()
        self.cfg: Any = entry["config"] | changes
        generator = torch.Generator().manual_seed(1)
        self.held = {name: torch.randn(shape, generator=generator) for name, shape in entry["shapes"].items()}
        if "blocks.0.attn.IGNORE" in self.held:
            self.held["blocks.0.attn.IGNORE"] = torch.tensor(-torch.inf)

    def state_dict(self, *_args: Any, **_options: Any) -> dict[str, Any]:
        return self.held


def bridge(**changes: Any) -> Recorded:
    """The newest bridge."""
    return Recorded(next(entry for entry in reversed(RECORDED) if entry["kind"] == "TransformerBridge"), **changes)


def values(checkpoint: Checkpoint, name: str) -> list[Fraction]:
    tensor = checkpoint.tensors[name]
    return [numerator * Fraction(2) ** tensor.exponent for numerator in tensor.numerators]


@pytest.mark.parametrize("entry", RECORDED, ids=label)
def test_every_version(entry):
    """A live model of each version is the network that its tensors are, with nothing left to assume."""
    model = Recorded(entry)
    if entry["kind"] == "TransformerBridge" and LAYER_NORM_IN_SPITE_OF_NONE & set(entry["versions"]):
        with pytest.raises(StrangeTensor, match=r"tensor blocks\.0\.ln1"):
            recognise(from_live(model))
        return
    network = recognise(from_live(model))
    view = one_layer_of(stated(network))
    assert (view.d_vocab, view.n_ctx, view.d_model, view.d_head) == (5, 3, 8, 4)
    assert network.assumed == ()


def test_recorded_versions_are_those_that_are_named():
    """The range in the message of an unknown key is the range that was recorded."""
    found = sorted((version for entry in RECORDED for version in entry["versions"]), key=_number)
    assert f"{found[0]} to {found[-1]}" == VERSIONS


def _number(version: str) -> tuple[int, ...]:
    return tuple(map(int, version.split(".")))


def test_every_recorded_key_is_sorted_and_no_other():
    """Harmless, a detail of a part, switched off, or said of the layers: every key is one of these, none is made up."""
    keys = {key for entry in RECORDED for key in entry["config"]}
    sorted_keys = [*HARMLESS, *(key for part in DETAILS.values() for key in part), *plain()]
    assert len(sorted_keys) == len(set(sorted_keys))
    assert set(sorted_keys) <= keys
    assert keys - set(sorted_keys) == SIZES | LAYERS


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("architecture", "GPT2LMHeadModel"),
        ("clip_qkv", Fraction(8)),
        ("is_stateful", True),
        ("per_layer_head_dim", [4]),
        ("quantization_method", "awq"),
        ("scale_embedding", True),
        ("use_attention_sinks", True),
        ("use_logn_attn", True),
    ],
)
def test_new_keys_that_change_the_function(key, value):
    """What newer versions can switch on is refused by its name when it is on."""
    assert key in plain()
    canonical = from_live(Recorded(RECORDED[0]))
    recognise(canonical)
    changed = Checkpoint(canonical.source, canonical.tensors, {**(canonical.config or {}), key: value})
    with pytest.raises(RecognitionError, match=f"config key {key}: expected"):
        recognise(changed)


def test_unknown_key_says_what_is_known():
    """The sentence names the versions whose keys are known, not a contradiction."""
    with pytest.raises(RecognitionError) as caught:
        recognise(from_live(bridge(use_new_thing=True)))
    assert "config key use_new_thing: " in str(caught.value)
    assert VERSIONS in str(caught.value)


def test_bridge_computes_what_its_tensors_here_say():
    """A pass of torch.nn.Linear through a bridge's tensors agrees with one through the tensors here, head by head."""
    heads, width, head = 2, 6, 3
    generator = torch.Generator().manual_seed(3)
    linear = {
        name: torch.nn.Linear(*sizes).double()
        for name, sizes in {**dict.fromkeys("qkv", (width, heads * head)), "o": (heads * head, width)}.items()
    }
    parts = [(name, part) for name in "qkvo" for part in ("weight", "bias")]
    state = {f"blocks.0.attn.{name}.{part}": getattr(linear[name], part) for name, part in parts}
    model = Recorded({"config": {"architecture": "TransformerLensNative", "n_heads": heads}, "shapes": {}})
    model.held = state
    checkpoint = from_live(model)
    moved = {
        name: torch.tensor(np.array([float(x) for x in values(checkpoint, name)]).reshape(tensor.shape))
        for name, tensor in checkpoint.tensors.items()
    }
    x = torch.randn(4, width, generator=generator, dtype=torch.float64)
    for name in "qkv":
        there = linear[name](x).reshape(4, heads, head)
        weight, bias = moved[f"blocks.0.attn.W_{name.upper()}"], moved[f"blocks.0.attn.b_{name.upper()}"]
        assert weight.shape == (heads, width, head)
        torch.testing.assert_close(torch.einsum("pd,ndh->pnh", x, weight) + bias, there)
    z = torch.randn(4, heads, head, generator=generator, dtype=torch.float64)
    weight, bias = moved["blocks.0.attn.W_O"], moved["blocks.0.attn.b_O"]
    torch.testing.assert_close(torch.einsum("pnh,nhd->pd", z, weight) + bias, linear["o"](z.reshape(4, heads * head)))


def test_rest_of_a_bridge():
    """Embeddings stay, the unembedding and an MLP's weights are transposed, norms are renamed; all numbers arrive."""
    model = bridge()
    model.held |= {
        "blocks.0.mlp.in.weight": torch.arange(6.0).reshape(3, 2),
        "blocks.0.mlp.in.bias": torch.arange(3.0),
        "blocks.0.ln1.weight": torch.arange(2.0),
        "ln_final.bias": torch.arange(2.0),
        "something.else": torch.arange(2.0),
    }
    checkpoint = from_live(model)
    assert values(checkpoint, "embed.W_E") == [Fraction(x) for x in model.held["embed.weight"].ravel().tolist()]
    assert values(checkpoint, "unembed.W_U") == [Fraction(x) for x in model.held["unembed.weight"].T.ravel().tolist()]
    assert values(checkpoint, "blocks.0.mlp.W_in") == [0, 2, 4, 1, 3, 5]
    assert checkpoint.tensors["blocks.0.mlp.W_in"].shape == (2, 3)
    assert {"blocks.0.mlp.b_in", "blocks.0.ln1.w", "ln_final.b", "something.else"} < set(checkpoint.tensors)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"architecture": "GPT2LMHeadModel"}, ["key architecture", "TransformerLensNative", "GPT2LMHeadModel"]),
        ({"architecture": None}, ["key architecture", "None"]),
        ({"n_heads": 0}, ["key n_heads", "found 0"]),
        ({"n_heads": "1"}, ["key n_heads", "found 1"]),
        ({"n_key_value_heads": -1}, ["key n_key_value_heads", "found -1"]),
    ],
)
def test_layouts_that_are_not_settled(changes, words):
    """The layout of a bridge is never guessed: square weights would be read transposed without a sign of it."""
    with pytest.raises(BridgeLayout) as caught:
        from_live(bridge(**changes))
    for word in ["live Recorded: tensor blocks.0.attn.", *words]:
        assert word in str(caught.value)


def test_shapes_that_no_bridge_has():
    """Tensors that do not lie as torch.nn.Linear lays them are refused by name."""
    with pytest.raises(BadShape, match="3 heads share"):
        from_live(bridge(n_heads=3))
    model = bridge()
    model.held["blocks.0.attn.o.weight"] = torch.ones(2, 2, 2)
    with pytest.raises(BadShape, match=r"blocks\.0\.attn\.o\.weight"):
        from_live(model)
    model = bridge()
    model.held["blocks.0.attn.W_Q"] = torch.ones(2, 2)
    with pytest.raises(DuplicateTensor, match=r"blocks\.0\.attn\.W_Q"):
        from_live(model)


def test_saved_bridge(tmp_path):
    """A file of a bridge needs its configuration; converted, it is the same network and needs none."""
    model = bridge()
    torch.save(model.state_dict(), tmp_path / "net.pt")
    (tmp_path / "cfg.json").write_text(json.dumps(model.cfg))
    live = from_live(model)
    with pytest.raises(WeightsError, match="no configuration"):
        load(tmp_path / "net.pt")
    assert load(tmp_path / "net.pt", tmp_path / "cfg.json").tensors == live.tensors
    convert(tmp_path / "net.pt", tmp_path / "a.safetensors", tmp_path / "cfg.json")
    convert(model, tmp_path / "b.safetensors")
    assert (tmp_path / "a.safetensors").read_bytes() == (tmp_path / "b.safetensors").read_bytes()
    assert load(tmp_path / "a.safetensors").tensors == live.tensors


def test_other_tensors_stay_as_they_are():
    """Without attention weights in a bridge's names nothing is touched, whatever the configuration says."""
    model = Recorded(RECORDED[0])
    names = {name for name in model.held if not name.endswith(("mask", "IGNORE"))}
    assert set(from_live(model).tensors) == names
    assert as_hooked("net", [], {"architecture": "GPT2LMHeadModel"}) == []

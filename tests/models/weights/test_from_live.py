"""Live models: a stand-in with TransformerLens's names, buffers and configuration."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from mechproof.models.one_layer import one_layer_of
from mechproof.models.problem import stated
from mechproof.models.recognition import recognise
from mechproof.models.weights import from_live, load
from mechproof.models.weights.errors import NotALiveModel, NotAStateDict, NotFinite, UnsupportedDtype

torch = pytest.importorskip("torch")

V, K, D, H = 5, 3, 4, 2


@dataclass
class Configuration:
    """The keys that matter and some that do not, with the types of a live configuration."""

    n_layers: int = 1
    d_model: int = D
    n_ctx: int = K
    d_head: int = H
    n_heads: int = 1
    d_vocab: int = V
    d_vocab_out: int = V
    eps: float = 1e-5
    use_attn_scale: bool = True
    attn_scale: Any = field(default_factory=lambda: np.sqrt(H))
    use_local_attn: bool = False
    attn_types: Any = None
    normalization_type: Any = None
    device: Any = field(default_factory=lambda: torch.device("cpu"))
    attention_dir: str = "causal"
    attn_only: bool = True
    dtype: Any = torch.float32
    positional_embedding_type: str = "standard"
    attn_scores_soft_cap: float = -1.0
    output_logits_soft_cap: float = -1.0


class StandIn(torch.nn.Module):
    """The state dict of a one-layer HookedTransformer, buffers included."""

    def __init__(self, dtype: Any = torch.float32, **options: Any) -> None:
        super().__init__()
        self.cfg: Any = Configuration(**options)
        generator = torch.Generator().manual_seed(1)
        shapes = {
            "embed.W_E": (V, D),
            "pos_embed.W_pos": (K, D),
            **{f"blocks.0.attn.W_{x}": (1, D, H) for x in "QKV"},
            "blocks.0.attn.W_O": (1, H, D),
            **{f"blocks.0.attn.b_{x}": (1, H) for x in "QKV"},
            "blocks.0.attn.b_O": (D,),
            "unembed.W_U": (D, V),
            "unembed.b_U": (V,),
        }
        self.weights = {
            name: torch.nn.Parameter(torch.randn(shape, generator=generator).to(dtype))
            for name, shape in shapes.items()
        }
        self.buffers_ = {
            "blocks.0.attn.mask": torch.ones(K, K, dtype=torch.bool).tril(),
            "blocks.0.attn.IGNORE": torch.tensor(-torch.inf),
        }

    def state_dict(self, *_args: Any, **_options: Any) -> dict[str, Any]:
        return {**self.weights, **self.buffers_}


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_tensors_are_exact(dtype):
    """Each weight of the live model is the number that torch holds; masks are left out."""
    model = StandIn(dtype)
    checkpoint = from_live(model)
    assert set(checkpoint.tensors) == set(model.weights)
    for name, weight in model.weights.items():
        tensor = checkpoint.tensors[name]
        expected = [Fraction(number) for number in weight.detach().double().ravel().tolist()]
        assert [n * Fraction(2) ** tensor.exponent for n in tensor.numerators] == expected
    assert checkpoint.source == "live StandIn"


def test_live_and_saved_are_the_same_network(tmp_path):
    """Saving a model and reading the file gives what the live model gives."""
    model = StandIn()
    torch.save(model.state_dict(), tmp_path / "net.pt")
    assert load(tmp_path / "net.pt").tensors == from_live(model).tensors


def test_configuration_is_plain_and_exact():
    """No float, no torch object and no numpy number is left in the configuration."""
    config = from_live(StandIn(attn_types=("global", {"a": 0.5}), n_heads=np.int64(1), eps=np.float32(0.5))).config
    assert config is not None
    assert config["attn_scale"] == Fraction(2**0.5)
    assert (config["dtype"], config["device"]) == ("torch.float32", "cpu")
    assert config["attn_types"] == ["global", {"a": Fraction(1, 2)}]
    assert (type(config["n_heads"]), config["eps"]) == (int, Fraction(1, 2))
    plain = (bool, int, str, Fraction, list, type(None))
    assert all(type(value) in plain for value in config.values())


def test_configuration_as_a_mapping():
    """A configuration given as a dict counts as one given as an object."""
    model = StandIn()
    expected = from_live(model).config
    model.cfg = dict(vars(model.cfg))
    assert from_live(model).config == expected


def test_live_model_is_recognised_with_nothing_left_to_assume():
    """A full configuration settles everything that tensors do not show."""
    network = recognise(from_live(StandIn()))
    assert one_layer_of(stated(network)).d_head == H
    assert network.assumed == ()


def test_what_is_no_model():
    """An object without weights or configuration is named by its type."""
    with pytest.raises(NotALiveModel, match="int"):
        from_live(3)
    with pytest.raises(NotALiveModel, match="Linear"):
        from_live(torch.nn.Linear(1, 1))


@pytest.mark.parametrize(("cfg", "word"), [(3, "int"), ({"attn_scale": float("nan")}, "attn_scale")])
def test_configurations_that_are_refused(cfg, word):
    """A configuration that is none, or that holds no number where one is due, is refused."""
    model = StandIn()
    model.cfg = cfg
    with pytest.raises(NotALiveModel, match=word):
        from_live(model)


def test_state_dict_that_is_none():
    """A state dict of the wrong type is an error of its own."""
    model = StandIn()
    model.state_dict = lambda: [1]  # type: ignore[method-assign]
    with pytest.raises(NotALiveModel, match="list"):
        from_live(model)


def test_weights_that_are_refused():
    """The checks of files hold for live models."""
    model = StandIn()
    model.weights["embed.W_E"] = torch.full((V, D), torch.nan)
    with pytest.raises(NotFinite, match=r"live StandIn: tensor embed\.W_E"):
        from_live(model)
    model.weights["embed.W_E"] = torch.ones((V, D), dtype=torch.int32)
    with pytest.raises(UnsupportedDtype, match=r"embed\.W_E"):
        from_live(model)
    model.weights["embed.W_E"] = np.ones((V, D))
    with pytest.raises(NotAStateDict, match=r"embed\.W_E"):
        from_live(model)

"""Descriptions that no network has: refused with the layer and what is wrong with it, whoever made the description."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from mechproof.engine.checker.errors import Code, Failure
from mechproof.engine.checker.networks.layers import Description, Layer, Norm, fit
from mechproof.engine.checker.networks.tensor import Tensor


def ones(*shape: int) -> Tensor:
    size = 1
    for length in shape:
        size *= length
    return Tensor(shape, (1,) * size, 0)


NORM = Norm("layernorm", (1, -10))
HEADS = {"W_Q": ones(1, 2, 2), "W_K": ones(1, 2, 2), "W_V": ones(1, 2, 2), "W_O": ones(1, 2, 2)}
EMBED = Layer("embed", {"tables": "shared"}, {"E": ones(3, 2)})
ATTENTION = Layer("attention", {"heads": 1, "scale": "1/sqrt(2)", "mask": "causal"}, HEADS)
MLP = Layer("mlp", {"function": "relu", "gated": 0, "skip": "added"}, {"W_in": ones(2, 4), "W_out": ones(4, 2)})
UNEMBED = Layer("unembed", {}, {"W_U": ones(2, 3)})


def described(*layers: Layer) -> Description:
    return Description("net.toml", layers, 2)


def changed(layer: Layer, **settings: Any) -> Layer:
    return replace(layer, settings=layer.settings | settings)


MIDDLES: dict[str, tuple[Layer, str]] = {
    "a tensor too many": (replace(ATTENTION, tensors=HEADS | {"W_X": ones(2)}), "it has no tensor W_X"),
    "a setting too many": (changed(MLP, rotary=1), "it has no setting rotary"),
    "another norm": (replace(ATTENTION, norm=Norm("batchnorm", (1, -10))), "its norm must be one of layernorm"),
    "no epsilon": (replace(ATTENTION, norm=Norm("rmsnorm", (0, 0))), "the epsilon of its norm must be positive"),
    "a norm that is none": (replace(Layer("sum"), norm=NORM), "it takes no norm"),
    "a norm without a function": (Layer("norm"), "its function is missing"),
    "no scale": (changed(ATTENTION, scale="0"), "scale must be"),
    "other heads": (changed(ATTENTION, heads=2), "heads is 2, its tensors have 1"),
    "a gate that is not there": (changed(MLP, gated=1), "W_gate must be there exactly when gated is 1"),
    "an unknown kind": (Layer("convolution"), "unknown kind; there are embed"),
    "a second embedding": (EMBED, "the first layer must be embed"),
}


@pytest.mark.parametrize("name", MIDDLES)
def test_a_layer_that_does_not_fit_is_refused_by_name(name: str) -> None:
    """Between an embedding and an unembedding that fit."""
    layer, told = MIDDLES[name]
    with pytest.raises(Failure) as caught:
        fit(described(EMBED, layer, UNEMBED), 2)
    assert caught.value.code is Code.E141 and caught.value.data["layer"] == 1
    assert str(caught.value.data["what"]).startswith(told)


def test_what_fits_fits() -> None:
    """The same layers as they are; and one layer alone is no network."""
    network = fit(described(EMBED, ATTENTION, replace(MLP, norm=NORM), Layer("norm", norm=NORM), UNEMBED), 2)
    assert (network.vocabulary, network.outputs, len(network.layers)) == ((3, 3), 3, 5)
    for few in ((), (EMBED,)):
        with pytest.raises(Failure) as caught:
            fit(described(*few), 2)
        assert caught.value.code is Code.E141

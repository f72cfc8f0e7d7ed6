"""Layers: kinds are found by their files, shapes are checked by name, and what says nothing leaves the statement."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest

from mechproof.engine.arithmetic.tensor import DyadicTensor
from mechproof.models.layers import kinds
from mechproof.models.layers.attention import Attention, Scale
from mechproof.models.layers.concat import Concat
from mechproof.models.layers.embed import Embed
from mechproof.models.layers.layer import LayerError, Stream
from mechproof.models.layers.linear import Linear
from mechproof.models.layers.mlp import Mlp
from mechproof.models.layers.norm import Norm
from mechproof.models.layers.pointwise import Pointwise
from mechproof.models.layers.unembed import Unembed
from mechproof.models.network import Network


def tensor(*shape: int, value: int = 1) -> DyadicTensor:
    size = 1
    for length in shape:
        size *= length
    return DyadicTensor.of(shape, [value + i % 3 for i in range(size)], -2)


def attention(**changes) -> Attention:
    weights = {"W_Q": (2, 4, 3), "W_K": (2, 4, 3), "W_V": (2, 4, 5), "W_O": (2, 5, 4)}
    given: dict[str, Any] = {name: tensor(*shape) for name, shape in weights.items()} | {"scale": Scale(root=3)}
    return Attention(**(given | changes))


def network(*inner) -> Network:
    return Network("net", (Embed((tensor(7, 4),), tensor(3, 4)), *inner, Unembed(tensor(4, 7))))


def test_kinds_are_the_page_s():
    """A new file in the folder is a new kind; the page lists them all."""
    assert set(kinds()) == {
        "embed", "sum", "concat", "norm", "attention", "mlp", "linear", "pointwise", "unembed"
    }  # fmt: skip


def test_zero_biases_and_unit_gains_leave_the_statement():
    """Equal functions that differ in such tensors only have one statement."""
    zeros = DyadicTensor.of((4,), [0] * 4, 0)
    ones = DyadicTensor.of((4,), [8] * 4, -3)
    with_all = attention(b_O=zeros, norm=Norm("layernorm", Fraction(1, 2**20), ones, zeros))
    without = attention(norm=Norm("layernorm", Fraction(1, 2**20)))
    assert network(with_all).describe(3) == network(without).describe(3)
    shifted = DyadicTensor.of((4,), [0, 0, 0, 1], -9)
    assert network(attention(b_O=shifted)).describe(3) != network(attention()).describe(3)


def test_the_place_of_a_norm_is_part_of_the_statement():
    """A norm inside the layer acts on what it reads, one before it on the stream: two functions, two statements."""
    norm = Norm("rmsnorm", Fraction(1, 2**20))
    assert network(attention(norm=norm)).describe(3) != network(norm, attention()).describe(3)


def test_settings_stand_in_the_order_of_the_page():
    """The hash depends on the order of keys."""
    described = network(attention(), Mlp(tensor(4, 6), tensor(6, 4), "relu", W_gate=tensor(4, 6))).describe(3)
    layers = described["layers"]
    assert list(layers[1]) == ["kind", "heads", "scale", "mask", "tensors"]
    assert (layers[1]["heads"], layers[1]["scale"], layers[1]["mask"]) == (2, "1/sqrt(3)", "causal")
    assert list(layers[2]) == ["kind", "function", "gated", "skip", "tensors"]
    assert list(layers[2]["tensors"]) == ["W_in", "W_gate", "W_out"]
    assert described["vocabulary"] == [7, 7, 7] and described["outputs"] == 7


def test_streams_change_shape_as_the_layers_say():
    """Joined positions are one of the whole width; an MLP without a skip connection may change the width."""
    layers = (
        Embed((tensor(5, 4), tensor(6, 4)), shared=False),
        Concat(),
        Linear(tensor(8, 3)),
        Pointwise("relu"),
        Mlp(tensor(3, 9), tensor(9, 2), "gelu", skip="none"),
        Unembed(tensor(2, 11)),
    )
    whole = Network("net", layers)
    assert whole.check(2) == Stream(1, 11)
    assert whole.vocabulary(2) == (5, 6)


@pytest.mark.parametrize(
    ("layer", "words"),
    [
        (lambda: attention(W_O=tensor(2, 4, 5)), "tensor W_O: expected axes"),
        (lambda: attention(W_K=tensor(3, 4, 3)), "tensor W_K"),
        (lambda: attention(b_Q=tensor(3)), "tensor b_Q"),
        (lambda: attention(mask="sliding"), "mask: expected causal or none, found sliding"),
        (lambda: attention(scale=Scale(Fraction(0))), "scale"),
        (lambda: attention(norm=Norm("batchnorm", Fraction(1))), "norm, function: expected layernorm or rmsnorm"),
        (lambda: Norm("layernorm", Fraction(1, 3)), "epsilon: expected a positive float64"),
        (lambda: Norm("layernorm", Fraction(0)), "epsilon"),
        (lambda: Mlp(tensor(4, 6), tensor(6, 4), "swish"), "function: expected one of relu"),
        (lambda: Mlp(tensor(4, 6), tensor(6, 5), "relu"), "tensor W_out: expected axes k=6 × o=4, found shape 6 × 5"),
        (lambda: Linear(tensor(3, 4)), "tensor W: expected axes d=4 × o, found shape 3 × 4"),
        (lambda: Pointwise("sin"), "function"),
    ],
)
def test_what_does_not_fit_is_named(layer, words):
    """One sentence with the layer's number, its kind and the tensor."""
    with pytest.raises(LayerError) as caught:
        network(layer()).check(3)
    assert words in str(caught.value) and "net: layer 1 (" in str(caught.value)


def test_too_many_positions():
    """A position without a row of P is no position of the network."""
    with pytest.raises(LayerError, match="at most 3 positions"):
        network().check(4)


@pytest.mark.parametrize("layers", [(), (Concat(),), (Embed((tensor(2, 2),)),)])
def test_a_network_begins_and_ends_as_it_must(layers):
    """Embedding first, unembedding last."""
    with pytest.raises(LayerError, match="begin with embed and end with unembed"):
        Network("net", layers).check(1)

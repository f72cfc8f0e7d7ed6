"""The form that path tables need: found in networks that have it, refused by name in others; its cells."""

from __future__ import annotations

import itertools
from collections import Counter
from dataclasses import replace
from fractions import Fraction
from typing import Any

import pytest
from oracle import random_net

from mechproof.engine.arithmetic.tensor import DyadicTensor
from mechproof.models.layers.attention import Attention, Scale
from mechproof.models.layers.embed import Embed
from mechproof.models.layers.norm import Norm
from mechproof.models.layers.pointwise import Pointwise
from mechproof.models.layers.unembed import Unembed
from mechproof.models.network import Network
from mechproof.models.one_layer import NotOneLayer, OneLayer, has_one_layer, one_layer_of, with_weights
from mechproof.models.problem import stated
from mechproof.models.statement import Statement

SIZES = [(V, K) for V in range(1, 6) for K in range(1, 5)]
NET = random_net(0, "eighths", 4, 3)
EMBED, ATTENTION, UNEMBED = NET.statement.network.layers
assert isinstance(EMBED, Embed) and isinstance(ATTENTION, Attention) and isinstance(UNEMBED, Unembed)


@pytest.mark.parametrize(("V", "K"), SIZES)
def test_cells_partition_the_inputs(V, K):
    """Every sequence is in the cell of its last token and its maximum; the sizes are counted, not assumed."""
    layer = OneLayer(K, V, 1, 1, {})
    held = Counter((tokens[-1], max(tokens)) for tokens in itertools.product(range(V), repeat=K))
    cells = list(layer.cells())
    assert {cell: layer.cell_size(*cell) for cell in cells if layer.cell_size(*cell)} == dict(held)
    assert sum(layer.cell_size(*cell) for cell in cells) == layer.inputs == V**K


def test_order_of_cells():
    """Cells come by maximum, and by query inside, as docs/certificate.md §3 walks them."""
    assert list(OneLayer(2, 3, 1, 1, {}).cells()) == [(0, 0), (0, 1), (1, 1), (0, 2), (1, 2), (2, 2)]


def test_large_sizes_are_exact():
    """Counts beyond 64 bits are exact integers."""
    layer = OneLayer(20, 512, 1, 1, {})
    assert layer.inputs == 2**180
    assert layer.cell_size(0, 511) == 512**19 - 511**19
    assert layer.cell_size(511, 511) == 512**19


@pytest.mark.parametrize("seed", range(4))
def test_the_view_has_the_network_s_numbers(seed):
    """Biases and positions of zeros, which the statement leaves out, are there again; and back it is the network."""
    net = random_net(seed, "eighths")
    net = net.replaced(b_Q=[[Fraction(0)] * net.h], W_pos=[[Fraction(0)] * net.d] * net.K)
    found = one_layer_of(net.statement)
    assert (found.d_vocab, found.n_ctx, found.d_model, found.d_head) == (net.V, net.K, net.d, net.h)
    assert {name: matrix.fractions() for name, matrix in found.tensors.items()} == net.tensors
    assert stated(with_weights(found.tensors)).sha256 == net.statement.sha256


def _of(*layers: Any, task: str = "max-of-k") -> Statement:
    return stated(Network("net.toml", layers), task)


def _twice(tensor: DyadicTensor) -> DyadicTensor:
    entries = [*tensor.numerators.reshape(-1).tolist()] * 2
    return DyadicTensor.of((2, *tensor.shape[1:]), entries, tensor.exponent)


TWO_HEADS = {name: _twice(tensor) for name, tensor in ATTENTION.tensors.items() if name != "b_O"}


@pytest.mark.parametrize(
    ("statement", "words"),
    [
        (_of(EMBED, ATTENTION, ATTENTION, UNEMBED), "found the layers embed, attention, attention, unembed"),
        (_of(EMBED, ATTENTION, Pointwise("relu"), UNEMBED), "found the layers embed, attention, pointwise, unembed"),
        (_of(EMBED, UNEMBED), "found the layers embed, unembed"),
        (_of(EMBED, replace(ATTENTION, **TWO_HEADS), UNEMBED), "expected one attention head"),
        (_of(EMBED, replace(ATTENTION, norm=Norm("layernorm", Fraction(1, 8))), UNEMBED), "in front of the attention"),
        (_of(EMBED, ATTENTION, replace(UNEMBED, norm=Norm("rmsnorm", Fraction(1, 8)))), "in front of the unembed"),
        (_of(EMBED, replace(ATTENTION, mask="none"), UNEMBED), "expected a causal mask"),
        (_of(EMBED, replace(ATTENTION, scale=Scale(Fraction(1, 64))), UNEMBED), "found times 1/64"),
        (_of(Embed((EMBED.tables[0],) * 3, shared=False), ATTENTION, UNEMBED), "found 3 tables"),
        (_of(EMBED, ATTENTION, UNEMBED, task="kth-max:2"), "found the task kth-max:2"),
        (_of(EMBED, ATTENTION, UNEMBED, task="modular-addition:3"), "found the task modular-addition:3"),
        (_of(EMBED, ATTENTION, UNEMBED, task="expression:min(t)"), "found the task expression"),
    ],
)
def test_other_networks_and_tasks_are_refused_by_name(statement, words):
    """One sentence: what path tables need, what there is, and what works for it."""
    with pytest.raises(NotOneLayer) as caught:
        one_layer_of(statement)
    assert words in str(caught.value)
    assert "enumeration" in str(caught.value)
    assert not has_one_layer(statement)


def test_the_task_may_be_spelled_otherwise():
    """What counts is the right answer and the inputs, not the task's name."""
    assert one_layer_of(_of(EMBED, ATTENTION, UNEMBED, task="expression:max(t)")).n_ctx == 3

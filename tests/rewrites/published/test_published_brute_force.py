"""The replays of the published brute force: the forward pass is the network, the cached one is another network."""

from __future__ import annotations

from itertools import product
from pathlib import Path

import numpy as np
import pytest
import torch
from float_networks import small

from mechproof.audits.session import float_weights
from mechproof.models import zoo
from mechproof.models.one_layer import one_layer_of
from mechproof.models.problem import statement_of
from mechproof.rewrites.published.brute_force import (
    batches,
    cached_pass,
    full_pass,
    index_of,
    run,
    sequences,
)
from mechproof.rewrites.published.network import FloatNetwork
from mechproof.rewrites.strategies import prove_accuracy


def weights(path: Path) -> dict[str, np.ndarray]:
    with np.load(path) as archive:
        return {name: archive[name].astype(float) for name in archive.files}


def network(path: Path, dtype: torch.dtype = torch.float64) -> FloatNetwork:
    return FloatNetwork.of({name: torch.tensor(value) for name, value in weights(path).items()}, dtype)


def definition(path: Path, tokens: tuple[int, ...], positional: bool = True) -> tuple[np.ndarray, np.ndarray]:
    """Attention and logits of one sequence, from the formulas; ``positional``: whether keys know positions."""
    w = weights(path)
    residual = w["W_E"][list(tokens)] + w["W_pos"]
    keys = residual if positional else w["W_E"][list(tokens)]
    scores = residual[-1] @ w["W_Q"] @ (keys @ w["W_K"]).T / w["W_Q"].shape[1] ** 0.5
    attention = np.exp(scores) / np.exp(scores).sum()
    return attention, (residual[-1] + attention @ residual @ w["W_V"] @ w["W_O"]) @ w["W_U"]


@pytest.mark.parametrize(("model", "positional"), [(full_pass, True), (cached_pass, False)])
def test_what_is_run(model, positional, tmp_path):
    """The forward pass is the definition; the cached one is the definition with keys that know no position."""
    path = small(tmp_path, 1)
    every = list(product(range(3), repeat=3))
    for tokens, attention, logits in zip(every, *model(network(path))(torch.tensor(every)), strict=True):
        for found, expected in zip((attention, logits), definition(path, tokens, positional), strict=True):
            assert found.numpy() == pytest.approx(expected, abs=1e-10)


def test_the_two_differ(tmp_path):
    """Where keys know positions, dropping that is not a matter of rounding."""
    both = [model(network(small(tmp_path, 1)))(torch.tensor([[0, 1, 2]]))[1] for model in (full_pass, cached_pass)]
    assert (both[0] - both[1]).abs().max() > 0.1


def test_the_right_number_comes_out(data):
    """Two networks, in float32: as many right sequences as are proved."""
    for path in (data / "unsound_averaging" / "total_v8_k4.npz", zoo.path("max_of_2_v64_d32_seed123")):
        statement = statement_of(path)
        graph, goal = prove_accuracy(statement)
        model = full_pass(FloatNetwork.of(float_weights(statement), torch.float32))
        task = one_layer_of(statement)
        parts = [run(model, tokens) for tokens in batches(task.d_vocab, task.n_ctx)]
        assert sum(part.count() for part in parts) == graph.claim(goal).low


def test_every_sequence_is_run_once():
    """Batches are all sequences in order, and numbers and sequences belong to each other."""
    found = [tuple(row) for tokens in batches(3, 4, 7) for row in tokens.tolist()]
    assert found == list(product(range(3), repeat=4))
    tokens = sequences(torch.tensor([5, 80]), 3, 4)
    assert index_of(tokens, 3).tolist() == [5, 80]


def test_a_tie_may_count_as_right():
    """Where all logits are equal, argmax takes one, and where that is the maximum the sequence counts as right."""
    found = run(lambda tokens: (torch.ones(len(tokens), 1), torch.zeros(len(tokens), 3)), torch.tensor([[0], [1], [2]]))
    assert found.worst.tolist() == [0, 0, 0]
    assert found.count() == int(found.certified.sum()) == 1


def test_claims_are_those_of_the_run(tmp_path):
    """Each sequence is claimed with its own gap."""
    (tokens,) = batches(3, 3)
    found = run(full_pass(network(small(tmp_path, 2))), tokens)
    assert found.claims(tokens[[4, 2]]).tolist() == found.worst[[4, 2]].tolist()

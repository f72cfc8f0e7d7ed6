"""The replay of the published cubic verifier: it gives the published number, and its formula is the published one."""

from __future__ import annotations

import json
from itertools import product
from math import exp, inf, nan
from pathlib import Path

import numpy as np
import pytest
import torch
from float_networks import small

from mechproof.rewrites.published.cubic import replay
from mechproof.rewrites.published.network import FloatNetwork


def network(path: Path, dtype: torch.dtype) -> FloatNetwork:
    with np.load(path) as archive:
        return FloatNetwork.of({name: torch.tensor(archive[name]) for name in archive.files}, dtype)


def everything(size: int, positions: int) -> torch.Tensor:
    return torch.tensor(list(product(range(size), repeat=positions)))


def largest_wrong(path: Path, q: int, m: int, k: int, c: int) -> float:
    """Formula (3.2) of the specification for one cell, in plain numbers."""
    with np.load(path) as archive:
        w = {name: archive[name].astype(float) for name in archive.files}
    last, across, root = w["W_E"] + w["W_pos"][-1], w["W_V"] @ w["W_O"] @ w["W_U"], w["W_Q"].shape[1] ** 0.5
    scores, direct, tokens = last @ w["W_Q"] @ w["W_K"].T / root, last @ w["W_U"], w["W_E"] @ across
    positional, token_scores = scores @ w["W_pos"].T, scores @ w["W_E"].T
    wrong = [x for x in range(len(direct)) if x != m]
    raised = {x: max(row[x] - row[m] for row in w["W_pos"] @ across) for x in wrong}
    b = sorted(exp(score) for score in positional[q][:-1])
    own = exp(token_scores[q, q] + positional[q][-1])
    if c == 0:
        share = sum(b) * exp(token_scores[q, m]) / (sum(b) * exp(token_scores[q, m]) + own)
        return max(
            direct[q, x] - direct[q, m] + raised[x] + share * (tokens[m, x] - tokens[m, m])
            + (1 - share) * (tokens[q, x] - tokens[q, m])
            for x in wrong
        )  # fmt: skip
    most = [max(row[x] - row[m] + raised[x] for x in wrong) for row in tokens]
    ends = []
    for held in (sum(b[: len(b) - c]), sum(b[c:])):
        weights = held * exp(token_scores[q, m]), own, (sum(b) - held) * exp(token_scores[q, k])
        ends.append((weights[0] * most[m] + weights[1] * most[q] + weights[2] * most[k]) / sum(weights))
    return max(direct[q, x] - direct[q, m] for x in wrong) + max(ends)


def test_the_published_number_comes_out_again(data):
    """In float32, on the published network, the count that the reference implementation gave."""
    folder = data / "max_of_4_seed123"
    claims = {claim["id"]: claim for claim in json.loads((folder / "claims.json").read_text("utf-8"))["claims"]}
    assert replay(network(folder / "weights.npz", torch.float32)).count() == int(
        claims["cubic"]["published"].split()[0]
    )


@pytest.mark.parametrize(("size", "positions"), [(3, 3), (3, 1), (4, 2), (2, 4)])
def test_the_formula_is_the_published_one(size, positions, tmp_path):
    """Every cell that the specification has, and no other, with its L."""
    path = small(tmp_path, 5, size=size, positions=positions)
    found = replay(network(path, torch.float64))
    cells = [
        (q, m, k, c)
        for m in range(size)
        for q in range(m + 1)
        for c in range(positions if q == m else positions - 1)
        for k in (range(m) if c else [m])
    ]
    assert sorted(map(tuple, found.cells.tolist())) == sorted(cells)
    for cell, worst in zip(found.cells.tolist(), found.worst.tolist(), strict=True):
        assert worst == pytest.approx(largest_wrong(path, *cell), abs=1e-12)


@pytest.mark.parametrize("seed", range(4))
def test_what_is_claimed_is_what_is_counted(seed, tmp_path):
    """The count is that of the sequences of which a largest wrong logit below zero is claimed."""
    found = replay(network(small(tmp_path, seed, 0.5, 2, size=4, positions=3), torch.float32))
    assert int((found.claims(everything(4, 3)) < 0).sum()) == found.count() > 0


def test_certified_sequences_are_right(tmp_path, oracle):
    """In double precision every sequence that is claimed is right by the definition."""
    decided = 0
    for seed in range(6):
        path = small(tmp_path, seed, 0.5, 2, size=4)
        wrong, claims = oracle.stored(path).truth.wrong, replay(network(path, torch.float64)).claims
        tokens = everything(4, 3)
        certified = tokens[claims(tokens) < -1e-9].tolist()
        decided += len(certified)
        assert set(map(tuple, certified)).isdisjoint(wrong)
    assert decided > 50


def test_a_sequence_is_claimed_as_its_worst_token():
    """A mixture has the largest L of its tokens, and none where one of them has none."""
    found = replay(FloatNetwork(*(torch.eye(3) for _ in range(7))))
    found.worst = torch.arange(len(found.worst), dtype=torch.float32)
    by_cell = {tuple(cell): float(worst) for cell, worst in zip(found.cells.tolist(), found.worst, strict=True)}
    mixed, alone = found.claims(torch.tensor([[0, 1, 2], [2, 2, 1]])).tolist()
    assert mixed == max(by_cell[2, 2, 0, 2], by_cell[2, 2, 1, 2]) > -inf
    assert alone == by_cell[1, 2, 2, 0]
    found.worst[:] = nan
    assert np.isnan(found.claims(torch.tensor([[0, 1, 2]])).item())

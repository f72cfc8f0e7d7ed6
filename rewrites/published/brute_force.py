"""The published brute force in floats: every sequence is run, and the right ones are counted.

Two models of the network, each from sequences to attention weights and logits at the last position:

* ``full_pass``: the forward pass, position by position;
* ``cached_pass``: the cheaper helper, from tables of pairs.  It keeps exp(score[p,q,k] - score[p,q,m]) with the offset
  taken at the same position p, so that the positional part of the score cancels: its attention is that of a network
  without positional attention.  Published numbers of longer sequences are normalised by it.

Other defects kept: a sequence is right if argmax says so, which on a tie may be either; and accuracy is a mean of
means of batches, turned into a count by rounding.

Source: arXiv 2406.11779 and its code,
JasonGross/guarantees-based-mechanistic-interpretability at commit fb5b181.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from math import inf

import torch
from torch import Tensor

from .network import FloatNetwork

BATCH = 1 << 11

# From sequences (n × K) to attention of the last position (n × K) and its logits (n × V).
Model = Callable[[Tensor], tuple[Tensor, Tensor]]


@dataclass
class Replay:
    """Some sequences run: ``worst`` has the largest wrong logit minus the right one of each.

    ``right`` are those where argmax is the maximum.
    """

    steps: dict[str, Tensor]
    tokens: Tensor
    worst: Tensor
    right: Tensor

    @property
    def certified(self) -> Tensor:
        return self.right

    @property
    def accuracy(self) -> float:
        return self.right.float().mean().item()

    def count(self) -> int:
        return round(self.accuracy * len(self.right))

    def claims(self, tokens: Tensor) -> Tensor:
        """For sequences among those run."""
        size = int(self.tokens.max()) + 1
        place = {index: row for row, index in enumerate(index_of(self.tokens, size).tolist())}
        return self.worst[torch.tensor([place[index] for index in index_of(tokens, size).tolist()])]


def full_pass(network: FloatNetwork) -> Model:
    """The forward pass; of the other positions only keys and values matter to the last one's logits."""
    size = network.W_pos.shape[1]

    def model(tokens: Tensor) -> tuple[Tensor, Tensor]:
        count, positions = tokens.shape
        residual = network.W_E[tokens] + network.W_pos
        each = residual.reshape(count * positions, size)
        keys = (each @ network.W_K).reshape(count, positions, -1)
        values = (each @ network.W_V).reshape(count, positions, -1)
        query = residual[:, -1] @ network.W_Q
        scores = (query[:, None, :] * keys).sum(dim=2) / network.scale
        attention = torch.softmax(scores, dim=1)
        mixed = (attention[:, :, None] * values).sum(dim=1)
        return attention, (residual[:, -1] + mixed @ network.W_O) @ network.W_U

    return model


def cached_pass(network: FloatNetwork) -> Model:
    """From tables of pairs, with the offset as published: at the same position."""
    last = torch.arange(network.n_ctx)
    query = network.last @ network.W_Q
    keys = [(network.W_E + network.W_pos[p]) @ network.W_K for p in range(network.n_ctx)]
    scores = torch.stack([query @ key.T / network.scale for key in keys])
    tables, direct = network.values(), network.last @ network.W_U

    def model(tokens: Tensor) -> tuple[Tensor, Tensor]:
        query, largest = tokens[:, -1:], tokens.amax(dim=1, keepdim=True)
        weights = torch.exp(scores[last, query, tokens] - scores[last, query, largest])
        attention = weights / weights.sum(dim=1, keepdim=True)
        moved = tables["EVOU"][tokens] + tables["PVOU"]
        return attention, direct[tokens[:, -1]] + (attention[:, :, None] * moved).sum(dim=1)

    return model


MODELS: Mapping[str, Callable[[FloatNetwork], Model]] = {
    "brute-force": full_pass,
    "brute-force/cached": cached_pass,
}


def run(model: Model, tokens: Tensor) -> Replay:
    """One batch."""
    attention, logits = model(tokens)
    largest = tokens.amax(dim=1)
    rows = torch.arange(len(tokens))
    gaps = logits - logits[rows, largest][:, None]
    others = torch.arange(logits.shape[1]) != largest[:, None]
    worst = torch.where(others, gaps, torch.full_like(gaps, -inf)).amax(dim=1)
    return Replay({"attention": attention}, tokens, worst, logits.argmax(dim=1) == largest)


def batches(size: int, positions: int, batch: int = BATCH) -> Iterator[Tensor]:
    """All sequences, the last position's token changing fastest."""
    for start in range(0, size**positions, batch):
        yield sequences(torch.arange(start, min(start + batch, size**positions)), size, positions)


def sequences(indices: Tensor, size: int, positions: int) -> Tensor:
    """The tokens with these numbers."""
    digits = size ** torch.arange(positions - 1, -1, -1)
    return indices[:, None] // digits % size


def index_of(tokens: Tensor, size: int) -> Tensor:
    """Their numbers again."""
    return (tokens * size ** torch.arange(tokens.shape[1] - 1, -1, -1)).sum(dim=1)

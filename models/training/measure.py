"""Float32 accuracies: estimates and counts that no proof rests on.

A prediction is the argmax of float32 logits, as everybody computes it; a tie may count as right.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from .network import State, logits, require_torch

if TYPE_CHECKING:
    from torch import Tensor

BATCH = 1 << 13
"""Sequences at a time: enough to keep matrix products busy, and the intermediate arrays stay in cache."""


def estimate_accuracy(state: State, samples: int, seed: int) -> tuple[int, int]:
    """(right, samples) over uniformly drawn sequences: an estimate, with its sampling error."""
    torch = require_torch()
    generator = torch.Generator().manual_seed(seed)
    V, K = _vocabulary_and_length(state)
    sizes = [min(BATCH, samples - start) for start in range(0, samples, BATCH)]
    drawn = (torch.randint(0, V, (size, K), generator=generator) for size in sizes)
    return _count_right(state, drawn), samples


def float32_accuracy(state: State, batch: int = BATCH) -> tuple[int, int]:
    """(right, V**K) over all sequences by plain batched evaluation: the float32 run, not a proof."""
    torch = require_torch()
    V, K = _vocabulary_and_length(state)
    place_values = V ** torch.arange(K - 1, -1, -1)
    numbers = (torch.arange(start, min(start + batch, V**K)) for start in range(0, V**K, batch))
    everything = (number.unsqueeze(1) // place_values % V for number in numbers)
    return _count_right(state, everything), V**K


def _vocabulary_and_length(state: State) -> tuple[int, int]:
    return state["embed.W_E"].shape[0], state["pos_embed.W_pos"].shape[0]


def _count_right(state: State, batches: Iterator[Tensor]) -> int:
    with require_torch().inference_mode():
        return sum(int((logits(state, tokens).argmax(1) == tokens.amax(1)).sum()) for tokens in batches)

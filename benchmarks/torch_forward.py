"""The peers of the exact count: float32 evaluation of the network on every input, with torch on two threads.

``full``  the whole forward pass, all positions, as a HookedTransformer computes it;
``last``  the same for the last position only, the least that a forward pass can do.

Their counts are those of one float32 run: no proof, and a tie may count as right.

    python benchmarks/torch_forward.py full|last WEIGHTS
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from mechproof.models.training import float32_accuracy, load

if TYPE_CHECKING:
    from torch import Tensor

BATCH = 1 << 13
THREADS = 2


def all_sequences(vocabulary: int, length: int) -> Iterator[Tensor]:
    """All sequences in batches, as a data loader would hand them over."""
    import torch

    total = vocabulary**length
    powers = vocabulary ** torch.arange(length - 1, -1, -1)
    for start in range(0, total, BATCH):
        yield (torch.arange(start, min(start + BATCH, total))[:, None] // powers) % vocabulary


def full_forward_accuracy(path: str | Path) -> tuple[int, int]:
    """(right, inputs) by the textbook forward pass over all positions: embed, q, k, v, causal softmax, output,
    unembed."""
    import torch

    state = load(path)
    w = {name.rsplit(".", 1)[-1]: tensor.squeeze(0) if ".attn." in name else tensor for name, tensor in state.items()}
    length, vocabulary = w["W_pos"].shape[0], w["W_E"].shape[0]
    mask = torch.full((length, length), -torch.inf).triu(1)
    right = 0
    with torch.inference_mode():
        for tokens in all_sequences(vocabulary, length):
            residual = w["W_E"][tokens] + w["W_pos"]
            q, k, v = (residual @ w[f"W_{name}"] + w[f"b_{name}"] for name in "QKV")
            scores = q @ k.transpose(1, 2) / q.shape[-1] ** 0.5 + mask
            attended = torch.softmax(scores, dim=-1) @ v
            logits = (residual + attended @ w["W_O"] + w["b_O"]) @ w["W_U"] + w["b_U"]
            right += int((logits[:, -1].argmax(-1) == tokens.max(-1).values).sum())
    return right, vocabulary**length


def last_forward_accuracy(path: str | Path) -> tuple[int, int]:
    """(right, inputs) computing the last position only."""
    return float32_accuracy(load(path), BATCH)


PEERS = {"full": full_forward_accuracy, "last": last_forward_accuracy}

if __name__ == "__main__":
    import torch

    torch.set_num_threads(THREADS)
    print(*PEERS[sys.argv[1]](sys.argv[2]))

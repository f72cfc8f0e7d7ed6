"""What the replays share: a network in one float type, and what a run of a verifier leaves behind."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor


@dataclass(frozen=True)
class FloatNetwork:
    """Weights of a one-layer, one-head network in one float type; ``scale`` is sqrt(d_head) in it."""

    W_E: Tensor
    W_pos: Tensor
    W_Q: Tensor
    W_K: Tensor
    W_V: Tensor
    W_O: Tensor
    W_U: Tensor

    @staticmethod
    def of(weights: Mapping[str, Tensor], dtype: torch.dtype) -> FloatNetwork:
        """Singleton head axes are dropped; the published networks have no biases."""
        names = ("W_E", "W_pos", "W_Q", "W_K", "W_V", "W_O", "W_U")
        shaped = {name: weights[name].reshape(weights[name].shape[-2:]).to(dtype) for name in names}
        return FloatNetwork(**shaped)

    @property
    def d_vocab(self) -> int:
        return self.W_E.shape[0]

    @property
    def n_ctx(self) -> int:
        return self.W_pos.shape[0]

    @property
    def scale(self) -> Tensor:
        return torch.tensor(self.W_Q.shape[1], dtype=self.W_E.dtype).sqrt()

    @property
    def last(self) -> Tensor:
        """X_q: what stands at the last position, by query."""
        return self.W_E + self.W_pos[-1]

    @property
    def mean_position(self) -> Tensor:
        """X_k: what stands at a mean position, by token."""
        return self.W_E + self.W_pos.mean(dim=0)

    def values(self) -> dict[str, Tensor]:
        """EVOU and PVOU: what attention to a token, and to a position, adds to the logits."""
        across = self.W_V @ self.W_O @ self.W_U
        return {"EVOU": self.W_E @ across, "PVOU": self.W_pos @ across}


class Run(Protocol):
    """What every replay returns: all intermediate values by name, and L, the largest wrong logit, by cell.

    L is not a number where nothing is claimed; ``certified`` says which cells are, and ``count`` how many sequences
    the published count makes of that.  ``claims`` gives, for sequences (n × K tokens), the largest wrong logit that
    the run claims for each; not a number where it claims none.
    """

    @property
    def steps(self) -> dict[str, Tensor]: ...

    @property
    def worst(self) -> Tensor: ...

    @property
    def certified(self) -> Tensor: ...

    def count(self) -> int: ...

    def claims(self, tokens: Tensor) -> Tensor: ...

"""The float32 network that is trained: its initial weights, its logits, its loss.

One attention-only layer, one head, no normalisation, read at the last position. The tensors carry the
names and shapes of TransformerLens, so that the files load there too.

Only what the last position needs is computed, and nothing of size d x d for each token: with
x_p = W_E[t_p] + W_pos[p] and q = x_{K-1} W_Q + b_Q,

    score_p = (q W_K^T) . x_p / sqrt(h) + constant        sum_p a_p (x_p W_V + b_V) = (sum_p a_p x_p) W_V + b_V

because the attention a sums to one; the constant q . b_K / sqrt(h) does not move a softmax.
"""

from __future__ import annotations

import math
from types import ModuleType
from typing import TYPE_CHECKING, TypeAlias

from .errors import TorchMissing
from .recipe import Recipe

if TYPE_CHECKING:
    from torch import Tensor

State: TypeAlias = "dict[str, Tensor]"
"""The tensors of a network by their TransformerLens names."""


def require_torch() -> ModuleType:
    """The torch module; :class:`TorchMissing` where it is not installed."""
    try:
        import torch
    except ModuleNotFoundError as error:
        raise TorchMissing() from error
    return torch


def shapes(recipe: Recipe) -> dict[str, tuple[int, ...]]:
    """Name -> shape of every tensor, in the order in which TransformerLens 2 creates (and draws) them.

    >>> shapes(Recipe(n_ctx=3, d_vocab=5, d_model=4, d_head=2))["blocks.0.attn.W_O"]
    (1, 2, 4)
    """
    K, V, d, h = recipe.n_ctx, recipe.d_vocab, recipe.d_model, recipe.head_width
    return {
        "embed.W_E": (V, d),
        "pos_embed.W_pos": (K, d),
        "blocks.0.attn.W_Q": (1, d, h),
        "blocks.0.attn.W_O": (1, h, d),
        "blocks.0.attn.b_Q": (1, h),
        "blocks.0.attn.b_O": (d,),
        "blocks.0.attn.W_K": (1, d, h),
        "blocks.0.attn.W_V": (1, d, h),
        "blocks.0.attn.b_K": (1, h),
        "blocks.0.attn.b_V": (1, h),
        "unembed.W_U": (d, V),
        "unembed.b_U": (V,),
    }


def is_weight(name: str) -> bool:
    """Whether the tensor is drawn and trained (W_...) rather than a bias that stays zero (b_...)."""
    return name.rpartition(".")[2].startswith("W_")


def initial_state(recipe: Recipe) -> State:
    """Every W_* drawn from N(0, (0.8/sqrt(d_model))^2), every bias zero; float32."""
    torch = require_torch()
    generator = torch.Generator().manual_seed(recipe.model_seed)
    state = {name: torch.zeros(shape) for name, shape in shapes(recipe).items()}
    for name, tensor in state.items():
        if is_weight(name):
            tensor.normal_(0.0, 0.8 / math.sqrt(recipe.d_model), generator=generator)
    return state


def logits(state: State, tokens: Tensor) -> Tensor:
    """The logits at the last position, [batch, V], of sequences ``tokens`` [batch, K]."""
    W_E, W_pos, W_U, b_U = (state[name] for name in ("embed.W_E", "pos_embed.W_pos", "unembed.W_U", "unembed.b_U"))
    W_Q, W_K, W_V, W_O = (state[f"blocks.0.attn.W_{x}"][0] for x in "QKVO")
    b_Q, b_V = (state[f"blocks.0.attn.b_{x}"][0] for x in "QV")
    b_O = state["blocks.0.attn.b_O"]

    x = W_E[tokens] + W_pos
    last = x[:, -1]
    query = (last @ W_Q + b_Q) / math.sqrt(W_Q.shape[1])
    attention = (x @ (query @ W_K.T).unsqueeze(2)).squeeze(2).softmax(1)
    seen = (attention.unsqueeze(1) @ x).squeeze(1)
    return (last + (seen @ W_V + b_V) @ W_O + b_O) @ W_U + b_U


def loss(logits: Tensor, tokens: Tensor) -> Tensor:
    """Mean over the batch of -log softmax(logits)[largest token], a scalar.

    The log-softmax takes its largest term out of the sum and uses log1p for the rest: near a perfect
    network that keeps the digits which log(1 + small) loses.
    """
    top = logits.argmax(1, keepdim=True)
    centred = logits - logits.gather(1, top)
    rest = centred.exp().scatter(1, top, 0.0).sum(1, keepdim=True)
    right = tokens.amax(1, keepdim=True)
    return (rest.log1p() - centred.gather(1, right)).mean()

"""The training loop: AdamW on fresh uniform sequences, with copies of the weights at chosen steps."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from math import prod
from typing import TYPE_CHECKING

from ..weights.tensor import MAX_NUMBERS
from .errors import BadRecipe, TrainingDiverged
from .network import State, initial_state, is_weight, logits, loss, require_torch, shapes
from .recipe import Recipe

if TYPE_CHECKING:
    from torch import Tensor


def batches(recipe: Recipe) -> Iterator[Tensor]:
    """The training sequences, ``recipe.steps`` batches [batch, K] of i.i.d. uniform tokens.

    One draw for a batch reads the generator exactly as the published one-sequence draws do.
    """
    torch = require_torch()
    generator = torch.Generator().manual_seed(recipe.train_seed)
    for _ in range(recipe.steps):
        yield torch.randint(0, recipe.d_vocab, (recipe.batch, recipe.n_ctx), generator=generator)


def train(
    recipe: Recipe,
    checkpoints: Collection[int] = (),
    on_step: Callable[[int, float], object] | None = None,
) -> dict[int, State]:
    """Train from scratch on the CPU in float32; step -> weights after that many updates.

    The last step is always among the answers, step 0 (the initial weights) when asked for.
    ``on_step(step, loss)`` is called after each update, with the loss before it. One machine and torch
    version give the same bits every time (one thread is used, whatever torch is set to); other ones
    agree only to rounding, which training amplifies.

    Raises :class:`TorchMissing`, :class:`BadRecipe` for a checkpoint outside 0 ... steps and for a network that no
    proof could read from its file, and :class:`TrainingDiverged` when the weights to return are not finite.
    """
    for checkpoint in checkpoints:
        if not 0 <= checkpoint <= recipe.steps:
            raise BadRecipe("checkpoint", f"in 0 ... {recipe.steps}", repr(checkpoint))
    numbers = sum(map(prod, shapes(recipe).values()))
    if numbers > MAX_NUMBERS:
        raise BadRecipe(
            "size", f"at most {MAX_NUMBERS} numbers in all tensors, which is what proofs read", str(numbers)
        )
    torch = require_torch()
    wanted = {*checkpoints, recipe.steps}
    state = initial_state(recipe)
    taken = {0: _copy(state, 0)} if 0 in wanted else {}
    trained = [tensor.requires_grad_() for name, tensor in state.items() if is_weight(name)]
    optimizer = torch.optim.AdamW(
        trained, lr=recipe.lr, betas=recipe.betas, eps=recipe.eps, weight_decay=recipe.weight_decay
    )
    threads, precision = torch.get_num_threads(), torch.get_float32_matmul_precision()
    torch.set_num_threads(1)
    torch.set_float32_matmul_precision("highest")
    try:
        for step, tokens in enumerate(batches(recipe), start=1):
            value = loss(logits(state, tokens), tokens)
            optimizer.zero_grad()
            value.backward()
            optimizer.step()
            if step in wanted:
                taken[step] = _copy(state, step)
            if on_step is not None:
                on_step(step, value.item())
    finally:
        torch.set_num_threads(threads)
        torch.set_float32_matmul_precision(precision)
    return taken


def _copy(state: State, step: int) -> State:
    for name, tensor in state.items():
        if not tensor.isfinite().all():
            raise TrainingDiverged(name, step)
    return {name: tensor.detach().clone() for name, tensor in state.items()}

"""Two layers of attention without norms or biases, trained on the task ``induction``: float32.

The recipe is that of xocelyk/induction-heads-compact-proofs (AdamW on fresh inputs, warm-up, a linear decay at the
end).  ``heads`` is the number of heads of layer 1; layer 2 has one.  Tensors carry the names of TransformerLens; the
network file that is written beside them says the rest.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ...engine.files import atomic_write
from .errors import BadRecipe
from .network import State, require_torch
from .recipe import reseed
from .storage import write_state

if TYPE_CHECKING:
    from torch import Tensor

WARM_UP = 100  # steps
DECAY = 0.4  # the share of the steps in which the learning rate falls to LAST of itself
LAST = 0.02


@dataclass(frozen=True)
class InductionRecipe:
    """``n_ctx`` tokens of which all but the last differ; the last repeats one of the first n_ctx - 2.

    Raises :class:`~.errors.BadRecipe` where a number is out of range.

    >>> InductionRecipe(n_ctx=8, d_vocab=16, seed=2).name, InductionRecipe(heads=2).name
    ('induction_8_v16_d32_seed2', 'induction_6_v16_d32_2_heads_seed0')
    """

    n_ctx: int = 6
    d_vocab: int = 16
    d_model: int = 32
    d_head: int = 16
    heads: int = 1
    seed: int = 0
    steps: int = 6000
    batch: int = 256
    lr: float = 3e-3
    betas: tuple[float, float] = (0.9, 0.98)
    weight_decay: float = 1e-4

    def __post_init__(self) -> None:
        for field, least in {"n_ctx": 3, "d_model": 1, "d_head": 1, "heads": 1, "batch": 1, "steps": 0}.items():
            if getattr(self, field) < least:
                raise BadRecipe(field, f"at least {least}", repr(getattr(self, field)))
        if self.d_vocab < self.n_ctx - 1:
            raise BadRecipe("d_vocab", f"at least {self.n_ctx - 1}, as the tokens differ", repr(self.d_vocab))

    @property
    def name(self) -> str:
        """The file name, without suffix, by which networks of this recipe go."""
        heads = "" if self.heads == 1 else f"_{self.heads}_heads"
        return f"induction_{self.n_ctx}_v{self.d_vocab}_d{self.d_model}{heads}_seed{self.seed}"

    def as_json(self) -> dict[str, object]:
        """The recipe as a JSON object."""
        return asdict(self) | {"betas": list(self.betas), "task": "induction"}

    def rate(self, step: int) -> float:
        """The learning rate of a step as a share of ``lr``."""
        falls = self.steps * DECAY
        late = 1.0 if step < self.steps - falls else max(LAST, (self.steps - step) / falls)
        return min(1.0, (step + 1) / WARM_UP) * late


def shapes(recipe: InductionRecipe) -> dict[str, tuple[int, ...]]:
    """Name -> shape of every tensor, in the order in which they are drawn.

    >>> shapes(InductionRecipe(heads=2))["blocks.0.attn.W_O"]
    (2, 16, 32)
    """
    n, V, d, e = recipe.n_ctx, recipe.d_vocab, recipe.d_model, recipe.d_head
    found: dict[str, tuple[int, ...]] = {"embed.W_E": (V, d), "pos_embed.W_pos": (n, d)}
    for layer, heads in enumerate((recipe.heads, 1)):
        found |= {f"blocks.{layer}.attn.W_{x}": (heads, d, e) for x in "QKV"}
        found[f"blocks.{layer}.attn.W_O"] = (heads, e, d)
    return found | {"unembed.W_U": (d, V)}


def logits(recipe: InductionRecipe, state: State, tokens: Tensor) -> Tensor:
    """The logits at the last position, [batch, V]."""
    torch = require_torch()
    x = state["embed.W_E"][tokens] + state["pos_embed.W_pos"]
    later = torch.ones(recipe.n_ctx, recipe.n_ctx, dtype=torch.bool).triu(1)
    for layer, mask in enumerate((later, later[-1:])):
        own = x if layer == 0 else x[:, -1:]
        W_Q, W_K, W_V, W_O = (state[f"blocks.{layer}.attn.W_{name}"] for name in "QKVO")
        query, key, value = (torch.einsum("bpd,hde->bhpe", rows, W) for rows, W in ((own, W_Q), (x, W_K), (x, W_V)))
        scores = query @ key.transpose(2, 3) / math.sqrt(recipe.d_head)
        mixed = scores.masked_fill(mask, -math.inf).softmax(-1) @ value
        x = own + torch.einsum("bhpe,hed->bpd", mixed, W_O)
    return x[:, -1] @ state["unembed.W_U"]


def batch(recipe: InductionRecipe, generator: object) -> tuple[Tensor, Tensor]:
    """Inputs of the task, [batch, n_ctx], and the right answers, [batch]."""
    torch = require_torch()
    drawn = torch.rand((recipe.batch, recipe.d_vocab), generator=generator)
    tokens = drawn.argsort(1)[:, : recipe.n_ctx - 1]
    earlier = torch.randint(0, recipe.n_ctx - 2, (recipe.batch, 1), generator=generator)
    return torch.cat([tokens, tokens.gather(1, earlier)], 1), tokens.gather(1, earlier + 1)[:, 0]


def train_induction(
    recipe: InductionRecipe,
    checkpoints: Collection[int] = (),
    on_step: Callable[[int, float], object] | None = None,
) -> dict[int, State]:
    """Step -> weights after that many updates, the last always; on one thread of the CPU.

    Raises :class:`~.errors.TorchMissing`, and BadRecipe for a checkpoint outside of 0 ... steps.
    """
    for checkpoint in checkpoints:
        if not 0 <= checkpoint <= recipe.steps:
            raise BadRecipe("checkpoint", f"in 0 ... {recipe.steps}", repr(checkpoint))
    torch = require_torch()
    drawn = torch.Generator().manual_seed(reseed(recipe.seed, "model"))
    state: State = {}
    for name, shape in shapes(recipe).items():
        width = recipe.d_model if name.endswith(("W_E", "W_pos")) else shape[-2]
        state[name] = (torch.randn(shape, generator=drawn) / math.sqrt(width)).requires_grad_()
    optimizer = torch.optim.AdamW(state.values(), lr=recipe.lr, betas=recipe.betas, weight_decay=recipe.weight_decay)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, recipe.rate)
    wanted, taken = {*checkpoints, recipe.steps}, dict[int, State]()
    generator = torch.Generator().manual_seed(reseed(recipe.seed, "train"))
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        for step in range(recipe.steps + 1):
            if step in wanted:
                taken[step] = {name: tensor.detach().clone() for name, tensor in state.items()}
            if step == recipe.steps:
                break
            tokens, right = batch(recipe, generator)
            value = torch.nn.functional.cross_entropy(logits(recipe, state, tokens), right)
            optimizer.zero_grad()
            value.backward()
            optimizer.step()
            schedule.step()
            if on_step is not None:
                on_step(step + 1, value.item())
    finally:
        torch.set_num_threads(threads)
    return taken


def save_induction(recipe: InductionRecipe, state: State, folder: Path, step: int | None = None) -> Path:
    """Write weights and network file into ``folder``; returns the network file."""
    name = recipe.name if step in (None, recipe.steps) else f"{recipe.name}_step{step}"
    weights, network = folder / f"{name}.safetensors", folder / f"{name}.toml"
    write_state(state, weights, recipe.as_json() | {"taken_at_step": recipe.steps if step is None else step})
    atomic_write(network, network_file(recipe, weights.name).encode())
    return network


def network_file(recipe: InductionRecipe, weights: str) -> str:
    """The network file of these weights (docs/your_network.md)."""
    lines = ["# Trained with mechproof for the task induction.", f'weights = "{weights}"', ""]
    lines += ["[[layer]]", 'kind = "embed"', 'E = "embed.W_E"', 'P = "pos_embed.W_pos"', ""]
    for layer in range(2):
        lines += ["[[layer]]", 'kind = "attention"', f'scale = "1/sqrt({recipe.d_head})"']
        lines += [*(f'W_{x} = "blocks.{layer}.attn.W_{x}"' for x in "QKVO"), ""]
    return "\n".join([*lines, "[[layer]]", 'kind = "unembed"', 'W_U = "unembed.W_U"']) + "\n"

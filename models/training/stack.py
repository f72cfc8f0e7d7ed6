"""Small stacks of other layers, trained in float32: several heads, an MLP, LayerNorms, a bilinear layer.

They are what theorems about any small network are tried on.  Tensors carry the names of TransformerLens; what those do
not say stands in the network file that :func:`save_stack` writes beside them.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ...engine.files import atomic_write
from .network import State, require_torch
from .recipe import reseed
from .storage import write_state

if TYPE_CHECKING:
    from torch import Tensor

EPSILON = 1e-5


@dataclass(frozen=True)
class StackRecipe:
    """One layer of attention with ``heads`` heads (0: the positions are added up), then an MLP of ``d_mlp`` (0: none).

    ``act`` is relu, gelu, or identity for a bilinear layer; ``norm``: LayerNorms before attention, MLP and unembedding;
    ``modulus``: the task is t_0 + t_1 mod it, of 0 the maximum of the tokens.
    """

    name: str
    n_ctx: int = 3
    d_vocab: int = 64
    d_model: int = 32
    heads: int = 1
    d_mlp: int = 0
    act: str = ""
    norm: bool = False
    modulus: int = 0
    seed: int = 123
    steps: int = 4000
    batch: int = 256
    lr: float = 1e-3
    weight_decay: float = 0.01

    @property
    def d_head(self) -> int:
        return self.d_model // self.heads

    @property
    def bilinear(self) -> bool:
        return self.act == "identity"

    @property
    def task(self) -> str:
        """The task's name for ``--task``."""
        return f"modular-addition:{self.modulus}" if self.modulus else "max-of-k"

    def as_json(self) -> dict[str, object]:
        """The recipe as a JSON object."""
        return asdict(self)


def stack_shapes(recipe: StackRecipe) -> dict[str, tuple[int, ...]]:
    """Name -> shape of every tensor, in the order in which they are drawn."""
    n, V, d, H, k = recipe.n_ctx, recipe.d_vocab, recipe.d_model, recipe.heads, recipe.d_mlp
    shapes: dict[str, tuple[int, ...]] = {"embed.W_E": (V, d), "pos_embed.W_pos": (n, d)}
    if H:
        e = recipe.d_head
        shapes |= {f"blocks.0.attn.W_{x}": (H, d, e) for x in "QKV"} | {"blocks.0.attn.W_O": (H, e, d)}
        shapes |= {f"blocks.0.attn.b_{x}": (H, e) for x in "QKV"} | {"blocks.0.attn.b_O": (d,)}
    if k:
        shapes |= {"blocks.0.mlp.W_in": (d, k), "blocks.0.mlp.W_out": (k, d)}
        if recipe.bilinear:
            shapes["blocks.0.mlp.W_gate"] = (d, k)
        else:
            shapes |= {"blocks.0.mlp.b_in": (k,), "blocks.0.mlp.b_out": (d,)}
    for part in _norms(recipe):
        shapes |= {f"{part}.w": (d,), f"{part}.b": (d,)}
    return shapes | {"unembed.W_U": (d, V), "unembed.b_U": (V,)}


def _norms(recipe: StackRecipe) -> list[str]:
    if not recipe.norm:
        return []
    return [*(["blocks.0.ln1"] if recipe.heads else []), *(["blocks.0.ln2"] if recipe.d_mlp else []), "ln_final"]


def stack_logits(recipe: StackRecipe, state: State, tokens: Tensor) -> Tensor:
    """The logits at the last position, [batch, V], in float32."""
    torch = require_torch()

    def normed(part: str, x: Tensor) -> Tensor:
        if not recipe.norm:
            return x
        return torch.nn.functional.layer_norm(x, x.shape[-1:], state[f"{part}.w"], state[f"{part}.b"], EPSILON)

    x = state["embed.W_E"][tokens] + state["pos_embed.W_pos"]
    if recipe.heads:
        q, k, v = (
            torch.einsum("bpd,hde->bhpe", y, state[f"blocks.0.attn.W_{name}"])
            + state[f"blocks.0.attn.b_{name}"][:, None]
            for y in (normed("blocks.0.ln1", x),)
            for name in "QKV"
        )
        scores = (q[:, :, -1:] @ k.transpose(2, 3)) / math.sqrt(recipe.d_head)
        mixed = (scores.softmax(-1) @ v)[:, :, 0]
        last = x[:, -1] + torch.einsum("bhe,hed->bd", mixed, state["blocks.0.attn.W_O"]) + state["blocks.0.attn.b_O"]
    else:
        last = x.sum(1)
    if recipe.d_mlp:
        y = normed("blocks.0.ln2", last)
        inner = y @ state["blocks.0.mlp.W_in"]
        if recipe.bilinear:
            last = (y @ state["blocks.0.mlp.W_gate"] * inner) @ state["blocks.0.mlp.W_out"]
        else:
            act: Callable[[Tensor], Tensor] = getattr(torch.nn.functional, recipe.act)
            last = last + act(inner + state["blocks.0.mlp.b_in"]) @ state["blocks.0.mlp.W_out"]
            last = last + state["blocks.0.mlp.b_out"]
    return normed("ln_final", last) @ state["unembed.W_U"] + state["unembed.b_U"]


def train_stack(recipe: StackRecipe) -> State:
    """Train from scratch on one thread of the CPU; one machine and torch version give the same bits every time."""
    torch = require_torch()
    generator = torch.Generator().manual_seed(reseed(recipe.seed, "model"))
    state: State = {}
    for name, shape in stack_shapes(recipe).items():
        state[name] = torch.zeros(shape)
        if ".W_" in name:
            state[name].normal_(0.0, 0.8 / math.sqrt(recipe.d_model), generator=generator)
        elif name.endswith(".w"):
            state[name] += 1
    for tensor in state.values():
        tensor.requires_grad_()
    optimizer = torch.optim.AdamW(state.values(), lr=recipe.lr, weight_decay=recipe.weight_decay)
    drawn = torch.Generator().manual_seed(reseed(recipe.seed, "train"))
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        for _ in range(recipe.steps):
            tokens = torch.randint(0, recipe.d_vocab, (recipe.batch, recipe.n_ctx), generator=drawn)
            right = tokens.sum(1) % recipe.modulus if recipe.modulus else tokens.amax(1)
            value = torch.nn.functional.cross_entropy(stack_logits(recipe, state, tokens), right)
            optimizer.zero_grad()
            value.backward()
            optimizer.step()
    finally:
        torch.set_num_threads(threads)
    return {name: tensor.detach() for name, tensor in state.items()}


def save_stack(recipe: StackRecipe, state: State, folder: Path) -> Path:
    """Write weights and network file into ``folder``; returns the network file."""
    weights = folder / f"{recipe.name}.safetensors"
    write_state(state, weights, recipe.as_json())
    network = folder / f"{recipe.name}.toml"
    atomic_write(network, network_file(recipe, weights.name).encode())
    return network


def network_file(recipe: StackRecipe, weights: str) -> str:
    """The network file of these weights (docs/your_network.md)."""

    def norm(part: str) -> list[str]:
        if not recipe.norm:
            return []
        return [f'norm = {{ function = "layernorm", epsilon = {EPSILON}, w = "{part}.w", b = "{part}.b" }}']

    def tensors(part: str, names: list[str]) -> list[str]:
        return [f'{name} = "{part}.{name}"' for name in names]

    lines = [f"# Trained with mechproof for the task {recipe.task}.", f'weights = "{weights}"', ""]
    lines += ["[[layer]]", 'kind = "embed"', 'E = "embed.W_E"', 'P = "pos_embed.W_pos"', ""]
    if recipe.heads:
        lines += ["[[layer]]", 'kind = "attention"', f'scale = "1/sqrt({recipe.d_head})"', *norm("blocks.0.ln1")]
        lines += [*tensors("blocks.0.attn", [f"{kind}_{x}" for kind in "Wb" for x in "QKVO"]), ""]
    else:
        lines += ["[[layer]]", 'kind = "sum"', ""]
    if recipe.d_mlp:
        names = ["W_in", "W_out", *(["W_gate"] if recipe.bilinear else ["b_in", "b_out"])]
        skip = ['skip = "none"'] if recipe.bilinear else []
        lines += ["[[layer]]", 'kind = "mlp"', f'function = "{recipe.act}"', *skip, *norm("blocks.0.ln2")]
        lines += [*tensors("blocks.0.mlp", names), ""]
    lines += ["[[layer]]", 'kind = "unembed"', *norm("ln_final"), *tensors("unembed", ["W_U", "b_U"])]
    return "\n".join(lines) + "\n"

"""The command ``train``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ...engine.files import make_folder
from ...engine.terminal import progress_bars


def train_command(
    out: Annotated[Path, typer.Option(help="Folder for the weights.")] = Path(),
    task: Annotated[str, typer.Option(help="max-of-k, or induction (two layers of attention).")] = "max-of-k",
    k: Annotated[int, typer.Option("--k", help="Sequence length K.")] = 4,
    d_vocab: Annotated[int, typer.Option("--vocab", help="Number of tokens V.")] = 64,
    d_model: Annotated[int, typer.Option("--d-model", help="Width of the residual stream.")] = 32,
    d_head: Annotated[
        int | None, typer.Option("--d-head", help="Width of a head (default: d-model; induction: half of it).")
    ] = None,
    heads: Annotated[int, typer.Option("--heads", help="Heads (induction: of layer 1).")] = 1,
    d_mlp: Annotated[int, typer.Option("--mlp", help="max-of-k: width of an MLP behind the attention.")] = 0,
    act: Annotated[str, typer.Option("--act", help="relu or gelu, of the MLP.")] = "relu",
    norm: Annotated[bool, typer.Option("--norm", help="max-of-k: LayerNorms before layers and unembedding.")] = False,
    seed: Annotated[int, typer.Option(help="Seed of initial weights and data.")] = 123,
    steps: Annotated[
        int | None, typer.Option(help="Steps of AdamW (default: 3000; induction: 6000).", show_default=False)
    ] = None,
    single: Annotated[
        list[int] | None, typer.Option("--checkpoint", help="Also save after this step (repeatable).")
    ] = None,
    several: Annotated[str, typer.Option("--checkpoints", metavar="N,N,…", help="Also save after these steps.")] = "",
    every: Annotated[
        int | None, typer.Option("--checkpoint-every", min=1, help="Also save at the start and every so many steps.")
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", help="No progress bar.")] = False,
) -> None:
    """Train a network on max-of-K or induction (needs torch); one layer with one head by the published recipe."""
    from . import Recipe, save, train
    from .induction import InductionRecipe, save_induction, train_induction

    if task == "max-of-k" and (heads > 1 or d_mlp or norm):
        from .stack import StackRecipe, save_stack, train_stack

        if act not in ("relu", "gelu") or single or several or every or d_model % heads:
            expected = "heads that divide the width, relu or gelu, and no checkpoints"
            raise typer.BadParameter(f"for several heads, an MLP or norms: expected {expected}")
        parts = {f"h{heads}": heads > 1, act: d_mlp > 0, "norm": norm}
        name = "_".join([f"max_of_{k}", *(part for part, there in parts.items() if there)])
        act, steps = act if d_mlp else "", StackRecipe(name).steps if steps is None else steps
        stack = StackRecipe(name, k, d_vocab, d_model, heads, d_mlp, act, norm, seed=seed, steps=steps)
        make_folder(out)
        typer.echo(str(save_stack(stack, train_stack(stack), out)))
        return
    recipe: Recipe | InductionRecipe
    if task == "induction":
        recipe = InductionRecipe(
            k, d_vocab, d_model, d_head or d_model // 2, heads, seed, 6000 if steps is None else steps
        )
    elif task == "max-of-k" and heads == 1:
        steps = 3000 if steps is None else steps
        recipe = Recipe(n_ctx=k, d_vocab=d_vocab, d_model=d_model, d_head=d_head, seed=seed, steps=steps)
    else:
        raise typer.BadParameter(
            "expected max-of-k, with one head, or induction", param_hint="--heads" if heads > 1 else "--task"
        )
    every_so_many = range(0, recipe.steps, every) if every else ()
    wanted = sorted({*(single or ()), *_steps(several), *every_so_many})
    with progress_bars(quiet) as report:

        def told(step: int, _: float) -> None:
            report("training", step, recipe.steps)

        states = train(recipe, wanted, told) if isinstance(recipe, Recipe) else train_induction(recipe, wanted, told)
    make_folder(out)
    for step, state in states.items():
        if isinstance(recipe, Recipe):
            name = recipe.name if step == recipe.steps else f"{recipe.name}_step{step}"
            path = out / f"{name}.safetensors"
            save(state, path, recipe, step)
        else:
            path = save_induction(recipe, state, out, step)
        typer.echo(str(path))


def _steps(text: str) -> list[int]:
    """Training steps, as in 0,100,200; none for an empty text."""
    parts = text.split(",") if text else []
    if not all(part.isascii() and part.isdigit() and len(part) < 19 for part in parts):
        raise typer.BadParameter("expected training steps such as 0,100,200", param_hint="--checkpoints")
    return list(map(int, parts))

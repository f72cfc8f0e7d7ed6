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
    heads: Annotated[int, typer.Option("--heads", help="Heads of layer 1, for induction.")] = 1,
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
    """Train a network on max-of-K or induction by the published recipe (needs torch)."""
    from . import Recipe, save, train
    from .induction import InductionRecipe, save_induction, train_induction

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

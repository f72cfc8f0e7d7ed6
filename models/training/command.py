"""The command ``train``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ...engine.files import make_folder
from ...engine.terminal import progress_bars


def train_command(
    out: Annotated[Path, typer.Option(help="Folder for the weights.")] = Path(),
    k: Annotated[int, typer.Option("--k", help="Sequence length K.")] = 4,
    d_vocab: Annotated[int, typer.Option("--vocab", help="Number of tokens V.")] = 64,
    d_model: Annotated[int, typer.Option("--d-model", help="Width of the residual stream.")] = 32,
    d_head: Annotated[int | None, typer.Option("--d-head", help="Width of the head (default: d-model).")] = None,
    seed: Annotated[int, typer.Option(help="Seed of initial weights and data.")] = 123,
    steps: Annotated[int, typer.Option(help="Steps of AdamW.")] = 3000,
    single: Annotated[
        list[int] | None, typer.Option("--checkpoint", help="Also save after this step (repeatable).")
    ] = None,
    several: Annotated[str, typer.Option("--checkpoints", metavar="N,N,…", help="Also save after these steps.")] = "",
    every: Annotated[
        int | None, typer.Option("--checkpoint-every", min=1, help="Also save at the start and every so many steps.")
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", help="No progress bar.")] = False,
) -> None:
    """Train a max-of-K network by the published recipe (needs torch)."""
    from . import Recipe, save, train

    recipe = Recipe(n_ctx=k, d_vocab=d_vocab, d_model=d_model, d_head=d_head, seed=seed, steps=steps)
    wanted = {*(single or ()), *_steps(several), *(range(0, steps, every) if every else ())}
    with progress_bars(quiet) as report:
        states = train(recipe, sorted(wanted), on_step=lambda step, _: report("training", step, steps))
    make_folder(out)
    for step, state in states.items():
        path = out / (f"{recipe.name}.safetensors" if step == steps else f"{recipe.name}_step{step}.safetensors")
        save(state, path, recipe, step)
        typer.echo(str(path))


def _steps(text: str) -> list[int]:
    """Training steps, as in 0,100,200; none for an empty text."""
    parts = text.split(",") if text else []
    if not all(part.isascii() and part.isdigit() and len(part) < 19 for part in parts):
        raise typer.BadParameter("expected training steps such as 0,100,200", param_hint="--checkpoints")
    return list(map(int, parts))

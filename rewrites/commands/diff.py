"""The command ``diff``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from ...engine.terminal import progress_bars
from ...models import DEFAULT_TASK
from .options import AsJson, Config, Quiet, StrategyName, Task, strategy_names


def diff_command(
    first: Annotated[Path, typer.Argument(metavar="A", help="Weights, or a network file.")],
    second: Annotated[Path, typer.Argument(metavar="B", help="The same; A again for two strategies.")],
    task: Task = DEFAULT_TASK,
    strategy: StrategyName = None,
    other: Annotated[
        str | None,
        typer.Option(
            "--strategy-b", metavar="NAME", help="How B is proved (default: as A).", autocompletion=strategy_names
        ),
    ] = None,
    config: Config = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Prove two networks, or one by two strategies, and say what differs: claims, numbers, lemmas, the bound."""
    from ...models.problem import statement_of
    from ..proof import prove
    from ..proof_difference import difference

    with progress_bars(quiet) as report:
        proofs = [
            prove(statement_of(path, task, config), path.name, name, progress=report)
            for path, name in ((first, strategy), (second, other or strategy))
        ]
    found = difference(*proofs)
    typer.echo(json.dumps(found.as_json()) if as_json else "\n".join(found.lines()))

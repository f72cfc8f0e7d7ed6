"""The command ``claims``."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from ...engine.files import atomic_write
from ..terminal import progress_bars


def claims_command(
    file: Annotated[Path, typer.Argument(help="Claims: a TOML file, or LaTeX source marked with mechproof.sty.")],
    out: Annotated[
        Path | None, typer.Option(help="Folder for transcript and certificates (default ./mechproof-out/NAME).")
    ] = None,
    values: Annotated[
        Path | None, typer.Option(help="Also write this file of LaTeX macros with the rounded numbers.")
    ] = None,
    instances: Annotated[int, typer.Option(min=1, help="How many instances of a quantifier a claim may take.")] = 1
    << 18,
    sequences: Annotated[int, typer.Option(min=1, help="How many sequences a loss may look at one by one.")] = 20_000,
    budget: Annotated[
        int | None, typer.Option(min=1, metavar="SECONDS", help="Stop searching for an accuracy after this time.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as one JSON object.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="No progress bars.")] = False,
) -> None:
    """Decide claims about weights: PROVED, REFUTED with a witness, or UNDECIDED; exit 0 only if all are proved."""
    from .context import Budget
    from .run import read, run

    stated = read(file)
    with progress_bars(quiet) as report:
        found = run(stated, Budget(instances, sequences), budget, report)
    found.write(out or Path("mechproof-out").joinpath(file.stem))
    if values is not None:
        atomic_write(values, found.values().encode())
    if as_json:
        typer.echo(json.dumps(found.as_json()))
    elif sys.stdout.isatty():
        table = Table("", "claim", "what the weights give")
        for result in found.results:
            table.add_row(*map(Text, (result.verdict.status, result.claim.id, result.verdict.detail)))
        Console().print(table)
    else:
        for result in found.results:
            typer.echo(result.line)
    raise typer.Exit(0 if found.proved else 1)

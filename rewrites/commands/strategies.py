"""The command ``strategies``."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from .options import AsJson


def strategies_command(
    everything: Annotated[
        bool, typer.Option("--all", help="Every configuration of every family, one name a line.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """List the strategies of prove by the names to call them by, with what each gives."""
    from ..strategy_list import entries, families

    if as_json:
        typer.echo(json.dumps({"strategies": [entry.as_json() for entry in entries()]}))
    elif everything:
        found = entries()
        width = max(len(entry.name) for entry in found)
        for entry in found:
            typer.echo(f"{entry.name:{width}}  {entry.gives}")
    else:
        for line in families():
            typer.echo(line)

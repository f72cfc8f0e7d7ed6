"""The command ``zoo``."""

from __future__ import annotations

import typer

from . import names, path, stack, stacks


def zoo_command() -> None:
    """List the networks that ship with mechproof, with their paths."""
    for name in names():
        typer.echo(str(path(name)))
    for name in stacks():
        typer.echo(str(stack(name)))

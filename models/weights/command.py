"""The command ``convert``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def convert_command(
    source: Annotated[Path, typer.Argument(help="Weights: safetensors, npz, or a torch state dict.")],
    destination: Annotated[Path, typer.Argument(help="The safetensors file to write.")],
    config: Annotated[
        Path | None, typer.Option(help="JSON with the configuration of a TransformerBridge, which settles its layout.")
    ] = None,
) -> None:
    """Write weights as safetensors, bit for bit, so that the checker can read them."""
    from .convert import convert

    if destination.suffix != ".safetensors":
        raise typer.BadParameter(f"expected a name in .safetensors, found {destination.name}", param_hint="DESTINATION")
    convert(source, destination, config)
    typer.echo(str(destination))

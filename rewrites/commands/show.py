"""The command ``show``."""

from __future__ import annotations

import typer

from .options import Certificate


def show_command(certificate: Certificate) -> None:
    """Show what a certificate says, step by step.  Showing checks nothing."""
    from ..display import show_certificate

    typer.echo(show_certificate(certificate), nl=False)

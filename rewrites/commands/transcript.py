"""The command ``transcript``."""

from __future__ import annotations

import typer

from ...engine.terminal import progress_bars
from .options import Detail, HowMuch, Weights


def transcript_command(weights: Weights, detail: HowMuch = Detail.appendix) -> None:
    """Prove as by default and print the transcript as Markdown."""
    from ...engine.transcript import markdown
    from ...models.problem import statement_of
    from ..proof import prove

    with progress_bars(False) as report:
        proof = prove(statement_of(weights), weights.name, progress=report)
    typer.echo(markdown(proof.transcript(detail.value)), nl=False)

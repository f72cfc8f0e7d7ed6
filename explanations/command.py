"""The command ``score``."""

from __future__ import annotations

import json
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Annotated

import typer

from ..models import DEFAULT_TASK
from ..rewrites.commands.options import AsJson, Config, Detail, HowMuch, Weights


def score_command(
    explanation: Annotated[Path, typer.Argument(help="The file of sentences (TOML; see docs/score.md).")],
    weights: Weights,
    task: Annotated[
        str | None, typer.Option(help="What the network is for (default: the file's task, or max-of-k).")
    ] = None,
    config: Config = None,
    target: Annotated[
        str | None,
        typer.Option(metavar="P/Q", help="The share of right inputs that is asked for (default: the file's)."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Folder for the transcript and the certificate of what follows (default: none).")
    ] = None,
    detail: HowMuch = Detail.appendix,
    with_waterfall: Annotated[
        bool,
        typer.Option("--waterfall", help="Also show what each lemma and each stated number loses, from the truth on."),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Say which accuracy follows from an explanation's sentences alone, and which sentence costs most.

    Exit code 1 where a sentence is false, or the target does not follow.
    """
    from ..models.problem import statement_of
    from .file import load
    from .score import score

    read = load(explanation)
    if target is not None:
        read = replace(read, target=_share(target))
    found = score(statement_of(weights, task or read.task or DEFAULT_TASK, config), read, weights.name)
    proof = found.proof
    if with_waterfall and proof is not None and found.waterfall is not None:
        proof = replace(proof, notes=(found.waterfall.section(),))
    files = [] if out is None or proof is None else proof.write(out, detail.value)
    if as_json:
        told = found.as_json(with_waterfall=with_waterfall)
        typer.echo(json.dumps(told | {"files": [str(path) for path in files]}))
    else:
        for path in files:
            typer.echo(f"{path.suffix[1:]:>5}  {path}")
        fallen = found.waterfall_lines() if with_waterfall else []
        typer.echo("\n".join([*fallen, *found.lines()]))
    raise typer.Exit(0 if found.true and found.reached else 1)


def _share(text: str) -> Fraction:
    """p/q or a decimal from 0 to 1."""
    if len(text) <= 100 and all(c in "0123456789./" for c in text):
        try:
            if (share := Fraction(text)) <= 1:
                return share
        except (ValueError, ZeroDivisionError):
            pass
    raise typer.BadParameter("expected a share of the inputs such as 0.9 or 4046/4096", param_hint="--target")

"""The command ``lemma test``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

lemma_command = typer.Typer(no_args_is_help=True)


@lemma_command.callback()
def common() -> None:
    """Lemmas in files of your own."""


@lemma_command.command("test")
def lemma_test_command(
    file: Annotated[Path, typer.Argument(help="Python file with Lemma objects and instances(seed); it is executed.")],
    instances: Annotated[int, typer.Option(min=1, max=100_000, help="How many instances to try.")] = 500,
    seed: Annotated[int, typer.Option(help="Seed of the instances.")] = 0,
) -> None:
    """Test lemmas on exact small instances: truth, tightness, and mutants that must be noticed."""
    from ...engine.transcript.plain import plain, plain_formula
    from ..lemma_file import examine_file

    passed = True
    for lemma, report in examine_file(file, instances, seed):
        typer.echo(f"{lemma.label}: {plain(lemma.title)}")
        found = "none is false"
        if report.counterexample is not None:
            values = (f"{plain_formula(name)} = {value}" for name, value in report.counterexample.items())
            found = f"counter-example: {', '.join(values)}"
        typer.echo(f"  {report.instances} instances: {found}")
        typer.echo(f"  tight on one of them: {'yes' if report.attained else 'no'}")
        for mutant in report.mutants:
            word = "noticed" if mutant.killed else "SURVIVED" if mutant.required else "stays true"
            typer.echo(f"  {word:10}  {mutant.change}")
        typer.echo(f"s {'PASSED' if report.passed else 'FAILED'} {lemma.label}")
        passed = passed and report.passed
    raise typer.Exit(0 if passed else 1)

"""The command ``check``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from ...engine.terminal import errors
from ...models import DEFAULT_TASK
from ..check_arguments import CheckArguments
from .options import AsJson, Certificate, Config, Task

check_command = typer.Typer(add_completion=False)


@check_command.command("check", cls=CheckArguments)
def check_certificate_command(
    certificate: Certificate,
    weights: Annotated[Path, typer.Option(help="Your own copy of the weights (safetensors, npz, or a network file).")],
    task: Task = DEFAULT_TASK,
    config: Config = None,
    jobs: Annotated[int, typer.Option(min=1, help="Number of processes.")] = 1,
    rule_checks: Annotated[
        list[Path] | None,
        typer.Option("--rule-check", help="Python file with your own check of a rule that is not built in; executed."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Re-check a certificate against your own weights, with the independent checker."""
    from ...engine.checker import check
    from ..check_file import load_checks

    with errors.status("checking"):
        own = [rule for path in rule_checks or () for rule in load_checks(path)]
        verdict = check(certificate, weights, task=task, jobs=jobs, own_rules=own, config=config)
    typer.echo(json.dumps(verdict.as_json()) if as_json else verdict.text.rstrip("\n"))
    raise typer.Exit(verdict.exit_code)

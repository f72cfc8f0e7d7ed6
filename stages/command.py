"""The command ``stages``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from ..engine.files import atomic_write, make_folder
from ..engine.terminal import errors, progress_bars
from ..rewrites.advice.allowance import command_allowance
from ..rewrites.commands.options import Memory


def stages_command(
    checkpoints: Annotated[list[Path], typer.Argument(help="Checkpoints of one training run, or a folder of them.")],
    subcubic: Annotated[str, typer.Option("--strategy", help="The sub-cubic proof.")] = "subcubic/exact/chord/EQKE",
    budget: Annotated[
        int | None, typer.Option(min=1, metavar="SECONDS", help="For all checkpoints; those not reached are left out.")
    ] = None,
    memory: Memory = None,
    transfer: Annotated[bool, typer.Option("--transfer", help="Also count by the checkpoint before alone.")] = False,
    out: Annotated[
        Path | None,
        typer.Option(
            help="Folder for stages.csv and the figure (default: one in ./mechproof-out, named after options and "
            "checkpoints)."
        ),
    ] = None,
    figure: Annotated[bool, typer.Option(help="Draw stages.svg and stages.png (needs matplotlib).")] = True,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as one JSON object.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="No progress bars.")] = False,
) -> None:
    """Prove bounds of every checkpoint, and try the proofs of each on the next."""
    from ..engine.digest import digest
    from ..rewrites.folder import folder_of
    from . import reporting
    from .checkpoints import read
    from .measuring import measure

    with command_allowance(budget, memory):
        run = read(checkpoints)
        with progress_bars(quiet) as report:
            stages = measure(run, subcubic, budget, report, transfer=transfer)
    if len(stages) < len(run):
        errors.print(f"the budget ended after {len(stages)} of {len(run)} checkpoints", soft_wrap=True)
    words = [
        subcubic.replace("/", "."),
        *(["transfer"] if transfer else []),
        *([f"seconds={budget}"] if budget else []),
    ]
    folder = make_folder(out or folder_of("stages", words, digest([statement.sha256 for _, statement in run])))
    files = [folder / "stages.csv"]
    atomic_write(files[0], reporting.spread_sheet(stages).encode())
    if figure:
        files += reporting.draw(stages, "stages of training", folder / "stages")
    arrivals = reporting.arrivals(stages)
    if as_json:
        records = [reporting.record(stage) for stage in stages]
        typer.echo(json.dumps({"stages": records, "arrivals": arrivals, "files": list(map(str, files))}))
        return
    console = Console(highlight=False)
    for table in reporting.tables(stages):
        console.print(table, "")
    for name, step in arrivals.items():
        typer.echo(f"{name} reaches {reporting.HIGH} of its last value at step {step}")
    for path in files:
        typer.echo(f"{path.suffix[1:]:>5}  {path}")

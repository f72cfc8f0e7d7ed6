"""The command ``claims``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..engine.files import atomic_write, make_folder
from ..engine.terminal import errors, progress_bars
from ..rewrites.advice.allowance import TENTH, Allowance, command_allowance
from ..rewrites.commands.options import Date, Memory

if TYPE_CHECKING:
    from .report import Report, Result


def claims_command(
    file: Annotated[
        Path | None,
        typer.Argument(
            help="Claims: a TOML file, or LaTeX marked with mechproof.sty and what it inputs. With --sty: a folder."
        ),
    ] = None,
    sty: Annotated[
        bool,
        typer.Option("--sty", help="Instead: print mechproof.sty, or put it into the folder, for pdflatex to find."),
    ] = False,
    out: Annotated[
        Path | None,
        typer.Option(
            help="Folder for transcript and certificates (default: in ./mechproof-out, named after file and results)."
        ),
    ] = None,
    models: Annotated[
        Path | None,
        typer.Option(help="Folder of the weights, where the file of claims is somewhere else.", file_okay=False),
    ] = None,
    values: Annotated[
        Path | None, typer.Option(help="Also write this file of LaTeX macros with the rounded numbers.")
    ] = None,
    fix: Annotated[
        bool,
        typer.Option(
            "--fix",
            help="Write NAME.fixed beside the file: numbers of refuted claims as the weights give them, safely.",
        ),
    ] = False,
    instances: Annotated[int, typer.Option(min=1, help="How many instances of a quantifier a claim may take.")] = 1
    << 18,
    sequences: Annotated[int, typer.Option(min=1, help="How many sequences a loss may look at one by one.")] = 20_000,
    budget: Annotated[
        int | None, typer.Option(min=1, metavar="SECONDS", help="For all claims together; what is open is UNDECIDED.")
    ] = None,
    timeout: Annotated[
        int | None, typer.Option(min=1, metavar="SECONDS", help="For each claim; one that takes longer is UNDECIDED.")
    ] = None,
    only: Annotated[
        list[str] | None, typer.Option("--only", metavar="ID", help="Settle this claim alone; may be repeated.")
    ] = None,
    jobs: Annotated[
        int, typer.Option(min=1, metavar="N", help="Processes; results come in the order of the file.")
    ] = 1,
    memory: Memory = None,
    date: Date = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as one JSON object.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="No progress bars.")] = False,
) -> None:
    """Decide claims about weights: PROVED, REFUTED with a witness, or UNDECIDED.

    Each verdict is printed as soon as it is there. A claim that means nothing, or nothing about its weights, is an
    ERROR, and the others are settled. Exit 0 if every verdict is PROVED, or what the file expects; 2 after an ERROR;
    else 1.
    """
    from ..rewrites.folder import folder_of
    from .context import Budget
    from .fixing import fixed_file
    from .run import read, run

    if sty:
        package = Path(__file__).with_name("mechproof.sty").read_bytes()
        if file is None:
            typer.echo(package.decode(), nl=False)
        else:
            atomic_write(make_folder(file) / "mechproof.sty", package)
            typer.echo(str(file / "mechproof.sty"))
        return
    if file is None:
        raise typer.BadParameter("is needed, unless with --sty", param_hint="FILE")
    if fix:
        fixed_file(file)
    with command_allowance(budget, memory):
        stated = read(file, models).only(only or ())
        for warning in stated.warnings:
            errors.print(f"mechproof: {warning}", markup=False, soft_wrap=True)
        with progress_bars(quiet) as report:
            tell = _nothing if as_json else _told
            found = run(stated, Budget(instances, sequences), budget, report, date, timeout, tell, jobs)
    written: list[Path] = []
    with Allowance(None if budget is None else budget * TENTH, partial=True) as writing:
        written = found.write(out or folder_of(file.stem, ["claims"], found.sha256))
    if writing.spent:
        errors.print("mechproof: the budget ended before all files were written", markup=False, soft_wrap=True)
    elif not quiet:
        errors.print(f"mechproof: {len(written)} files in {written[0].parent}", markup=False, soft_wrap=True)
    if values is not None:
        atomic_write(values, found.values().encode())
    if fix:
        _fixed(file, found)
    if as_json:
        typer.echo(json.dumps(found.as_json() | {"files": list(map(str, written))}))
    raise typer.Exit(found.exit_code)


def _fixed(file: Path, found: Report) -> None:
    """The rewritten file, and on standard error what is new in it and what is not."""
    from .fixing import write_fixed

    target, done, left = write_fixed(file, found)
    for one in done:
        errors.print(f"mechproof: {one.id}: {one.before}  ->  {one.after}", markup=False, soft_wrap=True)
    if left:
        errors.print(f"mechproof: not rewritten: {', '.join(left)}", markup=False, soft_wrap=True)
    told = "nothing to rewrite" if target is None else f"{len(done)} numbers rewritten in {target}"
    errors.print(f"mechproof: {told}", markup=False, soft_wrap=True)


def _told(result: Result) -> None:
    """On standard output at once, for whoever waits or reads along."""
    print(result.line, flush=True)


def _nothing(result: Result) -> None:
    """One object is printed at the end."""

"""The command ``audit``."""

from __future__ import annotations

import json
from importlib.metadata import version
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from ..engine.files import atomic_write, make_folder
from ..engine.terminal import progress_bars
from ..rewrites.commands.options import Date
from .program.naming import program_named


def audit_command(
    weights: Annotated[
        Path | None,
        typer.Argument(
            help="Weights: safetensors, npz, or a torch state dict (.pt, .pth). Or your own program: FILE.py:function."
        ),
    ] = None,
    given: Annotated[
        Path | None,
        typer.Argument(metavar="WEIGHTS", help="For a program: weights, handed to it as a dictionary of tensors."),
    ] = None,
    strategies: Annotated[
        list[str] | None,
        typer.Option(
            "--strategy",
            help="cubic, brute-force, brute-force/cached, loss, or a published configuration, as in exact/mean/EQKE "
            "(repeatable).",
        ),
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="Every published verification.")] = False,
    gap: Annotated[
        float | None,
        typer.Option(help="With --strategy loss: the largest wrong logit minus the right one, as you claim it."),
    ] = None,
    config: Annotated[
        Path | None, typer.Option(help="JSON with TransformerLens configuration keys of the network.")
    ] = None,
    budget: Annotated[
        int | None,
        typer.Option(min=1, metavar="N", help="Run at most so many sequences one by one (default 33554432)."),
    ] = None,
    dtypes: Annotated[
        list[str] | None, typer.Option("--dtype", help="float16, bfloat16, float32, float64 (repeatable; default all).")
    ] = None,
    attack: Annotated[
        bool,
        typer.Option("--attack", help="Instead: construct weights on which the verifications certify what is false."),
    ] = False,
    lower: Annotated[
        str | None,
        typer.Option(metavar="PATH", help="Of a program: where its result has a lower bound, as in count or bounds.0."),
    ] = None,
    upper: Annotated[str | None, typer.Option(metavar="PATH", help="Of a program: an upper bound instead.")] = None,
    truth: Annotated[
        str | None,
        typer.Option(metavar="FILE.py:function", help="Of a program: what computes the true number, exactly."),
    ] = None,
    blame: Annotated[
        bool,
        typer.Option("--blame", help="Of a program: run it once more for each line, with only that one in floats."),
    ] = False,
    sarif: Annotated[Path | None, typer.Option(metavar="FILE", help="Also write the findings as SARIF 2.1.0.")] = None,
    out: Annotated[Path | None, typer.Option(help="Folder for the transcript, or for what --attack finds.")] = None,
    jobs: Annotated[int, typer.Option(min=1, help="Number of processes.")] = 1,
    date: Date = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as one JSON object.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="No progress bars.")] = False,
) -> None:
    """Replay float verifications, published ones or your own, and say which bounds survive; exit 1 unless all hold."""
    if weights is not None and (program := program_named(str(weights))) is not None:
        from .program.command import audit_program

        asked = {"lower": lower, "upper": upper, "truth": truth, "blame": blame}
        raise typer.Exit(audit_program(program, given, **asked, out=out, sarif=sarif, as_json=as_json))
    mine = {"WEIGHTS": given, "--lower": lower, "--upper": upper, "--truth": truth, "--blame": blame}
    if foreign := next((name for name, value in mine.items() if value), None):
        raise typer.BadParameter("is for a program, FILE.py:function", param_hint=foreign)
    from ..engine.transcript import write as transcript_files
    from . import brute_force, corpus, reporting, session, verifiers
    from .runs import DTYPES

    chosen = [*verifiers.names()] if everything else strategies or [verifiers.FIRST]
    published = [verifiers.published(name) for name in chosen if name != "loss"]
    if unknown := set(dtypes or ()) - set(DTYPES):
        raise typer.BadParameter(f"expected {', '.join(DTYPES)}; found {min(unknown)}", param_hint="--dtype")
    if ("loss" in chosen) != (gap is not None):
        raise typer.BadParameter("belongs with --strategy loss: the bound is computed from it", param_hint="--gap")
    if attack:
        for path in corpus.construct(published, make_folder(out or Path("mechproof-out/attack"))):
            typer.echo(str(path))
        return
    if weights is None:
        raise typer.BadParameter("is needed, unless with --attack", param_hint="WEIGHTS")
    with progress_bars(quiet) as report:
        found = session.audit(
            weights,
            published,
            dtypes or tuple(DTYPES),
            config=config,
            gap=gap,
            budget=budget or brute_force.BUDGET,
            processes=jobs,
            progress=report,
            date=date,
        )
    files = transcript_files(reporting.document(found), make_folder(out), weights.stem) if out else []
    if sarif is not None:
        atomic_write(sarif, json.dumps(reporting.sarif(found, version("mechproof")), indent=1).encode())
        files = [*files, sarif]
    if as_json:
        typer.echo(json.dumps(reporting.as_json(found) | {"files": list(map(str, files))}))
    else:
        console = Console(highlight=False)
        for table in reporting.tables(found):
            console.print(table, "")
        written = [f"{path.suffix[1:]:>5}  {path}" for path in files]
        for line in (*reporting.lines(found), *reporting.closing(found), *written):
            typer.echo(line)
        typer.echo(reporting.verdict_line(found))
    raise typer.Exit(0 if found.holds else 1)

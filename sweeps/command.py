"""The commands ``sweep`` and ``compare``."""

from __future__ import annotations

import json
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from ..engine.files import atomic_write, make_folder
from ..engine.terminal import progress_bars

if TYPE_CHECKING:
    from .family import FamilyRow


def sweep_command(
    weights: Annotated[list[Path], typer.Argument(help="Weights of one or more networks, or folders of them.")],
    tasks: Annotated[
        list[str] | None,
        typer.Option("--task", metavar="[GLOB=]TASK", help="Folders: the task, or that of the files that match."),
    ] = None,
    scheduler: Annotated[
        str | None,
        typer.Option(metavar="ADDRESS", help="Folders: the Dask scheduler whose workers prove (mechproof[cluster])."),
    ] = None,
    strategies: Annotated[
        list[str] | None,
        typer.Option("--strategies", help="Only strategies that match, as in 'subcubic/*/mean/*' (repeatable)."),
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="Also every configuration that is not published.")] = False,
    off: Annotated[str, typer.Option(metavar="T1,T3", help="Tightenings that are not to be used.")] = "",
    ablate: Annotated[
        bool, typer.Option("--ablate", help="Also what each tightening is worth to the best configuration.")
    ] = False,
    out: Annotated[Path, typer.Option(help="Folder for sweep.sqlite and what is drawn from it.")] = Path(
        "mechproof-out/sweep"
    ),
    csv: Annotated[Path | None, typer.Option(help="Where all rows go as CSV (default OUT/sweep.csv).")] = None,
    jobs: Annotated[int | None, typer.Option(min=1, help="Number of processes (default: all processors).")] = None,
    rows: Annotated[bool, typer.Option("--rows", help="Print every row, not only the best.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as one JSON object.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="No progress bars.")] = False,
) -> None:
    """Run many strategies, and show what each proves and costs.  A sweep that was stopped goes on where it was."""
    from . import figure, selection, session, tables
    from .running import processors
    from .storage import Store

    if any(path.is_dir() for path in weights):
        from .family import sweep_family

        if strategies or everything or off or ablate or rows:
            raise typer.BadParameter("has no effect on folders, of whose networks each gets one row")
        with progress_bars(quiet) as report:
            found_rows, written = sweep_family(weights, tasks or [], out, csv, jobs or processors(), scheduler, report)
        _show_family(found_rows, written, as_json=as_json)
        return
    if tasks or scheduler:
        raise typer.BadParameter("--task and --scheduler have an effect only on folders")
    chosen = selection.chosen(strategies or ()) if strategies or everything else selection.usual()
    switched = tuple(name for name in off.split(",") if name)
    with Store(make_folder(out) / "sweep.sqlite", version("mechproof")) as store, progress_bars(quiet) as report:
        found = session.run(weights, chosen, switched, store, jobs or processors(), report, ablate=ablate)
    sheet = csv or out / "sweep.csv"
    atomic_write(sheet, tables.spread_sheet(one.curve for one in found).encode())
    files = [store.path, sheet, *(path for one in found for path in figure.draw(one.curve, one.name, out / one.stem))]
    if as_json:
        typer.echo(json.dumps({"networks": [one.as_json() for one in found], "files": list(map(str, files))}))
        return
    console = Console(highlight=False)
    for one in found:
        for table in tables.summary(one.curve, one.name, everything=rows):
            console.print(table, "")
        for ablation in one.ablations:
            console.print(tables.ablation(one.curve, ablation.base, ablation.lines()), "")
    for path in files:
        typer.echo(f"{path.suffix[1:]:>6}  {path}")


def _show_family(rows: Sequence[FamilyRow], files: Sequence[Path], *, as_json: bool) -> None:
    """The rows of a family, on the terminal or as JSON."""
    from dataclasses import asdict

    from .tables import family

    if as_json:
        typer.echo(json.dumps({"networks": [asdict(row) for row in rows], "files": list(map(str, files))}))
        return
    Console(highlight=False).print(family(rows))
    for row in rows:
        if row.reason:
            typer.echo(f"{row.model}: {row.reason}")
    for path in files:
        typer.echo(f"{path.suffix[1:]:>6}  {path}")


def compare_command(
    weights: Annotated[Path, typer.Argument(help="Weights: safetensors, npz, or a torch state dict (.pt, .pth).")],
    sweep: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="A sweep's SQLite file (default mechproof-out/sweep/sweep.sqlite)."),
    ] = None,
    jobs: Annotated[int | None, typer.Option(min=1, help="Number of processes for rows that are missing.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as one JSON object.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="No progress bars.")] = False,
) -> None:
    """Show the published strategies' bounds beside the published ones; exit 1 if one is lower on the same weights."""
    from . import published, selection, session, tables
    from .running import processors
    from .storage import Store

    file = sweep or make_folder("mechproof-out/sweep") / "sweep.sqlite"
    with Store(file, version("mechproof")) as store, progress_bars(quiet) as report:
        (found,) = session.run([weights], selection.published(), (), store, jobs or processors(), report, ablate=True)
    beside = published.compare(found.curve)
    if as_json:
        typer.echo(json.dumps(found.as_json()))
    else:
        first = found.curve.rows[0]
        console = Console(highlight=False)
        console.print(tables.beside_groups(found.curve, published.legend(first.n_ctx, first.d_vocab)), "")
        if beside is not None:
            console.print(tables.beside_rows(beside), "")
        for ablation in found.ablations:
            console.print(tables.ablation(found.curve, ablation.base, ablation.lines()), "")
    raise typer.Exit(int(beside is not None and any(line.lower for line in beside.lines)))

"""Options that several commands share."""

from __future__ import annotations

from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

Weights = Annotated[Path, typer.Argument(help="Weights (safetensors, npz, torch state dict) or a network file.")]
Certificate = Annotated[Path, typer.Argument(help="The certificate.json that comes with a proof.")]
Task = Annotated[str, typer.Option(help="What the network is for: a name, expression: …, or a task file (.toml).")]
Config = Annotated[Path | None, typer.Option(help="JSON with TransformerLens configuration keys of the network.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print the result as one JSON object.")]
Quiet = Annotated[bool, typer.Option("--quiet", help="No progress bars.")]
Memory = Annotated[
    float | None,
    typer.Option(min=0.1, metavar="GIB", help="The most memory to hold (default: half of the machine's)."),
]


def _dated(text: str) -> str:
    """The date of a report as it is printed, empty for none."""
    try:
        return text and str(date.today() if text == "today" else date.fromisoformat(text))
    except ValueError:
        raise typer.BadParameter("expected a date such as 2026-01-31, or today") from None


Date = Annotated[
    str,
    typer.Option(
        "--date",
        metavar="DATE",
        parser=_dated,
        help="Put this date into the report: 2026-01-31, say, or today. Without it none, so that reports repeat.",
    ),
]


class Detail(StrEnum):
    """How much a transcript tells."""

    summary = "summary"
    appendix = "appendix"
    full = "full"


HowMuch = Annotated[Detail, typer.Option(help="How much the transcript tells.")]


def strategy_names(incomplete: str) -> list[str]:
    """The names of strategies that begin so, for a shell."""
    from ..strategies import all_names, general_names

    return [name for name in (*all_names(), *general_names()) if name.startswith(incomplete)]


StrategyName = Annotated[
    str | None,
    typer.Option(
        "--strategy",
        metavar="NAME",
        help="How to prove it: a name that `mechproof strategies` lists (default: what decides exactly and cheapest).",
        autocompletion=strategy_names,
    ),
]

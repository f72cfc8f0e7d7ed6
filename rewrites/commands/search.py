"""The command ``search``."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from ...engine.terminal import errors
from ..advice.allowance import command_allowance
from .options import AsJson, Memory, Weights

GOALS = (
    "accuracy, right_count, logit_gap, EQKE, UU, EVOU, attention(G), row_difference(TABLE), "
    "row_difference(EQKE - rank1), row_difference(EQKE - factors)"
)


def search_command(
    weights: Weights,
    goal: Annotated[str, typer.Argument(help=f"What is wanted, numbers open: {GOALS}.")],
    budget: Annotated[int, typer.Option(min=1, metavar="SECONDS", help="Stop searching after this time.")] = 60,
    memory: Memory = None,
    dominated: Annotated[bool, typer.Option("--all", help="Also what others beat in both price and size.")] = False,
    as_json: AsJson = False,
) -> None:
    """Search for proofs of a bound, and list them: what each costs, and what it gives."""
    from ..strategies.search.alternatives import alternatives

    with command_allowance(budget, memory), errors.status("searching"):
        result = alternatives(weights, goal, budget)
    shown = [row for row in result.rows if dominated or not row.dominated]
    if as_json:
        typer.echo(json.dumps({"goal": goal, "complete": result.complete, "found": [row.as_json() for row in shown]}))
        return
    for row in shown:
        typer.echo(f"{row.price:>12} operations, {row.length:>3} steps{'  (dominated)' if row.dominated else ''}")
        typer.echo(f"              {row.sentence}")
    hidden = len(result.rows) - len(shown)
    typer.echo(f"{len(result.rows)} found{f', {hidden} of them dominated' if hidden else ''}", err=True)
    if not result.complete:
        typer.echo("the budget ended the search; more may be found with a larger one", err=True)

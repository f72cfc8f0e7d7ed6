"""The command ``story``."""

from __future__ import annotations

import json

import typer

from .options import AsJson, Config, Task, Weights


def story_command(weights: Weights, task: Task = "max-of-k", config: Config = None, as_json: AsJson = False) -> None:
    """List what a network does as mechanistic claims with proved numbers, and the accuracy that follows from them."""
    from ...models.problem import problem
    from ...models.weights import load
    from ..circuit_claims import tell

    told = tell(problem(load(weights, config=config), task), weights.name)
    typer.echo(json.dumps(told.as_json()) if as_json else "\n".join(told.lines()))

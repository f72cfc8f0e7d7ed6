"""The command ``story``."""

from __future__ import annotations

import json

import typer

from ...models import DEFAULT_TASK
from .options import AsJson, Config, Task, Weights


def story_command(weights: Weights, task: Task = DEFAULT_TASK, config: Config = None, as_json: AsJson = False) -> None:
    """List what a network does as mechanistic claims with proved numbers, and the accuracy that follows from them."""
    from ...models.problem import statement_of
    from .. import circuit_claims, group_story, induction_story, running_sum_story

    statement = statement_of(weights, task, config)
    family = statement.task.name.partition(":")[0]
    special = (story for story in (group_story, induction_story, running_sum_story) if family in story.TASKS)
    told = next(special, circuit_claims).tell(statement, weights.name)
    typer.echo(json.dumps(told.as_json()) if as_json else "\n".join(told.lines()))

"""A task on some of its inputs: those that satisfy conditions, or that a list or a file of indices names."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from .errors import TaskDoesNotFit
from .expression import Expression
from .inputs import InputSet
from .lookup import exact_table
from .task import Task

# So many inputs may be looked through, and so many be listed.
MOST_SEARCHED = 1 << 26
MOST_LISTED = 1 << 22
ROWS = 1 << 16
_ONE_TOKEN = re.compile(r"t\[(\d+)\]")


def restricted(task: Task, conditions: Sequence[Expression], masks: Sequence[np.ndarray] = ()) -> Task:
    """The task on the inputs for which no condition is 0 and no mask, one entry an input in the task's order, false.

    Conditions on one token each make its set smaller, and the inputs stay a product; for all else the inputs that are
    left are listed.  Raises :class:`TaskDoesNotFit` where none is left, or too many to look through or to list, and
    :class:`.expression.BadExpression`.
    """
    rest = list(conditions)
    if task.inputs.condition == "none" and not masks:
        task, rest = _smaller_sets(task, conditions)
    if not rest and not masks:
        return task
    if task.inputs.size > MOST_SEARCHED:
        raise TaskDoesNotFit(task.name, f"at most {MOST_SEARCHED} inputs to look through", str(task.inputs.size))
    found: list[np.ndarray] = []
    done = listed = 0
    for block in task.inputs.blocks(ROWS):
        keep = np.ones(len(block), dtype=np.bool_)
        for mask in masks:
            keep &= mask[done : done + len(block)]
        for condition in rest:
            keep &= condition(block)[:, 0] != 0
        done += len(block)
        listed += int(keep.sum())
        if listed > MOST_LISTED:
            raise TaskDoesNotFit(task.name, f"at most {MOST_LISTED} inputs that satisfy the condition", "more")
        found.append(block[keep])
    if not listed:
        raise _nothing(task)
    rows = np.concatenate(found)
    inputs = InputSet(task.inputs.sets, "listed", rows)
    return replace(task, inputs=inputs, tensors={**task.tensors, "list": exact_table(rows)})


def _smaller_sets(task: Task, conditions: Sequence[Expression]) -> tuple[Task, list[Expression]]:
    """The task with smaller sets of tokens, and the conditions that are on more than one token."""
    sets = list(task.inputs.sets)
    rest: list[Expression] = []
    for condition in conditions:
        place = _one_token(condition)
        if place is None or place >= len(sets):
            rest.append(condition)
            continue
        tokens = np.zeros((len(sets[place]), len(sets)), dtype=np.int64)
        tokens[:, place] = sets[place]
        keep = condition(tokens)[:, 0] != 0
        sets[place] = tuple(token for token, kept in zip(sets[place], keep.tolist(), strict=True) if kept)
        if not sets[place]:
            raise _nothing(task)
    return replace(task, inputs=InputSet(tuple(sets))), rest


def _one_token(condition: Expression) -> int | None:
    """The only position that a condition is about."""
    places = set(map(int, _ONE_TOKEN.findall(condition.text)))
    return places.pop() if len(places) == 1 and "(t)" not in condition.text else None


def _nothing(task: Task) -> TaskDoesNotFit:
    return TaskDoesNotFit(task.name, "an input that satisfies the condition", "none")

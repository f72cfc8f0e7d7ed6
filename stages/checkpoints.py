"""The checkpoints of one training run, from files or a folder, by the step that each was taken at."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from ..engine.errors import MechproofError
from ..models.problem import statement_of
from ..models.statement import Statement
from ..models.training import provenance


@dataclass(unsafe_hash=True)
class StepUnknown(MechproofError):
    file: str
    sentence = "{file}: expected a training step, in the file's recipe or as a name ending in step and a number"


@dataclass(unsafe_hash=True)
class StepTwice(MechproofError):
    step: int
    first: str
    second: str
    sentence = "{first} and {second} are both of step {step}: expected the checkpoints of one training run"


@dataclass(unsafe_hash=True)
class OtherRun(MechproofError):
    file: str
    first: str
    sentence = "{file}: expected a checkpoint of the same training run as {first}, found one with another recipe"


@dataclass(unsafe_hash=True)
class NoCheckpoints(MechproofError):
    folder: str
    sentence = "{folder}: expected checkpoints, found no safetensors file"


def read(sources: Iterable[Path]) -> list[tuple[int, Statement]]:
    """Steps and statements, by step.  A folder stands for its safetensors files.

    Raises the errors above, and those of reading weights.
    """
    files = [file for source in sources for file in _files(source)]
    found: dict[int, Path] = {}
    recipes: dict[Path, object] = {}
    for file in files:
        told = provenance(file) or {}
        step = _step(file, told.pop("taken_at_step", None))
        if told:
            recipes[file] = told
            first = next(iter(recipes))
            if recipes[first] != told:
                raise OtherRun(file.name, first.name)
        if step in found:
            raise StepTwice(step, found[step].name, file.name)
        found[step] = file
    return [(step, statement_of(found[step])) for step in sorted(found)]


def _files(source: Path) -> list[Path]:
    if not source.is_dir():
        return [source]
    files = sorted(source.glob("*.safetensors"))
    if not files:
        raise NoCheckpoints(str(source))
    return files


def _step(file: Path, told: object) -> int:
    if isinstance(told, int):
        return told
    named = re.search(r"step_?([0-9]{1,18})$", file.stem)
    if named is None:
        raise StepUnknown(file.name)
    return int(named[1])

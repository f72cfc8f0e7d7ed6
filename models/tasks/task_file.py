"""Task files: input set, answers and read positions in TOML (docs/your_task.md)."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ...engine.arithmetic.tensor import DyadicTensor
from ...engine.files import read_bytes
from ..network import Network
from ..weights.errors import axes_text
from .errors import TaskDoesNotFit
from .expression import Expression, parse
from .inputs import InputSet
from .lookup import Lookup, exact_table, integer_table
from .task import COUNTED, Answer, Task
from .whole import all_tokens, positions_of

LIMIT = 1 << 20
_KEYS = ("tokens", "positions", "condition", "list", "read", "counted", "answer", "answers", "table")


@dataclass(frozen=True)
class EachRead:
    """One expression for each read position."""

    expressions: tuple[Expression, ...]

    @property
    def text(self) -> str:
        return "; ".join(expression.text for expression in self.expressions)

    @property
    def meaning(self) -> str:
        return f"at the read positions in turn, {', '.join(expression.meaning for expression in self.expressions)}"

    def __call__(self, tokens: np.ndarray) -> np.ndarray:
        return np.concatenate([expression(tokens) for expression in self.expressions], axis=1)


def load_task(path: str | os.PathLike[str], network: Network) -> Task:
    """The task of the TOML file at ``path``; raises :class:`TaskDoesNotFit`, :class:`~.inputs.BadInputSet`,
    :class:`~.expression.BadExpression` or what reading files raises."""
    name = Path(path).name
    try:
        content = tomllib.loads(read_bytes(path, LIMIT).decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise TaskDoesNotFit(name, "TOML", str(error)[:200]) from None
    for key in content:
        if key not in _KEYS:
            raise TaskDoesNotFit(name, f"keys {', '.join(_KEYS)}", key[:60])
    return _TaskFile(name, Path(path).parent, content, network).task()


@dataclass(frozen=True)
class _TaskFile:
    name: str
    folder: Path
    content: Mapping[str, Any]
    network: Network

    def task(self) -> Task:
        tensors: dict[str, DyadicTensor] = {}
        inputs = self.inputs(tensors)
        read = self.read(inputs.positions)
        answer = self.answer(len(read), tensors)
        counted = self.content.get("counted", "inputs")
        if counted not in COUNTED:
            raise TaskDoesNotFit(self.name, f"counted as {' or '.join(COUNTED)}", str(counted)[:60])
        kind = "table" if isinstance(answer, Lookup) else "expression"
        return Task(kind, inputs, read, answer, counted, tensors)

    def inputs(self, tensors: dict[str, DyadicTensor]) -> InputSet:
        sets = self.sets()
        condition = self.content.get("condition", "listed" if "list" in self.content else "none")
        if "list" not in self.content:
            return InputSet(sets, condition)
        listed = integer_table(self.name, self.file("list"), "inputs", 2)
        tensors["list"] = exact_table(listed)
        return InputSet(sets, condition, listed)

    def sets(self) -> tuple[tuple[int, ...], ...]:
        given = self.content.get("tokens")
        if given is None:
            wanted = self.content.get("positions", "")
            return all_tokens(self.network, positions_of(self.name, self.network, str(wanted))).sets
        fits = isinstance(given, list) and all(
            isinstance(entry, list) and len(entry) >= 2 and all(type(token) is int for token in entry)
            for entry in given
        )
        if "positions" in self.content or not fits or not given:
            expected = "tokens [[first, last], …], one pair or list of numbers a position, and no positions beside them"
            raise TaskDoesNotFit(self.name, expected, str(given)[:60])
        most = self.network.most_positions
        if most is not None and len(given) > most:
            raise TaskDoesNotFit(self.name, f"tokens of at most {most} positions", str(len(given)))
        sizes = self.network.vocabulary(len(given))
        if any(
            entry[0] > entry[1] or entry[0] < 0 or max(entry) >= size for entry, size in zip(given, sizes, strict=True)
        ):
            raise TaskDoesNotFit(self.name, f"ascending tokens below {sizes}", str(given)[:60])
        return tuple(
            tuple(range(entry[0], entry[1] + 1)) if len(entry) == 2 else tuple(sorted(set(entry))) for entry in given
        )

    def read(self, positions: int) -> tuple[int, ...]:
        left = self.network.check(positions).positions
        match self.content.get("read", "last"):
            case "last":
                return (left - 1,)
            case "all":
                return tuple(range(left))
            case [*given] if given and all(type(p) is int for p in given):
                return tuple(given)
            case other:
                raise TaskDoesNotFit(self.name, 'read as "last", "all" or a list of positions', str(other)[:60])

    def answer(self, reads: int, tensors: dict[str, DyadicTensor]) -> Answer:
        given = [key for key in ("answer", "answers", "table") if key in self.content]
        if len(given) != 1:
            raise TaskDoesNotFit(self.name, "one of answer, answers and table", ", ".join(given) or "none")
        value = self.content[given[0]]
        if given[0] == "table":
            axes = len(self.sets())
            table = integer_table(self.name, self.file("table"), "answers", axes)
            if table.shape != self.network.vocabulary(axes) or reads != 1:
                raise TaskDoesNotFit(
                    self.name, f"answers of shape {axes_text(self.network.vocabulary(axes))}", axes_text(table.shape)
                )
            tensors["answers"] = exact_table(table)
            return Lookup(table)
        texts = [value] if given[0] == "answer" else value
        if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts) or len(texts) != reads:
            raise TaskDoesNotFit(self.name, f"{reads} expressions, one for each read position", str(value)[:60])
        expressions = tuple(parse(text) for text in texts)
        return expressions[0] if reads == 1 else EachRead(expressions)

    def file(self, key: str) -> Path:
        """A file, seen from the task file."""
        value = self.content[key]
        if not isinstance(value, str) or not value:
            raise TaskDoesNotFit(self.name, f"{key}: the path of a file, seen from the task file", str(value)[:60])
        return self.folder.joinpath(value)

"""Tasks: which inputs there are, what the right answer is, and where it is read. docs/statement.md §2."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Any, NamedTuple, NoReturn

from ..budget import MAX_POSITIONS, within
from ..errors import Code, Failure
from ..weights_file import read_tensors
from .expression import read_expression
from .groups import group_table, is_group
from .inputs import Inputs
from .layers import Description, Network, fit
from .tensor import Tensor, read_integers
from .toml_file import read_toml, seen_from

CONDITIONS = ("none", "distinct", "repeated", "once", "listed")
COUNTED = ("inputs", "pairs")
FILE_KEYS = {"tokens", "positions", "condition", "read", "counted", "answer", "answers", "table", "list"}

MAX_TOKENS = 1 << 20

Answers = Callable[[Sequence[int]], Sequence[int]]


class RunningSum(NamedTuple):
    """At each position the right answer is that of the sum of the values of the tokens up to it; it grows with it."""

    values: tuple[int, ...]
    answer: Callable[[int], int]

    def answers(self, t: Sequence[int]) -> list[int]:
        """By position.

        >>> RunningSum((0, 2, -1), lambda s: int(s > 0)).answers([2, 1, 2, 2])
        [0, 1, 0, 0]
        """
        return [self.answer(s) for s in accumulate(self.values[u] for u in t)]


@dataclass(frozen=True)
class Task:
    """``answers`` gives the right answer at each position of ``read``; the rest is what the statement says of it.

    Of some tasks more is known: ``monotone``, that no answer falls when a token grows; the ``sums`` that it depends on.
    """

    name: str
    tokens: tuple[tuple[int, ...], ...]
    condition: str
    read: tuple[int, ...]
    counted: str
    right: str
    inputs: Inputs
    answers: Answers
    tensors: dict[str, Tensor] = field(default_factory=dict)
    monotone: bool = False
    sums: RunningSum | None = None

    @property
    def counts(self) -> str:
        """What is counted, in words."""
        return "pairs of input and position" if self.counted == "pairs" else "inputs"

    @property
    def measured(self) -> tuple[int, str]:
        """What losses and margins are about: a number of inputs, and words."""
        each = "" if len(self.read) == 1 else f" at each of {len(self.read)} positions"
        return self.inputs.size(), f"inputs{each}"

    @property
    def size(self) -> int:
        """The number of inputs, or of pairs of input and position."""
        return self.inputs.size() * (len(self.read) if self.counted == "pairs" else 1)


class _Making:
    """Makes the task of a text for a network of some description; ``parameter`` is what follows the task's name."""

    def __init__(self, text: str, description: Description) -> None:
        self.text, self.description = text, description
        self.name, _, self.parameter = text.partition(":")

    def refuse(self, what: str) -> NoReturn:
        raise Failure(Code.E150, task=self.text, what=what)

    def number(self) -> int:
        """The parameter."""
        if not re.fullmatch("[0-9]{1,9}", self.parameter) or not int(self.parameter):
            self.refuse("its parameter must be a whole number from 1 on")
        return int(self.parameter)

    def network(self, positions: int | None = None) -> Network:
        """The network on so many positions, or as many as it was made for."""
        found = positions or self.description.positions
        if found is None:
            self.refuse("the network does not say how many positions there are")
        within("the number of positions", found, MAX_POSITIONS)
        return fit(self.description, found)

    def sized(self) -> tuple[Network, str]:
        """The network on as many positions as the parameter says, if there is one; and the name of the task."""
        size = self.number() if self.parameter else None
        return self.network(size), f"{self.name}:{size}" if size else self.name

    def integers(self, file: str, name: str) -> Tensor:
        """A tensor of integers of a file."""
        found = next((stored for stored in read_tensors(file) if stored.name == name), None)
        return self.refuse(f"{file} has no tensor {name}") if found is None else read_integers(file, found)

    def task(
        self,
        network: Network,
        name: str,
        right: str,
        answers: Answers,
        tokens: Sequence[Sequence[int]] | None = None,
        read: Sequence[int] | None = None,
        condition: str = "none",
        counted: str = "inputs",
        tensors: dict[str, Tensor] | None = None,
        rows: tuple[tuple[int, ...], ...] | None = None,
        **known: Any,
    ) -> tuple[Network, Task]:
        """The task, checked against the network's vocabulary; tokens are all, and read is last, unless given."""
        n, left = len(network.vocabulary), network.positions_left
        tokens = [range(size) for size in network.vocabulary] if tokens is None else tokens
        for p, (mine, size) in enumerate(zip(tokens, network.vocabulary, strict=True)):
            if not mine:
                raise Failure(Code.E153, task=self.text)
            if mine[0] < 0 or mine[-1] >= size:
                self.refuse(f"position {p} has tokens {mine[0]} ... {mine[-1]}, the network {size} tokens there")
        read = (left - 1,) if read is None else tuple(read)
        if read[-1] >= left:
            self.refuse("a network that adds or joins its positions is read at the one that is left, 0")
        within("the number of tokens of all positions", sum(map(len, tokens)), MAX_TOKENS)
        sets = tuple(tuple(mine) for mine in tokens)
        different = {
            "distinct": (p for p, mine in enumerate(sets) if len(mine) > 1),
            "repeated": range(n - 1),
            "sorted": range(n // 2),
        }
        differ = tuple(different.get(condition, ()))
        inputs = Inputs(sets, differ, condition == "repeated", rows, condition == "once", condition == "sorted")
        if inputs.size() == 0:
            raise Failure(Code.E153, task=self.text)
        return network, Task(name, sets, condition, read, counted, right, inputs, answers, tensors or {}, **known)

    def max_of_k(self) -> tuple[Network, Task]:
        if self.parameter:
            self.refuse("max-of-k has no parameter")
        return self.task(self.network(), self.name, "max(t)", lambda t: (max(t),), monotone=True)

    def kth_max(self) -> tuple[Network, Task]:
        rank, network = self.number(), self.network()
        if rank > len(network.vocabulary):
            self.refuse(f"there are {len(network.vocabulary)} positions")
        answers: Answers = lambda t: (sorted(t)[-rank],)  # noqa: E731
        return self.task(network, f"kth-max:{rank}", f"{rank}-th largest", answers, monotone=True)

    def two_and_equals(self, order: int) -> tuple[Network, list[range]]:
        """Two tokens below ``order``, and in a third position, if there is one, the token ``order``."""
        network = self.network()
        positions = len(network.vocabulary)
        if positions not in (2, 3):
            self.refuse(f"it is about 2 or 3 positions, the network has {positions}")
        return network, [range(order), range(order), range(order, order + 1)][:positions]

    def modular_addition(self) -> tuple[Network, Task]:
        modulus = self.number()
        network, tokens = self.two_and_equals(modulus)
        text, value = read_expression(f"(t[0] + t[1]) % {modulus}", 2)
        return self.task(network, f"{self.name}:{modulus}", text, lambda t: (value(t),), tokens)

    def group(self) -> tuple[Network, Task]:
        table = group_table(self.parameter) or self.integers(self.parameter, "table")
        order, entries = table.shape[0], table.entries
        if table.shape != (order, order) or not is_group(entries, order):
            self.refuse("its table is not that of a group")
        network, tokens = self.two_and_equals(order)
        answers: Answers = lambda t: (entries[t[0] * order + t[1]],)  # noqa: E731
        return self.task(network, self.name, "table", answers, tokens, tensors={"table": table})

    def induction(self) -> tuple[Network, Task]:
        (network, name), condition = self.sized(), "once" if self.name == "induction-once" else "repeated"
        answers: Answers = lambda t: (t[t.index(t[-1]) + 1],)  # noqa: E731
        return self.task(network, name, "the token after the earlier occurrence", answers, condition=condition)

    def running_sum_sign(self) -> tuple[Network, Task]:
        network, name = self.sized()
        size, tokens = network.vocabulary[0], range(max(network.vocabulary))
        # tokens above half of the first vocabulary stand for negative numbers; answers: negative, zero, positive
        sums = RunningSum(tuple(t if 2 * t <= size else t - size for t in tokens), lambda s: 1 + (s > 0) - (s < 0))
        read = range(len(network.vocabulary))
        return self.task(network, name, "running sum sign", sums.answers, read=read, sums=sums)

    def sorted_list(self) -> tuple[Network, Task]:
        """Different numbers, a separator, the numbers in ascending order; each is read where the last one stands."""
        if self.parameter not in ("", "first"):
            self.refuse("its only parameter is first, for the first number alone")
        network = self.network()
        positions, separator = len(network.vocabulary), min(network.vocabulary) - 1
        length = positions // 2
        if positions % 2 == 0 or len(set(network.vocabulary)) > 1 or not 0 < length <= separator:
            self.refuse("it needs an odd number of positions, with the same tokens, more than numbers in a list")
        steps = 1 if self.parameter else length
        numbers, read = range(separator), range(length, length + steps)
        return self.task(
            network,
            f"{self.name}:first" if self.parameter else self.name,
            "the next of the sorted list",
            lambda t: sorted(t[:length])[:steps],
            [*[numbers] * length, range(separator, separator + 1), *[numbers] * length],
            read,
            "sorted",
            "pairs",
        )

    def table(self) -> tuple[Network, Task]:
        table = self.integers(self.parameter, "answers")
        network = self.network(len(table.shape))
        return self.task(network, self.name, "table", self.looked_up(network, table), tensors={"answers": table})

    def looked_up(self, network: Network, table: Tensor) -> Answers:
        """The entries of a table with one axis a position."""
        if table.shape != network.vocabulary:
            self.refuse(f"its table has shape {table.shape}, the network tokens {network.vocabulary}")

        def answers(t: Sequence[int]) -> Sequence[int]:
            place = 0
            for size, token in zip(table.shape, t, strict=True):
                place = place * size + token
            return (table.entries[place],)

        return answers

    def expression(self) -> tuple[Network, Task]:
        network = self.network()
        text, value = read_expression(self.parameter.strip(), len(network.vocabulary))
        return self.task(network, self.name, text, lambda t: (value(t),))

    def file(self) -> tuple[Network, Task]:
        """A task file: docs/your_task.md."""
        settings = read_toml(self.text)
        if unknown := sorted(set(settings) - FILE_KEYS):
            self.refuse(f"it has no setting {unknown[0]}")
        tokens = settings.get("tokens")
        if tokens is not None and "positions" in settings:
            self.refuse("it gives tokens and positions; one of them is enough")
        given = settings.get("positions") if tokens is None else len(tokens) if isinstance(tokens, list) else None
        if given is not None and not (type(given) is int and 0 < given < 1 << 31):
            self.refuse("positions must be a number from 1 on")
        network = self.network(given)
        sets = None if tokens is None else [self.token_set(given) for given in tokens]
        read = self.read_positions(settings.get("read", "last"), network.positions_left)
        condition = self.one_of(settings, "condition", CONDITIONS, "listed" if "list" in settings else "none")
        counted = self.one_of(settings, "counted", COUNTED, "inputs")
        if (condition == "listed") != ("list" in settings):
            self.refuse("condition listed and a list belong together")
        name, right, answers, tensors = self.answered(settings, network, read)
        rows = None
        if condition == "listed":
            tensors["list"] = self.integers(self.path(settings["list"]), "inputs")
            rows = self.rows(tensors["list"], network, sets)
        return self.task(network, name, right, answers, sets, read, condition, counted, tensors, rows)

    def path(self, value: Any) -> str:
        """A file named in the task file."""
        return seen_from(self.text, value) or self.refuse("a file must be named by its path, seen from it")

    def one_of(self, settings: dict[str, Any], name: str, values: Sequence[str], usual: str) -> str:
        value = settings.get(name, usual)
        return value if value in values else self.refuse(f"{name} must be one of {', '.join(values)}")

    def token_set(self, given: Any) -> list[int]:
        """``[first, last]``, or three or more tokens."""
        if not isinstance(given, list) or len(given) < 2 or not all(type(t) is int and 0 <= t < 1 << 31 for t in given):
            self.refuse("tokens must be [first, last], or a list of three or more, for each position")
        if len(given) == 2:
            within("the number of tokens", given[1] - given[0], MAX_TOKENS)
            return list(range(given[0], given[1] + 1))
        return sorted(set(given))

    def read_positions(self, given: Any, n: int) -> tuple[int, ...]:
        """``"last"``, ``"all"``, or a list of positions."""
        places = {"last": [n - 1], "all": list(range(n))}.get(given) if isinstance(given, str) else given
        if not isinstance(places, list) or not places or not all(type(p) is int and 0 <= p < n for p in places):
            self.refuse(f'read must be "last", "all", or a list of positions below {n}')
        if places != sorted(set(places)):
            self.refuse("read must name positions in ascending order, each once")
        return tuple(places)

    def rows(
        self, table: Tensor, network: Network, sets: Sequence[Sequence[int]] | None
    ) -> tuple[tuple[int, ...], ...]:
        """The rows of a list of inputs; each is an input of the token sets, none twice."""
        n = len(network.vocabulary)
        if len(table.shape) != 2 or table.shape[1] != n:
            self.refuse(f"its list has shape {table.shape}, expected one row of {n} tokens an input")
        rows = tuple(table.entries[i : i + n] for i in range(0, len(table.entries), n))
        allowed = [set(tokens) for tokens in sets or map(range, network.vocabulary)]
        for row in rows:
            if any(token not in tokens for token, tokens in zip(row, allowed, strict=True)):
                self.refuse(f"its list holds {row}, which is not among its tokens")
        if len(set(rows)) != len(rows):
            self.refuse("its list holds an input twice")
        return rows

    def answered(
        self, settings: dict[str, Any], network: Network, read: tuple[int, ...]
    ) -> tuple[str, str, Answers, dict[str, Tensor]]:
        """The name, the text of the right answer, the right answers, and the table they are from."""
        kinds = [key for key in ("answer", "answers", "table") if key in settings]
        if len(kinds) != 1:
            self.refuse("it must have one of answer, answers and table")
        value = settings[kinds[0]]
        if kinds == ["table"]:
            table = self.integers(self.path(value), "answers")
            look_up = self.looked_up(network, table)
            return "table", "table", lambda t: tuple(look_up(t)) * len(read), {"answers": table}
        texts = [value] if kinds == ["answer"] else value
        if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts) or len(texts) != len(read):
            self.refuse(f"it must give one expression for each of {len(read)} read positions")
        spelled, values = zip(*(read_expression(text, len(network.vocabulary)) for text in texts), strict=True)
        return "expression", "; ".join(spelled), lambda t: [value(t) for value in values], {}


KNOWN: dict[str, Callable[[_Making], tuple[Network, Task]]] = {
    "max-of-k": _Making.max_of_k,
    "kth-max": _Making.kth_max,
    "modular-addition": _Making.modular_addition,
    "group": _Making.group,
    "induction": _Making.induction,
    "induction-once": _Making.induction,
    "running-sum-sign": _Making.running_sum_sign,
    "sorted-list": _Making.sorted_list,
    "table": _Making.table,
    "expression": _Making.expression,
}


def read_task(text: str, description: Description) -> tuple[Network, Task]:
    """The task of this text, and the network on as many positions as the task has; E150 to E154."""
    making = _Making(text, description)
    if os.path.splitext(text)[1].lower() == ".toml" and ":" not in os.path.basename(text):
        return making.file()
    if making.name not in KNOWN:
        raise Failure(Code.E103, task=text, known=f"{', '.join(KNOWN)}, and task files (.toml)")
    return KNOWN[making.name](making)

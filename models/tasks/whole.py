"""Tasks on all inputs of a network, and whether a task fits its network."""

from __future__ import annotations

from collections.abc import Mapping

from ...engine.arithmetic.tensor import DyadicTensor
from ..network import Network
from .errors import TaskDoesNotFit
from .inputs import InputSet
from .task import Answer, Task


def positions_of(name: str, network: Network, wanted: str = "") -> int:
    """How many positions a task has: as ``wanted`` says, or all that the network has.

    Raises :class:`TaskDoesNotFit`.
    """
    most = network.most_positions
    if not wanted:
        if most is None:
            raise TaskDoesNotFit(name, "a number of positions, since the network has none of its own", "none")
        return most
    if not (wanted.isascii() and wanted.isdigit() and len(wanted) < 7) or not 1 <= int(wanted) <= (most or int(wanted)):
        raise TaskDoesNotFit(name, f"a number of positions from 1 to {most or 'any'}", wanted[:40])
    return int(wanted)


def number(name: str, text: str, least: int) -> int:
    """A parameter of a task; raises :class:`TaskDoesNotFit` unless it is an integer of at least ``least``."""
    if not (text.isascii() and text.isdigit() and len(text) < 10) or int(text) < least:
        raise TaskDoesNotFit(name, f"an integer of at least {least} behind the colon", repr(text[:40]))
    return int(text)


def all_tokens(network: Network, positions: int) -> InputSet:
    """Every tuple of tokens."""
    return InputSet(tuple(tuple(range(size)) for size in network.vocabulary(positions)))


def on_all_inputs(
    name: str, network: Network, answer: Answer, tensors: Mapping[str, DyadicTensor] | None = None
) -> Task:
    """The task with this answer on every input, read at the last position."""
    positions = positions_of(name, network)
    return Task(name, all_tokens(network, positions), read_last(network, positions), answer, tensors=tensors or {})


def read_last(network: Network, positions: int) -> tuple[int, ...]:
    """The last position of the logits: the only one where positions have been added up or joined."""
    return (network.check(positions).positions - 1,)


def pairs_with_sign(name: str, network: Network, order: int) -> InputSet:
    """Two tokens below ``order``, and the token ``order`` (an equals sign) at a third position if there is one.

    Raises :class:`TaskDoesNotFit` for a network of other positions.
    """
    positions = network.most_positions
    if positions not in (2, 3):
        raise TaskDoesNotFit(name, "a network of two or three positions", str(positions))
    tokens = tuple(range(order))
    return InputSet((tokens, tokens) if positions == 2 else (tokens, tokens, (order,)))


def check(task: Task, network: Network) -> Task:
    """The task itself, once its tokens, positions and answers fit the network.

    Answers are compared with the outputs where the inputs are evaluated.  Raises :class:`TaskDoesNotFit`.
    """
    logits = network.check(task.positions)
    for p, (tokens, size) in enumerate(zip(task.inputs.sets, network.vocabulary(task.positions), strict=True)):
        if tokens[-1] >= size:
            raise TaskDoesNotFit(task.name, f"tokens below {size} at position {p}", str(tokens[-1]))
    ascending = bool(task.read) and list(task.read) == sorted(set(task.read))
    if not ascending or task.read[0] < 0 or task.read[-1] >= logits.positions:
        expected = f"ascending read positions from 0 to {logits.positions - 1}"
        raise TaskDoesNotFit(task.name, expected, str(task.read)[:60])
    return task

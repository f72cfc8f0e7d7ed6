"""Every input of a task decided, block by block."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import reduce

import numpy as np

from ...engine.errors import MechproofError
from ...models.network import Network
from ...models.statement import Statement
from ...models.tasks.task import Task
from .block import Decider, Settings
from .loss import MOST_OUTPUTS
from .outcome import RIGHT, STAGES, UNDECIDED, WRONG, Loss, Margin, Outcome, least
from .processes import outcomes
from .storage import Blocks

MOST_INPUTS = 1 << 30
BLOCK_ENTRIES = 1 << 21  # a block's widest table has so many entries: 16 MiB
MOST_ROWS = 1 << 15
PROBE = 2048  # inputs that are evaluated to choose the precision
PATIENCE = 10_000  # inputs that the ladder may take in all
FINE = Fraction(1, 1 << 13)  # a radius of logits that leaves three digits of a loss
FINEST = Fraction(1, 1 << 27)  # one that leaves seven
FEW = 20_000  # so many inputs may all be taken by the ladder, for losses to seven digits

Progress = Callable[[int, int], None]


@dataclass(unsafe_hash=True)
class TooManyInputs(MechproofError):
    """An input set is too large to enumerate."""

    inputs: int
    limit: int
    others: str = ""  # why strategies for more inputs do not apply
    sentence = (
        "the task has {inputs} inputs, and enumeration takes at most {limit}{others}: take fewer positions "
        "(induction:5, say) or list some of the inputs in a task file (list = ...)"
    )


@dataclass(frozen=True, eq=False)
class Decision:
    """Exact counts over all inputs (or pairs of input and read position, as the task counts).

    ``margin``: the least margin over all inputs and read positions; None if there is one output only.  ``loss``: the
    mean cross-entropy over all pairs, enclosed; None if it was not asked for, for more than 2^12 outputs, or if an
    undecided input has none.  ``probability``: the mean over all pairs of the right output's softmax, likewise.
    ``stages``: how many pairs of input and read position fixed-point numbers, balls and
    exact tests settled, and how many are open.
    """

    task: Task
    rows: int
    right: int
    wrong: int
    undecided: int
    margin: Margin | None
    loss: Loss | None
    stages: dict[str, int]
    _packed: tuple[tuple[np.ndarray, np.ndarray], ...]
    probability: Loss | None = None

    def wrong_inputs(self) -> Iterator[tuple[tuple[int, ...], tuple[int, ...]]]:
        """(tokens, the read positions that are wrong) of every input that is wrong at some, in the inputs' order."""
        return self._listed(0)

    def undecided_inputs(self) -> Iterator[tuple[tuple[int, ...], tuple[int, ...]]]:
        """The same for the inputs that are undecided at some read position."""
        return self._listed(1)

    def _listed(self, which: int) -> Iterator[tuple[tuple[int, ...], tuple[int, ...]]]:
        reads = len(self.task.read)
        for tokens, packed in zip(self.task.inputs.blocks(self.rows), self._packed, strict=True):
            if not packed[which].any():
                continue
            flags = np.unpackbits(packed[which], count=len(tokens) * reads).reshape(-1, reads)
            for row in np.flatnonzero(flags.any(axis=1)).tolist():
                positions = tuple(p for p, flag in zip(self.task.read, flags[row].tolist(), strict=True) if flag)
                yield tuple(tokens[row].tolist()), positions


def decide(
    network: Network,
    task: Task,
    *,
    loss: bool = True,
    fine: bool = False,
    probability: bool = False,
    jobs: int = 1,
    progress: Progress | None = None,
    resume: str | os.PathLike[str] | None = None,
) -> Decision:
    """Decides every input; ``progress(done, inputs)`` is called after each block.

    The result depends on the network and the task alone: blocks are cut by their sizes, precision is chosen on the
    first inputs, and sums are exact, whatever ``jobs`` (processes).  ``resume`` is a file that keeps the finished
    blocks: a run that was stopped goes on from there.  ``fine``: losses to seven digits or so; ``probability`` goes
    with ``loss``.

    Raises :class:`TooManyInputs`, :class:`~.block.AnswerOutOfRange`, :class:`~.storage.RunFileUnusable`, and what
    checking the network raises.
    """
    size = task.inputs.size
    if size > MOST_INPUTS:
        raise TooManyInputs(size, MOST_INPUTS)
    network.check(task.positions)
    loss = loss and network.outputs <= MOST_OUTPUTS
    settings = chosen(network, task, loss=loss, fine=fine and loss, probability=probability and loss)
    found: dict[int, Outcome] = {}
    done = 0
    with ExitStack() as stack:
        stored: Blocks | None = None
        if resume is not None:
            run = f"{Statement(network, task).sha256} {settings}"
            stored = stack.enter_context(Blocks(resume, run))
            found = {outcome.number: outcome for outcome in stored}
            done = sum(len(outcome.verdicts) for outcome in found.values())
        blocks = enumerate(task.inputs.blocks(settings.rows))
        waiting = ((number, tokens) for number, tokens in blocks if number not in found)
        for outcome in outcomes(network, task, settings, waiting, jobs):
            if stored is not None:
                stored.add(outcome)
            found[outcome.number] = outcome
            done += len(outcome.verdicts)
            if progress is not None:
                progress(done, size)
    if done != size:
        raise AssertionError(f"{done} inputs were enumerated of {size}")
    return _added([found[number] for number in sorted(found)], task, settings)


def _added(found: Sequence[Outcome], task: Task, settings: Settings) -> Decision:
    """All blocks together, in order."""
    counts = [sum(numbers) for numbers in zip(*(outcome.counts(task.counted) for outcome in found), strict=True)]
    stages = {stage: sum(outcome.stages[stage] for outcome in found) for stage in STAGES}
    margin = reduce(least, (outcome.margin for outcome in found))
    mean, chance = (_mean([getattr(outcome, name) for outcome in found], task) for name in ("loss", "probability"))
    packed = tuple(
        (np.packbits(outcome.verdicts == WRONG), np.packbits(outcome.verdicts == UNDECIDED)) for outcome in found
    )
    return Decision(
        task, settings.rows, counts[RIGHT], counts[WRONG], counts[UNDECIDED], margin, mean, stages, packed, chance
    )


def _mean(sums: Sequence[Loss | None], task: Task) -> Loss | None:
    """Over all pairs of input and read position; None where a block has no sum."""
    known = [one for one in sums if one is not None]
    if len(known) < len(sums):
        return None
    pairs = Fraction(task.inputs.size * len(task.read))
    lower, upper = (sum((getattr(one, end) for one in known), Fraction(0)) for end in ("lower", "upper"))
    return Loss(lower / Fraction(pairs), upper / Fraction(pairs))


def chosen(network: Network, task: Task, *, loss: bool, fine: bool = False, probability: bool = False) -> Settings:
    """Block size and precision, from the network, the task and its first inputs alone."""
    widths = [matrix.shape[1] for matrix in network.values(task.positions).values()]
    rows = max(1, min(MOST_ROWS, BLOCK_ENTRIES // max(widths)))
    patience = FEW if fine and task.inputs.size <= FEW else max(64, PATIENCE * rows // task.inputs.size)
    narrow = Settings(rows, False, loss, patience, fine, probability)
    first = next(iter(task.inputs.blocks(min(rows, PROBE))))
    enough = Decider(network, task, narrow).suffices(first, FINEST if fine else FINE)
    return narrow if enough else replace(narrow, wide=True)

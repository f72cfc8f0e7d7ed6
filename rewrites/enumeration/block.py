"""One block of inputs: fixed-point integers for all of them, the ladder for those that they leave open."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from ...engine.arithmetic.fixed_point import LOST, Table, affine
from ...engine.domains.block import Block
from ...engine.domains.fixed import FixedDomain
from ...engine.errors import MagnitudeError, MechproofError
from ...engine.interpret import Interpreter
from ...models.layers.layer import Layer
from ...models.layers.unembed import Unembed
from ...models.network import Network
from ...models.tasks.task import Task
from .ladder import settle
from .loss import cross_entropy, probability, well_known
from .outcome import RIGHT, STAGES, UNDECIDED, WRONG, Loss, Margin, Outcome, end, least


@dataclass(unsafe_hash=True)
class AnswerOutOfRange(MechproofError):
    task: str
    tokens: tuple[int, ...]
    found: int
    outputs: int
    sentence = (
        "task {task}: the right answer on {tokens} is {found}, but the network has {outputs} outputs, counted from 0"
    )


@dataclass(frozen=True)
class Settings:
    """``rows``: inputs a block; ``wide``: two digits in large products; ``patience``: inputs that the ladder may take
    a block, the others stay undecided.  ``fine``: losses to some seven digits, where ``patience`` suffices;
    ``probability``: probabilities of right answers too, just as fine."""

    rows: int
    wide: bool
    loss: bool
    patience: int
    fine: bool = False
    probability: bool = False


class Decider:
    """A network on a task, ready to decide blocks."""

    def __init__(self, network: Network, task: Task, settings: Settings) -> None:
        self.task, self.settings = task, settings
        self.outputs = network.outputs
        self.twins = twins(network.layers[-1])
        self._run = Interpreter(network.term(task.positions, task.read), network.values(task.positions))

    def decide(self, number: int, tokens: np.ndarray) -> Outcome:
        """What is known of this block; raises :class:`AnswerOutOfRange`."""
        answers = self._answers(tokens)
        logits = self._logits(tokens)
        verdicts = np.empty(answers.shape, dtype=np.uint8)
        open_inputs = np.zeros(len(tokens), dtype=np.bool_)
        tied = self.twins[answers]
        compared = [self._compared(table, answers[:, read]) for read, table in enumerate(logits)]
        for read, found in enumerate(compared):
            verdicts[:, read] = found.verdicts
            open_inputs |= found.verdicts == UNDECIDED
            if self.settings.loss:
                open_inputs |= ~well_known(logits[read], fine=self.settings.fine)
        ladder = np.flatnonzero(open_inputs)[: self.settings.patience].tolist()
        left = open_inputs.copy()
        left[ladder] = False
        known = tied[~open_inputs]
        stages = dict.fromkeys(STAGES, 0) | {"fixed": int((~known).sum()), "exact": int(known.sum())}
        margin: Margin | None = None
        loss = Loss(Fraction(0), Fraction(0)) if self.settings.loss and not left.any() else None
        chance = loss if self.settings.probability else None
        for read, found in enumerate(compared):
            position = self.task.read[read]
            margin = least(margin, found.least(~open_inputs, tokens, position))
            margin = least(margin, found.least(left, tokens, position))
            stages["open"] += int((verdicts[left, read] == UNDECIDED).sum())
            stages["fixed"] += int((verdicts[left, read] != UNDECIDED).sum())
            if loss is not None and not open_inputs.all():
                known_logits, own = logits[read].rows(np.flatnonzero(~open_inputs)), answers[~open_inputs, read]
                loss += cross_entropy(known_logits, own, fine=self.settings.fine)
                chance = None if chance is None else chance + probability(known_logits, own)
        for row in ladder:
            settled = settle(self._run, tokens[row].tolist(), answers[row].tolist(), loss=self.settings.loss)
            for read, one in enumerate(settled):
                verdicts[row, read] = WRONG if tied[row, read] else one.verdict
                stages["exact" if tied[row, read] else one.stage] += 1
                margin = least(margin, one.least(tokens[row], self.task.read[read]))
                loss = None if loss is None or one.loss is None else loss + one.loss
                chance = None if chance is None or one.probability is None else chance + one.probability
        return Outcome(number, verdicts, margin, loss, stages, chance)

    def suffices(self, tokens: np.ndarray, radius: Fraction) -> bool:
        """Whether these settings decide all these inputs, with logits known up to ``radius``."""
        answers = self._answers(tokens)
        return all(
            bool((self._compared(table, answers[:, read]).verdicts != UNDECIDED).all())
            and (off := end(int(table.radius.max()), table.exponent, up=True)) is not None
            and off <= radius
            for read, table in enumerate(self._logits(tokens))
        )

    def _answers(self, tokens: np.ndarray) -> np.ndarray:
        answers = self.task.answer(tokens)
        outside = np.flatnonzero(((answers < 0) | (answers >= self.outputs)).any(axis=1))
        if len(outside):
            row = int(outside[0])
            strange = [a for a in answers[row].tolist() if not 0 <= a < self.outputs]
            raise AnswerOutOfRange(self.task.name, tuple(tokens[row].tolist()), strange[0], self.outputs)
        return answers

    def _logits(self, tokens: np.ndarray) -> list[Table]:
        """The logits at each read position, one row an input; unknown where numbers leave the fixed-point tables."""
        domain = FixedDomain(Block(tokens), wide=self.settings.wide)
        try:
            return [domain.every_input(row) for row in self._run.rows(domain)]
        except MagnitudeError:
            zeros = np.zeros((len(tokens), self.outputs), dtype=np.int64)
            return [Table(zeros, np.full(len(tokens), LOST, dtype=np.int64), 0) for _ in self.task.read]

    def _compared(self, logits: Table, answers: np.ndarray) -> Compared:
        """Lemma.  If |x_z - v_z| <= r for all logits, the margin x_c - max_{z≠c} x_z is within 2r of v_c - max_{z≠c}
        v_z. *Proof.*  x_c moves by at most r, and so does a maximum of numbers that do.  ∎

        The input is right if its margin is positive, and wrong if it is zero or negative.
        """
        rows = np.arange(len(answers))
        if self.outputs == 1:
            return Compared(np.full(len(rows), RIGHT, dtype=np.uint8), None, None, logits.exponent)
        own = logits.values[rows, answers]
        others = logits.values.copy()
        others[rows, answers] = -LOST
        margins = own - others.max(axis=1)
        slack = affine(logits.radius, 2, 0)
        known = slack < LOST
        verdicts = np.full(len(rows), UNDECIDED, dtype=np.uint8)
        verdicts[known & (margins > slack)] = RIGHT
        verdicts[known & (margins <= -slack) | self.twins[answers]] = WRONG
        return Compared(verdicts, margins, slack, logits.exponent)


def twins(unembed: Layer) -> np.ndarray:
    """Which outputs have the column of W_U and the bias of another: their logits are equal for every input.

    An input whose right answer is one of them is wrong, whatever the layers before compute.
    """
    assert isinstance(unembed, Unembed), "a checked network ends with its unembedding"
    rows = unembed.W_U.numerators.tolist() + ([] if unembed.b_U is None else [unembed.b_U.numerators.tolist()])
    columns = list(zip(*rows, strict=True))
    times = Counter(columns)
    return np.array([times[column] > 1 for column in columns], dtype=np.bool_)


@dataclass(frozen=True, eq=False)
class Compared:
    """Verdicts, and margins up to slack in units of 2^exponent (None where there is no other output)."""

    verdicts: np.ndarray
    margins: np.ndarray | None
    slack: np.ndarray | None
    exponent: int

    def least(self, which: np.ndarray, tokens: np.ndarray, position: int) -> Margin | None:
        """The least margin of these inputs."""
        rows = np.flatnonzero(which)
        if self.margins is None or self.slack is None or not len(rows):
            return None
        margins, slack = self.margins[rows], self.slack[rows]
        known = slack < LOST
        upper = np.where(known, margins + slack, np.iinfo(np.int64).max)
        row = int(upper.argmin())
        least_upper = end(int(upper[row]), self.exponent, up=True) if known.any() else None
        least_lower = end(int((margins - slack).min()), self.exponent, up=False) if known.all() else None
        return Margin(least_lower, least_upper, tuple(tokens[rows[row]].tolist()), position)

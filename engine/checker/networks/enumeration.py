"""Every input of a task is decided: right, wrong, or, past all means, undecided.

Outputs with equal columns of the unembedding, and equal biases, have equal logits: they tie, whatever is below. Other
inputs are decided by tables in words of 64 bits; those whose margin is not larger than its error by wider words; then
exactly, where a test of ties is known; then by the widest words. A tie is wrong. An undecided input counts on neither
side.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress

from ..errors import Code, Failure
from ..rule import Count
from .evaluator import Coarse
from .forms import Exact, NoTest
from .inputs import Inputs
from .passes import Passes

# What is known of one read position: right, wrong, or the outputs that may reach the right one.
Outcome = bool | list[int]
Means = Callable[[Sequence[int], Sequence[int], list[bool | list[int]]], list[bool | list[int]]]


def margin(logits: Sequence[int], right: int) -> int:
    """The right logit minus the largest other one; 0 where there is no other.

    >>> margin([5, 9, 3], 1), margin([5, 9, 3], 2), margin([5], 0)
    (4, -6, 0)
    """
    before, after = logits[:right], logits[right + 1 :]
    return logits[right] - max(max(before, default=logits[right - 1]), max(after, default=logits[right - 1]))


def judged(logits: Sequence[int], radius: int, right: int) -> Outcome:
    """What logits within ``radius`` say. An output that reaches the right one makes it wrong.

    >>> judged([5, 9, 3], 1, 1), judged([5, 9, 8], 1, 1), judged([5, 9, 3], 2, 0)
    (True, [2], False)
    """
    ahead = margin(logits, right)
    if len(logits) == 1 or ahead > 2 * radius:
        return True
    if ahead <= -2 * radius:
        return False
    return [x for x, logit in enumerate(logits) if x != right and logits[right] - logit <= 2 * radius]


class Deciding:
    """Decides the inputs of one task."""

    def __init__(self, passes: Passes) -> None:
        self.passes, self.task, self.plan, self.budget = passes, passes.task, passes.plan, passes.budget
        *first, wider, widest = map(self.evaluated, passes.words)
        softmax = any(layer.kind == "attention" for layer in passes.network.layers)
        self.means = (*first, *((wider, self.exactly) if softmax else (self.exactly, wider)), widest)
        rows = [matrix.rows() for name, matrix in passes.network.layers[-1].tensors.items()]
        columns = list(zip(*(row for matrix in rows for row in matrix.rows), strict=True))
        times = Counter(columns)
        # outputs with the column and the bias of another: they tie on every input
        self.twins = [times[column] > 1 for column in columns]

    def evaluated(self, words: int) -> Means:
        """By the pass with these words, where nothing was known before."""

        def decide(tokens: Sequence[int], answers: Sequence[int], known: list[Outcome]) -> list[Outcome]:
            found = self.passes.logits(words, tokens)
            new = [judged(logits, radius, right) for (logits, radius), right in zip(found, answers, strict=True)]
            return [before if isinstance(before, bool) else now for before, now in zip(known, new, strict=True)]

        return decide

    def exactly(self, tokens: Sequence[int], answers: Sequence[int], known: list[Outcome]) -> list[Outcome]:
        """By the exact test, of the outputs that are still open."""
        try:
            exact = Exact(self.plan, tokens, self.budget)
            places = self.plan.live[self.plan.last]
            return [
                outcome if isinstance(outcome, bool) else all(exact.above(p, right, x) for x in outcome)
                for p, right, outcome in zip(places, answers, known, strict=True)
            ]
        except NoTest:
            return known
        except Failure as failure:
            if failure.code in (Code.E240, Code.E241):
                return known
            raise

    def outcomes(self, tokens: Sequence[int], answers: Sequence[int]) -> list[Outcome]:
        """Whether the network is right, at each read position; the open outputs where that is undecided."""
        outputs = range(self.passes.network.outputs)
        known: list[Outcome] = [
            False if self.twins[right] else [x for x in outputs if x != right] or True for right in answers
        ]
        for decide in self.means:
            if all(isinstance(outcome, bool) for outcome in known):
                break
            with suppress(Coarse):
                known = decide(tokens, answers, known)
        return known

    def count(self, inputs: Inputs) -> tuple[int, int]:
        """The numbers of right and of wrong among some inputs (or pairs of input and position); all are visited.

        An input with several read positions is wrong when it is wrong at one of them.
        """
        right = wrong = 0
        for tokens, answers in self.passes.visited(inputs):
            outcomes = self.outcomes(tokens, answers)
            if self.task.counted == "pairs":
                right += outcomes.count(True)
                wrong += outcomes.count(False)
            else:
                right += all(outcome is True for outcome in outcomes)
                wrong += any(outcome is False for outcome in outcomes)
        return right, wrong


def counted(passes: Passes) -> Count:
    """How many inputs (or pairs) are right at least, and at most."""
    right, wrong = passes.summed(Deciding(passes).count)
    return Count(right, passes.task.size - wrong)

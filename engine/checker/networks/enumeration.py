"""Every input of a task is decided: right, wrong, or, past all means, undecided.

First by tables in words of 64 bits; inputs whose margin is not larger than its error by wider words; then exactly,
where a test of ties is known; then by the widest words. A tie is wrong. An undecided input counts on neither side.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress

from ..budget import Budget
from ..errors import Code, Failure
from ..rule import Count
from ..shards import in_shards
from .evaluator import Coarse, Evaluator, Reach, crude
from .folding import fold
from .forms import Exact, NoTest
from .inputs import Inputs
from .layers import Network
from .tables import Tables
from .task import Task

WIDER = 4
WIDEST = 16


# What is known of one read position: right, wrong, or the outputs that may reach the right one.
Outcome = bool | list[int]
Means = Callable[[Sequence[int], Sequence[int], list[bool | list[int]]], list[bool | list[int]]]


def judged(logits: Sequence[int], radius: int, right: int) -> Outcome:
    """What logits within ``radius`` say. An output that reaches the right one makes it wrong.

    >>> judged([5, 9, 3], 1, 1), judged([5, 9, 8], 1, 1), judged([5, 9, 3], 2, 0)
    (True, [2], False)
    """
    before, after = logits[:right], logits[right + 1 :]
    ahead = logits[right] - max(max(before, default=logits[right - 1]), max(after, default=logits[right - 1]))
    if len(logits) == 1 or ahead > 2 * radius:
        return True
    if ahead <= -2 * radius:
        return False
    return [x for x, logit in enumerate(logits) if x != right and logits[right] - logit <= 2 * radius]


class Deciding:
    """Decides the inputs of one task."""

    def __init__(self, network: Network, task: Task, budget: Budget) -> None:
        self.network, self.task, self.budget = network, task, budget
        self.plan = fold(network, task.read, budget)
        self.steps = 1
        first: Sequence[Means] = ()
        with suppress(Coarse):
            first = (self.by_tables(Tables(self.plan, task.tokens, budget)),)
        wide: Sequence[Means] = (self.evaluated(WIDER), self.exactly)
        softmax = any(layer.kind == "attention" for layer in network.layers)
        self.means = (*first, *(wide if softmax else wide[::-1]), self.evaluated(WIDEST))

    def by_tables(self, tables: Tables) -> Means:
        """By tables and words of 64 bits."""
        self.steps = tables.steps

        def decide(tokens: Sequence[int], answers: Sequence[int], known: list[Outcome]) -> list[Outcome]:
            return self.judge(tables.logits(tokens), answers, known)

        return decide

    def evaluated(self, words: int) -> Means:
        """By words of so many times 64 bits; the evaluator is made when it is first needed."""
        made: list[Evaluator] = []

        def decide(tokens: Sequence[int], answers: Sequence[int], known: list[Outcome]) -> list[Outcome]:
            if not made:
                reach = Reach(self.plan, crude(self.plan, self.task.tokens, self.budget), 1, self.budget)
                made.append(Evaluator(self.plan, reach, words, self.budget))
            self.budget.spend(made[0].steps_from(1))
            return self.judge(made[0].logits(tokens), answers, known)

        return decide

    @staticmethod
    def judge(found: list[tuple[list[int], int]], answers: Sequence[int], known: list[Outcome]) -> list[Outcome]:
        """What these logits say where nothing was known before."""
        new = [judged(logits, radius, right) for (logits, radius), right in zip(found, answers, strict=True)]
        return [before if isinstance(before, bool) else now for before, now in zip(known, new, strict=True)]

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

    def outcomes(self, tokens: Sequence[int]) -> list[Outcome]:
        """Whether the network is right, at each read position; the open outputs where that is undecided."""
        self.budget.spend(self.steps)
        answers = self.task.answers(tokens)
        outputs = range(self.network.outputs)
        for answer in answers:
            if answer not in outputs:
                what = f"{answer} is none of the outputs 0 ... {outputs[-1]}"
                raise Failure(Code.E152, input=tuple(tokens), what=what)
        known: list[Outcome] = [[x for x in outputs if x != right] or True for right in answers]
        for decide in self.means:
            with suppress(Coarse):
                known = decide(tokens, answers, known)
            if all(isinstance(outcome, bool) for outcome in known):
                break
        return known

    def count(self, inputs: Inputs) -> tuple[int, int]:
        """The numbers of right and of wrong among some inputs (or pairs of input and position); all are visited.

        An input with several read positions is wrong when it is wrong at one of them.
        """
        right = wrong = visited = 0
        for tokens in inputs:
            visited += 1
            outcomes = self.outcomes(tokens)
            if self.task.counted == "pairs":
                right += outcomes.count(True)
                wrong += outcomes.count(False)
            else:
                right += all(outcome is True for outcome in outcomes)
                wrong += any(outcome is False for outcome in outcomes)
        self.compare(visited, inputs.size())
        return right, wrong

    def compare(self, visited: int, size: int) -> None:
        """The two ways of computing the number of inputs must agree."""
        if visited != size:
            raise Failure(Code.E150, task=self.task.name, what=f"{visited} inputs were visited, there are {size}")


def counted(network: Network, task: Task, budget: Budget, jobs: int) -> Count:
    """How many inputs (or pairs) are right at least, and at most."""
    size = task.inputs.size()
    if size > budget.left * jobs:
        raise Failure(Code.E242, limit=budget.limit)
    deciding = Deciding(network, task, budget)
    if size * deciding.steps > budget.left * jobs:
        raise Failure(Code.E242, limit=budget.limit)
    blocks = task.inputs.blocks()
    deciding.compare(sum(block.size() for block in blocks), size)
    right, wrong = in_shards(lambda i: deciding.count(blocks[i]), len(blocks), jobs)
    return Count(right, task.size - wrong)

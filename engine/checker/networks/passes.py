"""The logits of every input of a task, by passes of growing precision."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass

from ..budget import Budget
from ..errors import Code, Failure
from ..shards import in_shards
from .evaluator import Coarse, Evaluator, reach
from .folding import fold
from .inputs import Inputs
from .layers import Network
from .tables import Tables
from .task import Task

WIDER = 4
WIDEST = 16


@dataclass(frozen=True)
class Pass:
    """One way to evaluate an input: the logits at every read position, in units of 2**-grid, each with a radius.

    ``steps`` is what an input takes.
    """

    grid: int
    steps: int
    logits: Callable[[Sequence[int]], list[tuple[list[int], int]]]


class Passes:
    """Evaluations of one task's inputs, each finer than the one before: by tables and words of 64 bits, where the grid
    is fine enough for that, then by wider words; these are made when they are first needed."""

    def __init__(self, network: Network, task: Task, budget: Budget, jobs: int = 1) -> None:
        self.network, self.task, self.budget, self.jobs = network, task, budget, jobs
        self.plan = fold(network, task.read, budget)
        self.made: dict[int, Pass] = {}
        with suppress(Coarse):
            tables = Tables(self.plan, task.tokens, budget)
            self.made[1] = Pass(tables.coarse.read_grid[self.plan.last], tables.steps, tables.logits)
        self.words = (*self.made, WIDER, WIDEST)
        self.steps = self.made[1].steps if self.made else 1

    def at(self, words: int) -> Pass:
        """The pass with words of so many times 64 bits."""
        if words not in self.made:
            made = Evaluator(self.plan, reach(self.plan, self.task.tokens, self.budget), words, self.budget)
            self.made[words] = Pass(made.read_grid[self.plan.last], made.steps_from(1), made.logits)
        return self.made[words]

    def logits(self, words: int, tokens: Sequence[int]) -> list[tuple[list[int], int]]:
        """The logits of an input by that pass, with their radii; :class:`Coarse` where it says nothing."""
        chosen = self.at(words)
        self.budget.spend(chosen.steps)
        return chosen.logits(tokens)

    def answers(self, tokens: Sequence[int]) -> Sequence[int]:
        """The right answers of an input; E152 where one is no output."""
        answers = self.task.answers(tokens)
        for answer in answers:
            if not 0 <= answer < self.network.outputs:
                what = f"{answer} is none of the outputs 0 ... {self.network.outputs - 1}"
                raise Failure(Code.E152, input=tuple(tokens), what=what)
        return answers

    def summed(self, count: Callable[[Inputs], tuple[int, int]]) -> tuple[int, int]:
        """The sums of ``count`` over disjoint blocks that are all inputs; ``jobs`` processes share the blocks.

        E242 where their budgets do not suffice for the first pass. The two ways of computing the number must agree.
        """
        size = self.task.inputs.size()
        if size * self.steps > self.budget.left * self.jobs:
            raise Failure(Code.E242, limit=self.budget.limit)
        blocks = self.task.inputs.blocks()
        self.compare(sum(block.size() for block in blocks), size)
        return in_shards(lambda i: count(blocks[i]), len(blocks), self.jobs)

    def visited(self, inputs: Inputs) -> Iterator[tuple[tuple[int, ...], Sequence[int]]]:
        """Each input with its right answers; that all of them were visited is seen at the end."""
        number = 0
        for tokens in inputs:
            number += 1
            yield tokens, self.answers(tokens)
        self.compare(number, inputs.size())

    def compare(self, visited: int, size: int) -> None:
        """The two ways of computing the number of inputs must agree."""
        if visited != size:
            raise Failure(Code.E150, task=self.task.name, what=f"{visited} inputs were visited, there are {size}")

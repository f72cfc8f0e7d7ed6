"""What a task says of sets of inputs: the sets there are at a read position, and the right answer where it is one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from math import prod

import numpy as np

from ...engine.box import Lists, ListSet, Product, Products, members
from ...engine.errors import MechproofError
from ...models.network import Network
from ...models.tasks.kth_max import KthLargest
from ...models.tasks.running_sum_sign import RunningSumSign
from ...models.tasks.task import Task

MOST_LOOKED_UP = 4096  # inputs of a set whose answers are compared one by one


@dataclass(unsafe_hash=True)
class NoBoxes(MechproofError):
    """Sets of inputs cannot be told of this task."""

    what: str
    sentence = "sets of inputs cannot be told of {what}"


class ReadPosition:
    """One read position of a task: its sets of inputs, and their right answers.

    ``ignored``: so many tuples of tokens behind the position, which a causal network does not see; every set of inputs
    stands for so many times its size.
    """

    def __init__(self, network: Network, task: Task, index: int) -> None:
        self.task, self.index, self.position = task, index, task.read[index]
        causal = all(getattr(layer, "mask", "causal") == "causal" for layer in network.layers)
        prefix_alone = isinstance(task.answer, RunningSumSign) or task.inputs.condition == "sorted"
        if self.position < task.positions - 1 and not (causal and prefix_alone):
            raise NoBoxes("a network that is read before its last position, where later tokens may count")
        if task.inputs.condition not in ("none", "sorted"):
            raise NoBoxes(f"inputs with the condition {task.inputs.condition!r}")
        self.vocabulary = network.vocabulary(task.positions)
        self.sets = task.inputs.sets[: self.position + 1]

    @cached_property
    def space(self) -> Products | Lists:
        if self.task.inputs.condition == "sorted":
            length = self.task.positions // 2
            return Lists(length, len(self.task.inputs.sets[0]), self.position - length)
        return Products(self.sets, self.labels)

    @cached_property
    def labels(self) -> tuple[int, ...] | None:
        """The number of each token, where the answer is about their sum."""
        answer = self.task.answer
        if not isinstance(answer, RunningSumSign):
            return None
        return tuple(t if 2 * t <= answer.d_vocab else t - answer.d_vocab for t in range(answer.d_vocab))

    @cached_property
    def ignored(self) -> int:
        if self.task.inputs.condition == "sorted":
            return 1
        return prod(len(tokens) for tokens in self.task.inputs.sets[self.position + 1 :])

    def query(self, node: Product | ListSet) -> int | None:
        """The token at the read position; None where it is not one."""
        if isinstance(node, ListSet):
            return None if node.next < 0 else node.before if node.before >= 0 else self.sets[self.position][0]
        bits = node.sets[self.position]
        return bits.bit_length() - 1 if bits & bits - 1 == 0 else None

    def answer(self, node: Product | ListSet) -> int | None:
        """The right answer on the whole set, or None where there is none, or none that can be told.

        The maximum, and the j-th largest, do not fall when a token grows: they are constant where they agree on the
        smallest and on the largest tokens.
        """
        if isinstance(node, ListSet):
            return None if node.next < 0 else node.next
        if isinstance(self.task.answer, RunningSumSign):
            assert isinstance(self.space, Products), "running sums are of products"
            low, high = self.space.range_of(node)
            return 0 if high < 0 else 2 if low > 0 else 1 if low == high == 0 else None
        if isinstance(self.task.answer, KthLargest) or self.task.answer.text == "max(t)":
            return self._same([[members(bits)[0] for bits in node.sets], [members(bits)[-1] for bits in node.sets]])
        size = prod(bits.bit_count() for bits in node.sets)
        return self._same(list(self.inputs(node))) if size <= MOST_LOOKED_UP else None

    def inputs(self, node: Product) -> Iterator[tuple[int, ...]]:
        """All inputs of a product, one for each tuple of the tokens that count."""
        assert isinstance(self.space, Products), "only products are enumerated"
        rest = tuple(tokens[0] for tokens in self.task.inputs.sets[self.position + 1 :])
        return ((*found, *rest) for found in self.space.inputs(node))

    def _same(self, inputs: list[list[int]] | list[tuple[int, ...]]) -> int | None:
        answers = set(self.task.answer(np.array(inputs, dtype=np.int64))[:, self.index].tolist())
        return answers.pop() if len(answers) == 1 else None

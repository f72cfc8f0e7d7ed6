"""Networks of two tokens with one hidden layer of ReLU, logits(x, y) = ReLU(l(x) + r(y)) u + b, exactly and on grids.

*Grids.* Let s_i > 0 and T be natural numbers, and l', r', u', b' the integers nearest to s_i l_i, s_i r_i,
2^T u_i / s_i less any integer c_i, and 2^T b. The ReLU h' of the integers differs from h = s_i ReLU(l_i + r_i) by at
most 1, so (2^T u_i / s_i - c_i) h - u'_i h' = u'_i (h - h') + (2^T u_i / s_i - c_i - u'_i) h is at most
|u'_i| + (h' + 1) / 2 in size. What c_i takes away is the same for all outputs. So 2^T times a difference of two logits
is within ``slack`` of that of the integers: two outputs, and a half for each b'.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..budget import Budget
from ..dyadic import Matrix, added, in_units, matrix, plus_row, product
from ..networks.folding import Plan, fold
from ..networks.layers import Network
from ..networks.task import Task

Rows = list[list[int]]


class OtherForm(Exception):
    """Raised, with the reason, for another network or task."""


@dataclass(frozen=True)
class Form:
    """``left``, ``right``: a row a token of the two free positions; ``out``: a row a neuron; ``bias``: one row.

    ``answers[x][y]`` is the right answer, x and y numbering the tokens.
    """

    left: Matrix
    right: Matrix
    out: Matrix
    bias: Matrix
    answers: Rows

    def right_exactly(self, x: int, y: int) -> bool:
        """Whether the right logit is larger than every other one."""
        unit = min(self.left.exponent, self.right.exponent)
        (a,), (b,) = (in_units(matrix([row], m.exponent), unit) for row, m in self.rows(x, y))
        hidden = [max(p + q, 0) for p, q in zip(a, b, strict=True)]
        sums = [sum(map(int.__mul__, hidden, column)) for column in zip(*self.out.rows, strict=True)]
        (logits,) = added(matrix([sums], unit + self.out.exponent), self.bias).rows
        answer = self.answers[x][y]
        return all(logits[answer] > logit for z, logit in enumerate(logits) if z != answer)

    def rows(self, x: int, y: int) -> tuple[tuple[tuple[int, ...], Matrix], tuple[tuple[int, ...], Matrix]]:
        """The two tokens' rows, with the tables that they are from."""
        return (self.left.rows[x], self.left), (self.right.rows[y], self.right)


@dataclass(frozen=True)
class Grid:
    """The integers l', r', u' (a row a neuron) and b', and the slack of their differences."""

    left: Rows
    right: Rows
    out: Rows
    bias: list[int]
    slack: int


def form_of(network: Network, task: Task, budget: Budget) -> Form:
    """The form of the network on the task; :class:`OtherForm` when there is none."""
    free = [p for p, tokens in enumerate(task.tokens) if len(tokens) > 1]
    if len(free) != 2 or task.condition != "none" or len(task.read) != 1:
        raise OtherForm("the task has not two tokens that vary freely and one position to read")
    plan = fold(network, task.read, budget)
    hidden = [i for i in plan.readers if i != plan.last]
    positions = range(len(task.tokens))
    places = {*((0, p) for p in positions), *((i, 0) for i in hidden)}
    if len(hidden) != 1 or plan.paths.keys() != places or any(len(paths) != 1 for paths in plan.paths.values()):
        raise OtherForm("the network is not linear but for one layer after its positions are added up or joined")
    layer, settings = hidden[0], network.layers[hidden[0]].settings
    if settings.get("function") != "relu" or settings.get("gated") or any(r.extra for r in plan.readers.values()):
        raise OtherForm("its hidden layer is not a ReLU, or something reads through a norm")
    tables = [_table(plan, p, task.tokens[p], budget) for p in positions]
    left, right = tables[free[0]], tables[free[1]]
    for row in (*(tables[p] for p in positions if p not in free), *_constants(plan, layer)):
        left = plus_row(left, row)
    ((_, out),) = plan.paths[layer, 0]
    bias = matrix([[0] * network.outputs], 0)
    for row in _constants(plan, plan.last):
        bias = added(bias, row)
    first, second = (task.tokens[p] for p in free)
    tokens = [tokens[0] for tokens in task.tokens]
    answers: Rows = []
    for x in first:
        tokens[free[0]] = x
        answers.append([task.answers((*tokens[: free[1]], y, *tokens[free[1] + 1 :]))[0] for y in second])
    if not all(0 <= answer < network.outputs for row in answers for answer in row):
        raise OtherForm("a right answer is no output")
    return Form(left, right, out, bias, answers)


def _table(plan: Plan, p: int, tokens: Sequence[int], budget: Budget) -> Matrix:
    """What the hidden layer reads of position p, a row a token."""
    ((_, path),) = plan.paths[0, p]
    rows = [plan.embedding(p, t) for t in tokens]
    return product(matrix((row for row, _ in rows), rows[0][1]), path, budget)


def _constants(plan: Plan, layer: int) -> list[Matrix]:
    """The rows that are added to what the layer reads, whatever the tokens are."""
    return [row for by in plan.constants.values() for place, row in by.items() if place == (layer, 0)]


def _nearest(value: int, exponent: int, top: int, bottom: int) -> int:
    """The integer nearest to value * 2**exponent * top / bottom, the larger one of two."""
    top, bottom = (top << exponent, bottom) if exponent >= 0 else (top, bottom << -exponent)
    return (2 * value * top + bottom) // (2 * bottom)


def on_grids(form: Form, bits: int, scales: Sequence[int]) -> Grid:
    """The network on grids; ``scales`` has one s_i > 0 a neuron. c_i is the mean of a neuron's weights, rounded."""

    def rounded(table: Matrix) -> Rows:
        return [[_nearest(v, table.exponent, s, 1) for v, s in zip(row, scales, strict=True)] for row in table.rows]

    left, right = rounded(form.left), rounded(form.right)
    out = [
        [_nearest(v, form.out.exponent + bits, 1, s) for v in row] for row, s in zip(form.out.rows, scales, strict=True)
    ]
    for row in out:
        centre = sum(row) // len(row)
        row[:] = [v - centre for v in row]
    bias = [_nearest(v, form.bias.exponent + bits, 1, 1) for v in form.bias.rows[0]]
    weights = max(sum(map(abs, column)) for column in zip(*out, strict=True))
    tops = zip(*(map(max, zip(*table, strict=True)) for table in (left, right)), strict=True)
    active = sum(max(a + b, 0) for a, b in tops)
    return Grid(left, right, out, bias, 2 * weights + active + len(scales) + 1)

"""From a quotient to a count: where it leaves open which of two outputs is larger, both are evaluated, on the grids
and then exactly.

Theorem.  An input without open rivals is right.  Another one is right if F_c - F_z > slack for every open rival z, and
wrong if F_z - F_c >= slack for one; what is left is decided by the exact signs of all differences, which are dyadic
rationals where the form is the network itself.

Without evaluation (``evaluate`` is False) the others count on neither side, and neither do those whose integers leave
them open where the form is only near the network.

Proof.  The other outputs are no rivals by the premise; [@grid-margin] for each difference; the last case is the
definition.  ∎

Cost: with k open rivals an input takes its hidden layer, one column of u for its own logit and k for theirs, and k
comparisons: (k + 3) m + k where brute force takes m C.

Source: mechproof; what the quotient leaves is evaluated.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...engine.arithmetic.dyadic import DyadicMatrix
from ...engine.claim import Shown
from ...engine.cost import Cost
from ...engine.digest import digest
from ...engine.ledger import Ledger
from ...engine.rule import NotEstablished, Rule
from ...models.statement import Statement
from ..enumeration.outcome import RIGHT, UNDECIDED, WRONG
from .accepted_inputs import AcceptedInputs
from .count import Count
from .grid_network import GRID_MARGIN, GridNetwork
from .network_function import NetworkFunction
from .quotient import Accepted
from .separable_relu import SeparableRelu

TRIPLES = 1 << 14  # so many inputs with a rival are evaluated together


LEDGER = (
    "Each row is a first token $x$: how many of its inputs the tier accepts, and how many of the others evaluation "
    "finds right and wrong. The second and the third column add up to the number of inputs that are shown right."
)


@dataclass(frozen=True, eq=False)
class QuotientCount(Count):
    """Of the statement's inputs some are accepted ``by`` a tier, and so many of the others found right or wrong by
    evaluation, if they were evaluated."""

    statement: Statement
    by: AcceptedInputs
    evaluated_right: int
    wrong: int
    evaluate: bool

    @property
    def accepted(self) -> int:
        return self.by.count

    @property
    def low(self) -> int:
        return self.accepted + self.evaluated_right

    @property
    def high(self) -> int:
        return self.statement.inputs - self.wrong

    def identity(self) -> str:
        counts = [hex(count) for count in (self.accepted, self.evaluated_right, self.wrong)]
        return digest([self.statement.sha256, counts])

    def shown(self) -> Shown:
        rule, encode = self.by.check(evaluate=self.evaluate)
        return Shown(rule, (NetworkFunction(self.statement),), encode)

    def sentence(self) -> str:
        left = self.statement.inputs - self.accepted
        rest = f"of the other ${left}$ it is right on ${self.evaluated_right}$ and wrong on ${self.wrong}$"
        return (
            f"The network is right on the ${self.accepted}$ inputs that are accepted without being evaluated; {rest}."
        )


class Cascade(Rule):
    """No advice; ``evaluate``: whether the inputs that are left are evaluated."""

    name = "cascade"
    premises = (Accepted, SeparableRelu)
    lemmas = (GRID_MARGIN,)
    derivation = (
        "Accepted inputs are right; of the others the right output and its open rivals are evaluated on the grids and "
        "compared by [@grid-margin], and exactly where that leaves an input open."
    )
    cost = Cost()

    def __init__(self, *, evaluate: bool = True) -> None:
        self.evaluate = evaluate

    def conclude(self, premises: Sequence[Any], advice: Any) -> QuotientCount:
        accepted, form = premises
        if accepted.grid.statement is not form.statement:
            raise NotEstablished(self.tag, "the premises are about two statements")
        right = wrong = 0
        if self.evaluate:
            verdicts = evaluated(accepted.grid, form, accepted.rivals)
            right, wrong = int((verdicts == RIGHT).sum()) - accepted.count, int((verdicts == WRONG).sum())
        return QuotientCount(form.statement, accepted, right, wrong, self.evaluate)

    def ledger(self, premises: Sequence[Any], advice: Any) -> Ledger:
        accepted, form = premises
        taken = accepted.accepted
        verdicts = (
            evaluated(accepted.grid, form, accepted.rivals) if self.evaluate else np.where(taken, RIGHT, UNDECIDED)
        )
        rows = tuple(
            (x, int(row.sum()), int(((verdicts[x] == RIGHT) & ~row).sum()), int((verdicts[x] == WRONG).sum()))
            for x, row in enumerate(taken)
        )
        return Ledger("count.csv", ("x", "accepted", "right by evaluation", "wrong"), rows, LEDGER)

    def charge(self, premises: Sequence[Any], advice: Any) -> Cost:
        accepted: Accepted = premises[0]
        if not self.evaluate:
            return Cost()
        neurons, rivals = len(accepted.grid.out), accepted.rivals_left
        left = accepted.accepted.size - accepted.count
        return Cost(multiply=(left + rivals) * neurons, add=left * neurons, compare=left * neurons + rivals)


def evaluated(grid: GridNetwork, form: SeparableRelu, rivals: np.ndarray) -> np.ndarray:
    """RIGHT, WRONG or, only of a network near which the form is, UNDECIDED, for each input (n × n'); ``rivals`` as in
    :class:`~.quotient.Accepted`."""
    found = np.full(grid.answers.shape, RIGHT, dtype=np.uint8)
    for x, row in enumerate(rivals):
        tokens, outputs = np.nonzero(np.unpackbits(row, axis=1))
        if not len(tokens):
            continue
        first = np.flatnonzero(np.diff(tokens, prepend=-1))
        least = np.minimum.reduceat(leads(grid, np.full_like(tokens, x), tokens, outputs), first)
        verdicts = np.where(least > grid.slack, RIGHT, WRONG)
        for k in np.flatnonzero(np.abs(least) <= grid.slack):
            if least[k] > -grid.slack:
                verdicts[k] = _exact_verdict(form, x, int(tokens[first[k]])) if form.exact else UNDECIDED
        found[x, tokens[first]] = verdicts
    return found


def leads(grid: GridNetwork, x: np.ndarray, y: np.ndarray, z: np.ndarray) -> np.ndarray:
    """F_c - F_z for every input (x[k], y[k]) and output z[k]; equal inputs stand together."""
    found, columns = np.empty(len(z), dtype=np.int64), np.ascontiguousarray(grid.out.T)
    for start in range(0, len(z), TRIPLES):
        a, b, other = (part[start : start + TRIPLES] for part in (x, y, z))
        new = np.diff(a * len(grid.right) + b, prepend=-1) != 0
        place = np.cumsum(new) - 1
        a, b = a[new], b[new]
        own = grid.answers[a, b]
        hidden = np.maximum(grid.left[a] + grid.right[b], 0)
        logits = (hidden * columns[own]).sum(axis=1) + grid.left_out[a, own] + grid.right_out[b, own]
        a, b = a[place], b[place]
        rivals = (hidden[place] * columns[other]).sum(axis=1) + grid.left_out[a, other] + grid.right_out[b, other]
        found[start : start + TRIPLES] = logits[place] - rivals
    return found


def _exact_verdict(form: SeparableRelu, x: int, y: int) -> int:
    """By the exact logits of one input."""
    before = form.left.row(x) + form.right.row(y)
    hidden = [max(int(entry), 0) for entry in before.integers()[0]]
    logits = DyadicMatrix.from_integers(1, len(hidden), hidden, before.exponent) @ form.out
    logits += form.left_out.row(x) + form.right_out.row(y)
    answer = int(form.answers[x, y])
    numbers = logits.integers()[0]
    return RIGHT if all(numbers[answer] > other for z, other in enumerate(numbers) if z != answer) else WRONG

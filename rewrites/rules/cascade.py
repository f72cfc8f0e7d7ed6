"""From accepted inputs to a count: the inputs that a quotient leaves are evaluated, on the grids and then exactly.

Theorem.  An input that was accepted is right.  Another one is right if F_c - F_z > slack for every z ≠ c, and wrong if
F_z - F_c >= slack for one; what is left is decided by the exact signs of the differences, which are dyadic rationals
where the form is the network itself.

Without evaluation (``evaluate`` is False) the others count on neither side, and neither do those whose integers leave
them open where the form is only near the network.

Proof.  [@grid-margin] for each difference; the last case is the definition.  ∎

Source: mechproof; what the quotient leaves is evaluated.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...engine.arithmetic.dyadic import DyadicMatrix
from ...engine.arithmetic.integer_product import integer_product
from ...engine.claim import Shown
from ...engine.cost import Cost
from ...engine.digest import digest
from ...engine.rule import NotEstablished, Rule
from ...models.statement import Statement
from ..enumeration.outcome import RIGHT, UNDECIDED, WRONG
from .accepted_inputs import AcceptedInputs
from .count import Count
from .grid_network import GRID_MARGIN, GridNetwork
from .network_function import NetworkFunction
from .quotient import Accepted
from .separable_relu import SeparableRelu

ROWS = 1 << 13  # so many inputs are evaluated together


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
            f"The network is right on the ${self.accepted}$ inputs that the tier accepts ({self.by.variant}); {rest}."
        )


class Cascade(Rule):
    """No advice; ``evaluate``: whether the inputs that are left are evaluated."""

    name = "cascade"
    premises = (Accepted, SeparableRelu)
    lemmas = (GRID_MARGIN,)
    derivation = (
        "Accepted inputs are right; the others are evaluated on the grids and decided by [@grid-margin], and exactly "
        "where that leaves them open."
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
            verdicts = evaluated(accepted.grid, form, np.stack(np.nonzero(~accepted.accepted), axis=1))
            right, wrong = int((verdicts == RIGHT).sum()), int((verdicts == WRONG).sum())
        return QuotientCount(form.statement, accepted, right, wrong, self.evaluate)

    def charge(self, premises: Sequence[Any], advice: Any) -> Cost:
        accepted: Accepted = premises[0]
        neurons, outputs = accepted.grid.out.shape
        left = (accepted.accepted.size - accepted.count) * self.evaluate
        return Cost(multiply=left * neurons * outputs)  # as brute force is counted


def evaluated(grid: GridNetwork, form: SeparableRelu, inputs: np.ndarray) -> np.ndarray:
    """RIGHT, WRONG or, only of a network near which the form is, UNDECIDED, for each row (x, y) of ``inputs``."""
    found = np.zeros(len(inputs), dtype=np.uint8)
    for start in range(0, len(inputs), ROWS):
        x, y = inputs[start : start + ROWS].T
        logits = integer_product(np.maximum(grid.left[x] + grid.right[y], 0), grid.out)
        logits += grid.left_out[x] + grid.right_out[y]
        here = (np.arange(len(x)), grid.answers[x, y])
        own = logits[here]
        logits[here] = own - 2 * grid.slack  # so that it is no rival
        margin = own - logits.max(axis=1)
        verdicts = np.where(margin > grid.slack, RIGHT, WRONG)
        for k in np.flatnonzero((margin > -grid.slack) & (margin <= grid.slack)):
            verdicts[k] = _exact_verdict(form, int(x[k]), int(y[k])) if form.exact else UNDECIDED
        found[start : start + ROWS] = verdicts
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

"""What a proof by quotients, or by a readout, costs beside brute force, and what it found: for the command line, JSON
and transcripts.

The unit is brute force, m n n' C multiply-adds: every input through every neuron to every output.  The verifier's
multiply-adds, additions and comparisons count one each.  Composing the tables l, r, u is common to both and counted for
neither; the search for advice is not part of the proof.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from ..engine.arithmetic.printing import ceil_str
from ..engine.explain import price
from ..engine.graph import ProofGraph
from ..engine.transcript import Section, Table, paragraph, prose
from .quotient_figures import class_figures, left_figures
from .rules.accepted_inputs import AcceptedInputs
from .rules.cascade import QuotientCount
from .rules.quotient import Accepted
from .rules.quotient_loss import QuotientLoss

DIGITS = 4
ENUMERATES = "enumeration/1"


@dataclass(frozen=True)
class Account:
    """``tier``: the quotient's cost, ``rest``: that of evaluating what it leaves open; shares of brute force."""

    accepted: AcceptedInputs
    tier: Fraction
    rest: Fraction

    @property
    def ratio(self) -> Fraction:
        return self.tier + self.rest

    def data(self) -> dict[str, Any]:
        """For ``--json``: ratios as decimals rounded up."""
        return {
            "cost_ratio": ceil_str(self.ratio, DIGITS),
            "tier": self.accepted.variant,
            "tier_cost_ratio": ceil_str(self.tier, DIGITS),
            "tier_accepts": self.accepted.count,
        }

    def sentence(self) -> str:
        """The same in words."""
        left = "the others are decided by the outputs left open" if self.rest else "no other is evaluated"
        return (
            f"cost {ceil_str(self.ratio, DIGITS)} of brute force: {self.accepted.variant} accepts "
            f"{self.accepted.count} of {self.accepted.accepted.size} inputs at {ceil_str(self.tier, DIGITS)}, {left}"
            f"{self.gain}"
        )

    def told(self) -> str:
        """The same for readers who do not know the tiers' names."""
        accepted, size = self.accepted.count, self.accepted.accepted.size
        rest = (
            f" The others are decided by evaluating the outputs left open, at {ceil_str(self.rest, DIGITS)} of it."
            if self.rest
            else " No input is evaluated."
        )
        return f"The quotient accepts {accepted} of {size} inputs at {ceil_str(self.tier, DIGITS)} of that.{rest}"

    @property
    def gain(self) -> str:
        """A remark where there is none."""
        return "" if self.ratio < 1 else "; this does not pay: the strategy enumerate costs 1"

    def section(self) -> Section:
        """The blocks, and the cost."""
        blocks = [
            paragraph(
                f"Brute force, every input through every neuron to every output, takes {self.accepted.brute} "
                f"multiply-adds. {self.told()}"
            )
        ]
        if self.accepted.check(evaluate=True)[0] == ENUMERATES:
            blocks.append(
                paragraph(
                    "The certificate shows the same count by evaluating every input: the checker knows no shorter way "
                    "for networks with attention."
                )
            )
        if not isinstance(self.accepted, Accepted):
            return Section("What it costs", tuple(blocks))
        rows = tuple(
            (
                prose(str(len(block.neurons))),
                *(
                    prose("every token" if side is None else str(len(side.shares)))
                    for side in (block.left, block.right)
                ),
            )
            for block in self.accepted.advice.blocks
        )
        return Section(
            "The quotient and its cost",
            (
                *blocks,
                paragraph("Blocks of neurons, and how many classes of tokens they see:"),
                Table((prose("neurons"), prose("classes of $x$"), prose("classes of $y$")), rows, sides=("right",) * 3),
                *class_figures(self.accepted),
                *left_figures(self.accepted),
            ),
        )


@dataclass(frozen=True)
class LossAccount(Account):
    """The same for a mean loss: ``rest`` holds the exponentials, and the leads that are evaluated."""

    accepted: Accepted

    def data(self) -> dict[str, Any]:
        """For ``--json``: ratios as decimals rounded up."""
        return {
            "cost_ratio": ceil_str(self.ratio, DIGITS),
            "tier": self.accepted.variant,
            "tier_cost_ratio": ceil_str(self.tier, DIGITS),
            "evaluated": self.accepted.rivals_left,
        }

    def sentence(self) -> str:
        """The same in words."""
        evaluated = self.accepted.rivals_left
        leads = self.accepted.accepted.size * (self.accepted.grid.out.shape[1] - 1)
        return (
            f"cost {ceil_str(self.ratio, DIGITS)} of brute force: {self.accepted.variant} bounds the leads of the "
            f"right output at {ceil_str(self.tier, DIGITS)}, {evaluated} of {leads} are evaluated{self.gain}"
        )

    def told(self) -> str:
        """The same for readers who do not know the tiers' names."""
        return (
            f"The quotient bounds the right output's lead over every other one at {ceil_str(self.tier, DIGITS)} of it. "
            f"Exponentials, and the {self.accepted.rivals_left} leads that are evaluated, take "
            f"{ceil_str(self.rest, DIGITS)}."
        )


def account(graph: ProofGraph, goal: int) -> Account | None:
    """The account of a proof by quotients; None for any other."""
    tier = rest = 0
    accepted = None
    for step in graph.proof(goal):
        claim = graph.claim(step.claim)
        if isinstance(claim, AcceptedInputs):
            tier += price(graph, step, {})
            accepted = claim
        elif isinstance(claim, QuotientCount | QuotientLoss):
            rest += price(graph, step, {})
    if accepted is None:
        return None
    costs = Fraction(tier, accepted.brute), Fraction(rest, accepted.brute)
    if isinstance(accepted, Accepted) and isinstance(graph.claim(goal), QuotientLoss):
        return LossAccount(accepted, *costs)
    return Account(accepted, *costs)

"""How every transcript opens: the theorem in a sentence, and what a reader must assume and trust."""

from __future__ import annotations

from ..engine.transcript import Block, Code, Listing, Paragraph, Section, Statement, Text, paragraph, passage
from ..models.statement import Statement as Problem
from .network_sections import NETWORK, TASK
from .rules.accuracy import Accuracy
from .rules.least_margin import LeastMargin
from .rules.loss import Loss

Theorem = Accuracy | Loss | LeastMargin
NAMES = {"margin": "least margin"}
MEANT = {
    "accuracy": "the share of them on which the logit of the right answer is strictly larger than every other",
    "loss": "the mean of $-\\log \\mathrm{softmax}(\\mathrm{logits})_c$ over them and over the positions at which "
    "the logits are read, $c$ the right answer and $\\log$ the natural logarithm",
    "margin": "the least value, over them and over the positions at which the logits are read, of the right answer's "
    "logit minus the largest other logit",
}
REAL = "It is about real arithmetic, not about a floating-point run."


def theorem_section(theorem: Theorem, name: str) -> Section:
    """What is proved, of which network; ``name`` is for people."""
    statement = theorem.statement
    decimals = f" {theorem.in_decimals()}" if isinstance(theorem, Accuracy) else ""
    body = passage(
        f"""
        Let $\\mathrm{{logits}}$ be the real function that the layers of [@{NETWORK}] define with the stored weights,
        and take the {statement.inputs} {statement.unit} of [@{TASK}].
        Its {NAMES.get(theorem.kind, theorem.kind)} is {MEANT[theorem.kind]}.

        {theorem.sentence()}{decimals}
        """
    )
    subject = Paragraph(
        (
            Text("The network: "),
            Code(name),
            Text(". The task: "),
            Code(statement.task.name),
            Text(". The statement's hash: "),
            Code(f"sha256:{statement.sha256}"),
            Text("."),
        )
    )
    return Section("Theorem", (Statement("theorem", theorem.kind, (), (*body, subject)),))


def trust_section(statement: Problem, about: str = REAL, told: str = "") -> Section:
    """What the weights leave open, and what must be trusted; ``told`` is an assumption that is said elsewhere."""
    points = [point for point in statement.network.assumed if not told or told not in point]
    blocks: list[Block] = []
    if points:
        items = tuple((Paragraph((Text(point[:1].upper() + point[1:] + "."),)),) for point in points)
        blocks += [paragraph("The weights alone do not fix a function. The reader assumes:"), Listing(items)]
    blocks += passage(
        f"""
        {"Beyond that, what" if points else "What"} must be trusted is:

        - The statement: that the theorem above is what you want to know. {about}
        - The written proofs of the lemmas below.
        - One of two programs: the prover (with FLINT/Arb for integers and balls), or the independent checker, which
          shares no code with it and needs only the Python standard library, and reads your own copy of the weights.
        """
    )
    return Section("What is assumed and what must be trusted", tuple(blocks))

"""The transcript of a proof about any network: theorem, network, task, proof, what was found, how to check it again."""

from __future__ import annotations

from itertools import islice

from ..engine.arithmetic.printing import ceil_str, floor_str
from ..engine.equality import Equal
from ..engine.explain import charged
from ..engine.graph import ProofGraph
from ..engine.rewriting import Fact
from ..engine.transcript import (
    Block,
    Document,
    Section,
    Table,
    paragraph,
    prose,
)
from ..models.statement import Statement as Problem
from .box_section import box_section
from .breakdown import beside, ledger_of
from .enumeration import Decision
from .exposition import recheck, verdict, without_certificate
from .induction_section import circuit_section, composition_sections, induction_section, paths_section
from .network_losses import loss_section
from .network_sections import network_section, task_section
from .opening import Theorem, theorem_section, trust_section
from .proof_section import proof_section
from .quotient_account import account as account_of
from .rules.box_rule import BoxCount
from .rules.every_input import DecidedInputs
from .rules.induction.tables import InductionTablesRule
from .rules.induction.tree import RightInputs
from .worked import worked_section

_AS_PROVED = ", TASK the task as it was given to prove; so is its configuration, if it had one (--config)"
# So many wrong inputs have a row of their own.
SHOWN = 40
STAGES = {
    "fixed": "fixed-point integers with an error bound",
    "balls": "balls of growing precision",
    "exact": "an exact test, since balls cannot tell a tie",
    "open": "left open",
}


def network_transcript(graph: ProofGraph, goal: int, name: str, detail: str = "appendix") -> Document:
    """The document for the proof of the claim ``goal``; ``name`` is the network's, for people."""
    theorem: Theorem = graph.claim(goal)
    statement = theorem.statement
    proof = graph.proof(goal)
    found = [graph.claim(step.claim) for step in proof]
    account = account_of(graph, goal)
    sections = [
        theorem_section(theorem, name),
        trust_section(statement),
        network_section(statement),
        task_section(statement.task),
        *(
            block
            for step in proof
            if isinstance(step.rule, InductionTablesRule)
            for block in (circuit_section(graph), paths_section(), *composition_sections(graph, step))
        ),
        proof_section(graph, [step for step in proof if not _rewriting(graph.claim(step.claim))], detail),
        *(worked_section(graph, proof) if detail != "summary" else ()),
        *(_decided(claim, detail) for claim in found if isinstance(claim, DecidedInputs)),
        *(induction_section(claim) for claim in found if isinstance(claim, RightInputs)),
        *(box_section(claim) for claim in found if isinstance(claim, BoxCount)),
        *(section for claim in found for section in loss_section(claim)),
        _price(graph, goal, statement) if account is None else account.section(),
    ]
    if graph.is_certifiable(goal):
        sections.append(recheck(theorem, " --task TASK", _AS_PROVED))
    else:
        sections.append(without_certificate(graph, goal))
    title = f"{theorem.kind.capitalize()} of {name} on {statement.task.name}"
    ledger = ledger_of(graph, proof) if detail == "full" else None
    if ledger is None:
        return Document(title, verdict(graph, goal), tuple(sections))
    attached = Section("The sets of the count", (beside(ledger),))
    return Document(title, verdict(graph, goal), (*sections, attached), ((ledger.name, ledger.text()),))


def _rewriting(claim: object) -> bool:
    """Whether a claim is told with the chain of rewrites that it belongs to."""
    return isinstance(claim, Equal | Fact)


def _decided(claim: DecidedInputs, detail: str) -> Block:
    """Counts, by what settled them, the least margin, and the wrong inputs."""
    statement, found = claim.statement, claim.decision
    pairs = statement.task.inputs.size * len(statement.task.read)
    rows = [(words, str(found.stages[stage])) for stage, words in STAGES.items()]
    rows.append(("all pairs of an input and a read position", str(pairs)))
    blocks: list[Block] = [
        Table(
            (prose("decided by"), prose("pairs of input and read position")),
            tuple((prose(words), prose(number)) for words, number in rows),
            sides=("left", "right"),
        ),
        *_least_margin(found),
        *_listed(found, "wrong", detail),
        *_listed(found, "undecided", detail),
    ]
    return Section("What was found", tuple(blocks))


def _least_margin(found: Decision) -> tuple[Block, ...]:
    margin = found.margin
    if margin is None:
        return (paragraph("There is one output only, and nothing to be larger than."),)
    where = f"on the input $({', '.join(map(str, margin.tokens))})$, read at position {margin.position}"
    if margin.upper is None:
        return (paragraph("The least margin is not known: the logits of some inputs have no bounds that can be said."),)
    if margin.lower is None:
        return (paragraph(f"The least margin is at most ${ceil_str(margin.upper, 6)}$ ({where})."),)
    low, high = floor_str(margin.lower, 6), ceil_str(margin.upper, 6)
    return (
        paragraph(
            "The least margin (the right answer's logit minus the largest other logit) over all inputs and read "
            f"positions lies between ${low}$ and ${high}$; so does the margin {where}."
        ),
    )


def _listed(found: Decision, what: str, detail: str) -> tuple[Block, ...]:
    """The inputs that are wrong, or undecided: the first of them, or all with the detail full."""
    number = found.wrong if what == "wrong" else found.undecided
    if not number:
        return (paragraph(f"None is {what}."),)
    listed = found.wrong_inputs() if what == "wrong" else found.undecided_inputs()
    shown = list(listed if detail == "full" else islice(listed, SHOWN))
    rest = f" The first {len(shown)}:" if len(shown) < number and detail != "full" else " They are:"
    rows = tuple(
        (prose(f"$({', '.join(map(str, tokens))})$"), prose(", ".join(map(str, positions))))
        for tokens, positions in shown
    )
    heading = (prose(f"{what} input"), prose("at read positions"))
    are = "is" if number == 1 else "are"
    return (
        paragraph(f"{number} {are} {what}.{rest}"),
        Table(heading, rows, sides=("left", "left")),
    )


def _price(graph: ProofGraph, goal: int, statement: Problem) -> Block:
    costs = [charged(graph, step) for step in graph.proof(goal)]
    operations = sum(cost.total for cost in costs)
    return Section(
        "What the proof costs",
        (
            paragraph(
                f"At most {operations} operations of the verifier"
                + (
                    f": every input is evaluated, {statement.task.inputs.size} in all; what depends on few tokens is "
                    "computed once and used for all."
                    if any(isinstance(graph.claim(step.claim), DecidedInputs) for step in graph.proof(goal))
                    else "."
                )
            ),
        ),
    )

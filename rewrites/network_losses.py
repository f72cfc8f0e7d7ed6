"""Where a bound about any network was lost: boxes, induction heads, quotients, from all inputs to what is shown right.

Every number is read off a claim of the proof, and each step is the difference of two counts, so that they add up.
"""

from __future__ import annotations

from collections.abc import Iterator

from ..engine.claim import Claim
from ..engine.transcript import Section, paragraph
from .rules.box_rule import AtPosition, BoxCount
from .rules.cascade import QuotientCount
from .rules.induction.tree import RightInputs
from .waterfall import Fall, Waterfall

# So many read positions have a step of their own.
SHOWN = 12
EXPLAINED = (
    "From all inputs to the number that is shown right: what each step loses or wins back. The steps add up to what "
    "lies between the two."
)


def loss_section(claim: Claim) -> tuple[Section, ...]:
    """For the counts that a tree, or a quotient, ends in; nothing for others."""
    found = falls(claim)
    if found is None:
        return ()
    if not any(found.losses):
        return (
            Section("Where the bound was lost", (paragraph(f"Nothing was lost: all {found.inputs} are shown right."),)),
        )
    return (found.section("Where the bound was lost", EXPLAINED),)


def falls(claim: Claim) -> Waterfall | None:
    """The steps from all inputs to the claim's lower bound; None for a claim that is no such count."""
    match claim:
        case BoxCount():
            steps = list(_boxes(claim))
        case RightInputs():
            tested = claim.above[0]
            steps = [
                Fall("sets", "inputs of sets that no test shows right throughout", tested),
                Fall("singly", "inputs that are found right one by one", claim.right),
            ]
        case QuotientCount():
            steps = [
                Fall("accepted", f"inputs that the tier {claim.by.variant} does not accept", claim.accepted),
                Fall("singly", "inputs that are found right by evaluation", claim.low),
            ]
        case _:
            return None
    return Waterfall(claim.statement.inputs, tuple(steps))


def _boxes(claim: BoxCount) -> Iterator[Fall]:
    """By read position: what is not right there is not right; of several, each is charged with all of its own."""
    total = left = claim.statement.inputs
    losing = sorted((here for here in claim.found if here.right < here.of), key=lambda here: here.right - here.of)
    shown = sorted(losing[:SHOWN], key=lambda here: here.position)
    for here in shown:
        left = max(0, left - (here.of - here.right))
        yield Fall(f"position {here.position}", _at(here, alone=len(claim.found) == 1), left)
    if len(losing) > SHOWN or not shown:
        left = max(0, total - sum(here.of - here.right for here in losing))
        yield Fall("other positions", "inputs that are not shown right at the other read positions", left)


def _at(here: AtPosition, *, alone: bool) -> str:
    lost = here.of - here.right
    where = "" if alone else f" at read position {here.position}"
    return f"inputs that are not shown right{where}: {here.wrong} wrong, {lost - here.wrong} open"

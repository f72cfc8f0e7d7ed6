"""What a tree of nodes found, for the transcript of an induction head."""

from __future__ import annotations

from ..engine.transcript import Section, Table, paragraph, prose
from .rules.induction.tree import RightInputs


def induction_section(claim: RightInputs) -> Section:
    """How many inputs each means settled, and how many have each margin."""
    whole, groups = claim.groups
    by_tests = claim.above[0]
    open_ones = claim.statement.inputs - by_tests - claim.decided
    rows = [
        ("tests of sets of inputs", by_tests),
        ("one by one", claim.decided),
        ("left open", open_ones),
        ("all inputs", claim.statement.inputs),
    ]
    margins = [
        (f"above {margin}", str(count)) for margin, count in zip(claim.margins, claim.above, strict=True) if margin
    ]
    levels = Table(
        (prose("margin"), prose("inputs that are shown to have it")),
        tuple((prose(words), prose(count)) for words, count in margins),
        sides=("left", "right"),
    )
    return Section(
        "What was found",
        (
            paragraph(
                f"The tree has {claim.tests} nodes. Of the {groups} groups $(q, i, a)$ (the query's token, "
                f"where it stands before, the right answer), {whole} are settled by a single test, without branching."
            ),
            Table(
                (prose("settled by"), prose("inputs")),
                tuple((prose(words), prose(str(count))) for words, count in rows),
                sides=("left", "right"),
            ),
            *((levels,) if margins else ()),
        ),
    )

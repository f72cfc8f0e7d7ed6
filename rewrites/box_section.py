"""The section of a transcript that tells what a tree of boxes found, read position by read position."""

from __future__ import annotations

from ..engine.transcript import Block, Section, Table, paragraph, prose
from .rules.box_rule import AtPosition, BoxCount

WORDS = {"R": "right throughout", "W": "wrong throughout", "E": "decided one by one", "U": "left open"}


def box_section(claim: BoxCount) -> Block:
    """Inputs by what was shown of them, and how many sets that took."""
    rows = [
        (str(here.position), str(here.of), str(here.right), str(here.wrong), str(here.of - here.right - here.wrong))
        for here in claim.found
    ]
    heading = ("read position", "inputs", "right", "wrong", "open")
    table = Table(
        tuple(prose(text) for text in heading),
        tuple(tuple(prose(cell) for cell in row) for row in rows),
        prose("What the tree of each read position shows, in inputs."),
        sides=("right",) * len(heading),
    )
    sets = [(WORDS[symbol], str(_sets(claim.found, symbol))) for symbol in WORDS]
    kinds = Table(
        (prose("sets of inputs that are"), prose("number")),
        tuple((prose(words), prose(number)) for words, number in sets),
        sides=("left", "right"),
    )
    return Section("What was found", (*_together(claim), table, kinds))


def _sets(found: tuple[AtPosition, ...], symbol: str) -> int:
    return sum(dict(here.leaves)[symbol] for here in found)


def _together(claim: BoxCount) -> tuple[Block, ...]:
    """How positions make up a count of inputs, where there are several."""
    task = claim.statement.task
    if len(task.read) == 1 or task.counted == "pairs":
        return ()
    return (
        paragraph(
            "An input counts as right when it is right at every read position: the inputs that are not shown right at "
            "some "
            "position are at most the sum of those of each, and the inputs that are right at all are at most those "
            "that are "
            "not shown wrong at the worst."
        ),
    )

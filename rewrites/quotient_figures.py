"""Figures of proofs by quotients: the classes that tokens are in, and the inputs that are left over."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ..engine.transcript import Figure, prose
from ..engine.transcript.figures import HeatMap
from .rules.quotient import Accepted


def class_figures(accepted: Accepted) -> Iterator[Figure]:
    """Which class each token is in, for every block: for networks on groups, cosets."""
    blocks = accepted.advice.blocks
    tokens = len(accepted.accepted)
    for side, letter in enumerate("xy"):
        parts = [(block.left, block.right)[side] for block in blocks]
        known = [part for part in parts if part is not None and len(part.labels) == tokens]
        if known:
            rows = tuple(tuple(_by_first(part.labels)) for part in known)
            yield Figure(
                HeatMap(f"classes of {letter}, block by block", "block", f"token {letter}", rows),
                prose(
                    f"The class that each token ${letter}$ is in, a row for each block of neurons that sees classes; "
                    "classes are numbered in the order in which they first appear."
                ),
                f"Heat map of the classes of {letter} that blocks of neurons see",
                f"figure-classes-{letter}",
            )


def _by_first(labels: Sequence[int]) -> list[int]:
    """Labels renamed by the order in which they first appear.

    >>> _by_first((5, 2, 5, 0))
    [0, 1, 0, 2]
    """
    names: dict[int, int] = {}
    return [names.setdefault(label, len(names)) for label in labels]


def left_figures(accepted: Accepted) -> Iterator[Figure]:
    """Where the inputs lie that the tier leaves."""
    if accepted.count < accepted.accepted.size:
        rows = tuple(tuple(int(not one) for one in row) for row in accepted.accepted.tolist())
        yield Figure(
            HeatMap("inputs that are not accepted", "token x", "token y", rows),
            prose("The inputs $(x, y)$ that the tier does not accept, and that are evaluated, in colour."),
            "Heat map of the inputs that are not accepted",
            "figure-not-accepted",
        )

"""Trees for all read positions of a statement, within what the open allowances leave."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from ....engine.form import Form
from ....models.statement import Statement
from ...boxes.answers import ReadPosition
from ...boxes.bounds import Units
from ...rules.box_rule import Boxes, form_at
from ..allowance import time_left
from ..deadline import deadline
from .growth import store, stored
from .search import Search

# Sets of at most so many inputs in this share of all are given up when there are more than can be told apart.
EVERY_SET = 1 << 32
GIVEN_UP = 10**9
KEPT = 10  # seconds between two writings of the file that a run can be resumed from
PART = 0.62  # of the time that is left, for the search: the rule tests in integers what it found
TESTED = 1 / 1000  # seconds, for the rule to test a symbol of an earlier tree


def found_boxes(
    statement: Statement,
    cut: int | None,
    progress: Callable[[int, int], None],
    above: int = 0,
    *,
    careful: bool = False,
    sets: int | None = None,
    resume: Path | None = None,
    seconds: float | None = None,
) -> Boxes:
    """Trees for all read positions.  Of all open sets those that are worth most come next, whatever their position, so
    that more time finds a larger part of the same trees.

    ``careful``: every test is made in integers too, so that none fails by rounding.  ``sets``: after so many beyond the
    first, or so many ``seconds``, no more are looked at.  ``resume``: a file that keeps the trees, which an earlier run
    may have begun; a careful run begins anew.
    """
    left = time_left()
    ended = deadline(seconds if seconds is not None or left is None else PART * left, share=1)
    reads = [ReadPosition(statement.network, statement.task, index) for index in range(len(statement.task.read))]
    forms = [form_at(statement, index) for index in range(len(reads))]
    units = units_for(forms, above)
    earlier = None if resume is None or careful else stored(resume, statement, units)
    searches = []
    for index, (read, form) in enumerate(zip(reads, forms, strict=True)):
        total = read.space.size(read.space.root)  # type: ignore[arg-type]
        most = (0 if total <= EVERY_SET else total // GIVEN_UP) if cut is None else cut
        begun = None if earlier is None else earlier[index]
        searches.append(Search(read, form, statement.network.outputs, units, most, careful=careful, earlier=begun))
    if left is not None and earlier is not None:  # the rule tests what was found earlier too
        known = TESTED * sum(len(tree.symbols) for tree in earlier)
        ended = deadline(max(0.0, PART * (left - known)), share=1)
    if sets is not None:
        sets += sum(one.waiting for one in searches)
    rests = deadline(KEPT)
    while not ended():
        search = max(searches, key=lambda one: one.largest)
        if not search.largest or (sets is not None and sum(one.nodes for one in searches) >= sets):
            break
        search.step()
        progress(sum(1000 * (one.total - one.open) // one.total for one in searches), 1000 * len(searches))
        if resume is not None and rests():
            store(resume, statement, Boxes(units, tuple(one.tree() for one in searches)))
            rests = deadline(KEPT)
    found = Boxes(units, tuple(search.tree() for search in searches))
    if resume is not None:
        store(resume, statement, found)
    return found


def units_for(forms: Sequence[Form], above: int) -> Units:
    """Units in which the numbers of these forms have at most 30 bits."""
    z, gamma = 14, 30
    for form in forms:
        for values, spare in ((form.logits, 4), (form.hidden and form.hidden.pre, 1)):
            if values is None:
                continue
            most = max(int(np.abs(t).max()) for t in (*values.tables, values.constant))
            bits = max(most.bit_length() + values.exponent + spare, -40)
            if values is form.logits:
                gamma = min(gamma, 30 - bits)
            else:
                z = min(z, 30 - bits)
    return Units(max(z, 0), max(gamma, 0), 10, above)

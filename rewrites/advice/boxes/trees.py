"""Trees for all read positions of a statement, within what the open allowances leave."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from ....engine.form import Form
from ....models.statement import Statement
from ...boxes.answers import ReadPosition
from ...boxes.bounds import Units
from ...rules.box_rule import Boxes, form_at
from ..allowance import time_left
from ..deadline import deadline
from .search import Search

# Sets of at most so many inputs in this share of all are given up when there are more than can be told apart.
EVERY_SET = 1 << 32
GIVEN_UP = 10**9
PART = 0.5  # of the time that is left, for the search: the rule tests in integers what it found


def found_boxes(
    statement: Statement,
    cut: int | None,
    progress: Callable[[int, int], None],
    above: int = 0,
    *,
    careful: bool = False,
) -> Boxes:
    """Trees for all read positions.  Of all open sets the largest come next, whatever their position, so that more time
    finds a larger part of the same trees.

    ``careful``: every test is made in integers too, so that none fails by rounding.
    """
    left = time_left()
    ended = deadline(None if left is None else PART * left)
    reads = [ReadPosition(statement.network, statement.task, index) for index in range(len(statement.task.read))]
    forms = [form_at(statement, index) for index in range(len(reads))]
    units = units_for(forms, above)
    searches = []
    for read, form in zip(reads, forms, strict=True):
        total = read.space.size(read.space.root)  # type: ignore[arg-type]
        most = (0 if total <= EVERY_SET else total // GIVEN_UP) if cut is None else cut
        searches.append(Search(read, form, statement.network.outputs, units, most, careful=careful))
    while not ended():
        search = max(searches, key=lambda one: one.largest)
        if not search.largest:
            break
        search.step()
        progress(sum(1000 * (one.total - one.open) // one.total for one in searches), 1000 * len(searches))
    return Boxes(units, tuple(search.tree() for search in searches))


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

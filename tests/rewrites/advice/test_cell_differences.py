"""The search for bounds of logit differences: the last numbers that pass, in the range of what can be said."""

from __future__ import annotations

import numpy as np
from gap_cells import leaning

from mechproof.models.one_layer import one_layer_of
from mechproof.rewrites.advice.cell_differences import choose, nearest
from mechproof.rewrites.rules.cell_loss import Quotients
from mechproof.rewrites.rules.margin_enclosure import MarginEnclosure


def test_the_last_number_that_passes_is_found():
    """From either side, with nothing between the ends, and where none or all pass."""
    limit = np.array([7, 3, 100, -5, 4])
    known, far = np.array([20, 4, 20, 20, 4]), np.array([0, 3, 0, 0, 4])
    assert nearest(lambda n: n > limit, known, far).tolist() == [8, 4, 20, 1, 4]
    limit = np.array([7, 3, 100, -5])
    known, far = np.array([0, 0, 0, 0]), np.array([20, 4, 20, 20])
    assert nearest(lambda n: n < limit, known, far).tolist() == [6, 2, 19, 0]


def test_what_is_chosen_passes_and_the_next_does_not(oracle):
    """In every cell, on both sides, where a number is said."""
    paths = leaning(oracle, 2, 4, 3).margin().paths
    enclosure, tables = MarginEnclosure(paths), choose(paths).tables
    for q, m in one_layer_of(paths.statement).cells():
        cell, (below, above) = Quotients(enclosure, q, m), tables[m][q]
        assert (cell.are_below(below) | (below == 0)).all() and not (cell.are_below(below + 1) & (below > 0)).any()
        assert (cell.are_above(above) | (above == 0)).all() and not (cell.are_above(above - 1) & (above > 0)).any()

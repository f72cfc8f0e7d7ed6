"""Naming advice: names are new, values are what was given."""

from __future__ import annotations

import pytest
from small_network import small_known

from mechproof.engine.arithmetic.dyadic import DyadicMatrix
from mechproof.engine.rule import NotEstablished
from mechproof.rewrites.rules.known_matrices import NameMatrix

ROW = DyadicMatrix.from_integers(1, 2, [1, 2], 0)


def test_a_name_is_given_once():
    """No advice can take the name of a weight, of another advice, or of a column of ones."""
    graph, known = small_known()
    named = graph.apply(NameMatrix(), [known], ("mine", ROW))

    assert graph.claim(named).values["mine"] == ROW
    for taken in ("mine", "W_E", "1_2"):
        with pytest.raises(NotEstablished, match="taken"):
            graph.apply(NameMatrix(), [named], (taken, ROW))


def test_other_values_are_another_claim():
    """What is known is part of the claim's identity."""
    graph, known = small_known()

    first = graph.apply(NameMatrix(), [known], ("mine", ROW))
    second = graph.apply(NameMatrix(), [known], ("mine", ROW + ROW))

    assert first != second

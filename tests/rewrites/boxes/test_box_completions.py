"""A share of a million random members of accepted sets, evaluated directly (all: tests/support/box_completions)."""

from __future__ import annotations

import pytest
from box_completions import CASES, evaluated

EACH = 5000


def test_facts_stay_in_their_words(tmp_path):
    """A network of peaked attention, bounds of whose pre-activations once had 38 bits, so that its tree was refused."""
    seen, contradicted = evaluated(("relu", "max-of-k", 8, 4, None), 100, 22, tmp_path)
    assert seen and not contradicted


@pytest.mark.parametrize("case", CASES)
def test_accepted_tests_hold_on_members(case, tmp_path):
    """No member contradicts its test."""
    seen, contradicted = evaluated(case, EACH, 21, tmp_path)
    assert seen >= 0.9 * EACH
    assert contradicted == 0

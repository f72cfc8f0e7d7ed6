"""Deadlines: at once with no time, not yet with plenty."""

from __future__ import annotations

from mechproof.rewrites.advice.deadline import deadline


def test_a_deadline_passes_and_not_before():
    """Zero seconds are over at the next look; an hour is not."""
    at_once, later = deadline(0), deadline(3600)
    while not at_once():
        pass
    assert not later()

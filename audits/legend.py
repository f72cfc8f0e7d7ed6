"""What the words of an audit's reports mean; it stands in every one of them."""

from __future__ import annotations

from .findings import Verdict

VERDICTS = {
    Verdict.false: (
        "a certified cell holds a wrong sequence, or the count exceeds the true one, or a loss is bounded by zero"
    ),
    Verdict.not_implied: (
        "a certified cell does not follow from its own relaxation, floats or not; no wrong sequence was found, so the "
        "number may be right, but this derivation does not give it"
    ),
    Verdict.widened: (
        "some certified cells do not follow, and floats are to blame: with every L moved up by the widening that is "
        "named, the count beside it is left"
    ),
    Verdict.holds: "every certified cell follows, exactly",
}
NOT_AUDITED = "NOT AUDITED"
HEADINGS = {
    "DOES NOT HOLD": f"some bound is {Verdict.false}",
    NOT_AUDITED: "what was asked for gave no bound, for the reason that is named; nothing is said of it",
}
COLUMNS = {
    "says": "how many sequences the verifier calls right",
    "cells": "certified cells",
    "false": "of these, with a wrong sequence",
    "open": "of these, do not follow",
    "float": "of these, rest on float error",
    "error": "largest error over all runs of a type",
    "bound": "largest a-priori bound of that error, - for none",
    "ratio": "bound over error",
    "ulps": "largest error in units in the last place",
    "side": "entries on the wrong side of what they are claimed to bound",
    "zero": "zero, but not in truth",
    "one": "a share of exactly one, but not in truth",
    "NaN": "NaN or infinite, but a number in truth",
    "flipped": "comparisons L < 0 that exact arithmetic decides otherwise",
    "certain": "comparisons that value and a-priori bound of the error make certain",
    "uncertain": "all other comparisons",
}
LEGEND = {str(verdict): meaning for verdict, meaning in VERDICTS.items()} | HEADINGS | COLUMNS


def explained(words: tuple[str, ...]) -> str:
    """Those of the words that need it, each with its meaning."""
    return "; ".join(f"{word}: {LEGEND[word]}" for word in words if word in LEGEND)

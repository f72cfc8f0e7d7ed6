"""``additive_margin/1``: a sequence is right if and only if every sum of margins is negative (S0 in margins.py)."""

from __future__ import annotations

from .certificate import Reader
from .rule import Auditor, Derivation, Rule, no_advice


def read_conclusion(reader: Reader) -> None:
    """The conclusion has no numbers: it is S0 for the premise's matrices."""
    reader.literal('{"kind":"additive_margin"}')


def check(auditor: Auditor, derivation: Derivation) -> None:
    """Holds for every network of the family: S0."""


RULE = Rule("additive_margin/1", ("paths",), "additive_margin", no_advice, read_conclusion, check)

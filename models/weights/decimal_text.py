"""Numbers as people write them in files: the float64 nearest to a decimal text, as an exact number."""

from __future__ import annotations

from fractions import Fraction


def nearest_float64(text: str) -> Fraction:
    """The float64 nearest to a decimal text, which is what whoever wrote it meant, so that no float reaches a proof.

    Raises :class:`OverflowError` for a number that no float64 holds, :class:`ValueError` for a text that is none.

    >>> nearest_float64("0.5"), nearest_float64("1e-5").denominator == 2**69
    (Fraction(1, 2), True)
    """
    return Fraction(float(text))

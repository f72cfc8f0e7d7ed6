"""Whole numbers and percentages that only round to the value are never PROVED without a word."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest

from mechproof.claims.digits import remarks
from mechproof.claims.measured import Measured
from mechproof.claims.run import read, run
from mechproof.claims.syntax import parse

CELL = Path(__file__).parents[1] / "data" / "unsound_averaging" / "cell_v3_k3.npz"


@pytest.mark.parametrize(
    ("number", "told"),
    [
        ("100 %", ["≈ 100% claims 3 digits, 99.5% to 100.5%"]),
        ("98.4 %", ["≈ 98.4% claims 3 digits, 98.35% to 98.45%"]),
        ("7440", ["≈ 7440 claims 4 digits, 7439.5 to 7440.5"]),
        ("7e3", ["≈ 7e3 claims 1 digit, 6500 to 7500"]),
        ("12e1", ["≈ 12e1 claims 2 digits, 115 to 125"]),
        ("-3", ["≈ -3 claims 1 digit, -3.5 to -2.5"]),
        ("0", ["≈ 0 claims 1 digit, -0.5 to 0.5"]),
        ("0 %", ["≈ 0% claims 1 digit, -0.5% to 0.5%"]),
        ("1.85", []),
        ("2.0e0", []),
    ],
)
def test_the_digits_and_the_range_that_a_number_claims(number, told):
    """The ends are those that the verdict is decided with, without rounding."""
    assert remarks(parse(f"loss ≈ {number}"), ()) == told


def test_what_is_met_exactly_needs_no_word():
    """A count that is the whole is; one that is short by 7,812 of 2^24 is not, nor is an enclosure."""
    statement, short = parse("accuracy ≈ 100 %"), Fraction((1 << 24) - 7812, 1 << 24)
    assert remarks(statement, (Measured("accuracy", Fraction(1), Fraction(1), None),)) == []
    assert len(remarks(statement, (Measured("accuracy", short, short, None),))) == 1
    assert len(remarks(statement, (Measured("accuracy", short, Fraction(1), None),))) == 1
    assert len(remarks(statement, (Measured("loss", Fraction(1), Fraction(1), None),))) == 1
    both = Measured("accuracy", short, short, None), Measured("accuracy", Fraction(1), Fraction(1), None)
    assert len(remarks(statement, both)) == 1 and len(remarks(statement, both[::-1])) == 1


def test_inner_numbers_are_told_once_each():
    """Under conjunctions, negations and quantifiers."""
    statement = parse("loss ≈ 1 and not loss ≈ 1 and for all q: EVOU[q, 0] ≈ 20 %")
    assert [told.split(" claims")[0] for told in remarks(statement, ())] == ["≈ 1", "≈ 20%"]


def test_verdicts_say_it(tmp_path):
    """16/27 is 59 %, to two digits; what is exact or REFUTED has no remark."""
    stated = {"a": "accuracy ≈ 59 %", "b": "27 * accuracy ≈ 16", "c": "accuracy ≈ 60 %", "d": "accuracy ≈ 0.59"}
    text = f'model = "{CELL}"\n' + "".join(f'[[claim]]\nid = "{n}"\nstatement = "{s}"\n' for n, s in stated.items())
    (tmp_path / "claims.toml").write_text(text, "utf-8")
    verdicts = [result.verdict for result in run(read(tmp_path / "claims.toml")).results]
    assert [verdict.status for verdict in verdicts] == ["PROVED", "PROVED", "REFUTED", "PROVED"]
    assert [verdict.detail.partition("; ")[2] for verdict in verdicts] == [
        "≈ 59% claims 2 digits, 58.5% to 59.5%", "", "", ""
    ]  # fmt: skip

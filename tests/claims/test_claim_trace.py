"""What certificates of claims carry: the text, the advice in its order, and whether they can."""

from __future__ import annotations

import base64
from fractions import Fraction

import pytest

from mechproof.claims.directions import Directions, width
from mechproof.claims.intervals import IntervalMatrix
from mechproof.claims.syntax import parse, parse_expression
from mechproof.claims.trace import can_carry, spectra, spectral_arguments, text


def test_the_text_is_ascii_and_spelled_out():
    """Abbreviations are replaced by what they stand for, in parentheses where needed; it parses to the same tree."""
    noise = parse_expression("EQKE − rank1(EQKE)")
    statement = parse("row_difference(2 * X.T) ≈ 1.85 and σ(X, 1) ≥ 98.4 %", {"X": noise})
    written = text(statement)
    assert written == ("row_difference(2 * (EQKE - rank1(EQKE)).T) ~= 1.85 and sigma(EQKE - rank1(EQKE), 1) >= 98.4%")
    assert parse(written).key == statement.key


def test_each_argument_has_one_entry_in_the_order_in_which_calls_end():
    """rank1 inside sigma ends first; what occurs twice has one entry."""
    statement = parse("sigma(EQKE - rank1(EQKE), 1) <= spectral_norm(EVOU) and sigma(EVOU, 2) <= sigma(EQKE, 2)")
    assert [str(argument) for argument in spectral_arguments(statement)] == ["EQKE", "EQKE - rank1(EQKE)", "EVOU"]


def test_entries_hold_rank_width_and_numbers():
    """Row by row, the lowest byte first, in two's complement; what was not asked for stands as an empty entry."""
    directions = Directions(60, ranked=True)
    statement = parse("sigma(EQKE, 1) < 0 and sigma(EVOU, 1) < 0")
    exact = IntervalMatrix.exactly((2, 2), (3, 6, 4, 8), Fraction(1, 4))
    found = directions(spectral_arguments(statement)[0].key, exact)
    (rank, size, data), unused = spectra(statement, directions)
    numbers = base64.b64decode(data)
    assert (rank, size, len(numbers)) == (1, width(60), 4 * width(60)) and unused == [1, 1, ""]
    entries = [int.from_bytes(numbers[i : i + size], "little", signed=True) for i in range(0, len(numbers), size)]
    assert tuple(entries) == found.directions.lower and found.directions.scale == Fraction(1, 1 << 8 * size - 2)


@pytest.mark.parametrize(
    ("statement", "carried"),
    [
        ("for all q <= m: EVOU[m, m] >= EVOU[m, q] and sigma(EVOU, 1) <= 3", True),
        ("for all q: sigma(q * EVOU, 1) <= 3", False),
        ("for all q in 0..2: for all m: rank1(EVOU + m)[q, q] <= 3", False),
        ("for all σ: σ >= 0", False),
    ],
)
def test_what_depends_on_a_variable_has_no_entry(statement, carried):
    """There would be as many as instances; and names outside ASCII cannot be written."""
    assert can_carry(parse(statement)) is carried


def test_a_text_beyond_the_format_is_not_carried():
    """Definitions may make a short statement long."""
    body = parse_expression(" + ".join(["1." + "0" * 58] * 31))
    statement = parse(f"logits({', '.join(['X'] * 60)}) >= 0", {"X": body})
    assert not can_carry(statement) and can_carry(parse("X >= 0", {"X": body}))


def test_numbers_are_the_same_however_they_are_written():
    """As the checker has it: one entry for one matrix; but what ≈ means still depends on the digits."""
    statement = parse("sigma(2 * EQKE, 1) <= sigma(2.0 * EQKE, 2) + 1E1")
    assert len(spectral_arguments(statement)) == 1 and text(statement).endswith("+ 1e1")
    assert parse("V ≈ 3.0") != parse("V ≈ 3")

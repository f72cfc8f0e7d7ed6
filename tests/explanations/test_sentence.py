"""Sentences and files of them: what is read, and what is refused in one sentence."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest

from mechproof.explanations.errors import BadExplanation
from mechproof.explanations.families.largest_token import LargestToken
from mechproof.explanations.file import load
from mechproof.explanations.sentence import parse

KINDS = LargestToken.kinds


def test_numbers_are_read_exactly():
    """Decimals, fractions and powers, without a float in between."""
    found = parse("rank_one(EQKE, residual <= 0.1, strength >= 1/3)", KINDS, "a")
    assert found.numbers == {"residual": Fraction(1, 10), "strength": Fraction(1, 3)}
    assert parse("small( EQKP , <= 1_000.5e-3)", KINDS, "a").numbers == {"difference": Fraction("1.0005")}
    assert parse("increasing(size, except 3..5, 9)", KINDS, "a").excepted == (3, 4, 5, 9)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("EQKE is rank one", "found EQKE is rank one"),
        ("rank_two(EQKE)", "found rank_two(EQKE)"),
        ("rank_one(EVOU)", "found rank_one(EVOU)"),
        ("rank_one(EQKE, residual >= 2)", "found residual >= 2"),
        ("rank_one(EQKE, <= 2)", "found <= 2"),
        ("rank_one(EQKE, residual <= two)", "found residual <= two"),
        ("rank_one(EQKE, residual <= 1/0)", "found 1/0"),
        ("rank_one(EQKE, residual <= 1, residual <= 2)", "found it twice"),
        ("rank_one(EQKE, except 3)", "found except 3"),
        ("increasing(size, except three)", "found three"),
        ("increasing(size, except 0..99999999)", "found 0..99999999"),
    ],
)
def test_what_cannot_be_read_is_named(text, found):
    """With where it stands and what was found."""
    with pytest.raises(BadExplanation) as caught:
        parse(text, KINDS, "third")
    assert str(caught.value).startswith("third: expected ") and str(caught.value).endswith(found)


GOOD = '[[claim]]\nstatement = "rank_one(EQKE)"\n'


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("# nothing", "expected one [[claim]] or more"),
        ("claim = 3", "expected one [[claim]] or more"),
        ("[[claim]]\nid = 'a'", "expected a statement, found none"),
        ("colour = 'red'\n" + GOOD, "found colour"),
        (GOOD + "wieght = 3", "found wieght"),
        ("target = 1.5\n" + GOOD, "as target, found 3/2"),
        ("target = true\n" + GOOD, "as target, found True"),
        ("target = 'half'\n" + GOOD, "as target, found half"),
        ("target = nan\n" + GOOD, "expected TOML"),
        ("target = 1e999999999\n" + GOOD, "expected TOML"),
        ("common_rows = 1\n" + GOOD, "as common_rows, found 1"),
        ("[[claim]]\nid = 'a'\nstatement = 'x'\n" * 2, "found a twice"),
        ("[[claim", "expected TOML"),
    ],
)
def test_files_that_are_no_explanations_are_refused(tmp_path: Path, content, said):
    """One sentence with the file's name."""
    path = tmp_path / "story.toml"
    path.write_text(content)
    with pytest.raises(BadExplanation) as caught:
        load(path)
    assert str(caught.value).startswith("story.toml") and said in str(caught.value)


def test_a_file_is_read_whole(tmp_path: Path):
    """Target as an exact share, ids by number where none is given."""
    path = tmp_path / "story.toml"
    path.write_text("target = 0.9\ncommon_rows = false\n" + GOOD)
    found = load(path)
    assert (found.target, found.common_rows, found.name) == (Fraction(9, 10), False, "story.toml")
    assert [(sentence.id, sentence.statement) for sentence in found.sentences] == [("1", "rank_one(EQKE)")]

"""A transcript of each strategy as it was last read by eye: whatever changes in it is to be read again.

``make transcripts`` writes them anew.
"""

from __future__ import annotations

import pytest
from golden_transcripts import FOLDER, NAMES, kept, path


@pytest.mark.parametrize("name", NAMES)
def test_a_transcript_is_as_it_was_read(name):
    """Protects readers from words and formulas that nobody has looked at."""
    assert kept(name) == path(name).read_text("utf-8")


def test_no_file_is_left_over():
    """Every kept file belongs to a strategy."""
    assert {file.name for file in FOLDER.iterdir()} == {path(name).name for name in NAMES}

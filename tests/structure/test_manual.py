"""The manual: every page can be reached from its index."""

from __future__ import annotations

from pathlib import Path

DOCS = Path(__file__).parents[2] / "docs"


def test_every_page_is_in_the_index():
    """A page that no table of contents names would be found by nobody; decisions are taken in by their folder."""
    index = (DOCS / "index.md").read_text("utf-8").splitlines()
    missing = [page.stem for page in DOCS.glob("*.md") if page.stem != "index" and page.stem not in index]
    assert missing == [] and "decisions/*" in index

"""Nothing that is shipped cites a working paper: what a reader cannot open, and lemmas by its numbers."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PLACES = ("README.md", "docs", "rewrites", "claims", "sweeps", "stages", "explanations", "audits", "models", "engine")
CITED = re.compile(r"\bspec/|[Tt]he specification|\bspec R[0-9]|\bR[0-9]{1,2}[a-c]?\b")


@pytest.mark.parametrize("place", PLACES)
def test_no_working_paper_is_cited(place):
    """Sources are papers that everyone can open."""
    path = ROOT / place
    files = [path] if path.is_file() else [*path.rglob("*.py"), *path.rglob("*.md")]
    assert files
    found = {f"{file.relative_to(ROOT)}: {match}" for file in files for match in CITED.findall(file.read_text("utf-8"))}
    assert found == set()


def test_the_search_finds():
    """The names that such citations had."""
    assert all(CITED.search(text) for text in ("see spec/boxes.md", "the specification says", "by R14", "R33a"))

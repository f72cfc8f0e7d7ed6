"""The manual: every page can be reached from its index, and what stands on it can be shown."""

from __future__ import annotations

import re
from pathlib import Path

import mechproof
from mechproof.engine.transcript.formula import read

DOCS = Path(__file__).parents[2] / "docs"


def test_every_page_is_in_the_index():
    """A page that no table of contents names would be found by nobody; decisions are taken in by their folder."""
    index = (DOCS / "index.md").read_text("utf-8").splitlines()
    missing = [page.stem for page in DOCS.glob("*.md") if page.stem != "index" and page.stem not in index]
    assert missing == [] and "decisions/*" in index


def test_decisions_are_numbered():
    """One number each, in its name and its title, without a gap, so that a page can cite it."""
    pages = sorted((DOCS / "decisions").glob("*.md"))
    titles = [page.read_text("utf-8").partition("\n")[0] for page in pages]
    assert [int(page.name[:4]) for page in pages] == list(range(1, len(pages) + 1))
    assert [title for n, title in enumerate(titles, 1) if not title.startswith(f"# {n}. ")] == []


def test_every_public_name_is_on_the_page_of_the_package():
    """Names are imported when they are asked for, so that no tool finds them by itself."""
    page = (DOCS / "api.md").read_text("utf-8")
    assert [name for name in mechproof.__all__ if f":: mechproof.{name}\n" not in page] == []


def test_formulas_of_the_manual_are_formulas():
    """Pages hold mathematics between dollars; the reader of transcripts, which renders them, can read each."""
    found = 0
    for page in DOCS.rglob("*.md"):
        if "_build" in page.parts:
            continue
        text = re.sub(r"```.*?```|^    .*?$|`[^`\n]*`", "", page.read_text("utf-8"), flags=re.DOTALL | re.MULTILINE)
        assert text.count("$") % 2 == 0, page
        for formula in re.findall(r"\$+([^$]+)\$+", text):
            read(formula)
            found += 1
    assert found

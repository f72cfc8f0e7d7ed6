"""Transcripts as a browser shows them, on a telephone and on a desk: nothing is cut, and everyone can read them.

Skipped only where no Chromium is installed; `.ci/run` says which it was.  Accessibility is judged by axe-core.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

import pytest
from browser import Browser, Page, browser, installed
from every_transcript import proof_of
from shares import shared_out

from mechproof.engine.transcript import html

pytestmark = pytest.mark.skipif(installed() is None, reason="no Chromium is installed")

NAMES = ("subcubic", "loss branch_and_bound", "boxes layernorm, relu", "induction accuracy", "quotient", "story")
WIDTHS = (400, 1280)
# Elements that stick out of the window, but for those inside a box that scrolls and does not stick out itself.
CUT = """[...document.querySelectorAll('.mechproof *')].filter(e => {
  if (e.getBoundingClientRect().right <= innerWidth + 1) return false
  for (let box = e.parentElement; box; box = box.parentElement) {
    const scrolls = ['auto', 'scroll'].includes(getComputedStyle(box).overflowX)
    if (scrolls && box.getBoundingClientRect().right <= innerWidth + 1) return false
  }
  return true
}).map(e => e.tagName + ' ' + e.textContent.trim().slice(0, 60))"""


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with browser() as found:
        yield found


@pytest.fixture(
    scope="module", params=shared_out(NAMES, kept=["subcubic", "boxes layernorm, relu", "induction accuracy"])
)
def page(request, tmp_path_factory) -> Path:
    """The file of a transcript in all detail."""
    path = tmp_path_factory.mktemp("pages") / "transcript.html"
    path.write_text(html(proof_of(request.param).transcript("full")), encoding="utf-8")
    return path


@pytest.mark.parametrize("width", WIDTHS)
def test_nothing_is_cut(chromium, page, width):
    """The page is as wide as the window, and what is wider scrolls in a box of its own; the console is empty."""
    opened = chromium.open(page, width)
    assert opened.value("document.documentElement.scrollWidth") == width
    assert opened.value(CUT) == []
    assert opened.errors() == []


@pytest.mark.parametrize("dark", [False, True])
def test_everyone_can_read_it(chromium, page, dark):
    """No violation of axe-core's rules (contrast, names, landmarks, headings, keyboard), by day and by night."""
    opened = chromium.open(page, 400, dark=dark)
    assert violations(opened) == []


def violations(opened: Page) -> list[str]:
    """What axe-core finds, with the first element of each kind."""
    opened.value(files("axe_core_python").joinpath("axe.min.js").read_text("utf-8") + ";0")
    found = opened.value(
        "axe.run(document).then(r => JSON.stringify(r.violations.map(v => v.id + ': ' + v.nodes[0].html.slice(0, "
        "120))))"
    )
    return json.loads(found)


def test_dark_pages_are_dark(chromium, page):
    """The night's colours are other ones, of page and formulas alike."""
    colours = "getComputedStyle(document.querySelector('.mechproof')).backgroundColor"
    day, night = (chromium.open(page, 400, dark=dark).value(colours) for dark in (False, True))
    assert day != night == "rgb(23, 24, 27)"


def test_the_keyboard_reaches_everything(chromium, page):
    """From the contents to a section by Tab and Enter; every box that scrolls takes the focus, so arrows move it."""
    opened = chromium.open(page, 400)
    opened.press("Tab")
    assert opened.value("document.activeElement.tagName") == "A"
    target = opened.value("document.activeElement.getAttribute('href')")
    opened.press("Enter")
    assert opened.value("location.hash") == target
    opened.value("document.querySelectorAll('details').forEach(folded => folded.open = true)")
    boxes = "[...document.querySelectorAll('.scroll, pre, .display > div')]"
    assert opened.value(f"{boxes}.every(box => (box.focus(), document.activeElement === box))")


def test_paper_shows_all(chromium, page):
    """In print nothing is hidden in boxes that scroll."""
    opened = chromium.open(page, 720, media="print")
    overflows = "[...document.querySelectorAll('.mechproof *:not(svg, svg *)')].map(e => getComputedStyle(e).overflowX)"
    assert opened.value(f"{overflows}.filter(kind => kind !== 'visible' && kind !== 'clip')") == []


@pytest.mark.parametrize("width", WIDTHS)
def test_the_index_of_the_gallery(chromium, width):
    """The page that people open first: as wide as the window, and readable for everyone."""
    opened = chromium.open(Path(__file__).parents[2] / "proofs_out" / "gallery" / "index.html", width)
    assert opened.value("document.documentElement.scrollWidth") == width
    assert violations(opened) == [] and opened.errors() == []


def test_these_tests_notice(chromium, tmp_path):
    """A page with faults: too wide, an error in the console, a picture without words, pale letters."""
    bad = tmp_path / "bad.html"
    bad.write_text(
        "<html><body><article class='mechproof'><p style='width:900px;color:#ddd;background:#fff'>pale</p>"
        "<img src='missing.png'><script>undefined_name()</script></article></body></html>"
    )
    opened = chromium.open(bad, 400)
    assert opened.value("document.documentElement.scrollWidth") > 400 and opened.value(CUT)
    assert opened.errors()
    assert {fault.split(":")[0] for fault in violations(opened)} >= {"image-alt", "color-contrast", "html-has-lang"}

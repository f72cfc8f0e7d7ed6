"""Markdown: whatever the text, a Markdown reader gives back that text and nothing else."""

import re

from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from mechproof.engine.transcript import (
    Code,
    CodeBlock,
    Document,
    Figure,
    Listing,
    Paragraph,
    Table,
    Text,
    markdown,
    prose,
)
from mechproof.engine.transcript.figures import HeatMap
from mechproof.engine.transcript.rendering import visible

READER = MarkdownIt("commonmark").enable("table").enable("strikethrough")

ANY = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=30)
NASTY = st.text(alphabet="\\`*_{}[]()#+-.!|<>&$~1= a\n\u202e", min_size=1, max_size=20)


def read(document: Document) -> tuple[list[str], str]:
    """The block types of the body and its text, as a Markdown reader sees them."""
    blocks = READER.parse(markdown(document))[6:]  # heading and verdict, three tokens each
    texts = [child.content for block in blocks for child in block.children or ()]
    return [block.type for block in blocks], " ".join("".join(texts).split())


def expected(text: str) -> str:
    return " ".join(visible(text).split())


class TestEscaping:
    @given(ANY | NASTY)
    @example("1. a")
    @example("- a")
    @example("    code")
    @example("***")
    @example("&lt;")
    def test_any_text_comes_back_as_one_paragraph(self, text):
        """Protects readers from text that turns into headings, tags, links or lists."""
        kinds, found = read(Document("T", "v", (Paragraph((Text("x"), Text(text))), Paragraph((Text(text),)))))

        assert found == expected("x" + text + text) or found == expected("x" + text.rstrip() + text.lstrip())
        assert set(kinds) <= {"paragraph_open", "inline", "paragraph_close"}

    @given(ANY | NASTY)
    @example("a|b")
    @example("`")
    @example("\\|")
    def test_any_text_or_code_stays_in_its_cell(self, text):
        """Protects tables from cells that end early."""
        table = Table((prose("a"), prose("b")), (((Text(text),), (Code(text),)),))
        kinds, _ = read(Document("T", "v", (table,)))

        assert kinds.count("td_open") == 2

    @given(NASTY)
    def test_code_comes_back(self, text):
        """Protects hashes and file names from being changed on the way."""
        _, found = read(Document("T", "v", (Paragraph((Code(text),)),)))

        assert " ".join(re.sub("</?code>", "", found).split()) == expected(text)

    @given(st.lists(st.sampled_from(["```", "````", "a", "", "", "~~~"]), min_size=1))
    def test_code_blocks_end_where_they_should(self, lines):
        """Protects the rest of the page from fences inside code, and blank lines inside code."""
        (block,) = READER.parse(markdown(Document("T", "v", (CodeBlock("\n".join(lines)),))))[6:]

        assert block.type == "fence"
        assert block.content.splitlines() == "\n".join(lines).splitlines()


def test_figures_are_their_numbers():
    """Protects GitHub's readers, to whom inline images are not shown."""
    figure = Figure(HeatMap("EVOU", "in", "out", ((1, -2), (3, 4))), prose("Caption."), "alt", "f")
    text = markdown(Document("T", "v", (figure,)))

    assert "**Figure 1.** Caption." in text
    assert "| smallest entry | -2 | (0, 1) |" in text
    assert "data:" not in text


def test_list_items_hold_their_blocks():
    """Protects second paragraphs of an item from leaving the list."""
    items = ((Paragraph((Text("a"),)), Paragraph((Text("b"),))), (Paragraph((Text("c"),)),))
    for ordered in (False, True):
        blocks = READER.parse(markdown(Document("T", "v", (Listing(items, ordered),))))[6:]
        kind = "ordered_list" if ordered else "bullet_list"

        assert (blocks[0].type, blocks[-1].type) == (f"{kind}_open", f"{kind}_close")
        assert sum(block.type == "list_item_open" for block in blocks) == 2

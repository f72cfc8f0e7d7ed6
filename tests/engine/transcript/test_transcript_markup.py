"""The markup in which written proofs are kept."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mechproof.engine.transcript import (
    Code,
    DisplayMath,
    Emphasis,
    Listing,
    Math,
    Paragraph,
    Reference,
    Strong,
    Text,
    passage,
    prose,
)
from mechproof.engine.transcript.formula import UnsupportedMath
from mechproof.engine.transcript.markup import BadMarkup


class TestProse:
    def test_every_kind_of_inline(self):
        """Protects the grammar as documented."""
        assert prose(r"a $x_1$ `c*d$` *e $y$* **f** [@g] \$5 [h]") == (
            Text("a "),
            Math("x_1"),
            Text(" "),
            Code("c*d$"),
            Text(" "),
            Emphasis((Text("e "), Math("y"))),
            Text(" "),
            Strong((Text("f"),)),
            Text(" "),
            Reference("g"),
            Text(" $5 [h]"),
        )

    def test_line_ends_are_spaces(self):
        """Protects prose written over several source lines."""
        assert prose("one\n     two") == (Text("one two"),)

    @pytest.mark.parametrize(
        "text", ["$x", "`x", "*x", "**x*", "[@x", "$$", "``", "**", "[@a b]", r"\alpha", "*a **b** c*", "\\"]
    )
    def test_what_does_not_parse_is_an_error(self, text):
        """Protects authors from silently lost markup."""
        with pytest.raises(BadMarkup):
            prose(text)

    def test_the_error_says_where(self):
        """Protects the place in the message."""
        with pytest.raises(BadMarkup) as caught:
            prose(r"ab \c")
        assert caught.value.place == 3

    def test_a_formula_error_passes_through(self):
        """Protects the distinction between bad markup and bad mathematics."""
        with pytest.raises(UnsupportedMath):
            prose(r"$\input{x}$")

    @given(st.text(alphabet="ab $`*[]\\@", max_size=20))
    def test_escaping_every_sign_gives_the_text_back(self, text):
        """Protects the escape: any text can be written in the markup."""
        escaped = "".join("\\" + c if c in "$`*[]\\" else c for c in text)

        assert "".join(inline.text for inline in prose(escaped) if isinstance(inline, Text)) == re.sub(" +", " ", text)


class TestPassage:
    def test_paragraphs_formulas_and_lists(self):
        """Protects the block grammar, indentation of a triple-quoted string included."""
        blocks = passage(
            """First $a$
            goes on: $$b
            = c$$[#eq] rest.

            - one
              continued
            - two

            1. three
            """
        )

        assert blocks == (
            Paragraph((Text("First "), Math("a"), Text(" goes on:"))),
            DisplayMath("b\n= c", "eq"),
            Paragraph((Text("rest."),)),
            Listing(((Paragraph((Text("one continued"),)),), (Paragraph((Text("two"),)),))),
            Listing(((Paragraph((Text("three"),)),),), ordered=True),
        )

    @pytest.mark.parametrize("text", ["- a\nb", "- a\n1. b"])
    def test_mixed_lists_are_errors(self, text):
        """Protects list items from swallowing the text after them."""
        with pytest.raises(BadMarkup):
            passage(text)

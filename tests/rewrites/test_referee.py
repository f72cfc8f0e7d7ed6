"""The list of a referee, over a transcript of every strategy and every kind of network.

Each symbol is introduced before it is used, each reference leads somewhere inside the document, nothing is cited that a
reader cannot open, what is shown is no LaTeX source, and all forms of a transcript say the same numbers.
"""

from __future__ import annotations

import re
from dataclasses import replace
from functools import cache
from html import unescape
from html.parser import HTMLParser

import pytest
from every_transcript import PROOFS, REPEATED, document_of, proof_of
from shares import shared_out
from symbols_in_order import unintroduced

from mechproof.engine.transcript import Document, Paragraph, Section, html, latex, markdown, prose
from mechproof.engine.transcript.document import Code, Math, Reference, Statement, Text, nodes

NAMES = shared_out(PROOFS, kept=[name for name in PROOFS if name not in REPEATED])
DETAILS = ("summary", "appendix", "full")
# What no reader of a transcript can open: working papers, and lemmas by numbers that they had there.
UNKNOWN = re.compile(r"specification|\bspec/|\b(?:lemma|rule) [A-Z][0-9]|\b[RSXI][0-9]{1,2}\b(?!_)|advice names [0-9]")


@cache
def markdown_of(name: str) -> str:
    return markdown(document_of(name, "full"))


@cache
def html_of(name: str) -> str:
    return html(document_of(name, "full"))


@pytest.mark.parametrize("name", NAMES)
def test_every_symbol_is_introduced(name):
    """Protects readers from formulas whose letters nobody explains."""
    document = document_of(name)
    assert [f"{fault.symbol} in {fault.place}: {fault.latex}" for fault in unintroduced(document)] == []


@pytest.mark.parametrize("name", NAMES)
def test_everything_cited_is_in_the_document(name):
    """References resolve in every detail, and nothing outside but papers is named."""
    for detail in DETAILS:
        every = list(nodes(document_of(name, detail)))
        labels = {getattr(node, "label", "") for node in every}
        assert all(node.label in labels for node in every if isinstance(node, Reference))
        assert UNKNOWN.findall("\n".join(node.text for node in every if isinstance(node, Text | Code))) == []
    assert UNKNOWN.findall(markdown_of(name)) == []


class Shown(HTMLParser):
    """The words of a page that stand outside formulas, styles and code."""

    def __init__(self) -> None:
        super().__init__()
        self.words: list[str] = []
        self.inside: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in ("math", "style", "code", "svg"):
            self.inside.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if self.inside and self.inside[-1] == tag:
            self.inside.pop()

    def handle_data(self, data: str) -> None:
        if not self.inside:
            self.words.append(data)


def shown(page: str) -> str:
    parser = Shown()
    parser.feed(page)
    return "".join(parser.words)


@pytest.mark.parametrize("name", NAMES)
def test_no_latex_is_shown_as_text(name):
    """Protects pages and terminals from raw source: sentences with $, backslashes, braces or markup of their own."""
    assert re.findall(r"\\[a-z]+|\$|\*\*|\[@|_\{|\^\{", shown(html_of(name))) == []


NUMBER = re.compile(r"[0-9]+(?:\.[0-9]+)?")


def numbers(text: str) -> set[str]:
    """Every number in a text; of one with a long run of digits, which a line may part, the run."""
    return set(NUMBER.findall(text))


@pytest.mark.parametrize("name", NAMES)
def test_all_forms_say_the_same_numbers(name):
    """What the nodes of the document say stands in Markdown, HTML and LaTeX, the theorem's bounds among it."""
    proof, document = proof_of(name), document_of(name, "full")
    said = [node.latex for node in nodes(document) if isinstance(node, Math)]
    said += [node.text for node in nodes(document) if isinstance(node, Text | Code)]
    asked = set().union(*map(numbers, said))
    assert numbers(proof.theorem.relation()) <= asked
    source = re.sub(r"\\allowbreak(?:\{\}| )", "", latex(document))
    whole = re.sub(
        "</mn></math>(?:</span>)?<wbr>(?:<span[^>]*>)?<math><mn>", "", html_of(name)
    )  # where a long number may be parted
    page = unescape(re.sub(r"<[^>]*>", " ", whole))
    for form in (markdown_of(name), page, source):
        assert asked - numbers(form) == set()
        assert proof.theorem.statement.sha256 in form


def test_the_checklist_notices(oracle):
    """Each check of this file fails on a document that has the fault it looks for."""
    document = proof_of("subcubic").transcript()
    told = ("The network", "From the definition to the tables")
    without = [block for block in document.blocks if not (isinstance(block, Section) and block.title in told)]
    assert unintroduced(replace(document, blocks=tuple(without)))
    undefined = replace(document, blocks=tuple(_without_definitions(block) for block in document.blocks))
    assert {fault.symbol for fault in unintroduced(undefined)} >= {"r_", "w", "Δ^+"}
    bad = Document(
        "t", "v", (Paragraph((Math("\\zeta + 1"), Text(" \\zeta $x$"), *prose("by lemma S0, spec/boxes.md"))),)
    )
    assert [fault.symbol for fault in unintroduced(bad)] == ["ζ"]
    assert "\\zeta" in shown(html(bad)) and len(UNKNOWN.findall(markdown(bad))) >= 2


def _without_definitions(block):
    if not isinstance(block, Section):
        return block
    kept = [inner for inner in block.blocks if not (isinstance(inner, Statement) and inner.kind == "definition")]
    return replace(block, blocks=tuple(map(_without_definitions, kept)))

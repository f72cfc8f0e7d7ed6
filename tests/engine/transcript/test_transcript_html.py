"""HTML: one file, no requests, no scripts, and no text that becomes markup."""

from html.parser import HTMLParser
from xml.etree import ElementTree

from hypothesis import given
from hypothesis import strategies as st

from mechproof.engine.transcript import (
    Code,
    CodeBlock,
    Document,
    Figure,
    Paragraph,
    Section,
    Statement,
    Table,
    Text,
    html,
)
from mechproof.engine.transcript.figures import Bars
from mechproof.engine.transcript.rendering import visible

VOID = {"meta", "wbr"}


class Page(HTMLParser):
    """Tags with their attributes, the text, and whether every tag was closed in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.open: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data


def of(document: Document) -> Page:
    page = Page(html(document))
    assert page.open == []
    return page


class TestSelfContained:
    def test_nothing_is_requested_or_run(self, document):
        """Protects readers who open a stranger's transcript."""
        page = of(document)

        assert not {"script", "link", "iframe", "object", "img", "form", "base"} & {tag for tag, _ in page.tags}
        assert all(
            (value or "").startswith(("#", "data:image/png;base64,"))
            for _, attributes in page.tags
            for name, value in attributes.items()
            if name in ("href", "src", "xlink:href")
        )
        assert not any(name.startswith("on") for _, attributes in page.tags for name in attributes)
        assert "url(" not in html(document)
        assert "@import" not in html(document)

    def test_a_content_policy_forbids_requests(self, document):
        """Protects them also from what escaping might one day miss."""
        policies = [attributes["content"] for tag, attributes in of(document).tags if "http-equiv" in attributes]

        assert policies == ["default-src 'none'; img-src data:; style-src 'unsafe-inline'"]

    def test_every_link_has_its_target_and_ids_are_unique(self, document):
        """Protects references and the table of contents."""
        tags = of(document).tags
        ids = [attributes["id"] for _, attributes in tags if "id" in attributes]
        targets = {(attributes["href"] or "")[1:] for tag, attributes in tags if tag == "a"}

        assert len(ids) == len(set(ids))
        assert targets <= set(ids)
        assert "gap" in targets

    def test_the_body_is_well_formed_xml(self, document):
        """Protects MathML and SVG from being repaired differently by different browsers."""
        body = html(document).partition("<body>")[2].partition("</body>")[0].replace("<wbr>", "")

        assert [part.tag for part in ElementTree.fromstring(body)] == ["article"]

    def test_a_fragment_is_the_article_alone(self, document):
        """Protects notebooks from a page inside a page."""
        fragment = html(document, fragment=True)

        assert "<html" not in fragment
        assert fragment.endswith("</article>")


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=30) | st.text("<>&\"'/a\u202e\x00", max_size=20))
def test_any_text_stays_text(text):
    """Protects every place that a name out of a file can reach."""
    page, inert = of(everywhere(text)), of(everywhere("b"))

    assert [(tag, sorted(attributes)) for tag, attributes in page.tags] == [
        (tag, sorted(attributes)) for tag, attributes in inert.tags
    ]
    assert "".join(visible(text).split()) in "".join(page.text.split())


def everywhere(text: str) -> Document:
    return Document(
        text,
        text,
        (
            Section(text, (Paragraph((Text(text), Code(text))), CodeBlock(text))),
            Statement("claim", "c", (Text("t"), Text(text)), ()),
            Table(((Text(text),),), (((Code(text),),),), (Text("t"), Text(text))),
            Figure(Bars(text, (text,), (1,)), (Text(text),), text),
        ),
    )

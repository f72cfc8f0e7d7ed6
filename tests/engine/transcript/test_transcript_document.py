"""The document model: numbering, references, and what it refuses."""

from fractions import Fraction

import pytest

from mechproof.engine.transcript import (
    DisplayMath,
    Document,
    Figure,
    Paragraph,
    Reference,
    Section,
    Statement,
    Table,
    Text,
    numbered,
    paragraph,
    prose,
)
from mechproof.engine.transcript.document import (
    BadLabel,
    DuplicateLabel,
    RaggedTable,
    UnknownChoice,
    UnresolvedReference,
    nodes,
)
from mechproof.engine.transcript.figures import Bars


def lemma(label: str) -> Statement:
    return Statement("lemma", label, (), (paragraph("Empty."),))


def shown(document: Document) -> list[str]:
    return [node.shown for node in nodes(numbered(document)) if isinstance(node, Reference)]


class TestNumbering:
    def test_kinds_are_counted_apart_and_through_nested_sections(self):
        """Protects "Lemma 2" from depending on sections or on other kinds of statements."""
        inner = Section("Inner", (lemma("b"), Statement("theorem", "t", (), ())))
        uses = paragraph("[@b] [@t] [@a] [@here] [@e]")
        document = Document(
            "T", "v", (Section("One", (lemma("a"), inner), "here"), DisplayMath("x", "e"), DisplayMath("y"), uses)
        )

        assert shown(document) == ["Lemma 2", "Theorem 1", "Lemma 1", "Section 1", "(1)"]

    def test_sections_number_along_their_nesting(self):
        """Protects the heading numbers that all outputs print."""
        inner = Section("C", (Section("D", ()),))
        document = numbered(Document("T", "v", (Section("A", ()), Section("B", (inner,)))))

        assert [n.number for n in nodes(document) if isinstance(n, Section)] == ["1", "2", "2.1", "2.1.1"]

    def test_only_labelled_figures_and_tables_are_numbered(self):
        """Protects figure numbers from gaps for pictures nobody refers to."""
        picture = Bars("b", ("x",), (Fraction(1, 2),))
        plain, named = Figure(picture, (), "bars"), Figure(picture, (), "bars", "f")
        table = Table((prose("a"),), (), label="t")

        assert shown(Document("T", "v", (plain, named, table, paragraph("[@f] [@t]")))) == ["Figure 1", "Table 1"]

    def test_numbering_twice_changes_nothing(self, document):
        """Protects renderers, which number whatever they are given."""
        assert numbered(numbered(document)) == numbered(document)

    def test_references_are_resolved_wherever_prose_is(self):
        """Protects references in titles, captions, cells and proofs."""
        reference = (Reference("a"),)
        table = Table((reference,), ((reference,),), reference)
        statement = Statement("claim", "a", reference, (table,), (Paragraph(reference),))

        assert shown(Document("T", "v", (statement,))) == ["Claim 1"] * 5


class TestRefusals:
    def test_a_reference_to_nothing_is_an_error(self):
        """Protects the reader from dangling references."""
        with pytest.raises(UnresolvedReference) as caught:
            numbered(Document("T", "v", (lemma("a"), paragraph("[@b]"))))
        assert (caught.value.label, caught.value.known) == ("b", ("a",))

    def test_two_places_with_one_label_are_an_error(self):
        """Protects references from meaning two things."""
        with pytest.raises(DuplicateLabel):
            numbered(Document("T", "v", (lemma("a"), lemma("a"))))

    @pytest.mark.parametrize("label", ["", "a b", "{", "é", "-a", 'a"b'])
    def test_labels_are_plain(self, label):
        """Protects anchors and \\label from signs with meanings; labels are printed unescaped."""
        with pytest.raises(BadLabel):
            numbered(Document("T", "v", (lemma(label),)))

    def test_a_short_row_is_an_error(self):
        """Protects tables from shifted cells."""
        with pytest.raises(RaggedTable) as caught:
            Table((prose("a"), prose("b")), ((prose("1"), prose("2")), (prose("3"),)))
        assert (caught.value.row, caught.value.expected, caught.value.found) == (2, 2, 1)

    def test_kinds_and_alignments_are_closed_sets(self):
        """Protects templates, which use both as names."""
        with pytest.raises(UnknownChoice):
            Statement("corollary", "a", (), ())  # pyright: ignore[reportArgumentType]
        with pytest.raises(UnknownChoice):
            Table(((Text("a"),),), (), (), ("middle",))  # pyright: ignore[reportArgumentType]


def test_notebook_forms_are_the_three_outputs(document):
    """Protects the display of a document in a notebook."""
    assert document._repr_html_().startswith("<style>")
    assert document._repr_markdown_().startswith("# A small proof\n")
    assert "\\documentclass" not in document._repr_latex_()
    assert "\\section{A small proof}" in document._repr_latex_()

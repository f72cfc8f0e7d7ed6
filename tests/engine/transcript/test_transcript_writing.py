"""The three files of a transcript: reviewed golden copies, stable bytes, written whole."""

import re
from pathlib import Path

import pytest

from mechproof.engine.files import CannotWrite
from mechproof.engine.transcript import Document, html, latex, markdown, paragraph, write
from mechproof.engine.transcript.document import UnresolvedReference

GOLDEN = Path(__file__).parent / "golden"


@pytest.mark.parametrize("suffix", [".md", ".html", ".tex"])
def test_the_small_document_looks_as_reviewed(document, tmp_path, suffix):
    """Protects the look of all outputs: the golden files were read, opened in a browser and compiled.

    After a wanted change, write them anew with ``write(document, GOLDEN, "small")`` and look again.
    """
    write(document, tmp_path, "small")

    assert (tmp_path / f"small{suffix}").read_text(encoding="utf-8") == (GOLDEN / f"small{suffix}").read_text(
        encoding="utf-8"
    )


def test_the_same_document_gives_the_same_bytes(document):
    """Protects committed transcripts from changing without a reason."""
    for form in (markdown, html, latex):
        assert form(document) == form(document)


def test_write_names_its_files(document, tmp_path):
    """Protects callers that print or link the files."""
    paths = write(document, tmp_path, "t")

    assert paths == [tmp_path / "t.md", tmp_path / "t.html", tmp_path / "t.tex"]
    assert sorted(tmp_path.iterdir()) == sorted(paths)


def test_a_document_that_cannot_be_rendered_leaves_no_file(tmp_path):
    """Protects a folder from half a transcript."""
    with pytest.raises(UnresolvedReference):
        write(Document("T", "v", (paragraph("[@nowhere]"),)), tmp_path, "t")

    assert list(tmp_path.iterdir()) == []


def test_an_absent_folder_is_a_named_error(document, tmp_path):
    """Protects users from a traceback."""
    with pytest.raises(CannotWrite):
        write(document, tmp_path / "absent", "t")


def test_a_body_for_a_paper_comes_with_its_style_file(document, tmp_path):
    """Protects papers: the two files stand beside the others, and the body's labels are those of this transcript."""
    paths = write(document, tmp_path, "t", for_paper=True)

    assert paths[3:] == [tmp_path / "t-body.tex", tmp_path / "mechproof-body.sty"]
    labels = set(re.findall(r"label\{mechproof:([0-9a-f]{8}):", paths[3].read_text(encoding="utf-8")))
    assert len(labels) == 1

"""Bodies for papers: several in one host of two columns, whose theorems, numbers and labels stay its own."""

import re
import shutil
import subprocess

import pytest

from mechproof.engine.transcript import (
    PACKAGE,
    Document,
    Section,
    Statement,
    Table,
    Text,
    body,
    paragraph,
    prose,
    style_file,
)

HOST = r"""\documentclass[twocolumn]{article}
\usepackage[T1]{fontenc}
\usepackage{mechproof-body}
\newtheorem{lemma}{Lemma}[section]
\begin{document}
\section{Ours}\begin{lemma}\label{gap}Ours.\end{lemma}
See Lemma~\ref{mechproof:a:gap} and Lemma~\ref{mechproof:b:gap}.
\appendix
\input{a}
\input{b}
\input{c}
\end{document}
"""


def numbers(rows: int) -> Table:
    return Table(
        (prose("row"), prose("what it says")), tuple(((Text(f"{n}"),), prose("word " * 20)) for n in range(rows))
    )


def long_document() -> Document:
    many = Table(
        (prose("n"), prose("$n^2$")), tuple(((Text(f"{n}"),), (Text(f"{n * n}"),)) for n in range(60)), prose("Squares")
    )
    gap = Statement("lemma", "gap", prose("Gap"), (paragraph("For all $n$ the gap is positive."), numbers(3)), (many,))
    return Document("Squares of 3_4", "s PROVED accuracy = 3/4 " + "f" * 64, (Section("Rows", (gap, numbers(40))),))


@pytest.mark.ci
@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="pdflatex is not installed")
def test_a_paper_in_two_columns_takes_in_three(document, tmp_path):
    """Protects papers: three bodies side by side, no label twice, no long table that two columns refuse, nothing beyond
    its column, and the paper's own lemma environment and labels as they were."""
    (tmp_path / f"{PACKAGE}.sty").write_text(style_file(), encoding="utf-8")
    (tmp_path / "paper.tex").write_text(HOST, encoding="utf-8")
    for name, written in (("a", document), ("b", long_document()), ("c", document)):
        (tmp_path / f"{name}.tex").write_text(body(written, name), encoding="utf-8")
    command = ["pdflatex", "-no-shell-escape", "-interaction=nonstopmode", "-halt-on-error", "paper.tex"]
    for _ in range(2):
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, timeout=120, check=False)
        log = (tmp_path / "paper.log").read_text(encoding="latin-1")
        assert done.returncode == 0, log[-3000:]
    aux = (tmp_path / "paper.aux").read_text(encoding="latin-1")

    assert "multiply defined" not in log and "undefined" not in log and "Overfull" not in log
    assert r"\newlabel{gap}{{1.1}" in aux
    assert all(
        rf"\newlabel{{mechproof:{name}:gap}}{{{{{place}.1}}" in aux for name, place in zip("abc", "ABC", strict=True)
    )


def test_long_tables_become_several():
    """Protects two columns: at most 25 lines a table, none lost, one caption."""
    written = body(long_document(), "x")

    assert "longtable" not in written
    assert written.count("Squares\\par") == 1
    assert [int(n) for n in re.findall(r"^(\d+) & \d+ ", written, re.M)] == list(range(60))
    assert written.count(r"\begin{tabular}") == 1 + 3 + 5


def test_bodies_have_no_preamble(document):
    """Protects the paper: what a body needs is in the style file."""
    written = body(document, "x")

    assert not re.search(
        r"\\(usepackage|newtheorem|newcommand|documentclass)\b", re.sub("^%.*$", "", written, flags=re.M)
    )
    assert "\\label{mechproof:x:gap}" in written

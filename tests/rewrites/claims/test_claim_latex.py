"""Claims marked in LaTeX: what is read, what is written back, and that the macros compile."""

from __future__ import annotations

import shutil
import subprocess
from fractions import Fraction
from importlib.resources import files
from pathlib import Path

import pytest

from mechproof.engine.errors import MechproofError
from mechproof.rewrites.claims.latex import printed_number, rounded
from mechproof.rewrites.claims.run import read, run

PAPER = Path(__file__).parents[3] / "docs" / "examples" / "claims" / "paper.tex"
CELL = Path(__file__).parents[2] / "data" / "unsound_averaging" / "cell_v3_k3.npz"


def written(folder: Path, text: str) -> Path:
    path = folder / "paper.tex"
    path.write_text(text, "utf-8")
    return path


def test_marked_claims_are_read_in_order(tmp_path):
    """Statements and numbers with their lines; comments, nested braces and other macros are no obstacle."""
    path = written(
        tmp_path,
        "\\mechproofmodel[max-of-k]{weights.npz}\n"
        "% \\mechclaim{no}{1 < 2}{commented out}\n"
        "100\\% sure \\mechclaim{a}{accuracy\n >= 50\\%}{more than {half \\emph{of}} them}\n"
        "\\mechclaims{x} \\mechnumber {b} {max(abs(W\\_E))} {$1{,}234.5\\,\\%$}% end\n",
    )
    claims = read(path).claims
    assert [(c.id, c.source, c.where) for c in claims] == [
        ("a", "accuracy >= 50%", "line 3"),
        ("b", "max(abs(W_E)) ≈ 1234.5%", "line 5"),
    ]
    assert claims[0].text == "more than {half \\emph{of}} them"
    assert claims[0].model == tmp_path / "weights.npz"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("\\mechclaim{a}{1 < 2}{x}", "claim a: expected \\\\mechproofmodel before it, found none"),
        ("\\mechproofmodel{w}\\mechclaim{a}{1 < 2}", "arguments in braces for the macro on line 1, found something"),
        ("\\mechproofmodel{w}\n\\mechclaim{a}{1 < 2}{x", "the macro on line 2"),
        ("\\mechproofmodel{w}\\mechnumber{a}{max(EQKE)}{about 3}", "claim a: column 13: expected a number, found"),
        ("nothing", "expected 1 to 1000 claims, found 0"),
    ],
)
def test_what_is_marked_wrongly_is_one_sentence(tmp_path, text, sentence):
    """With the line or the claim."""
    with pytest.raises(MechproofError) as caught:
        read(written(tmp_path, text))
    assert sentence in str(caught.value).replace("\\", "\\\\")


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("1.85", "1.85"),
        ("$-2.5$", "-2.5"),
        ("1.2\\cdot 10^{3}", "1.2e3"),
        ("$3 \\times 10^4$", "3e4"),
        ("7\\,440", "7440"),
    ],
)
def test_numbers_as_papers_print_them(text, plain):
    """Thin spaces, thousands, powers of ten."""
    assert printed_number(text) == plain


@pytest.mark.parametrize(
    ("low", "high", "unit", "text"),
    [
        ("1.846", "1.854", "0.01", "1.85"),
        ("1.844", "1.846", "0.01", None),
        ("-0.004", "-0.004", "0.01", "0.00"),
        ("-1.25", "-1.25", "0.1", "-1.2"),
        ("7440.4", "7440.4", "1", "7440"),
        ("12345", "12345", "100", "12300"),
        ("0.000000214", "0.000000214", "0.00000001", "0.00000021"),
    ],
)
def test_written_back_numbers_are_rounded_safely(low, high, unit, text):
    """The nearest multiple of the last digit for every number enclosed, or nothing."""
    assert rounded(Fraction(low), Fraction(high), Fraction(unit)) == text


def test_the_example_paper_is_checked_and_compiles(tmp_path):
    """Every marked claim is proved, the numbers come back as macros, and LaTeX reads them."""
    report = run(read(PAPER))
    assert report.proved and [r.claim.id for r in report.results] == ["acc", "sigma1", "sigma2", "noise"]
    values = report.values()
    assert "\\mechsetvalue{sigma1}{7989}" in values and "\\mechsetvalue{noise}{1.62}" in values
    assert "\\mechsetstatus{acc}{PROVED}" in values
    program = shutil.which("pdflatex")
    if program is None:
        pytest.skip("no pdflatex on this machine")
    for name, text in {
        "paper.tex": PAPER.read_text("utf-8"),
        "paper-values.tex": values,
        "mechproof.sty": files("mechproof.rewrites.claims").joinpath("mechproof.sty").read_text("utf-8"),
    }.items():
        tmp_path.joinpath(name).write_text(text, "utf-8")
    done = subprocess.run(
        [program, "-interaction=nonstopmode", "-halt-on-error", "paper.tex"],
        cwd=tmp_path, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0 and "Warning: no " not in done.stdout, done.stdout[-2000:]


def test_a_percentage_comes_back_as_a_percentage(tmp_path):
    """The macro prints what the paper prints, without the sign."""
    marked = f"\\mechproofmodel{{{CELL}}}\\mechnumber{{a}}{{accuracy}}{{59.3\\,\\%}}"
    report = run(read(written(tmp_path, marked)))
    assert report.proved and "\\mechsetvalue{a}{59.3}" in report.values()

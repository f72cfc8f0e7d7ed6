"""Claims marked in LaTeX: what is read, what is written back, and that the macros compile."""

from __future__ import annotations

import itertools
import shutil
import subprocess
from fractions import Fraction
from importlib.resources import files
from pathlib import Path

import pytest

from mechproof.claims.latex import printed_number, rounded
from mechproof.claims.run import read, run
from mechproof.engine.errors import MechproofError

PAPER = Path(__file__).parents[2] / "docs" / "examples" / "claims" / "paper.tex"
CELL = Path(__file__).parents[1] / "data" / "unsound_averaging" / "cell_v3_k3.npz"


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
        ("\\mechproofmodel{w}\\mechclaim{a}{1 < 2}", "arguments in braces for the macro on line 1, found something"),
        ("\\mechproofmodel{w}\n\\mechclaim{a}{1 < 2}{x", "the macro on line 2"),
        ("nothing", "expected 1 to 1000 claims, found 0"),
    ],
)
def test_what_is_marked_wrongly_is_one_sentence(tmp_path, text, sentence):
    """With the line or the claim."""
    with pytest.raises(MechproofError) as caught:
        read(written(tmp_path, text))
    assert sentence in str(caught.value).replace("\\", "\\\\")


@pytest.mark.parametrize(
    ("marked", "problem"),
    [
        ("\\mechclaim{a}{1 < 2}{x}", "expected \\mechproofmodel before it, found none"),
        ("\\mechproofmodel{w}\\mechnumber{a}{max(EQKE)}{about 3}", "column 13: expected a number, found 'about3'"),
    ],
)
def test_a_claim_that_cannot_be_read_has_its_own_problem(tmp_path, marked, problem):
    """And the next one is read."""
    bad, good = read(written(tmp_path, f"{marked}\\mechproofmodel{{w}}\\mechclaim{{b}}{{1 < 2}}{{x}}")).claims
    assert (bad.id, bad.statement, bad.problem) == ("a", None, problem)
    assert good.statement is not None and not good.problem


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


@pytest.mark.ci
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
        "mechproof.sty": files("mechproof.claims").joinpath("mechproof.sty").read_text("utf-8"),
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


MODEL = f"\\mechproofmodel{{{CELL}}}\n"
TRUE, FALSE = "\\mechclaim{%s}{accuracy = 16/27}{x}\n", "\\mechclaim{%s}{accuracy = 17/27}{x}\n"


def document(folder: Path, **texts: str) -> Path:
    """Files by name, with __ for a slash; the main one is paper.tex."""
    for name, text in texts.items():
        path = folder / f"{name.replace('__', '/')}.tex"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    return folder / "paper.tex"


@pytest.mark.parametrize(
    "asking",
    [
        "\\input{sections/a}", "\\input{sections/a.tex}", "\\input sections/a \n", "\\include{sections/a}",
        "\\subfile{sections/a}", "\\InputIfFileExists{sections/a}{}{}", "\\import{sections/}{a}",
        "\\subimport{sections}{a.tex}", '\\input{"sections/a"}',
    ],
)  # fmt: skip
def test_a_false_claim_in_a_section_file_is_refuted(tmp_path, asking):
    """However the document asks for the file; the file's own files are found as LaTeX finds them."""
    inner = "\\input{b}" if "sub" in asking or "import" in asking else "\\input{sections/b}"
    paper = document(
        tmp_path, paper=MODEL + TRUE % "t" + asking + TRUE % "u", sections__a=f"text\n{FALSE % 'f'}{inner}",
        sections__b=TRUE % "b",
    )  # fmt: skip
    report = run(read(paper))
    assert [(r.claim.id, r.verdict.status) for r in report.results] == [
        ("t", "PROVED"), ("f", "REFUTED"), ("b", "PROVED"), ("u", "PROVED"),
    ]  # fmt: skip
    assert report.exit_code == 1 and report.file.warnings == ()
    assert report.results[1].claim.where == "sections/a.tex, line 2"


def test_what_cannot_be_followed_is_a_warning_with_its_place(tmp_path):
    """Missing files, circles and names that are made at run time, each with file and line; claims around are read."""
    paper = document(
        tmp_path,
        paper=MODEL + "\\input{none}\n" + TRUE % "t" + "\\include{a}\\input{\\chosen}\\InputIfFileExists{no}{}{}",
        a="\n\n\\input{paper} \\subfile{sections/none}" + TRUE % "a",
    )
    file = read(paper)
    assert [claim.id for claim in file.claims] == ["t", "a"]
    places = [(text.partition(": ")[0], text.split(": ")[1]) for text in file.warnings]
    assert places == [
        ("paper.tex, line 2", "\\input{none}"),
        ("a.tex, line 3", "\\input{paper}"),
        ("a.tex, line 3", "\\subfile{sections/none}"),
        ("paper.tex, line 4", "\\input{\\chosen}"),
    ]
    reasons = [text.split(": ")[2].partition(";")[0] for text in file.warnings]
    assert [reason.split()[0] for reason in reasons] == ["there", "it", "there", "which"]
    with pytest.raises(MechproofError, match=r"expected a claim, found none; paper.tex, line 1: .*input.none"):
        read(document(tmp_path, paper="\\input{none}"))


@pytest.mark.parametrize(
    "text",
    [
        "\\begin{verbatim}\n% 100 %\n%s\\end{verbatim}", "\\begin{lstlisting}[language=TeX]\n%s\\end{lstlisting}",
        "\\begin{comment}\n%s\\end{comment}\n", "\\begin{Verbatim}[fontsize=\\small]\n%s\\end{Verbatim}",
        "\\begin{minted}{tex}\n%s\\end{minted}", "\\lstnewenvironment{code}{}{}\n\\begin{code}\n%s\\end{code}",
        "% %s", "\\\\% %s", "\\verb|%s|", "\\verb*+%s+", "\\lstinline[style=x]{%s}", "\\mintinline{tex}{%s}",
        "\\lstinline!%s!", "\\endinput\n%s", "\\end{document}\n%s",
        "\\begin{filecontents}{a.tex}\n%s\\end{filecontents}",
    ],
)  # fmt: skip
def test_claims_that_are_not_printed_are_not_checked(tmp_path, text):
    """Verbatim, listings, comments, what comes after the end; a claim behind it is still read where LaTeX would."""
    hidden = FALSE % "hidden"
    hidden = hidden if "begin" in text else hidden.rstrip("\n")
    ends = "\\end{document}" in text or "endinput" in text
    file = read(document(tmp_path, paper=MODEL + TRUE % "t" + text.replace("%s", hidden) + "\n" + TRUE % "u"))
    assert [claim.id for claim in file.claims] == (["t"] if ends else ["t", "u"])
    assert file.warnings == ()
    if not ends:
        assert file.claims[1].where == f"line {4 + text.replace('%s', hidden).count(chr(10))}"


@pytest.mark.parametrize(
    "text",
    [
        "50\\% %s", "\\\\\\% %s", "\\begin{alltt}%s\\end{alltt}", "\\footnote{%s}", "\\verbatiminput{x} %s",
        "\\url{http://a/b%20c} %s", "\\href{http://a/b%20c}{d} %s", "\\iffalse %s\\fi",
        "\\verb|% \\begin{verbatim}| %s",
        "\\mechclaim{outside}{accuracy > 1/2}{about %s}", "\\newcommand{\\mechclaim}[3]{#3} %s",
        "\\def\\mechclaim#1#2#3{#3} %s", "\\endinputs %s", "\\begin{verbatimtab}%s\\end{verbatimtab}",
    ],
)  # fmt: skip
def test_claims_that_are_printed_are_checked(tmp_path, text):
    """Nothing round a claim hides it; conditionals are not evaluated, so a claim may be checked that is not printed."""
    paper = document(tmp_path, paper=MODEL + text.replace("%s", (FALSE % "shown").strip()) + "\n")
    assert "shown" in [claim.id for claim in read(paper).claims]


def test_an_environment_without_an_end_is_a_warning(tmp_path):
    """What follows it is verbatim for LaTeX too, which then stops."""
    file = read(document(tmp_path, paper=MODEL + TRUE % "t" + "\\begin{verbatim}\n" + FALSE % "f"))
    assert [claim.id for claim in file.claims] == ["t"]
    (warning,) = file.warnings
    assert warning.startswith("paper.tex, line 3: \\begin{verbatim}: it has no end")


def test_a_file_that_is_printed_twice_makes_its_claims_once(tmp_path):
    """And one that asks for two files that ask for two files … ends with a sentence."""
    twice = document(tmp_path, paper=MODEL + "\\input{a}\\input{a}", a=TRUE % "a")
    assert [claim.id for claim in read(twice).claims] == ["a"]
    names = [f"f{n}" for n in range(12)]
    texts = {name: f"\\input{{{after}}}\\input{{{after}}}" for name, after in itertools.pairwise(names)}
    bomb = document(tmp_path, paper=MODEL + "\\input{f0}", f11=TRUE % "a", **texts)
    with pytest.raises(MechproofError, match="a document of at most 1000 files"):
        read(bomb)


TYPESET = "\\let\\old\\mechclaim\\renewcommand{\\mechclaim}[3]{\\typeout{typeset #1.}\\old{#1}{#2}{#3}}\n"
PRINTED = {
    "": {
        "paper": f"{TRUE % 'a'}\\input{{s/one}}\\input s/two \n\\include{{s/three}}\n"
        f"\\begin{{verbatim}}\n% {TRUE % 'b'}\\end{{verbatim}}\n\\begin{{comment}}\n{TRUE % 'c'}\\end{{comment}}\n"
        f"\\verb|{(TRUE % 'd').strip()}| 5\\% {TRUE % 'e'}\\\\% {TRUE % 'f'}\\end{{document}}{TRUE % 'g'}",
        "s__one": TRUE % "h" + f"\\endinput {(TRUE % 'o').strip()} % {TRUE % 'p'}{TRUE % 'i'}",
        "s__two": TRUE % "j" + "% " + TRUE % "k",
        "s__three": TRUE % "l" + "\\footnote{" + (TRUE % "m").strip() + "}",
    },
    "import": {"paper": "\\import{s/}{a}\\subimport{s}{b}", "s__a": "\\input{b}", "s__b": TRUE % "b"},
    "subfiles": {
        "paper": f"\\subfile{{s/a}}{TRUE % 'c'}",
        "s__a": f"\\documentclass[../paper]{{subfiles}}\\begin{{document}}\\input{{b}}\\end{{document}}{TRUE % 'no'}",
        "s__b": TRUE % "b",
    },
}


@pytest.mark.ci
@pytest.mark.parametrize("package", PRINTED)
def test_what_is_checked_is_what_pdflatex_prints(tmp_path, package):
    """The same document through pdflatex, whose macros write the ids that they typeset: the reader finds these."""
    if shutil.which("pdflatex") is None:
        pytest.skip("no pdflatex on this machine")
    texts = dict(PRINTED[package])
    begin = (
        f"\\documentclass{{article}}\\usepackage{{mechproof,verbatim,{package}}}{MODEL}{TYPESET}\\begin{{document}}\n"
    )
    paper = document(tmp_path, **texts | {"paper": f"{begin}{texts['paper']}\\end{{document}}"})
    (tmp_path / "mechproof.sty").write_bytes(files("mechproof.claims").joinpath("mechproof.sty").read_bytes())
    done = subprocess.run(
        ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "paper.tex"],
        cwd=tmp_path, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    if f"{package}.sty' not found" in done.stdout:
        pytest.skip(f"no package {package} on this machine")
    assert done.returncode == 0, done.stdout[-2000:]
    typeset = [line.split()[1].rstrip(".") for line in done.stdout.splitlines() if line.startswith("typeset ")]
    assert [claim.id for claim in read(paper).claims] == list(dict.fromkeys(typeset)) != []

r"""LaTeX: it compiles, its numbers are the document's, and no text becomes a command."""

import contextlib
import re
import shutil
import subprocess
from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mechproof.engine.transcript import (
    Code,
    CodeBlock,
    DisplayMath,
    Document,
    Math,
    Paragraph,
    Table,
    Text,
    latex,
    numbered,
    prose,
    symbols,
)
from mechproof.engine.transcript.document import nodes
from mechproof.engine.transcript.formula import MalformedMath, UnsupportedMath
from mechproof.engine.transcript.latex import characters, code, escaped

COMMAND = re.compile(
    r"\\(?:text(?:backslash|asciicircum|asciitilde|bar|less|greater|asciigrave|endash|emdash|quoteleft|quoteright"
    r"|quotedblleft|quotedblright|bullet|quotesingle)\{\}|dots\{\}|S\{\}|allowbreak\{\}|[{}$&#%_ ]"
    r"|ensuremath\{(?:\\[A-Za-z]+(?:\{[A-Z]\})?|\{\}[_^]\{[-+n0-9]\}|-)\})|\{\\char34\}|\{[\[\]*]\}|\{\}"
)

PIECES = [
    *"ab12+-=<(),'[]|_^{}&~", "^2", "_i", "^{a}", "x^12", r"\frac12", r"\frac{a}{b}", r"\sqrt{2}", r"\sqrt", r"\sum",
    r"\max", r"\limits", r"\alpha", r"\mathrm{ab}", r"\mathbb{R}", r"\bar", r"\text{a b}", r"\left(", r"\right)",
    r"\left.", r"\middle|", r"\right]", r"\Big|", r"\binom", r"\overset", r"\pmod", r"\underbrace{a}", r"\colon",
    r"\begin{cases}", r"\end{cases}", r"\begin{aligned}", r"\end{aligned}", r"\\", r"\operatorname*{ab}", r"\bmod",
    r"\,", r"\#", r"\substack{a \\ b}", r"\begin{pmatrix} a & b \end{pmatrix}", r"\lVert",
]  # fmt: skip
"""What random formulas are strung together from."""

ANY = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
NASTY = st.text("\\{}$&#%_^~-,'`\"<>|[]*! a", max_size=30)

compiles = pytest.mark.skipif(shutil.which("pdflatex") is None, reason="pdflatex is not installed")


def compiled(text: str, folder: Path) -> str:
    """The log of the second run; fails with it when the run does."""
    (folder / "a.tex").write_text(text, encoding="utf-8")
    command = ["pdflatex", "-no-shell-escape", "-interaction=nonstopmode", "-halt-on-error", "a.tex"]
    for _ in range(2):
        done = subprocess.run(command, cwd=folder, capture_output=True, timeout=120, check=False)
        log = (folder / "a.log").read_text(encoding="latin-1")
        assert done.returncode == 0, log[-3000:]
    return log


class TestEscaping:
    @given(ANY | NASTY)
    def test_no_text_reaches_tex_as_a_command(self, text):
        """Protects the reader's machine and the page: what is left beside known replacements means nothing to TeX."""
        for written in (escaped(text), str(code(text))):
            left = COMMAND.sub("", written)

            assert not set(left) & set('\\{}$&#%_^~<>|[]*"`')
            assert "--" not in written
            assert "''" not in written

    def test_every_sign_is_told_apart(self):
        """Protects text from two signs that print alike by mistake."""
        assert escaped("\\ { } ^ ~ - -- '' [a]*") == (
            r"\textbackslash{} \{ \} \textasciicircum{} \textasciitilde{} - -{}- '{}' {[}a{]}{*}"
        )

    def test_code_keeps_its_spaces(self):
        """Protects the indentation of listings, which TeX would drop."""
        assert code("  a  b c") == r"\ \ a\ \ b c"

    def test_long_words_may_break(self):
        """Protects margins from hashes and long integers."""
        assert escaped("1" * 40).count(r"\allowbreak{}") == 9
        assert escaped("incomprehensibilities") == "incomprehensibilities"


class TestTables:
    def test_narrow_tables_keep_natural_columns(self):
        """Protects small tables from being stretched."""
        assert r"\begin{tabular}{@{}lr@{}}" in latex(
            Document("T", "v", (Table((prose("a"), prose("b")), ((prose("c"), prose("$1$")),), (), ("left", "right")),))
        )

    def test_wide_columns_wrap_within_the_line(self):
        """Protects margins: the shares of wrapping columns never exceed the line."""
        cell = prose("word " * 40)
        text = latex(Document("T", "v", (Table((prose("a"), prose("b"), prose("c")), ((cell, prose("x"), cell),)),)))
        shares = [int(share) for share in re.findall(r"p\{0\.(\d+)\\linewidth\}", text)]

        assert len(shares) == 2
        assert 700 < sum(shares) < 1000


class TestCompilation:
    @pytest.mark.ci
    @compiles
    def test_the_document_compiles_with_its_own_numbers(self, document, tmp_path):
        """Protects the numbers: TeX counts on its own and must come to those of the other outputs."""
        log = compiled(latex(document), tmp_path)
        aux = (tmp_path / "a.aux").read_text(encoding="latin-1")
        counted = dict(re.findall(r"\\newlabel\{mechproof:([^}]*)\}\{\{([^}]*)\}", aux))
        stated = {n.label: n.number for n in nodes(numbered(document)) if getattr(n, "number", "") and n.label}  # type: ignore

        assert counted == stated
        assert "Overfull" not in log
        assert "undefined" not in log

    @pytest.mark.ci
    @compiles
    def test_a_notebook_compiles_with_several_documents(self, document, tmp_path):
        """Protects notebooks: each cell's LaTeX brings its macros, and several stand in one export."""
        shown = document._repr_latex_()
        packages = re.findall(r"\\usepackage\{[^}]*\}", shown.splitlines()[0])
        other = Document("Other", "v", (Paragraph(prose("Nothing.")),))._repr_latex_()
        paper = [r"\documentclass{article}", *packages, r"\begin{document}", shown, other, r"\end{document}"]

        compiled("\n".join(paper), tmp_path)

    @pytest.mark.ci
    @compiles
    def test_every_character_and_sign_compiles(self, tmp_path):
        """Protects the tables of characters and signs: each entry must exist in TeX."""
        every = "".join(sorted(characters())) + "字🙂\x00\u202e"
        big = [f"\\{name}" for name in (*symbols.BIG, *symbols.FUNCTIONS, *symbols.LIMIT_FUNCTIONS)]
        accents = [f"\\{name}{{x}}" for name in (*symbols.ACCENTS, *symbols.BRACES)]
        sized = [f"\\{name}(" for name in symbols.SIZES]
        grids = [rf"\begin{{{name}}} a \\ b \end{{{name}}}" for name in symbols.MATRICES if name != "array"]
        signs = [f"\\{name}" for name in symbols.SIGNS]
        formulas = [DisplayMath(" ".join(row)) for row in (signs[::2], signs[1::2], big, accents, sized, grids)]
        words = (Text(f"a{c}b ") for c in every)
        blocks = (Paragraph(tuple(words)), CodeBlock(every), Paragraph((Code(every),)), *formulas)

        assert "Missing character" not in compiled(latex(Document("T", every, blocks)), tmp_path)

    @pytest.mark.ci
    @compiles
    def test_every_accepted_formula_compiles(self, tmp_path):
        """Protects the reader of formulas from accepting what TeX refuses: random formulas, those accepted compiled."""
        random = Random(0)
        accepted = []
        while len(accepted) < 600:
            latex_source = " ".join(random.choices(PIECES, k=random.randint(2, 9)))
            with contextlib.suppress(UnsupportedMath, MalformedMath):
                accepted.append(Paragraph((Math(latex_source),)))

        assert "Output written on a.pdf" in compiled(latex(Document("T", "v", tuple(accepted))), tmp_path)

    @pytest.mark.ci
    @compiles
    def test_wide_content_stays_on_the_page(self, tmp_path):
        """Protects margins from integers, hashes, long code and wide formulas, numbered or not."""
        number = "1234567890" * 30
        wide = " + ".join(f"x_{{{index}}}^{{2}}" for index in range(60))
        blocks = (
            Paragraph((*prose(f"Let $N = {number}$ and "), Text(number), Code(number))),
            CodeBlock("x" * 300),
            DisplayMath(wide, "wide"),
            DisplayMath(rf"\begin{{aligned}} a &= {wide} \\ &= b \end{{aligned}}"),
            DisplayMath("a\n\n= b"),
            DisplayMath(" = ".join(f"x_{{{index}}}" for index in range(60))),
            Table((prose("a"), prose("b")), ((prose("word " * 60), (Code("f" * 64),)),)),
        )

        assert "Overfull" not in compiled(latex(Document("T", f"v {number}", blocks)), tmp_path)

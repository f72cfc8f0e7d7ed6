"""Formulas: the subset, its MathML, and its Markdown."""

import html
import re
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st
from latex2mathml.converter import convert_to_element
from markdown_it import MarkdownIt

from mechproof.engine.errors import MechproofError
from mechproof.engine.transcript import formula, spelling, symbols
from mechproof.engine.transcript.formula import MalformedMath, UnsupportedMath, mathml

SUPPORTED = [
    r"\operatorname*{arg\,max}_{c \ne m} L_{q,m,c} < 0",
    r"\sum_{i=0}^{n-1} \frac{-x_i}{\sqrt{d_{\mathrm{head}}}} \ge \sqrt[3]{2}",
    r"\begin{aligned} a &= b \\ &\le -c \end{aligned}",
    r"\begin{pmatrix} 1 & 0 \\ 0 & 1 \end{pmatrix} \begin{cases} a & \text{if } x > 0 \\ b \end{cases}",
    r"\begin{array}{lcr} a & b & c \end{array}",
    r"\left\lfloor \frac ab \right\rfloor \left\{ a \middle| b \right.",
    r"\lVert A^\top x \rVert_2 \Bigl( |y| \Bigr) \|z\|",
    r"\#\{ t \in \mathbb{Z}^d : f''(t) \ne 0 \}",
    r"\underbrace{a+b}_{\text{sum}} \overset{!}{=} \widehat{x}\, \bar{y}_j + \bar{x}_i",
    r"\max_{\substack{i < j \\ j < k}} \binom{n}{k} \bmod 7 \pmod{3}",
    r"\forall\, 0 \le p < K:\; \mathbf{w}_p \Longleftrightarrow \operatorname{rank}(A) * 2 ~ f[x](y)",
    r"16\,777\,216 \quad 1{,}5 \sum\limits_i \int\nolimits_0^1 \mathtt{ab} \mathsf{C} \dfrac12 \tfrac{1}{3}",
]

REFUSED = [
    r"\input{/etc/passwd}", r"\write18{x}", r"\def\a{b}", r"\foo", "é", "≤", "$", "#", "%", r"\$", r"\_", r"\text{$}",
    r"\text{a_b}", r"\mathbb{r}", r"\mathcal{a}", r"\operatorname{a_b}", r"\begin{verbatim}\end{verbatim}",
    r"\begin{array}{c|c} a & b \end{array}", r"\catcode", "@", '"',
]  # fmt: skip

MALFORMED = [
    "", " ", "a_", "a^", "x_1_2", "x^1^2", "{a", "a}", r"\left(a", r"a\right)", r"\begin{aligned}a", r"\end{aligned}",
    "a & b", r"a \\ b", r"\frac{a}", r"\sqrt", r"\mathrm", r"\begin{cases}a\end{aligned}", r"\left a b \right c",
    "{" * 60 + "}" * 60, r"\text{a{b}}", r"\frac^2", r"\left", r"x\limits_i", "x^1.5",
    r"x^\sqrt{2}", r"\substack{a & b}",
    r"\begin{cases} a & b & c \end{cases}", r"\begin{pmatrix} a & & & & & & & & & & b \end{pmatrix}",
    r"\begin{array}{c} a & b \end{array}", r"\begin{gathered} a & b \end{gathered}",
]  # fmt: skip

FRAGMENTS = [
    *"{}^_&ab1'+=[]()", r"\\", r"\left", r"\right", r"\frac", r"\sum", r"\sqrt", r"\text", r"\begin", "{aligned}",
    r"\end", r"\limits", r"\big", r"\mathrm", r"\substack", r"\overset", r"\middle",
]  # fmt: skip


def shown(latex: str) -> str:
    """All characters of the formula's MathML, spaces apart."""
    pieces = ElementTree.fromstring(f"<all>{mathml(latex).replace('<wbr>', '')}</all>")
    return re.sub(r"\s", "", "".join(pieces.itertext()))


class TestSubset:
    @pytest.mark.parametrize("latex", SUPPORTED)
    def test_supported_formulas_become_well_formed_mathml(self, latex):
        """Protects the constructs proofs are written with."""
        for display in (False, True):
            pieces = mathml(latex, display).split("<wbr>")

            assert all(ElementTree.fromstring(piece).tag == "math" for piece in pieces)
            assert "\\" not in shown(latex)

    @pytest.mark.parametrize("latex", REFUSED)
    def test_other_commands_are_refused_by_name(self, latex):
        """Protects the LaTeX output from macros that read files, and from signs only one output can show."""
        with pytest.raises(UnsupportedMath):
            formula.read(latex)

    @pytest.mark.parametrize("latex", MALFORMED)
    def test_what_latex_would_refuse_is_refused(self, latex):
        """Protects the LaTeX output from not compiling."""
        with pytest.raises(MalformedMath):
            formula.read(latex)

    @given(st.lists(st.sampled_from(FRAGMENTS)))
    def test_any_string_is_read_or_refused(self, pieces):
        """Protects writers from any exception but the two named ones."""
        try:
            written = mathml(" ".join(pieces), True)
        except MechproofError as error:
            assert isinstance(error, UnsupportedMath | MalformedMath)
        else:
            assert {ElementTree.fromstring(piece).tag for piece in written.split("<wbr>")} == {"math"}


OTHERWISE = {"square": "◻", "setminus": "⧵", "ast": "*", "sim": "~", "perp": "⟂", "models": "⊧"}
"""Signs for which the other converter has a look-alike, and which one."""


class TestMathML:
    @pytest.mark.parametrize("name", sorted(set(symbols.SIGNS) - {"{", "}", "|", "#"}))
    def test_signs_agree_with_an_independent_table(self, name):
        """Protects the sign table from typing errors: another converter must show the same sign."""
        other = html.unescape("".join(convert_to_element("\\" + name).itertext()))

        assert other == OTHERWISE.get(name, shown("\\" + name))

    def test_an_argument_without_braces_is_one_digit(self):
        """Protects x^12 from meaning one thing on the page and another in the browser."""
        assert mathml("x^12") == "<math><msup><mi>x</mi><mn>1</mn></msup><mn>2</mn></math>"
        assert mathml(r"\frac12") == "<math><mfrac><mn>1</mn><mn>2</mn></mfrac></math>"

    def test_limits_stand_below_and_above(self):
        """Protects sums and maxima from limits at their side in displayed formulas."""
        assert mathml(r"\max_c x", True).startswith('<math displaystyle="true"><munder>')
        assert "<munderover>" in mathml(r"\sum_{i=0}^n i", True)
        assert "<msubsup>" in mathml(r"\int_0^1 x", True)

    def test_a_minus_sign_is_unary_after_a_relation_or_bracket(self):
        """Protects x = -y from being spaced like a difference."""
        for latex, form in {"-y": "prefix", "x = -y": "prefix", "(-y)": "prefix", "x - y": "infix"}.items():
            minus = next(mo for mo in ElementTree.fromstring(mathml(latex)).iter("mo") if mo.text == "−")
            assert minus.get("form") == form

    def test_function_names_are_set_off(self):
        """Protects "a log b" from reading as one word."""
        assert mathml(r"a \log b").count("<mspace") == 2
        assert mathml(r"\log(b)").count("<mspace") == 0

    def test_long_formulas_and_integers_may_break(self):
        """Protects narrow screens from formulas wider than they are."""
        assert mathml("a = b") == mathml("a = b").replace("<wbr>", "")
        assert mathml("a = b = c = d = e = f").count("<wbr>") == 5
        assert mathml("1" * 100).count("<wbr>") == 8
        assert shown("1" * 100) == "1" * 100

    def test_rows_are_aligned_alternately(self):
        """Protects aligned equations from losing their alignment point."""
        cells = ElementTree.fromstring(mathml(r"\begin{aligned} a &= b \\ &= c \end{aligned}")).iter("mtd")

        assert [cell.get("style") for cell in cells] == ["text-align:right", "text-align:left"] * 2


class TestMarkdown:
    @pytest.mark.parametrize("latex", SUPPORTED)
    def test_markdown_leaves_the_formula_alone(self, latex):
        """Protects formulas from Markdown's emphasis, escapes, links and tags."""
        written = spelling.markdown(latex)
        (_, inline, _) = MarkdownIt("commonmark").parse(f"a ${written}$ b ${written}$ c")

        assert inline.children is not None
        assert [child.type for child in inline.children] == ["text"]
        assert inline.children[0].content == f"a ${written}$ b ${written}$ c"
        assert "|" not in written

    @pytest.mark.parametrize("latex", [latex for latex in SUPPORTED if not re.search(r"operatorname|\\#", latex)])
    def test_the_rewritten_formula_is_the_same_formula(self, latex):
        """Protects the meaning: apart from names GitHub forbids, only spellings change."""
        spelled = spelling.markdown(latex)
        back = {new: old for old, new in spelling.MARKDOWN.items()}
        restored = re.sub(r"\\[A-Za-z]+", lambda name: back.get(name.group(), name.group()) + " ", spelled)

        assert shown(restored) == shown(latex)

    def test_forbidden_macros_are_spelled_differently(self):
        """Protects pages on GitHub, which refuses \\operatorname."""
        written = spelling.markdown(r"\operatorname{rank} \operatorname*{arg\,max}_x \#")

        assert "operatorname" not in written
        assert "\\#" not in written

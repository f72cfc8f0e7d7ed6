"""Formulas as plain text: what terminals get has no TeX left in it, whatever the formula."""

from __future__ import annotations

import importlib
import pkgutil

import pytest

from mechproof.engine.formula import Formula
from mechproof.engine.rule import Lemma
from mechproof.engine.transcript.formula import MalformedMath, UnsupportedMath
from mechproof.engine.transcript.markup import BadMarkup
from mechproof.engine.transcript.plain import plain, plain_formula
from mechproof.rewrites import rules

SHOWN = {
    r"\operatorname*{arg\,max}_{c \ne m} L_{q,m,c} < 0": "arg max_(c≠m) L_(q,m,c) < 0",
    r"\frac{-x_i}{\sqrt{d_{\mathrm{head}}}} \ge \sqrt[3]{2}": "(−x_i)/(√d_head) ≥ ³√2",
    r"\begin{pmatrix} 1 & 0 \\ 0 & 1 \end{pmatrix}": "(1 0; 0 1)",
    r"\begin{cases} a & \text{if } x > 0 \\ b \end{cases}": "{a if x > 0; b",
    r"\lVert A^\top x \rVert_2 \|z\|": "‖Aᵀ x‖₂‖z‖",
    r"\#\{ t \in \mathbb{Z}^d : f''(t) \ne 0 \}": "#{t ∈ ℤ^d : f′′(t) ≠ 0}",
    r"\underbrace{a+b}_{\text{sum}}": "a + b _sum",
    r"\widehat{x}\, \bar{y}_j + \overline{ab}": "x\u0302 y\u0304_j + a\u0305 b\u0305",
    r"\max_{\substack{i < j \\ j < k}} \binom{n}{k} \bmod 7": "max_(i<j; j<k) (n choose k) mod 7",
    r"16\,777\,216 \quad 1{,}5 \sum\limits_i \mathtt{ab} \tfrac{1}{3}": "16 777 216 1,5 ∑_i ab 1/3",
    r"V^{K+1}Kd = 2x - y^{-31}x_{12}": "V^(K+1) K d = 2x − y⁻³¹ x₁₂",
    r"W_{E} W_{V} - \mathbf{1} u": "W_E W_V − 1 u",
    r"\left\lfloor \frac ab \right\rfloor": "⌊a/b⌋",
}


@pytest.mark.parametrize("latex", SHOWN)
def test_formulas_as_terminals_show_them(latex):
    """Signs, scripts, fractions, roots, accents, matrices; factors do not run into words."""
    assert plain_formula(latex) == SHOWN[latex]


def test_markup_loses_its_marks():
    """Code, emphasis and references keep their text; what cannot be seen is spelled out."""
    assert plain(r"*Let* $x \le y$, **so** `a_b` by [@gap] \$5.") == "Let x ≤ y, so a_b by [gap] $5."
    assert plain("a`\x1b[31m`b") == "a[U+001B][31mb"


@pytest.mark.parametrize(("text", "error"), [("$x", BadMarkup), (r"$\foo$", UnsupportedMath), ("${$", MalformedMath)])
def test_nothing_is_guessed(text, error):
    """What the reader of markup refuses is refused here."""
    with pytest.raises(error):
        plain(text)


def test_every_shipped_lemma_has_a_plain_text():
    """Titles, assumptions and statements: no backslash but set difference, no dollar, no brace of a group."""
    lemmas = [
        value
        for module in pkgutil.iter_modules(rules.__path__)
        for value in vars(importlib.import_module(f"{rules.__name__}.{module.name}")).values()
        if isinstance(value, Lemma)
    ]
    assert len(lemmas) > 50
    for lemma in lemmas:
        texts = [plain(lemma.title), plain(lemma.given)]
        texts += [plain_formula(lemma.statement.latex())] if isinstance(lemma.statement, Formula) else []
        for text in texts:
            assert not any(sign in text for sign in "\\$&") and "  " not in text, text

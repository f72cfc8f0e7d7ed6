"""Statements over several rows: broken where a reader breaks them, and still saying the same."""

from __future__ import annotations

import importlib
import pkgutil

import pytest

from mechproof.engine.formula import ForAll, Formula, Num, Range, Var
from mechproof.engine.formula_rows import rows
from mechproof.engine.rule import Lemma
from mechproof.engine.transcript.formula import tokens
from mechproof.rewrites import rules

p, j, q = Var("p"), Var("j"), Var("q")
below_K = Range(Num(0), Var("K"))
a, b, c = (q <= Num(n) for n in range(3))


def test_what_fits_stays_on_one_row():
    """Nothing is broken that has room."""
    formula = ForAll(p, below_K, a.implies(b))
    assert rows(formula, 60) == [f"&{formula.latex()}"]


def test_premises_are_conjuncts():
    """A implies (B implies C) is read as A and B imply C, on rows as on one line."""
    formula = ForAll(p, below_K, ForAll(j, below_K, (a & (b & c)).implies(b.implies(c))))
    assert rows(formula, 8) == [
        "&\\forall\\, 0 \\le p < K,\\; 0 \\le j < K:\\;",
        "&q \\le 0",
        "\\;\\wedge\\; &q \\le 1",
        "\\;\\wedge\\; &q \\le 2",
        "\\;\\wedge\\; &q \\le 1",
        "\\;\\Longrightarrow\\; &q \\le 2",
    ]


def test_parentheses_stay_where_reading_needs_them():
    """An equivalence behind an implication, an implication in a conjunction, a quantifier in a premise."""
    *_, last = rows(a.implies(b.iff(c)), 12)
    assert last == "\\;\\Longrightarrow\\; &\\left(q \\le 1\\;\\Longleftrightarrow\\;q \\le 2\\right)"
    assert rows((a.implies(b)) & c, 12)[0] == "&\\left(q \\le 0\\;\\Longrightarrow\\;q \\le 1\\right)"
    first, second, *_ = rows(ForAll(p, below_K, a & b & c).implies(c), 10)
    assert first.startswith("&\\bigl(\\forall") and second.startswith("&\\quad ")


def test_wide_relations_break_at_their_sign_and_sums():
    """A side that is too wide is broken at its summands, which keep their signs and their order."""
    side = q
    for _ in range(5):
        side = side + p - (j - q)
    *_, last = found = rows(side <= Num(0), 12)
    assert last == "&\\quad \\le 0" and len(found) > 3
    joined = " ".join(row.removeprefix("&").replace("\\quad ", "") for row in found[:-1])
    assert joined.replace(" ", "") == side.latex().replace(" ", "")


def signs(latex: str) -> list[str]:
    """The tokens of a formula but for parentheses, alignment and spaces."""
    shape = {"&", "\\left", "\\right", "\\bigl", "\\bigr", "(", ")", "\\quad"}
    return sorted(token for token in tokens(latex) if token not in shape)


@pytest.mark.parametrize("width", (10, 30, 56))
def test_every_lemma_keeps_its_signs(width):
    """Rows of every shipped lemma hold the tokens of its one line."""
    for info in pkgutil.walk_packages(rules.__path__, f"{rules.__name__}."):
        for lemma in vars(importlib.import_module(info.name)).values():
            if isinstance(lemma, Lemma) and isinstance(lemma.statement, Formula):
                assert signs(" ".join(rows(lemma.statement, width))) == signs(lemma.statement.latex())

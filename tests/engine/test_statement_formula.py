"""Statements of lemmas: the value is what plain Python says, and the print says the same as the value."""

from __future__ import annotations

import itertools
import re
from fractions import Fraction
from math import floor

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from mechproof.engine.formula import (
    At,
    Binary,
    Ceiling,
    Count,
    Exists,
    Expr,
    Floor,
    ForAll,
    Max,
    Members,
    Min,
    Node,
    Num,
    Power,
    Range,
    Ratio,
    Sequences,
    Total,
    Var,
    Where,
)

p, q, K, t, j = Var("p"), Var("q"), Var("K"), Var("t"), Var("j")
TABLE = [Fraction(3), Fraction(-1, 2), Fraction(7, 3)]
SETS = [{0, 2}, {1}, {1, 2}]
ENV = {"K": 3, "p": 1, "q": 2, "a": TABLE.__getitem__, "T": SETS.__getitem__, "D": lambda i, k: TABLE[i] * k - i}
below_K = Range(Num(0), K)
a_p, a_j = At("a", p), At("a", j)
even = Ratio(p, Num(2)).equals(Floor(Ratio(p, Num(2))))
t_p = At("t", p, subscript=True)

# Node, its value in ENV, its LaTeX.
NODES: list[tuple[Node, object, str]] = [
    (Num(Fraction(1, 2)), Fraction(1, 2), "1/2"),
    (K, 3, "K"),
    (a_p, Fraction(-1, 2), "a(p)"),
    (At("D", q, p), TABLE[2] - 2, "D(q, p)"),
    (At("T", q, subscript=True), {1, 2}, "T_{q}"),
    (p + q, 3, "p + q"),
    (p - q, -1, "p - q"),
    (p - (q + K), -4, "p - \\left(q + K\\right)"),
    (p - (q - K), 2, "p - \\left(q - K\\right)"),
    (p - q * K, -5, "p - q\\,K"),
    ((p + q) * K, 9, "\\left(p + q\\right)\\,K"),
    (p * q * K, 6, "p\\,q\\,K"),
    (p * Num(-2), -2, "p\\,\\left(-2\\right)"),
    (p - Num(-2), 3, "p - \\left(-2\\right)"),
    (p.over(q), Fraction(1, 2), "\\frac{p}{q}"),
    (q.power(K), 8, "q^{K}"),
    (Num(0).power(Num(0)), 1, "0^{0}"),
    (Num(-2).power(q), 4, "\\left(-2\\right)^{q}"),
    (Num(Fraction(2, 3)).power(q), Fraction(4, 9), "\\left(2/3\\right)^{q}"),
    ((p - K).power(K), -8, "\\left(p - K\\right)^{K}"),
    (q.power(q).power(q), 16, "\\left(q^{q}\\right)^{q}"),
    (Floor(a_p), -1, "\\left\\lfloor a(p) \\right\\rfloor"),
    (Ceiling(a_p), 0, "\\left\\lceil a(p) \\right\\rceil"),
    (Floor(Num(2)), 2, "\\left\\lfloor 2 \\right\\rfloor"),
    (Ceiling(Num(Fraction(7, 3))), 3, "\\left\\lceil 7/3 \\right\\rceil"),
    (Total(j, below_K, a_j), sum(TABLE), "\\sum_{0 \\le j < K} a(j)"),
    (Total(j, Range(K, p), a_j), 0, "\\sum_{K \\le j < p} a(j)"),
    (Total(j, below_K, a_j - j), sum(TABLE) - 3, "\\sum_{0 \\le j < K} \\left(a(j) - j\\right)"),
    (Total(j, below_K, a_j) * p, sum(TABLE), "\\left(\\sum_{0 \\le j < K} a(j)\\right)\\,p"),
    (Max(j, below_K, a_j), Fraction(3), "\\max_{0 \\le j < K} a(j)"),
    (Num(-1) * Max(j, below_K, a_j), Fraction(-3), "\\left(-1\\right)\\,\\left(\\max_{0 \\le j < K} a(j)\\right)"),
    (Min(j, Members(At("T", q, subscript=True)), a_j), Fraction(-1, 2), "\\min_{j \\in T_{q}} a(j)"),
    (Count(p, below_K, even), 2,
     "\\#\\left\\{ 0 \\le p < K \\;:\\; \\frac{p}{2} = \\left\\lfloor \\frac{p}{2} \\right\\rfloor \\right\\}"),
    (Total(p, Where(below_K, even, p), a_p), TABLE[0] + TABLE[2],
     "\\sum_{0 \\le p < K,\\; \\frac{p}{2} = \\left\\lfloor \\frac{p}{2} \\right\\rfloor} a(p)"),
    (Max(t, Sequences("T", K), Total(p, below_K, At("D", p, t_p))),
     max(sum(TABLE[i] * k - i for i, k in enumerate(choice)) for choice in itertools.product(*SETS)),
     "\\max_{t \\in \\prod_{0 \\le p < K} T_{p}} \\sum_{0 \\le p < K} D(p, t_{p})"),
    (p < q, True, "p < q"),
    (q < q, False, "q < q"),
    (q <= q, True, "q \\le q"),
    (q + q <= q, False, "q + q \\le q"),
    (q > p, True, "q > p"),
    (q > q, False, "q > q"),
    (q >= q, True, "q \\ge q"),
    (p >= q, False, "p \\ge q"),
    (q.equals(p + p), True, "q = p + p"),
    (q.equals(p), False, "q = p"),
    (q.differs(p), True, "q \\ne p"),
    (q.differs(q), False, "q \\ne q"),
    (ForAll(j, below_K, a_j <= Num(3)), True, "\\forall\\, 0 \\le j < K:\\; a(j) \\le 3"),
    (ForAll(j, below_K, a_j < Num(3)), False, "\\forall\\, 0 \\le j < K:\\; a(j) < 3"),
    (ForAll(j, Range(K, K), a_j < a_j), True, "\\forall\\, K \\le j < K:\\; a(j) < a(j)"),
    (Exists(j, below_K, a_j < Num(0)), True, "\\exists\\, 0 \\le j < K:\\; a(j) < 0"),
    (Exists(j, below_K, Num(3) < a_j), False, "\\exists\\, 0 \\le j < K:\\; 3 < a(j)"),
    (Exists(j, Range(K, K), a_j <= a_j), False, "\\exists\\, K \\le j < K:\\; a(j) \\le a(j)"),
    (ForAll(p, below_K, Exists(q, below_K, q.equals(p)).implies(p < K)), True,
     "\\forall\\, 0 \\le p < K:\\; \\left(\\exists\\, 0 \\le q < K:\\; q = p\\right)\\;\\Longrightarrow\\;p < K"),
    (ForAll(p, below_K, ForAll(j, below_K, p + j >= p)), True,
     "\\forall\\, 0 \\le p < K,\\; 0 \\le j < K:\\; p + j \\ge p"),
]  # fmt: skip


@pytest.mark.parametrize(("node", "value", "latex"), NODES, ids=[latex for _, _, latex in NODES])
def test_value_and_latex(node, value, latex):
    """Each node's value is that of plain Python, exactly, and its LaTeX is the one on record."""
    found = node.value(ENV)
    assert found == value
    assert not isinstance(found, complex) and type(found).__name__ != "float"
    assert node.latex() == latex


@pytest.mark.parametrize("latex", [node.latex() for node, _, _ in NODES])
def test_latex_is_balanced(latex):
    """Braces pair up, and so do \\left and \\right, or LaTeX would refuse the transcript."""
    assert latex.count("\\left") == latex.count("\\right")
    depth = 0
    for brace in re.findall(r"(?<!\\)[{}]", latex):
        depth += 1 if brace == "{" else -1
        assert depth >= 0
    assert depth == 0 and latex.strip()


truths = st.booleans()


@given(truths, truths)
def test_connectives(x, y):
    """Implication, equivalence, and, or: the truth tables; brackets around what is not a plain relation."""

    def relation(truth):
        return Num(0).equals(Num(0 if truth else 1))

    a, b = relation(x), relation(y)
    assert a.implies(b).value({}) == (not x or y)
    assert a.iff(b).value({}) == (x == y)
    assert (a & b).value({}) == (x and y)
    assert (a | b).value({}) == (x or y)
    assert ((a & b) | a).latex().startswith("\\left(")


def test_implication_does_not_look_at_the_conclusion_of_a_false_premise():
    """A guard such as "m > 0 implies D(m-1) …" may leave the table undefined outside the guard."""
    guarded = (Num(1) < Num(0)).implies(At("nowhere", p) < Num(0))
    assert guarded.value({}) is True


def test_bound_variables_shadow_and_do_not_leak():
    """A quantifier's variable hides an outer one of the same name inside its body and nowhere else."""
    assert (Total(p, below_K, p) + p).value(ENV) == 0 + 1 + 2 + ENV["p"]
    assert ENV["p"] == 1


def test_extremes_of_nothing_are_refused():
    """The maximum over an empty set has no value; it must not come out as zero."""
    for extreme in (Max, Min):
        with pytest.raises(ValueError):
            extreme(j, Range(K, K), a_j).value(ENV)


@pytest.mark.parametrize("exponent", [Num(-1), Num(Fraction(1, 2))])
def test_powers_stay_exact(exponent):
    """A negative or fractional exponent would silently leave exact arithmetic, so it is refused."""
    with pytest.raises(ValueError, match="natural"):
        Power(Num(2), exponent).value({})


@st.composite
def expressions(draw, depth=4) -> Expr:
    """Random arithmetic of every operator that prints with precedence."""
    kind = draw(
        st.sampled_from(["num", "var", "+", "-", "*", "over", "power", "floor", "ceiling"] if depth else ["num", "var"])
    )

    def deeper():
        return draw(expressions(depth - 1))

    match kind:
        case "num":
            return Num(draw(st.one_of(st.integers(-5, 5), st.fractions(-3, 3, max_denominator=4))))
        case "var":
            return Var(draw(st.sampled_from("pqK")))
        case "over":
            return Ratio(deeper(), deeper())
        case "power":
            return Power(deeper(), Num(draw(st.integers(0, 3))))
        case "floor":
            return Floor(deeper())
        case "ceiling":
            return Ceiling(deeper())
        case sign:
            return Binary(sign, deeper(), deeper())


READING = (
    ("\\left\\lfloor", "floor("), ("\\right\\rfloor", ")"), ("\\left\\lceil", "-floor(-("), ("\\right\\rceil", "))"),
    ("\\left(", "("), ("\\right)", ")"), ("\\,", "*"), ("\\frac{", "ratio("), ("}{", ","), ("^{", "**("), ("}", ")"),
)  # fmt: skip


def read(latex: str):
    """The value that a reader of the LaTeX computes, by the usual precedence."""
    for sign, python in READING:
        latex = latex.replace(sign, python)
    text = re.sub(r"\d+", lambda digits: f"Fraction({digits[0]})", latex)
    names = {"Fraction": Fraction, "floor": floor, "ratio": lambda a, b: Fraction(a) / b}
    return eval(text, names | {name: ENV[name] for name in "pqK"})


@given(expressions())
def test_print_says_what_is_evaluated(expression):
    """Reading the LaTeX by the usual precedence gives the value: no bracket is missing."""
    try:
        value = expression.value(ENV)
    except ZeroDivisionError:
        assume(False)
    else:
        assert read(expression.latex()) == value

"""Statements as text: what parses, where errors point, and what is refused before it can cost anything."""

from __future__ import annotations

import time
from fractions import Fraction

import pytest

from mechproof.claims.errors import StatementError, SyntaxProblem, TooLarge
from mechproof.claims.syntax import parse, parse_expression
from mechproof.claims.tree import Approx, Compare, ForAll
from mechproof.engine.errors import describe


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("sigma(EQKE, 1) / sigma(EQKE, 2) >= 250", "sigma(EQKE, 1) / sigma(EQKE, 2) >= 250"),
        ("σ(EQKE,1) ≥ 2", "sigma(EQKE, 1) >= 2"),
        ("a-(b-c)-d <= -2*(x+y)", "a - (b - c) - d <= -2 * (x + y)"),
        ("(a + b) @ c.T ≠ d[0, 1:] · 2", "(a + b) @ c.T != d[0, 1:] * 2"),
        ("x = 1 and not f(x) and y in [-1, 2^-21]", "x = 1 and not f(x) and y in [-1, 2^-21]"),
        (
            "for all q <= m, p in 0..K - 1: A[q, p].T < 0x1.8p-3",
            "for all q <= m, p in 0..K - 1: A[q, p].T < 0x1.8p-3",
        ),
        ("-(2^3)[0] < (-a)^2 ", "-2^3[0] < (-a)^2"),
        ("a ~= 98.4 %", "a ≈ 98.4%"),
    ],
)
def test_a_statement_prints_as_what_it_means(text, canonical):
    """Precedence, associativity, synonyms and unicode signs."""
    assert str(parse(text)) == canonical.replace("2^3[0]", "(2^3)[0]")


@pytest.mark.parametrize(
    "text", ["a - (b - c) <= 1", "a / (b * c) < 2", "-(a + b)[0] >= (x @ y).T", "for all q < m: a[q] <= b[m, q:]"]
)
def test_printing_and_parsing_again_changes_nothing(text):
    """The canonical text is a statement with the same meaning."""
    assert parse(str(parse(text))) == parse(text)


@pytest.mark.parametrize(
    ("text", "value", "unit"),
    [
        ("1.85", Fraction(185, 100), Fraction(1, 100)),
        ("7440", Fraction(7440), Fraction(1)),
        ("1.20e-3", Fraction(12, 10**4), Fraction(1, 10**5)),
        ("98.4 %", Fraction(984, 1000), Fraction(1, 1000)),
        ("-2e1", Fraction(-20), Fraction(10)),
        ("0x1.8p-3", Fraction(3, 16), None),
        ("0x1.7acd56p-23", Fraction(0x17ACD56, 1 << 47), None),
    ],
)
def test_numbers_are_exact_and_know_their_last_digit(text, value, unit):
    """Decimals, percentages and hexadecimal floats, as fractions."""
    statement = parse(f"x ≈ {text}")
    assert isinstance(statement, Approx)
    assert (statement.target.value, statement.target.unit) == (value, unit)


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("row_difference(EQKE - ) <= 2", SyntaxProblem(23, "a name, a number or '('", "')'")),
        ("EQKE", SyntaxProblem(5, "a comparison", "the end")),
        ("1 < 2 andV < 3", SyntaxProblem(7, "a comparison", "'andV'")),
        ("for allq: q > 0", SyntaxProblem(5, "'all'", "'allq'")),
        ("a <= ", SyntaxProblem(5, "a name, a number or '('", "the end")),
        ("a $ b", SyntaxProblem(3, "a comparison", "'$'")),
        ("a ≈ b", SyntaxProblem(5, "a number", "'b'")),
        ("a[1][2:] <= 3 4", SyntaxProblem(15, "a comparison", "'4'")),
        ("2^1.5 <= 3", SyntaxProblem(3, "a whole number of at most 4 digits as exponent", "'1.5'")),
        ("1 <= 1e401", TooLarge(6, "an exponent of 401", "400")),
        ("1 <= 1e9999999999", TooLarge(6, "a number with many digits", "60 digits")),
        ("9" * 61 + " <= 1", TooLarge(1, "a number with many digits", "60 digits")),
    ],
)
def test_errors_point_at_the_column(text, error):
    """What was expected, what was found, and where."""
    with pytest.raises(StatementError) as caught:
        parse(text)
    assert caught.value == error
    assert describe(caught.value).startswith(f"column {error.column}: ")


@pytest.mark.parametrize(
    "text",
    [
        "(" * 3000 + "1" + ")" * 3000 + " <= 1",
        "-" * 1500 + "1 <= 1",
        "1" + " + 1" * 480 + " <= 1",
        "x" + ".T" * 900 + " <= 1",
        "not " * 400 + "f(x)",
        "for all q: " * 150 + "q <= 1",
        "f(" * 600 + "x" + ")" * 600 + " <= 1",
    ],
)
def test_deep_nesting_is_refused_quickly(text):
    """Neither the parser nor what comes after it recurses into hostile text."""
    start = time.process_time()
    with pytest.raises(TooLarge):
        parse(text)
    assert time.process_time() - start < 2


def test_parentheses_cost_no_nesting():
    """Only what is nested in meaning counts."""
    assert parse("(" * 900 + "1" + ")" * 900 + " <= 2") == parse("1 <= 2")


def test_definitions_mean_what_they_abbreviate_and_cannot_explode():
    """An abbreviation has the meaning of its body, and doubling forty times is refused."""
    body = parse_expression("A - B")
    short, long = parse("X @ C <= 1", {"X": body}), parse("(A - B) @ C <= 1")
    assert (str(short), short.key) == ("X @ C <= 1", long.key)
    assert parse("A - B <= 1").key != parse("B - A <= 1").key
    definitions = {"d0": body}
    with pytest.raises(TooLarge, match="definitions spelled out"):
        for n in range(40):
            definitions[f"d{n + 1}"] = parse_expression(f"d{n} + d{n}", definitions)


def test_the_tree_of_a_quantifier():
    """Binders in order, the body apart."""
    statement = parse("for all q <= m, p in positions: A[q] < B[m] and C[p] = 0")
    assert isinstance(statement, ForAll)
    assert [type(binder).__name__ for binder in statement.binders] == ["Compare", "Ranging"]
    assert isinstance(statement.binders[0], Compare)
    assert str(statement.body) == "A[q] < B[m] and C[p] = 0"

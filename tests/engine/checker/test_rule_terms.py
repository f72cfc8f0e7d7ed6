"""Terms in prefix form: read within limits, and evaluated exactly whatever the numbers."""

from __future__ import annotations

import json
from fractions import Fraction
from operator import mul
from typing import Any

import pytest

from mechproof.engine.checker import terms
from mechproof.engine.checker.budget import Budget
from mechproof.engine.checker.certificate import Reader
from mechproof.engine.checker.dyadic import Matrix, matrix
from mechproof.engine.checker.errors import Code, Failure

WEIGHTS = {
    "A": matrix([[3, -1], [0, 5], [2, 2]], -4),
    "B": matrix([[1, 0, -7], [2, 2, 2]], 3),
    "c": matrix([[9, 4]], 0),
}
KNOWN = {"r": matrix([[1, 2]], -60), "T": matrix([[8], [0], [1]], 1)}
A, B, C, R, T = (["A"], ["B"], ["c"], ["r"], ["T"])
VALUED = [
    A,
    T,
    ["T", A],
    ["row", A, 2],
    ["ones", 3],
    ["@", A, B],
    ["+", A, ["@", T, R]],
    ["-", ["T", B], A],
    ["-", C, ["row", ["@", ["@", A, B], A], 1]],
    ["@", ["ones", 4], ["+", R, ["row", A, 0]]],
    ["@", ["T", T], ["T", ["T", A]]],
]


def text(term: Any) -> bytes:
    return json.dumps(term, separators=(",", ":")).encode()


def fractions(value: Matrix) -> list[list[Fraction]]:
    return [[Fraction(v) * Fraction(2) ** value.exponent for v in row] for row in value.rows]


def reference(term: Any) -> list[list[Fraction]]:
    """The value by the definition, entry by entry."""
    match term:
        case [name] if isinstance(name, str):
            return fractions((WEIGHTS | KNOWN)[name])
        case ["ones", n]:
            return [[Fraction(1)]] * n
        case ["T", t]:
            return [list(row) for row in zip(*reference(t), strict=True)]
        case ["row", t, n]:
            return [reference(t)[n]]
        case ["@", a, b]:
            columns = list(zip(*reference(b), strict=True))
            rows = reference(a)
            return [[sum(map(mul, row, col), Fraction(0)) for col in columns] for row in rows]
        case [sign, a, b]:
            factor = {"+": 1, "-": -1}[sign]
            pairs = zip(reference(a), reference(b), strict=True)
            return [[x + factor * y for x, y in zip(*rows, strict=True)] for rows in pairs]
    raise AssertionError(term)


def made(budget: int = 10**7) -> terms.Terms:
    return terms.Terms(WEIGHTS, Budget(budget))


@pytest.mark.parametrize("term", VALUED, ids=lambda term: text(term).decode())
def test_values_are_exact(term: Any) -> None:
    """Each operation and their nesting agree with fractions, with remembered values and without."""
    own = made()
    for _ in range(2):
        assert fractions(own.value(text(term), KNOWN)) == reference(term)


def test_a_name_means_what_the_chain_says() -> None:
    """The same text over another matrix of the same name has the other value, in any order of asking."""
    own, other = made(), {"r": matrix([[5, 7]], 0), "T": KNOWN["T"]}
    term = text(["@", ["@", ["T"], ["r"]], ["T", ["r"]]])
    first = fractions(own.value(term, KNOWN))
    assert fractions(own.value(term, other)) == [[Fraction(74 * n)] for n in (16, 0, 2)]
    assert fractions(own.value(term, KNOWN)) == first != fractions(own.value(term, other))


def test_values_are_forgotten_when_they_grow(monkeypatch: pytest.MonkeyPatch) -> None:
    """Half of the room used up, the memory is emptied, and values stay right."""
    own = made()
    monkeypatch.setattr(terms, "MAX_HELD_BITS", 2 * 3 * (terms.ENTRY_BITS + 1))
    for n in (3, 2, 4, 3):
        assert len(own.value(text(["ones", n]), KNOWN).rows) == n
        assert len(own.values) == 1 or n == 2
    with pytest.raises(Failure) as caught:
        own.value(text(["ones", 7]), KNOWN)
    assert caught.value.code is Code.E243


@pytest.mark.parametrize(
    ("term", "code"),
    [
        (["nobody"], Code.E251),
        (["@", A, ["s"]], Code.E251),
        (["@", A, A], Code.E252),
        (["+", A, B], Code.E252),
        (["-", A, C], Code.E252),
        (["row", A, 3], Code.E252),
        (["row", A, -1], Code.E252),
        (["ones", 0], Code.E252),
        (["ones", -5], Code.E252),
        (["ones", 10**9], Code.E242),
        (["ones", 9 * 10**6], Code.E243),
        (["@", ["ones", 4096], ["T", ["ones", 4096]]], Code.E243),
        (["@", ["@", ["ones", 300], ["T", ["ones", 300]]], ["@", ["ones", 300], ["T", ["ones", 300]]]], Code.E242),
    ],
    ids=str,
)
def test_terms_without_a_value(term: Any, code: Code) -> None:
    """Unknown names, shapes that do not fit, and what would eat time or memory end with their code, at once."""
    budget = 10**6 if code is Code.E242 else 10**8
    with pytest.raises(Failure) as caught:
        made(budget).value(text(term), KNOWN)
    assert caught.value.code is code


def test_far_exponents_are_refused_before_shifting() -> None:
    """Adding numbers of very different sizes is refused instead of writing out billions of digits."""
    known = {"far": matrix([[1, 1]], 10**9), "near": matrix([[1, 1]], -(10**9))}
    own = made(10**9)
    assert own.value(text(["@", ["far"], ["T", ["near"]]]), known) == matrix([[2]], 0)
    with pytest.raises(Failure) as caught:
        own.value(text(["+", ["far"], ["near"]]), known)
    assert caught.value.code is Code.E243


def nested(depth: int) -> Any:
    term: Any = A
    for _ in range(depth):
        term = ["T", term]
    return term


@pytest.mark.parametrize(
    ("term", "code"),
    [
        (nested(terms.MAX_DEPTH), Code.E113),
        (nested(900), Code.E113),
        (["+", A], Code.E110),
        (["@", A, B, A], Code.E110),
        (["A", A], Code.E110),
        (["T"], None),
        (["T", "A"], Code.E110),
        (["row", A, "0x1"], Code.E110),
        (["row", A, 2**31], Code.E111),
        (["ones", A], Code.E110),
        ([], Code.E110),
        (["x" * 101], Code.E110),
        ("A", Code.E110),
        (3, Code.E110),
    ],
    ids=lambda value: str(value)[:40],
)
def test_only_the_grammar_is_read(term: Any, code: Code | None) -> None:
    """Depth, arity and spelling; a name may be spelled like an operation, as it has no arguments."""
    reader = Reader(text(term))
    if code is None:
        assert terms.read_term(reader) == text(term)
        return
    with pytest.raises(Failure) as caught:
        terms.read_term(reader)
    assert caught.value.code is code


def test_a_term_may_be_as_deep_as_documented() -> None:
    """One level less than refused is read and evaluated."""
    term = text(nested(terms.MAX_DEPTH - 1))
    assert terms.read_term(Reader(term)) == term
    assert made().value(term, KNOWN).shape == (2, 3)


def test_long_terms_are_refused() -> None:
    """Length is limited apart from depth."""
    wide = ["x" * 100]
    for _ in range(10):
        wide = ["+", wide, wide]
    with pytest.raises(Failure) as caught:
        terms.read_term(Reader(text(wide)))
    assert caught.value.code is Code.E113


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ([1, 2, 0, ["0x1"]], Code.E110),
        ([0, 2, 0, []], Code.E110),
        ([-1, -1, 0, ["0x1"]], Code.E110),
        ([2**30, 2**30, 0, ["0x1"]], Code.E110),
        ([1, 1, 10**9, ["0x1"]], Code.E111),
        ([1, 1, -(2**20) - 1, ["0x1"]], Code.E111),
        ([1, 1, 10**10, ["0x1"]], Code.E111),
        ([1, 1, 0, ["0x" + "1" * 3300]], Code.E111),
        ([1, 1, 0, ["0x01"]], Code.E110),
        ([1, 1, 0, [1]], Code.E110),
        ([1, 1, 0], Code.E110),
        ([1, 1, 0, ["0x1"], 0], Code.E110),
    ],
    ids=lambda value: str(value)[:40],
)
def test_malformed_matrices(given: Any, code: Code) -> None:
    """Sizes must be those of the entries; exponents and entries have limits."""
    with pytest.raises(Failure) as caught:
        terms.read_matrix(Reader(text(given)))
    assert caught.value.code is code


def test_rows_that_differ() -> None:
    """Equal numbers over other exponents are equal; the first row that differs is named; other shapes do not fit."""
    a = matrix([[1, 2], [3, 4]], 0)
    assert terms.unequal_row(a, matrix([[4, 8], [12, 16]], -2)) is None
    assert terms.unequal_row(a, matrix([[4, 8], [12, 17]], -2)) == 1
    with pytest.raises(Failure) as caught:
        terms.unequal_row(a, matrix([[1, 2]], 0))
    assert caught.value.code is Code.E252

"""The text of a claim: what its grammar allows, what it means, and that malformed texts cost one sentence."""

from __future__ import annotations

import random
from fractions import Fraction
from typing import Any

import pytest

from mechproof.engine.checker.claims.text import parse
from mechproof.engine.checker.claims.tokens import number_of
from mechproof.engine.checker.claims.tree import Compare, Conjunction, ForAll, Negation, Node, Predicate
from mechproof.engine.checker.errors import Failure

VALID = [
    "sigma(EQKE, 1) / sigma(EQKE, 2) >= 250",
    "row_difference(EQKE - rank1(EQKE)) ~= 1.85",
    "for all q <= m, p in positions: EVOU[m, m] >= EVOU[m, q] and not correct(q, m)",
    "for all m in 7..63, x != m: EVOU[m, m] > EVOU[m, x]",
    "max(abs(W_E[0:4, 2:].T)) in [0.9, 1.1] and 0 <= -2^-21 < 98.4 %",
    "abs(loss - 0x1.7acd56p-23) <= 2^-21",
    "is_increasing(mean_over_rows(EQKE)[:, 17:])",
    "logits(0, 2, 0)[2] - max(logits(0, 2, 0)[0:2]) != 1e-3",
]


def code(text: str) -> str:
    """The code of the failure to parse this."""
    with pytest.raises(Failure) as failure:
        parse(text)
    return failure.value.code.name


def written(node: Any) -> str:
    """A statement or an expression with every bracket."""
    match node:
        case Compare(sides, signs):
            return " ".join([written(sides[0]), *(f"{s} {written(e)}" for s, e in zip(signs, sides[1:], strict=True))])
        case Predicate(name, arguments):
            return f"{name}({', '.join(map(written, arguments))})"
        case Negation(inner):
            return f"not {written(inner)}"
        case Conjunction(items):
            return f"<{' and '.join(map(written, items))}>"
        case ForAll(names, _, conditions, body):
            return f"for {' '.join(names)} if {', '.join(map(written, conditions))}: {written(body)}"
    parts = [written(part) for part in node.parts]
    match node.kind:
        case "neg":
            return f"(-{parts[0]})"
        case "number" | "name":
            return str(node.data)
        case "^":
            return f"({parts[0]}^{node.data})"
        case "call":
            return f"{node.data}({', '.join(parts)})"
        case "index":
            return f"{parts[0]}[{'|'.join(node.data)}: {', '.join(parts[1:])}]"
    return f"({parts[0]}{''.join(s + p for s, p in zip(node.data, parts[1:], strict=True))})"


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("a-b-c*d@e/2 = 0", "(a-b-(c*d@e/2)) = 0"),
        ("(a-b)-(c-d) = 0", "(a-b-(c-d)) = 0"),
        ("-2^2 < --a", "(-(2^2)) < (-(-a))"),
        ("2^-21*a > 3", "((2^-21)*a) > 3"),
        ("A.T[0]^2 >= A [ 1 : , : 2 ]", "(transpose(A)[at: 0]^2) >= A[l|h: 1, 2]"),
        ("A[:, 1:2] != f(a, -b)", "A[|lh: 1, 2] != f(a, (-b))"),
        ("not not correct(1, a) and 1 <= a < 2", "<not not correct(1, a) and 1 <= a < 2>"),
        ("1 = 1 and for all q: a = q and b = q", "<1 = 1 and for q if : <a = q and b = q>>"),
        ("for all q <= m < x, y: a = 1", "for q m x y if q <= m < x: a = 1"),
        ("for all a in 0..b, (c), d in positions, e in tokens: a = 1", "for a b c d e if : a = 1"),
        ("A in [1, 2 %]", "1 <= A <= 1/50"),
        ("A ~= -1.85", "-371/200 <= A <= -369/200"),
        ("A ~= 7440", "14879/2 <= A <= 14881/2"),
        ("A ~= 2.5e2", "245 <= A <= 255"),
        ("A ~= 98.4 %", "1967/2000 <= A <= 1969/2000"),
        ("0x1.8p1 = 0xaF", "3 = 175"),
        ("1.5 = 2e-1", "3/2 = 1/5"),
    ],
)
def test_meaning(text: str, tree: str) -> None:
    """Precedence, chains, units and the reach of quantifiers are those of the page."""
    assert written(parse(text).statement) == tree


def test_ranges() -> None:
    """What a variable runs over is what its binder says."""
    ranges = parse("for all a in 0..b, d in positions, e in tokens: a = 1").statement.ranges  # type: ignore[union-attr]
    assert (ranges["d"], ranges["e"]) == ("positions", "tokens")
    assert [written(end) for end in ranges["a"]] == ["0", "b"]


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("sigma((A) + B + C, 1) = sigma((A+B) + C, 2)", 1),
        ("sigma(A + (B + C), 1) = sigma(A + B + C, 2)", 2),
        ("sigma(A.T * 2, 1) = spectral_norm(transpose(A)*2.0)", 1),
        ("sigma(A * 2, 1) = sigma(2 * A, 1)", 2),
        ("sigma(A, 1) = sigma(A, sigma(B, 1)) + rank1(A)", 2),
    ],
)
def test_equal_trees(text: str, same: int) -> None:
    """Directions are shared by equal trees, however they are written, and by no others."""
    assert len(parse(text).spectra) == same


def test_directions_in_the_order_in_which_calls_end() -> None:
    """An inner call comes first."""
    found = parse("1 <= sigma(A - rank1(B), sigma(C, 1)) and D = 1 and rank1(E) ~= 3").spectra
    assert [written(node) for node in found] == ["B", "C", "(A-rank1(B))", "E"]


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "1",
        "a",
        "1 <",
        "1 < 2 <",
        "(1 < 2",
        "for all: 1 = 1",
        "for all q 1 = 1",
        "for all q, : 1 = 1",
        "for all 1: 1 = 1",
        "for all 1 = 1: 1 = 1",
        "for all a in 1: 1 = 1",
        "for all a in b: 1 = 1",
        "for all a in tokens, a in tokens: 1 = 1",
        "not for all q: 1 = 1",
        "for = 1",
        "a in = 1",
        "a ~= b",
        "a ~= 0x1p3",
        "a ~= --1",
        "a in [1]",
        "f() = 1",
        "f(1 = 1",
        "a[] = 1",
        "a[1 = 1",
        "2^a = 1",
        "2^1.5 = 1",
        "2^12345 = 1",
        "2^3^4 = 1",
        "2e = 1",
        "0x = 1",
        "0xg = 1",
        "1. = 1",
        ".5 = 1",
        "a == 1",
        "a => 1",
        "1 = 1 and",
        "correct(1) = 1",
        "not = 1",
        "a ? 1",
        "a = 1 2",
        "# = 1",
        "+1 = 1",
    ],
)
def test_malformed(text: str) -> None:
    """What the grammar does not allow is one sentence with its place."""
    assert code(text) == "E115"


@pytest.mark.parametrize(
    ("good", "bad"),
    [
        ("1" * 60 + " = 1", "1" * 61 + " = 1"),
        ("0." + "1" * 59 + " = 1", "0." + "1" * 60 + " = 1"),
        ("0x" + "f" * 60 + " = 1", "0x" + "f" * 61 + " = 1"),
        ("1e400 = 1e-400", "1e401 = 1"),
        ("1e00000400 = 1", "1e-" + "9" * 5000 + " = 1"),
        ("0x1p-400 = 1", "0x1p1000 = 1"),
        ("(" * 60 + "1" + ")" * 60 + " = 1", "(" * 61 + "1" + ")" * 61 + " = 1"),
        ("-" * 60 + "1 = 1", "-" * 61 + "1 = 1"),
        ("not " * 60 + "1 = 1", "not " * 61 + "1 = 1"),
        ("for all q: " * 60 + "1 = 1", "for all q: " * 61 + "1 = 1"),
        ("f(" * 60 + "1" + ")" * 60 + " = 1", "f(" * 61 + "1" + ")" * 61 + " = 1"),
        ("a[" * 60 + "1" + "]" * 60 + " = 1", "a[" * 61 + "1" + "]" * 61 + " = 1"),
        ("+".join("a" * 2499) + " = 1", "+".join("a" * 2501) + " = 1"),
        ("a" + ".T" * 119 + " = 1", "a" + ".T" * 120 + " = 1"),
        ("a" + "[0]" * 119 + " = 1", "a" + "[0]" * 120 + " = 1"),
        ("(" * 9 + "a" + (".T" * 13 + ")") * 9 + " = 1", "(" * 10 + "a" + (".T" * 13 + ")") * 10 + " = 1"),
        ("for all q: 1 = 1 and " * 30 + "1 = 1", "for all q: 1 = 1 and " * 30 + "(1) = 1"),
        (" and ".join(["1 = 1"] * 2500), " and ".join(["1 = 1"] * 2501)),
    ],
)
def test_limits(good: str, bad: str) -> None:
    """The limits are where the page puts them."""
    parse(good)
    assert code(bad) == "E116"


REPEATED = ["(", "-", "[", "a[", "f(", "not ", "for all ", "1+", "a*", "a.T", ".T", "1 = 1 and ", "9", "a", " "]


@pytest.mark.parametrize("item", REPEATED)
def test_long_texts(item: str) -> None:
    """65536 characters of anything are refused at once."""
    assert code((item * 65536)[:65536]) in ("E115", "E116")


def test_numbers_are_exact() -> None:
    """A number and its unit, as printed."""
    assert number_of("98.40", 0) == (Fraction(984, 10), Fraction(1, 100))
    assert number_of("0x1.7acd56p-23", 0) == (Fraction(0x17ACD56, 1 << 47), None)


def changed(text: str, rng: random.Random, alphabet: str) -> str:
    """The text with a few random changes."""
    for _ in range(rng.randint(1, 4)):
        at = rng.randrange(len(text) + 1)
        piece = rng.choice([rng.choice(alphabet), rng.choice(VALID)[at : at + rng.randint(0, 9)], ""])
        text = text[:at] + piece + text[at + rng.randint(0, 2) :]
    return text


def test_noise() -> None:
    """Random characters, and random changes of valid texts, raise nothing but Failure."""
    rng = random.Random(0)
    alphabet = "".join(map(chr, range(32, 127)))
    texts = [changed(rng.choice(VALID), rng, alphabet) for _ in range(4000)]
    texts += ["".join(rng.choices(alphabet, k=rng.randint(0, 60))) for _ in range(1000)]
    passed = 0
    for text in texts:
        try:
            passed += bool(parse(text))
        except Failure as failure:
            assert failure.code.name in ("E115", "E116")
    assert 100 < passed < 4000


def test_one_object_for_equal_expressions() -> None:
    """Nodes are keys: the same tree is the same object, and carries its names."""
    statement = parse("a[q] + 1 = (a[q] + 1.0)").statement
    assert isinstance(statement, Compare)
    one, other = statement.sides
    assert isinstance(one, Node)
    assert one is other
    assert one.names == {"a", "q"}

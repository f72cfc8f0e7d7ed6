"""Statements: true, false and undecided, instances of quantifiers, and what of them is refused."""

from __future__ import annotations

import inspect
import itertools
import sys
from fractions import Fraction
from typing import Any

import pytest
from auditors import auditor_of
from claim_certificates import values_of

from mechproof.engine.checker.claims import truth as claim_truth
from mechproof.engine.checker.claims.matrix import Intervals
from mechproof.engine.checker.claims.truth import HOLDS, Truth, compared, of_all
from mechproof.engine.checker.errors import Failure
from mechproof.engine.checker.relations import Accuracy

V, K = 4, 3


@pytest.fixture(scope="module")
def model(emitter: Any) -> Any:
    return emitter.random_model(5, V, K, 3, 2, True)


@pytest.fixture(scope="module")
def auditor(emitter: Any, model: Any, tmp_path_factory: pytest.TempPathFactory) -> Any:
    return auditor_of(emitter.write(model, tmp_path_factory.mktemp("truth")))


def truth(auditor: Any, text: str, **known: Any) -> bool | None:
    """What the text is found to be."""
    values, parsed = values_of(auditor, text, **known)
    return Truth(values).of_text(parsed.statement)


def refusal(auditor: Any, text: str, **known: Any) -> str:
    with pytest.raises(Failure) as failure:
        truth(auditor, text, **known)
    return failure.value.code.name


def decimal(value: Fraction) -> str:
    """An exact dyadic number in the language."""
    return f"({value.numerator} / {value.denominator})" if value.denominator > 1 else f"({value.numerator})"


REFERENCE = {
    "<=": lambda v: v <= 0,
    ">=": lambda v: v >= 0,
    "<": lambda v: v < 0,
    ">": lambda v: v > 0,
    "=": lambda v: v == 0,
    "!=": lambda v: v != 0,
}


@pytest.mark.parametrize("sign", HOLDS)
def test_signs(sign: str) -> None:
    """True when it is of all members, false when it is of none of them, else undecided."""
    for low, high in itertools.combinations_with_replacement(range(-2, 3), 2):
        found = compared(sign, Intervals(((low,),), ((high,),), Fraction(1)))
        truths = {REFERENCE[sign](Fraction(v, 2)) for v in range(2 * low, 2 * high + 1)}
        assert found == (truths.pop() if len(truths) == 1 else None)


def test_every_entry_counts() -> None:
    """True of every entry, false of some, whatever the others."""
    assert compared("<", Intervals(((-1, 2), (-1, -1)), ((1, 3), (-1, -1)), Fraction(1))) is False
    assert compared("<", Intervals(((-1, -2),), ((1, -1),), Fraction(1))) is None
    assert compared("!=", Intervals(((1, -2),), ((1, -1),), Fraction(1))) is True


def test_three_values() -> None:
    """Conjunctions of the three truth values."""
    for parts in itertools.product([True, False, None], repeat=3):
        assert of_all(parts) == (False if False in parts else None if None in parts else True)


def test_exact_bounds_are_tight(auditor: Any, model: Any) -> None:
    """An entry is at most its exact value, at most 2^-300 less it is not; the same for >=, = and !=."""
    value = model.parts["EQKE"][0][0]
    text = decimal(value)
    assert truth(auditor, f"EQKE[0, 0] <= {text} and EQKE[0, 0] >= {text} and EQKE[0, 0] = {text}") is True
    assert truth(auditor, f"EQKE[0, 0] <= {text} - 2^-300") is False
    assert truth(auditor, f"EQKE[0, 0] >= {text} + 2^-300") is False
    assert truth(auditor, f"EQKE[0, 0] != {text}") is False
    assert truth(auditor, f"{text} - 2^-300 < EQKE[0, 0] < {text} + 2^-300") is True


def test_half_a_unit_is_included(auditor: Any) -> None:
    """n ~= m from m - unit/2 to m + unit/2."""
    assert truth(auditor, "1.85 ~= 1.8") is True
    assert truth(auditor, "1.75 ~= 1.8") is True
    assert truth(auditor, "1.85 + 1e-300 ~= 1.8") is False
    assert truth(auditor, "1.75 - 1e-300 ~= 1.8") is False
    assert truth(auditor, "-1.85 ~= -1.8 and 98.35 % ~= 98.4 %") is True


STATEMENTS = {
    "1 < 2 < 3": True,
    "1 < 2 < 2": False,
    "sqrt(2) < 2 and 1 = 2": False,
    "sqrt(2) * sqrt(2) = 2": None,
    "not sqrt(2) * sqrt(2) = 2": None,
    "not 1 = 2 and not not 1 = 1": True,
    "sqrt(2) * sqrt(2) = 2 and 1 = 2": False,
    "sqrt(2) = sqrt(2)": True,
    "sqrt(2) != (sqrt(2))": False,
    "sqrt(2) + 0 = sqrt(2)": None,
    "rank1(EQKE) = rank1(EQKE)": True,
    "3 in [3, 3] and sqrt(2) in [1, 2]": True,
    "3 in [4, 5]": False,
    "EQKE <= max(EQKE)": True,
    "EQKE < max(EQKE)": False,
    "row_max(EQKE) >= EQKE": True,
    "EQKE - EQKE.T = 0": False,
    "accuracy > 1/4": True,
    "accuracy >= 1": False,
    "accuracy = 1/2": None,
    "is_increasing(7)": True,
    "for all q: q >= 0": True,
    "for all q: q < V": True,
    "for all q: q < V - 1": False,
    "for all q, p in positions: q + p <= V + K - 2": True,
    "for all q < m: q + 1 <= m": True,
    "for all q <= m: q + 1 <= m": False,
    "for all q < m < x: q + 2 <= x": True,
    "for all q in 3..3: q = 3": True,
    "for all q in 100..200: q >= 100": True,
    "for all a in 1..2: for all b in a..a + 1: b - a <= 1 and b >= 1": True,
    "for all a in 1..2: for all b in a..a + 1: b <= 2": False,
    "for all q: for all x != q: 1 <= abs(x - q)": True,
    "for all q: for all x <= q: x < q": False,
    "for all q: EQKE[q, q] <= max(diagonal(EQKE))": True,
    "for all i in 1..2: sigma(EQKE, i) >= sigma(EQKE, i + 1)": True,
    "for all q: sqrt(2) * sqrt(2) = 2": None,
    "for all q: sqrt(2) * sqrt(2) = 2 + q": False,
    "for all tokens: tokens >= 0": True,
    "rank1(EQKE[0]) = EQKE[0] and rank1(EQKE[:, 1]) = EQKE[:, 1]": True,
    "1 = 2 and 1 / 0 = 1": False,
    "for all q: q > 0 and 1 / 0 = 1": False,
}


@pytest.mark.parametrize("text", STATEMENTS)
def test_statements(auditor: Any, text: str) -> None:
    """The meaning of the page."""
    assert truth(auditor, text, accuracy=Accuracy(1, 2, 3)) is STATEMENTS[text]


INCREASING = {
    "W_E[:, 4]": True,
    "W_E[:, 4].T": True,
    "W_E[1:2, 4]": True,
    "-W_E[:, 4]": False,
    "W_E[:, 5]": False,
    "W_E[0]": False,
    "sqrt(2) * W_E[:, 4]": True,
    "-sqrt(2) * W_E[:, 4]": False,
    "sqrt(2) * W_E[:, 5]": None,
    "sqrt(2) * W_E[0]": False,
}


def test_increasing(emitter: Any, tmp_path: Any) -> None:
    """Every step of a row or a column is positive; a step of 0 is none, and what is neither is refused."""
    own = auditor_of(emitter.write(emitter.pulled_model(0, V, K, 0.0), tmp_path))
    for text, found in INCREASING.items():
        assert truth(own, f"is_increasing({text})") is found, text
    assert refusal(own, "is_increasing(W_E)") == "E252"
    assert refusal(own, "is_increasing(1, 2)") == "E292"


def test_correct(auditor: Any, model: Any) -> None:
    """On every sequence what the network does; the sequence may depend on variables."""
    for tokens in itertools.product(range(V), repeat=K):
        assert truth(auditor, f"correct({', '.join(map(str, tokens))})") is model.right(tokens)
    right = [model.right((a, b, 1)) for a in range(V) for b in range(V)]
    assert truth(auditor, "for all a, b: correct(a, b, 1)") is all(right)
    assert truth(auditor, "for all a, b: not correct(a, b, 1)") is not any(right)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("for all q: nobody = 1", "E291"),
        ("for all q: r = q", "E291"),
        ("q = 1 and for all q: q >= 0", "E291"),
        ("for all a in 0..b, b: a = 1", "E291"),
        ("for all b, a in 0..b: a <= b", "E291"),
        ("for all a in a..3: a = 1", "E291"),
        ("for all V: V = 1", "E292"),
        ("for all V in 0..3: V = 1", "E292"),
        ("for all q: for all q: q = 1", "E292"),
        ("for all q: for all q in 0..3: q = 1", "E292"),
        ("for all q < 1/2: q = 0", "E292"),
        ("for all q, EQKE[q, q] > 0: q = 0", "E292"),
        ("for all q in 0..1/2: q = 0", "E292"),
        ("for all q in 0..sqrt(4) + sqrt(2): q = 0", "E292"),
        ("for all q in 0..W_E: q = 0", "E292"),
        ("for all q: EQKE[q, q + 1] < 1000", "E292"),
        ("for all q: 1 / q > 0", "E293"),
        ("1 = 1 and 1 / 0 = 1", "E293"),
        ("not 1 / 0 = 1", "E293"),
        ("1 / 0 = 1 / 0", "E293"),
        ("1 = 2 = 1 / 0", "E293"),
        ("correct(0, 1)", "E292"),
        ("correct(0, 1, 4)", "E292"),
        ("correct(0, 1, -1)", "E292"),
        ("correct(0, 1, 1/2)", "E292"),
        ("correct(0, 1, EQKE)", "E292"),
        ("EQKE = EQKP", "E252"),
        ("accuracy > 0", "E291"),
    ],
)
def test_no_meaning(auditor: Any, text: str, code: str) -> None:
    """A statement of which some part that is looked at has no meaning is refused."""
    assert refusal(auditor, text) == code


@pytest.mark.parametrize(
    "text",
    [
        "for all q in 5..3: q = q",
        "for all q, q < 0: 1 = 1",
        "for all q: for all r, r < 0: q = r",
        "1 = 1 and for all q in 1..0: 1 = 2",
        "for all q in 0..0: for all r < q: r < q",
    ],
)
def test_a_quantifier_without_instances_says_nothing(auditor: Any, text: str) -> None:
    """Of no instances anything is true: what holds for that alone is refused."""
    assert refusal(auditor, text) == "E289"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("for all q: for all r < q: r < q", True),
        ("for all q in 0..1: for all r < q: r < q", True),
        ("1 = 2 and for all q in 1..0: q = q", False),
        ("for all m: m != 3 and for all q < m, m > 5: 1 = 1", False),
    ],
)
def test_a_quantifier_needs_one_instance(auditor: Any, text: str, found: bool) -> None:
    """Among all that it is looked at for; and a statement that is false has an instance that makes it so."""
    assert truth(auditor, text) is found


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("1 = 2 and nobody = 1", "E291"),
        ("for all q, q < 0: loss <= 0 and nonsense(q, 3) = W_X", "E291"),
        ("for all q in 1..0: accuracy = 125/125", "E291"),
        ("1 = 2 and not is_increasing(W_X)", "E291"),
        ("1 = 2 and correct(EQKE, r, 1)", "E291"),
        ("1 = 2 and max(EQKE, EQKE) = 1", "E292"),
        ("1 = 2 and for all q in 0..q: q = 1", "E291"),
        ("1 = 2 and for all V in 0..3: V = 1", "E292"),
        ("1 = 2 and for all V < K: V = 1", "E292"),
        ("1 = 2 and is_increasing(1, 2)", "E292"),
        ("1 = 2 and max(sigma(EQKE[0:1, min(W_X)], 1)) = 1", "E291"),
    ],
)
def test_names_are_known_everywhere(auditor: Any, text: str, code: str) -> None:
    """Also in a part that is not looked at, because one before it decides."""
    assert refusal(auditor, text) == code


def test_sequences_need_their_premise(auditor: Any) -> None:
    """Without it, correct has no meaning."""
    assert refusal(auditor, "correct(0, 1, 2)", sequences=False) == "E291"


def test_instances_are_limited(auditor: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those that satisfy their conditions, of nested quantifiers together; the limit itself is allowed."""
    assert claim_truth.MAX_INSTANCES == 1 << 18
    monkeypatch.setattr(claim_truth, "MAX_INSTANCES", 16)
    for text in ("a, b", "a in 1..16", "a < b < c", "a: for all b"):
        assert truth(auditor, f"for all {text}: a = a") is True
    for text in ("a, b, c", "a in 1..17", "a in 0..4: for all b", "a: for all b in 0..a + 3", "a in 0..10^60"):
        assert refusal(auditor, f"for all {text}: a = a") == "E299"


def test_deep_and_endless_quantifiers_are_refused(emitter: Any, model: Any, tmp_path: Any) -> None:
    """Many variables, long ranges without an instance, and large numbers end with the budget."""
    own = auditor_of(emitter.write(model, tmp_path), 10**6)
    many = ", ".join(f"a{i}" for i in range(1200))
    assert refusal(own, f"for all {many}, a0 < 0: 1 = 1") == "E242"
    own = auditor_of(emitter.write(model, tmp_path), 10**6)
    assert refusal(own, "for all a in 1..10^60, a < 0: 1 = 1") == "E242"
    one = ", ".join(f"a{i} in 0..0" for i in range(1200))
    own = auditor_of(emitter.write(model, tmp_path), 10**6)
    assert truth(own, f"for all {one}: a0 = a1199") is True


def test_deepest_expressions(auditor: Any) -> None:
    """Sixty levels, and 120 expressions inside each other, are evaluated with a third of Python's stack to spare."""
    nested = "0"
    for _ in range(23):
        nested = f"max({nested})[0, 0]^1 * 1 + 0"
    calls, negatives, subscripts = "1", "0", "0"
    for _ in range(58):
        calls = f"max(1 + {calls})"
    for _ in range(19):
        negatives = f"max(-({negatives})[0, 0]^1 * 1 + 0)"
    for _ in range(23):
        subscripts = f"(0 * W_E)[{subscripts} * 1 + 0, 0]^1"
    both = "".join(f"for all q{i} in 0..0: 1 < 2 and " for i in range(30))
    all_of = "".join(f"for all q{i} in 0..0: " for i in range(59))
    texts = [
        f"{nested} = 0",
        f"{calls} = 59",
        f"{negatives} = 0",
        f"{subscripts} = 0",
        f"{'not ' * 60}1 = 1",
        f"W_E{'.T' * 118} = W_E and 0{'[0]' * 118} = 0",
        f"{both}W_E{'.T' * 118} = W_E",
        f"{all_of}W_E{'.T' * 118} = W_E and q0 = q58",
    ]
    limit = sys.getrecursionlimit()
    try:
        sys.setrecursionlimit(len(inspect.stack()) + 2 * limit // 3)
        assert [truth(auditor, text) for text in texts] == [True] * len(texts)
    finally:
        sys.setrecursionlimit(limit)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("1 = 2 or 2 = 2", True),
        ("1 = 2 or 2 = 3 or 3 = 4", False),
        ("for all but 1 a in 0..3: a != 2", True),
        ("for all but 1 a in 0..3: a > 1", False),
        ("for all but exactly 1 a in 0..3: a != 2", True),
        ("for all but exactly 2 a in 0..3: a != 2", False),
        ("for all but 0 a in 0..3: a >= 0", True),
        ("for all but exactly 1 a in 0..3: a >= 0", False),
        ("for all but 1 a in 0..3: sqrt(2) * sqrt(2) != 2 or a > 0", True),
        ("for all but 0 a in 0..3: sqrt(2) * sqrt(2) != 2 or a > 0", None),
        ("for all but exactly 1 a in 0..3: sqrt(2) * sqrt(2) != 2 or a > 0", None),
        ("for all but exactly 2 a in 0..3: sqrt(2) * sqrt(2) != 2 or a > 0", False),
        ("exists a in 0..3: a = 2", True),
        ("exists a in 0..3: a > 3", False),
        ("not (exists a in 0..3: a > 3) and (1 = 2 or 1 = 1)", True),
    ],
)
def test_alternatives_and_exceptions(auditor: Any, text: str, found: bool | None) -> None:
    """One of several, all but some, all but exactly some, some: counted instance by instance; what is open is told."""
    assert truth(auditor, text) is found


@pytest.mark.parametrize(
    "text", ["for all but 1.5 a in 0..3: a = 1", "for all but 99999999999999999999 a in 0..3: a = 1"]
)
def test_exceptions_are_few_and_whole(auditor: Any, text: str) -> None:
    """A number of exceptions is a whole number of some digits."""
    assert refusal(auditor, text) == "E115"


@pytest.mark.parametrize(
    "text",
    [
        "less(row(1, 2), row(2, 2)) = row(1, 0) and less_equal(row(3, 2), row(2, 2)) = row(0, 1)",
        "equal(row(1, 2), row(2, 2)) = row(0, 1)",
        "maximum(row(1, 5), row(3, 2)) = row(3, 5) and minimum(row(1, 5), row(3, 2)) = row(1, 2)",
        "argmax(row(3, 1, 3)) = 0 and row_argmax(row(1, 5)) = 1 and argmax(row(1, sqrt(2), sqrt(3))) = 2",
        "argmax(row(1, sqrt(2) * sqrt(2), 2)) >= 1 and argmax(row(sqrt(2), sqrt(2) + 0 * sqrt(3), 1)) <= 1",
        "quantile(row(3, 1, 2), 1/2) = 2 and row_quantile(row(1, 2), 1/4) = 5/4 and quantile(row(7), 1) = 7",
        "lower_median(row(4, 1, 2, 3)) = 2 and row_sort(row(3, 1, 2)) = row(1, 2, 3)",
        "row_cumsum(row(1, 2, 3)) = row(1, 3, 6) and row_diff(row(1, 3, 6)) = row(2, 3)",
        "off_diagonal(row(1, 2)) = 2 and flatten(row(1, 2)) = row(1, 2) and arange(2, 5) = row(2, 3, 4)",
        "rank(row(1, 2)) = 1 and rank(row(0, 0)) = 0 and sign(row(-2, 0, 5)) = row(-1, 0, 1)",
        "rows(W_E) = 4 and columns(W_E) = d_model and size(W_E) = 4 * d_model",
    ],
)
def test_functions_of_entries(auditor: Any, text: str) -> None:
    """Each on numbers that one sees, and on enclosed ones."""
    assert truth(auditor, text) is True


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("row_diff(row(1)) = 1", "E252"),
        ("off_diagonal(row(1)) = 1", "E252"),
        ("row(row(1, 2), 3) = 1", "E252"),
        ("arange(5, 2) = 1", "E292"),
        ("arange(0, 1/2) = 1", "E292"),
        ("quantile(row(1, 2), 2) = 1", "E292"),
        ("quantile(row(1, 2), sqrt(2)) = 1", "E292"),
        ("rank(row(sqrt(2), 1)) = 1", "E292"),
    ],
)
def test_what_functions_of_entries_do_not_take(auditor: Any, text: str, code: str) -> None:
    """Lists of matrices, places of what has none, and what must be exact."""
    assert refusal(auditor, text) == code

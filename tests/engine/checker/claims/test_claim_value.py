"""Values of expressions: every name and function on a network with biases, and refusals of what has no value."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import mpmath
import numpy as np
import pytest
from auditors import auditor_of
from claim_certificates import values_of

from mechproof.engine.checker.claims import value as claim_value
from mechproof.engine.checker.claims.functions import MATRIX_FUNCTIONS
from mechproof.engine.checker.claims.matrix import Intervals, exactly
from mechproof.engine.checker.claims.tree import Compare
from mechproof.engine.checker.claims.value import NAMES, Directions
from mechproof.engine.checker.errors import Failure
from mechproof.engine.checker.relations import Accuracy, Loss

V, K, D, H = 5, 3, 4, 2


@pytest.fixture(scope="module")
def model(emitter: Any) -> Any:
    return emitter.random_model(11, V, K, D, H, True)


@pytest.fixture(scope="module")
def auditor(emitter: Any, model: Any, tmp_path_factory: pytest.TempPathFactory) -> Any:
    return auditor_of(emitter.write(model, tmp_path_factory.mktemp("value")))


@pytest.fixture(scope="module")
def tables(model: Any) -> dict[str, np.ndarray]:
    """The names of the language by their definitions, as matrices of fractions."""
    w: dict[str, Any] = {
        name: np.array([Fraction(float(v)) for v in a.ravel()], dtype=object).reshape(np.atleast_2d(a).shape)
        for name, a in model.tensors.items()
    }
    query = (w["W_E"] + w["W_pos"][-1]) @ w["W_Q"] + w["b_Q"]
    mean = w["W_pos"].sum(axis=0) / Fraction(K)
    return w | {
        "EQKE": query @ (w["W_E"] @ w["W_K"]).T,
        "EQKP": query @ (w["W_pos"] @ w["W_K"] + w["b_K"]).T,
        "EQKE_mean": query @ ((w["W_E"] + mean) @ w["W_K"]).T,
        "EQKP_mean": query @ ((w["W_pos"] - mean) @ w["W_K"] + w["b_K"]).T,
        "EVOU": w["W_E"] @ w["W_V"] @ w["W_O"] @ w["W_U"],
        "PVOU": (w["W_pos"] @ w["W_V"] + w["b_V"]) @ w["W_O"] @ w["W_U"],
        "UU": (w["W_E"] + w["W_pos"][-1] + w["b_O"]) @ w["W_U"] + w["b_U"],
        "EUPU": (w["W_E"] + w["W_pos"][-1] + w["b_O"]) @ w["W_U"] + w["b_U"],
        **{n: np.array([[Fraction(v)]]) for n, v in zip(["V", "K", "d_model", "d_head"], [V, K, D, H], strict=True)},
        "d_vocab": np.array([[Fraction(V)]]),
        "n_ctx": np.array([[Fraction(K)]]),
    }


def evaluated(auditor: Any, text: str, bits: int = 128, **known: Any) -> Intervals:
    """The value of an expression."""
    values, parsed = values_of(auditor, f"{text} = 0", bits, **known)
    assert isinstance(parsed.statement, Compare)
    return values.value(parsed.statement.sides[0], {})


def fractions(value: Intervals) -> Any:
    return np.array([[v * value.scale for v in row] for row in value.lower], dtype=object)


def refusal(auditor: Any, text: str, **known: Any) -> str:
    with pytest.raises(Failure) as failure:
        evaluated(auditor, text, **known)
    return failure.value.code.name


def test_names(auditor: Any, tables: dict[str, Any]) -> None:
    """Every name of a matrix or a size has the value of its definition, exactly; accuracy and loss are of premises."""
    assert {*tables, "accuracy", "loss"} == NAMES
    for name, truth in tables.items():
        found = evaluated(auditor, name)
        assert found.exact
        assert (fractions(found) == truth).all(), name


def test_missing_biases_are_zero(emitter: Any, tmp_path: Any) -> None:
    """As rows."""
    own = auditor_of(emitter.write(emitter.random_model(0, 4, 2, 3, 2, False), tmp_path))
    for name, width in {"b_Q": 2, "b_K": 2, "b_V": 2, "b_O": 3, "b_U": 4}.items():
        assert evaluated(own, name).lower == ((0,) * width,)


EXPRESSIONS = {
    "W_E[1]": lambda t: t["W_E"][1:2],
    "W_E[1, 2]": lambda t: t["W_E"][1:2, 2:3],
    "W_E[:, 2]": lambda t: t["W_E"][:, 2:3],
    "W_E[1:3, 2:]": lambda t: t["W_E"][1:3, 2:],
    "W_E[:2]": lambda t: t["W_E"][:2],
    "W_E[V - 1, :1]": lambda t: t["W_E"][-1:, :1],
    "W_E[:, :]": lambda t: t["W_E"],
    "W_E.T": lambda t: t["W_E"].T,
    "W_E @ W_Q": lambda t: t["W_E"] @ t["W_Q"],
    "W_E[:, 0] * W_E[0]": lambda t: t["W_E"][:, :1] * t["W_E"][:1],
    "W_E - W_E[0] + 3": lambda t: t["W_E"] - t["W_E"][:1] + 3,
    "-W_E * 2 / 3": lambda t: -t["W_E"] * 2 / Fraction(3),
    "2^-3 - 3^2": lambda t: np.array([[Fraction(1, 8) - 9]]),
    "5 % + 0x1p-2 + 1e1": lambda t: np.array([[Fraction(1, 20) + Fraction(1, 4) + 10]]),
    "sqrt(9/4)": lambda t: np.array([[Fraction(3, 2)]]),
    "frobenius(3 + 0 * W_E[0])": lambda t: np.array([[Fraction(6)]]),
    "max(EQKE) - min(EQKE)": lambda t: np.array([[t["EQKE"].max() - t["EQKE"].min()]]),
    "(W_E)[0][0, 1:]": lambda t: t["W_E"][:1, 1:],
}


@pytest.mark.parametrize("text", EXPRESSIONS)
def test_expressions(auditor: Any, tables: dict[str, Any], text: str) -> None:
    """Operations and indices on exact values are exact."""
    found, truth = evaluated(auditor, text), EXPRESSIONS[text](tables)
    assert found.exact
    assert found.shape == truth.shape
    assert (fractions(found) == truth).all()


@pytest.mark.parametrize("name", MATRIX_FUNCTIONS)
def test_functions_are_connected(auditor: Any, tables: dict[str, Any], name: str) -> None:
    """A name in the text calls the function of this name."""
    unit = Fraction(1, 1 << 400)
    rows = tuple(tuple(int(v / unit) for v in row) for row in tables["EQKE"])
    assert (
        fractions(evaluated(auditor, f"{name}(EQKE)")) == fractions(MATRIX_FUNCTIONS[name](exactly(rows, unit)))
    ).all()


def near(value: Intervals, truth: Any, width: Fraction) -> bool:
    """Whether a single interval holds this number of 60 digits, and is no wider than ``width``."""
    low, high = (rows[0][0] * value.scale for rows in (value.lower, value.upper))
    return low <= truth + Fraction(1, 10**55) and truth - Fraction(1, 10**55) <= high and high - low <= width


def rational(value: Any) -> Fraction:
    return Fraction(str(mpmath.nstr(value, 65)))


def svd(matrix: Any) -> list[Fraction]:
    with mpmath.workdps(80):
        rows = [[mpmath.mpf(v.numerator) / v.denominator for v in row] for row in matrix]
        return [rational(s) for s in mpmath.svd_r(mpmath.matrix(rows), compute_uv=False)]


NARROW = Fraction(1, 10**30)


def test_roots_and_norms(auditor: Any, tables: dict[str, Any]) -> None:
    """Enclosed to the working precision, also where one is taken of another."""
    with mpmath.workdps(80):
        squares = sum(v * v for v in tables["W_E"].ravel())
        size = rational(mpmath.sqrt(mpmath.mpf(squares.numerator) / squares.denominator))
    assert near(evaluated(auditor, "frobenius(W_E)"), size, NARROW)
    assert near(evaluated(auditor, "frobenius(-1 * W_E * sqrt(3)) / sqrt(3)"), size, NARROW)
    for i, sigma in enumerate(svd(tables["EQKE"])[:2], 1):
        assert near(evaluated(auditor, f"sigma(EQKE, {i})"), sigma, NARROW)
        assert near(evaluated(auditor, f"sigma(EQKE.T, {i})"), sigma, NARROW)
    assert near(evaluated(auditor, "spectral_norm(W_pos)"), svd(tables["W_pos"])[0], NARROW)
    second = svd(tables["EQKE"])[1]
    assert near(evaluated(auditor, "sigma(EQKE - rank1(EQKE), 1)"), second, Fraction(1, 10**15))


def test_squares_of_what_may_be_negative(auditor: Any) -> None:
    """frobenius of an interval around 0 has no negative argument of a root."""
    found = evaluated(auditor, "frobenius(sqrt(2) - sqrt(2))")
    assert found.lower[0][0] == 0
    assert found.upper[0][0] * found.scale < Fraction(1, 10**20)


def test_logits(auditor: Any, model: Any) -> None:
    """A column, enclosed; the argmax agrees with the definition."""
    found = evaluated(auditor, "logits(0, 4, 2)")
    assert found.shape == (V, 1)
    assert not found.exact
    middle = [row[0] for row in found.lower]
    assert max(b[0] - a[0] for a, b in zip(found.lower, found.upper, strict=True)) < 20
    assert model.right((0, 4, 2)) == (middle.index(max(middle)) == 4)


def test_measures(auditor: Any) -> None:
    """Accuracy and loss lie where the premises say; the loss of all sequences is computed without one."""
    given = {"accuracy": Accuracy(3, 5, 8), "loss": Loss(1 << 126, 3 << 126)}
    found = evaluated(auditor, "accuracy", **given)
    assert (found.lower[0][0] * found.scale, found.upper[0][0] * found.scale) == (Fraction(3, 8), Fraction(5, 8))
    assert evaluated(auditor, "accuracy", accuracy=Accuracy(4, 4, 8)).exact
    found = evaluated(auditor, "loss", **given)
    assert (found.lower[0][0] * found.scale, found.upper[0][0] * found.scale) == (Fraction(1, 4), Fraction(3, 4))
    found = evaluated(auditor, "loss", sequences=False)
    low, high = found.lower[0][0] * found.scale, found.upper[0][0] * found.scale
    assert 0 < low < high < low + NARROW


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("nobody", "E291"),
        ("EQKE(1)", "E291"),
        ("nothing(EQKE)", "E291"),
        ("accuracy", "E291"),
        ("tokens", "E291"),
        ("max", "E291"),
        ("max(EQKE, EQKE)", "E292"),
        ("sqrt(4, 4)", "E292"),
        ("sigma(EQKE)", "E292"),
        ("rank1(EQKE, 1)", "E292"),
        ("spectral_norm(EQKE, 1)", "E292"),
        ("sigma(EQKE, 0)", "E292"),
        ("sigma(EQKE, 6)", "E292"),
        ("sigma(EQKE, 1/2)", "E292"),
        ("sigma(EQKE, sqrt(2))", "E292"),
        ("sigma(EQKE, W_E)", "E292"),
        ("logits(0, 1)", "E292"),
        ("logits(0, 1, 5)", "E292"),
        ("logits(0, 1, -1)", "E292"),
        ("logits(0, 1, W_E)", "E292"),
        ("EQKE[5]", "E292"),
        ("EQKE[0 - 1]", "E292"),
        ("EQKE[0, 5]", "E292"),
        ("EQKE[1/2]", "E292"),
        ("EQKE[0:6]", "E292"),
        ("EQKE[2:2]", "E292"),
        ("EQKE[3:2]", "E292"),
        ("EQKE[-1:2]", "E292"),
        ("EQKE[:, 5:]", "E292"),
        ("EQKE[:0]", "E292"),
        ("EQKE[10^9999]", "E292"),
        ("1 / 0", "E293"),
        ("0^-1", "E293"),
        ("1 / (sqrt(2) - sqrt(2))", "E293"),
        ("sqrt(-1)", "E293"),
        ("sqrt(sqrt(2) - sqrt(2))", "E293"),
        ("1 / (EQKE - EQKE)", "E293"),
        ("EQKE^2 + W_pos", "E252"),
        ("sqrt(-abs(EQKE))", "E293"),
        ("EQKE + EQKP", "E252"),
        ("EQKE @ EQKP.T", "E252"),
        ("diagonal_margin(EQKP)", "E252"),
        ("rank1(0 * EQKE)", "E298"),
    ],
)
def test_no_value(auditor: Any, text: str, code: str) -> None:
    """What has no value, or none that is known, is refused with what is wrong."""
    assert refusal(auditor, text) == code


def test_sequences_need_their_premise(auditor: Any) -> None:
    """Without it, logits have no meaning."""
    assert refusal(auditor, "logits(0, 1, 2)", sequences=False) == "E291"


@pytest.mark.parametrize(
    "given",
    [Directions(3, 1, bytes(8)), Directions(3, 1, bytes(10)), Directions(4, 1, bytes(9)), Directions(-1, 1, bytes(9))],
)
def test_directions_of_another_size(given: Directions) -> None:
    """The bytes are those of n x n integers, and the rank is at most n."""
    with pytest.raises(Failure) as failure:
        given.rows(3, 0)
    assert failure.value.code.name == "E295"


def test_directions_are_little_endian() -> None:
    """Two's complement, the lowest byte first, row by row."""
    assert Directions(2, 2, bytes([1, 0, 0, 1, 255, 255, 0, 128])).rows(2, 0) == ((1, 256), (-1, -32768))


def test_closed_expressions_are_computed_once(auditor: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A table that many instances use is one object, and so is its spectrum."""
    values, parsed = values_of(auditor, "EQKE[0, 0] + EQKE[0, 1] + sigma(EQKE, 1) + sigma(EQKE, 2) = 0")
    calls: list[int] = []
    own = values.arithmetic.work
    monkeypatch.setattr(values.arithmetic, "work", lambda *sizes: calls.append(sizes[0]) or own(*sizes))
    assert isinstance(parsed.statement, Compare)
    values.value(parsed.statement.sides[0], {})
    assert calls.count(V**3) == 3


def test_what_is_remembered_is_limited(auditor: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Many large values are refused."""
    monkeypatch.setattr(claim_value, "MAX_HELD_BITS", 1 << 14)
    assert refusal(auditor, "max(EQKE + 1)") == "E243"


def test_an_interval_of_one_number_is_that_number(auditor: Any, tables: dict[str, np.ndarray]) -> None:
    """Known exactly, so it is an index, and a matrix of such has a rank."""
    for text, truth in (("sqrt(2) * 0", 0), ("sqrt(2)^0", 1), ("(sqrt(2) * W_E)[0, 0] * 0 + 1/3", Fraction(1, 3))):
        found = evaluated(auditor, text)
        assert found.exact and fractions(found)[0, 0] == truth
    assert fractions(evaluated(auditor, "W_E[sqrt(2)^0, 0]"))[0, 0] == tables["W_E"][1, 0]

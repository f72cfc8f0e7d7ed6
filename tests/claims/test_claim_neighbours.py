"""What a refutation comes with is true itself, and the nearest of its kind."""

from __future__ import annotations

from pathlib import Path

import pytest

from mechproof.claims import truth
from mechproof.claims.files import read_toml
from mechproof.claims.run import run
from mechproof.claims.session import Session
from mechproof.claims.syntax import parse


def line(folder: Path, statement: str, model: str = "zoo:max_of_2_v64_d32_seed123") -> str:
    file = folder / "claims.toml"
    file.write_text(f"model = '{model}'\n[[claim]]\nid = 'c'\nstatement = '{statement}'\n", "utf-8")
    (result,) = run(read_toml(file)).results
    return f"{result.verdict.status} {result.verdict.detail}"


BOUNDS = [
    ("frobenius(W_E) <= 1", "frobenius(W_E) <= "),
    ("frobenius(W_E) > 100.25", "frobenius(W_E) > "),
    ("1 >= frobenius(W_E)", " >= frobenius(W_E)"),
    ("min(EVOU) >= -0.5", "min(EVOU) >= -"),
    ("min(EVOU) / 1000 >= 5 %", "min(EVOU) / 1000 >= -"),
]


@pytest.mark.parametrize(("statement", "told"), BOUNDS, ids=[statement for statement, _ in BOUNDS])
def test_a_bound_comes_with_the_one_that_holds(tmp_path, statement, told):
    """It is proved by itself, and one unit tighter in its last digit it is refuted."""
    found = line(tmp_path, statement)
    assert found.startswith("REFUTED") and found.endswith(" holds")
    true = found.removesuffix(" holds").rpartition("; ")[2]
    assert told in true
    assert line(tmp_path, true).startswith("PROVED")
    number = max(true.replace("%", "").split(), key=lambda word: word.strip("-").replace(".", "").isdigit() * len(word))
    last = float(number)
    step = 10.0 ** -len(number.partition(".")[2])
    upper = ("<" in true) == true.endswith(("%", number))
    tighter = last - step if upper else last + step
    other = true.replace(number, f"{tighter:.{len(number.partition('.')[2])}f}")
    assert line(tmp_path, other).startswith("REFUTED")


def test_from_where_on_a_quantifier_holds(tmp_path):
    """The first instance behind the last exception; none is told where the last instance is one."""
    column = "W_E[:, 0]"
    found = line(tmp_path, f"for all m: {column}[m, 0] > 0")
    first = found.rpartition("from m = ")[2].partition(" on it holds")[0] if "from m" in found else ""
    if first:
        assert line(tmp_path, f"for all m >= {first}: {column}[m, 0] > 0").startswith("PROVED")
        assert line(tmp_path, f"for all m >= {int(first) - 1}: {column}[m, 0] > 0").startswith("REFUTED")
    assert line(tmp_path, "for all m: m >= 20").endswith("from m = 20 on it holds as stated")
    assert "holds" not in line(tmp_path, "for all m: m < 63")
    assert "holds" not in line(tmp_path, "for all m in 3..5: m < 0")


def test_counts_and_equations_come_without(tmp_path):
    """An exact count says everything, and an equation has no bound."""
    assert line(tmp_path, "accuracy < 1") == "REFUTED accuracy = 4096/4096"
    assert "holds" not in line(tmp_path, "max(EVOU) = 1")


QUANTIFIERS = [
    "for all a, b: correct(a, b)",
    "for all a: correct(a, 2)",
    "for all a: correct(a, a)",
    "for all a < b: correct(b, a)",
    "for all a, b, a + b <= 2: correct(a, b)",
    "for all a in 1..2, b: correct(b, a)",
    "for all a, b: correct(b, b - b + a)",
    "not correct(0, 1) and for all a, b: correct(a, b)",
]


@pytest.mark.parametrize("statement", QUANTIFIERS)
def test_quantifiers_over_inputs_are_decided_together_as_one_by_one(monkeypatch, oracle, statement):
    """All instances at once give the verdict that each by itself gives, on networks that are often wrong."""
    for seed in range(6):
        network = oracle.random_net(seed, "eighths", V=3, K=2)
        given = Session("random", network.statement, outputs=3, network=network.statement)
        separate = given.settle(parse(statement)).status
        monkeypatch.setattr(truth, "FEW", 0)
        assert given._on_network(parse(statement)).status == separate
        monkeypatch.undo()


def test_many_inputs_at_once(tmp_path):
    """More instances than are looked at one by one: 262,144 inputs of a network of four positions."""
    told = line(tmp_path, "for all a, b, c: correct(a, b, c, 63)", "zoo:max_of_4_v64_d32_seed50")
    assert told == "PROVED all 262144 instances; no certificate"

"""``split_along/1``, ``table_itself/1``, ``split_range/1``: splits are of the auditor's own tables."""

from __future__ import annotations

import copy
from fractions import Fraction
from typing import Any

import pytest

from mechproof.engine.checker import network, rule_row_split
from mechproof.engine.checker.budget import Budget
from mechproof.engine.checker.dyadic import Matrix, matrix
from mechproof.engine.checker.errors import Code, Failure
from mechproof.engine.checker.rule import Auditor, Derivation
from mechproof.engine.checker.rule_row_split import CommonRow, RowSplit

ALONG = "split_along/1"


@pytest.fixture(scope="module")
def model(emitter: Any) -> Any:
    return emitter.pulled_model(0, 4, 3, 0.3)


@pytest.fixture(scope="module")
def base(subcubic: Any, model: Any) -> Any:
    return subcubic(model, "svdq/mean/mdx")


@pytest.fixture
def certificate(base: Any) -> Any:
    return copy.deepcopy(base)


@pytest.fixture
def auditor(emitter: Any, model: Any, tmp_path: Any) -> Auditor:
    budget = Budget(10**9)
    return Auditor(network.read_network(str(emitter.write(model, tmp_path)), budget), "", budget, 1)


def fractions(value: Matrix) -> list[list[Fraction]]:
    return [[Fraction(v) * Fraction(2) ** value.exponent for v in row] for row in value.rows]


def gaps(model: Any, split: RowSplit) -> list[list[list[Fraction]]]:
    """A[q,i] - A[q,j] + g[q,j] - (T[q,i] - T[q,j]): never negative."""
    table, size = model.parts[split.table], range(model.V)
    cheap, noise = fractions(split.approximation), fractions(split.noise)
    return [
        [
            [
                cheap[q % len(cheap)][i] - cheap[q % len(cheap)][j] + noise[q][j % len(noise[q])] - row[i] + row[j]
                for i in size
            ]
            for j in size
        ]
        for q, row in enumerate(table)
    ]


def derived(monkeypatch: Any, auditor: Auditor, rule: str, advice: Any) -> RowSplit:
    """What the rule finds, whatever a certificate would state."""
    found: list[RowSplit] = []
    monkeypatch.setattr(rule_row_split, "keep", lambda _auditor, _derivation, own: found.append(own))
    applied = next(r for r in rule_row_split.RULES if r.name == rule)
    applied.check(auditor, Derivation(0, applied, (), advice, None))
    return found[0]


@pytest.mark.parametrize("table", rule_row_split.TABLES)
@pytest.mark.parametrize("row", [None, matrix([[3, -1, 0, 7]], -2)], ids=["zero", "row"])
def test_ranges_are_sound_and_tight(monkeypatch: Any, auditor: Auditor, model: Any, table: str, row: Any) -> None:
    """The inequality holds everywhere; it is tight in each (q, j), or in each row, or it is the range of all."""
    for kind in rule_row_split.NOISES:
        split = derived(monkeypatch, auditor, "split_range/1", CommonRow(table, row, kind))
        slack = gaps(model, split)
        assert min(min(map(min, rows)) for rows in slack) >= 0
        if kind == "pairs":
            assert all(min(column) == 0 for rows in slack for column in rows)
        if kind == "rows":
            assert all(min(map(min, rows)) == 0 for rows in slack)
        if kind == "all":
            common = fractions(split.approximation)[0]
            rest = [entry - c for entries in model.parts[table] for entry, c in zip(entries, common, strict=True)]
            assert fractions(split.noise) == [[max(rest) - min(rest)]] * model.V


@pytest.mark.parametrize("table", rule_row_split.TABLES)
def test_a_table_is_itself(monkeypatch: Any, auditor: Auditor, model: Any, table: str) -> None:
    """Without noise every pair is tight."""
    slack = gaps(model, derived(monkeypatch, auditor, "table_itself/1", table))
    assert {entry for rows in slack for column in rows for entry in column} == {0}


def test_a_row_of_another_width(auditor: Auditor) -> None:
    """The common row has one entry for each column."""
    rule = rule_row_split.RULES[2]
    advice = CommonRow("UU", matrix([[1, 2, 3]], 0), "rows")
    with pytest.raises(Failure) as caught:
        rule.check(auditor, Derivation(0, rule, (), advice, None))
    assert caught.value.code is Code.E252


@pytest.mark.parametrize("off", [(), ("T2",), ("T8",), ("T2", "T8")])
@pytest.mark.parametrize("direct", ["exact", "glob", "md", "mean"])
def test_what_the_prover_splits_is_verified(judge: Any, subcubic: Any, model: Any, direct: str, off: Any) -> None:
    """All kinds of direct paths, with and without a common row."""
    assert judge(model, subcubic(model, f"{direct}/chord/EQKE", off)).status == "VERIFIED"


def test_parts_must_be_the_table(emitter: Any, judge: Any, model: Any, certificate: Any) -> None:
    """Another table, an approximation plus something not constant in rows, or of another shape is refused."""
    assert judge(model, certificate).status == "VERIFIED"
    for n, table in enumerate(("EQKE", "UU")):
        changed = copy.deepcopy(certificate)
        step = emitter.step(changed, ALONG, n)
        assert step["advice"]["table"] == table
        term = step["advice"]["approximation"]
        step["advice"]["table"] = step["conclusion"]["table"] = {"EQKE": "UU", "UU": "EQKE"}[table]
        assert judge(model, changed).code == "E254"
        step["advice"]["table"] = step["conclusion"]["table"] = table
        step["advice"]["approximation"] = ["+", term, term]
        verdict = judge(model, changed)
        assert verdict.code == "E254" and f"row 0, {table} is not the sum" in verdict.line, verdict.line
        step["advice"]["approximation"] = ["@", ["T", term], term]
        assert judge(model, changed).code == ("E252" if table == "UU" and model.V == 1 else "E254")
        step["advice"]["approximation"] = ["W_E"]
        assert judge(model, changed).code == "E252"


def test_constants_in_rows_are_free(emitter: Any, judge: Any, model: Any, certificate: Any) -> None:
    """A constant in each row of the approximation changes its hash, not the claim."""
    step = emitter.step(certificate, ALONG)
    term = step["advice"]["approximation"]
    ones = ["ones", model.V]
    step["advice"]["approximation"] = ["+", term, ["@", ones, ["T", ones]]]
    verdict = judge(model, certificate)
    assert verdict.code == "E216" and "the hash of the approximation" in verdict.line, verdict.line
    step["conclusion"]["approximation"] = verdict.line.split("found ")[1]
    assert judge(model, certificate).status == "VERIFIED"


@pytest.mark.parametrize("rule", [ALONG, "table_itself/1"])
@pytest.mark.parametrize("field", ["approximation", "bounds"])
def test_hashes_are_recomputed(emitter: Any, judge: Any, model: Any, certificate: Any, rule: str, field: str) -> None:
    """No stated hash is believed."""
    step = emitter.step(certificate, rule)
    step["conclusion"][field] = step["conclusion"]["approximation" if field == "bounds" else "bounds"]
    assert judge(model, certificate).code == "E216"


def test_the_conclusion_names_the_table(emitter: Any, judge: Any, model: Any, certificate: Any) -> None:
    """A conclusion about another table than the advice is refused, although it would serve as a premise."""
    emitter.step(certificate, "table_itself/1")["conclusion"]["table"] = "UU"
    assert judge(model, certificate).code == "E216"


def test_the_column_is_not_said(emitter: Any, judge: Any, model: Any, certificate: Any) -> None:
    """What explains a constant in each row has no place in a certificate."""
    advice = emitter.step(certificate, ALONG)["advice"]
    assert list(advice) == ["table", "approximation"]
    advice["column"] = ["W_E"]
    assert judge(model, certificate).code == "E110"


@pytest.mark.parametrize(
    ("field", "value"), [("table", "EVOV"), ("table", 3), ("approximation", "W_E"), ("approximation", [])]
)
def test_malformed_advice(emitter: Any, judge: Any, model: Any, certificate: Any, field: str, value: Any) -> None:
    """Only the three tables have splits, and terms are terms."""
    emitter.step(certificate, ALONG)["advice"][field] = value
    assert judge(model, certificate).code == "E110"


def test_malformed_ranges(emitter: Any, judge: Any, model: Any, subcubic: Any) -> None:
    """Another kind of noise, or no matrix, is malformed."""
    certificate = subcubic(model, "exact/mean/EQKE")
    advice = emitter.step(certificate, "split_range/1")["advice"]
    advice["kind"] = "columns"
    assert judge(model, certificate).code == "E110"
    advice["kind"], advice["row"] = "pairs", [1, 4, 0]
    assert judge(model, certificate).code == "E110"
    advice["row"] = [1, 4, 10**9, ["0x0"] * 4]
    assert judge(model, certificate).code == "E111"

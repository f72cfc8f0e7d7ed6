"""``rank_one/1`` to ``diagonal_gap/1``: the story is checked from the auditor's weights; changes are refused."""

from __future__ import annotations

import base64
import copy
import json
import struct
from types import SimpleNamespace
from typing import Any

import pytest

from mechproof.engine.certificate import emit
from mechproof.engine.checker.budget import Budget
from mechproof.engine.checker.dyadic import matrix
from mechproof.engine.checker.rule_story import Direction, Floors
from mechproof.models.problem import problem
from mechproof.models.weights import load
from mechproof.rewrites.strategies import prove_accuracy


@pytest.fixture(scope="module")
def model(emitter: Any) -> Any:
    return emitter.pulled_model(0, 5, 3, 0.1)


@pytest.fixture(scope="module")
def base(emitter: Any, model: Any, tmp_path_factory: pytest.TempPathFactory) -> Any:
    statement = problem(load(emitter.write(model, tmp_path_factory.mktemp("story"))), "max-of-k")
    graph, goal = prove_accuracy(statement, "story")
    return json.loads(emit(graph, goal, statement.sha256))


@pytest.fixture
def certificate(base: Any) -> Any:
    return copy.deepcopy(base)


def refused(judge: Any, model: Any, certificate: Any) -> str:
    verdict = judge(model, certificate)
    assert verdict.status == "REFUSED", verdict.line
    return verdict.line.split()[2]


def reach_of(emitter: Any, certificate: Any) -> list[int]:
    raw = base64.b64decode(emitter.step(certificate, "attention_floor/1")["advice"]["reach"])
    return list(struct.unpack(f">{len(raw) // 2}H", raw))


def with_reach(emitter: Any, certificate: Any, table: list[int]) -> Any:
    step = emitter.step(certificate, "attention_floor/1")
    step["advice"]["reach"] = base64.b64encode(struct.pack(f">{len(table)}H", *table)).decode()
    step["conclusion"]["cells"] = sum(entry > 0 for entry in table)
    return certificate


def test_the_story_is_verified(judge: Any, model: Any, certificate: Any) -> None:
    """As emitted, and not vacuous."""
    assert int(certificate["relation"]["right_low"], 16) > 0
    assert judge(model, certificate).status == "VERIFIED"


def test_factors_must_be_the_table(emitter: Any, judge: Any, model: Any, certificate: Any) -> None:
    """Another strength, both factors negative, and a claim about another table."""
    for change, code in (("other", "E270"), ("negative", "E271"), ("table", "E216")):
        wrong = copy.deepcopy(certificate)
        step = emitter.step(wrong, "rank_one/1")
        match change:
            case "other":
                step["advice"]["strength"][3][0] = hex(int(step["advice"]["strength"][3][0], 16) + 1)
            case "negative":
                for name in ("strength", "size"):
                    step["advice"][name][3] = [hex(-int(entry, 16)) for entry in step["advice"][name][3]]
            case "table":
                step["conclusion"]["table"] = "UU"
        assert refused(judge, model, wrong) == code


def test_exceptions_are_counted(emitter: Any, judge: Any, model: Any, certificate: Any) -> None:
    """One more than there are is not what the auditor finds."""
    emitter.step(certificate, "increasing/1")["conclusion"]["exceptions"] += 1
    assert refused(judge, model, certificate) == "E216"


def test_margins_may_be_smaller_but_not_larger(emitter: Any, judge: Any, model: Any, certificate: Any) -> None:
    """A stated margin is implied by the auditor's own."""
    for step, code in ((-1, None), (1, "E216")):
        changed = copy.deepcopy(certificate)
        margins = emitter.step(changed, "diagonal/1")["conclusion"]["margins"]
        margins[3][2] = hex(int(margins[3][2], 16) + step)
        if code is None:
            assert judge(model, changed).status == "VERIFIED"
        else:
            assert refused(judge, model, changed) == code


def test_margins_are_of_a_square_table(emitter: Any, judge: Any, model: Any, certificate: Any) -> None:
    """One margin a row, and as many columns as rows."""
    for field, value, code in (("term", ["row", ["EVOU"], 0], "E251"), ("term", ["W_E"], "E252")):
        changed = copy.deepcopy(certificate)
        emitter.step(changed, "diagonal/1")["conclusion"][field] = value
        assert refused(judge, model, changed) == code
    margins = emitter.step(certificate, "diagonal/1")["conclusion"]["margins"]
    margins[0], margins[3] = margins[0] - 1, margins[3][1:]
    assert refused(judge, model, certificate) == "E216"


def test_a_score_gap_is_about_one_direction(emitter: Any, judge: Any, model: Any, certificate: Any) -> None:
    """What is said to be increasing is the direction of another application of the same rule."""
    derivations = certificate["derivations"]
    rank_one = emitter.step(certificate, "rank_one/1")
    at = rank_one["id"] + 1
    for step in derivations[at:]:
        step["id"] += 1
        step["premises"] = [premise + (premise >= at) for premise in step["premises"]]
    derivations.insert(at, copy.deepcopy(rank_one) | {"id": at})
    emitter.step(certificate, "increasing/1")["premises"] = [at]
    assert refused(judge, model, certificate) == "E270"


def test_treated_cells_are_counted(emitter: Any, judge: Any, model: Any, certificate: Any) -> None:
    """One more than the reach treats is not what the auditor finds."""
    emitter.step(certificate, "attention_floor/1")["conclusion"]["cells"] += 1
    assert refused(judge, model, certificate) == "E216"


def test_terms_must_be_the_tables(emitter: Any, judge: Any, model: Any, certificate: Any) -> None:
    """Common rows left out, or exchanged, and row differences of another table."""
    for advice in ({"direct": [], "positions": ["w"]}, {"direct": ["w"], "positions": ["u"]}):
        changed = copy.deepcopy(certificate)
        emitter.step(changed, "diagonal_gap/1")["advice"] = advice
        assert refused(judge, model, changed) == "E272"
    premises = emitter.step(certificate, "attention_floor/1")["premises"]
    premises[2] = emitter.step(certificate, "diagonal_gap/1")["premises"][3]
    assert refused(judge, model, certificate) in ("E252", "E272", "E213")


def test_reaches_of_no_sequence(emitter: Any, judge: Any, model: Any, certificate: Any) -> None:
    """A reach at or above the maximum, and a cell that does not exist."""
    V, K = model.V, model.K
    for q, m, c, entry in ((1, 2, 1, 3), (2, 1, 1, 1), (0, 1, 0, 1)):
        table = reach_of(emitter, certificate)
        table[(q * V + m) * K + c] = entry
        changed = with_reach(emitter, copy.deepcopy(certificate), table)
        assert refused(judge, model, changed) in ("E256", "E273")


def test_cells_that_are_not_right(emitter: Any, judge: Any, model: Any, certificate: Any) -> None:
    """A cell that is certified without being treated, and with a larger reach than the story bears."""
    table = reach_of(emitter, certificate)
    V, K = model.V, model.K
    bits = int(emitter.step(certificate, "diagonal_gap/1")["conclusion"]["certified"], 16)
    places = [(m, (q * V + m) * K + K - 1) for m in range(1, V) for q in range(m)]
    m, index = next((m, i) for m, i in places if not table[i] and not bits >> (V * V * K - 1 - i) & 1)
    emitter.step(certificate, "diagonal_gap/1")["conclusion"]["certified"] = hex(bits | 1 << (V * V * K - 1 - index))
    assert refused(judge, model, certificate) == "E257"
    table[index] = m
    assert refused(judge, model, with_reach(emitter, certificate, table)) == "E258"


def test_floors_of_long_numbers_are_charged() -> None:
    """A score of thirteen thousand bits takes more than one of ten."""
    spent = []
    for unit in (-10, -13000):
        budget = Budget(1 << 20)
        auditor: Any = SimpleNamespace(budget=budget, network=SimpleNamespace(vocabulary=2, positions=2, head=1))
        floors = Floors(auditor, Direction((1,), (0, 1 << -unit), (0,), unit), matrix([[0]], unit), [0, 0, 0, 1])
        assert 0 < floors.floor(0, 1, 1) < 1 << 96
        spent.append(budget.limit - budget.left)
    assert 16 == spent[0] < spent[1]

"""``known_weights/1``, ``name_matrix/1``, ``expansion/1``: a name in a chain means one matrix, and equations hold."""

from __future__ import annotations

import copy
from typing import Any

import pytest

NAME = "name_matrix/1"


@pytest.fixture(scope="module")
def model(emitter: Any) -> Any:
    return emitter.pulled_model(0, 4, 3, 0.3)


@pytest.fixture(scope="module")
def base(subcubic: Any, model: Any) -> Any:
    """A certificate with a chain of names, bounds of products, and equations."""
    return subcubic(model, "md/mean/mrec")


@pytest.fixture
def certificate(base: Any) -> Any:
    return copy.deepcopy(base)


def renamed(value: Any, old: str, new: str) -> Any:
    """Every string ``old`` replaced, as a careful forger would."""
    if isinstance(value, dict):
        return {key: renamed(item, old, new) for key, item in value.items()}
    if isinstance(value, list):
        return [renamed(item, old, new) for item in value]
    return new if value == old else value


def test_the_chain_is_verified(judge: Any, model: Any, certificate: Any) -> None:
    """The certificate that the other tests spoil is good."""
    assert judge(model, certificate).status == "VERIFIED"


@pytest.mark.parametrize("name", ["W_E", "b_U", "W_pos", "1_4", "1", "rq1"])
def test_taken_names(emitter: Any, judge: Any, model: Any, certificate: Any, name: str) -> None:
    """No name shadows a weight, a column of ones, or an earlier name of the chain, however consistently it is used."""
    step = emitter.step(certificate, NAME, 3)
    verdict = judge(model, renamed(certificate, step["advice"]["name"], name))
    assert (verdict.exit_code, verdict.code) == (1, "E250"), verdict.line


def test_new_names_are_free(emitter: Any, judge: Any, model: Any, certificate: Any) -> None:
    """Names are the prover's choice, even those of operations."""
    for n, name in enumerate(("T", "@", "ones", "row", "", "]")):
        certificate = renamed(certificate, emitter.step(certificate, NAME, n)["advice"]["name"], name)
    verdict = judge(model, certificate)
    assert verdict.status == "VERIFIED", verdict.line


def test_a_name_must_come_first(emitter: Any, judge: Any, model: Any, certificate: Any) -> None:
    """A bound that rests on a chain without its names is refused, although they are defined elsewhere."""
    bound = emitter.step(certificate, "row_difference_exact/1", 1)
    bound["premises"] = [emitter.step(certificate, "known_weights/1")["id"]]
    verdict = judge(model, certificate)
    assert (verdict.exit_code, verdict.code) == (1, "E251"), verdict.line


def test_another_value_under_a_name(emitter: Any, judge: Any, model: Any, certificate: Any) -> None:
    """A named matrix with one entry changed no longer splits the table."""
    entries = emitter.step(certificate, NAME, 1)["advice"]["matrix"][3]
    entries[0] = hex(int(entries[0], 16) + (1 << 40))
    assert judge(model, certificate).code in ("E217", "E254", "E216")


@pytest.mark.parametrize(("rule", "number"), [("known_weights/1", 1), (NAME, 0), (NAME, 2)])
def test_the_number_of_names(emitter: Any, judge: Any, model: Any, certificate: Any, rule: str, number: int) -> None:
    """The conclusion counts the names of its chain."""
    emitter.step(certificate, rule)["conclusion"]["named"] = number
    assert judge(model, certificate).code == "E216"


def test_false_equations(emitter: Any, judge: Any, model: Any, certificate: Any) -> None:
    """An equation that does not hold for these weights is refused where a bound is carried along it."""
    advice = emitter.step(certificate, "expansion/1")["advice"]
    right = advice["right"]
    advice["right"] = ["+", right, right]
    verdict = judge(model, certificate)
    assert (verdict.code, "row 0" in verdict.line) == ("E253", True), verdict.line
    advice["right"] = ["T", right]
    assert judge(model, certificate).code == "E252"
    advice["right"] = ["nobody"]
    assert judge(model, certificate).code == "E251"

"""Certificates of least margins and of mean losses by trees of nodes: verified, and refused where they say more."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import induction_networks as small
import mpmath
import pytest

from mechproof.engine.checker import check
from mechproof.engine.checker.induction.rules import highest_loss
from mechproof.rewrites.advice import induction_loss_search
from mechproof.rewrites.proof import prove

# seed, tokens, positions, task, sharpness
CASES = [(1, 5, 5, "induction", 8.0), (3, 4, 5, "induction-once", 6.0), (5, 4, 4, "induction", 0.0)]
ONE = 1 << 128
# Certificates by statement, metric and how the search is set.
PROVED: dict[tuple[str, str, int], bytes] = {}


def certificate(case: tuple[Any, ...], metric: str, folder: Path) -> tuple[dict[str, Any], Path, str]:
    """The prover's certificate, the network file, the task."""
    seed, tokens, positions, task, sharp = case
    statement = small.statement(small.layers(seed, tokens, positions, sharp=sharp), folder, task)
    key = statement.sha256, metric, induction_loss_search.NODES_A_GROUP
    if key not in PROVED:
        PROVED[key] = prove(statement, "net", "induction", metric=metric).certificate
    return json.loads(PROVED[key]), folder / "net.toml", task


def verdict(content: dict[str, Any], path: Path, task: str, **options: Any) -> Any:
    file = path.with_suffix(".json")
    file.write_text(json.dumps(content, separators=(",", ":")) + "\n")
    return check(file, path, task, **options)


def moved(content: dict[str, Any], end: str, by: int) -> dict[str, Any]:
    """The same with another bound, in relation and conclusion."""
    changed = json.loads(json.dumps(content))
    for said in (changed["relation"], changed["derivations"][-1]["conclusion"]):
        said[end] = hex(int(said[end], 16) + by)
    return changed


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("metric", ["margin", "loss"])
def test_bounds_are_verified_and_better_ones_refused(case, metric, tmp_path):
    """With one process and two; a lower bound that is higher, and an upper one that is lower, are refused."""
    content, path, task = certificate(case, metric, tmp_path)
    assert content["derivations"][-1]["rule"] == f"induction_{metric}/1"
    for jobs in (1, 2):
        found = verdict(content, path, task, jobs=jobs)
        assert found.status == "VERIFIED" and f"{metric} in" in found.line, found.line
    low, high = (int(content["relation"][end], 16) for end in ("low", "high"))
    step = max(high - low, high >> 8, ONE >> 20)
    for end, by in (("low", step), ("high", -step)):
        # a bound on the wrong side of the other makes no sense, which is said before anything is computed
        assert verdict(moved(content, end, by), path, task).code in ("E205", "E216"), end
    weaker = moved(moved(content, "high", ONE), "low", -min(ONE, low) if metric == "loss" else -ONE)
    assert verdict(weaker, path, task).status == "VERIFIED"


@pytest.mark.parametrize("metric", ["margin", "loss"])
def test_false_trees_are_refused(metric, tmp_path, monkeypatch):
    """A leaf that is left open, a margin that inputs do not have, a node too many: E216."""
    monkeypatch.setattr(induction_loss_search, "NODES_A_GROUP", 1)  # leaves groups to their tests
    content, path, task = certificate(CASES[0], metric, tmp_path)
    advice = content["derivations"][-1]["advice"]
    tree, margins = advice["tree"], advice["margins"]
    first = next(at for at, symbol in enumerate(tree) if symbol.isupper())
    for symbols in (tree[:first] + "?" + tree[first + 1 :], tree + "A", tree[:-1], "?" * 60):
        advice["tree"] = symbols
        assert verdict(content, path, task).code == "E216", symbols
    advice["tree"] = tree
    advice["margins"] = [*margins[:-1], hex(int(margins[-1], 16) + (40 << 24))]
    assert verdict(content, path, task).code == "E216"


def test_false_witnesses_are_refused(tmp_path):
    """What is no input of the task, and an input with a larger margin than the bound."""
    content, path, task = certificate(CASES[0], "margin", tmp_path)
    advice, high = content["derivations"][-1]["advice"], int(content["relation"]["high"], 16)
    layers = small.layers(1, 5, 5, sharp=8.0)
    with mpmath.workdps(50):
        larger = next(t for t in small.inputs("repeated", 5, 5) if small.margins(layers, [t])[t] * ONE > high)
    for witness in (larger, (0, 0, 0, 0, 0), (0, 1), (0, 1, 2, 3, 9), ()):
        advice["witness"] = list(witness)
        assert verdict(content, path, task).code == "E216", witness


@pytest.mark.parametrize("margin", [0, 1, 1 << 20, 40 << 24, 90 << 24, 400 << 24])
@pytest.mark.parametrize("rivals", [1, 25])
def test_the_loss_of_a_margin_is_bounded(margin, rivals):
    """log(1 + n e^{-γ}) to 100 digits, and no more than two units of 2^-128 above."""
    with mpmath.workdps(100):
        exact = mpmath.log1p(rivals * mpmath.exp(-mpmath.mpf(margin) / 2**24)) * 2**128
        assert exact <= highest_loss(margin, rivals) <= exact + 2

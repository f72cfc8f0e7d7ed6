"""The replay of the published sub-cubic verifier: it gives the published numbers, the wrong ones included."""

from __future__ import annotations

import ast
import csv
from pathlib import Path

import numpy as np
import pytest
import torch

from mechproof.models.problem import statement_of
from mechproof.rewrites.published.sub_cubic import Configuration, FloatNetwork, names, replay, search
from mechproof.rewrites.strategies import prove_accuracy

ROOT = Path(__file__).parents[3]
SAMPLE = ("exact/mean/EQKE", "mean/mean/sub")


@pytest.fixture(autouse=True, scope="module")
def _one_thread():
    """Small matrices: more threads only wait for each other."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def network(path: Path) -> FloatNetwork:
    with np.load(path) as archive:
        return FloatNetwork.of({name: torch.tensor(archive[name]) for name in archive.files}, torch.float32)


@pytest.mark.parametrize("name", SAMPLE)
def test_the_published_results_come_out_again(name, data):
    """Counts and certified cells as the reference implementation gave them, up to one cell that rounding decides."""
    folder = data / "max_of_4_seed123"
    with open(folder / "published_code.csv", encoding="utf-8") as file:
        rows = {row["configuration"]: row for row in csv.DictReader(file)}
    weights, configuration = network(folder / "weights.npz"), Configuration.of(name)

    found = replay(weights, configuration, search(weights, configuration))

    assert abs(int(found.certified.sum()) - int(rows[name]["certified_cells"])) <= 1
    assert abs(found.count() - int(rows[name]["count"])) <= 4000


@pytest.mark.parametrize("name", [name for name in names() if "/mean/" in name])
def test_the_averaging_rule_is_unsound(name, data):
    """On the constructed network every configuration that averages returns 1233 of 4096 sequences; 513 are right."""
    path = data / "unsound_averaging" / "total_v8_k4.npz"
    weights, configuration = network(path), Configuration.of(name)

    assert replay(weights, configuration, search(weights, configuration)).count() == 1233


@pytest.mark.parametrize("name", SAMPLE)
def test_the_repaired_rule_is_not(name, data):
    """The same configurations, repaired, never say more than 513."""
    statement = statement_of(data / "unsound_averaging" / "total_v8_k4.npz")
    graph, goal = prove_accuracy(statement, f"subcubic/{name}")
    assert graph.claim(goal).low <= 513


def test_the_rule_without_averaging_overstates_nothing_there(data):
    """The defect is the averaging."""
    path = data / "unsound_averaging" / "total_v8_k4.npz"
    weights, configuration = network(path), Configuration.of("exact/drop/EQKE")
    assert replay(weights, configuration, search(weights, configuration)).count() <= 513


def test_a_false_cell_is_certified(data):
    """Query 0, maximum 2, two other tokens, gap 1: certified with -0.3, and all its sequences are wrong."""
    weights = network(data / "unsound_averaging" / "cell_v3_k3.npz")
    found = replay(weights, Configuration.of("mean/mean/EQKE"), torch.ones(3, 3, 3, dtype=torch.long))
    assert found.worst[0, 2, 2].item() == pytest.approx(-0.3, abs=1e-4)


def test_nothing_that_concludes_imports_a_replay():
    """The published rules are for audits: no rule, strategy, method, split, advice or engine module knows them."""
    for folder in ("engine", "models", *(f"rewrites/{name}" for name in ("rules", "strategies"))):
        for path in (ROOT / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text("utf-8"))):
                named = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
                named += [alias.name for alias in node.names] if isinstance(node, ast.Import | ast.ImportFrom) else []
                assert not any("published" in name.split(".") for name in named), path

"""The cubic strategy: the published figure, what joint bounds add, and certificates that are verified as they stand."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from shares import shared_out

from mechproof.engine.certificate import emit
from mechproof.engine.checker import check
from mechproof.models.problem import statement_of
from mechproof.rewrites.strategies import DEFAULTS, Options, cubic, prove_accuracy

INPUTS = 64**4
# By bounds: as published, and with joint bounds.
EXPECTED = {("joint",): 16024705, (): 16205180}


def certificate(statement: Any, path: Path, options: Options = DEFAULTS) -> tuple[int, dict[str, Any]]:
    """The proved lower bound, and the certificate as an object, also written to the path."""
    graph, goal = prove_accuracy(statement, "cubic", options)
    path.write_bytes(emit(graph, goal, statement.sha256))
    return graph.claim(goal).low, json.loads(path.read_bytes())


@pytest.mark.parametrize("off", shared_out(EXPECTED, kept=[("joint",)]))
def test_the_published_figure(data, tmp_path, off):
    """Max of 4, seed 123: separate bounds give the published 16024705, joint ones more; one more is refused."""
    weights, path = data / "max_of_4_seed123/weights.npz", tmp_path / "certificate.json"
    statement = statement_of(weights)
    low, stated = certificate(statement, path, Options(off=off))
    assert low == EXPECTED[off]
    assert check(path, weights).line == f"s VERIFIED accuracy >= {low}/{INPUTS} sha256:{statement.sha256}"
    for counts in (stated["relation"], *(step["conclusion"] for step in stated["derivations"][-2:])):
        counts["right_low"] = hex(low + 1)
    path.write_text(json.dumps(stated, separators=(",", ":")) + "\n")
    refused = check(path, weights)
    assert (refused.exit_code, refused.code) == (1, "E216")
    assert str(low + 1) in refused.line and str(low) in refused.line


@pytest.mark.ci
def test_ten_positions(tmp_path):
    """K = 10 is proved and checked in seconds, the count far beyond 53 bits."""
    weights = Path(cubic.__file__).parents[2] / "models/zoo/max_of_10_v64_d32_seed123.safetensors"
    statement = statement_of(weights)
    low, _ = certificate(statement, tmp_path / "certificate.json")
    assert 9 * 64**10 < 10 * low < 10 * 64**10
    assert check(tmp_path / "certificate.json", weights).right_low == low

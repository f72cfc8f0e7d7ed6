"""Two proofs side by side: every claim is accounted for, numbers that moved are shown, and nothing else is."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from mechproof.__main__ import app
from mechproof.models import zoo
from mechproof.models.problem import statement_of
from mechproof.rewrites.proof import Proof, prove
from mechproof.rewrites.proof_difference import difference

SMALL = "max_of_2_v64_d32_seed123"


@pytest.fixture(scope="module")
def proofs() -> dict[str, Proof]:
    statement, name = statement_of(zoo.path(SMALL)), f"{SMALL}.safetensors"
    return {strategy: prove(statement, name, strategy) for strategy in ("cubic", "story")}


def test_a_proof_does_not_differ_from_itself(proofs):
    """Protects readers from differences that are none."""
    found = difference(proofs["story"], proofs["story"])

    assert found.moved == () and found.gain == 0
    assert found.lemmas[1:] == ((), ())
    assert "Nothing differs." in list(found.lines())


def test_what_one_strategy_uses_and_the_other_does_not(proofs):
    """Each claim of either proof is in the list once: as one that agrees, or beside what stands in its place."""
    found = difference(proofs["cubic"], proofs["story"])

    moved = {pair.kind: (pair.first, pair.second) for pair in found.moved}
    assert moved["rank_one"][0] is None and "a(q) s(t)" in str(moved["rank_one"][1])
    assert moved["accuracy"] == tuple(
        f"At least {n} of 4096 inputs are right: the accuracy is at least {n}/4096."
        for n in (proofs["cubic"].theorem.low, proofs["story"].theorem.low)
    )
    assert found.gain == proofs["story"].theorem.low - proofs["cubic"].theorem.low != 0
    assert "Path decomposition" in found.lemmas[0]
    backwards = difference(proofs["story"], proofs["cubic"])
    assert {(p.kind, p.first, p.second) for p in found.moved} == {(p.kind, p.second, p.first) for p in backwards.moved}
    assert found.lemmas[1:] == backwards.lemmas[:0:-1]


def test_the_command():
    """One network by two strategies, for people and as one JSON object."""
    pair = [str(zoo.path(SMALL))] * 2
    told = CliRunner().invoke(app, ["diff", *pair, "--strategy", "story", "--quiet"])
    assert told.exit_code == 0 and told.stdout.splitlines()[-1] == "Nothing differs."
    told = CliRunner().invoke(app, ["diff", *pair, "--strategy", "story", "--strategy-b", "cubic", "--json", "--quiet"])
    other = json.loads(told.stdout)
    assert other["first"]["sha256"] == other["second"]["sha256"] and other["moved"]

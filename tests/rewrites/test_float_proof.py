"""Proofs about float runs: counts on the published network, inputs in between, and actual torch runs beside them."""

from __future__ import annotations

from fractions import Fraction

import pytest

from mechproof.engine.arithmetic.float_format import FORMATS
from mechproof.engine.checker import check
from mechproof.engine.graph import ProofGraph
from mechproof.engine.transcript import markdown
from mechproof.models.problem import statement_of
from mechproof.rewrites.advice.float_runs import observe
from mechproof.rewrites.float_proof import STRATEGIES, NoFloatProof, UnknownSemantics, prove_float
from mechproof.rewrites.proof import Proof, prove
from mechproof.rewrites.strategies import Options, names
from mechproof.rewrites.undecided_inputs import float_margin, undecided_inputs


@pytest.fixture(scope="module")
def published(data) -> Proof:
    """The theorem about every float32 run of the published max-of-4 network."""
    statement = statement_of(data / "max_of_4_seed123" / "weights.npz")
    return prove(statement, "max_of_4", semantics="float32")


def test_the_two_counts_of_the_published_network_are_close(published):
    """18 of 16.7 million inputs are right over the reals and not shown right in every float32 run: README says so."""
    theorem = published.theorem
    assert theorem.low == 16772946
    assert theorem.real.low == theorem.real.high == 16772964
    assert theorem.low <= theorem.real.low <= theorem.high
    start = f"s PROVED accuracy of every float32 run >= {theorem.low}/16777216 (real: = 16772964/16777216) sha256:"
    assert published.verdict.startswith(start)


@pytest.mark.ci
def test_what_is_left_in_bfloat16(data):
    """The number that README and docs/float_semantics.md name."""
    statement = statement_of(data / "max_of_4_seed123" / "weights.npz")
    graph, goal = prove_float(statement, "bfloat16")
    assert graph.claim(goal).low == 15153398


def test_the_inputs_in_between_are_listed(published):
    """As many as are counted, each left open by both ends of its sum."""
    listed, margin = undecided_inputs(published.graph), float_margin(published.graph)
    assert listed is not None and margin is not None
    assert len(listed) == len(set(listed)) == published.theorem.between
    for tokens in listed:
        signs = {margin.sign(tokens[-1], max(tokens), x, tokens) for x in range(64) if x != max(tokens)}
        assert None in signs and 1 not in signs


def test_the_graph_replays_and_the_independent_checker_agrees(published, data, tmp_path):
    """Every conclusion comes out of the rules again; the certificate is verified, with the same relation and hash."""
    assert isinstance(published.graph.replay(), ProofGraph)
    assert published.certifiable and len(published.certificate) < 16000
    path = tmp_path / "certificate.json"
    path.write_bytes(published.certificate)
    found = check(path, data / "max_of_4_seed123" / "weights.npz")
    assert found.line == published.verdict.replace("PROVED", "VERIFIED")


def test_the_transcript_begins_with_the_arithmetic(published):
    """The theorem's first words are about float runs, the model of arithmetic, and the exponential's error."""
    text = markdown(published.transcript("summary"))
    first = next(line for line in text.splitlines() if line.startswith("This theorem"))
    assert first.startswith("This theorem is about float32 runs, not about real numbers")
    assert "relative error of at most" in first and "4 units in the last place" in first
    assert "mechproof check" in text and published.verdict.replace("PROVED", "VERIFIED") in text


def test_torch_runs_of_the_published_network_stay_within_the_bound(published):
    """No contradiction on a sample, and the bound is at most 1000 times the largest error seen."""
    pytest.importorskip("torch", reason="torch is not installed")
    margin = float_margin(published.graph)
    assert margin is not None
    seen = observe(margin, undecided_inputs(published.graph) or [], 4096)
    assert seen.programs and not seen.skipped
    assert seen.broken == []
    assert seen.largest <= margin.error.logit_difference <= 1000 * Fraction(seen.largest)


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("strategy", STRATEGIES)
def test_strategies_agree_with_the_real_truth(oracle, name, strategy):
    """What is right (wrong) in every run is right (wrong) for the real function of these weights, cell by cell."""
    net = oracle.random_net(3, "float16", 4, 3)
    graph, goal = prove_float(net.statement, name, strategy, Options(cut=0))
    (count,) = (graph.claim(step.premises[0]) for step in graph.derivations_of(goal))
    if name != "bfloat16":
        assert oracle.encloses(count, net)
        assert sum(count.right.values()) > 0
    assert graph.claim(goal).low <= graph.claim(goal).high


def test_float_counts_of_one_network_by_two_strategies_agree(oracle):
    """The series' bounds of the same margins contain the tree's."""
    net = oracle.random_net(5, "float16", 4, 3)
    both = ("branch_and_bound", "separable")
    proofs = [prove_float(net.statement, "bfloat16", name, Options(cut=0)) for name in both]
    tree, series = (graph.claim(goal) for graph, goal in proofs)
    assert series.low <= tree.low <= tree.high <= series.high


def test_unknown_semantics_and_other_strategies_are_refused(oracle):
    """By name, before anything is computed."""
    statement = oracle.random_net(0, "float16", 3, 2).statement
    with pytest.raises(UnknownSemantics, match="float8"):
        prove_float(statement, "float8")
    for name in set(names()) - set(STRATEGIES):
        with pytest.raises(NoFloatProof):
            prove_float(statement, "float32", name)
    with pytest.raises(NoFloatProof, match="loss"):
        prove(statement, "net", metric="loss", semantics="float32")

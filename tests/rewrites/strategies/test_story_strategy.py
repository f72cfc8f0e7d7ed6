"""The story's proof: below the true count on any network, the measured bounds on trained ones, checked and replayed."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest
from gap_cells import leaning
from shares import halved, shared_out
from story_claims import bench_of

from mechproof.engine.certificate import emit
from mechproof.engine.checker import check
from mechproof.engine.transcript import markdown
from mechproof.models import zoo
from mechproof.models.problem import statement_of
from mechproof.rewrites.exposition import transcript
from mechproof.rewrites.rules.gap_count import GapCount
from mechproof.rewrites.rules.logit_gap import LogitGap
from mechproof.rewrites.strategies import prove_accuracy
from mechproof.rewrites.strategies.methods.story import METHODS
from mechproof.rewrites.strategies.search.backward import Engine, Limits
from mechproof.rewrites.strategies.search.goals import Goal

FLAVOURS = ["float16", "eighths", "denormal", "tiny", "twin outputs", "uniform attention", "cancelling paths"]


@pytest.mark.parametrize("flavour", halved(FLAVOURS))
def test_never_above_the_true_count(oracle, flavour):
    """Random networks, which have no such story, against enumeration from the definition."""
    for seed in range(6):
        net = oracle.random_net(seed, flavour)
        graph, goal = prove_accuracy(net.statement, "story")
        assert graph.claim(goal).low <= net.truth.right


def test_networks_of_the_kind_are_proved_in_part(oracle):
    """Not vacuous, below the truth, and every conclusion comes out again from the rules alone."""
    found = 0
    for seed in range(5):
        net = leaning(oracle, seed)
        graph, goal = prove_accuracy(net.statement, "story")
        assert graph.claim(goal).low <= net.truth.right
        found += graph.claim(goal).low
        again = graph.replay()
        assert [d.rule.tag for d in again.derivations()] == [d.rule.tag for d in graph.derivations()]
    assert found


# What the rules give today on trained networks; the published sub-cubic bound of the first is 0.722.
BOUNDS = {
    "max_of_4_seed123": Fraction(14682668, 64**4),
    "max_of_4_v64_d32_seed50": Fraction(14540391, 64**4),
    "max_of_2_v64_d32_seed123": Fraction(3662, 64**2),
    "max_of_10_v64_d32_seed123": Fraction(955647120523679340, 64**10),
}


@pytest.mark.parametrize("name", shared_out(BOUNDS, kept=list(BOUNDS)[:3]))
def test_trained_networks(data, tmp_path, name):
    """At least nearly the measured bound, and the independent checker verifies the certificate."""
    path = data / name / "weights.npz" if name == "max_of_4_seed123" else zoo.path(name)
    statement = statement_of(path)
    graph, goal = prove_accuracy(statement, "story")
    accuracy = graph.claim(goal)
    assert accuracy.bounds[0] >= BOUNDS[name] - Fraction(1, 1000)
    certificate = tmp_path / "certificate.json"
    certificate.write_bytes(emit(graph, goal, statement.sha256))
    assert check(certificate, path).line == f"s VERIFIED {accuracy.relation()} sha256:{statement.sha256}"


def test_the_transcript_opens_with_the_claims(oracle):
    """Before the lemmas, behind the tables that they name; a proof without such claims has no such section."""
    net = leaning(oracle, 1)

    def headings(strategy: str) -> tuple[list[str], str]:
        graph, goal = prove_accuracy(net.statement, strategy)
        text = markdown(transcript(graph, goal, "net"))
        return [line.split(" ", 2)[2] for line in text.splitlines() if line.startswith("## ")], text

    titles, text = headings("story")
    before = titles[: titles.index("The proof")]
    assert before[-1] == "What the network does" and "The network as its tables show it" in before
    told = text.split("What the network does")[1].split("## ")[0]
    for word in ("EQKE", "size direction", "For every query", "EVOU", "UU", "PVOU", "EQKP"):
        assert word in told
    assert "decided exactly" not in text and "fixed-point" not in text
    titles, text = headings("branch_and_bound")
    assert "What the network does" not in titles and "fixed-point" in text


def test_a_method_of_backward_search(oracle):
    """The search finds the same cells."""
    net = leaning(oracle, 1)
    bench = bench_of(net)
    engine = Engine(bench, Limits(), METHODS)
    (found,) = engine.solve(Goal(LogitGap))
    graph: Any = bench.graph
    count = graph.claim(graph.apply(GapCount(), [found.claim], 1))
    other, goal = prove_accuracy(net.statement, "story")
    assert count.low == other.claim(goal).low

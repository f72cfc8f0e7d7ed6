"""Claims settled on whole networks, against the definition read a second time; the graph behind the verdicts."""

from __future__ import annotations

import json
import random
from fractions import Fraction
from itertools import count, product

import mpmath
import pytest

from mechproof.claims import session as session_module
from mechproof.claims.context import Budget
from mechproof.claims.directions import Directions
from mechproof.claims.errors import StatementError
from mechproof.claims.rules import (
    BELOW_ONE,
    Decide,
    DecideByPositivity,
    Decided,
    PositiveLoss,
    Question,
    StillOpen,
    settled_by_positivity,
)
from mechproof.claims.session import LADDER, Session, Verdict
from mechproof.claims.syntax import parse
from mechproof.engine.formula import Formula
from mechproof.engine.graph import ProofGraph
from mechproof.engine.oracle import examine
from mechproof.engine.rule import NotEstablished
from mechproof.models.problem import statement_of
from mechproof.models.zoo import path
from mechproof.rewrites.advice import deadline, loss_tree_search


def session(network, **options) -> Session:
    return Session("random", network.statement, outputs=network.V, **options)


def settle(given: Session, text: str) -> Verdict:
    return given.settle(parse(text))


def test_a_loss_that_is_said_to_be_a_number_is_averaged_over_boxes(oracle):
    """What the tree leaves open is decided by means over boxes, against every sequence; it has no certificate."""
    network = oracle.random_net(1, "eighths", V=5, K=3)
    direct, bounded = session(network), session(network, budget=Budget(sequences=1))
    (exact,) = settle(direct, "loss < 99").measured
    centre = str(exact.low)
    pinned = settle(bounded, f"loss = {centre} ± 1e-6")
    assert pinned.status == "PROVED"
    assert pinned.detail.endswith("no certificate")
    assert pinned.measured[0].low <= exact.low <= exact.high <= pinned.measured[0].high
    assert settle(bounded, f"loss = {centre} + 4e-6 ± 1e-6").status == "REFUTED"
    below = settle(bounded, "loss < 99")
    assert below.status == "PROVED" and bounded.certificate(below) is not None
    assert bounded.certificate(pinned) is None


@pytest.mark.parametrize("flavour", ["float16", "eighths"])
@pytest.mark.parametrize("seed", range(4))
def test_sequences_accuracy_and_loss_are_those_of_the_definition(oracle, seed, flavour):
    """correct, accuracy, loss and quantifiers over sequences on small random networks, ties included."""
    network = oracle.random_net(seed, flavour, V=3, K=2)
    given, truth = session(network), network.truth
    for tokens in product(range(3), repeat=2):
        verdict = settle(given, f"correct({tokens[0]}, {tokens[1]})")
        assert verdict.status == ("REFUTED" if tokens in truth.wrong else "PROVED")
    assert settle(given, f"accuracy = {truth.right}/9").status == "PROVED"
    assert settle(given, f"accuracy > {truth.right}/9").status == "REFUTED"
    assert settle(given, "for all t, q: correct(t, q)").status == ("REFUTED" if truth.wrong else "PROVED")
    (measured,) = settle(given, "loss < 1e300").measured
    with mpmath.workdps(60):
        mean = sum(truth.loss(tokens) for tokens in product(range(3), repeat=2)) / 9
        assert measured.low <= _fraction(mean + mpmath.mpf(10) ** -30)
        assert _fraction(mean - mpmath.mpf(10) ** -30) <= measured.high


def _fraction(number) -> Fraction:
    man, exp = abs(number).man_exp
    return (-1 if number < 0 else 1) * int(man) * Fraction(2) ** int(exp)


def test_the_graph_replays_and_holds_the_verdict(oracle):
    """Every verdict is a claim with a derivation; from the rules alone it comes out again."""
    given = session(oracle.random_net(1, V=3, K=2))
    for text in ("sigma(EQKE, 1) >= 0", "accuracy >= 0", "loss <= 0", "correct(0, 1)", "max(EVOU) < -1000"):
        verdict = settle(given, text)
        assert verdict.goal is not None
        claim = given.graph.claim(verdict.goal)
        assert isinstance(claim, Decided) and claim.holds == (verdict.status == "PROVED")
    assert len(list(given.graph.replay().derivations())) == len(list(given.graph.derivations()))


def test_a_large_input_set_uses_the_loss_theorem(oracle):
    """Beyond the budget the loss is bounded by its own theorem, whose proof comes with the verdict."""
    network = oracle.random_net(2, V=3, K=2)
    direct, bounded = session(network), session(network, budget=Budget(sequences=1))
    exact = settle(direct, "loss < 1e300").measured[0]
    verdict = settle(bounded, "loss < 1e300")
    assert verdict.status == "PROVED" and [proof.theorem.kind for proof in verdict.proofs] == ["loss"]
    assert verdict.measured[0].low <= exact.high and exact.low <= verdict.measured[0].high
    both = settle(bounded, "loss < 1e300 and accuracy >= 0")
    assert both.status == "PROVED" and {proof.theorem.kind for proof in both.proofs} == {"accuracy", "loss"}


def test_the_ladder_is_climbed_to_its_end_before_giving_up(oracle):
    """An undecidable tie stops at the last rung and says how close it is; one within reach is decided."""
    given = session(oracle.random_net(1, V=3, K=2))
    verdict = settle(given, "sqrt(2) * sqrt(2) = 2")
    assert verdict.status == "UNDECIDED" and f"stopped at {LADDER[-1]} bits" in verdict.detail
    assert settle(given, "abs(sqrt(2) * sqrt(2) - 2) < 2^-1000").status == "PROVED"
    assert settle(given, "sqrt(2) * sqrt(2) < 2 + 1e-100").status == "PROVED"


def test_numbers_are_given_to_two_more_digits_than_claimed(oracle):
    """Also where the verdict itself needed less precision."""
    given = session(oracle.random_net(1, V=3, K=2))
    verdict = settle(given, "sqrt(2) ≈ 1.4142135623730950488016887242096980785697")
    assert verdict.status == "PROVED"
    assert verdict.detail == "sqrt(2) = 1.414213562373095048801688724209698078569671…"


def test_an_unsupported_architecture_is_never_judged():
    """Except for what is true of every network with real logits."""
    given = Session("two layers", None, "two layers", outputs=26)
    for text in ("accuracy >= 0", "loss >= 1", "EQKE = 0", "correct(0, 1)", "loss ≈ 0.0"):
        verdict = settle(given, text)
        assert verdict.status == "UNDECIDED" and verdict.detail == "architecture not supported: two layers"
    for text in ("loss <= 0", "loss = 0", "0.0 >= loss", "loss < -1", "0 = loss"):
        assert settle(given, text).status == "REFUTED"
    for text in ("loss > 0", "loss >= 0", "-1 <= loss", "loss != 0"):
        assert settle(given, text).status == "PROVED"


@pytest.mark.parametrize(
    "text", ["loss <= 0.1", "loss ≈ 0.0", "2 * loss <= 0", "accuracy <= 0", "0 <= 0", "loss < 0 < loss"]
)
def test_positivity_settles_nothing_else(text):
    """Only a comparison of the loss itself with a number that is at most 0."""
    assert settled_by_positivity(parse(text)) is None
    with pytest.raises(NotEstablished):
        DecideByPositivity().conclude([PositiveLoss().conclude([], 2)], parse(text))


def test_one_output_has_no_loss():
    """With a single output the probability is 1 and the loss 0: the rule refuses, and so does the session."""
    with pytest.raises(NotEstablished):
        PositiveLoss().conclude([], 1)
    assert Session("x", None, "one output", outputs=1).settle(parse("loss <= 0")).status == "UNDECIDED"


def _environments():
    rng = random.Random(4)
    for outputs in (1, 1, 2, 2, 3, 5):
        weights = [Fraction(rng.randint(1, 9), rng.randint(1, 9)) for _ in range(outputs)]
        yield {"V": outputs, "w": weights.__getitem__}


def test_the_lemma_holds_and_its_mutants_are_noticed():
    """On random positive weights; without the premise V >= 2 an instance with one output makes it false."""
    assert isinstance(BELOW_ONE.statement, Formula)
    report = examine(BELOW_ONE.statement, list(_environments()))
    assert report.holds
    assert report.mutants and all(mutant.killed for mutant in report.mutants if mutant.required)


def test_the_rule_concludes_nothing_from_what_is_open(oracle):
    """An undecided comparison raises, with the gap; no claim enters the graph."""
    given = session(oracle.random_net(1, V=3, K=2))
    settle(given, "EQKE = EQKE")
    graph: ProofGraph = given.graph
    before = graph.network.number_of_nodes()
    (vocabulary,) = graph.proof(settle(given, "EQKE = EQKE").goal)[-1].premises  # type: ignore[arg-type]
    with pytest.raises(StillOpen, match=r"sqrt\(3\)"):
        graph.apply(Decide(), [vocabulary], Question(parse("sqrt(3) * sqrt(3) = 3"), Budget(), Directions(64)))
    assert graph.network.number_of_nodes() == before


def test_over_many_inputs_the_cheapest_strategy_that_settles_is_enough():
    """Cubic cells settle a weak claim on 2^60 inputs; a stronger one takes the search."""
    given = Session("K = 10", statement_of(path("max_of_10_v64_d32_seed123")))
    verdict = given.settle(parse("accuracy >= 0.9"))
    assert verdict.status == "PROVED" and verdict.goal is not None
    assert "cubic_cells/1" in {step.rule.tag for step in given.graph.proof(verdict.goal)}


def test_verdicts_have_certificates_where_the_format_can_carry_them(oracle):
    """None for an open one, for a singular value that depends on a variable, for an architecture that is not read."""
    given = session(oracle.random_net(1, V=3, K=2))
    for text in ("sigma(EQKE, 1) >= 0", "accuracy >= 0", "loss <= 0", "correct(0, 1)", "max(EVOU) < -1000"):
        found = given.certificate(settle(given, text))
        assert found is not None and json.loads(found)["relation"]["text"] == text
    for text in ("sqrt(2) * sqrt(2) = 2", "for all q: sigma(q * EVOU, 1) >= 0"):
        assert given.certificate(settle(given, text)) is None
    other = Session("two layers", None, "two layers", outputs=26)
    assert other.certificate(other.settle(parse("loss <= 0"))) is None


@pytest.mark.parametrize(
    "text", ["for all s in 1..0: s = s", "for all q, q < 0: q > 5", "for all q: for all r, r < 0: q = r"]
)
def test_a_quantifier_without_instances_says_nothing(oracle, text):
    """What is true for that alone is no claim; one instance is enough, and what is false stays false."""
    given = session(oracle.random_net(1, V=3, K=2))
    with pytest.raises(StatementError, match="the quantifier has no instances"):
        settle(given, text)
    assert settle(given, "for all m: for all q < m: q < m").status == "PROVED"
    assert settle(given, "for all m: m != 2 and for all q < m, m > 5: q = m").status == "REFUTED"


def test_bounds_of_the_loss_without_a_budget_do_not_hang_on_the_machine(oracle, monkeypatch):
    """Without seconds, a clock on which every look takes ten seconds changes nothing; a limit on nodes does."""
    network = oracle.random_net(1, "float16", V=6, K=3)
    monkeypatch.setattr(loss_tree_search, "FIRST", 2)

    def measured(**options):
        (found,) = settle(session(network, budget=Budget(sequences=1), **options), "loss < 1e300").measured
        return found.low, found.high

    usual = measured()
    monkeypatch.setattr(deadline, "monotonic", count(0, 10).__next__)
    assert measured() == usual
    assert measured(seconds=1)[1] > usual[1]
    monkeypatch.setattr(session_module, "LOSS_NODES", 20)
    assert measured()[1] > usual[1]

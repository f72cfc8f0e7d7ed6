"""Backward search: what it finds is proved and kept, dominated finds are marked, limits and dead ends are said."""

from __future__ import annotations

import json
from itertools import pairwise
from time import monotonic

import pytest
from typer.testing import CliRunner

from mechproof.__main__ import app
from mechproof.engine.graph import ProofGraph
from mechproof.models import zoo
from mechproof.models.problem import statement_of
from mechproof.rewrites.advice.allowance import Allowance
from mechproof.rewrites.rules.accuracy import Accuracy
from mechproof.rewrites.rules.additive_margin import AdditiveMargin, AdditiveMarginRule
from mechproof.rewrites.rules.network_function import NetworkFunctionDefinition
from mechproof.rewrites.rules.path_decomposition import Paths
from mechproof.rewrites.rules.right_count import RightCount
from mechproof.rewrites.rules.row_split import RowSplit
from mechproof.rewrites.standard_forms import paths_of
from mechproof.rewrites.strategies import Options, prove_accuracy
from mechproof.rewrites.strategies.search import backward
from mechproof.rewrites.strategies.search.backward import Engine, Limits, all_methods
from mechproof.rewrites.strategies.search.goal_names import UnknownGoal, goal
from mechproof.rewrites.strategies.search.goals import Goal, Unreachable
from mechproof.rewrites.strategies.splits.common import Workbench


def bench(statement) -> Workbench:
    graph = ProofGraph()
    network = graph.apply(NetworkFunctionDefinition(), (), statement)
    return Workbench.of(graph, paths_of(graph, graph.claim(network).statement), any_row=True)


def quick() -> tuple:
    """The methods of plain sub-cubic proofs alone."""
    modules = ("counts", "row_differences", "splits")
    plain = [m for m in all_methods() if type(m).__module__.rpartition(".")[2] in modules]
    return tuple(m for m in plain if m.kind is not RightCount or m.name == "counting logit gaps")


@pytest.mark.parametrize("seed", range(3))
def test_everything_found_is_true_and_replays(oracle, seed):
    """No count above the exact one; every claim comes out again from the rules; dominated ones are kept and marked."""
    statement = oracle.random_net(seed, "eighths").statement
    engine = Engine(bench(statement), methods=quick())

    found = engine.solve(Goal(Accuracy))

    exact = prove_accuracy(statement, "branch_and_bound")
    truth = exact[0].claim(exact[1]).low
    assert all(engine.graph.claim(f.claim).low <= truth for f in found)
    assert [f.price for f in found] == sorted(f.price for f in found)
    kept = [f for f in found if not f.dominated]
    assert all(b.looseness < a.looseness for a, b in pairwise(kept))
    again = engine.graph.replay()
    assert all(again.find(engine.graph.claim(f.claim)) is not None for f in found)
    assert not engine.cut_short


def test_two_searches_find_the_same(oracle):
    """A fixed order, and nothing applied twice."""
    statement = oracle.random_net(1, "eighths").statement
    engines = [Engine(bench(statement), methods=quick()) for _ in range(2)]
    first, second = (engine.solve(Goal(Accuracy)) for engine in engines)
    assert first == second
    derivations = [(d.rule.tag, d.premises, d.claim) for d in engines[0].graph.derivations()]
    assert derivations == [(d.rule.tag, d.premises, d.claim) for d in engines[1].graph.derivations()]
    before = engines[0].graph.network.number_of_nodes()
    engines[0].solve(Goal(Accuracy))
    assert engines[0].graph.network.number_of_nodes() == before


def test_other_packages_add_methods(oracle, monkeypatch):
    """What a package registers under the entry point takes part after the shipped methods, and its finds are used."""
    tried = []

    class Plugin:
        name, kind = "plugin", AdditiveMargin

        def needs(self, bench, goal):
            return ()

        def attempts(self, bench, goal, claims):
            tried.append(goal)
            yield bench.graph.apply(AdditiveMarginRule(), [bench.paths])

    class Point:
        name = "mine"

        def load(self):
            return [Plugin()]

    monkeypatch.setattr(backward, "entry_points", lambda group: [Point()] if group == "mechproof.rules" else [])

    methods = all_methods()

    assert methods[-1].name == "plugin"
    Engine(bench(oracle.random_net(0, "eighths").statement), methods=methods).solve(Goal(AdditiveMargin))
    assert tried == [Goal(AdditiveMargin)]


def test_the_budget_ends_a_search_with_what_there_is(oracle):
    """With no time left every method still makes one attempt, and the search says that it was cut short."""
    engine = Engine(bench(oracle.random_net(2, "eighths").statement), Limits(seconds=0), methods=quick())
    assert engine.solve(Goal(Accuracy))
    assert engine.cut_short


def test_a_method_without_end_costs_its_share(oracle):
    """With seconds to keep to, a method that would go on for ever is ended, and what the others find is found."""

    class Endless:
        name, kind = "endless", RightCount

        def needs(self, bench, goal):
            return ()

        def attempts(self, bench, goal, claims):
            while True:
                pass
            yield

    methods = (Endless(), *(m for m in all_methods() if m.name in ("additive margin", "accuracy", "cubic")))
    engine = Engine(bench(oracle.random_net(2, "eighths").statement), methods=methods)
    start = monotonic()
    with Allowance(2):
        assert engine.solve(Goal(Accuracy))
    assert engine.cut_short
    assert monotonic() - start < 15  # for busy machines


def test_a_dead_end_says_what_is_missing(oracle):
    """Without any way to split UU the accuracy is out of reach, and the message names the missing part."""
    methods = tuple(m for m in quick() if getattr(m, "table", None) != "UU")
    engine = Engine(bench(oracle.random_net(0, "eighths").statement), methods=methods)
    with pytest.raises(Unreachable) as raised:
        engine.solve(Goal(Accuracy))
    assert "row_split(UU)" in str(raised.value)
    assert "logit gaps" in str(raised.value)


def test_a_claim_that_no_method_gives_is_out_of_reach(oracle):
    """Goals of a kind that nothing concludes are refused at once."""
    with pytest.raises(Unreachable, match="no method gives claims of this kind"):
        Engine(bench(oracle.random_net(0, "eighths").statement)).solve(Goal(Paths))


def test_a_goal_that_needs_itself_ends(oracle):
    """A method whose need is its own goal finds nothing new, and the search ends."""

    class Circle:
        name, kind = "circle", AdditiveMargin

        def needs(self, bench, goal):
            return (goal,)

        def attempts(self, bench, goal, claims):
            yield from claims

    engine = Engine(bench(oracle.random_net(0, "eighths").statement), methods=(Circle(), *quick()))
    assert len(engine.solve(Goal(AdditiveMargin))) == 1


@pytest.mark.ci
def test_the_chosen_proof_is_at_least_as_good_as_every_recipe():
    """On the zoo's network: for what each sub-cubic recipe shows, auto finds a proof that costs no more."""
    statement = statement_of(zoo.path("max_of_4_v64_d32_seed50"))
    engine = Engine(bench(statement), Limits(seconds=3600), methods=quick())
    found = engine.solve(Goal(RightCount))
    for name in ("exact/chord/EQKE", "exact/chord/len", "mean/chord/len", "exact/chord/sub"):
        graph, goal_id = prove_accuracy(statement, f"subcubic/{name}")
        count = graph.claim(goal_id).low
        paths = graph.find(engine.graph.claim(engine.bench.paths))
        assert paths is not None
        price = Engine(Workbench.of(graph, paths, any_row=True)).proof(goal_id)
        assert any(engine.graph.claim(f.claim).low >= count and f.price <= price.price for f in found), name


def test_auto_takes_the_cheapest_that_is_enough(oracle):
    """With --at-least the cheapest such proof, else the tightest there is."""
    statement = oracle.random_net(1, "eighths").statement
    most = prove_accuracy(statement, "auto", Options(minimise="tightness"))
    exact = prove_accuracy(statement, "branch_and_bound")
    assert most[0].claim(most[1]).low == exact[0].claim(exact[1]).low


@pytest.mark.parametrize("text", ["nonsense", "attention(0)", "attention(99)", "row_difference(W_E)", "attention(x)"])
def test_unknown_goals_are_named(oracle, text):
    """A goal that does not exist lists those that do."""
    with pytest.raises(UnknownGoal, match="the goals are"):
        goal(text, bench(oracle.random_net(0, "eighths").statement))


@pytest.mark.parametrize("text", ["EQKE", "row_difference(EQKE - rank1)", "row_difference(PVOU)", "attention(1)"])
def test_goals_by_name_are_solved(oracle, text):
    """Every kind of name leads to claims of its kind."""
    workbench = bench(oracle.random_net(0, "eighths").statement)
    wanted = goal(text, workbench)
    found = Engine(workbench).solve(wanted)
    assert all(isinstance(workbench.graph.claim(f.claim), wanted.kind) for f in found)
    if wanted.kind is RowSplit:
        assert min(f.looseness for f in found) == 0


def test_the_command_lists_what_it_found(data):
    """One line of price and one of the claim for each alternative; JSON says the same."""
    path = str(data / "unsound_averaging" / "total_v8_k4.npz")
    listed = CliRunner().invoke(app, ["search", path, "UU"])
    assert listed.exit_code == 0
    assert "operations" in listed.stdout
    assert "UU is known exactly." in listed.stdout
    told = json.loads(CliRunner().invoke(app, ["search", path, "UU", "--json", "--all"]).stdout)
    assert told["complete"]
    assert {row["dominated"] for row in told["found"]} <= {True, False}
    assert all(row["price"] > 0 for row in told["found"])

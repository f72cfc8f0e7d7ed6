"""A proof of one network tried on another is a proof about the other, or nothing."""

from __future__ import annotations

import itertools

import pytest
from gap_cells import leaning

from mechproof.engine.rule import NotEstablished
from mechproof.rewrites.advice.token_order_search import Limits
from mechproof.rewrites.strategies import prove_accuracy
from mechproof.stages.carrying import carried
from mechproof.stages.transferring import transferred

STRATEGIES = ["branch_and_bound", "cubic", "subcubic/exact/chord/EQKE", "subcubic/mean/mean/len"]


@pytest.mark.parametrize("name", STRATEGIES)
def test_what_is_carried_is_true_of_the_new_weights(oracle, name):
    """Whatever network the advice comes from, the conclusion names the new weights and never exceeds their truth."""
    nets = [leaning(oracle, seed, 4, 3) for seed in range(3)]
    counted = 0
    for old in nets:
        graph, goal = prove_accuracy(old.statement, name)
        for new in nets:
            again, conclusion = carried(graph, goal, new.statement)
            theorem = again.claim(conclusion)
            assert theorem.statement == new.statement
            assert theorem.low <= new.truth.right <= theorem.high
            if new is old:
                assert theorem.low == graph.claim(goal).low
            else:
                counted += theorem.low
            again.replay()
    assert counted > 0


def test_a_tree_that_is_searched_on_is_exact(oracle):
    """Mended, the tree of any network settles any other."""
    nets = [oracle.random_net(seed, "eighths", 4, 3) for seed in range(3)]
    for old, new in itertools.pairwise(nets):
        graph, goal = prove_accuracy(old.statement, "branch_and_bound")
        again, conclusion = carried(graph, goal, new.statement, Limits())
        assert again.claim(conclusion).low == again.claim(conclusion).high == new.truth.right


def test_other_sizes_are_refused(oracle):
    """Advice of another shape stops at the first rule that it does not fit."""
    small, large = (leaning(oracle, 0, V, 3).statement for V in (3, 4))
    for name in ("branch_and_bound", "subcubic/exact/chord/EQKE"):
        graph, goal = prove_accuracy(small, name)
        with pytest.raises(NotEstablished):
            carried(graph, goal, large)


def test_transferred_is_about_the_new_network(oracle):
    """A transfer from a network to itself keeps all that is right; to another it never exceeds the truth there."""
    nets = [leaning(oracle, seed, 4, 2) for seed in (1, 2)]
    graph, goal = transferred(nets[0].statement, nets[0].statement)
    assert graph.claim(goal).low == nets[0].truth.right > 0
    graph, goal = transferred(nets[0].statement, nets[1].statement)
    assert graph.claim(goal).statement == nets[1].statement
    assert graph.claim(goal).low <= nets[1].truth.right

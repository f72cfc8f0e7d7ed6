"""The lemma over fractions, bounds of moves against enumeration, and counts of one network for another."""

from __future__ import annotations

import random
from fractions import Fraction
from typing import Any

import mpmath
import pytest

from mechproof.engine.arithmetic.dyadic import DyadicMatrix
from mechproof.engine.formula import Table
from mechproof.engine.graph import ProofGraph
from mechproof.engine.oracle import examine
from mechproof.engine.rule import NotEstablished
from mechproof.rewrites.advice.slack_search import search
from mechproof.rewrites.rules import weight_transfer
from mechproof.rewrites.rules.additive_margin import AdditiveMarginRule
from mechproof.rewrites.rules.slack_count import SlackTree
from mechproof.rewrites.rules.weight_transfer import MOVE, WeightTransfer, moves
from mechproof.rewrites.standard_forms import paths_of


def environment(w: list, f: list, rho: Any, old: list, new: list) -> dict[str, Any]:
    return {"K": len(w), "w": Table(w), "f": Table(f), "\\rho": rho, "\\lambda": Table(old), "\\mu": Table(new)}


def instances() -> list[dict[str, Any]]:
    """Random ones, some with factors out of range, and the one on which the bound is attained."""
    rng = random.Random(1)
    found = [environment([1, rho], [rho * rho, 1], Fraction(rho), [1, 0], [1, 0]) for rho in (1, 2, 5)]
    found += [environment([1, 2], [far, 1], Fraction(2), [1, 0], [1, 0]) for far in (5, 40)]
    for _ in range(200):
        K, rho = rng.randint(1, 3), Fraction(rng.randint(2, 6), 2)
        factors = [1 + (rho * rho - 1) * Fraction(rng.choice((0, 1, 2, 4, 5, 9, -1)), 4) for _ in range(K)]
        factors = [factor if factor > 0 else Fraction(1, 9) for factor in factors]
        w, old, new = ([Fraction(rng.randint(low, 5)) for _ in range(K)] for low in (1, -5, -5))
        found.append(environment(w, factors, rho, old, new))
    return found


def test_lemma_holds_is_attained_and_its_mutants_fail():
    """True of random numbers, attained for every rho, false turned round or for factors beyond rho squared."""
    report = examine(MOVE.statement, instances())  # type: ignore[arg-type]
    assert report.passed
    assert all(mutant.killed for mutant in report.mutants if "extreme" in mutant.change)


def near(net: Any, rng: random.Random, bits: int, names: tuple[str, ...] = ()) -> Any:
    """The network with up to 2^-bits added to each entry of the tensors named (of all of them without names)."""
    moved = {
        name: [[entry + Fraction(rng.randint(-8, 8), 8 << bits) for entry in row] for row in net.tensors[name]]
        for name in names or net.tensors
    }
    return net.replaced(**moved)


def gap(net: Any, tokens: tuple[int, ...], x: int) -> Any:
    truth = net.truth
    with mpmath.workdps(80):
        total = mpmath.fsum(truth.weight(tokens[-1], p, t, 60) for p, t in enumerate(tokens))
        return mpmath.ldexp(truth.margin(tokens, x, 60)[0] / total, -truth.places)


def rooms(old: Any, new: Any) -> list[Any]:
    """Bound less move, for all sequences and outputs."""
    table = moves(old.margin().paths, new.margin().paths).fractions()
    found = []
    for tokens in old.sequences:
        bound = table[tokens[-1]][max(tokens)]
        with mpmath.workdps(80):
            limit = mpmath.mpf(bound.numerator) / bound.denominator
            found += [limit - gap(new, tokens, x) + gap(old, tokens, x) for x in range(old.V) if x != max(tokens)]
    return found


@pytest.mark.parametrize("flavour", ["float16", "eighths", "twin tokens"])
@pytest.mark.parametrize("bits", [0, 4, 12, 60])
def test_no_gap_moves_further(oracle, flavour, bits):
    """By enumeration of pairs of networks, near ones and far ones."""
    rng = random.Random(bits)
    for seed in range(2):
        old = oracle.random_net(seed, flavour, 3, 3)
        assert min(rooms(old, near(old, rng, bits))) > -(mpmath.mpf(10) ** -50)


def test_the_bound_is_attained(oracle):
    """Exactly when only the direct path moves; up to the rounding when attention swings between two tokens."""
    old = oracle.random_net(0, "eighths", 3, 2)
    assert abs(min(rooms(old, near(old, random.Random(1), 3, ("b_U",))))) < mpmath.mpf(10) ** -50
    # two tokens whose scores differ by log rho one way before, and the other way after
    for score in (Fraction(1), Fraction(3)):
        sizes = {"W_V": [[0, 0], [0, 1]], "W_O": [[1, 0], [0, 1]], "W_U": [[0, 1], [0, 0]], "W_E": [[0, 1], [0, 0]]}
        before, after = (
            oracle.net(2, 2, 2, 2, **sizes, W_K=[[0, 0], [sign * score, 0]], b_Q=[[1, 0]]) for sign in (-1, 1)
        )
        # gap of token 1 over token 0 on (0, 1); the maximum is 1, so x = 0 gains as attention leaves token 0
        least = min(rooms(after, before) + rooms(before, after))
        assert 0 <= least < mpmath.mpf(2) ** -36


def claims(graph: ProofGraph, statement: Any) -> tuple[int, int]:
    paths = paths_of(graph, statement)
    return paths, graph.apply(AdditiveMarginRule(), [paths])


def test_counts_are_true_of_the_other_network(oracle):
    """By enumeration, cell by cell; near networks keep nearly everything, far ones little."""
    rng = random.Random(5)
    shares = []
    for bits in (12, 5, 1):
        kept = right = 0
        for seed in range(4):
            old = oracle.random_net(seed, "float16", 3, 3)
            new = near(old, rng, bits)
            graph = ProofGraph()
            (first, margin), (second, _) = claims(graph, old.statement), claims(graph, new.statement)
            slack = moves(graph.claim(first), graph.claim(second))
            counted = graph.apply(SlackTree(), [margin], search(graph.claim(margin), slack))
            claim = graph.claim(graph.apply(WeightTransfer(), [counted, first, second]))
            assert claim.statement == new.statement
            assert oracle.encloses(claim, new)
            kept, right = kept + claim.low, right + new.truth.right
        shares.append(Fraction(kept, right))
    assert shares[0] > Fraction(9, 10) and shares == sorted(shares, reverse=True)


def test_a_cell_that_moves_too_far_counts_nothing(oracle):
    """Slack one unit short in one cell loses that cell, and no other."""
    old = oracle.random_net(1, "eighths", 3, 3)
    new = near(old, random.Random(3), 10)
    graph = ProofGraph()
    (first, margin), (second, _) = claims(graph, old.statement), claims(graph, new.statement)
    slack = moves(graph.claim(first), graph.claim(second))
    cell = next(cell for cell, (right, _) in old.truth.cells.items() if right)
    counts = []
    for less in (0, 1):
        numbers = slack.integers()
        numbers[cell[0]][cell[1]] -= less
        given = DyadicMatrix.from_integers(3, 3, [n for row in numbers for n in row], slack.exponent)
        counted = graph.apply(SlackTree(), [margin], search(graph.claim(margin), given))
        counts.append(graph.claim(graph.apply(WeightTransfer(), [counted, first, second])).right)
    assert counts[0][cell] > counts[1][cell] == 0
    assert {other for other in counts[0] if counts[0][other] != counts[1][other]} == {cell}


def test_networks_do_not_mix(oracle):
    """Paths in the other order, of a third network, or of another shape are refused; nothing goes into certificates."""
    net = oracle.random_net(0, "eighths", 3, 2)
    nets = [net, near(net, random.Random(6), 5)]
    other = oracle.random_net(0, "eighths", 4, 2)
    graph = ProofGraph()
    (first, margin), (second, _), (third, _) = (claims(graph, net.statement) for net in (*nets, other))
    slack = DyadicMatrix.zero(3, 3)
    counted = graph.apply(SlackTree(), [margin], search(graph.claim(margin), slack))
    with pytest.raises(NotEstablished, match="different networks"):
        graph.apply(WeightTransfer(), [counted, second, first])
    with pytest.raises(NotEstablished, match="different networks"):
        graph.apply(WeightTransfer(), [counted, third, second])
    with pytest.raises(NotEstablished, match="not the same tokens"):
        graph.apply(WeightTransfer(), [counted, first, third])
    goal = graph.apply(WeightTransfer(), [counted, first, second])
    assert graph.steps(goal) is None


@pytest.mark.parametrize("width", [0, 1, 7, 10**6, 10**30])
def test_tanh_is_rounded_up(width):
    """By at most two units, for nothing, little and more than an exponential holds."""
    half = weight_transfer.Ball.dyadic(1, -8)
    with weight_transfer.precision(weight_transfer.WORKING_BITS):
        found = weight_transfer._tanh(half, width)
    with mpmath.workdps(60):
        exact = mpmath.ldexp(mpmath.tanh(mpmath.mpf(width) / 512), weight_transfer.TANH_BITS)
        assert 0 <= found - exact < 2

"""Theorem Q: the lemmas over fractions, accepted inputs against enumeration, costs, and advice made to mislead."""

from __future__ import annotations

import random
from dataclasses import replace
from fractions import Fraction
from itertools import product

import numpy as np
import pytest
from quotient_advice import VARIANTS, random_advice
from shares import halved
from two_token_network import ORDER, adding_network, candidates, exact_margin, form_of

from mechproof.engine.explain import charged
from mechproof.engine.formula import Table
from mechproof.engine.oracle import examine
from mechproof.engine.rule import NotEstablished
from mechproof.rewrites.rules import quotient
from mechproof.rewrites.rules.grid_network import GridNetworkRule, Grids
from mechproof.rewrites.rules.quotient import KINK, NORMS, REMAINDER, Block, Quotient, QuotientAdvice, Side


def kink(rng: random.Random) -> dict:
    names = ("l", "\\tilde l", "r", "\\tilde r", "d", "d'", "e", "e'")
    env = {name: rng.randint(-3, 3) for name in names}
    if rng.random() < 0.7:
        for e, d, one, near in (("e", "d", "l", "\\tilde l"), ("e'", "d'", "r", "\\tilde r")):
            env[e] = max(abs(env[d]), abs(env[one] - env[near] - env[d])) + rng.choice([0, 0, 1])
    return env


def norms(rng: random.Random) -> dict:
    k = rng.randint(0, 2)
    e, ee = ([rng.randint(0, 2) for _ in range(k)] for _ in range(2))
    both = [rng.random() < 0.2 or (a > 0 and b > 0) for a, b in zip(e, ee, strict=True)]
    f, ff = ([a * keep for a, keep in zip(side, both, strict=True)] for side in (e, ee))
    X, Y = rng.randint(0, 3), rng.randint(0, 3)
    tables = {"e": e, "e'": ee, "f": f, "f'": [b + rng.choice([0, 0, 0, -1]) for b in ff]}
    return {"k": k, "X": X, "Y": Y} | {name: Table(rows) for name, rows in tables.items()}


def remainder(rng: random.Random) -> dict:
    k = rng.randint(0, 2)
    tables = {name: [rng.randint(-2, 2) for _ in range(k)] for name in ("a", "b", "h", "g")}
    D, rho = rng.randint(0, 3), rng.randint(0, 3)
    return {"k": k, "D": D, "\\rho": rho, "s": rng.randint(-3, 3)} | {
        name: Table(rows) for name, rows in tables.items()
    }


@pytest.mark.parametrize(
    ("lemma", "instances"), [(KINK, kink), (NORMS, norms), (REMAINDER, remainder)], ids=["kink", "norms", "remainder"]
)
def test_lemmas_hold_and_their_mutants_do_not(lemma, instances):
    """True of random numbers, attained, and false with a premise dropped or a relation turned round."""
    rng = random.Random(11)
    report = examine(lemma.statement, [instances(rng) for _ in range(20000)])
    assert report.holds, report.counterexample
    assert report.attained
    assert [mutant.change for mutant in report.mutants if mutant.required and not mutant.killed] == []


@pytest.mark.parametrize("variant", halved(VARIANTS))
def test_accepted_inputs_are_right_whatever_the_advice(variant):
    """Random partitions, shares and trees on networks with errors: nothing accepted is wrong, and much is accepted."""
    accepted = wrong = 0
    for seed in range(12):
        rng = random.Random(seed)
        statement = adding_network(seed, noise=rng.choice([3, 20, 90]))
        graph, form = form_of(statement)
        neurons = graph.claim(form).left.shape[1]
        grid = graph.apply(GridNetworkRule(), [form], Grids(24, tuple(rng.randint(2000, 9000) for _ in range(neurons))))
        right = {(x, y): exact_margin(statement, x, y) > 0 for x, y in product(range(ORDER), repeat=2)}
        for _ in range(15):
            claim = graph.claim(graph.apply(Quotient(), [grid], random_advice(rng, ORDER, neurons, variant)))
            assert all(right[x, y] for x, y in np.argwhere(claim.accepted).tolist())
            accepted += claim.count
        wrong += list(right.values()).count(False)
    assert accepted > 100 and wrong > 10


@pytest.mark.parametrize("fault", ["no remainder", "no distance", "no slack"])
def test_a_fault_in_the_rule_is_noticed(fault, monkeypatch):
    """Each part of the bound is needed: without it something wrong is accepted."""
    nothing = {"no remainder": "remainders", "no distance": "distances"}
    if fault in nothing:
        zero = np.zeros((ORDER, ORDER), dtype=np.int64)
        monkeypatch.setattr(quotient.Application, nothing[fault], lambda self: zero)
    bits = 4 if fault == "no slack" else 24
    for seed in range(30):
        rng = random.Random(seed)
        statement = adding_network(seed, noise=100)
        graph, form = form_of(statement)
        neurons = graph.claim(form).left.shape[1]
        grid = graph.claim(graph.apply(GridNetworkRule(), [form], Grids(bits, (1 << bits // 2,) * neurons)))
        if fault == "no slack":
            grid = replace(grid, slack=0)
        for _ in range(8):
            advice = random_advice(rng, ORDER, neurons, (False, False))
            if fault == "no slack":
                advice = QuotientAdvice((Block(tuple(range(neurons)), None, None),), ((0, 1), (2, 3)), False, False)
            accepted = np.argwhere(Quotient().conclude([grid], advice).accepted).tolist()
            if any(exact_margin(statement, x, y) <= 0 for x, y in accepted):
                return
    pytest.fail("nothing wrong was accepted")


def test_exact_neurons_leave_nothing_to_bound():
    """With the finest partitions everything that is right by more than the slack is accepted."""
    statement = adding_network(3, noise=40)
    graph, form = form_of(statement)
    neurons = graph.claim(form).left.shape[1]
    grid = graph.apply(GridNetworkRule(), [form], Grids(30, (1 << 15,) * neurons))
    advice = QuotientAdvice((Block(tuple(range(neurons)), None, None),), ((0, 1), (2, 3)), False, False)
    claim = graph.claim(graph.apply(Quotient(), [grid], advice))
    slack = Fraction(graph.claim(grid).slack, 1 << 30)
    right = [(x, y) for x, y in product(range(ORDER), repeat=2) if exact_margin(statement, x, y) > 2 * slack]
    assert {tuple(pair) for pair in np.argwhere(claim.accepted).tolist()} >= set(right) and right


def test_what_the_search_expects_is_what_the_rule_charges():
    """The advice's cost is counted twice, by two programs, and they agree."""
    graph, form = form_of(adding_network(1, noise=5))
    for found in candidates(graph, form):
        grid = graph.apply(GridNetworkRule(), [form], found.grids)
        accepted = graph.apply(Quotient(), [grid], found.advice)
        charge = charged(graph, graph.derivations_of(accepted)[-1])
        assert abs(float(charge.total) / graph.claim(grid).brute - found.cost) < 0.05 * found.cost
        assert graph.claim(accepted).count >= (found.share - 0.1) * ORDER**2


def bad_advices(neurons: int) -> dict[str, QuotientAdvice]:
    """One fault each."""
    rows = tuple((8,) * neurons for _ in range(2))
    side = Side(tuple(x % 2 for x in range(ORDER)), rows)
    good = Block(tuple(range(neurons)), side, None)
    merges = ((0, 1), (2, 3))

    def with_(**fields: object) -> QuotientAdvice:
        return QuotientAdvice((replace(good, **fields),), merges, False, False)  # type: ignore[arg-type]

    return {
        "a neuron twice": with_(neurons=(0, *range(neurons - 1))),
        "a neuron left out": QuotientAdvice((), (), False, False),
        "a class without tokens": with_(left=replace(side, labels=(0,) * ORDER)),
        "a class too many": with_(left=replace(side, labels=(2, 1, 0, 1, 0, 1))),
        "too few labels": with_(left=replace(side, labels=(0, 1))),
        "a share of 17": with_(left=replace(side, shares=((17,) * neurons,) * 2)),
        "too few shares": with_(left=replace(side, shares=((8,),) * 2)),
        "a table left out": QuotientAdvice((good,), ((0, 1),), False, False),
    }


@pytest.mark.parametrize("fault", bad_advices(1))
def test_bad_advice_is_refused(fault):
    """Whatever is not a partition with shares, or not a tree."""
    graph, form = form_of(adding_network(6))
    neurons = graph.claim(form).left.shape[1]
    grid = graph.apply(GridNetworkRule(), [form], Grids(20, (1024,) * neurons))
    with pytest.raises(NotEstablished, match="quotient/1"):
        graph.apply(Quotient(), [grid], bad_advices(neurons)[fault])

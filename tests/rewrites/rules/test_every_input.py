"""Every input decided: the lemmas over fractions, and a rule that no changed network or task passes unnoticed."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from random_network import Maker, every_kind, network

from mechproof.engine.formula import Table
from mechproof.engine.graph import ProofGraph
from mechproof.engine.oracle import examine
from mechproof.engine.rule import Lemma
from mechproof.models.layers.attention import Attention
from mechproof.models.layers.unembed import Unembed
from mechproof.models.network import Network
from mechproof.models.statement import Statement
from mechproof.models.tasks import task_of
from mechproof.rewrites.enumeration import block
from mechproof.rewrites.rules.every_input import (
    DECIDED_BY_RADIUS,
    MIXTURE_RADIUS,
    PRODUCT_RADIUS,
    QUOTIENT_RADIUS,
    EveryInput,
)
from mechproof.rewrites.rules.network_function import NetworkFunction, NetworkFunctionDefinition

Instances = Callable[[random.Random], dict[str, Any]]


def decided(rng: random.Random) -> dict[str, Any]:
    C, r = rng.randint(1, 4), rng.randint(0, 2)
    v = [rng.randint(-4, 4) for _ in range(C)]
    x = [a + rng.choice([-r, 0, r, rng.randint(-3, 3)]) for a in v]
    return {"C": C, "c": rng.randrange(C), "r": r, "v": Table(v), "x": Table(x)}


def product(rng: random.Random) -> dict[str, Any]:
    k, r, eta = rng.randint(0, 3), rng.randint(0, 2), rng.choice([Fraction(0), Fraction(1, 2), Fraction(1)])
    v, N = ([rng.randint(-3, 3) for _ in range(k)] for _ in range(2))
    x = [a + rng.choice([-r, r, 0, 3]) for a in v]
    M = [a + rng.choice([-eta, eta, 0, eta, 2]) for a in N]
    return {"k": k, "r": r, "\\eta": eta, "x": Table(x), "v": Table(v), "M": Table(M), "N": Table(N)}


def mixture(rng: random.Random) -> dict[str, Any]:
    k, r = rng.randint(1, 3), rng.randint(0, 2)
    counts = [rng.randint(0, 3) for _ in range(k - 1)] + [1]
    a = [Fraction(n, sum(counts)) for n in counts]
    b = [share + Fraction(rng.randint(-2, 2), 4) for share in a]
    v = [rng.randint(-3, 3) for _ in range(k)]
    x = [n + rng.choice([-r, r, 3]) for n in v]
    w = sum((abs(p - q) for p, q in zip(a, b, strict=True)), Fraction(0)) - rng.choice([0, 0, 1])
    return {
        "k": k, "r": r, "w": w, "s": max(map(abs, v)),
        "x": Table(x), "v": Table(v), "a": Table(a), "b": Table(b),
    }  # fmt: skip


def quotient(rng: random.Random) -> dict[str, Any]:
    b, a = Fraction(rng.randint(0, 4), 2), Fraction(rng.randint(0, 4), 2)
    tau = b + Fraction(rng.randint(1, 4), 2)
    y = Fraction(rng.randint(-3, 3))
    sigma = tau + rng.choice([-b, b, Fraction(0), Fraction(3)])
    return {"z": y * tau + rng.choice([-a, a, Fraction(2)]), "y": y, "\\sigma": sigma, "\\tau": tau, "a": a, "b": b}


LEMMAS: dict[str, tuple[Lemma, Instances]] = {
    "decided": (DECIDED_BY_RADIUS, decided),
    "product": (PRODUCT_RADIUS, product),
    "mixture": (MIXTURE_RADIUS, mixture),
    "quotient": (QUOTIENT_RADIUS, quotient),
}


@pytest.mark.parametrize("name", LEMMAS)
def test_lemmas_hold_and_their_mutants_do_not(name):
    """True on all instances, attained on one, false with a premise dropped or an inequality turned round."""
    lemma, instances = LEMMAS[name]
    rng = random.Random(7)
    report = examine(lemma.statement, [instances(rng) for _ in range(1500)])  # type: ignore[arg-type]
    assert report.holds, report.counterexample
    assert report.attained
    assert [mutant.change for mutant in report.mutants if mutant.required and not mutant.killed] == []


def statement(net: Network, task: str = "expression:(t[0] + t[2]) % 5") -> Statement:
    return Statement(net, task_of(task, net))


def counts(subject: Statement) -> tuple[int, int, int]:
    found = EveryInput().conclude([NetworkFunction(subject)], None).decision
    return found.right, found.wrong, found.undecided


def test_the_rule_in_a_graph():
    """Its conclusion is a node that says counts and loss; the cost counts every multiplication of the definition."""
    net = every_kind(0)["two heads"]
    subject = statement(net)
    graph = ProofGraph()
    function = graph.apply(NetworkFunctionDefinition(), (), subject)
    claim = graph.claim(graph.apply(EveryInput(), [function]))
    assert claim.low + claim.decision.wrong == 64 and claim.sentence().startswith("Of $64$ inputs exactly ")
    cost = EveryInput().charge([NetworkFunction(subject)], None)
    # embedding; q, k, v, scores, mixing and W_O of two heads; unembedding: at all three positions
    assert cost.multiply == 64 * (3 * 4 * 8 + 2 * (3 * 3 * 8 * 4 + 2 * 3 * 3 * 4 + 3 * 4 * 8) + 3 * 8 * 5)
    assert (cost.exp, cost.compare) == (64 * 2 * 9, 64 * 5)


def changed(net: Network, position: int, **fields: Any) -> Network:
    layers = list(net.layers)
    layers[position] = replace(layers[position], **fields)  # type: ignore[type-var]
    return replace(net, layers=tuple(layers))


def test_mutated_networks_have_other_counts():
    """No mask, no bias, another scale, swapped outputs: each changes the counts of some network."""
    noticed: dict[str, bool] = dict.fromkeys(("mask", "bias", "scale", "columns"), False)
    for seed in range(6):
        net = every_kind(seed)["two heads"]
        attention, last = net.layers[1], net.layers[2]
        assert isinstance(attention, Attention) and isinstance(last, Unembed)
        mutants = {
            "mask": changed(network(net.layers[0], attention, *net.layers[1:]), 1, mask="none"),
            "bias": changed(net, 2, b_U=None),
            "scale": changed(net, 1, scale=replace(attention.scale, root=64)),
            "columns": changed(net, 2, W_U=last.W_U.rearranged(last.W_U.numerators[:, [1, 0, 2, 3, 4]])),
        }
        for name, mutant in mutants.items():
            before = network(net.layers[0], attention, *net.layers[1:]) if name == "mask" else net
            noticed[name] |= counts(statement(mutant)) != counts(statement(before))
    assert all(noticed.values()), noticed


def near_ties(seed: int) -> Statement:
    """Outputs 1 and 0 differ by so little that a block of integers cannot tell them apart."""
    net = every_kind(seed)["two heads"]
    last = net.layers[2]
    assert isinstance(last, Unembed)
    wide = last.W_U.numerators * (1 << 70)
    wide[:, 1] = wide[:, 0] + np.array([Maker(seed).rng.randint(-3, 3) for _ in range(8)], dtype=object)
    close = replace(last.W_U, numerators=wide, exponent=last.W_U.exponent - 70)
    bias = last.b_U
    assert bias is not None
    same = bias.numerators.copy()
    same[1] = same[0]
    return statement(changed(net, 2, W_U=close, b_U=replace(bias, numerators=same)), "expression:0")


def test_a_dropped_radius_is_noticed(monkeypatch):
    """Near-ties are decided because the radius leaves them open: without it they are decided by rounding, wrongly."""
    subjects = [near_ties(seed) for seed in range(4)]
    true = [counts(subject) for subject in subjects]
    assert all(undecided == 0 for *_, undecided in true)
    monkeypatch.setattr(block, "affine", lambda radius, factor, extra: radius * 0)
    assert [counts(subject) for subject in subjects] != true


def test_one_unit_less_of_slack_is_too_little():
    """The radius of a decision is tight: logits that move by it against each other tie, and one unit less is wrong."""
    rng = random.Random(1)
    tight = [
        env
        for env in (decided(rng) for _ in range(4000))
        if env["C"] == 2
        and env["r"] > 0
        and all(abs(env["x"](z) - env["v"](z)) == env["r"] for z in range(2))
        and env["x"](env["c"]) == env["x"](1 - env["c"])
    ]
    assert any(env["v"](env["c"]) - env["v"](1 - env["c"]) == 2 * env["r"] for env in tight)

"""Losses from quotients: the lemma, bounds around the loss that mpmath finds, faults, and the checker."""

from __future__ import annotations

import json
import random
from fractions import Fraction
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from mpmath import mp, mpf
from quotient_advice import random_advice
from shared_data import shared
from two_token_network import ORDER, adding_network, form_of, written

import mechproof
from mechproof.engine.certificate import emit
from mechproof.engine.checker import check
from mechproof.engine.checker.quotient import rules as checked
from mechproof.engine.formula import Formula, Table
from mechproof.engine.oracle import examine
from mechproof.engine.rule import NotEstablished
from mechproof.models.statement import Statement
from mechproof.rewrites.rules import quotient
from mechproof.rewrites.rules.grid_network import GridNetworkRule, Grids
from mechproof.rewrites.rules.quotient import Quotient
from mechproof.rewrites.rules.quotient_loss import ENCLOSED, LossFromQuotient

TASK = f"group:Z{ORDER}"


def exact_loss(statement: Statement) -> Any:
    """The mean loss to 40 digits, by loops over the separable form's fractions."""
    graph, form = form_of(statement)
    tables = graph.claim(form)
    left, right, out, a, b = (
        table.fractions() for table in (tables.left, tables.right, tables.out, tables.left_out, tables.right_out)
    )
    total = mpf(0)
    with mp.workdps(40):
        for x, y in product(range(ORDER), repeat=2):
            hidden = [max(p + q, Fraction(0)) for p, q in zip(left[x], right[y], strict=True)]
            logits = [
                sum((h * w[z] for h, w in zip(hidden, out, strict=True)), a[x][z] + b[y][z]) for z in range(ORDER)
            ]
            lead = [logit - logits[tables.answers[x, y]] for logit in logits]
            total += mp.log(mp.fsum(mp.exp(mpf(d.numerator) / d.denominator) for d in lead))
        return total / ORDER**2


def proved(seed: int, noise: int, cut: int | None = None) -> tuple[Statement, Any, int]:
    """A network, and the graph and claim of its loss by random advice."""
    rng = random.Random(seed)
    statement = adding_network(seed, noise)
    graph, form = form_of(statement)
    neurons = graph.claim(form).left.shape[1]
    grid = graph.apply(GridNetworkRule(), [form], Grids(30, tuple(rng.randint(16000, 48000) for _ in range(neurons))))
    made = random_advice(rng, ORDER, neurons, (rng.random() < 0.5, False))
    made = quotient.QuotientAdvice(
        made.blocks, made.merges, made.exact_remainder, False, rng.randint(0, 20) << 30 if cut is None else cut
    )
    return statement, graph, graph.apply(LossFromQuotient(), [graph.apply(Quotient(), [grid], made)])


def test_the_lemma_holds_and_its_mutants_do_not():
    """True of random numbers, attained, and false with a premise dropped or a relation turned round."""
    rng = random.Random(3)

    def instance() -> dict:
        k = rng.randint(0, 2)
        tables = {name: Table([rng.randint(-2, 2) for _ in range(k)]) for name in ("a", "b", "h", "g")}
        return {"k": k, "D": rng.randint(0, 3), "\\rho": rng.randint(0, 3)} | tables

    assert isinstance(ENCLOSED.statement, Formula)
    report = examine(ENCLOSED.statement, [instance() for _ in range(20000)])
    assert report.holds and report.attained
    assert [mutant.change for mutant in report.mutants if mutant.required and not mutant.killed] == []


@pytest.mark.parametrize("seed", range(12))
def test_the_true_loss_lies_between(seed):
    """Whatever partitions, shares and cut are, on networks with errors too; more is evaluated for a larger cut, and the
    bounds are nearer."""
    widths = []
    for cut in (0, 4 << 30, 1 << 38):
        statement, graph, goal = proved(seed, noise=10 * seed, cut=cut)
        low, high = graph.claim(goal).bounds
        true = exact_loss(statement)
        assert mpf(low.numerator) / low.denominator <= true <= mpf(high.numerator) / high.denominator
        widths.append(high - low)
    assert widths[0] >= widths[1] >= widths[2]
    assert widths[2] < Fraction(float(true)) / 100


@pytest.mark.parametrize("fault", ["no remainder", "no distance"])
def test_a_fault_is_noticed(fault, monkeypatch):
    """Without one part of the bound the true loss lies outside."""
    nothing = np.zeros((ORDER, ORDER), dtype=np.int64)
    name = {"no remainder": "remainders", "no distance": "distances"}[fault]
    monkeypatch.setattr(quotient.Application, name, lambda self: nothing)
    for seed in range(8):
        statement, graph, goal = proved(seed, noise=40, cut=0)
        low, high = map(float, graph.claim(goal).bounds)
        if not low <= float(exact_loss(statement)) <= high:
            return
    pytest.fail("nobody noticed")


@pytest.mark.parametrize("seed", range(8))
def test_the_checker_finds_the_same(seed, tmp_path):
    """The certificate is verified, with two processes too, and refused with a bound that is a millionth nearer."""
    statement, graph, goal = proved(seed, noise=5 + 12 * seed)
    network, path = written(statement, tmp_path), tmp_path / "certificate.json"
    text = emit(graph, goal, statement.sha256)
    path.write_bytes(text)
    assert check(path, network, TASK, jobs=1 + seed % 2).status == "VERIFIED"
    data = json.loads(text)
    for name in ("low", "high"):
        stated = int(data["relation"][name], 16)
        nearer = stated + (1 if name == "low" else -1) * (stated >> 10)
        path.write_bytes(text.replace(data["relation"][name].encode(), hex(nearer).encode()))
        assert check(path, network, TASK).code == "E216"


@pytest.mark.parametrize("fault", ["no remainder", "no distance", "no evaluation"])
def test_a_fault_in_the_checker_is_noticed(fault, tmp_path, monkeypatch):
    """Without one part its bounds are nearer than the prover's, or it refuses what is true."""
    if fault == "no remainder":
        monkeypatch.setattr(checked.Quotient, "remainders", lambda self, x: [0] * ORDER)
    elif fault == "no distance":
        monkeypatch.setattr(checked, "above_root", lambda square: 0)
    else:
        monkeypatch.setattr(checked.Quotient, "leads", lambda self, x, y, rivals: [0 for _ in rivals])
    path = tmp_path / "certificate.json"
    for seed in range(6):
        statement, graph, goal = proved(seed, noise=60, cut=1 << 31)
        low, high = graph.claim(goal).bounds
        network, text = written(statement, tmp_path), emit(graph, goal, statement.sha256)
        path.write_bytes(text)
        if check(path, network, TASK).status != "VERIFIED":
            return
        stated = json.loads(text)["relation"]["low"]
        path.write_bytes(text.replace(stated.encode(), hex(int((low * 3 + high) / 4 * 2**128)).encode()))
        if check(path, network, TASK).status == "VERIFIED":
            return
    pytest.fail("nobody noticed")


def test_distances_of_other_outputs_are_refused():
    """With the largest distance for all of them the checker would bound leads better than the rule."""
    rng = random.Random(1)
    graph, form = form_of(adding_network(1))
    neurons = graph.claim(form).left.shape[1]
    grid = graph.apply(GridNetworkRule(), [form], Grids(26, (8192,) * neurons))
    accepted = graph.apply(Quotient(), [grid], random_advice(rng, ORDER, neurons, (True, True)))
    with pytest.raises(NotEstablished, match="those of other outputs"):
        graph.apply(LossFromQuotient(), [accepted])


def test_a_built_network(tmp_path: Path):
    """The strategy reaches one percent, says what it cost, and the checker verifies what it wrote."""
    network = written(adding_network(1, noise=6), tmp_path)
    proof = mechproof.prove(network, task=TASK, strategy="quotient", metric="loss")
    low, high = proof.theorem.bounds
    assert low <= Fraction(str(exact_loss(adding_network(1, noise=6)))) <= high <= low * Fraction(101, 100)
    assert proof.account is not None and "of brute force" in proof.account.sentence()
    assert ("this does not pay" in proof.account.sentence()) == (proof.account.ratio >= 1)
    files = proof.write(tmp_path / "out")
    assert mechproof.check(files[0], network, task=TASK).status == "VERIFIED"
    assert proof.graph.replay().is_certifiable(proof.goal)


@pytest.mark.ci
def test_a_published_network(tmp_path: Path):
    """S5 to one percent, at a quarter of brute force, around the loss that enumeration finds."""
    weights, task = shared("groups/S5_MLP_seed4.npz"), f"group:{shared('groups/table_SymmetricGroup5.npz')}"
    proof = mechproof.prove(weights, task=task, strategy="quotient", metric="loss")
    low, high = proof.theorem.bounds
    assert low <= Fraction("0.0000020336695") <= high <= low * Fraction(101, 100)
    assert proof.account is not None and proof.account.ratio <= Fraction("0.22")
    proof.write_certificate(tmp_path)
    assert mechproof.check(tmp_path / "certificate.json", weights, task=task).status == "VERIFIED"

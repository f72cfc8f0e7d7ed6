"""Near-constant attention: the lemmas over fractions, radii against the interpreter's balls, and the S5 transformer."""

from __future__ import annotations

import random
from dataclasses import replace
from fractions import Fraction
from itertools import product
from pathlib import Path

import pytest
from shared_data import shared
from two_token_transformer import N, transformer, true_logits

import mechproof
from mechproof.engine.formula import Table
from mechproof.engine.oracle import examine
from mechproof.engine.rule import NotEstablished
from mechproof.models.network import Network
from mechproof.models.statement import Statement
from mechproof.rewrites.proof import prove
from mechproof.rewrites.rules import near_constant_attention
from mechproof.rewrites.rules.near_constant_attention import CENTRE, RANGE, NearConstantAttention
from mechproof.rewrites.rules.network_function import NetworkFunction


def weights(rng: random.Random) -> dict:
    low, v, high = sorted(rng.randint(1, 4) for _ in range(3))
    if rng.random() < 0.2:
        v = rng.randint(1, 6)
    return {"w": rng.randint(1, 4), "c": rng.randint(0, 3), "v": v, "v^{-}": low, "v^{+}": high}


def mixture(rng: random.Random) -> dict:
    K = rng.randint(0, 3)
    c, v, rho = ([rng.randint(low, 3) for _ in range(K)] for low in (-3, -3, 0))
    a = [m + rng.choice([-r, r, 0, 4]) for m, r in zip(c, rho, strict=True)]
    return {"K": K} | {name: Table(rows) for name, rows in (("a", a), ("c", c), ("\\rho", rho), ("v", v))}


@pytest.mark.parametrize(("lemma", "instances"), [(RANGE, weights), (CENTRE, mixture)], ids=["range", "centre"])
def test_lemmas_hold_and_their_mutants_do_not(lemma, instances):
    """True of random numbers, attained, and false with a premise dropped or a relation turned round."""
    rng = random.Random(2)
    report = examine(lemma.statement, [instances(rng) for _ in range(3000)])
    assert report.holds, report.counterexample
    assert report.attained
    assert [mutant.change for mutant in report.mutants if mutant.required and not mutant.killed] == []


def off(statement: Statement) -> Fraction:
    """By how much differences of logits leave what the form allows at most (negative: all are within)."""
    form = NearConstantAttention().conclude([NetworkFunction(statement)], None)
    radius, out = form.radius.fractions()[0], form.out.fractions()
    allowed = [sum(abs(u[z]) * r for u, r in zip(out, radius, strict=True)) + form.out_radius for z in range(N)]
    left, right, a, b = (m.fractions() for m in (form.left, form.right, form.left_out, form.right_out))
    worst = Fraction(-1000)
    for x, y in product(range(N), repeat=2):
        hidden = [max(p + q, Fraction(0)) for p, q in zip(left[x], right[y], strict=True)]
        near = [sum((h * u[z] for h, u in zip(hidden, out, strict=True)), a[x][z] + b[y][z]) for z in range(N)]
        true = true_logits(statement, x, y)
        for c, z in product(range(N), repeat=2):
            worst = max(worst, abs((true[c] - true[z]) - (near[c] - near[z])) - allowed[c] - allowed[z])
    return worst


@pytest.mark.parametrize("seed", range(6))
def test_differences_of_logits_are_within_the_radii(seed):
    """For attention that varies little and much; balls of the interpreter are the reference."""
    for spread in (1, 8, 60):
        assert off(transformer(seed, spread)) <= Fraction(1, 2**90)


def test_a_radius_that_is_too_small_is_noticed(monkeypatch):
    """Without what weights leave of their middles some difference is outside."""
    monkeypatch.setattr(near_constant_attention, "_widen", lambda radius, half, read: None)
    assert max(off(transformer(seed, 60)) for seed in range(3)) > Fraction(1, 100)


def test_a_small_transformer_is_counted_soundly():
    """Whatever is accepted or evaluated agrees with enumeration, which is how the checker sees it."""
    for seed in range(4):
        statement = transformer(seed, 1)
        exact = prove(statement, "transformer", "enumerate").theorem
        proof = prove(statement, "transformer", "quotient")
        assert proof.theorem.low <= exact.low == exact.high <= proof.theorem.high
        assert b'"rule":"enumeration/1"' in proof.certificate


@pytest.mark.parametrize("change", ["gelu", "no skip", "two layers"])
def test_other_networks_are_refused(change):
    """Said in a sentence, not guessed."""
    statement = transformer(0)
    embed, attention, mlp, last = statement.network.layers
    layers = {
        "gelu": (embed, attention, replace(mlp, function="gelu"), last),  # type: ignore[type-var]
        "no skip": (embed, attention, replace(mlp, skip="none"), last),  # type: ignore[type-var]
        "two layers": (embed, attention, attention, mlp, last),
    }[change]
    network = Network("other", layers)
    with pytest.raises(NotEstablished, match="near_constant_attention"):
        prove(Statement(network, statement.task), "other", "quotient")


@pytest.mark.ci
def test_the_published_transformer(tmp_path):
    """All 14,400 inputs at a twentieth of brute force."""
    weights_file, table = shared("groups/S5_T_seed1.npz"), shared("groups/table_SymmetricGroup5.npz")
    example = Path(__file__).parents[3] / "docs" / "examples" / "networks" / "group_transformer.toml"
    network = tmp_path / "net.toml"
    network.write_text(example.read_text("utf-8").replace("S5_T_seed1.npz", str(weights_file)), "utf-8")
    proof = mechproof.prove(network, task=f"group:{table}", strategy="quotient")
    assert (proof.theorem.low, proof.theorem.high) == (14400, 14400)
    assert proof.account is not None and proof.account.ratio < Fraction(1, 20)

"""A readout of few dimensions: the lemma over fractions, acceptance against enumeration, and published transformers."""

from __future__ import annotations

import random
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from shared_data import shared
from two_token_transformer import M, N, mixed, transformer, true_logits

import mechproof
from mechproof.engine.formula import Table
from mechproof.engine.oracle import examine
from mechproof.engine.rule import NotEstablished
from mechproof.rewrites.rules.low_rank_readout import REST, LowRankReadout, ReadoutAdvice, ReadoutCascade


def rest(rng: random.Random) -> dict:
    k = rng.randint(0, 2)
    a, b, v = ([rng.randint(-3, 3) for _ in range(k)] for _ in range(3))
    distance, rho = (rng.randint(0, 5) for _ in range(2))
    if rng.random() < 0.5 and k:
        a, b, v = [rng.randint(0, 3)] + [0] * (k - 1), [0] * k, [-rng.randint(0, 3)] + [0] * (k - 1)
        distance, rho = a[0], -v[0]
    s = rng.randint(-2, 2)
    names = {"k": k, "D": distance, "\\rho": rho, "s": s, "P": distance * rho + s + rng.randint(0, 2)}
    return names | {name: Table(rows) for name, rows in (("a", a), ("b", b), ("v", v))}


def test_lemma_holds_and_its_mutants_do_not():
    """True of random numbers, and false with a premise dropped or a relation turned round."""
    rng = random.Random(4)
    report = examine(REST.statement, [rest(rng) for _ in range(6000)])  # type: ignore[arg-type]
    assert report.holds, report.counterexample
    assert [mutant.change for mutant in report.mutants if mutant.required and not mutant.killed] == []


def advice(seed: int, rank: int, size: int) -> ReadoutAdvice:
    rng = np.random.default_rng(seed)
    shapes = (M, rank), (rank, N), (M,)
    return ReadoutAdvice(*(rng.integers(-size, size + 1, shape) for shape in shapes), bits=4)


def exact_advice(grid) -> ReadoutAdvice:
    """All dimensions, so that nothing is left over."""
    return ReadoutAdvice(np.eye(M, dtype=np.int64) << 4, grid.weights.copy(), np.zeros(M, dtype=np.int64), 4)


@pytest.mark.parametrize("seed", range(4))
def test_what_is_accepted_is_right_whatever_the_advice(seed):
    """By balls; and with no dimension left out every input whose margin is larger than the slack is accepted."""
    grid = mixed(transformer(seed, 20))
    unit = Fraction(1, 1 << grid.grids.bits)
    for given in (exact_advice(grid), *(advice(seed + k, rank, 1 << 10) for k, rank in enumerate((1, 3)))):
        claim = LowRankReadout().conclude([grid], given)
        count = ReadoutCascade().conclude([claim], None)
        right = 0
        for (x, y), accepted in np.ndenumerate(claim.accepted):
            logits = true_logits(grid.statement, x, y)
            own = logits.pop(int(grid.answers[x, y]))
            margin = own - max(logits)
            right += margin > 0
            assert margin > 0 or not accepted
            if given.down.shape[1] == M and margin > 2 * grid.slack * unit:
                assert accepted
        assert count.low <= right <= count.high
        assert count.high - count.low <= 1
        only = ReadoutCascade(evaluate=False).conclude([claim], None)
        assert (only.low, only.high) == (claim.count, N * N)
        assert claim.brute == N * N * M * N


def test_bad_advice_is_refused():
    """Shapes that do not fit, and numbers that leave the words."""
    grid = mixed(transformer(0))
    good = exact_advice(grid)
    bad = [
        ReadoutAdvice(good.down[1:], good.up, good.means, 4),
        ReadoutAdvice(good.down, good.up, good.means, 17),
        ReadoutAdvice(good.down << 40, good.up, good.means, 4),
        ReadoutAdvice(good.down, good.up, good.means + (1 << 50), 4),
        ReadoutAdvice(np.full((M, M), -(1 << 63)), good.up, good.means, 4),
    ]
    for given in bad:
        with pytest.raises(NotEstablished, match="low_rank_readout"):
            LowRankReadout().conclude([grid], given)


@pytest.mark.ci
@pytest.mark.parametrize(
    ("weights", "example", "task", "most"),
    [
        ("modular_addition/wd_10-1_mod_addition_loss_curve.npz", "modular_addition", "modular-addition:113", "0.27"),
        ("groups/C113_T_seed1.npz", "group_transformer", "group:groups/table_CyclicGroup113.npz", "0.21"),
    ],
)
def test_published_transformers(tmp_path, weights, example, task, most):
    """All 12,769 inputs at about a quarter of brute force."""
    kind, _, parameters = task.partition(":")
    task = f"{kind}:{shared(parameters)}" if parameters.endswith("npz") else task
    text = (Path(__file__).parents[3] / "docs" / "examples" / "networks" / f"{example}.toml").read_text("utf-8")
    stored = next(line for line in text.splitlines() if line.startswith("weights"))
    network = tmp_path / "net.toml"
    network.write_text(text.replace(stored, f'weights = "{shared(weights)}"'), "utf-8")
    proof = mechproof.prove(network, task=task, strategy="quotient")
    assert (proof.theorem.low, proof.theorem.high) == (12769, 12769)
    assert proof.account is not None and proof.account.ratio < Fraction(most)
    assert proof.certifiable

"""Integer grids: the lemmas over fractions, and the slack against the exact network for every difference."""

from __future__ import annotations

import random
from fractions import Fraction

import numpy as np
import pytest
from two_token_network import ORDER, adding_network, form_of

from mechproof.engine.formula import Table
from mechproof.engine.oracle import examine
from mechproof.engine.rule import NotEstablished
from mechproof.rewrites.rules.grid_network import GRID, GRID_MARGIN, GridNetworkRule, Grids

HALVES = [Fraction(n, 4) for n in (-2, -1, 0, 1, 2, 3)]


def grid(rng: random.Random) -> dict:
    k, S = rng.randint(0, 2), rng.randint(1, 4)
    scales = [rng.randint(1, 3) for _ in range(k)]
    tables = {name: [rng.randint(-2, 2) for _ in range(k)] for name in ("l'", "r'", "u'")}
    reach = [rng.randint(0, 2) for _ in range(k)]
    known = [a + b for a, b in zip(tables["l'"], tables["r'"], strict=True)]
    real = {
        "p": [(n + rng.choice([-z, z, 0, 3])) * Fraction(1, s) for n, z, s in zip(known, reach, scales, strict=True)],
        "u": [(n + rng.choice(HALVES)) * s / S for n, s in zip(tables["u'"], scales, strict=True)],
        "\\sigma": scales,
        "\\zeta": reach,
    }
    return {"k": k, "S": S} | {name: Table(rows) for name, rows in (tables | real).items()}


def margin(rng: random.Random) -> dict:
    s, S, D = rng.randint(0, 3), rng.randint(1, 3), rng.randint(-4, 4)
    return {"S": S, "D": D, "s": s, "d": Fraction(D + rng.choice([-s, s, 0, 5, -5]), S)}


@pytest.mark.parametrize(("lemma", "instances"), [(GRID, grid), (GRID_MARGIN, margin)], ids=["grid", "margin"])
def test_lemmas_hold_and_their_mutants_do_not(lemma, instances):
    """True of random numbers, attained, and false with a premise dropped or a relation turned round."""
    rng = random.Random(3)
    report = examine(lemma.statement, [instances(rng) for _ in range(3000)])
    assert report.holds, report.counterexample
    assert report.attained
    assert [mutant.change for mutant in report.mutants if mutant.required and not mutant.killed] == []


@pytest.mark.parametrize("bits", [6, 12, 30])
def test_differences_are_within_the_slack(bits):
    """Every difference of two logits of every input, coarse grids and uneven scales included."""
    statement = adding_network(4, noise=9)
    graph, form = form_of(statement)
    exact = graph.claim(form)
    scales = tuple((1 << bits // 2) + i for i in range(exact.left.shape[1]))
    claim = graph.claim(graph.apply(GridNetworkRule(), [form], Grids(bits, scales)))
    left, right, out, bias = (m.fractions() for m in (exact.left, exact.right, exact.out, exact.left_out))
    worst = Fraction(0)
    for x in range(ORDER):
        for y in range(ORDER):
            hidden = [max(a + b, Fraction(0)) for a, b in zip(left[x], right[y], strict=True)]
            real = [sum((h * out[i][z] for i, h in enumerate(hidden)), bias[0][z]) for z in range(ORDER)]
            ints = np.maximum(claim.left[x] + claim.right[y], 0) @ claim.out + claim.left_out[x] + claim.right_out[y]
            for c in range(ORDER):
                for z in range(ORDER):
                    worst = max(worst, abs((real[c] - real[z]) * 2**bits - int(ints[c] - ints[z])))
    assert worst <= claim.slack
    assert bits == 30 or worst > 0


def test_rounding_is_to_the_nearest_and_centring_moves_all_outputs_alike():
    """Tables are within half a unit of the scaled ones, output weights after one shift a neuron."""
    graph, form = form_of(adding_network(5, noise=9))
    exact = graph.claim(form)
    scales = tuple(3 + i for i in range(exact.left.shape[1]))
    claim = graph.claim(graph.apply(GridNetworkRule(), [form], Grids(7, scales)))
    half = Fraction(1, 2)
    for table, rounded in ((exact.left, claim.left), (exact.right, claim.right)):
        for row, integers in zip(table.fractions(), rounded.tolist(), strict=True):
            assert all(abs(e * s - n) <= half for e, s, n in zip(row, scales, integers, strict=True))
    for row, integers, scale in zip(exact.out.fractions(), claim.out.tolist(), scales, strict=True):
        shifts = [e * 128 / scale - n for e, n in zip(row, integers, strict=True)]
        assert max(shifts) - min(shifts) <= 1 and 0 <= sum(integers) < ORDER


@pytest.mark.parametrize("grids", [Grids(8, (1,)), Grids(-1, (1,) * 13), Grids(8, (0,) * 13), Grids(64, (1,) * 13)])
def test_bad_advice_is_refused(grids):
    """A scale a neuron, all positive, and entries that fit."""
    graph, form = form_of(adding_network(6))
    with pytest.raises(NotEstablished):
        graph.apply(GridNetworkRule(), [form], grids)

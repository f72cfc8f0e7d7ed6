"""Attention floors: the lemma over fractions, every sequence within a reach, and floors made to lie."""

from __future__ import annotations

import random
from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from gap_cells import attention, cells, leaning, range_faults, tabled, treated
from story_claims import told

from mechproof.engine.formula import Table
from mechproof.engine.oracle import examine, fails
from mechproof.engine.rule import NotEstablished
from mechproof.rewrites.rules.attention_floor import SHARE, AttentionFloor, AttentionFloorRule
from mechproof.rewrites.rules.attention_range import GRID_BITS, Reach

STATEMENT: Any = SHARE.statement
ONE = 1 << GRID_BITS
RULE = AttentionFloorRule()


def instances(count: int = 200) -> list[dict[str, Any]]:
    rng, found = random.Random(1), []
    for _ in range(count):
        n, r, x = rng.randint(1, 3), rng.randint(0, 2), Fraction(rng.randint(0, 4), 2)
        w = [Fraction(rng.randint(1, 4), 2) for _ in range(n)]
        v = [x * min(w) * rng.choice((0, 1, 1, 1, 3)) for _ in range(r)]
        found.append({"n": n, "r": r, "x": x, "w": Table(w), "v": Table(v)})
    return found


def test_lemma_holds_is_attained_and_its_mutants_fail():
    """True of all instances, attained on one, and each change of it is noticed."""
    assert examine(STATEMENT, instances()).passed


def test_mutant_for_the_mean_weight_is_false():
    """The others must weigh at most x times the least of the first, not some of it."""
    env = {"n": 2, "r": 1, "x": Fraction(1), "w": Table([Fraction(1), Fraction(3)]), "v": Table([Fraction(3)])}
    assert fails(STATEMENT.right, [env])


def parts(net: Any) -> list[Any]:
    bench, story = told(net)
    return [bench.graph.claim(claim) for claim in (bench.paths, story.gap, story.positions)]


def random_reach(rng: random.Random, net: Any, exceptions: tuple[int, ...]) -> Reach:
    table = np.full((net.V, net.V, net.K), -1, dtype=np.int64)
    for q, m, c in cells(net.V, net.K):
        if m not in exceptions:
            table[q, m, c] = rng.randint(0 if q == m else q, m - 1)
    return Reach(table)


def floors(net: Any, seed: int = 0) -> AttentionFloor:
    claims = parts(net)
    return RULE.conclude(claims, random_reach(random.Random(seed), net, claims[1].increasing.exceptions))


@pytest.mark.parametrize("flavour", ["float16", "eighths", "denormal", "huge", "tiny", "twin tokens"])
def test_every_sequence_within_reach_is_above_the_floor(oracle, flavour):
    """The attention of each sequence, from the definition to sixty digits."""
    for seed in range(3):
        net = oracle.random_net(seed, flavour, 3 + seed % 2, 2 + seed % 2)
        claim = floors(net, seed)
        assert not range_faults(claim, net)
        assert ((claim.low >= 0) == (claim.reach.table >= 0)).all()


def test_networks_of_the_kind_have_high_floors(oracle):
    """Not vacuous: in a leaning network some floor is above three quarters, and all are true."""
    for seed in range(3):
        net = leaning(oracle, seed)
        claim = floors(net, seed)
        assert not range_faults(claim, net) and "bounded below" in claim.sentence()
        assert int(claim.low.max()) > ONE * 3 // 4


def test_uniform_attention_is_the_share_of_the_copies(oracle):
    """Without noise and with tokens one unit apart: n / (n + c exp(-1/√h)) to a few units; a larger floor is a lie."""
    ramp = [[Fraction(t) for t in range(3)] for _ in range(3)]
    net = tabled(oracle, 3, 3, EQKE=ramp)
    claims = parts(net)
    table = np.full((3, 3, 3), -1, dtype=np.int64)
    table[2, 2, 1], table[2, 2, 2] = 1, 1
    claim = RULE.conclude(claims, Reach(table))
    for cell, _ in treated(claim.reach):
        tokens = (2, 1, 2) if cell[2] == 1 else (1, 1, 2)
        exact = attention(net, tokens) * ONE
        assert 0 < exact - int(claim.low[cell]) < 400
        assert range_faults(replace(claim, low=claim.low + 400 * (table >= 0)), net)


def test_mutants_without_the_noise_are_noticed(oracle):
    """Forgetting what the direction leaves over, or the positions, gives floors that a sequence is below."""
    faults = [0, 0]
    for seed in range(6):
        net = oracle.random_net(seed, "float16", 3, 3)
        paths, gap, positions = parts(net)
        reach = random_reach(random.Random(seed), net, gap.increasing.exceptions)
        quiet = replace(positions, bounds=positions.bounds - positions.bounds)
        faults[0] += bool(range_faults(RULE.conclude([paths, gap, quiet], reach), net))
        split = gap.rank_one.split
        exact = replace(gap.rank_one, split=replace(split, bounds=split.bounds - split.bounds))
        sure = replace(gap, increasing=replace(gap.increasing, rank_one=exact))
        faults[1] += bool(range_faults(RULE.conclude([paths, sure, positions], reach), net))
    assert all(faults)


def test_premises_about_something_else_are_refused(oracle):
    """Another network, row differences of another table, a token below a smaller one, an impossible reach."""
    net = leaning(oracle, 1)
    bench, story = told(net)
    paths, gap, positions = parts(net)
    good = random_reach(random.Random(0), net, gap.increasing.exceptions)
    with pytest.raises(NotEstablished, match="not about one network"):
        RULE.conclude([*parts(leaning(oracle, 2))[:1], gap, positions], good)
    with pytest.raises(NotEstablished, match="EQKP"):
        RULE.conclude([paths, gap, bench.graph.claim(story.direct)], good)
    size = gap.rank_one.factors.size
    falling = replace(gap.rank_one, factors=replace(gap.rank_one.factors, size=-size))
    with pytest.raises(NotEstablished, match="no score gap"):
        RULE.conclude([paths, replace(gap, increasing=replace(gap.increasing, rank_one=falling)), positions], good)
    with pytest.raises(NotEstablished, match="no sequence"):
        RULE.conclude([paths, gap, positions], Reach(np.zeros_like(good.table)))

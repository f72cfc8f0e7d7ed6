"""The fixed-point tables enclose the margins, with room to spare, or nothing is computed at all."""

from __future__ import annotations

from fractions import Fraction

import mpmath
import numpy as np
import pytest

from mechproof.engine.arithmetic.interval import IntervalTable
from mechproof.engine.errors import MagnitudeError
from mechproof.rewrites.rules.margin_enclosure import ROOM, LogitPart


@pytest.mark.parametrize(
    "flavour",
    ["float16", "eighths", "denormal", "huge", "tiny", "twin outputs", "nearly twin outputs", "cancelling paths"],
)
def test_every_entry_is_enclosed(oracle, flavour):
    """D lies in its interval by at least ROOM units on each side, to 110 digits; zeros are exact; sums fit 63 bits."""
    assert oracle.ROOM == ROOM
    for seed in range(3):
        net = oracle.random_net(seed, flavour)
        assert oracle.enclosure_faults(net.margin(), net) == [], seed


@pytest.mark.parametrize(("V", "K"), [(1, 1), (1, 3), (5, 1), (2, 9)])
def test_edge_sizes_are_enclosed(oracle, V, K):
    """One token, one position and many positions need no special case."""
    net = oracle.random_net(0, "eighths", V, K)
    assert oracle.enclosure_faults(net.margin(), net) == []


def test_enclosures_are_narrow(oracle):
    """An interval is no wider than 2^-20 of the largest margin of its cell: the tables are of use."""
    net = oracle.random_net(1, "eighths", 5, 3)
    for q, m in net.truth.cells:
        table = net.margin().enclosure.cell(q, m)
        largest = max(table.free.magnitude(), table.base.magnitude())
        assert int((table.free.upper - table.free.lower).max()) << 20 <= largest


def test_zeros_are_exact_and_only_zeros(oracle):
    """Where every path contributes zero both ends are 0; outputs that are nearly the same are not the same."""
    twins = oracle.random_net(1, "twin outputs", 4, 3)
    nearly = oracle.random_net(1, "nearly twin outputs", 4, 3)
    for net, expected in ((twins, True), (nearly, False)):
        enclosure, found = net.margin().enclosure, []
        for q, m in net.truth.cells:
            table = enclosure.cell(q, m)
            columns = [
                x
                for x in range(4)
                if x != m and not table.free.lower[:, :, x].any() and not table.free.upper[:, :, x].any()
            ]
            found += columns
            for x in columns:
                assert all(net.truth.difference(q, p, t, x, m) == 0 for p in range(2) for t in range(m + 1))
        assert bool(found) is expected


def scaled_scores(oracle, exponent: int):
    """A network whose scores are ±2^exponent and 0."""
    net = oracle.random_net(4, "eighths", 3, 3)
    return net.replaced(
        W_Q=[[Fraction(0)] * net.h for _ in range(net.d)],
        b_Q=[[Fraction(2) ** exponent] + [Fraction(0)] * (net.h - 1)],
        W_E=[[Fraction(n), *row[1:]] for n, row in zip((-1, 0, 1), net.tensors["W_E"], strict=True)],
        W_K=[[Fraction(int(i == j == 0)) for j in range(net.h)] for i in range(net.d)],
        b_K=[[Fraction(0)] * net.h],
        W_pos=[[Fraction(0)] * net.d for _ in range(3)],
    )


@pytest.mark.parametrize("exponent", [6, 15, 19])
def test_scores_that_are_large_but_not_too_large(oracle, exponent):
    """Weights that differ by e^(2^19) in one cell are still enclosed, the small ones between 0 and 1 unit."""
    net = scaled_scores(oracle, exponent)
    assert oracle.enclosure_faults(net.margin(), net) == []


@pytest.mark.parametrize("exponent", [24, 64, 1000])
def test_scores_that_are_too_large_are_refused(oracle, exponent):
    """Scores whose exponentials leave the exponent range end in a named error, not in wrapped integers."""
    net = scaled_scores(oracle, exponent)
    with pytest.raises(MagnitudeError, match="attention score"):
        net.margin().enclosure.cell(2, 2)


def test_logits_of_any_size(oracle):
    """Logits near 2^1000 and near 2^-1000 are on a grid of their own; nothing overflows or vanishes."""
    for power in (1000, -1000):
        net = oracle.random_net(2, "eighths", 3, 3)
        scaled = [[value * Fraction(2) ** power for value in row] for row in net.tensors["W_U"]]
        net = net.replaced(W_U=scaled, b_U=[[Fraction(0)] * 3])
        margin = net.margin()
        assert oracle.enclosure_faults(margin, net) == []
        assert margin.enclosure.cell(2, 2).free.magnitude() > 1 << 40


@pytest.mark.parametrize(("extra", "where"), [(6, "sum of margins"), (9, "a weight times")])
def test_tables_that_might_overflow_are_refused(oracle, extra, where):
    """Should a grid ever be too fine, the products and the sums over positions are refused before they are taken."""
    enclosure = oracle.random_net(2, "eighths", 3, 3).margin().enclosure
    parts, exponent = enclosure._parts
    finer = {
        name: LogitPart(IntervalTable(part.enclosure.lower << extra, part.enclosure.upper << extra), part.ids)
        for name, part in parts.items()
    }
    enclosure.__dict__["_parts"] = finer, exponent - extra
    with pytest.raises(MagnitudeError, match=where):
        enclosure.cell(2, 2)


def test_large_offsets_common_to_all_outputs_cost_nothing(oracle):
    """Adding 2^80 to every logit moves no table, since rows are centred exactly before they are rounded."""
    net = oracle.random_net(5, "eighths", 4, 3)
    moved = net.replaced(b_U=[[value + 2**80 for value in net.tensors["b_U"][0]]])
    here, there = net.margin().enclosure.cell(1, 3), moved.margin().enclosure.cell(1, 3)
    assert (here.unit, here.free.lower.tolist(), here.base.upper.tolist()) == (
        there.unit,
        there.free.lower.tolist(),
        there.base.upper.tolist(),
    )


def test_entries_are_int64(oracle):
    """Bulk tables are int64 and nothing else."""
    table = oracle.random_net(0, "eighths", 3, 3).margin().enclosure.cell(1, 2)
    assert {a.dtype for a in (table.free.lower, table.free.upper, table.base.lower, table.base.upper)} == {
        np.dtype("int64")
    }


def test_the_oracle_itself():
    """The digits that the enclosures are compared with are digits of exp: e^(1/sqrt 2), from its series."""
    with mpmath.workdps(60):
        z = 1 / mpmath.sqrt(2)
        series = mpmath.fsum(z**n / mpmath.factorial(n) for n in range(60))
        assert abs(series - mpmath.exp(z)) < mpmath.mpf(10) ** -55

"""The cubic count: its lemmas over fractions, its cells against the form with division, and against enumeration."""

from __future__ import annotations

import itertools
import random
from dataclasses import replace
from fractions import Fraction
from math import comb
from typing import Any

import mpmath
import pytest
from shares import halved

from mechproof.engine.arithmetic.interval import IntervalTable
from mechproof.engine.errors import MagnitudeError
from mechproof.engine.formula import Num, Table
from mechproof.engine.oracle import examine, fails
from mechproof.rewrites.rules.cubic_cells import JOINT, MIXTURE, POSITION, SEPARATE, TWO_ENDS, CubicCells
from mechproof.rewrites.rules.margin_enclosure import LogitPart

RULE = CubicCells()
BOTH = [JOINT, SEPARATE]
STATEMENTS: dict[str, Any] = {"position": POSITION.statement, "ends": TWO_ENDS.statement, "mixture": MIXTURE.statement}


def number(rng: random.Random) -> Fraction:
    return Fraction(rng.randint(-4, 4), rng.choice((1, 2)))


def positions(rng: random.Random) -> dict[str, Any]:
    outputs, places = rng.randint(1, 3), rng.randint(1, 2)
    return {
        "V": outputs,
        "K": places,
        "u": Table([number(rng) for _ in range(outputs)]),
        "e": Table([number(rng) for _ in range(outputs)]),
        "\\pi": Table([[number(rng) for _ in range(outputs)] for _ in range(places)]),
        "k": rng.randrange(outputs),
        "\\rho": 2 * number(rng),
    }


def ends(rng: random.Random, ordered: bool = True) -> dict[str, Any]:
    length = rng.randint(1, 4)
    weights = [abs(number(rng)) for _ in range(length)]
    return {
        "L": length,
        "c": rng.randint(0, length),
        "b": Table(sorted(weights) if ordered else weights),
        "T": lambda p: {0, 1},
        "a": number(rng),
        "F": number(rng),
    }


def mixtures(rng: random.Random, least: int = 0) -> dict[str, Any]:
    tokens = set(range(rng.randint(1, 3)))
    return {
        "c": rng.randint(1, 3),
        "N": tokens,
        "T": lambda p: tokens,
        "b": Table([max(number(rng), Fraction(least)) for _ in range(3)]),
        "a": number(rng),
        "F": Table([number(rng) for _ in tokens]),
    }


INSTANCES = {"position": positions, "ends": ends, "mixture": mixtures}


@pytest.mark.parametrize("name", STATEMENTS)
def test_lemma_holds_and_its_mutants_fail(name):
    """True of all instances, attained on one; turned round or without its premise it is false of one."""
    rng = random.Random(3)
    report = examine(STATEMENTS[name], [INSTANCES[name](rng) for _ in range(250)])
    required = [mutant for mutant in report.mutants if mutant.required]
    assert report.passed and len(required) == {"position": 4, "ends": 2, "mixture": 1}[name]


def test_mutants_with_one_end_or_a_least_token_are_false():
    """One end of the attention is not enough, and neither is the best token of the set."""
    rng = random.Random(4)
    body = STATEMENTS["ends"].body
    extreme = body.right.right
    for end in (0, 1):
        one = replace(extreme, domain=replace(extreme.domain, low=Num(end), high=Num(end + 1)))
        mutant = replace(STATEMENTS["ends"], body=replace(body, right=replace(body.right, right=one)))
        assert fails(mutant, [ends(rng) for _ in range(200)])
    report = examine(STATEMENTS["mixture"], [mixtures(rng) for _ in range(200)])
    assert [mutant.killed for mutant in report.mutants if "other extreme" in mutant.change] == [True]


def test_the_hypotheses_are_used():
    """Weights out of order, or negative ones, make the lemmas false."""
    rng = random.Random(5)
    assert fails(STATEMENTS["ends"], [ends(rng, ordered=False) for _ in range(200)])
    assert fails(STATEMENTS["mixture"], [mixtures(rng, least=-4) for _ in range(200)])


def real(value: Any) -> Any:
    return mpmath.mpf(value.numerator) / value.denominator


def published(net: Any, joint: bool) -> dict[tuple[int, int], int]:
    """The count in the form with softmax weights, every placement of the smaller tokens tried, to 50 digits."""
    paths = net.margin().paths
    uu, evou, pvou = (paths.tables[name].fractions() for name in ("UU", "EVOU", "PVOU"))
    free, count = net.K - 1, {}
    with mpmath.workdps(50):
        for q, m in net.truth.cells:
            others = [x for x in range(net.V) if x != m]
            weight = [[net.truth.weight(q, p, t, 50) for t in range(net.V)] for p in range(net.K)]
            u = {x: uu[q][x] - uu[q][m] for x in others}
            e = [{x: row[x] - row[m] for x in others} for row in evou]
            pi = [{x: row[x] - row[m] for x in others} for row in pvou]
            places = pi[:-1] if joint and free else pi
            raised = [{x: e[t][x] + max(row[x] for row in places) for x in others} for t in range(net.V)]
            last = pi[-1] if joint else {x: max(row[x] for row in pi) for x in others}
            own = weight[free][q]
            straight = max(u.values(), default=0)
            tops = [max(row.values(), default=0) for row in raised]
            query = {x: u[x] + e[q][x] + last[x] for x in others}
            alpha, beta = straight + tops[m], straight + tops[q]
            rho = [straight + top for top in tops[:m]]
            if joint:
                alpha = max((u[x] + raised[m][x] for x in others), default=0)
                beta = max(query.values(), default=0)
                rho = [
                    max([u[k] + raised[k][k], *(straight + raised[k][x] for x in others if x != k)]) for k in range(m)
                ]
            everything = own + sum(weight[p][m] for p in range(free))
            alone = all(
                sum(weight[p][m] for p in range(free)) / everything * real(u[x] + raised[m][x])
                + own / everything * real(query[x])
                < 0
                for x in others
            )
            count[q, m] = int(alone)
            for c in range(1, free + 1 if q == m else free):
                good = 0
                for k in range(m):
                    good += all(
                        own / total * real(beta)
                        + sum(weight[p][m] for p in range(free) if p not in placed) / total * real(alpha)
                        + sum(weight[p][k] for p in placed) / total * real(rho[k])
                        < 0
                        for placed in itertools.combinations(range(free), c)
                        for total in [own + sum(weight[p][k if p in placed else m] for p in range(free))]
                    )
                count[q, m] += comb(free, c) * good**c
    return count


def leaning(oracle: Any, seed: int) -> Any:
    """A network that looks at large tokens and copies what it sees, with noise and biases; often right."""
    rng = random.Random(seed)
    V, K = rng.randint(3, 5), rng.randint(2, 3)

    def table(rows: int, columns: int, entry: Any, size: int = 8) -> list[list[Fraction]]:
        return [[entry(i, j) + Fraction(rng.randint(-size, size), 16) for j in range(columns)] for i in range(rows)]

    return oracle.net(
        V, K, V, V,
        W_E=table(V, V, lambda i, j: Fraction(i == j), 1),
        W_pos=table(K, V, lambda i, j: Fraction(0), 1),
        W_Q=table(V, V, lambda i, j: Fraction(j == 0)),
        W_K=table(V, V, lambda i, j: Fraction(2 * i * (j == 0))),
        W_V=table(V, V, lambda i, j: Fraction(2 * (i == j))),
        W_O=table(V, V, lambda i, j: Fraction(i == j)),
        W_U=table(V, V, lambda i, j: Fraction(i == j)),
        b_Q=table(1, V, lambda i, j: Fraction(0)),
        b_V=table(1, V, lambda i, j: Fraction(0)),
        b_U=table(1, V, lambda i, j: Fraction(0)),
    )  # fmt: skip


@pytest.mark.parametrize("advice", BOTH)
def test_cells_are_those_of_the_published_form(oracle, advice):
    """Each cell counts what the form with division and all placements counts, on right and on wrong networks."""
    for seed in range(12):
        for net in (leaning(oracle, seed), oracle.random_net(seed, "float16")):
            count = RULE.conclude([net.margin()], advice)
            assert {cell: count.right[cell] for cell in net.truth.cells} == published(net, advice.joint), seed
            assert oracle.encloses(count, net)


def test_some_cells_are_neither_empty_nor_full(oracle):
    """The comparison has something to compare: sets of good tokens of all kinds, and cells where they lose nothing."""
    kinds = {"none": 0, "some": 0, "all that is right": 0, "all": 0}
    for seed in range(12):
        net = leaning(oracle, seed)
        count = RULE.conclude([net.margin()], JOINT)
        for cell, (right, wrong) in net.truth.cells.items():
            kinds["none"] += not count.right[cell] and right > 1
            kinds["some"] += 0 < count.right[cell] < right
            kinds["all that is right"] += 1 < count.right[cell] == right and wrong > 0
            kinds["all"] += 1 < count.right[cell] == right + wrong
    assert min(kinds.values()) > 0, kinds


FLAVOURS = [
    "float16", "eighths", "denormal", "huge", "tiny", "twin outputs", "twin tokens", "uniform attention",
    "no unembedding", "nearly twin outputs", "cancelling paths",
]  # fmt: skip


@pytest.mark.parametrize("flavour", halved(FLAVOURS, 1))
def test_no_cell_counts_more_than_is_right(oracle, flavour):
    """Cell by cell at most the number of right sequences by enumeration, biases included; joint counts no less."""
    for seed in range(10):
        net = oracle.random_net(seed, flavour)
        joint, separate = (RULE.conclude([net.margin()], advice) for advice in BOTH)
        assert oracle.encloses(joint, net), seed
        assert all(separate.right[cell] <= joint.right[cell] for cell in net.truth.cells)
        assert not any(joint.wrong.values())


@pytest.mark.parametrize("advice", BOTH)
@pytest.mark.parametrize(("V", "K"), [(1, 1), (1, 3), (2, 1), (6, 1), (6, 2), (2, 9), (2, 6), (3, 5)])
def test_edge_sizes(oracle, advice, V, K):
    """One token, one position, and numbers of positions that are no power of two."""
    for seed in range(4):
        net = oracle.random_net(seed, "float16", V, K)
        count = RULE.conclude([net.margin()], advice)
        assert oracle.encloses(count, net)
        assert {cell: count.right[cell] for cell in net.truth.cells} == published(net, advice.joint)


def test_one_position_is_exact_with_joint_bounds(oracle):
    """With K = 1 there is nothing to separate: the count is the number of right sequences."""
    for seed in range(6):
        net = oracle.random_net(seed, "float16", 6, 1)
        assert oracle.is_exact(replace(RULE.conclude([net.margin()], JOINT), wrong=_wrong(net)), net)


def _wrong(net: Any) -> dict[tuple[int, int], int]:
    return {(q, m): net.truth.cells.get((q, m), (0, 0))[1] for m in range(net.V) for q in range(m + 1)}


@pytest.mark.parametrize("advice", BOTH)
def test_networks_that_deceive_the_averaging_rule(oracle, data, advice):
    """On the networks that the published averaging rule overstates the cubic count stays true."""
    for file in ("cell_v3_k3.npz", "total_v8_k4.npz"):
        net = oracle.stored(data / "unsound_averaging" / file)
        assert oracle.encloses(RULE.conclude([net.margin()], advice), net)


def test_ties_are_never_counted(oracle):
    """Without an unembedding every logit is equal, and nothing is right."""
    net = oracle.net(5, 3, 2, 2, W_E=[[t, -t] for t in range(5)], W_Q=[[1, 0], [0, 1]], W_K=[[1, 0], [0, 1]])
    assert RULE.conclude([net.margin()], JOINT).low == 0


@pytest.mark.parametrize(("extra", "where"), [(7, "sum of margins"), (9, "a weight times")])
def test_tables_that_might_overflow_are_refused(oracle, extra, where):
    """Should a grid ever be too fine, products and sums are refused before they are used."""
    margin = oracle.random_net(2, "eighths", 3, 3).margin()
    parts, exponent = margin.enclosure._parts
    finer = {
        name: LogitPart(IntervalTable(part.enclosure.lower << extra, part.enclosure.upper << extra), part.ids)
        for name, part in parts.items()
    }
    margin.enclosure.__dict__["_parts"] = finer, exponent - extra
    with pytest.raises(MagnitudeError, match=where):
        RULE.conclude([margin], SEPARATE)

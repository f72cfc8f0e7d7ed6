"""The worst ratio of a cell: its lemmas over fractions, its cells against enumeration, and counts made to lie."""

from __future__ import annotations

import itertools
import random
from dataclasses import replace
from fractions import Fraction
from math import comb
from typing import Any

import mpmath
import numpy as np
import pytest
from gap_cells import leaning, random_split
from shares import halved

from mechproof.engine.arithmetic.bounds import row_ranges
from mechproof.engine.arithmetic.dyadic import DyadicMatrix
from mechproof.engine.arithmetic.interval import IntervalTable
from mechproof.engine.errors import MagnitudeError
from mechproof.engine.formula import Num, Range, Table, Var
from mechproof.engine.oracle import examine, fails
from mechproof.engine.rule import NotEstablished
from mechproof.rewrites.rules import vertex_cells
from mechproof.rewrites.rules.cubic_cells import JOINT, CubicCells
from mechproof.rewrites.rules.margin_enclosure import LogitPart
from mechproof.rewrites.rules.row_split import TableItself
from mechproof.rewrites.rules.row_split_range import CommonRow, SplitRange
from mechproof.rewrites.rules.vertex_cells import RATIO, VERTEX, VertexCells

RULE = VertexCells()
RATIO_STATEMENT: Any = RATIO.statement
VERTEX_STATEMENT: Any = VERTEX.statement


def number(rng: random.Random) -> Fraction:
    return Fraction(rng.randint(-4, 4), rng.choice((1, 2)))


def ratios(rng: random.Random, least: int = 1) -> dict[str, Any]:
    """Sets of tokens, weights of at least ``least``, and γ a ratio of some choice as often as not."""
    K, V = rng.randint(1, 3), 3
    sets = [sorted(rng.sample(range(V), rng.randint(1, V))) for _ in range(K)]
    w = [[Fraction(rng.randint(least, 4)) for _ in range(V)] for _ in range(K)]
    v = [[number(rng) for _ in range(V)] for _ in range(K)]
    found = [
        sum(w[p][t] * v[p][t] for p, t in enumerate(choice)) / sum(w[p][t] for p, t in enumerate(choice))
        for choice in itertools.product(*sets)
        if sum(w[p][t] for p, t in enumerate(choice)) > 0
    ]
    gamma = rng.choice((max(found), rng.choice(found), number(rng)))
    return {"K": K, "T": sets.__getitem__, "w": Table(w), "v": Table(v), "\\gamma": gamma}


def boxes(rng: random.Random, ordered: bool = True, least: int = 1) -> dict[str, Any]:
    """Boxes of weights, and weights at their corners or just outside of them."""
    n = rng.randint(1, 3)
    values = [number(rng) for _ in range(n)]
    low = [Fraction(rng.randint(least, 4), 2) for _ in range(n)]
    high = [entry + Fraction(rng.randint(0, 4), 2) for entry in low]
    actual = [rng.choice(ends) for ends in zip(low, high, strict=True)]
    actual[rng.randrange(n)] += rng.choice((0, 0, 3))
    return {
        "n": n, "v": Table(sorted(values) if ordered else values), "l": Table(low), "u": Table(high), "w": Table(actual)
    }  # fmt: skip


def test_lemma_of_the_worst_ratio_holds_and_its_mutants_fail():
    """True of all instances, and each side needs the other's strictness."""
    rng = random.Random(1)
    report = examine(RATIO_STATEMENT, [ratios(rng) for _ in range(200)])
    assert report.passed and len([mutant for mutant in report.mutants if mutant.required]) == 2
    assert all(mutant.killed for mutant in report.mutants)


def test_lemma_of_the_vertices_holds_and_its_mutants_fail():
    """True of all instances, attained, false without the box, and by another extreme over the cuts."""
    rng = random.Random(2)
    report = examine(VERTEX_STATEMENT, [boxes(rng) for _ in range(300)])
    assert report.passed
    assert all(mutant.killed for mutant in report.mutants if mutant.required or "extreme" in mutant.change)


def test_mutants_with_a_cut_missing_or_a_hypothesis_dropped_are_false():
    """The first and the last cut are needed, and so are the order of the values and positive weights."""
    rng = random.Random(3)
    instances = [boxes(rng) for _ in range(400)]
    extreme = VERTEX_STATEMENT.right.right
    for low, high, size in ((Num(2), Var("n"), 3), (Num(0), Var("n") - Num(1), 2)):
        some = replace(extreme, domain=Range(low, high))
        kept = [env for env in instances if env["n"] >= size]
        assert fails(replace(VERTEX_STATEMENT, right=replace(VERTEX_STATEMENT.right, right=some)), kept)
    exchanged = [env | {"l": env["u"], "u": env["l"]} for env in instances]
    assert fails(VERTEX_STATEMENT.right, exchanged)
    assert fails(VERTEX_STATEMENT, [boxes(rng, ordered=False) for _ in range(300)])
    assert fails(VERTEX_STATEMENT, [env for env in (boxes(rng, least=-3) for _ in range(300)) if _defined(env)])
    assert fails(RATIO_STATEMENT, [{"K": 1, "T": lambda p: [0], "w": Table([[-1]]), "v": Table([[2]]), "\\gamma": 1}])


def _defined(env: dict[str, Any]) -> bool:
    """Whether no denominator of the statement vanishes."""
    n, low, high, actual = (env[name] if name == "n" else env[name].rows for name in ("n", "l", "u", "w"))
    return all(sum(low[:s]) + sum(high[s:]) for s in range(n)) and sum(actual) != 0


def exact(net: Any) -> list[Any]:
    margin = net.margin()
    return [TableItself().conclude([margin.paths], "EQKE"), margin]


def by_definition(net: Any, split: Any) -> dict[tuple[int, int], int]:
    """The count with softmax weights: every placement, every vertex of the boxes, the gaps themselves, to 50 digits."""
    margin = net.margin()
    tables = {name: margin.paths.tables[name].fractions() for name in ("UU", "EVOU", "PVOU", "EQKP")}
    scores, bounds = split.approximation.fractions(), split.bounds.fractions()
    free, count = net.K - 1, {}

    def real(value: Fraction) -> Any:
        return mpmath.mpf(value.numerator) / value.denominator

    def value(q: int, t: int, x: int, m: int) -> Any:
        places = [row[x] - row[m] for row in tables["PVOU"]]
        free_part = max(places[:-1], default=places[-1])
        return tuple(
            real(tables["UU"][q][x] - tables["UU"][q][m] + tables["EVOU"][t][x] - tables["EVOU"][t][m] + place)
            for place in (free_part, places[-1])
        )

    with mpmath.workdps(50):
        root = mpmath.sqrt(net.h)
        for q, m in net.truth.cells:
            b = [mpmath.exp(real(entry) / root) for entry in tables["EQKP"][q]]

            def ends(t: int, q: int = q, m: int = m) -> list[Any]:
                noise = bounds[q][0] if t != m else 0
                return [mpmath.exp(real(scores[q][t] + sign * noise) / root) for sign in (-1, 1)]

            def negative(k: int, c: int, q: int = q, m: int = m, b: Any = b, ends: Any = ends) -> bool:
                for placed in itertools.combinations(range(free), c):
                    for e, own in itertools.product(ends(k), ends(q)):
                        weights = [b[p] * (e if p in placed else ends(m)[0]) for p in range(free)] + [b[-1] * own]
                        for x in (x for x in range(net.V) if x != m):
                            values = [value(q, k if p in placed else m, x, m)[0] for p in range(free)]
                            values.append(value(q, q, x, m)[1])
                            if mpmath.fdot(zip(weights, values, strict=True)) / mpmath.fsum(weights) >= 0:
                                return False
                return True

            count[q, m] = int(negative(m, 0))
            for c in range(1, free + 1 if q == m else free):
                count[q, m] += comb(free, c) * sum(negative(k, c) for k in range(m)) ** c
    return count


def test_cells_are_those_of_the_definition(oracle):
    """Each cell counts what all placements and all vertices of the boxes count, with and without noise."""
    rng = random.Random(4)
    for seed in range(5):
        for net in (leaning(oracle, seed, 4, 3), oracle.random_net(seed, "float16", 3, 3)):
            margin = net.margin()
            for split in (exact(net)[0], random_split(rng, margin.paths)):
                count = RULE.conclude([split, margin], None)
                assert {cell: count.right[cell] for cell in net.truth.cells} == by_definition(net, split), seed


FLAVOURS = [
    "float16", "eighths", "denormal", "huge", "tiny", "twin outputs", "twin tokens", "uniform attention",
    "no unembedding", "nearly twin outputs", "cancelling paths",
]  # fmt: skip


@pytest.mark.parametrize("flavour", halved(FLAVOURS))
def test_no_cell_counts_more_than_is_right(oracle, flavour):
    """Cell by cell at most the number of right sequences by enumeration; noise only lowers a count."""
    rng = random.Random(5)
    for seed in range(6):
        net = oracle.random_net(seed, flavour)
        whole = RULE.conclude(exact(net), None)
        assert oracle.encloses(whole, net)
        noisy = RULE.conclude([random_split(rng, net.margin().paths), net.margin()], None)
        assert oracle.encloses(noisy, net)
        cubic = CubicCells().conclude([net.margin()], JOINT)
        assert all(cubic.right[cell] <= whole.right[cell] for cell in net.truth.cells), seed


@pytest.mark.parametrize(("V", "K"), [(1, 1), (1, 3), (2, 1), (6, 1), (6, 2), (2, 7), (3, 5)])
def test_edge_sizes(oracle, V, K):
    """One token, one position, and numbers of positions that are no power of two."""
    for seed in range(3):
        net = oracle.random_net(seed, "float16", V, K)
        assert oracle.encloses(RULE.conclude(exact(net), None), net)


def test_more_than_the_cubic_count(oracle):
    """With one output in all three terms some cells gain, and some become exact that were not."""
    gained = closed = 0
    for seed in range(12):
        net = leaning(oracle, seed)
        ours = RULE.conclude(exact(net), None)
        cubic = CubicCells().conclude([net.margin()], JOINT)
        for cell, (right, _) in net.truth.cells.items():
            gained += cubic.right[cell] < ours.right[cell]
            closed += cubic.right[cell] < ours.right[cell] == right
    assert gained > closed > 0


@pytest.mark.parametrize("places", [8, 23])
def test_tight_to_one_unit(oracle, places):
    """A sequence is counted with a gap of minus one unit of its logits, and not with one of zero or plus one."""
    found = []
    for offset in (-1, 0, 1):
        net = oracle.net(
            2, 2, 2, 1, W_E=[[1, 0], [0, 1]], W_V=[[1], [2]], W_O=[[1, 0]], W_U=[[1, 0], [0, 0]],
            b_U=[[Fraction(offset, 1 << places) - 2, 0]],
        )  # fmt: skip
        found.append(RULE.conclude(exact(net), None).right)
        assert oracle.encloses(RULE.conclude(exact(net), None), net)
    assert [right[1, 1] for right in found] == [2, 1, 1]


def test_networks_that_deceive_the_averaging_rule(oracle, data):
    """On the networks that the published averaging rule overstates the count stays true."""
    for file in ("cell_v3_k3.npz", "total_v8_k4.npz"):
        net = oracle.stored(data / "unsound_averaging" / file)
        assert oracle.encloses(RULE.conclude(exact(net), None), net)


# What a wrong count would look like, and that the enumeration above would notice.


def lies(oracle: Any) -> int:
    """On how many networks, noise included, the rule counts too much."""
    rng, found = random.Random(6), 0
    for seed in range(12):
        net = oracle.random_net(seed, "float16", 4, 3)
        split = random_split(rng, net.margin().paths)
        found += not oracle.encloses(RULE.conclude([split, net.margin()], None), net)
        found += not oracle.encloses(RULE.conclude(exact(net), None), net)
    return found


def test_mutant_with_weights_at_their_lower_end_is_noticed(oracle, monkeypatch):
    """With a table below the scores and noise that reaches them, the upper ends are what is true."""
    assert not lies(oracle)
    found, ends = 0, vertex_cells.SplitEnclosure.ends.func
    for seed in range(20):
        net = oracle.random_net(seed, "float16", 4, 3)
        split, margin = exact(net)
        rest = DyadicMatrix.from_integers(4, 4, [8 * (i != j) for i in range(4) for j in range(4)], 0)
        bounds = DyadicMatrix.ones(4, 1) + row_ranges(rest)
        low = replace(split, approximation=split.approximation - rest, bounds=bounds)
        assert oracle.encloses(RULE.conclude([low, margin], None), net)
        with monkeypatch.context() as patch:
            patch.setattr(vertex_cells.SplitEnclosure, "ends", property(lambda self: (ends(self)[0],) * 2))
            found += not oracle.encloses(RULE.conclude([low, margin], None), net)
    assert found > 0


def test_mutant_with_the_extremes_exchanged_is_noticed(oracle, monkeypatch):
    """The least product in place of the largest counts wrong sequences."""
    monkeypatch.setattr(
        vertex_cells, "largest_product",
        lambda weight, value: weight.lower * np.maximum(value, 0) + weight.upper * np.minimum(value, 0) - (1 << 40),
    )  # fmt: skip
    assert lies(oracle)


def test_mutant_without_the_query_or_with_the_sequence_of_one_token_for_all_is_noticed(oracle, monkeypatch):
    """Every part of a cell's values is needed."""
    values = vertex_cells._Values.of
    for part in ("maximum", "query", "other"):

        def without(enclosure: Any, m: int, part: str = part) -> Any:
            made = values(enclosure, m)
            return replace(made, **{part: getattr(made, part) * 0 - (1 << 20)})

        monkeypatch.setattr(vertex_cells._Values, "of", staticmethod(without))
        assert lies(oracle), part
    monkeypatch.undo()


def test_splits_of_something_else_are_refused(oracle):
    """Another table, another network, a common row in place of a table, bounds of another shape."""
    net, other = (oracle.random_net(seed, "eighths", 4, 3) for seed in (0, 1))
    split, margin = exact(net)
    for wrong in (TableItself().conclude([margin.paths], "UU"), exact(other)[0]):
        with pytest.raises(NotEstablished, match="not of EQKE of the same network"):
            RULE.conclude([wrong, margin], None)
    for wrong in (
        SplitRange().conclude([margin.paths], CommonRow("EQKE", None, "rows")),
        replace(split, bounds=DyadicMatrix.zero(4, 4)),
    ):
        with pytest.raises(NotEstablished, match="a whole table and one bound a row"):
            RULE.conclude([wrong, margin], None)


def test_tables_that_might_overflow_are_refused(oracle):
    """Should a grid ever be too fine, sums are refused before they are used."""
    split, margin = exact(oracle.random_net(2, "eighths", 3, 3))
    enclosure = vertex_cells.SplitEnclosure(margin.paths, split)
    parts, exponent = enclosure._parts
    finer = {
        name: LogitPart(IntervalTable(part.enclosure.lower << 6, part.enclosure.upper << 6), part.ids)
        for name, part in parts.items()
    }
    enclosure.__dict__["_parts"] = finer, exponent - 6
    with pytest.raises(MagnitudeError, match="sum of margins"):
        vertex_cells._Values.of(enclosure, 1)

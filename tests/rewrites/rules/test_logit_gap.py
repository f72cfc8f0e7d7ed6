"""Logit gaps: the lemmas over fractions, the rule against its theorem in fractions, against every sequence, and the
published rule, which is not sound."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from gap_cells import (
    Cell,
    cells,
    common_row,
    leaning,
    noisy,
    random_reach,
    random_split,
    tabled,
    treated,
    wrongly_certified,
)
from shares import halved

from mechproof.engine.arithmetic.dyadic import DyadicMatrix
from mechproof.engine.formula import Table
from mechproof.engine.oracle import examine, fails
from mechproof.engine.rule import NotEstablished
from mechproof.rewrites.rules import logit_gap
from mechproof.rewrites.rules.attention_range import AttentionRange, AttentionRangeRule, Reach
from mechproof.rewrites.rules.logit_gap import (
    ANCHOR,
    CHORD,
    ENDS,
    ONE,
    OTHERS,
    Anchors,
    LogitGap,
    LogitGapRule,
)
from mechproof.rewrites.rules.row_split import RowSplit, TableItself
from mechproof.rewrites.rules.row_split_range import CommonRow, SplitRange

RULE = LogitGapRule()
LEMMAS = {lemma.label: lemma for lemma in (ENDS, ANCHOR, CHORD, OTHERS)}


def number(rng: random.Random) -> Fraction:
    return Fraction(rng.randint(-4, 4), rng.choice((1, 2)))


def instance(rng: random.Random) -> dict[str, Any]:
    """Affine functions, three points in any order with a < d, and weights that are mostly not negative."""
    n = rng.randint(1, 3)
    a = number(rng)
    w = number(rng)
    tables = {
        "b": [number(rng) for _ in range(n)],
        "r": [number(rng) for _ in range(n)],
        "\\beta": [Fraction(rng.choice((0, 1, 1, 2, -1)), 2) for _ in range(n)],
        "v": [w - rng.choice((0, 0, 1, 1, -1)) for _ in range(n)],
    }
    points = {"u": number(rng), "v": number(rng)} if rng.random() < 0.5 else {}
    numbers = {"n": n, "w": w, "a": a, "d": a + rng.randint(1, 3), "\\alpha": number(rng), "u": number(rng)}
    return numbers | {name: Table(rows) for name, rows in tables.items()} | points


def instances(label: str, count: int = 400) -> list[dict[str, Any]]:
    rng = random.Random(label)
    found = [instance(rng) for _ in range(count)]
    if label == ENDS.label:
        return [env | {"v": number(rng)} for env in found]
    return [env | {"v": env["v"] if isinstance(env["v"], Table) else Table([env["w"]] * 3)} for env in found]


@pytest.mark.parametrize("label", LEMMAS)
def test_lemma_holds_is_attained_and_its_mutants_fail(label):
    """True of all instances, attained on one; turned round or without its premise it is false of one."""
    statement: Any = LEMMAS[label].statement
    report = examine(statement, instances(label))
    assert report.holds, report.counterexample
    assert report.passed
    required = {ENDS.label: 3, ANCHOR.label: 4, CHORD.label: 2, OTHERS.label: 2}
    assert len([mutant for mutant in report.mutants if mutant.required]) == required[label]


def test_mutant_with_the_published_slope_is_false():
    """The largest slope on both sides of the anchor, which is what was published, is refuted; so is the least."""
    statement: Any = ANCHOR.statement
    above, below = statement.left, statement.right
    assert fails(replace(below, right=above.right), instances(ANCHOR.label))
    assert fails(replace(above, right=below.right), instances(ANCHOR.label))


def test_mutants_of_the_ends_and_the_chord_are_false():
    """One end is not enough, nor is half of the premise that the attention lies between them."""
    statement: Any = ENDS.statement
    for end in (statement.right.left, statement.right.right):
        assert fails(replace(statement, right=end), instances(ENDS.label))
    for lemma in (ENDS, CHORD):
        whole: Any = lemma.statement
        for half in (whole.left.left, whole.left.right):
            assert fails(replace(whole, left=half), instances(lemma.label))


def test_mutants_without_half_a_premise_of_the_others_are_false():
    """Weights must not be negative, and values must be bounded."""
    statement: Any = OTHERS.statement
    for half in (statement.left.body.left, statement.left.body.right):
        assert fails(replace(statement, left=replace(statement.left, body=half)), instances(OTHERS.label))


# The rule against its theorem, in fractions.


def premises(net: Any, rng: random.Random, reach: Reach | None = None) -> list[Any]:
    """Ranges for a random reach, and splits of UU and EVOU, at random with or without noise."""
    margin = net.margin()
    paths = margin.paths
    exact = {name: TableItself().conclude([paths], name) for name in ("EQKE", "EVOU")}
    chosen = {name: rng.choice((split, random_split(rng, paths, name))) for name, split in exact.items()}
    ranges = AttentionRangeRule().conclude([paths, chosen["EQKE"]], reach or random_reach(rng, net.V, net.K))
    return [ranges, common_row(rng, paths), chosen["EVOU"], margin]


def some_anchors(rng: random.Random, net: Any) -> Anchors:
    """Any advice: a chord, anchors anywhere, both, and the weaker w."""
    anchors = np.array([[rng.choice((0, ONE, rng.randint(0, ONE))) for _ in range(net.K)] for _ in range(net.V)])
    chord = rng.random() < 0.5
    flags = {name: rng.random() < 0.3 for name in ("spread", "shared")}
    return Anchors(chord, None if chord and rng.random() < 0.5 else anchors, rng.random() < 0.5, **flags)


def bounds(premises: list[Any], advice: Anchors) -> dict[Cell, Fraction]:
    """The theorem's bound of every treated cell, exactly."""
    ranges, direct, tokens, margin = premises
    table, noise, common = (m.fractions() for m in (tokens.approximation, tokens.bounds, direct.approximation))
    positions, g = margin.paths.tables["PVOU"].fractions(), direct.bounds.fractions()
    V, found = len(table), {}
    for (q, m, c), reach in treated(ranges.reach):
        outputs = [x for x in range(V) if x != m]
        b = {x: common[0][x] - common[0][m] + max(row[x] - row[m] for row in positions) for x in outputs}
        high = {x: table[m][x] - table[m][m] + noise[m][0] for x in outputs}
        least = min(high.values()) - 2 * noise[m][0]
        widest = int(ranges.reach.table[:, m, c].max()) if advice.shared else reach
        others = [max(table[k]) - min(table[k]) if advice.spread else max(table[k][x] - table[k][m] for x in outputs)
                  for k in range(widest + 1)]  # fmt: skip
        w = max(entry + noise[k][0] for k, entry in enumerate(others))

        def f(at: Fraction, b=b, high=high) -> Fraction:
            return max(b[x] + at * high[x] for x in b)

        worst = []
        for end in (ranges.low, ranges.high):
            alpha, ways = Fraction(int(end[q, m, c]), ONE), []
            if advice.chord:
                left = min(int(alpha * 16), 15)
                start, stop = f(Fraction(left, 16)), f(Fraction(left + 1, 16))
                ways.append(start + (stop - start) * (alpha * 16 - left))
            if advice.anchors is not None:
                anchor = Fraction(int(advice.anchors[m, c]), ONE)
                slope = max(high.values()) if alpha >= anchor else least
                ways.append(f(anchor) + (alpha - anchor) * slope)
            worst.append(min(ways) + (1 - alpha) * w)
        found[q, m, c] = max(worst) + g[q][m % len(g[q])]
    return found


def size(premises: list[Any]) -> Fraction:
    """The largest part of a gap: what the grid of logits is a fraction of."""
    _, direct, tokens, margin = premises
    rows = [*tokens.approximation.fractions(), *margin.paths.tables["PVOU"].fractions(),
            *direct.approximation.fractions()]  # fmt: skip
    noises = [*tokens.bounds.fractions(), *direct.bounds.fractions()]
    return max(max(max(row) - min(row) for row in rows), max(max(row) for row in noises))


def network(oracle: Any, flavour: str, seed: int) -> Any:
    V, K = 2 + seed % 4, 2 + seed % 2
    if flavour == "leaning":
        return leaning(oracle, seed)
    if flavour == "noisy":
        return noisy(oracle, random.Random(seed), V, K)
    return oracle.random_net(seed, flavour, V, K)


FLAVOURS = [
    "leaning", "noisy", "float16", "eighths", "huge", "tiny", "denormal", "twin outputs", "no unembedding",
    "uniform attention",
]  # fmt: skip


@pytest.mark.parametrize("flavour", halved(FLAVOURS, 1))
def test_the_rule_is_its_theorem(oracle, flavour):
    """A cell is certified if its exact bound is negative beyond the rounding, and only if it is negative."""
    rng, certified = random.Random(flavour), 0
    for seed in range(12):
        net = network(oracle, flavour, seed)
        given, advice = premises(net, rng), some_anchors(rng, net)
        claim = RULE.conclude(given, advice)
        rounding = size(given) / 2**18
        for cell, bound in bounds(given, advice).items():
            assert bound < 0 if claim.certified[cell] else bound >= -rounding
            certified += bool(claim.certified[cell])
        untreated = claim.certified & (claim.attention.reach.table < 0)
        assert {(q, c) for q, m, c in np.argwhere(untreated).tolist() if q == m} <= {(m, 0) for m in range(net.V)}
        assert not untreated[:, :, 1:].any()
    assert certified > 0 or flavour not in ("leaning", "noisy", "eighths")


@pytest.mark.parametrize("flavour", halved([*FLAVOURS, "cancelling paths", "nearly twin outputs"]))
def test_certified_cells_hold_only_right_sequences(oracle, flavour):
    """Any reach, any splits, any anchors: every sequence of a certified cell is right, by enumeration."""
    rng = random.Random(flavour)
    for seed in range(10):
        net = network(oracle, flavour, seed)
        for _ in range(2):
            claim = RULE.conclude(premises(net, rng), some_anchors(rng, net))
            assert not wrongly_certified(claim, net), seed


def test_numbers_at_the_edge_of_the_grid(oracle):
    """Parts of exactly 24 bits and one more, all signs alike or mixed: products in 64 bits are those in fractions."""
    rng = random.Random(7)
    for extreme in ((1 << 24) - 1, 1 << 24, (1 << 24) + 1, (1 << 25) - 1):
        for _ in range(6):
            base = leaning(oracle, 0, 3, 3)
            given = premises(base, rng)
            paths = given[3].paths

            def table(rows: int, columns: int, extreme=extreme) -> DyadicMatrix:
                entries = [rng.choice((extreme, -extreme, 0)) for _ in range(rows * columns)]
                return DyadicMatrix.from_integers(rows, columns, entries, -20)

            bound = DyadicMatrix.from_integers(3, 1, [rng.choice((0, extreme)) for _ in range(3)], -20)
            given[1] = RowSplit(paths.statement, "UU", table(1, 3), bound)
            given[2] = RowSplit(paths.statement, "EVOU", table(3, 3), bound)
            given[3] = replace(given[3], paths=replace(paths, tables=dict(paths.tables) | {"PVOU": table(3, 3)}))
            advice = some_anchors(rng, base)
            claim = RULE.conclude(given, advice)
            for cell, bound in bounds(given, advice).items():
                assert bound < 0 if claim.certified[cell] else bound >= -size(given) / 2**18


@pytest.mark.parametrize(("V", "K"), [(1, 1), (1, 3), (2, 1), (5, 1), (2, 9), (2, 6), (3, 5)])
def test_edge_sizes(oracle, V, K):
    """One token, one position, and numbers of positions that are no power of two."""
    rng = random.Random(8)
    for seed in range(4):
        net = oracle.random_net(seed, "float16", V, K)
        claim = RULE.conclude(premises(net, rng), some_anchors(rng, net))
        assert not wrongly_certified(claim, net)
        assert claim.certified[:, :, 0].any() or V > 1


def test_one_token_throughout(oracle):
    """Exactly those that are right by their exact logits when a single position decides; never more by splits."""
    rng = random.Random(9)
    for seed in range(10):
        net = oracle.random_net(seed, "float16", 5, 1)
        given = premises(net, rng)
        exact, split = (RULE.conclude(given, Anchors(single=single)).certified[:, :, 0] for single in (True, False))
        assert np.argwhere(exact).tolist() == [[m, m] for m in range(5) if (m,) not in net.truth.wrong]
        assert (split <= exact).all()


def test_ties_are_never_certified(oracle):
    """Without an unembedding every gap is zero, and nothing is right."""
    net = oracle.net(4, 3, 2, 2, W_E=[[t, -t] for t in range(4)], W_Q=[[1, 0], [0, 1]], W_K=[[1, 0], [0, 1]])
    rng = random.Random(10)
    for single in (True, False):
        assert not RULE.conclude(premises(net, rng), Anchors(single=single)).certified.any()


# The published rule, and other mutants: the enumeration above would notice them.


def published(base: np.ndarray, lower: np.ndarray, upper: np.ndarray, alpha: np.ndarray, anchors: np.ndarray):
    """The bound from an anchor with the largest slope on both sides, as published; not sound below the anchor."""
    at = np.array([int((base * ONE + a * upper).max()) for a in anchors.tolist()], dtype=np.int64)
    return at + (alpha - anchors) * int(upper.max())


def whole(net: Any) -> Reach:
    """Every cell with its largest reach."""
    table = np.full((net.V, net.V, net.K), -1, dtype=np.int64)
    for q, m, c in cells(net.V, net.K):
        table[q, m, c] = m - 1
    return Reach(table)


def from_the_mean(ranges: AttentionRange) -> Anchors:
    """The published anchor: the mean over queries of the low end."""
    treat = ranges.reach.table >= 0
    totals = np.where(treat, ranges.low, 0).sum(axis=0)
    return Anchors(chord=False, anchors=totals // np.maximum(treat.sum(axis=0), 1))


def exact_premises(net: Any) -> list[Any]:
    """Exact splits, the direct path around its row for query 0."""
    margin = net.margin()
    paths = margin.paths
    ranges = AttentionRangeRule().conclude([paths, TableItself().conclude([paths], "EQKE")], whole(net))
    direct = SplitRange().conclude([paths], CommonRow("UU", paths.tables["UU"].row(0), "pairs"))
    return [ranges, direct, TableItself().conclude([paths], "EVOU"), margin]


def test_mutant_with_the_published_rule_certifies_wrong_sequences(oracle, data, monkeypatch):
    """On the counter-example it certifies a cell whose four sequences are all wrong; the repaired rule does not."""
    net = oracle.stored(data / "unsound_averaging/cell_v3_k3.npz")
    given = exact_premises(net)
    advice = from_the_mean(given[0])
    sound = RULE.conclude(given, advice)
    assert not wrongly_certified(sound, net) and not sound.certified[0, 2, 2]
    monkeypatch.setattr(logit_gap, "_anchored", published)
    unsound = RULE.conclude(given, advice)
    assert unsound.certified[0, 2, 2]
    assert set(wrongly_certified(unsound, net)) >= {(0, 2, 0), (1, 2, 0), (2, 0, 0), (2, 1, 0)}
    assert sum(unsound.counts(1).values()) > net.truth.right


def test_mutant_with_the_published_rule_overstates_the_total(oracle, data, monkeypatch):
    """On the larger counter-example the published rule's count exceeds the 513 right sequences."""
    net = oracle.stored(data / "unsound_averaging/total_v8_k4.npz")
    given = exact_premises(net)
    advice = from_the_mean(given[0])
    assert sum(RULE.conclude(given, advice).counts(1).values()) <= 513
    monkeypatch.setattr(logit_gap, "_anchored", published)
    assert sum(RULE.conclude(given, advice).counts(0).values()) > 513


Change = Callable[[list[Any], Any], list[Any]]


def _one_end(name: str) -> Change:
    def change(given: list[Any], patch: Any) -> list[Any]:
        end = getattr(given[0], name)
        return [replace(given[0], low=end, high=end), *given[1:]]

    return change


def _noiseless(place: int) -> Change:
    def change(given: list[Any], patch: Any) -> list[Any]:
        split = replace(given[place], bounds=DyadicMatrix.zero(*given[place].bounds.shape))
        return [*given[:place], split, *given[place + 1 :]]

    return change


def _part(name: str, changed: Callable[[Any], Any]) -> Change:
    def change(given: list[Any], patch: Any) -> list[Any]:
        method = getattr(logit_gap.LogitTables, name)
        patch.setattr(logit_gap.LogitTables, name, lambda *args, **kwargs: changed(method(*args, **kwargs)))
        return given

    return change


# What is left out, path tables on which that matters, and a wrong sequence that is then certified.
UNEVEN = [[4, -4, 0], [4, -4, 0]]
MUTANTS: dict[str, tuple[Change, dict[str, Any], tuple[int, ...]]] = {
    "only the low end": (_one_end("low"), {"EQKP": UNEVEN, "EVOU": [[0, 5], [1, 0]]}, (1, 0, 0)),
    "only the high end": (_one_end("high"), {"EQKP": UNEVEN, "EVOU": [[1, 0], [0, 5]]}, (0, 1, 0)),
    "no noise of the direct path": (_noiseless(1), {"UU": [[9, 0], [9, 0]], "EVOU": [[3, 0], [0, 3]]}, (1, 0, 1)),
    "no noise of EVOU": (_noiseless(2), {}, (0, 1, 1)),
    "one other token less": (
        _part("others", lambda w: np.concatenate([w[:1], w[:-1]])),
        {"EVOU": [[0, 0, 5], [9, 0, 0], [0, 0, 5]]},
        (1, 1, 2),
    ),
    "no other tokens": (_part("others", np.zeros_like), {"EVOU": [[9, 0], [0, 5]]}, (0, 0, 1)),
    "no positions": (_part("base", np.zeros_like), {"PVOU": [[9, 0]] * 3, "EVOU": [[3, 0], [0, 3]]}, (1, 0, 1)),
}


@pytest.mark.parametrize("mutant", MUTANTS)
def test_mutants_of_the_rule_certify_wrong_sequences(oracle, monkeypatch, mutant):
    """Each part of the bound is needed: without it a wrong sequence is certified, and with it none is."""
    change, tables, tokens = MUTANTS[mutant]
    V = len(tables.get("EVOU", [[0, 0]])[0])
    net = tabled(oracle, V, 3, **tables)
    given = exact_premises(net)
    paths = given[3].paths
    given[1] = SplitRange().conclude([paths], CommonRow("UU", None, "pairs"))
    if mutant == "no noise of EVOU":
        good = DyadicMatrix.from_integers(2, 2, [8, 0, 0, 8], 0)
        given[2] = RowSplit(paths.statement, "EVOU", good, DyadicMatrix.from_integers(2, 1, [8, 8], 0))
    assert tokens in net.truth.wrong
    assert not wrongly_certified(RULE.conclude(given, Anchors()), net)
    assert tokens in wrongly_certified(RULE.conclude(change(given, monkeypatch), Anchors()), net)


def test_weaker_parts_are_weaker(oracle):
    """Row differences for w, and one w for all queries, certify no more and at times less."""
    rng = random.Random(12)
    ways = {"spread": Anchors(spread=True), "shared": Anchors(shared=True)}
    lost = dict.fromkeys(ways, 0)
    for seed in range(20):
        net = noisy(oracle, random.Random(seed), 4, 3)
        given = premises(net, rng)
        best = RULE.conclude(given, Anchors()).certified
        for name in lost:
            weaker = RULE.conclude(given, ways[name]).certified
            assert (weaker <= best).all()
            lost[name] += int((weaker != best).sum())
    assert min(lost.values()) > 0


# Refusals.


@pytest.mark.parametrize(
    "anchors",
    [
        np.zeros((3, 4), dtype=np.int64),
        np.zeros((12,), dtype=np.int64),
        np.zeros((4, 3)),
        np.full((4, 3), np.nan),
        np.zeros((4, 3), dtype=np.uint64),
        np.zeros((4, 3), dtype=np.int32),
        np.zeros((4, 3), dtype=object),
        np.full((4, 3), -1, dtype=np.int64),
        np.full((4, 3), ONE + 1, dtype=np.int64),
        np.full((4, 3), 1 << 62, dtype=np.int64),
    ],
    ids=lambda anchors: f"{anchors.shape} {anchors.dtype} {anchors.flat[0]}",
)
def test_anchors_that_are_no_attentions_are_refused(oracle, anchors):
    """The rule's own refusal, before any number is used."""
    given = premises(oracle.random_net(0, "eighths", 4, 3), random.Random(0))
    for chord in (True, False):
        with pytest.raises(NotEstablished, match="one number between 0 and 1"):
            RULE.conclude(given, Anchors(chord=chord, anchors=anchors))


def test_neither_chord_nor_anchor_is_refused(oracle):
    """Something has to bound the gap."""
    given = premises(oracle.random_net(0, "eighths", 4, 3), random.Random(0))
    with pytest.raises(NotEstablished, match="neither a chord nor an anchor"):
        RULE.conclude(given, Anchors(chord=False))


def test_premises_that_do_not_belong_together_are_refused(oracle):
    """Splits of other tables or networks, a direct path without a common row, EVOU's with one or with other bounds."""
    net, other = (oracle.random_net(seed, "eighths", 4, 3) for seed in (0, 1))
    given, foreign = (exact_premises(each) for each in (net, other))
    paths = given[3].paths
    for place in range(4):
        mixed = [*given[:place], foreign[place], *given[place + 1 :]]
        with pytest.raises(NotEstablished, match="of one network"):
            RULE.conclude(mixed, Anchors())
    with pytest.raises(NotEstablished, match="of one network"):
        RULE.conclude([given[0], given[2], given[1], given[3]], Anchors())
    for place, split in (
        (1, TableItself().conclude([paths], "UU")),
        (2, SplitRange().conclude([paths], CommonRow("EVOU", None, "rows"))),
        (2, replace(given[2], bounds=DyadicMatrix.zero(4, 4))),
    ):
        wrong = [*given[:place], split, *given[place + 1 :]]
        with pytest.raises(NotEstablished, match="needs a common row"):
            RULE.conclude(wrong, Anchors())


def test_the_certificate_form(oracle):
    """Certified cells as one integer with cell (0, 0, 0) highest, and as sets of sequences."""
    claim: LogitGap = RULE.conclude(exact_premises(oracle.random_net(0, "eighths", 2, 2)), Anchors())
    certified = np.zeros((2, 2, 2), dtype=np.bool_)
    certified[0, 0, 0] = certified[1, 1, 1] = True
    chosen = replace(claim, certified=certified)
    assert chosen.conclusion() == {"kind": "logit_gap", "certified": "0x81"}
    assert chosen.sets().sets == {(0, 0, 0): 1, (1, 1, 1): 1}
    assert chosen.sentence().startswith("For 2 of the")
    assert chosen.looseness == 4 - 2

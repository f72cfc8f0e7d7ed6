"""Forms and their tests: tables enclose what 60 digits say, and pitfalls of sets of inputs."""

from __future__ import annotations

import itertools
from fractions import Fraction
from pathlib import Path
from typing import Any

import mpmath
import numpy as np
import pytest
from box_networks import KINDS, layers, statement
from layered_network import Draw, logits

from mechproof.engine.box import Product
from mechproof.engine.form import ProductTables, slope
from mechproof.rewrites.boxes.answers import ReadPosition
from mechproof.rewrites.boxes.bounds import CODE_BITS, Bounds, Units
from mechproof.rewrites.boxes.tree import State, arrays, facts_of
from mechproof.rewrites.rules.box_rule import form_at

UNITS = Units(12, 20, 10)


def single(tokens: tuple[int, ...]) -> Product:
    return Product(tuple(1 << t for t in tokens))


class Case:
    """A network with its form, and tests of sets about one query token."""

    def __init__(self, net: Any, folder: Path, tokens: int) -> None:
        self.net, self.tokens = net, tokens
        self.known = statement(net, "max-of-k", folder)
        self.read = ReadPosition(self.known.network, self.known.task, 0)
        self.form = form_at(self.known, 0)

    def holds(
        self, node: Product, pairs: list[tuple[int, int]], *, strictly: bool = True, above: int = 0, wide: int = 4
    ) -> list[bool]:
        """Whether winner > loser is shown on the set for each pair, with wide bounds of everything else."""
        units = Units(UNITS.z, UNITS.gamma, UNITS.slope, above)
        heads = self.form.heads
        hidden = 0 if self.form.hidden is None else self.form.hidden.out.values.shape[0]
        ends = np.full((heads, hidden), 60 << UNITS.z) * wide // 4
        ratios = np.array([[-30 << CODE_BITS, 30 << CODE_BITS]] * (heads - 1)).reshape(heads - 1, 2)
        state = State(node, None, -ends, ends, np.full(hidden, 300), ratios)
        n = len(pairs)
        sets, facts = arrays(self.read, [node]), facts_of(self.read, self.form, [state])
        winner, loser = (np.array([side]) for side in zip(*pairs, strict=True))
        pieces = [(facts.ratios, np.zeros((1, n, heads - 1), dtype=np.int64))]
        bounds = Bounds(self.form, units)
        return bounds.margins_hold(sets, facts, winner, loser, pieces, strictly=strictly)[0].tolist()


@pytest.mark.parametrize("kind", ["one head", "layernorm"])
def test_single_inputs_are_decided_by_their_margins(kind, tmp_path):
    """Of one input with one head and no MLP nothing is relaxed but σ: what is shown is true; without a norm, all."""
    case = Case(layers(kind, 3, 4, 3), tmp_path, 4)
    shown = true = 0
    for tokens in itertools.product(range(4), repeat=3):
        with mpmath.workdps(40):
            row = logits(case.net, tokens)[-1]
        pairs = [(y, x) for y in range(4) for x in range(4) if y != x]
        for (y, x), held in zip(pairs, case.holds(single(tokens), pairs), strict=True):
            assert not held or row[y] > row[x]
            shown += held
            true += row[y] > row[x]
    assert shown == true if kind == "one head" else shown > 0


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_false_is_shown_on_random_sets(kind, tmp_path):
    """Random products, every pair of outputs, both senses: whatever is shown holds on every input of the set."""
    case = Case(layers(kind, 5, 4, 3), tmp_path, 4)
    rng = np.random.default_rng(2)
    known: dict[tuple[int, ...], Any] = {}
    shown = 0
    pairs = [(y, x) for y in range(4) for x in range(4) if y != x]
    for _ in range(12):
        query = int(rng.integers(4))
        node = Product((*(int(rng.integers(1, 16)) for _ in range(2)), 1 << query))
        inputs = list(itertools.product(*([t for t in range(4) if bits >> t & 1] for bits in node.sets)))
        for tokens in inputs:
            if tokens not in known:
                with mpmath.workdps(30):
                    known[tokens] = logits(case.net, tokens)[-1]
        for strictly in (True, False):
            for (y, x), held in zip(pairs, case.holds(node, pairs, strictly=strictly), strict=True):
                if held:
                    shown += 1
                    assert all(known[tokens][y] > known[tokens][x] or not strictly for tokens in inputs)
                    assert all(known[tokens][y] >= known[tokens][x] for tokens in inputs)
    assert shown > 0 or KINDS[kind][1] in ("square", "silu", "gelu", "gelu_new", "relu") or KINDS[kind][0] > 1


def test_tiny_denominators_keep_their_precision(tmp_path):
    """Weights of 2^-60 of the largest are known as well as others: a margin that rests on them alone is decided."""
    net = layers("one head", 1, 4, 2)
    net[0]["P"] *= 0
    for name in ("W_Q", "W_K", "W_V", "W_O", "b_Q", "b_K", "b_V", "b_O"):
        net[1][name] *= 0
    # the query's own score is -60, that of token 0 before it -61, that of token 3 before it 0
    net[0]["E"] = np.eye(4, 3, dtype=np.float32)
    net[0]["E"][3] = [1, 1, 1]
    net[1]["b_Q"][0, 0], net[1]["scale"] = 1, "1/1"
    net[1]["W_K"][0, :, 0] = [-61, -60, 121]
    net[1]["W_V"][0, 0, 0] = net[1]["W_O"][0, 0, 0] = 1
    net[2]["W_U"], net[2]["b_U"] = np.zeros((3, 4), dtype=np.float32), np.zeros(4, dtype=np.float32)
    net[2]["W_U"][0, 0] = 1  # logit 0 is the attention to token 0, 1/(1 + e) = 0.2689
    case = Case(net, tmp_path, 4)
    for threshold, expected in ((0.2689, True), (0.26895, False)):
        net[2]["b_U"][1] = threshold
        case = Case(net, tmp_path, 4)
        assert case.holds(single((0, 1)), [(0, 1)]) == [expected]


def test_ties_are_no_strict_margins(tmp_path):
    """Two outputs with one column: neither is shown above the other."""
    net = layers("one head", 2, 4, 3)
    net[-1]["W_U"][:, 1], net[-1]["b_U"][1] = net[-1]["W_U"][:, 0], net[-1]["b_U"][0]
    case = Case(net, tmp_path, 4)
    assert case.holds(single((1, 2, 3)), [(0, 1), (1, 0)]) == [False, False]


def test_the_side_of_the_norm_bias(tmp_path):
    """κ > 0 helps the winner and is dropped, κ < 0 hurts and counts in full: both senses of a pair are never shown."""
    rng = Draw(7)
    net = layers("layernorm", 4, 4, 3)
    for size in (0, 1, 8):
        net[-1]["b_U"] = rng(4) * size
        case = Case(net, tmp_path, 4)
        for tokens in itertools.product(range(4), repeat=3):
            pairs = [(y, x) for y in range(4) for x in range(4) if y < x]
            forward = case.holds(single(tokens), pairs)
            back = case.holds(single(tokens), [(x, y) for y, x in pairs])
            assert not any(a and b for a, b in zip(forward, back, strict=True))


def test_a_threshold_moves_the_margin(tmp_path):
    """More than the margin is never shown, with a norm and without; 2^-26 of it less is, without a norm."""
    for kind in ("one head", "layernorm"):
        case = Case(layers(kind, 3, 4, 3), tmp_path, 4)
        with mpmath.workdps(30):
            row = logits(case.net, (0, 1, 2))[-1]
            y, x = max(range(4), key=lambda z: row[z]), min(range(4), key=lambda z: row[z])
            margin = int((row[y] - row[x]) * 2**32)
        assert case.holds(single((0, 1, 2)), [(y, x)], above=margin + 2) == [False]
        if kind == "one head":
            assert case.holds(single((0, 1, 2)), [(y, x)], above=margin - (margin >> 26)) == [True]


def test_numbers_of_heads_that_leave_their_words_show_nothing(tmp_path: Path) -> None:
    """Two outputs of which neither is larger on the whole set: γ past 61 bits once turned round and showed either."""
    case = Case(layers("three heads", 1, 3, 2), tmp_path, 3)
    (node, *_) = case.read.space.each(case.read.space.root, 1)  # type: ignore[union-attr, arg-type]
    sets, facts = arrays(case.read, [node]), facts_of(case.read, case.form, [State(node)])
    bounds, ratios = Bounds(case.form, Units(0, 0, 0)), np.array([[[-4 * 4096, 20 * 4096]] * 2])
    for gamma in (sign << bits for sign in (1, -1, 3, -3) for bits in range(20, 30)):
        pieces = [(ratios, np.array([[[gamma, gamma]]]))]
        shown = [
            bounds.margins_hold(sets, facts, np.array([[x]]), np.array([[1 - x]]), pieces, strictly=True)
            for x in (0, 1)
        ]
        assert not np.any(shown), gamma


def test_sums_over_many_positions_stay_in_their_words(tmp_path: Path) -> None:
    """D_0/D_1 is 1 where all scores are 0; that it is at least 16 was once seen true over 24 positions, by overflow."""
    net = layers("two heads", 1, 3, 24)
    for name in ("W_Q", "b_Q"):
        net[1][name] *= 0
    case = Case(net, tmp_path, 3)
    (node, *_) = case.read.space.each(case.read.space.root, 23)  # type: ignore[union-attr, arg-type]
    sets = arrays(case.read, [node])
    for low, high, expected in ((4, 6, False), (-6, -4, False), (-1, 1, True)):
        ratios = np.array([[low << CODE_BITS, high << CODE_BITS]])
        facts = facts_of(case.read, case.form, [State(node, ratios=ratios)])
        assert Bounds(case.form, UNITS).ratios_hold(sets, facts).tolist() == [expected]


def test_sums_with_labels_stay_in_their_words() -> None:
    """Numbers of 62 bits, cut by ``spare``, with multipliers as large as they can be: sums stay below 2^59."""
    positions, most = 20, 56
    labels = np.array([0, 1, most, -most])
    rng = np.random.default_rng(1)
    spare = (2 * positions * (1 + 4 * most)).bit_length() + 3
    for _ in range(50):
        table = rng.integers(-(1 << 62), 1 << 62, (1, positions, 4)) >> spare
        allowed = rng.random((1, positions, 4)) < 0.6
        allowed[..., 0] = True
        bounds = np.array([[-positions * most, positions * most]])
        sets = ProductTables(allowed, labels, bounds, np.array([True]))
        exact = [[[int(v) for v in row] for row in rows] for rows in table.tolist()]
        above, below = slope(table, allowed, labels)
        factor = int(above[0]) // int(below[0])
        parts = [
            min(v - factor * int(label) for v, label, ok in zip(row, labels, held, strict=True) if ok)
            for row, held in zip(exact[0], allowed[0], strict=True)
        ]
        ends = min(factor * int(end) for end in bounds[0])
        assert sets.least(table).tolist() == [sum(parts) + ends] and abs(sum(parts) + ends) < 1 << 59


def test_weights_of_several_heads_in_one_unit_enclose_their_products() -> None:
    """m 2^E w_h, of any size beside w_0, lies between the integers in the common unit; the largest keeps its bits."""
    rng = np.random.default_rng(4)
    for spread in (0, 3, 40, 80):
        low = [rng.integers(1 << 30, 1 << 31, (5, 2, 3)) for _ in range(3)]
        weights = [(a, a + rng.integers(0, 9, a.shape), -rng.integers(0, spread + 1, 5)) for a in low]
        codes = [rng.integers(-spread << CODE_BITS, (spread + 1) << CODE_BITS, 5) for _ in range(2)]
        found = Bounds._in_one_unit(weights, codes)
        for row in range(5):
            exponents = [int(weights[0][2][row])]
            exponents += [
                int(w[2][row]) + (int(c[row]) >> CODE_BITS) + 1 for w, c in zip(weights[1:], codes, strict=True)
            ]
            unit = Fraction(2) ** max(exponents)
            for h, (own, (below, above)) in enumerate(zip(weights, found, strict=True)):
                code = int(codes[h - 1][row]) if h else 0
                ratio = Fraction((1 << CODE_BITS) + code % (1 << CODE_BITS), 1 << CODE_BITS) * Fraction(2) ** (
                    code >> CODE_BITS
                )
                ratio *= Fraction(2) ** int(own[2][row])
                for place in np.ndindex(2, 3):
                    ends = [int(end[row][place]) for end in (below, above)]
                    assert ends[0] * unit <= ratio * int(own[0][row][place])
                    assert ratio * int(own[1][row][place]) <= ends[1] * unit
            assert max(int(below[row].max()) for below, _ in found) >= 1 << 28


@pytest.mark.parametrize(("bracket", "lift"), [(-(1 << 20), 0), (-(1 << 40), 0), (1 << 20, 0), (-(1 << 20), 1 << 19)])
@pytest.mark.parametrize("apart", [1, 1 << 30])
def test_a_least_sum_takes_the_worse_end_of_every_weight(apart, bracket, lift, tmp_path):
    """One input of two positions, weights known to 2^-30 or to a factor of two: nothing above what the worse end gives,
    and where they are known well, little below."""
    case = Case(layers("one head", 1, 3, 2), tmp_path, 3)
    sets = arrays(case.read, [single((1, 2))])
    low, table = np.where(sets.allowed, 1 << 30, 0), np.full((1, 1, 2, 3), bracket)
    table[0, 0, 1] += lift
    bounds = Bounds(case.form, UNITS)
    weights = [(low, np.where(sets.allowed, low + apart, 0), np.zeros(1, dtype=np.int64))]
    nothing = np.zeros((1, 0, 2), dtype=np.int64), np.zeros((1, 1, 0), dtype=np.int64)
    found = int(bounds._least(sets, weights, [table.copy()], 0, *nothing)[0, 0])
    cut = max(int(np.abs(table).max()).bit_length() - 30, 0)
    exact = sum(min(value * end for end in (1 << 30, (1 << 30) + apart)) for value in (bracket, bracket + lift))
    assert found << bounds.spare(sets) + cut <= exact
    assert apart > 1 or (found + 8 << bounds.spare(sets) + cut) * (1 << 20) >= exact * (1 << 20) - abs(exact)

"""Sentences about max-of-K: what follows from them follows for every network of which they are true."""

from __future__ import annotations

import random
from dataclasses import replace
from fractions import Fraction
from typing import Any

import pytest
from gap_cells import leaning, tabled

from mechproof.engine.rule import NotEstablished
from mechproof.explanations.families.largest_token import ATTENTION, KINDS, NEEDED, LargestToken, read
from mechproof.explanations.sentence import AT_MOST, Sentence
from mechproof.rewrites.proof import Proof

NONE = Fraction(0)
KEYS = [kind.key for kind in KINDS]


def plain(kinds: Any = KINDS) -> dict[str, Sentence]:
    return {kind.key: Sentence(kind, kind.key) for kind in kinds}


def true_of_all(readings: list[LargestToken]) -> dict[str, Sentence]:
    """Every sentence with the best numbers, and the fewest exceptions, with which it is true of all these networks."""
    found = {}
    for kind in KINDS:
        bare = Sentence(kind, kind.key)
        excepted = tuple(sorted({t for reading in readings for t in reading.truth(bare).witnesses}))
        spoken = replace(bare, excepted=excepted if kind.exceptions else ())
        numbers = {}
        for number in kind.numbers:
            true = [value for r in readings if (value := r.truth(spoken).numbers[number.name]) is not None]
            if true:
                numbers[number.name] = max(true) if number.sign == AT_MOST else min(true)
        found[kind.key] = replace(spoken, numbers=numbers)
    return found


def adversaries(oracle: Any, seed: int, V: int, K: int, count: int = 12) -> list[Any]:
    """Networks that look at large tokens and copy them, each with its noise at random ends: tables of two values off
    their pattern, so that stated numbers are met with equality, and in many ways at once."""
    rng, nets = random.Random(seed), []
    look, copy, noise = rng.choice((6, 12, 24)), rng.choice((8, 16, 40)), rng.choice((0, 1, 2))
    for _ in range(count):

        def table(rows: int, columns: int, entry: Any, most: int) -> list[list[Fraction]]:
            return [[entry(i, j) + rng.choice((0, Fraction(most, 2))) for j in range(columns)] for i in range(rows)]

        nets.append(
            tabled(
                oracle, V, K,
                UU=table(V, V, lambda i, j: NONE, noise),
                EVOU=table(V, V, lambda i, j: Fraction(copy * (i == j)), 4),
                PVOU=table(K, V, lambda i, j: NONE, noise),
                EQKE=table(V, V, lambda i, j: Fraction(look * j), noise),
                EQKP=table(V, K, lambda i, j: NONE, noise),
            )
        )  # fmt: skip
    return nets


@pytest.mark.parametrize("common", [True, False])
@pytest.mark.parametrize(("V", "K"), [(3, 1), (3, 2), (4, 2), (3, 3), (2, 4)])
def test_what_follows_holds_of_every_network_of_which_the_sentences_are_true(oracle, V, K, common):
    """The same number from the same sentences, whichever of the networks is asked, and no network has fewer right
    inputs."""
    shown = []
    for seed in range(3):
        nets = adversaries(oracle, seed, V, K)
        readings = [read(net.statement, common_rows=common) for net in nets]
        said = true_of_all(readings)
        lows = {reading.follows(said).low for reading in readings}
        assert len(lows) == 1
        shown.append(low := lows.pop())
        assert low <= min(net.truth.right for net in nets)
    assert max(shown) > 0


def test_the_bound_is_attained(oracle):
    """One position: a margin that what is taken away equals shows nothing, and the network is wrong throughout; the
    least more, and it is right throughout."""
    for more in (0, Fraction(1, 1 << 20)):
        copying = [[(Fraction(2) + more) * (i == j) for j in range(3)] for i in range(3)]
        against = [[Fraction(2) * (i != j) for j in range(3)] for i in range(3)]
        net = tabled(oracle, 3, 1, EVOU=copying, UU=against)
        reading = read(net.statement, common_rows=False)
        said = true_of_all([reading])
        assert said["diagonal(EVOU)"].numbers == {"margin": 2 + more}
        assert reading.follows(said).low == net.truth.right == (3 if more else 0)


def test_attention_is_used_to_a_unit(oracle):
    """Equal scores, two positions: attention of a half, where copying and harm cancel to what the direct path takes."""
    for more in (0, Fraction(1, 1 << 12)):
        values = [[Fraction(4), Fraction(0)], [Fraction(0), Fraction(4) + more]]
        net = tabled(oracle, 2, 2, EVOU=values)
        reading, said = read(net.statement, common_rows=False), plain()
        # no direction tells equal scores apart; a step that hardly does is supposed
        said["increasing(size)"] = said["increasing(size)"].with_number("step", Fraction(1, 1 << 40))
        low = reading.follows(said, assumed=True).low
        assert low == net.truth.right == (4 if more else 2)


V, K = 3, 2


def copier(oracle: Any, **broken: list[list[Fraction]]) -> Any:
    """A network that looks at the largest of three tokens and copies it, but for the tables that are given."""
    tables = {
        "EQKE": [[Fraction(16 * t) for t in range(V)] for _ in range(V)],
        "EVOU": [[Fraction(8 * (t == x)) for x in range(V)] for t in range(V)],
    }
    return tabled(oracle, V, K, **(tables | broken))


def _rows(*rows: list[int]) -> list[list[Fraction]]:
    return [[Fraction(entry) for entry in row] for row in rows]


# Each table is what makes the network wrong; the number of it, made better, would show more than is right.
BROKEN = {
    ("small(UU)", "difference"): {"UU": _rows([20, 0, 0], [20, 0, 0], [20, 0, 0])},
    ("small(PVOU)", "difference"): {"PVOU": _rows([20, 0, 0], [20, 0, 0])},
    ("small(EQKP)", "difference"): {"EQKP": _rows([0, 90], [0, 90], [0, 90])},
    ("rank_one(EQKE)", "residual"): {"EQKE": _rows([0, 16, 32], [20, 16, 48], [0, 16, 32])},
    ("rank_one(EQKE)", "strength"): {
        "EQKE": _rows([0, 1, 2], [0, 1, 2], [0, 1, 2]), "EVOU": _rows([8, 0, 0], [12, 13, 0], [0, 0, 8])
    },
    ("increasing(size)", "step"): {
        "EQKE": _rows([0, 16, 16], [0, 16, 16], [0, 16, 16]), "EVOU": _rows([8, 0, 0], [0, 20, 0], [0, 0, 8])
    },
    ("diagonal(EVOU)", "margin"): {"EVOU": _rows([8, 0, 0], [9, 8, 0], [0, 0, 8])},
    ("harm(EVOU)", "by"): {
        "EVOU": _rows([8, 0, 0], [900, 908, 0], [0, 0, 8]), "EQKE": _rows([0, 16, 20], [0, 16, 20], [0, 16, 20])
    },
}  # fmt: skip


@pytest.mark.parametrize(("key", "name"), BROKEN)
def test_every_number_matters(oracle, key, name):
    """A number that is better than the true one, assumed, shows more inputs than are right; the true one does not."""
    net = copier(oracle, **BROKEN[key, name])
    reading = read(net.statement, common_rows=False)
    said = true_of_all([reading])
    assert reading.follows(said).low <= net.truth.right < V**K
    ideal = reading.ideal(said[key].kind)[name]
    lie = replace(said[key].with_number(name, ideal), excepted=())
    assert reading.follows({**plain(), key: lie}, assumed=True).low > net.truth.right


def test_every_number_has_such_a_network():
    """None is left out above."""
    assert set(BROKEN) == {(kind.key, number.name) for kind in KINDS for number in kind.numbers}


def test_numbers_better_than_the_true_ones_are_refused_unless_assumed(oracle):
    """By the rule of each; and what rests on an assumption is conditional."""
    net = leaning(oracle, 3, 4, 3)
    reading = read(net.statement, common_rows=True)
    said = true_of_all([reading])
    for key, sentence in said.items():
        for name, true in sentence.numbers.items():
            better = (
                true - Fraction(1, 1 << 30) if sentence.kind.number(name).sign == AT_MOST else true + Fraction(1, 8)
            )
            lie = {**said, key: sentence.with_number(name, better)}
            with pytest.raises(NotEstablished, match="stated"):
                reading.follows(lie)
            supposed = read(net.statement, common_rows=True).follows(lie, assumed=True)
            assert supposed.goal is not None
            assert Proof("net", supposed.graph, supposed.goal).status == "CONDITIONAL"
    honest = reading.follows(said)
    assert honest.goal is not None and Proof("net", honest.graph, honest.goal).status == "PROVED"


def test_less_said_shows_less(oracle):
    """Without what is needed nothing; without what is said of attention, or of harm, the sequences of one token at
    most, where harm is done; and the proof has no premise that was left out."""
    net = leaning(oracle, 3, 4, 3)
    reading = read(net.statement, common_rows=True)
    said = plain()
    whole = reading.follows(said).low
    assert 0 < whole <= net.truth.right
    for key in KEYS:
        found = reading.follows({name: sentence for name, sentence in said.items() if name != key})
        assert found.low <= whole
        if key in NEEDED:
            assert (found.low, found.goal, found.missing) == (0, None, (key,))
        else:
            assert found.missing == (key,) and found.low <= net.V
        if key in ATTENTION and found.goal is not None:
            assert "score_gap" not in {step.rule.name for step in found.graph.proof(found.goal)}


def test_the_graph_replays_from_the_rules(oracle):
    """What follows is proved: the stored graph gives every conclusion again."""
    net = leaning(oracle, 3, 4, 3)
    reading = read(net.statement, common_rows=True)
    found = reading.follows(true_of_all([reading]))
    assert found.goal is not None
    again = found.graph.replay()
    assert again.find(found.graph.claim(found.goal)) is not None

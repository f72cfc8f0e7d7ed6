"""Losses by trees: the lemmas over fractions, the bounds of boxes against every sequence, and trees made to mislead."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import mpmath
import pytest
from shares import halved

from mechproof.engine.formula import Table
from mechproof.engine.oracle import examine
from mechproof.engine.rule import NotEstablished
from mechproof.models.one_layer import one_layer_of
from mechproof.rewrites.advice.loss_tree_search import search
from mechproof.rewrites.rules import loss_tree
from mechproof.rewrites.rules.loss import UNIT_BITS
from mechproof.rewrites.rules.loss_tree import (
    CROSS_ENTROPY,
    DIFFERENCE,
    GRID_BITS,
    HIGH,
    LOW,
    MEAN,
    QUOTIENT,
    ROOM,
    LossCell,
    LossTree,
    Shape,
    cross_entropy,
)
from mechproof.rewrites.rules.margin_enclosure import MarginEnclosure

RULE = LossTree()
FLAVOURS = [
    "float16", "eighths", "denormal", "huge", "tiny", "twin outputs", "twin tokens", "uniform attention",
    "no unembedding", "cancelling paths",
]  # fmt: skip


@pytest.fixture(autouse=True)
def _digits() -> Iterator[None]:
    """Sixty digits for everything that mpmath computes here."""
    with mpmath.workdps(60):
        yield


def differences() -> Iterator[dict[str, Any]]:
    """Positive weights and logits of two outputs at one to three positions."""
    rng = random.Random(1)
    for _ in range(80):
        positions = rng.randint(1, 3)
        weights = [Fraction(rng.randint(1, 5), rng.randint(1, 3)) for _ in range(positions)]
        logits = [[rng.randint(-2, 2) for _ in range(2)] for _ in range(positions)]
        yield {"K": positions, "w": weights.__getitem__, "\\lambda": Table(logits), "x": 0, "m": 1}


def quotients() -> Iterator[dict[str, Any]]:
    """R and W between bounds, zero and both signs included."""
    for below, here, above in itertools.combinations_with_replacement(range(-2, 3), 3):
        for light, weight, heavy in itertools.combinations_with_replacement((1, 2, 3), 3):
            yield {"R^{-}": below, "R": here, "R^{+}": above, "W": _Weight(weight, (light, heavy))}


class _Weight(int):
    """W, and W_0 and W_1 by index: one name in print."""

    def __new__(cls, value: int, ends: tuple[int, int]) -> _Weight:
        weight = super().__new__(cls, value)
        weight.ends = ends  # type: ignore[attr-defined]
        return weight

    def __call__(self, index: int) -> int:
        return self.ends[index]  # type: ignore[attr-defined]


def softmaxes() -> Iterator[dict[str, Any]]:
    """Positive numbers with bounds of their quotients, some of them false."""
    rng = random.Random(2)
    for _ in range(150):
        outputs = rng.randint(1, 3)
        e, m = [Fraction(rng.randint(1, 4)) for _ in range(outputs)], rng.randrange(outputs)
        a = [value / e[m] - rng.choice((0, 0, 1, -1)) for value in e]
        b = [value / e[m] + rng.choice((0, 0, 1, -1)) for value in e]
        yield {"V": outputs, "m": m, "e": e.__getitem__, "a": a.__getitem__, "b": b.__getitem__}


def parts() -> Iterator[dict[str, Any]]:
    """Up to two parts of up to two members, with bounds that may be false."""
    rng = random.Random(3)
    for _ in range(200):
        sizes = [rng.randint(0, 2) for _ in range(rng.randint(1, 2))]
        table = [[rng.randint(-2, 2) for _ in range(2)] for _ in sizes]
        low = [min(row) - rng.choice((0, 0, 1, -1)) for row in table]
        high = [max(row) + rng.choice((0, 0, 1, -1)) for row in table]
        yield {"J": len(sizes), "n": sizes.__getitem__, "c": Table(table), "l": low.__getitem__, "u": high.__getitem__}


@pytest.mark.parametrize(
    ("lemma", "instances"),
    [(DIFFERENCE, differences), (QUOTIENT, quotients), (CROSS_ENTROPY, softmaxes), (MEAN, parts)],
    ids=lambda value: getattr(value, "label", ""),
)
def test_lemma_holds_and_its_mutants_fail(lemma, instances):
    """Each printed statement is true on all instances, tight on one, and false on one after every required change."""
    report = examine(lemma.statement, list(instances()))
    assert report.counterexample is None
    assert report.attained
    assert [mutant.change for mutant in report.mutants if mutant.required and not mutant.killed] == []
    assert any(mutant.required for mutant in report.mutants)


def real(units: int) -> Any:
    return mpmath.ldexp(units, -UNIT_BITS)


@pytest.mark.parametrize("steps", [[0], [-1], [5000], [-300000], [-262144, 3], [1 << 60, 0], [-20000] * 7, [7, -7, 0]])
def test_cross_entropy_is_enclosed(steps):
    """log(1 + Σ exp) of grid points, to 60 digits: both sides leave room, and no more than exp(-64) beyond it."""
    with mpmath.workdps(80):
        gaps = [mpmath.ldexp(step, -GRID_BITS) for step in steps]
        top = max([mpmath.mpf(0), *gaps])
        value = top + mpmath.log(mpmath.exp(-top) + mpmath.fsum(mpmath.exp(gap - top) for gap in gaps))
        low, high = cross_entropy(steps, LOW), cross_entropy(steps, HIGH)
        assert low == 0 or real(low + ROOM // 2) <= value
        assert value <= real(high - ROOM // 2)
        assert real(high - low) <= real(4 * ROOM) + len(steps) * mpmath.exp(-64)


def test_one_output_has_no_loss():
    """Without another output the softmax is one."""
    assert cross_entropy([], LOW) == cross_entropy([], HIGH) == 0


def paths_of(net: Any) -> Any:
    return net.margin().paths


def faults(net: Any, narrow: bool = False) -> list[Any]:
    """Sequences outside the bounds of a box that holds them, in every cell's full tree; and cells not partitioned.

    With ``narrow`` also single sequences whose bounds are further apart than rounding explains.
    """
    found: list[Any] = []
    enclosure = MarginEnclosure(paths_of(net))
    for q, m in net.truth.cells:
        cell = LossCell(enclosure, q, m)
        members: list[tuple[int, ...]] = []
        stack = cell.boxes()
        while stack:
            node = cell.tree.settled(stack.pop())
            if node is None:
                continue
            low, high = cell.bounds(node)
            allowed = [
                [token] if token >= 0 else list(cell.tree.order[node.level + (p < node.start) :])
                for p, token in enumerate(node.tokens)
            ]
            sequences = [(*chosen, q) for chosen in itertools.product(*allowed)]
            found += [tokens for tokens in sequences if not real(low) <= net.truth.loss(tokens) <= real(high)]
            if node.positions:
                stack.extend(cell.tree.split(node))
            else:
                members += sequences
                if narrow and real(high - low) > mpmath.mpf(2) ** (2 - GRID_BITS):
                    found.append((node, low, high))
        if sorted(members) != sorted(net.truth.members(q, m)):
            found.append((q, m))
    return found


@pytest.mark.parametrize("flavour", halved(FLAVOURS))
def test_every_box_is_bounded(oracle, flavour):
    """On every node of every cell's full tree the bounds hold for each of its sequences, and single ones are narrow."""
    for seed in range(3):
        net = oracle.random_net(seed, flavour, 3, 3)
        assert faults(net, narrow=flavour in ("eighths", "tiny", "twin outputs")) == []


_below, _cross_entropy = LossCell._below, cross_entropy
PLANTED = {
    "the weights change places": (
        LossCell, "_below", lambda self, sums, heavy, light, limits: _below(self, sums, light, heavy, limits),
    ),
    "one weight for both signs": (
        LossCell, "_below", lambda self, sums, heavy, light, limits: _below(self, sums, heavy, heavy, limits),
    ),
    "the range of the logits is empty": (
        LossCell, "_below", lambda self, sums, heavy, light, limits: _below(self, sums, heavy, light, [0] * len(sums)),
    ),
    "an output is left out": (loss_tree, "cross_entropy", lambda steps, side: _cross_entropy(steps[1:], side)),
    "a step too few": (loss_tree, "cross_entropy", lambda steps, side: _cross_entropy([k - 1 for k in steps], side)),
}  # fmt: skip


@pytest.mark.parametrize("name", PLANTED)
def test_planted_errors_are_seen(oracle, monkeypatch, name):
    """Each broken step gives bounds that some sequence violates: the test above could fail."""
    monkeypatch.setattr(*PLANTED[name])
    assert any(faults(oracle.random_net(seed, "eighths", 3, 3)) for seed in range(3))


@pytest.mark.parametrize("flavour", halved(FLAVOURS))
def test_sums_enclose_the_truth(oracle, flavour):
    """Cell by cell, with a searched tree and with one that splits nothing; the searched one is no wider."""
    for seed in range(4):
        net = oracle.random_net(seed, flavour)
        paths = paths_of(net)
        cells = list(net.truth.cells)
        widths = []
        for shape in (search(paths), Shape("U" * len(cells))):
            found = RULE.conclude([paths], shape)
            for cell in cells:
                truth = mpmath.fsum(net.truth.loss(tokens) for tokens in net.truth.members(*cell))
                assert real(found.low[cell]) <= truth <= real(found.high[cell]), (seed, cell)
            widths.append(sum(found.high.values()) - sum(found.low.values()))
        assert widths[0] <= widths[1]


@pytest.mark.parametrize(("V", "K"), [(1, 1), (1, 3), (5, 1), (2, 6)])
def test_edge_sizes(oracle, V, K):
    """One token, one position, and many positions need no special case."""
    net = oracle.random_net(0, "eighths", V, K)
    found = RULE.conclude([paths_of(net)], search(paths_of(net)))
    truth = mpmath.fsum(map(net.truth.loss, net.sequences))
    low, high = real(sum(found.low.values())), real(sum(found.high.values()))
    assert low <= truth <= high
    assert high - low <= truth / 1000


def test_weights_that_vanish_on_the_grid_bound_nothing(oracle):
    """Where attention to m is below the grid the quotient is not used, and the range of the logits still bounds."""
    scale = Fraction(200)
    net = oracle.net(
        2, 2, 2, 1, W_E=[[1, 0], [0, 1]], W_Q=[[1], [1]], W_K=[[scale], [-scale]], W_V=[[1], [-1]], W_O=[[1, -1]],
        W_U=[[1, 0], [0, 1]],
    )  # fmt: skip
    cell = LossCell(MarginEnclosure(paths_of(net)), 0, 1)
    (box,) = cell.boxes()
    low, high = cell.bounds(box)
    assert real(low) <= net.truth.loss((1, 0)) <= real(high)
    both = LossCell(MarginEnclosure(paths_of(net)), 1, 1)
    (whole,) = both.boxes()
    low, high = both.bounds(whole)
    assert all(real(low) <= net.truth.loss((t, 1)) <= real(high) for t in range(2))


@pytest.mark.parametrize(
    ("symbols", "reason"),
    [
        ("", "is ''"),
        ("U", "is ''"),
        ("UUUUUUU", "left over"),
        ("RUUUUU", "marked R"),
        ("W0UUUUU", "marked W"),
        ("SSSU", "single sequence is split"),
        ("xUUUUU", "is 'x'"),
    ],
)
def test_garbage_is_refused(oracle, symbols, reason):
    """Trees that end early or late, that judge, or that split one sequence are refused, with the reason."""
    net = oracle.random_net(3, "eighths", 3, 2)
    with pytest.raises(NotEstablished) as caught:
        RULE.conclude([paths_of(net)], Shape(symbols))
    assert reason in str(caught.value)


def test_any_tree_is_sound(oracle):
    """Random trees give true bounds, and splitting a leaf never loses the truth."""
    rng = random.Random(4)
    for seed in range(6):
        net = oracle.random_net(seed, "float16", 4, 3)
        enclosure, paths = MarginEnclosure(paths_of(net)), paths_of(net)
        truth = mpmath.fsum(map(net.truth.loss, net.sequences))
        symbols = "".join(
            _random_symbols(LossCell(enclosure, q, m), rng) for q, m in one_layer_of(paths.statement).cells()
        )
        found = RULE.conclude([paths], Shape(symbols))
        assert real(sum(found.low.values())) <= truth <= real(sum(found.high.values()))


def _random_symbols(cell: LossCell, rng: random.Random) -> str:
    if rng.random() < 0.3:
        return "U"
    symbols, stack = "S", cell.boxes()[::-1]
    while stack:
        node = cell.tree.settled(stack.pop())
        if node is not None and node.positions and rng.random() < 0.6:
            symbols += "S"
            stack.extend(reversed(cell.tree.split(node)))
        elif node is not None:
            symbols += "U"
    return symbols


def test_the_certificate_form():
    """Advice is written as docs/certificate.md says: the order's name and the symbols."""
    assert RULE.encode(Shape("SUU")) == {"order": "descending-score", "tree": "SUU"}

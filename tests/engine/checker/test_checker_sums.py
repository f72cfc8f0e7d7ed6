"""Extremes of separable sums over sets, and packed bounds of margins: against the definition, at every precision."""

from __future__ import annotations

import itertools
import random
from pathlib import Path
from typing import Any

import mpmath
import pytest
from auditors import view_of
from set_certificates import members

from mechproof.engine.checker.one_layer.margins import COARSE, SHARP_BITS, Packed
from mechproof.engine.checker.one_layer.sets import Among, Box, Sums, roots
from mechproof.engine.checker.packing import maximum, offset, pack, unpack


def drawn(rng: random.Random, K: int, m: int) -> list[list[int]]:
    return [[rng.randint(-9, 9) for _ in range(m + 1)] for _ in range(K)]


def largest(rows: list[list[int]], sequences: Any) -> int:
    return max(sum(row[t] for row, t in zip(rows, each, strict=True)) for each in sequences)


def below(box: Box, m: int, rng: random.Random) -> list[Box]:
    """The boxes with sequences on a random way down from this one."""
    if not box.size(m):
        return []
    halves = box.halves()
    return [box, *(below(rng.choice(halves), m, rng) if halves else [])]


def test_every_kind_of_set_against_the_definition() -> None:
    """Of integers, and of three vectors at once: n among N, tokens from the first on or not; a cell; boxes in it."""
    rng = random.Random(1)
    top = offset(3, 64)
    for _ in range(300):
        K, m = rng.randint(1, 4), rng.randint(0, 4)
        tables = [drawn(rng, K, m) for _ in range(3)]
        q = rng.randint(0, m) if K > 1 else m
        n = rng.randint(0, K - 1) if m else 0
        tokens: Any = sorted(rng.sample(range(m), rng.randint(1, m))) if n else []
        tokens = range(len(tokens)) if tokens == list(range(len(tokens))) and rng.random() < 0.5 else tokens
        cell = [(*free, q) for free in itertools.product(range(m + 1), repeat=K - 1) if max((*free, q)) == m]
        order = rng.sample(range(m + 1), m + 1)
        order.sort(key=lambda t: t != m)
        first = isinstance(tokens, range) and order[1 : len(tokens) + 1] == list(tokens)
        among = Among(K - 1, n, range(1, len(tokens) + 1) if first else [order.index(t) for t in tokens])
        inside = below(rng.choice(roots(q == m, K - 1)), m, rng)
        sets = [(members(K, q, m, n, tokens), among)]
        sets += [([(*free, q) for free in itertools.product(*box.choices(order))], box) for box in inside]
        ordered = [[[row[t] for t in order] for row in rows[:-1]] for rows in tables]
        packed = [[pack(fields, 64) for fields in zip(*rows, strict=True)] for rows in zip(*ordered, strict=True)]
        last = pack([rows[-1][q] for rows in tables], 64)
        vectors = Sums(packed, last, lambda of: maximum(of[0], of[1:], offset(3, 64), 64))
        plain = [Sums(rows, own[-1][q], max) for rows, own in zip(ordered, tables, strict=True)]
        for sequences, part in sets:
            truth = [largest(rows, sequences) for rows in tables]
            assert len(sequences) == part.size(m)
            assert [sums.over(part) for sums in plain] == truth
            assert unpack(vectors.over(part), 3, 64, top) == truth
        truth = [largest(rows, cell) for rows in tables]
        assert [sums.cell(roots(q == m, K - 1)) for sums in plain] == truth
        assert unpack(vectors.cell(roots(q == m, K - 1)), 3, 64, top) == truth


def test_a_tree_partitions_its_cell() -> None:
    """The leaves of random trees hold every sequence once, whatever the order."""
    rng = random.Random(2)
    for _ in range(100):
        K, m = rng.randint(1, 4), rng.randint(0, 3)
        q = rng.randint(0, m) if K > 1 else m
        order = rng.sample(range(m + 1), m + 1)
        order.sort(key=lambda t: t != m)
        waiting, found = list(roots(q == m, K - 1)), []
        while waiting:
            box = waiting.pop()
            halves = box.halves() if box.size(m) and rng.random() < 0.8 else None
            if halves:
                assert sum(half.size(m) for half in halves) == box.size(m)
                waiting += halves
            else:
                found += list(itertools.product(*box.choices(order)))
        assert sorted(found) == [t for t in itertools.product(range(m + 1), repeat=K - 1) if max((*t, q)) == m]


def models(emitter: Any) -> list[Any]:
    """Noisy and random networks, one with weights far apart."""
    far = emitter.pulled_model(1, 4, 3, 0.2)
    return [
        emitter.pulled_model(0, 4, 3, 0.3),
        emitter.random_model(5, 3, 4, 2, 3, True),
        emitter.Model({n: a * 2**8 if n in ("W_Q", "b_Q") else a for n, a in far.tensors.items()}),
    ]


def weight(model: Any, q: int, p: int, t: int) -> Any:
    """w_q(p, t)."""
    score = model.score(q, p, t)
    return mpmath.exp(mpmath.mpf(score.numerator) / score.denominator / mpmath.sqrt(model.h))


@pytest.mark.parametrize("index", range(3))
@pytest.mark.parametrize("bits", [(3, 5), COARSE, (64, 64), (112, 112), (None, SHARP_BITS)])
def test_packed_bounds_are_bounds(emitter: Any, tmp_path: Path, index: int, bits: Any) -> None:
    """Of D and -D, with numbers taken off and without: above the truth and near it."""
    model = models(emitter)[index]
    margins = view_of(emitter.write(model, tmp_path), 10**9).margins
    rng = random.Random(0)
    numbers = [rng.randint(-(1 << 10), 1 << 10) << -9 - margins.logit_unit for _ in range(model.V)]
    tables = (margins.direct, margins.by_token, margins.by_position, [numbers])
    entries = max(abs(v) for table in tables for row in table for v in row).bit_length()
    packed = Packed(margins, *bits, number_bits=max(map(int.bit_length, numbers)))
    with mpmath.workprec(400):
        for (q, m), side, less in itertools.product(margins.cells, (1, -1), (0, 1)):
            taken = [less * side * number for number in numbers]
            order = [m, *range(m)]
            sums = packed.sums(q, m, order, side, packed.numbers(taken))
            unit = mpmath.ldexp(1, margins.logit_unit + packed.drop + packed.unit(q, m))
            room = unit * model.K * mpmath.mpf(2) ** (max(bits) + 7 if bits[0] else entries + 70)
            free = itertools.product(range(m + 1), repeat=model.K - 1)
            for tokens in free:
                one = Box([~order.index(t) for t in tokens])
                fields = unpack(sums.over(one), model.V, packed.width, packed.top)
                light, heavy = packed.weights(q, m, order)
                w = mpmath.fsum(weight(model, q, p, t) for p, t in enumerate((*tokens, q)))
                ends = [weights.over(one) for weights in (light, heavy)]
                unit_of_weights = mpmath.ldexp(1, packed.unit(q, m))
                assert -ends[0] * unit_of_weights <= w <= ends[1] * unit_of_weights
                for x in (x for x in range(model.V) if x != m):
                    truth = side * mpmath.fsum(model.margin(q, m, x, p, t) for p, t in enumerate((*tokens, q)))
                    truth -= w * taken[x] * mpmath.ldexp(1, margins.logit_unit)
                    assert fields[x] * unit >= truth
                    assert fields[x] * unit <= truth + room

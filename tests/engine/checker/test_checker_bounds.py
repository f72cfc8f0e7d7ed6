"""The mathematics of the checker against mpmath and enumeration."""

from __future__ import annotations

import doctest
import importlib
import itertools
import os
import pkgutil
import random
from multiprocessing import Pipe
from typing import Any

import mpmath
import numpy as np
import pytest
from auditors import first_pass, view_of

import mechproof.engine.checker as checker
from mechproof.engine.checker import exponential, shards, stored
from mechproof.engine.checker.budget import Budget
from mechproof.engine.checker.dyadic import matrix, plus_row, product
from mechproof.engine.checker.errors import Code, Failure
from mechproof.engine.checker.one_layer import margins, triples
from mechproof.engine.checker.one_layer.counts import Cell
from mechproof.engine.checker.one_layer.sets import roots


def margins_of(emitter: Any, model: Any, folder: Any) -> margins.Margins:
    """The checker's margins of a model."""
    return view_of(emitter.write(model, folder), 10**9).margins


@pytest.mark.parametrize("precision", [64, 128, 1000])
def test_exponentials_enclose(precision: int) -> None:
    """exp(s / sqrt(h)) lies between the ends, which are close, from 2^-40 to 10^5 in size and of both signs."""
    rng = random.Random(precision)
    with mpmath.workdps(400):
        for exponent in (-200, -60, -50, -40, -35):
            for head in (1, 2, 7, 32):
                for sign in (1, -1):
                    score = sign * rng.randrange(1 << 50, 1 << 51)
                    low, high, e = exponential.exponential(score, exponent, head, precision)
                    value = mpmath.exp(mpmath.ldexp(score, exponent) / mpmath.sqrt(head))
                    assert mpmath.ldexp(low, e) <= value <= mpmath.ldexp(high, e)
                    assert low.bit_length() == precision
                    assert 0 <= high - low <= 1 << 8


def test_exponential_of_zero_is_one() -> None:
    """exp(0) is exact, in the same form as every other value."""
    low, high, e = exponential.exponential(0, -5, 3, 100)
    assert low == high == 1 << 99
    assert e == -99


def test_exponential_of_huge_scores_is_refused() -> None:
    """A score of 10^30 is refused at once."""
    with pytest.raises(Failure) as caught:
        exponential.exponential(10**30, 0, 1, 128)
    assert caught.value.code is Code.E241


def test_sign_of_sum_against_mpmath() -> None:
    """Signs of random sums, some of them tiny by construction, agree with 300 digits."""
    rng = random.Random(1)
    budget = Budget(10**9)
    with mpmath.workdps(300):
        for _ in range(60):
            head = rng.choice([1, 2, 3, 32])
            terms = [(rng.randrange(-300, 300), rng.randrange(-50, 50)) for _ in range(3)]
            digits = rng.choice([0, 20, 100])
            powers = [mpmath.exp(mpmath.mpf(s) / 64 / mpmath.sqrt(head)) for s, _ in terms]
            total = mpmath.fsum(g * p for (_, g), p in zip(terms, powers, strict=True))
            scale = 10**digits
            terms = [(s, g * scale) for s, g in terms] + [(0, -int(total * scale))]
            rest = mpmath.fsum(g * mpmath.exp(mpmath.mpf(s) / 64 / mpmath.sqrt(head)) for s, g in terms)
            assert exponential.sign_of_sum(terms, -6, head, budget) == mpmath.sign(rest)


def test_sign_of_sum_stops() -> None:
    """A sum that only more than 16384 bits could tell from zero is undecided, not guessed."""
    with mpmath.workprec(20100):
        near = int(mpmath.ldexp(mpmath.exp(1), 20000))
    with pytest.raises(Failure) as caught:
        exponential.sign_of_sum([(1, 1 << 20000), (0, -near)], 0, 1, Budget(10**9))
    assert caught.value.code is Code.E240


@pytest.mark.parametrize(
    ("kind", "arguments"),
    [("random_model", (1, 4, 3, 3, 2, True)), ("tied_model", (2, 4, 3)), ("pulled_model", (3, 5, 2, 0.3))],
)
def test_ends_and_candidates(emitter: Any, tmp_path: Any, kind: str, arguments: tuple[Any, ...]) -> None:
    """Ends enclose D to 2^-80 of its size; the first pass drops only x that lose everywhere."""
    model = getattr(emitter, kind)(*arguments)
    own = margins_of(emitter, model, tmp_path)
    assert own.cells == model.cells()
    with mpmath.workdps(60):
        for q, m in own.cells:
            assert own.size(q, m) == model.size(q, m) == len(model.sequences(q, m))
            kept = first_pass(own, q, m)
            for x in (x for x in range(model.V) if x != m):
                best = max(model.sign(q, m, x, s) for s in model.sequences(q, m))
                assert x in kept or best < 0
                exact = [[model.margin(q, m, x, p, t) for t in range(m + 1)] for p in range(model.K)]
                for p, t in itertools.product(range(model.K), range(m + 1)):
                    (low, high, exponent), value = triples.ends(own, q, m, x, p, t), exact[p][t]
                    assert mpmath.ldexp(low, exponent) <= value <= mpmath.ldexp(high, exponent)
                    assert mpmath.ldexp(high - low, exponent) <= mpmath.ldexp(abs(value), -80)
                    assert value != 0 or low == high == 0


def test_first_pass_is_sharp(emitter: Any, tmp_path: Any) -> None:
    """The first pass rules out everything that loses by more than a millionth of the largest margin."""
    model = emitter.pulled_model(4, 5, 4, 0.3)
    own = margins_of(emitter, model, tmp_path)
    with mpmath.workdps(30):
        for q, m in own.cells:
            table = [[[model.margin(q, m, x, p, t) for t in range(m + 1)] for p in range(4)] for x in range(5)]
            largest = max(abs(v) for column in table for row in column for v in row)
            for x in range(5):
                best = max(mpmath.fsum(table[x][p][t] for p, t in enumerate((*s, q))) for s in model.sequences(q, m))
                assert best >= -largest / 10**6 or x not in first_pass(own, q, m)


def test_open_tokens(emitter: Any, tmp_path: Any) -> None:
    """After the second pass the open x are exactly those that win somewhere in the cell."""
    model = emitter.pulled_model(0, 5, 3, 0.3)
    own = margins_of(emitter, model, tmp_path)
    for q, m in own.cells:
        winners = [x for x in range(5) if x != m and max(model.sign(q, m, x, s) for s in model.sequences(q, m)) >= 0]
        assert Cell(own, q, m).open == winners


def test_roots_partition_the_cell() -> None:
    """The sizes of the roots add up to the cell for all small q, m, K."""
    for m, free in itertools.product(range(5), range(1, 5)):
        assert sum(box.size(m) for box in roots(True, free)) == (m + 1) ** free
        if m:
            assert sum(box.size(m) for box in roots(False, free)) == (m + 1) ** free - m**free


@pytest.mark.parametrize("seed", range(8))
def test_counting_within_a_bound(seed: int) -> None:
    """The packed table counts what enumeration counts, at every bound from -1 to beyond the largest sum."""
    rng = random.Random(seed)
    costs = [[rng.randrange(12) for _ in range(rng.randrange(1, 5))] for _ in range(rng.randrange(1, 5))]
    for bound in range(-1, 50):
        truth = sum(sum(choice) <= bound for choice in itertools.product(*costs))
        assert triples.within_bound(costs, bound, 0, Budget(10**6)) == truth


@pytest.mark.parametrize("kind", ["pulled_model", "tied_model"])
def test_any_triple_encloses(emitter: Any, tmp_path: Any, kind: str) -> None:
    """N- <= truth <= N+ for steps from much finer to much coarser than D; finer ones are refused."""
    model = emitter.pulled_model(0, 4, 3, 0.3) if kind == "pulled_model" else emitter.tied_model(0, 4, 3)
    own = margins_of(emitter, model, tmp_path)
    met = refused = 0
    for q, m in own.cells:
        cell = Cell(own, q, m)
        for x in (x for x in range(4) if x != m):
            truth = sum(model.sign(q, m, x, s) >= 0 for s in model.sequences(q, m))
            for exponent in (-3000, -200, *range(-20, 10, 3), 30, 10**6):
                try:
                    low, high = triples.count_triple(cell, triples.Triple(q, m, x, exponent), 0)
                except Failure as failure:
                    assert failure.code in (Code.E234, Code.E235) and exponent < 0
                    refused += 1
                    continue
                assert low <= truth <= high, (q, m, x, exponent)
                met += low == truth == high
    assert met and refused


def test_conversion_of_every_format() -> None:
    """Random words and special ones mean what IEEE 754 says, denormals and -0 included."""
    rng = np.random.default_rng(0)
    for name, dtype, unsigned in (("float16", "f2", "u2"), ("float32", "f4", "u4"), ("float64", "f8", "u8")):
        bits = 8 * np.dtype(dtype).itemsize
        words = rng.integers(0, 2**bits - 1, size=2000, dtype=np.uint64).astype(unsigned)
        words = np.concatenate([words, np.array([0, 1, 2 ** (bits - 1), 2 ** (bits - 1) + 1], dtype=unsigned)])
        for word, value in zip(words.tolist(), words.view(dtype).tolist(), strict=True):
            number = stored.dyadic_of_word(word, stored.FORMATS[name])
            if number is None:
                assert not np.isfinite(value)
            else:
                m, e = number
                assert mpmath.ldexp(m, e) == mpmath.mpf(value)
                assert m % 2 or (m, e) == (0, 0)
    for word in range(0, 1 << 16, 7):
        high = stored.dyadic_of_word(word, stored.FORMATS["bfloat16"])
        assert high == stored.dyadic_of_word(word << 16, stored.FORMATS["float32"])


def test_matrices() -> None:
    """Sums across exponents and products are exact."""
    a, b = matrix([[1, -2], [3, 0]], -3), matrix([[5, 7]], 2)
    assert plus_row(a, b) == matrix([[161, 222], [163, 224]], -3)
    assert product(b, a, Budget(10)) == matrix([[26, -10]], -1)


def test_worker_sums_and_failures() -> None:
    """A worker sends the sums over its items, or its first failure."""

    def count(item: int) -> tuple[int, int]:
        if item == 5:
            raise Failure(Code.E213, id=item)
        return item, 1

    receiver, sender = Pipe(duplex=False)
    shards._worker(count, range(0, 5, 2), sender)
    assert receiver.recv() == (6, 3)
    shards._worker(count, range(1, 9, 2), sender)
    assert receiver.recv() == (5, "E213", {"id": 5})


def test_a_dead_worker_is_a_refusal() -> None:
    """A process that dies leaves no result, and that is said."""
    with pytest.raises(Failure) as caught:
        shards.in_shards(lambda item: os._exit(1), 4, 2)
    assert caught.value.code is Code.E244


def test_examples_of_the_checker() -> None:
    """The examples in the docstrings hold."""
    tried = 0
    for module in pkgutil.iter_modules(checker.__path__):
        if module.name != "__main__":
            result = doctest.testmod(importlib.import_module(f"mechproof.engine.checker.{module.name}"))
            assert result.failed == 0
            tried += result.attempted
    assert tried > 15

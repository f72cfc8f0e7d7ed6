"""One interpreter, every domain: what it says of a network is what a plain evaluation, layer by layer, finds."""

from __future__ import annotations

import itertools
from fractions import Fraction
from typing import Any

import mpmath
import numpy as np
import pytest
from plain_network import BITS, logits
from random_network import every_kind

from mechproof.engine.arithmetic.ball import Ball, precision
from mechproof.engine.domains.balls import BallDomain
from mechproof.engine.domains.block import Block
from mechproof.engine.domains.exact import ExactDomain, NotDecidable
from mechproof.engine.domains.fixed import FixedDomain
from mechproof.engine.interpret import Interpreter
from mechproof.models.network import Network

NETWORKS = every_kind(0)
CASES = pytest.mark.parametrize("name", NETWORKS)


def inputs(network: Network) -> np.ndarray:
    return np.array(list(itertools.product(*map(range, network.vocabulary(3)))))


def read(network: Network) -> tuple[int, ...]:
    return (0,) if network.check(3).positions == 1 else (1, 2)


def interpreter(network: Network) -> Interpreter:
    return Interpreter(network.term(3, read(network)), network.values(3))


def exactly(number: Fraction) -> Any:
    return mpmath.mpf(number.numerator) / number.denominator


@CASES
@pytest.mark.parametrize("wide", [False, True])
def test_blocks_enclose(name, wide):
    """Every logit of every input lies within its row's radius, and radii are small where layers are few."""
    network = NETWORKS[name]
    tokens = inputs(network)
    domain = FixedDomain(Block(tokens), wide=wide)
    tables = [domain.every_input(row) for row in interpreter(network).rows(domain)]
    with mpmath.workprec(BITS):
        for number in range(0, len(tokens), 5):
            plain = logits(network, tokens[number].tolist(), read(network))
            for table, row in zip(tables, plain, strict=True):
                unit = mpmath.ldexp(mpmath.mpf(1), table.exponent)
                for value, truth in zip(table.values[number].tolist(), row, strict=True):
                    assert abs(value * unit - truth) <= int(table.radius[number]) * unit
    if len(network.layers) == 3 and wide:
        assert all(int(t.radius.max()) * Fraction(2) ** t.exponent < Fraction(1, 1000) for t in tables)


@CASES
def test_a_part_of_the_inputs_is_no_other(name):
    """A block of scattered inputs, in any order, has the values of the full set within both radii."""
    network = NETWORKS[name]
    tokens = inputs(network)
    chosen = np.random.default_rng(3).permutation(len(tokens))[: len(tokens) // 2]
    run = interpreter(network)
    for row, other in zip(
        run.rows(whole := FixedDomain(Block(tokens), wide=True)),
        run.rows(part := FixedDomain(Block(tokens[chosen]), wide=True)),
        strict=True,
    ):
        a, b = whole.every_input(row).rows(chosen), part.every_input(other)
        exponent = min(a.exponent, b.exponent)
        for one, two in zip(range(len(chosen)), range(len(chosen)), strict=True):
            for x, y in zip(a.values[one].tolist(), b.values[two].tolist(), strict=True):
                distance = abs((x << a.exponent - exponent) - (y << b.exponent - exponent))
                allowed = (int(a.radius[one]) << a.exponent - exponent) + (int(b.radius[two]) << b.exponent - exponent)
                assert distance <= allowed


@CASES
def test_balls_enclose_and_shrink(name):
    """Balls hold the true logits at 64 and at 256 bits, and are tiny at 256."""
    network = NETWORKS[name]
    run = interpreter(network)
    for tokens in inputs(network)[::17].tolist():
        plain = logits(network, tokens, read(network))
        for bits in (64, 256):
            with precision(bits):
                rows = [[Ball(entry) for entry in row.entries()] for row in run.rows(BallDomain(tokens))]
                ends = [[(ball.floor_mantissa(300), ball.ceil_mantissa(300)) for ball in row] for row in rows]
            with mpmath.workprec(BITS):
                for row, truth in zip(ends, plain, strict=True):
                    for ((low, e), (high, f)), x in zip(row, truth, strict=True):
                        lower, upper = mpmath.ldexp(mpmath.mpf(low), e), mpmath.ldexp(mpmath.mpf(high), f)
                        assert lower <= x <= upper
                        assert bits < 256 or upper - lower < mpmath.mpf(2) ** -100


EXACT = [
    "tables only",
    "two heads",
    "rational scale",
    "concat",
    "sum",
    "own tables",
    "relu",
    "square",
    "no skip",
    "gated relu",
]


@pytest.mark.parametrize("name", EXACT)
def test_exact_signs(name):
    """Signs of logits are those of the plain evaluation, and the numbers too where they are rational."""
    network = NETWORKS[name]
    run = interpreter(network)
    for tokens in inputs(network)[::13].tolist():
        domain = ExactDomain(tokens)
        plain = logits(network, tokens, read(network))
        for row, truth in zip(run.rows(domain), plain, strict=True):
            assert [domain.sign(row, j) for j in range(row.width)] == [int(mpmath.sign(x)) for x in truth]
            if len(row.denominator) == 1:
                with mpmath.workprec(BITS):
                    assert [exactly(x) for x in row.rational().fractions()[0]] == truth


@pytest.mark.parametrize("name", ["gelu", "layernorm, weights True", "no mask, two layers"])
def test_what_is_not_decidable_says_so(name):
    """No exact value is made up where no test is known."""
    with pytest.raises(NotDecidable):
        interpreter(NETWORKS[name]).rows(ExactDomain([1, 2, 3]))


def test_only_the_rows_that_are_read():
    """Read at the first position of a causal network, the later tokens are never looked at."""
    network = NETWORKS["two heads"]
    run = Interpreter(network.term(3, (0,)), network.values(3))

    class Watched(ExactDomain):
        seen = set()  # noqa: RUF012

        def selected(self, position, table):
            self.seen.add(position)
            return super().selected(position, table)

    run.rows(Watched([1, 2, 3]))
    assert Watched.seen == {0}


def test_shared_rows_are_computed_once():
    """The stream behind a layer is computed once for queries, keys and values of all heads."""
    network = NETWORKS["two heads"]
    run = interpreter(network)

    class Counting(ExactDomain):
        calls = 0

        def selected(self, position, table):
            type(self).calls += 1
            return super().selected(position, table)

    run.rows(Counting([1, 2, 3]))
    assert Counting.calls == 3


def test_terms_are_written():
    """A network's term is LaTeX with its tensors by layer and head."""
    text = str(NETWORKS["two heads"].term(3, (2,)))
    assert "X^{(1)}" in text and "W_{U}^{(2)}" in text

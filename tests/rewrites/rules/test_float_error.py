"""The error tables against runs whose every operation errs as much as it may, in formats coarse enough to see it."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import mpmath
import pytest

from mechproof.engine.arithmetic.dyadic import DyadicMatrix
from mechproof.engine.arithmetic.float_format import FORMATS, FloatFormat
from mechproof.engine.rule import NotEstablished
from mechproof.models.float_statement import FloatStatement
from mechproof.rewrites.rules import float_error as module
from mechproof.rewrites.rules.float_error import ErrorAnalysis, FloatError, FloatErrorAnalysis, Rows
from mechproof.rewrites.rules.float_margin import FloatMargin, FloatMarginRule
from mechproof.rewrites.rules.network_definition import NetworkDefinition
from mechproof.rewrites.rules.path_decomposition import PathDecomposition

COARSE = FloatFormat("coarse", 14, 14, -126, 128)
STORED = FloatFormat("stored coarsely", 9, 20, -126, 128)


def float_error(net: Any, form: FloatFormat, ulps: int = 4) -> FloatError:
    statement = FloatStatement(net.statement.network, net.statement.task, form, ulps)
    paths = PathDecomposition().conclude([NetworkDefinition().conclude((), statement.rounded)], None)
    return FloatErrorAnalysis().conclude([paths], statement)


@dataclass
class Run:
    """A float run in which ``choose(size)`` is the relative error of each operation, of size u or less."""

    statement: FloatStatement
    choose: Callable[[Fraction], Fraction]
    rng: random.Random

    def once(self, value: Any) -> Any:
        return value * (1 + _real(self.choose(self.statement.format.unit)))

    def stored(self, value: Any) -> Any:
        return value * (1 + _real(self.choose(self.statement.format.storage)))

    def sum(self, terms: Sequence[Any]) -> Any:
        """In a random order."""
        parts = list(terms)
        while len(parts) > 1:
            a, b = parts.pop(self.rng.randrange(len(parts))), parts.pop(self.rng.randrange(len(parts)))
            parts.append(self.once(a + b))
        return parts[0]

    def product(self, row: Sequence[Any], weight: str, bias: str | None) -> list[Any]:
        matrix = self.tensor(weight)
        terms = [[self.once(x * line[j]) for x, line in zip(row, matrix, strict=True)] for j in range(len(matrix[0]))]
        b = [0] * len(terms) if bias is None else self.tensor(bias)[0]
        if not any(b):
            return [self.stored(self.sum(part)) for part in terms]
        if self.rng.random() < 0.5:
            return [self.stored(self.sum([*part, own])) for part, own in zip(terms, b, strict=True)]
        return [
            self.stored(self.once(self.stored(self.sum(part)) + own)) for part, own in zip(terms, b, strict=True)
        ]

    def residual(self, terms: Sequence[Any]) -> Any:
        """Added one by one, each sum stored."""
        first, *others = self.rng.sample(terms, len(terms))
        for term in others:
            first = self.stored(self.once(first + term))
        return first

    def tensor(self, name: str) -> list[list[Any]]:
        return [[_real(value) for value in row] for row in self.statement.rounded.network.tensors[name].fractions()]

    def logits(self, tokens: Sequence[int]) -> list[Any]:
        e, pos = self.tensor("W_E"), self.tensor("W_pos")
        x = [
            [self.stored(self.once(a + b)) for a, b in zip(e[t], pos[p], strict=True)] for p, t in enumerate(tokens)
        ]
        q = self.product(x[-1], "W_Q", "b_Q")
        keys = [self.product(row, "W_K", "b_K") for row in x]
        values = [self.product(row, "W_V", "b_V") for row in x]
        c = self.once(self.once(mpmath.sqrt(self.statement.network.d_head)))
        raw = [self.stored(self.sum([self.once(a * b) for a, b in zip(q, key, strict=True)])) for key in keys]
        if self.rng.random() < 0.5:
            scores = [self.stored(self.once(value / c)) for value in raw]
        else:
            c = self.once(1 / c)
            scores = [self.stored(self.once(value * c)) for value in raw]
        kappa = 2 * self.statement.exp_ulps * self.statement.format.unit
        top = max(scores)
        powers = [mpmath.exp(self.once(value - top)) * (1 + _real(self.choose(kappa))) for value in scores]
        total = self.sum(powers)
        attention = [self.stored(self.once(power / total)) for power in powers]
        z = [
            self.stored(self.sum([self.once(a * value[j]) for a, value in zip(attention, values, strict=True)]))
            for j in range(len(values[0]))
        ]
        out, b = self.product(z, "W_O", None), self.tensor("b_O")[0]
        r = [self.residual(terms if any(b) else terms[:2]) for terms in zip(x[-1], out, b, strict=True)]
        return self.product(r, "W_U", "b_U")


def _real(value: Fraction | int) -> Any:
    return mpmath.mpf(value.numerator) / value.denominator


def worst(error: FloatError, net: Any, seed: int, runs: int = 12) -> Fraction:
    """Runs on random sequences: none contradicts a sign, and the largest error of a logit difference over its bound."""
    rng, margin, largest = random.Random(seed), FloatMarginRule().conclude([error], None), mpmath.mpf(0)
    ways: list[Callable[[Fraction], Fraction]] = [
        lambda size: size * rng.choice([-1, 1]), lambda size: size, lambda size: -size, lambda size: Fraction(0),
    ]  # fmt: skip
    with mpmath.workprec(200):
        for number in range(runs):
            tokens = rng.choice(net.sequences)
            m = max(tokens)
            exact = Run(error.statement, ways[3], rng).logits(tokens)
            found = Run(error.statement, ways[number % 3], rng).logits(tokens)
            for x in range(net.V):
                if x != m:
                    largest = max(largest, abs((found[x] - found[m]) - (exact[x] - exact[m])))
                    assert not contradicted(margin, tokens, x, found[x] - found[m])
        return Fraction(int(largest * 2**100), 2**100) / error.logit_difference


def contradicted(margin: FloatMargin, tokens: Sequence[int], x: int, computed: Any) -> bool:
    """Whether all runs were said to have the other sign."""
    sign = margin.sign(tokens[-1], max(tokens), x, tokens)
    return (sign == -1 and computed >= 0) or (sign == 1 and computed < 0)


@pytest.mark.parametrize("form", [COARSE, STORED], ids=lambda form: form.name)
@pytest.mark.parametrize("kind", ["float16", "eighths"])
def test_no_run_exceeds_the_bound_or_contradicts_a_sign(oracle, form, kind):
    """Random networks with biases, sums in random orders, all errors at their ends."""
    for seed in range(2):
        net = oracle.random_net(seed, kind, 4, 3)
        assert worst(float_error(net, form), net, seed) <= 1


def isolated(oracle: Any, part: str) -> Any:
    """Networks of which one step makes nearly all of the error."""
    one = [[1]]
    two = [[1, -1]]
    if part == "logits":  # a product with eight equal terms, nothing attended
        return oracle.net(2, 1, 8, 1, W_E=[[1] * 8, [2] * 8], W_U=[[1, -1]] * 8)
    if part == "exponential":  # two positions of equal score, values 1 and -1
        return oracle.net(2, 2, 1, 1, W_E=[[1], [-1]], W_V=one, W_O=one, W_U=two)
    if part == "residual":  # a bias that cancels the embedding
        return oracle.net(2, 1, 1, 1, W_E=[[64], [64]], b_O=[[-64]], W_U=two)
    assert part == "storing"
    return oracle.net(2, 1, 1, 1, W_E=[[1], [3]], W_V=one, W_O=one, W_U=two)


CASES = {"logits": (COARSE, 1), "residual": (COARSE, 1), "exponential": (COARSE, 1 << 8), "storing": (STORED, 1)}


@pytest.mark.parametrize("part", CASES)
def test_bounds_are_attained_up_to_a_small_factor(oracle, part):
    """Where one step makes the error, a run reaches most of the bound."""
    form, ulps = CASES[part]
    net = isolated(oracle, part)
    assert Fraction(1, 3) < worst(float_error(net, form, ulps), net, 1, 40) <= 1


_residual = ErrorAnalysis.residual


def _cancelled(self: ErrorAnalysis, rows: Rows, with_bias: bool) -> Rows:
    """The roundings of the sum after its bias, not of its terms."""
    bias = self.tensors["b_O"] if with_bias else DyadicMatrix.zero(1, self.network.d_model)
    return _residual(self, Rows(rows.value + DyadicMatrix.ones(rows.value.shape[0], 1) @ bias, rows.error))


PLANTED = {
    "sums without roundings": ("logits", module, "gamma", lambda n, unit: Fraction(0)),
    "exponential without error": (
        "exponential", ErrorAnalysis, "exponentials",
        lambda self, tokens, positions, ulps: DyadicMatrix.zero(self.network.d_vocab, 1),
    ),
    "bias of the residual cancelled first": (
        "residual", ErrorAnalysis, "residual", lambda self, rows, with_bias=False: _cancelled(self, rows, with_bias),
    ),
    "storing without error": ("storing", FloatFormat, "storage", Fraction(0)),
}  # fmt: skip


@pytest.mark.parametrize("planted", PLANTED)
def test_planted_errors_and_mutants_are_noticed(oracle, monkeypatch, planted):
    """An analysis that forgets a step is contradicted by a run."""
    part, owner, name, wrong = PLANTED[planted]
    form, ulps = CASES[part]
    net = isolated(oracle, part)
    with monkeypatch.context() as patch:
        patch.setattr(owner, name, wrong)
        error = float_error(net, form, ulps)
    with pytest.raises(AssertionError):
        assert worst(error, net, 1, 40) <= 1


def test_ranges_that_may_be_left_are_refused(oracle):
    """Weights whose products may overflow, or drown in what underflow costs; and an exponential that says nothing."""
    net = oracle.net(2, 1, 1, 1, W_E=[[1], [2]], W_U=[[1, 0]])
    with pytest.raises(NotEstablished, match="may overflow"):
        float_error(net.replaced(W_U=[[2**127, 0]]), FORMATS["float32"])
    with pytest.raises(NotEstablished, match="underflow"):
        float_error(net, FloatFormat("half", 11, 11, -14, 16))
    with pytest.raises(NotEstablished, match="inexact"):
        float_error(net, FORMATS["float32"], 1 << 22)


def test_other_paths_are_refused(oracle):
    """The errors of rounded weights do not follow from the paths of unrounded ones."""
    net = oracle.net(2, 1, 1, 1, W_E=[[Fraction(257, 256)], [2]], W_U=[[1, 0]])
    statement = FloatStatement(net.statement.network, net.statement.task, FORMATS["bfloat16"])
    paths = PathDecomposition().conclude([NetworkDefinition().conclude((), statement.stored)], None)
    with pytest.raises(NotEstablished, match="rounded"):
        FloatErrorAnalysis().conclude([paths], statement)


def test_the_sentence_overstates_nothing(oracle):
    """The printed bound is at least the exact one."""
    error = float_error(oracle.random_net(0, "float16", 4, 3), COARSE)
    shown = Fraction(module.rounded_up(error.logit_difference))
    assert error.logit_difference <= shown < error.logit_difference * Fraction(11, 10)
    assert module.rounded_up(error.logit_difference) in error.sentence()

"""The error tables against runs whose every operation errs as much as it may, in formats coarse enough to see it."""

from __future__ import annotations

import random
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import mpmath
import pytest
from float_runs import Run, ways

from mechproof.engine.arithmetic.bounds import absolute
from mechproof.engine.arithmetic.float_format import FORMATS, FloatFormat
from mechproof.engine.rule import NotEstablished
from mechproof.models.float_statement import FloatStatement
from mechproof.models.one_layer import one_layer_of
from mechproof.rewrites.rules import float_stages
from mechproof.rewrites.rules.float_error import FloatError, FloatErrorAnalysis, rounded_up
from mechproof.rewrites.rules.float_margin import FloatMargin, FloatMarginRule
from mechproof.rewrites.rules.float_stages import ErrorAnalysis, Rows, up
from mechproof.rewrites.rules.network_function import NetworkFunctionDefinition

COARSE = FloatFormat("coarse", 14, 14, -126, 128)
STORED = FloatFormat("stored coarsely", 9, 20, -126, 128)


def float_error(net: Any, form: FloatFormat, ulps: int = 4) -> FloatError:
    statement = FloatStatement(net.statement.network, net.statement.task, form, ulps)
    return FloatErrorAnalysis().conclude([NetworkFunctionDefinition().conclude((), statement.stored)], statement)


def worst(error: FloatError, net: Any, seed: int, runs: int = 12) -> Fraction:
    """Runs on random sequences: none contradicts a sign, and the largest error of a logit difference over its bound."""
    rng, margin, largest = random.Random(seed), FloatMarginRule().conclude([error], None), mpmath.mpf(0)
    statement, choices = error.statement, ways(rng)
    weights = {name: matrix.fractions() for name, matrix in one_layer_of(statement.rounded).tensors.items()}
    form = statement.format

    def logits(choose: Any, tokens: Sequence[int]) -> list[Any]:
        return Run(weights, form.unit, form.storage, statement.exp_ulps, choose, rng).logits(tokens)

    with mpmath.workprec(200):
        for number in range(runs):
            tokens = rng.choice(net.sequences)
            m = max(tokens)
            exact, found = logits(choices[3], tokens), logits(choices[number % 3], tokens)
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
    if part == "one sum":  # an inner product that begins with the embedding
        return oracle.net(2, 1, 1, 8, W_E=[[64], [64]], W_U=two)
    if part == "residual":  # a bias that cancels the embedding
        return oracle.net(2, 1, 1, 1, W_E=[[64], [64]], b_O=[[-64]], W_U=two)
    assert part == "storing"
    return oracle.net(2, 1, 1, 1, W_E=[[1], [3]], W_V=one, W_O=one, W_U=two)


CASES = {
    "logits": (COARSE, 1),
    "residual": (COARSE, 1),
    "one sum": (COARSE, 1),
    "exponential": (COARSE, 1 << 8),
    "storing": (STORED, 1),
}


@pytest.mark.parametrize("part", CASES)
def test_bounds_are_attained_up_to_a_small_factor(oracle, part):
    """Where one step makes the error, a run reaches most of the bound."""
    form, ulps = CASES[part]
    net = isolated(oracle, part)
    assert Fraction(1, 3) < worst(float_error(net, form, ulps), net, 1, 40) <= 1


def _cancelled(self: ErrorAnalysis, rows: Rows) -> Rows:
    """The roundings of the sum after its bias, not of its terms."""
    value = rows.value + self.tensors["b_O"].on_every_row(rows.value.shape[0]).value
    return Rows(value, rows.error + up(absolute(value), 4 * self.form.unit))


def _apart(self: ErrorAnalysis, rows: Rows) -> Rows:
    """As if x were added to the whole inner product only."""
    return Rows(rows.value, rows.error + up(absolute(rows.value), self.form.unit))


PLANTED = {
    "sums without roundings": ("logits", float_stages, "gamma", lambda n, unit: Fraction(0)),
    "exponential without error": (
        "exponential", ErrorAnalysis, "exponential", lambda self, ulps: 0,
    ),
    "bias of the residual cancelled first": ("residual", ErrorAnalysis, "residual", _cancelled),
    "inner product apart from the residual": ("one sum", ErrorAnalysis, "residual", _apart),
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
    with pytest.raises(NotEstablished, match="too many"):
        float_error(net, FloatFormat("tiny", 6, 6, -126, 128))
    for ulps in (-1, (1 << 21) + 1):
        with pytest.raises(NotEstablished, match=f"errs by 0 to 2\\^21 ulps, found {ulps}"):
            float_error(net, FORMATS["float32"], ulps)


def test_other_networks_are_refused(oracle):
    """The errors of one network's runs do not follow from another network, be it that of the rounded weights."""
    net = oracle.net(2, 1, 1, 1, W_E=[[Fraction(257, 256)], [2]], W_U=[[1, 0]])
    statement = FloatStatement(net.statement.network, net.statement.task, FORMATS["bfloat16"])
    with pytest.raises(NotEstablished, match="this network"):
        FloatErrorAnalysis().conclude([NetworkFunctionDefinition().conclude((), statement.rounded)], statement)


def test_the_sentence_overstates_nothing(oracle):
    """The printed bound is at least the exact one."""
    error = float_error(oracle.random_net(0, "float16", 4, 3), COARSE)
    shown = Fraction(rounded_up(error.logit_difference))
    assert error.logit_difference <= shown < error.logit_difference * Fraction(11, 10)
    assert rounded_up(error.logit_difference) in error.sentence()

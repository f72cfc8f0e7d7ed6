"""Every error that the model of a run permits, used at once: the tables are never exceeded, and attained; and each
number of roundings and of storings in the analysis is needed."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="torch is not installed")

from float_adversary import Adversary, shares, table  # noqa: E402
from shares import halved, shared_out  # noqa: E402

from mechproof.engine.arithmetic.float_format import FORMATS, FloatFormat  # noqa: E402
from mechproof.models.float_statement import FloatStatement  # noqa: E402
from mechproof.models.one_layer import one_layer_of  # noqa: E402
from mechproof.models.problem import statement_of  # noqa: E402
from mechproof.models.statement import Statement  # noqa: E402
from mechproof.rewrites.rules import float_stages  # noqa: E402
from mechproof.rewrites.rules.float_error import FloatError, FloatErrorAnalysis  # noqa: E402
from mechproof.rewrites.rules.float_margin import FloatMarginRule  # noqa: E402
from mechproof.rewrites.rules.float_stages import ErrorAnalysis  # noqa: E402
from mechproof.rewrites.rules.network_function import NetworkFunctionDefinition  # noqa: E402

COARSE = FloatFormat("coarse", 14, 14, -126, 128)
STORED = FloatFormat("stored coarsely", 9, 20, -126, 128)
ORDERS = (("z W_O", "b_O", "x"), ("x", "b_O", "z W_O"), ("z W_O", "x", "b_O"))
# The adversary computes with 53 bits, where errors are of some 2^-24 and more.
NOISE = 2.0**-25


def analysed(statement: Statement, form: FloatFormat, ulps: int = 1) -> FloatError:
    runs = FloatStatement(statement.network, statement.task, form, ulps)
    return FloatErrorAnalysis().conclude([NetworkFunctionDefinition().conclude((), statement)], runs)


def adversary(error: FloatError) -> Adversary:
    statement, form = error.statement, error.statement.format
    once, twice = (
        {name: table(matrix.fractions()) for name, matrix in of.items()}
        for of in (one_layer_of(statement.rounded).tensors, statement.rounded_twice)
    )
    unit = float(form.unit)
    return Adversary(once, twice, unit, float(form.storage), 2 * statement.exp_ulps * unit)


def worst(error: FloatError, sequences: Any, steps: int = 4, orders: Any = ORDERS) -> Iterator[float]:
    """What runs make of the errors that the tables allow, for each sequence, goal and order."""
    against = adversary(error)
    exact, allowed = (
        {name: matrix.fractions() for name, matrix in of.items()} for of in (error.paths.tables, error.errors)
    )
    for tokens in sequences:
        for goal in shares(exact, allowed, one_layer_of(error.statement).d_head, tokens).values():
            for order in orders:
                against.order = order
                yield against.most(tokens, goal, 1, steps)


def nearly_ties(oracle: Any, seed: int) -> Any:
    """A network whose weights are just above the middle of two numbers of nine bits."""
    net, rng = oracle.random_net(seed, "eighths", 3, 2), random.Random(seed)
    rows = {
        name: [[Fraction(2 * rng.randrange(256, 512) + 1, 1024) + Fraction(1, 1 << 40) for _ in row] for row in of]
        for name, of in net.tensors.items()
    }
    return net.replaced(**rows)


@pytest.mark.parametrize("form", [COARSE, STORED, FORMATS["bfloat16"], FORMATS["float32"]], ids=lambda form: form.name)
@pytest.mark.parametrize("kind", halved(["float16", "eighths"]))
def test_no_run_exceeds_the_tables(oracle, form, kind):
    """Random networks with biases."""
    for seed in range(2):
        net = oracle.random_net(seed, kind, 3, 3)
        rng = random.Random(seed)
        found = worst(analysed(net.statement, form), rng.sample(net.sequences, 2), orders=rng.sample(ORDERS, 1))
        assert 0.2 < max(found) <= 1 + NOISE


def test_weights_rounded_either_way_stay_within_the_tables(oracle):
    """Each entry by itself; with the second rounding left out the tables are exceeded."""
    for seed in range(2):
        net = nearly_ties(oracle, seed)
        error = analysed(net.statement, STORED)
        assert any(
            error.statement.rounded_twice[name] != of
            for name, of in one_layer_of(error.statement.rounded).tensors.items()
        )
        assert max(worst(error, net.sequences[:2], orders=ORDERS[:1])) <= 1 + NOISE


def test_mutant_one_rounding_of_weights_only(oracle, monkeypatch):
    """As if a conversion through float32 were one rounding."""
    net = nearly_ties(oracle, 0)
    against = adversary(analysed(net.statement, STORED))
    monkeypatch.setattr(FloatStatement, "rounded_twice", property(lambda self: one_layer_of(self.rounded).tensors))
    error = analysed(net.statement, STORED)
    exact, allowed = (
        {name: matrix.fractions() for name, matrix in of.items()} for of in (error.paths.tables, error.errors)
    )
    goals = shares(exact, allowed, net.h, net.sequences[0]).values()
    assert max(against.most(net.sequences[0], goal, 1) for goal in goals) > 1 + NOISE


def isolated(oracle: Any) -> dict[str, Any]:
    """Networks in which errors of one kind are all that there is, so that they add up."""
    one, two = [[1]], [[1, -1]]
    return {
        "attention": oracle.net(2, 2, 1, 1, W_E=[[1], [1]], W_V=[[1024]], W_O=one, W_U=two),
        "scores": oracle.net(2, 2, 1, 1, W_E=[[32], [-32]], W_Q=one, W_K=one),
        "one sum": oracle.net(2, 1, 1, 8, W_E=[[64], [64]], W_U=two),
        "attention by position": oracle.net(2, 2, 1, 1, W_pos=[[1], [1]], W_V=[[1024]], W_O=one, W_U=two),
        "scores by position": oracle.net(2, 2, 1, 1, W_pos=[[32], [-32]], W_Q=one, W_K=one),
        "logits": oracle.net(2, 1, 8, 1, W_E=[[1] * 8, [2] * 8], W_U=[[1, -1]] * 8),
    }


@pytest.mark.parametrize("form", shared_out([COARSE, STORED], kept=[STORED]), ids=lambda form: form.name)
def test_tables_are_attained(oracle, form):
    """Up to what errors of errors make."""
    for net in isolated(oracle).values():
        assert 0.99 < max(worst(analysed(net.statement, form), net.sequences)) <= 1 + NOISE


def _one_less(original: Any, place: int, of: int, calls: list[int]) -> Any:
    """The function, whose call number ``place`` has one less for its argument ``of``."""

    def wrong(*arguments: Any) -> Any:
        given = list(arguments)
        given[of] -= len(calls) == place
        calls.append(given[of])
        return original(*given)

    return wrong


@pytest.mark.ci
@pytest.mark.parametrize(
    ("owner", "name", "of", "form"),
    [(ErrorAnalysis, "stored", 1, STORED), (float_stages, "gamma", 0, COARSE)],
    ids=["storings", "roundings"],
)
def test_mutants_with_one_rounding_or_storing_less(oracle, monkeypatch, owner, name, of, form):
    """Wherever the analysis counts roundings or storings, one less is too few: some run exceeds the tables."""
    original, networks = getattr(owner, name), isolated(oracle).values()
    calls: list[int] = []

    def noticed(place: int) -> bool:
        for net in networks:
            calls.clear()
            with monkeypatch.context() as patch:
                patch.setattr(owner, name, _one_less(original, place, of, calls))
                error = analysed(net.statement, form)
            if any(share > 1.005 for share in worst(error, net.sequences, 3, ORDERS[:1])):
                return True
        return False

    assert noticed(0)
    total = len(calls)
    assert total > 15
    assert [place for place in range(1, total) if not noticed(place)] == []


@pytest.mark.parametrize("name", ["bf16_exponentials_stored", "bf16_double_rounding"])
def test_no_run_contradicts_the_theorem_about_networks_that_once_did(name, data):
    """Where every run is said to be right, the worst run is; and worst runs are wrong on some of the other inputs."""
    statement = statement_of(data / "attacks" / f"{name}.npz")
    error = analysed(statement, FORMATS["bfloat16"], 4)
    margin, against = FloatMarginRule().conclude([error], None), adversary(error)
    said, found = set(), set()
    task = one_layer_of(statement)
    for tokens in itertools.product(range(task.d_vocab), repeat=task.n_ctx):
        m = max(tokens)
        others = [x for x in range(task.d_vocab) if x != m]
        if all(margin.sign(tokens[-1], m, x, tokens) == -1 for x in others):
            said.add(tokens)
        goals = (lambda _, logits, x=x, m=m: logits[x] - logits[m] for x in others)
        if max(against.most(tokens, goal, 1) for goal in goals) >= 0:
            found.add(tokens)
    assert said and found and not said & found

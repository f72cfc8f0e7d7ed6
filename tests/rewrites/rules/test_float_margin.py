"""The sign of a computed logit difference, over fractions; and the tables that enclose its terms."""

from __future__ import annotations

import random
from dataclasses import replace
from fractions import Fraction
from itertools import product
from typing import Any

import pytest

from mechproof.engine.arithmetic.ball import Ball, precision
from mechproof.engine.arithmetic.float_format import FORMATS
from mechproof.engine.formula import Table
from mechproof.engine.oracle import examine
from mechproof.models.float_statement import FloatStatement
from mechproof.models.one_layer import one_layer_of
from mechproof.rewrites.rules import float_margin as module
from mechproof.rewrites.rules.float_error import FloatErrorAnalysis
from mechproof.rewrites.rules.float_margin import FLOAT_MARGIN, FloatMargin, FloatMarginRule
from mechproof.rewrites.rules.float_stages import GRID
from mechproof.rewrites.rules.network_function import NetworkFunctionDefinition

STATEMENT: Any = FLOAT_MARGIN.statement


def instances() -> list[dict[str, Any]]:
    """Weights at one end, logits off by all of their error; a fifth of them by more."""
    rng = random.Random(7)
    found = []
    for number in range(400):
        K, beyond = rng.randint(1, 3), 4 if number % 5 == 0 else 1
        low, e = ([Fraction(rng.randint(bottom, 3)) for _ in range(K)] for bottom in (1, 0))
        high = [value + rng.randint(0, 2) for value in low]
        d = [Fraction(rng.randint(-4, 4)) for _ in range(K)]
        ups, downs = (
            [
                side * max(side * w * (x + side * room) for w in ends)
                for *ends, x, room in zip(low, high, d, e, strict=True)
            ]
            for side in (1, -1)
        )
        w = [rng.choice(ends) for ends in zip(low, high, strict=True)]
        share = sum(w)
        off = beyond * rng.choice([-1, 0, 1]) * sum(a * b for a, b in zip(w, e, strict=True))
        computed = (sum(a * b for a, b in zip(w, d, strict=True)) + off) / share
        tables = {"w'": w, "w^{-}": low, "w^{+}": high, "\\Delta": d, "e": e, "a": ups, "b": downs}
        found.append({"K": K, "L": computed} | {name: Table(rows) for name, rows in tables.items()})
    return found


def test_lemma():
    """Both implications hold for weights and errors at the ends of their ranges, and are attained."""
    report = examine(STATEMENT, instances())
    assert report.holds and report.attained


def test_mutants_of_the_lemma():
    """A relation turned round or a premise dropped is noticed."""
    assert all(mutant.killed for mutant in examine(STATEMENT, instances()).mutants if mutant.required)


def float_margin(net: Any, name: str = "float32") -> FloatMargin:
    statement = FloatStatement(net.statement.network, net.statement.task, FORMATS[name])
    network = NetworkFunctionDefinition().conclude((), statement.stored)
    return FloatMarginRule().conclude([FloatErrorAnalysis().conclude([network], statement)], None)


def faults(margin: FloatMargin) -> list[tuple[int, ...]]:
    """Entries of the fixed-point tables that do not enclose [D⁻, D⁺] at 300 bits."""
    paths, error, layer = margin.paths, margin.error, one_layer_of(margin.statement)
    found = []
    for q, m in layer.cells():
        if not layer.cell_size(q, m):
            continue
        table = margin.enclosure.cell(q, m)
        for p, t, x in product(range(layer.n_ctx), range(m + 1), range(layer.d_vocab)):
            own = p == layer.n_ctx - 1
            if x == m or (own and t != q):
                continue
            entry = table.base[x] if own else table.free[p, t, x]
            with precision(300):
                root = Ball.sqrt(one_layer_of(paths.statement).d_head)
                for side, bound in ((1, int(entry.upper)), (-1, int(entry.lower))):
                    room = Ball.dyadic(error.logit(q, p, t, x) + error.logit(q, p, t, m), GRID)
                    delta = Ball.dyadic(paths.logit_difference(q, p, t, x, m), paths.logit_exponent)
                    for tilt in (1, -1):
                        score = Ball.dyadic(paths.score(q, p, t), paths.score_exponent)
                        score = score + Ball.dyadic(tilt * error.score(q, p, t), GRID)
                        value = score.over(root).exp() * (delta + Ball.dyadic(side, 0) * room)
                        end = Ball.dyadic(bound, table.unit)
                        if not (value <= end if side > 0 else value >= end).proved:
                            found.append((q, m, p, t, x, side))
    return found


@pytest.mark.parametrize("name", FORMATS)
def test_the_tables_enclose_the_terms_of_every_run(oracle, name):
    """Every entry of every cell, at both ends of the weights and of the logits."""
    assert faults(float_margin(oracle.random_net(3, "float16", 4, 3), name)) == []


@pytest.mark.parametrize("planted", ["errors forgotten", "ends exchanged"])
def test_planted_errors_are_noticed(oracle, monkeypatch, planted):
    """Tables without the errors, or with the ends of the weights exchanged, do not enclose (a mutant of the code)."""
    margin = float_margin(oracle.random_net(3, "float16", 4, 3), "bfloat16")
    if planted == "errors forgotten":
        monkeypatch.setattr(module.FloatEnclosure, "_moved", lambda self, name, side: self.paths.tables[name])
    else:
        monkeypatch.setattr(module, "_between", lambda low, high, scale: module.at_scale(low, scale))
    assert faults(margin)


def test_a_sign_is_that_of_both_ends(oracle):
    """-1 and 1 agree with the real sign on every sequence, and errors large enough leave every one open."""
    net = oracle.random_net(3, "float16", 4, 3)
    margin = float_margin(net)
    pairs = [(tokens, x) for tokens in net.sequences for x in range(net.V) if x != max(tokens)]
    signs = [margin.sign(tokens[-1], max(tokens), x, tokens) for tokens, x in pairs]
    assert {-1, 1} <= set(signs)
    for (tokens, x), sign in zip(pairs, signs, strict=True):
        assert sign is None or sign == net.truth.sign(tokens, x)
    wide = {name: table + table for name, table in margin.error.errors.items()}
    for _ in range(40):
        wide = {name: table + table for name, table in wide.items()}
    vague = FloatMargin(margin.paths, error=replace(margin.error, errors=wide))
    assert {vague.sign(tokens[-1], max(tokens), x, tokens) for tokens, x in pairs} == {None}

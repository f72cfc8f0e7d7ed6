"""S0: the lemma over fractions, its mutants, and exact signs of single sequences."""

from __future__ import annotations

import random
from dataclasses import replace
from fractions import Fraction
from typing import Any

import mpmath
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mechproof.engine.formula import At, Formula, Num, Range, Total, Var
from mechproof.rewrites.rules import additive_margin
from mechproof.rewrites.rules.additive_margin import ADDITIVE

STATEMENT: Any = ADDITIVE.statement


def environment(weights: list[Fraction], logits: list[list[Fraction]], x: int = 0, m: int = 1) -> dict[str, Any]:
    return {"K": len(weights), "w": weights.__getitem__, "\\lambda": lambda p, token: logits[p][token], "x": x, "m": m}


def random_environment(rng: random.Random, low: int = 1) -> dict[str, Any]:
    positions = rng.randint(1, 4)
    weights = [Fraction(rng.choice([n for n in range(low, 7) if n]), rng.randint(1, 3)) for _ in range(positions)]
    return environment(weights, [[Fraction(rng.randint(-2, 2)) for _ in range(2)] for _ in range(positions)])


positive = st.fractions(min_value=Fraction(1, 50), max_value=50, max_denominator=50)
real = st.fractions(min_value=-20, max_value=20, max_denominator=20)


@settings(max_examples=150, deadline=None, derandomize=True)
@given(st.lists(st.tuples(positive, real, real), min_size=1, max_size=5))
def test_lemma(rows):
    """The printed statement holds for all positive weights and all logits."""
    assert STATEMENT.value(environment([w for w, _, _ in rows], [[a, b] for _, a, b in rows]))


def test_lemma_is_tight():
    """On a tie both sides are false, and one unit less makes both true."""
    tie = environment([Fraction(2), Fraction(1)], [[Fraction(1), Fraction(0)], [Fraction(0), Fraction(2)]])
    less = environment([Fraction(2), Fraction(1)], [[Fraction(1), Fraction(0)], [Fraction(-1), Fraction(2)]])
    assert (STATEMENT.left.value(tie), STATEMENT.right.value(tie)) == (False, False)
    assert (STATEMENT.left.value(less), STATEMENT.right.value(less)) == (True, True)


_p = Var("p")
_positions = Range(Num(0), Var("K"))
_difference = At("\\lambda", _p, Var("x")) - At("\\lambda", _p, Var("m"))
MUTANTS: dict[str, Formula] = {
    "tie counted as right": replace(STATEMENT, right=replace(STATEMENT.right, sign="\\le")),
    "sign flipped": replace(STATEMENT, right=replace(STATEMENT.right, sign=">")),
    "off by one": replace(STATEMENT, right=replace(STATEMENT.right, right=Num(1))),
    "weights dropped": replace(STATEMENT, right=Total(_p, _positions, _difference) < Num(0)),
    "last position dropped": replace(
        STATEMENT,
        right=Total(_p, Range(Num(0), Var("K") - Num(1)), At("w", _p, subscript=True) * _difference) < Num(0),
    ),
    "logit of m dropped": replace(
        STATEMENT,
        right=Total(_p, _positions, At("w", _p, subscript=True) * At("\\lambda", _p, Var("x"))) < Num(0),
    ),
}


@pytest.mark.parametrize("mutant", MUTANTS)
def test_mutants_are_false(mutant):
    """Each change of the statement is refuted by some small instance."""
    rng = random.Random(1)
    assert not all(MUTANTS[mutant].value(random_environment(rng)) for _ in range(200))


def test_the_weights_must_be_positive():
    """With weights of any sign the statement is false: the hypothesis w > 0 is used."""
    rng = random.Random(2)
    tried = [random_environment(rng, low=-6) for _ in range(300)]
    usable = [e for e in tried if sum(map(e["w"], range(e["K"])))]
    assert not all(STATEMENT.value(e) for e in usable)


@pytest.mark.parametrize(
    "flavour",
    ["eighths", "huge", "tiny", "twin outputs", "nearly twin outputs", "uniform attention", "cancelling paths"],
)
def test_signs_are_exact(oracle, flavour):
    """The sign of every sequence and output is that of the definition, ties included."""
    for seed in range(4):
        net = oracle.random_net(seed, flavour)
        margin = net.margin()
        for tokens in net.sequences[:: 1 + len(net.sequences) // 60]:
            for x in range(net.V):
                if x != max(tokens):
                    assert margin.sign(tokens[-1], max(tokens), x, tokens) == net.truth.sign(tokens, x), (
                        seed,
                        tokens,
                        x,
                    )


def near_tie(oracle: Any, bits: int, above: bool) -> Any:
    """V = K = 2, and on (1, 0) the margin is 2^bits·e - n with n the integer below (or above) it."""
    with mpmath.workdps(2000):
        n = int(mpmath.floor(mpmath.e * 2**bits)) + above
    return oracle.net(
        2, 2, 3, 1,
        W_E=[[1, 0, 0], [0, 1, 0]], W_Q=[[1], [1], [0]], W_K=[[0], [1], [0]],
        W_V=[[-n], [2**bits], [0]], W_O=[[0, 0, 1]], W_U=[[0, 0], [0, 0], [1, 0]],
    )  # fmt: skip


@pytest.mark.parametrize(("bits", "stage"), [(20, 128), (60, 128), (150, 256), (300, 512), (1100, 2048), (5000, 8192)])
@pytest.mark.parametrize("above", [False, True])
def test_near_ties_climb_the_ladder(oracle, bits, stage, above):
    """Margins that cancel to 2^-bits get their true sign, and the stage that gave it is counted."""
    margin = near_tie(oracle, bits, above).margin()
    assert margin.sign(0, 1, 0, (1, 0)) == (-1 if above else 1)
    assert list(margin.stages.elements()) == [f"balls of {stage} bits"]


def test_exact_ties_never_climb(oracle):
    """A sum that is zero is found so by grouping equal scores, also where its terms are not zero."""
    margin = oracle.random_net(0, "cancelling paths", 4, 3).margin()
    signs = {margin.sign(q, m, x, (0, m, q)) for m in range(3) for q in range(m + 1) for x in range(4) if x != m}
    assert signs == {0}
    assert set(margin.stages) == {"exact tie"}
    assert any(margin.paths.logit_difference(0, 0, 0, x, 0) == 0 for x in range(1, 4))


def test_past_the_ladder_the_sign_is_unknown(oracle, monkeypatch):
    """Where precision ends before the answer, there is no answer and no guess."""
    monkeypatch.setattr(additive_margin, "LADDER", (64,))
    margin = near_tie(oracle, 150, True).margin()
    assert margin.sign(0, 1, 0, (1, 0)) is None
    assert list(margin.stages.elements()) == ["undecided"]


def test_stages_are_not_part_of_the_claim(oracle):
    """How signs were found does not change what is claimed."""
    net = oracle.random_net(3, "eighths", 3, 2)
    used, fresh = net.margin(), net.margin()
    used.sign(0, 1, 0, (1, 0))
    assert used.stages != fresh.stages
    assert used.identity() == fresh.identity()
    assert used.conclusion() == {"kind": "additive_margin"}

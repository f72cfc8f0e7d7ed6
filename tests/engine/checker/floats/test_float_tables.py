"""The checker's tables of errors against float runs, and its margins against both ends of the tables."""

from __future__ import annotations

import random
from fractions import Fraction
from itertools import product
from typing import Any

import mpmath
import numpy as np
import pytest
from auditors import first_pass
from float_runs import Run, real, share, ways

from mechproof.engine.checker.budget import Budget
from mechproof.engine.checker.dyadic import Matrix, matrix, zeros
from mechproof.engine.checker.errors import Code, Failure
from mechproof.engine.checker.floats import error as float_error
from mechproof.engine.checker.floats.error import Analysis, Held, moved
from mechproof.engine.checker.floats.format import ARITHMETICS, Arithmetic, Runs, nearest, rounded
from mechproof.engine.checker.floats.rules import TABLES
from mechproof.engine.checker.one_layer.form import SIZES, OneLayer, path_matrices
from mechproof.engine.checker.one_layer.margins import Margins
from mechproof.engine.checker.one_layer.triples import ends as enclosed

COARSE = Arithmetic("coarse", 14, 14, -126, 128)
STORED = Arithmetic("stored coarsely", 9, 20, -126, 128)
VAGUE = Arithmetic("vague", 8, 8, -126, 128)
LIMIT = 1 << 40


def network(V: int, K: int, d: int, h: int, **tensors: list[list[int]]) -> OneLayer:
    """Integer weights; missing ones are zero."""
    sizes = {"V": V, "K": K, "d": d, "h": h}
    full = {
        name: matrix(tensors[name], 0)
        if name in tensors
        else zeros(*([1] * (2 - len(letters)) + [sizes[c] for c in letters]))
        for name, letters in SIZES.items()
    }
    return OneLayer(full, V, K, d, h)


def drawn(seed: int) -> OneLayer:
    """Four tokens, three positions, width 3, head 2, biases; multiples of 1/64."""
    rng = random.Random(seed)
    made = network(4, 3, 3, 2)
    return OneLayer(
        {
            name: matrix([[rng.randint(-128, 128) for _ in row] for row in a.rows], -6)
            for name, a in made.tensors.items()
        },
        *(4, 3, 3, 2),
    )


def fractions(a: Matrix) -> list[list[Fraction]]:
    return [[v * Fraction(2) ** a.exponent for v in row] for row in a.rows]


def tables(net: OneLayer, runs: Runs) -> tuple[Any, Any]:
    """The path matrices and the errors."""
    budget = Budget(LIMIT)
    paths = path_matrices(net, budget)
    return paths, Analysis(net, net, paths, runs, budget).tables()


def worst(net: OneLayer, runs: Runs, errors: Any, seed: int, count: int, underflow: Fraction = Fraction(0)) -> Any:
    """The largest share of the allowed error that ``count`` runs on random sequences make."""
    rng, arithmetic = random.Random(seed), runs.arithmetic
    exact = path_matrices(net, Budget(LIMIT))
    both = [{name: fractions(getattr(of, name)) for name in TABLES} for of in (exact, errors)]
    weights = {name: fractions(a) for name, a in net.tensors.items()}
    found = mpmath.mpf(0)
    with mpmath.workprec(200):
        for number in range(count):
            tokens = [rng.randrange(net.vocabulary) for _ in range(net.positions)]
            choose = ways(rng)[number % 3]
            run = Run(weights, arithmetic.unit, arithmetic.storage, runs.exp_ulps, choose, rng, underflow)
            found = max(found, share(run, tokens, *both))
    return found


@pytest.mark.parametrize("arithmetic", [COARSE, STORED], ids=lambda a: a.name)
@pytest.mark.parametrize("seed", range(3))
def test_runs_stay_within_the_tables(arithmetic: Arithmetic, seed: int) -> None:
    """Scores and logits of runs with all errors at their ends, sums in random orders, biases in the sums or after."""
    net, runs = rounded(drawn(seed), arithmetic, Budget(LIMIT)), Runs(arithmetic, 4)
    assert 0 < worst(net, runs, tables(net, runs)[1], seed, 15) <= 1


ONE, BOTH = [[1]], [[1, -1]]
ISOLATED: dict[str, tuple[OneLayer, Runs]] = {
    "logits": (network(2, 1, 8, 1, W_E=[[1] * 8, [2] * 8], W_U=[[1, -1]] * 8), Runs(COARSE, 1)),
    "attention": (
        network(2, 2, 1, 1, W_E=[[1], [1]], W_V=[[1024]], W_O=ONE, W_U=BOTH), Runs(COARSE, 1),
    ),
    "exponential": (network(2, 2, 1, 1, W_E=[[1], [-1]], W_Q=ONE, W_K=ONE), Runs(COARSE, 256)),
    "scores": (network(2, 2, 1, 1, W_E=[[32], [-32]], W_Q=ONE, W_K=ONE), Runs(COARSE, 1)),
    "one sum": (network(2, 1, 1, 8, W_E=[[64], [64]], W_U=BOTH), Runs(COARSE, 1)),
    "softmax": (network(2, 2, 1, 1, W_E=[[1], [1]], W_V=[[1024]], W_O=ONE, W_U=BOTH), Runs(STORED, 1)),
    "distances": (network(2, 2, 1, 1, W_E=[[32], [-32]], W_Q=ONE, W_K=ONE), Runs(STORED, 1)),
    "storing": (network(2, 1, 1, 1, W_E=[[1], [3]], W_V=ONE, W_O=ONE, W_U=BOTH), Runs(STORED, 1)),
}  # fmt: skip


@pytest.mark.parametrize("part", ISOLATED)
def test_tables_are_attained_up_to_a_small_factor(part: str) -> None:
    """Where one step makes the error, a run makes most of what is allowed."""
    net, runs = ISOLATED[part]
    assert 0.3 < worst(net, runs, tables(net, runs)[1], 1, 40) <= 1


_times, _scores = Analysis.times, Analysis.scores


def _without_error(held: Held) -> Held:
    return Held(held.value, float_error.units(held.value.shape, 0))


def _attended_as_once(self: Analysis, values: Held) -> Held:
    """The false theorem's: attention is stored, and nothing inside of the softmax is."""
    g, s = float_error.gamma(self.network.positions, self.unit), self.storage
    division = (1 + float_error.gamma(2, self.unit)) * (1 + s)
    psi = Fraction(division, 1 - g) * (1 + g) * (1 + s) - 1
    more = float_error.up(values.size, psi)
    return Held(values.value, float_error.plus(values.error, more, float_error.units(values.value.shape)))


MUTANTS: dict[str, tuple[str, Any, str, Any]] = {
    "sums without roundings": ("logits", float_error, "gamma", lambda terms, unit: Fraction(0)),
    "errors not carried through weights": (
        "storing", Analysis, "times", lambda self, held, *rest: _times(self, _without_error(held), *rest),
    ),
    "inner products of inexact rows taken for exact": (
        "scores", Analysis, "scores", lambda self, *rows: _scores(self, *map(_without_error, rows)),
    ),
    "exponentials without error": (
        "exponential", Analysis, "exponential", lambda self: 0,
    ),
    "exponential of 0 ulps": ("exponential", Runs, "exp_ulps", 0),
    "attention taken for exact": ("attention", Analysis, "attended", lambda self, values: values),
    "inner product apart from the residual": (
        "one sum", Analysis, "residual",
        lambda self, query: Held(query.value, float_error.plus(
            query.error, float_error.up(float_error.absolute(query.value), self.unit)
        )),
    ),
    "nothing stored inside of the softmax": ("softmax", Analysis, "attended", _attended_as_once),
    "storing without error": ("storing", Arithmetic, "storage", Fraction(0)),
}  # fmt: skip


@pytest.mark.parametrize("mutant", MUTANTS)
def test_mutants_of_the_formulas_are_contradicted(monkeypatch: pytest.MonkeyPatch, mutant: str) -> None:
    """Tables that forget one step are exceeded by a run."""
    part, owner, name, wrong = MUTANTS[mutant]
    net, runs = ISOLATED[part]
    with monkeypatch.context() as patch:
        patch.setattr(owner, name, wrong)
        errors = tables(net, runs)[1]
    assert worst(net, runs, errors, 1, 40) > 1


@pytest.mark.parametrize("seed", range(2))
def test_underflow_at_its_worst_is_covered(monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    """With the largest least number that is allowed, every operation may err by all that underflow costs.

    With 2^20 times as much the tables are exceeded. The grid is coarser than in earnest, to make this visible.
    """
    monkeypatch.setattr(float_error, "GRID", -24)
    net, budget = drawn(seed), Budget(LIMIT)
    analysis = Analysis(net, net, path_matrices(net, budget), Runs(Arithmetic("fine", 60, 60, -1000, 128), 1), budget)
    analysis.tables()
    room = Fraction(1, 1 << 24) / (128 * analysis.steps * net.positions * analysis.magnitude**2)
    least = -(1 / room).__ceil__().bit_length()
    runs = Runs(Arithmetic("fine", 60, 60, least, 128), 1)
    errors, cost = tables(net, runs)[1], 8 * analysis.magnitude * Fraction(2) ** least
    assert worst(net, runs, errors, seed, 9, cost) <= 1 < worst(net, runs, errors, seed, 9, cost * 2**20)
    with pytest.raises(Failure) as failed:
        tables(net, Runs(Arithmetic("fine", 60, 60, least + 2, 128), 1))
    assert failed.value.code is Code.E262


@pytest.mark.parametrize(
    ("code", "more", "runs"),
    [
        (Code.E260, {"W_U": [[2**128, 0]]}, Runs(ARITHMETICS["float32"], 4)),
        (Code.E261, {"W_U": [[2**125, 0]]}, Runs(ARITHMETICS["float32"], 4)),
        (Code.E262, {}, Runs(Arithmetic("half", 11, 11, -14, 16), 4)),
        (Code.E263, {}, Runs(Arithmetic("tiny", 6, 6, -126, 128), 4)),
        (Code.E264, {}, Runs(ARITHMETICS["float32"], 1 << 22)),
        (Code.E264, {}, Runs(ARITHMETICS["float32"], -1)),
    ],
)
def test_what_the_analysis_excludes(code: Code, more: dict[str, Any], runs: Runs) -> None:
    """Weights that round to infinity, overflow, underflow that matters, too many roundings, a senseless exponential."""
    net = network(2, 1, 1, 1, **({"W_E": [[1], [2]], "W_U": [[1, 0]]} | more))
    with pytest.raises(Failure) as failed:
        tables(rounded(net, runs.arithmetic, Budget(LIMIT)), runs)
    assert failed.value.code is code


def test_rounding_is_that_of_the_formats() -> None:
    """float32 against numpy, subnormal numbers and ties included; bfloat16 and float64 by definition."""
    rng = np.random.default_rng(0)
    values = [*rng.normal(size=300), *(rng.normal(size=300) * 2.0**-140), 1 + 2.0**-24, 1 + 3 * 2.0**-24, 2.0**-150]
    for value in map(float, values):
        top, bottom = value.as_integer_ratio()
        exponent = 1 - bottom.bit_length()
        found = nearest(top, exponent, ARITHMETICS["float32"]) * Fraction(2) ** exponent
        assert found == Fraction(float(np.float32(value)))
        assert nearest(top, exponent, ARITHMETICS["float64"]) == top
        kept = nearest(top, exponent, ARITHMETICS["bfloat16"]) * Fraction(2) ** exponent
        bits = int(np.abs(np.float32(float(kept))).view(np.uint32))
        assert bits % (1 << 16) == 0 and np.float32(float(kept)) == kept
        around = [
            Fraction(float(np.uint32(b).view(np.float32))) for b in (bits - (1 << 16), bits + (1 << 16)) if b >= 0
        ]
        size = abs(Fraction(value))
        gaps = [abs(size - other) for other in around]
        assert all(abs(size - abs(kept)) < gap or (abs(size - abs(kept)) == gap and not bits >> 16 & 1) for gap in gaps)


def ends(net: OneLayer, paths: Any, errors: Any, cell: tuple[int, int], x: int, p: int, t: int) -> tuple[Any, Any]:
    """D- and D+, by mpmath."""
    q, m = cell
    exact, off = ({name: fractions(getattr(of, name)) for name in TABLES} for of in (paths, errors))

    def logit(of: Any, y: int) -> Fraction:
        return of["UU"][q][y] + of["EVOU"][t][y] + of["PVOU"][p][y]

    difference, room = logit(exact, x) - logit(exact, m), logit(off, x) + logit(off, m)
    score, tilt = (of["EQKE"][q][t] + of["EQKP"][q][p] for of in (exact, off))
    powers = [mpmath.exp(real(score + side * tilt) / mpmath.sqrt(net.head)) for side in (-1, 1)]
    low, high = (real(difference + side * room) for side in (-1, 1))
    return min(power * low for power in powers), max(power * high for power in powers)


@pytest.mark.parametrize(
    ("runs", "seed"),
    [(Runs(VAGUE, 4), 0), (Runs(STORED, 4), 1), (Runs(ARITHMETICS["float32"], 4), 2)],
)
def test_margins_enclose_both_ends(runs: Runs, seed: int) -> None:
    """The ends of D, the coarse candidates, and the signs of single sequences, against both ends at 300 bits."""
    net = rounded(drawn(seed), runs.arithmetic, Budget(LIMIT))
    paths, errors = tables(net, runs)
    margins = Margins(moved(paths, errors, -1), net.head, Budget(LIMIT), moved(paths, errors, 1))
    outcomes = set()
    with mpmath.workprec(300):
        for q, m in margins.cells:
            candidates = first_pass(margins, q, m)
            for x in (x for x in range(4) if x != m):
                found = {}
                for p, t in product(range(3), range(m + 1)):
                    if p == 2 and t != q:
                        continue
                    low, high = ends(net, paths, errors, (q, m), x, p, t)
                    least, most, exponent = enclosed(margins, q, m, x, p, t)
                    assert mpmath.ldexp(least, exponent) <= low <= high <= mpmath.ldexp(most, exponent)
                    found[p, t] = low, high
                for free in product(range(m + 1), repeat=2):
                    sums = [sum(found[p, t][side] for p, t in enumerate((*free, q))) for side in (0, 1)]
                    signs = [margins.sign(q, m, x, free, side) for side in (-1, 1)]
                    assert signs == [mpmath.sign(value) for value in sums]
                    assert x in candidates or m not in (*free, q) or sums[1] < 0
                    outcomes.add(tuple(signs))
    assert {(-1, -1), (1, 1)} <= outcomes and ((-1, 1) in outcomes) == (runs.arithmetic.name != "float32")


@pytest.mark.parametrize("seed", range(8))
def test_candidates_miss_no_output_that_may_win(seed: int) -> None:
    """Where weights are wide intervals: an output ruled out for a cell has negative sums of D+ on all its sequences."""
    net = rounded(drawn(seed), VAGUE, Budget(LIMIT))
    paths, errors = tables(net, Runs(VAGUE, 1))
    margins = Margins(moved(paths, errors, -1), net.head, Budget(LIMIT), moved(paths, errors, 1))
    exact = Margins(paths, net.head, Budget(LIMIT))
    for q, m in margins.cells:
        assert margins.order(q, m) == exact.order(q, m)
        for x in set(range(4)) - {m, *first_pass(margins, q, m)}:
            for free in product(range(m + 1), repeat=2):
                assert m not in (*free, q) or margins.sign(q, m, x, free, 1) < 0

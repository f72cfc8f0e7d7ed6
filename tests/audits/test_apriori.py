"""A-priori bounds of float errors: never contradicted, tight where the model is, and no smaller rule would do."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from math import inf, isfinite
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from flint import arb
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from mechproof.audits import apriori, rounding_rules
from mechproof.audits.apriori import Apriori, decided, stands_for
from mechproof.audits.comparing import steps_of
from mechproof.audits.outward import exp_down, exp_up, expm1_up, up
from mechproof.audits.program.balls import Balls, working
from mechproof.audits.program.machine import Machine
from mechproof.audits.replaying import Replays
from mechproof.audits.rounding_model import Format, Seen, error_of
from mechproof.audits.rounding_rules import NoErrorBound
from mechproof.audits.runs import DTYPES, ORDERS, Ordered, Setting
from mechproof.audits.session import Session
from mechproof.audits.verifiers import published
from mechproof.engine.arithmetic.ball import precision
from mechproof.models.zoo import path as zoo
from mechproof.rewrites.published import brute_force
from mechproof.rewrites.published.network import FloatNetwork, Run

Formula = Callable[[Tensor, Tensor], Tensor]
HALF = torch.float16
U = 2.0**-11
CORPUS = Path(__file__).parents[1] / "data" / "audit_corpus"


def centred_thrice(table: Tensor) -> Tensor:
    """Also by rows, by another table's column, and by a column of other rows."""
    table = table - table[:, :1]
    table = table - table[:, 2:3]
    table = table - table[1:2, :]
    return table - (table * 2)[:, 3:4] - table[torch.tensor([1, 0, 3, 2]), 1:2]


FORMULAS: dict[str, Formula] = {
    "add": lambda x, y: x + y,
    "sub": lambda x, y: x - y[:, :1],
    "centred": lambda x, y: centred_thrice(x) * 1 + centred_thrice(y) * 1,
    "rsub": lambda x, y: 1.3 - x,
    "mul": lambda x, y: x * y,
    "scalar": lambda x, y: x * 0.3 + 7,
    "mask": lambda x, y: x * (y > 2e4),
    "div": lambda x, y: x / (y * y + 1),
    "matmul": lambda x, y: x @ y.T @ x,
    "vector": lambda x, y: x[0] @ y.T,
    "sum": lambda x, y: x.sum(dim=0) + y.sum(dim=-1, keepdim=True) + x.sum(),
    "mean": lambda x, y: x.mean(dim=0, keepdim=True) - y.mean(),
    "softmax": lambda x, y: torch.softmax(x, dim=-1) + torch.softmax(y * 3, dim=0),
    "one score": lambda x, y: torch.softmax(x[:, :1], dim=-1),
    "exp": lambda x, y: torch.exp(x.amin(dim=0) - y.abs()),
    "log": lambda x, y: torch.log(x * x + 0.5),
    "sqrt": lambda x, y: (x * x).sqrt() + (y.abs() + 1).sqrt(),
    "extremes": lambda x, y: x.max() - x.amin(dim=1, keepdim=True) + y.amax(dim=0) + y.min(),
    "running": lambda x, y: x.cummax(dim=1).values - y.cummin(dim=0).values,
    "sort": lambda x, y: x.sort(dim=1).values + y.sort(dim=0).values,
    "places": lambda x, y: torch.cat([x.T, -y.reshape(x.shape[1], -1)], dim=0)[torch.tensor([2, 0])].clone(),
    "stack": lambda x, y: torch.stack([x, y.abs()]).amin(dim=0).expand(2, *x.shape),
    "where": lambda x, y: torch.where(torch.arange(x.shape[1]) > 2, x, y) + torch.full_like(x, 0.1),
    "casts": lambda x, y: (x.double() * 0.1).to(HALF).float() + y.to(torch.bfloat16),
    "norm": lambda x, y: torch.linalg.matrix_norm((x @ y.T).float(), 2),
}


def exactly(program: Callable[[], Tensor]) -> list[arb]:
    """What it returns in exact arithmetic, in balls of 256 bits."""
    machine = Machine(Balls)
    with working(256):
        with machine.running():
            found = program()
        balls: Any = machine.memory.read(found)
        return [arb(entry) for entry in balls.entries.ravel()]


def errors(found: Tensor, truth: list[arb]) -> list[arb]:
    with precision(256):
        return [abs(arb(value) - meant) for value, meant in zip(found.double().ravel().tolist(), truth, strict=True)]


def within(found: Tensor, truth: list[arb], bound: np.ndarray) -> bool:
    """Whether every error is certainly at most its bound."""
    bounds = np.broadcast_to(bound, tuple(found.shape)).ravel().tolist()
    return all(limit == inf or error <= limit for error, limit in zip(errors(found, truth), bounds, strict=True))


def bounded(formula: Formula, *given: Tensor) -> tuple[Tensor, np.ndarray]:
    with Apriori(given[0].dtype):
        found = formula(*given)
    return found, error_of(found)


def drawn(seed: int, scale: float, dtype: torch.dtype, shape: tuple[int, int] = (4, 5)) -> list[Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return [(torch.randn(shape, generator=generator, dtype=torch.float64) * scale).to(dtype) for _ in range(2)]


@pytest.mark.parametrize("name", FORMULAS)
@settings(max_examples=12)
@given(st.integers(0, 2**32), st.sampled_from([1e-5, 0.1, 1.0, 6.0]), st.sampled_from(sorted(DTYPES)))
def test_runs_are_within_their_bounds(name, seed, scale, dtype):
    """Every operation, float type and order of sums: the float is off by at most the bound that one run carries."""
    formula, given = FORMULAS[name], drawn(seed, scale, DTYPES[dtype])
    truth = exactly(lambda: formula(*given))
    found, bound = bounded(formula, *given)
    assert within(found, truth, bound)
    for order in ORDERS:
        with Ordered(order):
            assert within(formula(*given), truth, bound)


@pytest.mark.parametrize("name", sorted(set(FORMULAS) - {"casts"}))
@settings(max_examples=12)
@given(st.integers(0, 2**32), st.sampled_from([2.0**-9, 0.125, 1.0]), st.sampled_from(sorted(DTYPES)))
def test_errors_of_operands_are_passed_on(name, seed, scale, dtype):
    """Operands that are off, by small and by large: the bound from one run holds for it and for its mirror image."""
    formula, kind = FORMULAS[name], DTYPES[dtype]
    # All on one grid, so that the mirror image is exact.
    meant = [(part * 16).round() / 16 for part in drawn(seed, 2.0, kind)]
    moved = [(part * 16).round() / 16 * scale for part in drawn(seed + 1, 0.5, kind)]
    truth = exactly(lambda: formula(*(part.clone() for part in meant)))
    this = [part + move for part, move in zip(meant, moved, strict=True)]
    other = [part - move for part, move in zip(meant, moved, strict=True)]
    for part, whole in zip(this, meant, strict=True):
        stands_for(part, whole)
    allowed = [error_of(part) for part in this]
    for part, whole, limit in zip(other, meant, allowed, strict=True):
        part.copy_(torch.where((part.double() - whole.double()).abs() <= torch.from_numpy(limit), part, whole))
    found, bound = bounded(formula, *this)
    assert within(found, truth, bound)
    assert within(formula(*other), truth, bound)


def test_the_bounds_are_not_idle():
    """On ordinary numbers the bounds are finite, and in single precision small."""
    for name, formula in FORMULAS.items():
        _, bound = bounded(formula, *drawn(1, 1.0, torch.float32))
        assert bound.max() < (0.1 if name == "casts" else 1e-3), name


def sequential(terms: Sequence[Tensor]) -> Tensor:
    """A run that is allowed: one addition after the other, each result stored."""
    total = terms[0]
    for term in terms[1:]:
        total = total + term
    return total


def losing(count: int) -> tuple[Tensor, Tensor]:
    """Products whose first is rounded down by nearly u, and of whose sum every addition loses u."""
    left = torch.tensor([[1 + 2 * U, *[2.0**-6] * (count - 1)]], dtype=HALF)
    right = torch.tensor([[1 - U], *[[U * 2.0**6]] * (count - 1)], dtype=HALF)
    return left, right


def lost(count: int) -> float:
    """What the allowed run of ``losing`` loses."""
    left, right = losing(count)
    found = sequential([left[0, n] * right[n, 0] for n in range(count)])
    truth = sum(Fraction(a) * Fraction(b) for a, b in zip(left[0].tolist(), right[:, 0].tolist(), strict=True))
    return float(abs(truth - Fraction(found.item())))


@pytest.mark.parametrize("count", [2, 3, 4])
def test_mutant_one_rounding_too_few(count, monkeypatch):
    """γ_n is needed for n products: an allowed run comes within a hundredth of it, and breaks γ_{n-1}."""
    gamma = Format.gamma
    _, bound = bounded(lambda a, b: a @ b, *losing(count))
    roundings = gamma(Format.of(HALF), count) * (1 + count * U)
    assert 0.98 * float(roundings) < lost(count) <= float(bound[0, 0])
    monkeypatch.setattr(Format, "gamma", lambda form, roundings: gamma(form, roundings - 1))
    # Without tiny results, of which this run has none.
    monkeypatch.setattr(Format, "of", lambda dtype: Format(U, 0.0, 65504.0))
    _, mutant = bounded(lambda a, b: a @ b, *losing(count))
    assert lost(count) > float(mutant[0, 0])


@pytest.mark.parametrize("count", [3, 4, 5])
def test_mutant_one_addition_too_few(count, monkeypatch):
    """A sum of n is rounded n - 1 times: 1 + u + … + u loses all but the first."""
    terms = torch.tensor([1.0, *[U] * (count - 1)], dtype=HALF)
    loss = (count - 1) * U
    assert sequential(list(terms)).item() == 1
    _, bound = bounded(lambda a, _: a.sum(), terms, terms)
    assert loss <= float(bound)
    gamma = Format.gamma
    monkeypatch.setattr(Format, "gamma", lambda form, roundings: gamma(form, roundings - 1))
    monkeypatch.setattr(Format, "of", lambda dtype: Format(U, 0.0, 65504.0))
    _, mutant = bounded(lambda a, _: a.sum(), terms, terms)
    assert loss > float(mutant)


def off(value: float, meant: float, dtype: torch.dtype = torch.float64) -> Tensor:
    found = torch.full((1, 1), value, dtype=dtype)
    stands_for(found, torch.full((1, 1), meant, dtype=dtype))
    return found


def product_without(part: str) -> Callable[..., np.ndarray]:
    def rule(result: Tensor, a: Tensor, b: Tensor) -> np.ndarray:
        left, right = (Seen(side.double().numpy(), error_of(side)) for side in (a, b))
        terms = {
            "left": left.error @ np.abs(right.value),
            "right": np.abs(left.value) @ right.error,
            "cross": left.error @ right.error,
        }
        return up(sum((term for name, term in terms.items() if name != part), np.zeros(1)))

    return rule


@pytest.mark.parametrize(
    ("part", "left", "right"),
    [("left", (1.5, 1.0), (1.0, 1.0)), ("right", (1.0, 1.0), (1.5, 1.0)), ("cross", (0.0, 1.0), (0.0, 1.0))],
)
def test_mutant_products_without_a_term(part, left, right, monkeypatch):
    """The error of either factor, and of both together, is needed."""
    a, b = off(*left), off(*right)
    distance = abs(left[0] * right[0] - left[1] * right[1])
    assert distance <= bounded(lambda a, b: a @ b, a, b)[1].item()
    monkeypatch.setitem(apriori.RULES, "matmul", product_without(part))  # type: ignore[arg-type]
    assert distance > bounded(lambda a, b: a @ b, a, b)[1].item()


def test_mutant_sizes_of_this_run_only(monkeypatch):
    """Another run's numbers may be larger by two errors: this one has 0·0 beside 1·1, another may have 2·2."""
    a, b = off(0.0, 1.0), off(0.0, 1.0)
    assert bounded(lambda a, b: a @ b, a, b)[1].item() >= 3
    monkeypatch.setattr(Seen, "any", Seen.true)
    assert bounded(lambda a, b: a @ b, a, b)[1].item() < 3


@pytest.mark.parametrize(
    "formula", [lambda a, b: a * b, lambda a, b: a @ b, lambda a, b: a / 8192, lambda a, b: torch.exp(a - 60)]
)
def test_mutant_without_underflow(formula, monkeypatch):
    """Results too small for the float type are off by all of themselves."""
    small = torch.full((1, 1), 2.0**-13, dtype=HALF)
    truth = exactly(lambda: formula(small.clone(), small.clone()))
    found, bound = bounded(formula, small.clone(), small.clone())
    assert found.item() == 0
    assert within(found, truth, bound)
    monkeypatch.setattr(Format, "of", lambda dtype: Format(U, 0.0, 65504.0))
    found, mutant = bounded(formula, small.clone(), small.clone())
    assert not within(found, truth, mutant)


def test_flushing_is_covered():
    """Denormal numbers that a processor reads and writes as zero are within the bounds of a run that keeps them."""
    given = [torch.tensor([[2.0**-130, 1.0], [2.0**-100, 3.0]]), torch.tensor([[2.0**-3, 2.0**-127], [2.0**-30, 1]])]
    for formula in (lambda x, y: x @ y, lambda x, y: x * y, lambda x, y: (x + y).sum(dim=0), lambda x, y: x.mean()):
        truth = exactly(lambda formula=formula: formula(*(part.clone() for part in given)))
        _, bound = bounded(formula, *(part.clone() for part in given))
        try:
            assert torch.set_flush_denormal(True)
            flushed = formula(*given)
        finally:
            torch.set_flush_denormal(False)
        assert within(flushed, truth, bound)


def test_mutant_largest_of_this_run_only(monkeypatch):
    """Which entry is largest may change: the error where this run has its largest is not enough."""
    here, meant = torch.tensor([1.0, 0.5]), torch.tensor([1.0, 2.0])
    stands_for(here, meant)
    assert bounded(lambda a, _: a.max(), here, here)[1] >= 1
    monkeypatch.setattr(
        Seen, "maxima", lambda seen, axis: np.take(seen.error, [seen.value.argmax()]).reshape((1,) * seen.value.ndim)
    )
    assert bounded(lambda a, _: a.max(), here, here)[1] < 1


def test_far_entries_do_not_spoil_a_maximum():
    """An entry that is largest in no run adds nothing to the error of the maximum, however far off it is."""
    here = torch.tensor([100.0, 0.5])
    stands_for(here, torch.tensor([100.0, 2.0]))
    assert bounded(lambda a, _: a.max(), here, here)[1] == 0


def test_mutant_sorted_errors_stay_in_place(monkeypatch):
    """An entry that is off may be sorted elsewhere: all places share the largest error."""
    here = torch.tensor([0.0, 1.0, 5.0])
    stands_for(here, torch.tensor([0.0, 1.0, 0.5]))
    truth = torch.tensor([0.0, 0.5, 1.0])
    found, bound = bounded(lambda a, _: a.sort().values, here, here)
    assert ((found - truth).abs().numpy() <= bound).all()
    monkeypatch.setitem(apriori.RULES, "sort", lambda result, a: error_of(a))  # type: ignore[arg-type]
    found, mutant = bounded(lambda a, _: a.sort().values, here, here)
    assert not ((found - truth).abs().numpy() <= mutant).all()


def test_mutant_softmax_with_its_own_score_only(monkeypatch):
    """A share moves when another score does."""
    here, meant = torch.tensor([0.0, 1.0]), torch.tensor([0.0, 0.0])
    stands_for(here, meant)
    truth = exactly(lambda: torch.softmax(meant.clone(), dim=0))
    found, bound = bounded(lambda a, _: torch.softmax(a, dim=0), here, here)
    assert within(found, truth, bound)
    assert bound.max() < 0.5
    rule = apriori.RULES["softmax"]

    def alone(result: Tensor, a: Tensor, dim: int) -> np.ndarray:
        return np.array([rule(result, off_at(place), dim)[place] for place in range(2)])

    def off_at(place: int) -> Tensor:
        only = here.clone()
        only.error = np.where(np.arange(2) == place, error_of(here), 0.0)  # type: ignore[attr-defined]
        return only

    monkeypatch.setitem(apriori.RULES, "softmax", alone)  # type: ignore[arg-type]
    found, mutant = bounded(lambda a, _: torch.softmax(a, dim=0), here, here)
    assert not within(found, truth, mutant)


def test_softmax_with_every_freedom_used():
    """The worst run of a share of nearly 1: the numerator rounded for storing and the sum made of unrounded
    exponentials, addition, reciprocal and product rounded; one rounding less would be too few."""
    scores, u = torch.tensor([0.0, -40.0]), Fraction(1, 1 << 24)
    _, bound = bounded(lambda a, _: torch.softmax(a, dim=0), scores, scores)
    off = (1 + u) / (1 - u) * (1 + u) * (1 + u) - 1
    assert off <= Fraction(float(bound[0])) < off + u / 2


def test_mutant_norms_as_if_by_few_roundings(monkeypatch):
    """Where two singular values nearly coincide a library's norm is off by more than 4(m + n) units."""
    table = torch.tensor([[0.0, -1.0, 0.0, 60000.0], [0.0, 2.0**-14, 0.0, 0.0], [2.0**-14, 60000.0, 0.0, 1.5]])
    truth = exactly(lambda: torch.linalg.matrix_norm(table.clone(), 2))
    # What one library gives.
    found = torch.tensor(60000.0)
    _, bound = bounded(lambda a, _: torch.linalg.matrix_norm(a, 2), table, table)
    assert within(found, truth, bound)
    monkeypatch.setattr(rounding_rules, "NORM_UNITS", 4)
    _, mutant = bounded(lambda a, _: torch.linalg.matrix_norm(a, 2), table, table)
    assert not within(found, truth, mutant)


def test_saturated_shares_are_nearly_certain():
    """Far from a tie even scores that are far off move a share by little."""
    here = torch.tensor([0.0, 30.0])
    stands_for(here, torch.tensor([0.0, 31.0]))
    _, bound = bounded(lambda a, _: torch.softmax(a, dim=0), here, here)
    assert bound.max() < 1e-6


@settings(max_examples=200)
@given(st.floats(-700, 709), st.floats(0, 50))
def test_exponentials_are_outward(value, move):
    """The bounds' own exponential is on the right side of the true one, and near it."""
    with precision(256):
        truth, grown = arb(value).exp(), arb(move).expm1()
        low, high = (arb(float(end(np.array(value)))) for end in (exp_down, exp_up))
        assert low <= truth <= high
        assert high <= truth * (1 + arb(2) ** -16) + arb(2) ** -900
        assert grown <= arb(float(expm1_up(np.array(move))))


def test_centring_again_and_again_adds_up_slowly(monkeypatch):
    """A table minus one column after another: errors grow with the number of columns, not with its power of two."""
    table = drawn(5, 1.0, torch.float32, (6, 40))[0]

    def centred(table: Tensor, _: Tensor) -> Tensor:
        for place in range(40):
            table = table - table[:, place : place + 1]
        return table

    truth = exactly(lambda: centred(table, table))
    found, bound = bounded(centred, table, table)
    assert within(found, truth, bound)
    assert bound.max() < 100 * 2.0**-24 * 10
    monkeypatch.setattr(rounding_rules, "_centring", lambda a, b: None)
    _, mutant = bounded(centred, table, table)
    assert mutant.max() > 1


def test_mutant_centring_without_the_columns_error(monkeypatch):
    """What a row shares cancels when it is centred again; what the column is off by on its own does not."""
    here, meant = torch.tensor([[1.0, 5.0], [1.0, 2.0]]), torch.tensor([[1.0, 4.0], [1.5, 2.0]])
    stands_for(here, meant)

    def centred(table: Tensor, _: Tensor) -> Tensor:
        return table - table[:, :1]

    truth = exactly(lambda: centred(meant, meant))
    found, bound = bounded(centred, here, here)
    assert within(found, truth, bound)
    rule = rounding_rules._centring

    def without(a: Tensor, b: Tensor) -> tuple[int, np.ndarray, np.ndarray] | None:
        found = rule(a, b)
        return found and (*found[:2], np.zeros_like(found[2]))

    monkeypatch.setattr(rounding_rules, "_centring", without)
    found, mutant = bounded(centred, here, here)
    assert not within(found, truth, mutant)


def test_constants_stand_for_the_published_ones():
    """A constant in another float type carries its distance from the one in single precision."""
    with Apriori(HALF):
        tenth = torch.tensor(0.1, dtype=HALF)
        whole = torch.tensor(32, dtype=HALF)
    distance = abs(Fraction(tenth.item()) - Fraction(torch.tensor(0.1).item()))
    assert distance <= Fraction(float(error_of(tenth))) < distance * Fraction(1001, 1000)
    assert error_of(whole) == 0


def test_writing_carries_errors_along():
    """Assignment writes the error too, and leaves other entries alone; a write that could miss it is refused."""
    with Apriori(torch.float32):
        target = torch.full_like(torch.ones(3), 2)
        target[1] = torch.tensor(1.0) / 3
        assert [entry > 0 for entry in error_of(target)] == [False, True, False]
        with pytest.raises(NoErrorBound, match="view"):
            target[1:][0] = 1.0


def test_numbers_that_overflow_have_no_bound():
    """Infinite and NaN results, and those that may overflow in another run, have an infinite error; no crash."""
    big = torch.tensor([[60000.0, 60000.0]], dtype=HALF)
    for formula in (
        lambda x, _: x * x,
        lambda x, _: x @ torch.ones(2, 1, dtype=HALF),
        lambda x, _: x * x - x * x,
        lambda x, _: torch.softmax(x * x, dim=-1),
        lambda x, _: (x * x).mean(),
        lambda x, _: (x * x).sort().values.max(),
        lambda x, _: torch.exp(x),
        # In this order 60000 + 60000 - 60000 overflows, in another it does not.
        lambda x, _: torch.cat([x, -x[:, :1]], dim=1) @ torch.ones(3, 1, dtype=HALF),
    ):
        _, bound = bounded(formula, big, big)
        assert (bound == inf).all()


def test_centring_does_not_cancel_an_overflow():
    """An entry that overflows in some run has no bound, and nothing that is centred at it has one."""
    here = torch.tensor([[20000.0, -20000.0, 0.0]], dtype=HALF)
    stands_for(here, torch.tensor([[35000.0, -35000.0, 0.0]], dtype=HALF))

    def centred(table: Tensor, _: Tensor) -> Tensor:
        table = table - table[:, :1]
        return table - table[:, 1:2]

    assert (bounded(centred, here, here)[1] == inf).all()


def test_uncertain_decisions_are_counted():
    """Comparisons within the bound, and of what may be NaN, are uncertain; the places of a sort once they are used."""
    near, far = off(1.0, 1.25), off(9.0, 9.25)
    with Apriori(torch.float64) as run:
        assert bool(near[0, 0] < 1.3)
        assert (run.compared, run.uncertain) == (1, 1)
        assert bool(near[0, 0] < far[0, 0])
        assert run.uncertain == 1
        values, places = torch.cat([near, far]).sort(dim=0)
        assert run.uncertain == 1
        chosen = values[places[0]]
        assert run.uncertain > 1
    assert decided(chosen) > decided(values)
    with Apriori(HALF) as run:
        assert not torch.full_like(torch.ones(2, dtype=HALF), float("nan")).isnan().logical_not().any()
        assert run.uncertain == 0
        assert (torch.tensor([70000.0, 1.0]).to(HALF) - 1).isinf().any()
        assert run.uncertain == 1


def test_runs_that_decide_otherwise_have_no_bounds():
    """From where a run parts from the exact one, its errors may be anything: the bound says so, and only from there."""

    def compute(network: FloatNetwork) -> Run:
        total = network.W_E.sum(dim=1)
        worst = total * 1 if bool(total[0] < 2.0) else total * 1000
        return brute_force.Replay({"total": total}, torch.zeros(1, 1), worst, worst < 0)

    def network(dtype: str) -> FloatNetwork:
        entries = torch.tensor([[1.0, 1 - 2.0**-12]], dtype=torch.float64)
        return FloatNetwork(*[entries.to(DTYPES[dtype])] * 7)

    replays = Replays(network, compute)
    _, same = replays.run(Setting("float32"))
    _, parted = replays.run(Setting("float16"))
    assert (same.branches, parted.branches) == (0, 1)
    assert [isfinite(step.apriori) for step in same.steps] == [True, True]
    assert [isfinite(step.apriori) for step in parted.steps] == [True, False]
    assert parted.as_json()["steps"][1]["apriori"] is None
    assert (parted.certain, parted.uncertain) == (0, 1)


def test_what_is_unknown_is_refused():
    """No operation is passed over."""
    with pytest.raises(NoErrorBound, match="cos"), Apriori(torch.float32):
        torch.ones(2).cos()


def contradictions(replays: Replays, setting: Setting) -> tuple[int, int]:
    """(certified signs that are wrong, certified signs), after all steps were found within their bounds."""
    run, found = replays.run(setting)
    assert [step.step for step in found.steps if step.beyond] == []
    truth = replays.truth[list(steps_of(run))[-1]]
    worst, bound = run.worst.double().numpy().ravel(), error_of(run.worst).ravel()
    certain = truth.known & (np.abs(worst) > bound)
    assert found.certain == certain.sum()
    assert found.uncertain == truth.known.sum() - certain.sum()
    return int(((worst < 0) != truth.negative.ravel())[certain].sum()), int(certain.sum())


@pytest.mark.parametrize(
    "name",
    [
        "exact/mean/EQKE",
        *(pytest.param(n, marks=pytest.mark.ci) for n in ("svdq/drop/mmrec", "glob/mean/svd", "md/drop/msub")),
        pytest.param("mean/mean/mdx", marks=pytest.mark.ci),
    ],
)
def test_a_trained_network_is_within_its_bounds(name, data):
    """No step of any run is off by more than its bound, and no certified sign is wrong; single precision is certain."""
    session, verifier = Session(zoo("max_of_2_v64_d32_seed123")), published(name)
    gaps = verifier.search(session.network("float32"))
    replays = Replays(session.network, lambda network: verifier.verify(network, gaps))
    certain = {}
    for dtype in DTYPES:
        wrong, certain[dtype] = contradictions(replays, Setting(dtype))
        assert wrong == 0
        for setting in (Setting(dtype, "in halves"), Setting(dtype, "reversed")):
            assert not any(step.beyond for step in replays.run(setting)[1].steps)
    assert 0 < certain["float32"] <= certain["float64"]


@pytest.mark.parametrize("path", sorted(CORPUS.glob("*.npz")), ids=lambda path: path.stem)
def test_constructed_networks_are_within_their_bounds(path):
    """Networks that were made to mislead floats mislead the bounds nowhere: their false cells are uncertain."""
    session = Session(path)
    for name in ("exact/drop/EQKE", "mean/mean/EQKE"):
        verifier = published(name)
        gaps = verifier.search(session.network("float32"))
        replays = Replays(session.network, lambda network, verifier=verifier, gaps=gaps: verifier.verify(network, gaps))
        assert [contradictions(replays, Setting(dtype))[0] for dtype in DTYPES] == [0] * 4


@pytest.mark.parametrize("model", sorted(brute_force.MODELS))
def test_forward_passes_are_within_their_bounds(model):
    """The bounds know what other verifiers do: a network run on sequences, whose argmax is decided after them."""
    session = Session(zoo("max_of_2_v64_d32_seed123"))
    tokens = brute_force.sequences(torch.arange(0, 4096, 37), 64, 2)
    replays = Replays(session.network, lambda network: brute_force.run(brute_force.MODELS[model](network), tokens))
    found = {dtype: contradictions(replays, Setting(dtype)) for dtype in DTYPES}
    assert {wrong for wrong, _ in found.values()} == {0}
    assert found["float32"][1] > 100

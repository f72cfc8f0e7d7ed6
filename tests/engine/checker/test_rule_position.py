"""``position_gap/1``: only cells whose sequences are all right are certified; shares and means against enumeration."""

from __future__ import annotations

import copy
import itertools
import random
from fractions import Fraction
from typing import Any

import pytest
from gap_certificates import certified, certify, claim, made, reaches, within

from mechproof.engine.checker.exponential import Enclosure
from mechproof.engine.checker.rule_position import ONE, Share, largest_mean, shares
from mechproof.rewrites.strategies.methods.positions import Positions

GAP = "position_gap/1"


@pytest.fixture(scope="module")
def model(emitter: Any) -> Any:
    return emitter.pulled_model(3, 4, 3, 0.1)


@pytest.fixture(scope="module")
def base(emitter: Any, model: Any, tmp_path_factory: Any) -> Any:
    return made(emitter, model, tmp_path_factory.mktemp("position"), Positions("EQKE"))


@pytest.fixture
def certificate(base: Any) -> Any:
    return copy.deepcopy(base)


@pytest.mark.parametrize(
    ("kind", "arguments"),
    [
        ("pulled_model", (0, 4, 3, 0.3)),
        ("pulled_model", (1, 4, 4, 0.3)),
        ("pulled_model", (1, 2, 6, 0.3)),
        ("pulled_model", (1, 5, 1, 0.3)),
        ("pulled_model", (0, 1, 3, 0.3)),
        ("random_model", (3, 4, 3, 3, 2, True)),
        ("tied_model", (1, 3, 3)),
    ],
)
def test_what_the_prover_writes_is_verified(
    emitter: Any, judge: Any, tmp_path: Any, kind: str, arguments: tuple[Any, ...]
) -> None:
    """With and without noise; the count is that of right sequences only, and one more is refused."""
    model = getattr(emitter, kind)(*arguments)
    for scores in ("EQKE", "ellipsoid"):
        certificate = made(emitter, model, tmp_path, Positions(scores))
        table, found = reaches(certificate), set()
        for q, m, c in certified(certificate, model):
            found.update(within(model, q, m, c, table[(q * model.V + m) * model.K + c] - 1))
        low = int(certificate["relation"]["right_low"], 16)
        assert low == len(found) and all(map(model.right, found))
        verdict = judge(model, certificate)
        assert (verdict.status, verdict.right_low) == ("VERIFIED", low), verdict.line
        if low < model.V**model.K:
            claim(certificate, low + 1)
            assert judge(model, certificate).code == "E216"


@pytest.mark.parametrize("arguments", [(0, 4, 3, 0.3), (3, 4, 3, 0.5)])
def test_no_cell_with_a_wrong_sequence_is_certified(
    emitter: Any, judge: Any, tmp_path: Any, arguments: tuple[Any, ...]
) -> None:
    """Each cell and reach is tried: where a sequence is wrong it is refused."""
    model = emitter.pulled_model(*arguments)
    bare = made(emitter, model, tmp_path, Positions("EQKE"))
    claim(bare, 0)
    tried = {"VERIFIED": 0, "REFUSED": 0}
    for q, m in model.cells():
        cells = [(c, j) for c in range(1, model.K) for j in range(m) if q == m or q <= j]
        for c, j in [(0, -1)] * (q == m) + cells:
            changed = copy.deepcopy(bare)
            certify(changed, model, (q, m, c), j if c else None)
            verdict = judge(model, changed)
            tried[verdict.status] += 1
            right = all(model.right(s) for s in within(model, q, m, c, j))
            assert verdict.status == "REFUSED" or right, (q, m, c, j)
            assert verdict.status == "VERIFIED" or verdict.code == "E258", verdict.line
    assert min(tried.values()) >= 5


def test_untreated_cells_are_not_certified(emitter: Any, judge: Any, model: Any, certificate: Any) -> None:
    """A bit at a cell without a reach, at a cell without sequences, or beyond the table is refused."""
    for cell in ((3, 1, 1), (1, 2, 0), (0, 0, 2)):
        changed = copy.deepcopy(certificate)
        certify(changed, model, cell, None)
        verdict = judge(model, changed)
        assert verdict.code == "E257" and str(cell) in verdict.line, verdict.line
    emitter.step(certificate, GAP)["conclusion"]["certified"] = hex(1 << model.V**2 * model.K)
    assert judge(model, certificate).code == "E216"


def test_splits_and_advice(emitter: Any, judge: Any, model: Any, certificate: Any) -> None:
    """The splits of UU and EVOU do not stand for each other, and there is no advice."""
    step = emitter.step(certificate, GAP)
    step["premises"][1:3] = reversed(step["premises"][1:3])
    assert judge(model, certificate).code == "E255"
    step["advice"] = {"all": 1}
    assert judge(model, certificate).code == "E110"


def test_workers_and_budgets(judge: Any, model: Any, certificate: Any) -> None:
    """Shared among processes the verdict is the same; a budget below the work ends in E242."""
    assert judge(model, certificate, jobs=2).status == "VERIFIED"
    needed = next(steps for steps in range(500, 10**6, 500) if judge(model, certificate, budget=steps).exit_code == 0)
    for steps in range(500, needed, 1500):
        assert judge(model, certificate, budget=steps).code == "E242"


def test_shares_are_those_of_the_worst_placement() -> None:
    """Every placement's shares are inside, and both bounds are attained, or 0 where a position may be left out."""
    rng = random.Random(1)
    for _ in range(40):
        size = rng.randint(2, 5)
        weights = [Enclosure(n := rng.randint(64, 127), n, rng.choice((-6, -8))) for _ in range(size)]
        exact = [Fraction(w.low) * Fraction(2) ** w.exponent for w in weights]
        unit = max(w.exponent for w in weights)
        rounded = all(w.low % (1 << unit - w.exponent) == 0 for w in weights)
        for own, number in itertools.product((False, True), range(size)):
            if not (own or number):
                continue
            seen: list[list[Fraction]] = [[] for _ in weights]
            for placed in itertools.combinations(range(size - 1), number):
                at = [*placed, size - 1] if own else list(placed)
                for p in range(size):
                    seen[p].append(exact[p] / sum(exact[k] for k in at) if p in at else Fraction(0))
            for bound, found in zip(shares(weights, number, own), seen, strict=True):
                assert Fraction(bound.low, ONE) <= min(found) and max(found) <= Fraction(bound.high, ONE)
                if rounded:
                    assert bound.low + 1 > min(found) * ONE and bound.high - 1 < max(found) * ONE


def test_the_largest_mean_is_the_greedy_one() -> None:
    """The bound by weak duality is that of filling the largest values first."""
    rng = random.Random(2)
    for _ in range(100):
        n = rng.randint(2, 5)
        values = [rng.randint(-9, 9) for _ in range(n)]
        bounds = [Share(rng.randrange(ONE // n), rng.randrange(ONE // n, ONE)) for _ in range(n)]
        left = ONE - sum(share.low for share in bounds)
        total = sum(v * share.low for v, share in zip(values, bounds, strict=True))
        for value, share in sorted(zip(values, bounds, strict=True), reverse=True):
            more = min(left, share.high - share.low)
            left, total = left - more, total + more * value
        assert left == 0 and largest_mean(values, bounds) == total

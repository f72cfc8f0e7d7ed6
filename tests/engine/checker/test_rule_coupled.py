"""``coupled_gap/1``: only cells whose sequences are all right are certified, whatever the multipliers."""

from __future__ import annotations

import copy
import random
from typing import Any

import pytest
from gap_certificates import certified, certify, claim, made, reaches, within

from mechproof.rewrites.strategies.methods.coupled import Coupled

GAP = "coupled_gap/1"


@pytest.fixture(scope="module")
def model(emitter: Any) -> Any:
    return emitter.pulled_model(3, 4, 3, 0.1)


@pytest.fixture(scope="module")
def base(emitter: Any, model: Any, tmp_path_factory: Any) -> Any:
    return made(emitter, model, tmp_path_factory.mktemp("coupled"), Coupled("EQKE", None))


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
    """With and without blocks and noise; the count is that of right sequences only, and one more is refused."""
    model = getattr(emitter, kind)(*arguments)
    for scores, blocks in (("EQKE", None), ("EQKE", 1), ("ellipsoid", 2)):
        certificate = made(emitter, model, tmp_path, Coupled(scores, blocks))
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


@pytest.mark.parametrize(("kind", "arguments"), [("pulled_model", (0, 4, 3, 0.3)), ("pulled_model", (3, 4, 3, 0.5))])
def test_no_cell_with_a_wrong_sequence_is_certified(
    emitter: Any, judge: Any, tmp_path: Any, kind: str, arguments: tuple[Any, ...]
) -> None:
    """Each cell and reach is tried with multipliers of all kinds: where a sequence is wrong it is refused."""
    model, rng = getattr(emitter, kind)(*arguments), random.Random(1)
    bare = made(emitter, model, tmp_path, Coupled("EQKE", None))
    claim(bare, 0)
    tried = {"VERIFIED": 0, "REFUSED": 0}
    for q, m in model.cells():
        cells = [(c, j) for c in range(1, model.K) for j in range(m) if q == m or q <= j]
        for c, j in [(0, -1)] * (q == m) + cells:
            changed = copy.deepcopy(bare)
            certify(changed, model, (q, m, c), j if c else None)
            matrix = emitter.step(changed, GAP)["advice"]["multipliers"]
            if rng.random() < 0.3:
                matrix[2:] = [rng.randint(-40, 3), [hex(rng.randint(-999, 999)) for _ in matrix[3]]]
            verdict = judge(model, changed)
            tried[verdict.status] += 1
            right = all(model.right(s) for s in within(model, q, m, c, j))
            assert verdict.status == "REFUSED" or right, (q, m, c, j)
            assert verdict.status == "VERIFIED" or verdict.code == "E258", verdict.line
    assert min(tried.values()) >= 5


def test_a_multiplier_makes_the_difference(emitter: Any, judge: Any, model: Any, certificate: Any) -> None:
    """The prover's is verified, one far away is not, one that is finer than any number of the network is rounded."""
    advice = emitter.step(certificate, GAP)["advice"]
    rows, columns, exponent, entries = advice["multipliers"]
    advice["multipliers"] = [rows, columns, exponent, [hex(1 << 60)] * len(entries)]
    assert judge(model, certificate).code == "E258"
    finer = [hex((int(entry, 16) << 500) + 1) for entry in entries]
    advice["multipliers"] = [rows, columns, exponent - 500, finer]
    assert judge(model, certificate).status == "VERIFIED"


@pytest.mark.parametrize(
    ("multipliers", "code"),
    [
        ([3, 4, 0, ["0x0"] * 12], "E216"),
        ([4, 2, 0, ["0x0"] * 8], "E216"),
        ([4, 3, 0, ["0x0"] * 11], "E110"),
        ([4, 3, 1 << 21, ["0x0"] * 12], "E111"),
        ([4, 3, 1 << 20, ["0x1"] * 12], "E258"),
        ([4, 3, -(1 << 20), ["0x1"] * 12], None),
        ([4, 3, 0, ["0x" + "1" * 4000] * 12], "E111"),
    ],
)
def test_shapes_and_sizes_of_multipliers(
    emitter: Any, judge: Any, model: Any, certificate: Any, multipliers: Any, code: str
) -> None:
    """One number for each m and c; very large ones certify nothing, very fine ones are rounded to 0."""
    emitter.step(certificate, GAP)["advice"]["multipliers"] = multipliers
    assert judge(model, certificate).code == code


def test_blocks_are_not_said(emitter: Any, judge: Any, model: Any, certificate: Any) -> None:
    """How the prover bounded the other tokens has no place in a certificate."""
    advice = emitter.step(certificate, GAP)["advice"]
    assert list(advice) == ["multipliers"]
    advice["blocks"] = 1
    assert judge(model, certificate).code == "E110"


def test_untreated_cells_are_not_certified(emitter: Any, judge: Any, model: Any, certificate: Any) -> None:
    """A bit at a cell without a reach, at a cell without sequences, or beyond the table is refused."""
    for cell in ((3, 1, 1), (1, 2, 0), (0, 0, 2)):
        changed = copy.deepcopy(certificate)
        certify(changed, model, cell, None)
        verdict = judge(model, changed)
        assert verdict.code == "E257" and str(cell) in verdict.line, verdict.line
    gap = emitter.step(certificate, GAP)["conclusion"]
    gap["certified"] = hex(1 << model.V**2 * model.K)
    assert judge(model, certificate).code == "E216"


def test_splits_must_be_of_their_tables(emitter: Any, judge: Any, model: Any, certificate: Any) -> None:
    """The splits of UU and EVOU do not stand for each other."""
    premises = emitter.step(certificate, GAP)["premises"]
    premises[1], premises[2] = premises[2], premises[1]
    assert judge(model, certificate).code == "E255"


def test_workers_and_budgets(judge: Any, model: Any, certificate: Any) -> None:
    """Shared among processes the verdict is the same; a budget below the work ends in E242."""
    assert judge(model, certificate, jobs=2).status == "VERIFIED"
    needed = next(steps for steps in range(500, 10**6, 500) if judge(model, certificate, budget=steps).exit_code == 0)
    for steps in range(500, needed, 1500):
        assert judge(model, certificate, budget=steps).code == "E242"

"""``cell_loss/1``: numbers that bound logit differences are verified, nearer ones refused, sums are the documented."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import mpmath
import pytest
from loss_certificates import (
    DIGITS,
    differences,
    found,
    is_near,
    numbers,
    proved,
    real,
    require_tight,
    require_true,
    soft,
    state,
    table,
    written,
)

from mechproof.engine.checker import check
from mechproof.models import zoo

RULE = "cell_loss/1"
ZERO = 1 << 15
# Steps of about a microsecond; V = 64, K = 2, d = 32.
LIMIT = 30_000_000
MODELS = [
    ("pulled_model", (0, 4, 3, 0.3)),
    ("pulled_model", (2, 2, 2, 0.3)),
    ("pulled_model", (1, 2, 6, 0.3)),
    ("pulled_model", (1, 5, 1, 0.3)),
    ("pulled_model", (0, 1, 3, 0.3)),
    ("random_model", (3, 4, 3, 3, 2, True)),
    ("random_model", (5, 3, 4, 2, 3, False)),
    ("tied_model", (0, 4, 3)),
    ("tied_model", (1, 3, 4)),
]

Entries = dict[tuple[int, int], tuple[list[int], list[int]]]


def nearest(model: Any) -> Entries:
    """By cell, the entries next to the true extremes of each logit difference on either side."""
    found: Entries = {}
    with mpmath.workdps(DIGITS):
        for q, m in model.cells():
            columns = list(zip(*(differences(model, (*free, q)) for free in model.sequences(q, m)), strict=True))
            tiny = mpmath.mpf(10) ** -30
            below = [int(mpmath.ceil(512 * (min(column) - tiny))) - 1 + ZERO for column in columns]
            above = [int(mpmath.floor(512 * (max(column) + tiny))) + 1 + ZERO for column in columns]
            found[q, m] = below, above
    return found


def advice(model: Any, entries: Entries) -> dict[str, list[str]]:
    """The entries as a certificate has them; none for a cell without sequences."""
    none = [0] * (model.V - 1)
    rows = [[entries.get((q, m), (none, none)) for q in range(m + 1)] for m in range(model.V)]
    return {"differences": [table(n for pair in row for side in pair for n in side) for row in rows]}


def documented(model: Any, entries: Entries) -> tuple[Any, Any]:
    """The sums of docs/certificate.md §8.2, to 60 digits."""
    sums = [mpmath.mpf(0), mpmath.mpf(0)]
    with mpmath.workdps(DIGITS):
        for (q, m), sides in entries.items():
            others = [x for x in range(model.V) if x != m]
            for side, row in enumerate(sides):
                steps = [8 * (n - ZERO) if n else known(model, q, m, x, side) for n, x in zip(row, others, strict=True)]
                sums[side] += model.size(q, m) * soft(real(Fraction(k, 4096)) for k in steps)
    return sums[0], sums[1]


def known(model: Any, q: int, m: int, x: int, side: int) -> int:
    """The extreme of the difference at any position in steps of 2^-12, rounded outward."""
    values = [4096 * model.gap(q, m, x, p, t) for p in range(model.K) for t in range(m + 1)]
    return -(-max(values) // 1) if side else min(values) // 1


@pytest.mark.parametrize(("kind", "arguments"), MODELS)
def test_the_nearest_numbers_are_verified(emitter: Any, judge: Any, kind: str, arguments: tuple[Any, ...]) -> None:
    """A step from what some sequence attains; the documented sums are found, enclose the truth, and are not exceeded.

    Numbers for a part of the differences only, and none at all, give wider sums of the same form.
    """
    model = getattr(emitter, kind)(*arguments)
    full = nearest(model)
    part = {cell: ([0] * len(low), [n * (i % 2) for i, n in enumerate(high)]) for cell, (low, high) in full.items()}
    none = {cell: ([0] * len(low), [0] * len(high)) for cell, (low, high) in full.items()}
    widths = []
    for entries in (full, part, none):
        sums = require_tight(judge, model, written(emitter, model, RULE, advice(model, entries)))
        require_true(model, sums)
        low, high = documented(model, entries)
        assert is_near(sums[0], low) and is_near(sums[1], high)
        widths.append(sums[1] - sums[0])
    if kind == "pulled_model" and model.V > 2 and model.K > 1:
        assert widths[0] < widths[1] < widths[2]


@pytest.mark.parametrize(("kind", "arguments"), [MODELS[0], MODELS[5], MODELS[7]])
def test_a_number_a_step_too_near_is_refused(emitter: Any, judge: Any, kind: str, arguments: tuple[Any, ...]) -> None:
    """Each entry by itself, on either side, by the cell and the output."""
    model = getattr(emitter, kind)(*arguments)
    full = nearest(model)
    refused = 0
    for (q, m), sides in full.items():
        for side, row in enumerate(sides):
            for place, entry in enumerate(row):
                changed = [*row[:place], entry + 1 - 2 * side, *row[place + 1 :]]
                pair = (changed, sides[1]) if side == 0 else (sides[0], changed)
                certificate = written(emitter, model, RULE, advice(model, full | {(q, m): pair}))
                verdict = judge(model, state(certificate, model, 0, 1 << 200))
                x = place + (place >= m)
                assert verdict.code == "E280", verdict.line
                assert f"(q, m) = ({q}, {m}): the {('lower', 'upper')[side]} bound of output {x}" in verdict.line
                refused += 1
    assert refused > 20


@pytest.mark.parametrize("exponent", [-30, 6])
def test_logits_of_any_size(emitter: Any, judge: Any, exponent: int) -> None:
    """Units of logits far above and far below the steps of the numbers; the ends of the range may be outside of it."""
    model = emitter.pulled_model(0, 4, 3, 0.3)
    scaled = emitter.Model({n: a * 2.0**exponent if n in ("W_U", "b_U") else a for n, a in model.tensors.items()})
    coarse = emitter.Model({n: a.round() * (64 if n == "W_U" else 1) for n, a in model.tensors.items()})
    for each in (scaled, coarse):
        entries = {
            cell: ([n if 0 < n < 1 << 16 else 0 for n in low], [n if 0 < n < 1 << 16 else 0 for n in high])
            for cell, (low, high) in nearest(each).items()
        }
        sums = require_tight(judge, each, written(emitter, each, RULE, advice(each, entries)))
        require_true(each, sums)
        assert is_near(sums[1], documented(each, entries)[1])


@pytest.mark.ci
def test_a_network_of_the_zoo(tmp_path: Path, emitter: Any) -> None:
    """Sixty-four tokens in a few seconds' steps; of 262080 numbers one that is too near is noticed."""
    weights, path = zoo.path("max_of_2_v64_d32_seed123"), tmp_path / "certificate.json"
    certificate, line = proved(weights, "separable")
    path.write_bytes(emitter.text(certificate))
    assert check(path, weights, budget=LIMIT).line == line
    step = emitter.step(certificate, RULE)
    rows = numbers(step["advice"]["differences"][0])
    place = next(i for i, n in enumerate(rows) if n and i >= 63)
    step["advice"]["differences"][0] = table([*rows[:place], rows[place] - 1, *rows[place + 1 :]])
    path.write_bytes(emitter.text(certificate))
    assert check(path, weights).code == "E280"


def test_mutants_of_a_certificate_are_refused(emitter: Any, judge: Any, tmp_path: Path) -> None:
    """Every field of the prover's certificate, moved by one in the wrong direction, and another network's weights."""
    model = emitter.pulled_model(0, 4, 3, 0.3)
    certificate, line = proved(emitter.write(model, tmp_path), "separable")
    assert judge(model, certificate).line == line
    assert judge(emitter.pulled_model(1, 4, 3, 0.3), certificate).code == "E201"
    state(certificate, model, *found(judge, model, certificate))
    differences = emitter.step(certificate, RULE)["advice"]["differences"]
    for m, text in enumerate(list(differences)):
        rows = numbers(text)
        for place, n in enumerate(rows):
            outward = 2 * (place // 3 % 2) - 1
            # 0, where none is said, becomes the least number: no lower bound is that small, no upper bound true
            for moved, code in ((n + outward, "E216"), (n - outward, "E280")) if n else ((1, None),):
                differences[m] = table([*rows[:place], moved, *rows[place + 1 :]])
                verdict = judge(model, certificate)
                assert verdict.code == code if code else verdict.code in ("E216", "E280"), (m, place, verdict.line)
        differences[m] = text
    mean = emitter.step(certificate, "loss/1")["conclusion"]
    for change, code in ((certificate["relation"], "E204"), (mean, "E216")):
        for side, better in (("low", 1), ("high", -1)):
            kept = change[side]
            change[side] = hex(int(kept, 16) + better)
            assert judge(model, certificate).code == code
            change[side] = kept
    assert judge(model, certificate).status == "VERIFIED"


def test_tables_of_other_sizes_are_refused(emitter: Any, judge: Any) -> None:
    """One table for each m, and in it two rows for each query; a table of odd bytes is malformed."""
    model = emitter.pulled_model(0, 3, 2, 0.3)
    good = advice(model, {cell: ([0, 0], [0, 0]) for cell in model.cells()})["differences"]
    cases = [
        ("E216", good[:2]),
        ("E216", [*good, good[0]]),
        ("E216", [good[0], good[2], good[1]]),
        ("E110", [good[0], good[1], "AA=="]),
        ("E110", "".join(good)),
    ]
    for code, tables in cases:
        certificate = written(emitter, model, RULE, {"differences": tables})
        assert judge(model, state(certificate, model, 0, 1 << 200)).code == code
    certificate = written(emitter, model, RULE, {"differences": good})
    assert judge(model, state(certificate, model, 0, 1 << 200)).status == "VERIFIED"


def test_a_small_budget_is_refused(emitter: Any, judge: Any) -> None:
    """The steps are charged: a budget below the work ends in E242."""
    model = emitter.pulled_model(0, 5, 4, 0.3)
    none = {cell: ([0] * 4, [0] * 4) for cell in model.cells()}
    made = state(written(emitter, model, RULE, advice(model, none)), model, 0, 1 << 200)
    needed = next(steps for steps in range(500, 100000, 500) if judge(model, made, budget=steps).status == "VERIFIED")
    assert judge(model, made, budget=needed - 500).code == "E242"

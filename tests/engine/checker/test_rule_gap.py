"""``logit_gap/1`` and ``gap_count/1``: only cells whose sequences are all right are certified, and counted once."""

from __future__ import annotations

import base64
import copy
import itertools
import struct
from fractions import Fraction
from math import comb
from typing import Any

import pytest

from mechproof.engine.checker.rule_attention import ONE
from mechproof.engine.checker.rule_gap import Target, highest_lines, largest_gap

GAP, COUNT, RANGE = "logit_gap/1", "gap_count/1", "attention_range/1"
CONFIGURATION = "exact/chord/EQKE"


@pytest.fixture(scope="module")
def model(emitter: Any) -> Any:
    return emitter.pulled_model(0, 4, 3, 0.3)


@pytest.fixture(scope="module")
def base(subcubic: Any, model: Any) -> Any:
    return subcubic(model, CONFIGURATION)


@pytest.fixture
def certificate(base: Any) -> Any:
    return copy.deepcopy(base)


def claim(certificate: Any, low: int) -> None:
    """State another count wherever one is stated."""
    for stated in (certificate["relation"], *(d["conclusion"] for d in certificate["derivations"])):
        if "right_low" in stated:
            stated["right_low"] = hex(low)


def certified(emitter: Any, certificate: Any, model: Any) -> list[tuple[int, int, int]]:
    """The cells whose bits are set."""
    cells = list(itertools.product(range(model.V), range(model.V), range(model.K)))
    bits = int(emitter.step(certificate, GAP)["conclusion"]["certified"], 16)
    return [cell for place, cell in enumerate(reversed(cells)) if bits >> place & 1]


def certify(emitter: Any, certificate: Any, model: Any, cell: tuple[int, int, int], reach: int | None) -> None:
    """Set the bit of one cell, treated up to a reach."""
    q, m, c = cell
    index = (q * model.V + m) * model.K + c
    gap, step = emitter.step(certificate, GAP)["conclusion"], emitter.step(certificate, RANGE)
    gap["certified"] = hex(int(gap["certified"], 16) | 1 << model.V**2 * model.K - 1 - index)
    if reach is not None:
        data = base64.b64decode(step["advice"]["reach"])
        table = list(struct.unpack(f">{len(data) // 2}H", data))
        table[index] = reach + 1
        step["advice"]["reach"] = base64.b64encode(struct.pack(f">{len(table)}H", *table)).decode()
        step["conclusion"]["cells"] = sum(map(bool, table))


def within(model: Any, q: int, m: int, c: int, j: int) -> list[tuple[int, ...]]:
    """The sequences of a cell within a reach."""
    free = itertools.product([*range(j + 1), m] if c else [m], repeat=model.K - 1)
    return [(*s, q) for s in free if sum(t != m for t in (*s, q)) == c]


@pytest.mark.parametrize(
    ("kind", "arguments"),
    [("pulled_model", (0, 4, 3, 0.3)), ("random_model", (3, 4, 3, 3, 2, True)), ("tied_model", (0, 3, 4))],
)
def test_no_cell_with_a_wrong_sequence_is_certified(
    emitter: Any, judge: Any, subcubic: Any, kind: str, arguments: tuple[Any, ...]
) -> None:
    """Each cell and reach is tried: where a sequence is wrong it is refused."""
    model = getattr(emitter, kind)(*arguments)
    made = subcubic(model, CONFIGURATION)
    claim(made, 0)
    tried = {"VERIFIED": 0, "REFUSED": 0}
    for q, m in model.cells():
        cells = [(c, j) for c in range(1, model.K) for j in range(m) if q == m or q <= j]
        for c, j in [(0, -1)] * (q == m) + cells:
            changed = copy.deepcopy(made)
            certify(emitter, changed, model, (q, m, c), j if c else None)
            verdict = judge(model, changed)
            tried[verdict.status] += 1
            right = all(model.right(s) for s in within(model, q, m, c, j))
            assert verdict.status == "REFUSED" or right, (q, m, c, j)
            assert verdict.status == "VERIFIED" or verdict.code == "E258", verdict.line
    assert tried["REFUSED"] >= 10


def test_untreated_cells_are_not_certified(emitter: Any, judge: Any, model: Any, certificate: Any) -> None:
    """A bit at a cell without a reach, at a cell without sequences, or beyond the table is refused."""
    for cell in ((3, 1, 1), (1, 2, 0), (0, 0, 2)):
        changed = copy.deepcopy(certificate)
        certify(emitter, changed, model, cell, None)
        verdict = judge(model, changed)
        assert verdict.code == "E257" and str(cell) in verdict.line, verdict.line
    gap = emitter.step(certificate, GAP)["conclusion"]
    gap["certified"] = hex(1 << model.V**2 * model.K)
    verdict = judge(model, certificate)
    assert verdict.code == "E216" and "the number of cells" in verdict.line


def test_a_larger_reach_is_judged_anew(emitter: Any, judge: Any, subcubic: Any) -> None:
    """The reach enlarged after the fact is refused, or what it then covers is right."""
    refused = 0
    for seed in range(6):
        model = emitter.pulled_model(seed, 4, 3, 0.5)
        made = subcubic(model, CONFIGURATION)
        claim(made, 0)
        for q, m, c in certified(emitter, made, model):
            for j in range(q if q < m else 0, m if c else 0):
                changed = copy.deepcopy(made)
                certify(emitter, changed, model, (q, m, c), j)
                verdict = judge(model, changed)
                refused += verdict.code == "E258"
                assert verdict.exit_code in (0, 1)
                assert verdict.exit_code or all(map(model.right, within(model, q, m, c, j)))
    assert refused >= 3


@pytest.mark.parametrize("off", [(), ("T1",)])
def test_the_count_is_that_of_the_cells(emitter: Any, judge: Any, subcubic: Any, model: Any, off: Any) -> None:
    """Every sequence within the reach of a certified cell, once; one more is refused, one less is implied."""
    certificate = subcubic(model, CONFIGURATION, off)
    data = base64.b64decode(emitter.step(certificate, RANGE)["advice"]["reach"])
    table = struct.unpack(f">{len(data) // 2}H", data)
    found: set[tuple[int, ...]] = set()
    published = 0
    for q, m, c in certified(emitter, certificate, model):
        j = table[(q * model.V + m) * model.K + c] - 1
        found.update(within(model, q, m, c, j))
        others = c - (q < m)
        published += comb(model.K - 1, others) * max(j, 0) ** others
    low = published if off else len(found)
    assert int(certificate["relation"]["right_low"], 16) == low > 0
    assert len(found) <= model.truth()
    assert judge(model, certificate).status == "VERIFIED"
    claim(certificate, low + 1)
    refused = judge(model, certificate)
    assert refused.code == "E216" and f"right_low is stated as {low + 1}; found {low}" in refused.line
    claim(certificate, low - 1)
    assert judge(model, certificate).status == "VERIFIED"


def test_nothing_is_shown_wrong(judge: Any, model: Any, certificate: Any) -> None:
    """An upper bound below the number of inputs does not follow."""
    for stated in (certificate["relation"], *(d["conclusion"] for d in certificate["derivations"])):
        if "right_high" in stated:
            stated["right_high"] = hex(model.V**model.K - 1)
    verdict = judge(model, certificate)
    assert verdict.code == "E216" and "right_high" in verdict.line


def test_splits_must_be_of_their_tables(emitter: Any, judge: Any, model: Any, certificate: Any) -> None:
    """The splits of UU and EVOU do not stand for each other."""
    premises = emitter.step(certificate, GAP)["premises"]
    premises[1], premises[2] = premises[2], premises[1]
    verdict = judge(model, certificate)
    assert verdict.code == "E255" and "is not a split of UU into 1 rows" in verdict.line


@pytest.mark.parametrize("advice", [{"chord": 1}, {"anchors": []}, {"certified": "0x0"}])
def test_what_is_not_checked_is_not_said(
    emitter: Any, judge: Any, model: Any, certificate: Any, advice: dict[str, Any]
) -> None:
    """How the prover bounded the gap has no place in a certificate."""
    step = emitter.step(certificate, GAP)
    assert step["advice"] == {}
    step["advice"] = advice
    assert judge(model, certificate).code == "E110"


@pytest.mark.parametrize(("value", "code"), [("-0x1", "E111"), ("0x" + "1" * (1 << 20), "E111"), (7, "E110")])
def test_malformed_bits(emitter: Any, judge: Any, model: Any, certificate: Any, value: Any, code: str) -> None:
    """The bits are one natural number of limited size."""
    emitter.step(certificate, GAP)["conclusion"]["certified"] = value
    assert judge(model, certificate).code == code


def test_the_count_has_a_switch(emitter: Any, judge: Any, model: Any, certificate: Any) -> None:
    """With j of j + 1 tokens counted, the count for all of them is refused; the switch is 0 or 1."""
    advice = emitter.step(certificate, COUNT)["advice"]
    advice["all"] = 0
    assert judge(model, certificate).code == "E216"
    advice["all"] = 2
    assert judge(model, certificate).code == "E110"


def test_only_lines_below_others_are_left_out() -> None:
    """On a grid of the unit interval, the lines kept have the same maximum as all."""
    lines = [(b, r) for b, r in itertools.product(range(-3, 4), repeat=2) if (5 * b + 3 * r) % 7 in (1, 2, 4)]
    for n in range(len(lines)):
        some = lines[n:] + lines[: n // 2]
        kept = highest_lines(some)
        assert set(kept) <= set(some)
        for k in range(13):
            y = Fraction(k, 12)
            assert max(b + y * r for b, r in kept) == max(b + y * r for b, r in some)
    assert highest_lines([(2, 1), (2, 3), (2, 3)]) == [(2, 3)]


def test_the_largest_gap_is_exact() -> None:
    """The highest line and what the other tokens add, in units of 1 / ONE."""
    target = Target([(4, -9), (1, 0)], [7, 11], True)
    for share, j in itertools.product((0, ONE // 3, ONE), (0, 1)):
        y = Fraction(share, ONE)
        expected = max(4 - 9 * y, Fraction(1)) + (1 - y) * target.others[j]
        assert Fraction(largest_gap(target, j, share), ONE) == expected


def test_workers_and_budgets(judge: Any, model: Any, certificate: Any) -> None:
    """Shared among processes the verdict is the same; a budget below the work ends in E242."""
    assert judge(model, certificate, jobs=2).status == "VERIFIED"
    needed = next(steps for steps in range(500, 10**6, 500) if judge(model, certificate, budget=steps).exit_code == 0)
    for steps in range(500, needed, 1500):
        assert judge(model, certificate, budget=steps).code == "E242"

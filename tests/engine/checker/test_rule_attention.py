"""``attention_range/1``: the ranges hold on every sequence, are tight, and the reach is about cells that exist."""

from __future__ import annotations

import base64
import copy
import itertools
import struct
from fractions import Fraction
from typing import Any

import mpmath
import pytest

from mechproof.engine.checker import network, rule_attention
from mechproof.engine.checker.budget import Budget
from mechproof.engine.checker.dyadic import matrix, zeros
from mechproof.engine.checker.exponential import Enclosure
from mechproof.engine.checker.rule import Auditor
from mechproof.engine.checker.rule_attention import FAR, ONE, Ranges, largest_share, least_share
from mechproof.engine.checker.rule_row_split import RowSplit

RULE = "attention_range/1"
MODELS = [
    ("pulled_model", (0, 4, 3, 0.3)),
    ("pulled_model", (2, 3, 4, 0.3)),
    ("random_model", (3, 4, 3, 3, 2, True)),
    ("random_model", (4, 3, 4, 2, 3, True)),
    ("tied_model", (0, 4, 3)),
    ("random_model", (5, 5, 2, 3, 2, True)),
]


@pytest.fixture(scope="module")
def model(emitter: Any) -> Any:
    return emitter.pulled_model(0, 4, 3, 0.3)


@pytest.fixture(scope="module")
def base(subcubic: Any, model: Any) -> Any:
    return subcubic(model, "exact/chord/EQKE")


@pytest.fixture
def certificate(base: Any) -> Any:
    return copy.deepcopy(base)


def read(text: str) -> list[int]:
    data = base64.b64decode(text)
    return list(struct.unpack(f">{len(data) // 2}H", data))


def written(table: list[int]) -> str:
    return base64.b64encode(struct.pack(f">{len(table)}H", *table)).decode()


def cells(model: Any) -> list[tuple[int, int, int, int]]:
    """All (q, m, c, j) that a reach may name."""
    sizes = itertools.product(range(model.V), range(model.V), range(1, model.K), range(model.V))
    return [(q, m, c, j) for q, m, c, j in sizes if q <= m and j < m and (q == m or q <= j)]


def sequences(model: Any, q: int, m: int, c: int, j: int) -> list[tuple[int, ...]]:
    """The sequences of a cell within the reach."""
    free = itertools.product([*range(j + 1), m], repeat=model.K - 1)
    return [(*s, q) for s in free if sum(t != m for t in (*s, q)) == c]


def attention(model: Any, q: int, m: int, sequence: tuple[int, ...]) -> Any:
    """The attention on m, by the definition."""
    scores = [model.score(q, p, t) for p, t in enumerate(sequence)]
    weights = [mpmath.exp(mpmath.mpf(s.numerator) / s.denominator / mpmath.sqrt(model.h)) for s in scores]
    return mpmath.fsum(w for w, t in zip(weights, sequence, strict=True) if t == m) / mpmath.fsum(weights)


@pytest.mark.parametrize(("kind", "arguments"), MODELS)
def test_ranges_enclose_the_attention_of_every_sequence(
    emitter: Any, tmp_path: Any, kind: str, arguments: tuple[Any, ...]
) -> None:
    """Every cell and reach, without noise and with some: no sequence's attention leaves the range; an end is attained
    when all its tokens are the extreme one, to 2^-60 of it."""
    model = getattr(emitter, kind)(*arguments)
    budget = Budget(10**9)
    auditor = Auditor(network.read_network(str(emitter.write(model, tmp_path)), budget), "", budget, 1)
    table = auditor.paths.EQKE
    exact = RowSplit("EQKE", table, zeros(model.V, 1))
    noisy = RowSplit("EQKE", table, matrix([[q + 1] for q in range(model.V)], -3))
    attained = 0
    with mpmath.workdps(60):
        for q, m, c, j in cells(model):
            reach = [0] * (model.V**2 * model.K)
            reach[(q * model.V + m) * model.K + c] = j + 1
            low, high = (mpmath.mpf(end) / ONE for end in Ranges(auditor.margins, exact, reach).ends(q, m, c))
            found = [attention(model, q, m, s) for s in sequences(model, q, m, c, j)]
            assert low <= min(found) <= max(found) <= high
            wide = [mpmath.mpf(end) / ONE for end in Ranges(auditor.margins, noisy, reach).ends(q, m, c)]
            assert 0 <= wide[0] <= low <= high <= wide[1] <= 1
            scores = model.parts["EQKE"][q][: j + 1]
            if c == 1 or q == m or scores[q] in (min(scores), max(scores)):
                close = mpmath.mpf(2) ** -60
                if q == m:
                    assert min(found) - low <= close * low + close and high - max(found) <= close * high
                attained += (min(found) - low <= close) + (high - max(found) <= close * high)
    assert attained >= 10


def test_shares_are_rounded_outward() -> None:
    """Below and above the quotient, and within a unit of it where the weights have enough bits."""
    for copies, others, x in itertools.product((1, 5, 1 << 130), (1, 77), (Enclosure(3, 5, -2), Enclosure(9, 9, 4))):
        low, high = least_share(copies, others, x), largest_share(copies, others, x)
        least, most = (Fraction(copies, 1) / (copies + others * Fraction(2) ** x.exponent * n) for n in (x.high, x.low))
        assert 0 <= Fraction(low, ONE) <= least <= most <= Fraction(high, ONE) <= 1
        if copies > 1 << 100:
            assert least - Fraction(low, ONE) <= Fraction(1, ONE) >= Fraction(high, ONE) - most


def test_far_exponents_are_not_written_out() -> None:
    """Factors beyond every size give 0 or the least unit at once, and 1 when they are tiny."""
    huge, tiny = Enclosure(1 << 95, 1 << 95, 1 << 40), Enclosure(1 << 95, 1 << 95, -(1 << 40))
    assert least_share(1 << 130, 1, huge) == 0
    assert largest_share(1 << 130, 1, huge) == 1
    assert largest_share(1 << 130, 0, huge) == ONE
    assert ONE - 1 <= least_share(1 << 130, 1, tiny) <= largest_share(1 << 130, 1, tiny) <= ONE
    assert largest_share(1, 1, Enclosure(1, 1, FAR + 1)) == 1


def test_cells_must_exist(emitter: Any, judge: Any, model: Any, certificate: Any) -> None:
    """Each cell that no sequence has is refused by name."""
    step = emitter.step(certificate, RULE)
    table = read(step["advice"]["reach"])
    lies = [
        (2, 1, 1, 0),
        (0, 0, 1, 0),
        (1, 1, 0, 0),
        (0, 2, 0, 1),
        (0, 2, 1, 2),
        (2, 3, 1, 1),
        (3, 3, 2, 3),
        (1, 2, 1, 9),
    ]
    for q, m, c, j in lies:
        changed = list(table)
        changed[(q * model.V + m) * model.K + c] = j + 1
        step["advice"]["reach"] = written(changed)
        verdict = judge(model, certificate)
        assert verdict.code == "E256" and f"({q}, {m}, {c}) has no sequences of reach {j}" in verdict.line, verdict.line


def test_sizes_are_checked(emitter: Any, judge: Any, model: Any, certificate: Any) -> None:
    """The table has one entry for each cell, and as many treated ones as stated."""
    step = emitter.step(certificate, RULE)
    table = read(step["advice"]["reach"])
    for other in (table[:-1], [*table, 0], []):
        step["advice"]["reach"] = written(other)
        verdict = judge(model, certificate)
        assert verdict.code == "E216" and "the size of the reach" in verdict.line
    step["advice"]["reach"] = written(table)
    step["conclusion"]["cells"] += 1
    verdict = judge(model, certificate)
    assert verdict.code == "E216" and "the number of cells" in verdict.line


def test_only_canonical_base64_is_read(emitter: Any, judge: Any, model: Any, certificate: Any) -> None:
    """Truncated text, spare bits, other alphabets, odd lengths and oversized tables are malformed."""
    step = emitter.step(certificate, RULE)
    text = step["advice"]["reach"]
    assert len(read(text)) == 48 and not text.endswith("=")
    odd = base64.b64encode(base64.b64decode(text)[:-1]).decode()
    spare = base64.b64encode(base64.b64decode(text)[:-2]).decode()
    assert odd.endswith("=") and spare.endswith("==")
    loose = spare[:-3] + {"A": "B", "Q": "R", "g": "h", "w": "x"}[spare[-3]] + "=="
    for other in (text[:-1], text[:-2], odd, loose, text + "=", "=" + text, "-" + text[1:], " " + text, text + "\n"):
        step["advice"]["reach"] = other
        verdict = judge(model, certificate)
        assert (verdict.exit_code, verdict.code) == (2, "E110"), (other, verdict.line)
    step["advice"]["reach"] = "A" * (4 * (1 << 21) + 4)
    assert judge(model, certificate).code == "E112"


@pytest.mark.parametrize(("rule", "n", "place"), [("split_range/1", 0, 1), ("table_itself/1", 1, 2)])
def test_only_a_split_of_the_scores_will_do(
    emitter: Any, judge: Any, model: Any, certificate: Any, rule: str, n: int, place: int
) -> None:
    """The splits of EQKE and of another table exchanged: each is refused in the other's place."""
    step, gap = emitter.step(certificate, RULE), emitter.step(certificate, "logit_gap/1")
    other = emitter.step(certificate, rule, n)["id"]
    assert gap["premises"][place] == other
    step["premises"][1], gap["premises"][place] = other, step["premises"][1]
    verdict = judge(model, certificate)
    assert verdict.code == "E255" and f"premise {other} is not a split of EQKE" in verdict.line, verdict.line


def test_exponentials_are_forgotten_and_computed_again(
    judge: Any, model: Any, certificate: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Room for one exponential at a time changes no verdict."""
    whole = judge(model, certificate).line
    monkeypatch.setattr(rule_attention, "MOST_POWERS", 1)
    assert judge(model, certificate).line == whole and whole.startswith("s VERIFIED")

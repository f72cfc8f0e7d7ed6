"""What is charged follows the sizes of the numbers that are computed with; and what a certificate takes in memory."""

from __future__ import annotations

import base64
import time
import tracemalloc
from typing import Any

import numpy as np
import pytest
from auditors import view_of

from mechproof.engine.checker import check
from mechproof.engine.checker.budget import Budget
from mechproof.engine.checker.certificate import Reader
from mechproof.engine.checker.errors import Failure
from mechproof.engine.checker.exponential import exponential, exponential_steps, sign_of_sum
from mechproof.engine.checker.one_layer.margins import Margins
from mechproof.engine.checker.one_layer.triples import Triple, count_cell

V, K = 16, 2


@pytest.fixture(scope="module")
def wrong(emitter: Any) -> Any:
    """A network of which every sequence is wrong, by far: a smaller token's logit is always larger."""
    rng = np.random.default_rng(0)

    def stored(values: Any) -> np.ndarray:
        return np.array(values, dtype=np.float32)

    return emitter.Model(
        {
            "W_E": stored(rng.normal(size=(V, 1)) * 2**-8),
            "W_pos": stored([[-1], [3 * K]]),
            "W_Q": stored([[0.01]]),
            "W_K": stored([[0.3]]),
            "W_V": stored([[1]]),
            "W_O": stored([[1]]),
            "W_U": stored([[-x for x in range(V)]]),
            "b_O": stored([-3 * K]),
        }
    )


@pytest.fixture(scope="module")
def margins(emitter: Any, wrong: Any, tmp_path_factory: pytest.TempPathFactory) -> Margins:
    return view_of(emitter.write(wrong, tmp_path_factory.mktemp("wrong")), 10**12).margins


def test_a_triple_is_charged_by_its_table(emitter: Any, tmp_path: Any) -> None:
    """Finer steps make longer tables, and cost what they take."""
    own = view_of(emitter.write(emitter.pulled_model(0, 4, 4, 0.3), tmp_path), 10**12).margins
    costs = []
    for exponent in (6, 0, -4):
        before = own.budget.left
        for q, m in own.cells:
            count_cell(own, q, m, [(0, Triple(q, m, x, exponent)) for x in range(4) if x != m])
        costs.append(before - own.budget.left)
    assert costs[2] > 2 * costs[1] > 2 * costs[0] > 0, costs


@pytest.mark.parametrize("exponent", [-(10**9), -16000, -120, -14, 0, 5000, 10**9])
def test_a_budget_is_about_microseconds(emitter: Any, judge: Any, wrong: Any, exponent: int) -> None:
    """300,000 steps of hostile triples take well below three seconds (0.3 s, were the machine otherwise idle)."""
    triples = [[q, m, x, exponent] for m in range(1, V) for q in range(m + 1) for x in range(m)]
    certificate = emitter.certificate(wrong, emitter.TRIPLES, {"triples": triples}, 0, V**K)
    start = time.process_time()
    found = judge(wrong, certificate, budget=300_000)
    assert time.process_time() - start < 3
    assert found.status == "VERIFIED" or found.code in ("E234", "E235", "E242")


def test_a_triple_of_an_inactive_token_is_ignored(margins: Margins) -> None:
    """As the page says: not computed, whatever it holds. A larger token stays below m on every sequence here."""
    cell = (0, 7)
    idle = Triple(*cell, 12, -(10**6))
    assert count_cell(margins, *cell, [(0, idle)]) == count_cell(margins, *cell, [])
    with pytest.raises(Failure, match="E234"):
        count_cell(margins, *cell, [(0, idle._replace(x=3))])


def test_an_inactive_triple_does_not_refuse(emitter: Any, judge: Any, wrong: Any) -> None:
    """In a whole certificate likewise."""
    certificate = emitter.triples_certificate(wrong)
    advice = certificate["derivations"][3]["advice"]["triples"]
    assert all(x < m for q, m, x, *_ in advice)
    assert judge(wrong, certificate).status == "VERIFIED"
    advice.insert(0, [0, 0, 1, -(10**6)])
    assert judge(wrong, certificate).status == "VERIFIED"


@pytest.mark.parametrize("bits", [128, 1024, 4096, 16384])
def test_an_exponential_is_charged_by_its_bits(bits: int) -> None:
    """Within a factor of five of the microseconds that it takes, on a machine that does other things too."""
    exponential(12345, -10, 3, bits)
    repeats = max(1, 8192 // bits)
    start = time.process_time()
    for score in range(repeats):
        exponential(12347 + score, -10, 3, bits)
    taken = (time.process_time() - start) * 10**6 / repeats
    assert taken < 5 * exponential_steps(bits) < 100 * taken


def test_an_undecided_sum_is_charged_by_its_bits() -> None:
    """Two exponentials whose difference is small need a high precision, and that is charged."""
    near, far = Budget(10**9), Budget(10**9)
    assert sign_of_sum([(1 << 9000, 1), ((1 << 9000) + 1, -1)], -9000, 1, near) == -1
    assert sign_of_sum([(1, 1), (2, -1)], 0, 1, far) == -1
    assert near.limit - near.left > 10**5 > 100 * (far.limit - far.left)


def test_a_table_takes_two_bytes_a_number() -> None:
    """2^21 numbers of 16 bits, written in 5.6 MB, take 4 MiB, and 16 MiB while they are read."""
    data = np.arange(1 << 21, dtype=">u2").tobytes()
    reader = Reader(b'"' + base64.b64encode(data) + b'"')
    tracemalloc.start()
    try:
        table = reader.table()
        held, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert (len(table), table[1], table[-1]) == (1 << 21, 1, (1 << 16) - 1)
    assert held < 5 << 20 and peak < 16 << 20


def test_reading_is_charged(emitter: Any, tmp_path: Any, wrong: Any) -> None:
    """A large file and a small budget: refused before it is read in full."""
    (tmp_path / "certificate.json").write_bytes(b"[" * 3_000_001)
    found = check(tmp_path / "certificate.json", emitter.write(wrong, tmp_path), budget=1_000_000)
    assert found.code == "E110"
    (tmp_path / "certificate.json").write_bytes(b"[" * 3_000_003)
    found = check(tmp_path / "certificate.json", emitter.write(wrong, tmp_path), budget=1_000_000)
    assert found.code == "E242"

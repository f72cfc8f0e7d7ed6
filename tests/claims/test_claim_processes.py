"""Claims over processes: the same report as one process makes, in the order of the file, and no process left behind."""

from __future__ import annotations

import multiprocessing
from pathlib import Path

import numpy as np
import pytest

from mechproof.claims.run import read, run

CLAIMS = """
model = "zoo:max_of_2_v64_d32_seed123"

[[claim]]
id = "slow"
statement = "accuracy >= 90 %"

[[claim]]
id = "network"
statement = "sigma(EQKE, 1) > 3"

[[claim]]
id = "tensors"
model = "tensors.npz"
statement = "A[0, 1] = 2"

[[claim]]
id = "false"
model = "tensors.npz"
statement = "norm(A) < 5"

[[claim]]
id = "unknown"
model = "tensors.npz"
statement = "B[0, 1] = 2"

[[claim]]
id = "missing"
model = "none.npz"
statement = "A[0, 1] = 2"
"""


@pytest.fixture
def stated(tmp_path: Path) -> Path:
    np.savez(tmp_path / "tensors.npz", A=np.array([[1, 2], [3, 5]], dtype=np.float32))
    (tmp_path / "claims.toml").write_text(CLAIMS, "utf-8")
    return tmp_path / "claims.toml"


def test_two_processes_find_what_one_finds(stated, tmp_path):
    """Lines, certificates, transcripts, errors, and the order in which results are told."""
    told: list[str] = []
    one = run(read(stated))
    two = run(read(stated), jobs=2, tell=lambda result: told.append(result.claim.id))
    assert told == ["slow", "network", "tensors", "false", "unknown", "missing"]
    assert [result.line for result in one.results] == [result.line for result in two.results]
    written = [report.write(tmp_path / name) for report, name in ((one, "one"), (two, "two"))]
    texts = [[path.read_bytes() for path in paths] for paths in written]
    assert texts[0] == texts[1] and len(texts[0]) > 5
    assert not multiprocessing.active_children()


def test_claims_that_the_time_ends_are_open_in_every_process(tmp_path):
    """A claim of minutes: its own time ends it, and the time of all ends the rest; no process goes on."""
    parts = [f'[[claim]]\nid = "c{n}"\nstatement = "loss = {n} ± 1e-9"\n' for n in range(2)]
    path = tmp_path / "claims.toml"
    path.write_text('model = "zoo:max_of_4_v64_d32_seed50"\n' + "".join(parts), "utf-8")
    found = run(read(path), jobs=2, timeout=1)
    assert [result.line for result in found.results] == [
        f"UNDECIDED  c{n}  the timeout of 1 s for a claim ended first" for n in range(2)
    ]
    found = run(read(path), jobs=2, seconds=1)
    assert [result.verdict.detail for result in found.results] == ["the budget ended first"] * 2
    for child in multiprocessing.active_children():
        child.join(5)
    assert not multiprocessing.active_children()

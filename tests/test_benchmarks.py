"""``make bench`` says at its start how long it takes, and tells each measurement as it comes."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

FILE = Path(__file__).parents[1] / "benchmarks" / "run.py"


def loaded() -> ModuleType:
    spec = importlib.util.spec_from_file_location("mechproof_bench", FILE)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def bench(monkeypatch) -> ModuleType:
    """The program with three of its measurements."""
    module = loaded()
    monkeypatch.setattr(module, "TASKS", {"load": 2, "sub-cubic verify": 2, "torch full": 100})
    return module


@pytest.mark.ci
def test_progress_and_results_come_one_by_one(bench, capsys):
    """A line a measurement with what is gone and what is left; the table alone is standard output."""
    bench.main(3, quick=True)

    out, err = capsys.readouterr()
    first, *told = err.splitlines()
    assert first == "2 measurements, about 0:04 minutes on two idle cores"
    assert [line[:25].split("]")[1].split("  ")[0].strip() for line in told] == ["load", "sub-cubic verify"]
    assert all(" gone, about " in line and line.endswith(" to go") for line in told)
    rows = [line for line in out.splitlines() if line.startswith(("load", "sub-cubic verify"))]
    assert len(rows) == 2 and "/full" not in out and "accuracy >= 15062997/16777216" in rows[1]


def test_quick_is_a_minute_and_all_of_it_a_quarter_of_an_hour():
    """By the durations that are stated at the start."""
    tasks, quick = loaded().TASKS, loaded().QUICK
    assert 20 <= sum(seconds for seconds in tasks.values() if seconds <= quick) <= 60
    assert 3 * sum(tasks.values()) <= 15 * 60

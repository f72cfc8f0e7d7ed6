"""``mechproof prove --semantics`` as scripts see it."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from mechproof.__main__ import main

WEIGHTS = Path(__file__).parent / "data" / "unsound_averaging" / "total_v8_k4.npz"


@pytest.fixture
def prove(monkeypatch, capsys, tmp_path) -> Any:
    """Runs ``mechproof prove`` on a small network in a fresh folder: exit code and output."""
    monkeypatch.chdir(tmp_path)

    def call(*arguments: str) -> tuple[int, str]:
        monkeypatch.setattr(sys, "argv", ["mechproof", "prove", str(WEIGHTS), "--quiet", *arguments])
        with pytest.raises(SystemExit) as stop:
            main()
        return int(stop.value.code or 0), capsys.readouterr().out

    return call


def test_the_last_line_names_the_semantics(prove, tmp_path):
    """Both counts in the verdict, the assumption and the missing certificate in sentences, and only transcripts."""
    code, out = prove("--semantics", "float32", "--runs", "256", "--exp-ulps", "2")
    last = out.splitlines()[-1]
    assert code == 0
    assert last.startswith("s PROVED accuracy of every float32 run >= 513/4096 (real: = 513/4096) sha256:")
    assert "2 units in the last place" in out and "has no certificate yet" in out
    assert "error of a logit difference, proved: at most" in out
    folder = tmp_path / "mechproof-out" / "total_v8_k4-float32"
    assert sorted(path.suffix for path in folder.iterdir() if path.is_file()) == [".html", ".md", ".tex"]


def test_json_has_the_same_result(prove):
    """Counts of runs and real counts, the bound, and why nothing was run."""
    code, out = prove("--semantics", "float64", "--runs", "0", "--json")
    told = json.loads(out)
    assert code == 0
    assert (told["semantics"], told["right_low"], told["between"]) == ("float64", 513, 0)
    assert told["real"]["right_low"] == 513
    assert told["sha256"] != told["real"]["sha256"]
    assert told["runs"]["observed"] is None and told["runs"]["not_run"] == "none were asked for"


def test_a_share_that_float_runs_do_not_reach_is_undecided(prove):
    """--at-least is about every float run."""
    code, out = prove("--semantics", "bfloat16", "--runs", "0", "--at-least", "1")
    assert code == 1
    line = out.splitlines()[-1]
    assert line.startswith("s UNDECIDED accuracy >= 1 is not established: accuracy of every bfloat16 run")

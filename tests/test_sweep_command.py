"""The commands sweep and compare as scripts and readers see them."""

from __future__ import annotations

import csv
import json
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

from mechproof.__main__ import main
from mechproof.sweeps import selection

WEIGHTS = Path(__file__).parent / "data" / "unsound_averaging" / "total_v8_k4.npz"
SOME = ("--strategies", "cubic", "--strategies", "subcubic/exact/[md]*/m*x", "--strategies", "branch_and_bound")
ALONE = ("--jobs", "1", "--quiet")


class Outcome(NamedTuple):
    code: int
    out: str
    err: str


@pytest.fixture
def run(monkeypatch, capsys, tmp_path):
    """Runs the command line in a fresh folder, on a terminal of 80 columns."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")

    def call(*arguments: object) -> Outcome:
        monkeypatch.setattr(sys, "argv", ["mechproof", *map(str, arguments)])
        with pytest.raises(SystemExit) as stop:
            main()
            raise SystemExit(0)
        captured = capsys.readouterr()
        return Outcome(int(stop.value.code or 0), captured.out, captured.err)

    return call


def test_a_sweep_leaves_its_files_and_fits_80_columns(run, tmp_path):
    """The table, one SQLite file, the rows as CSV, and the figure twice."""
    result = run("sweep", WEIGHTS, *SOME, *ALONE)
    folder = tmp_path / "mechproof-out" / "sweep"
    rows = list(csv.DictReader((folder / "sweep.csv").read_text().splitlines()))

    assert result.code == 0
    assert max(map(len, result.out.splitlines())) <= 80
    assert sorted(path.suffix for path in folder.iterdir()) == [".csv", ".png", ".sqlite", ".svg"]
    assert {row["strategy"] for row in rows} == set(selection.chosen(SOME[1::2]))
    assert all(int(row["right_low"]) <= 513 <= int(row["right_high"]) for row in rows)
    assert next(row for row in rows if row["strategy"] == "branch_and_bound")["normalised"] == "1.000000"
    assert "no proof is shorter and tighter" in next(folder.glob("*.svg")).read_text()


def test_json_is_one_object_with_every_row(run):
    """What the tables show, as data."""
    result = run("sweep", WEIGHTS, *SOME, *ALONE, "--json")
    (network,) = json.loads(result.out)["networks"]

    assert network["exact"] is True
    assert network["most_right"] == 513
    assert [row["right_low"] for row in network["rows"]] == sorted(
        (row["right_low"] for row in network["rows"]), reverse=True
    )


def test_ablation_tells_what_every_tightening_is_worth(run):
    """One row for each of the best configuration's tightenings, and one without any, which is no better."""
    options = ("--strategies", "subcubic/exact/mean/mdx", "--strategies", "branch_and_bound", "--ablate")
    result = run("sweep", WEIGHTS, *options, *ALONE, "--json")
    (network,) = json.loads(result.out)["networks"]
    best = next(row for row in network["rows"] if row["strategy"] != "branch_and_bound")
    told = {tuple(row["off"]): row["right_low"] for row in network["ablation"]}

    assert {off for (off,) in (off for off in told if len(off) == 1)} == set(
        selection.applicable(best["strategy"], ["T1", "T2", "T3", "T4", "T5", "T8"])
    )
    assert told[max(told, key=len)] <= best["right_low"]


def test_tightenings_can_be_switched_off(run):
    """The rows say what was off, and a name that no strategy has is refused with those there are."""
    result = run("sweep", WEIGHTS, *SOME, *ALONE, "--json", "--off", "T1,T3")
    (network,) = json.loads(result.out)["networks"]
    refused = run("sweep", WEIGHTS, *SOME, *ALONE, "--off", "T99")

    assert {tuple(row["off"]) for row in network["rows"] if "subcubic" in row["strategy"]} == {("T1", "T3")}
    assert refused.code == 2
    assert "T99" in refused.err and "T1" in refused.err


@pytest.mark.parametrize("command", ["sweep", "compare"])
def test_a_damaged_file_is_one_sentence(run, tmp_path, command):
    """A foreign file is neither overwritten nor a traceback."""
    (tmp_path / "sweep.sqlite").write_text("this is a diary\n" * 100)
    where = ("--out", tmp_path) if command == "sweep" else ("--sweep", tmp_path / "sweep.sqlite")
    result = run(command, WEIGHTS, *where, *ALONE)

    assert result.code == 2
    assert "sweep.sqlite" in result.err.replace("\n", "")
    assert "Traceback" not in result.err
    assert (tmp_path / "sweep.sqlite").read_text().startswith("this is a diary")


def test_an_unknown_strategy_lists_those_that_exist(run):
    """Nothing is run for a misspelt name."""
    result = run("sweep", WEIGHTS, "--strategies", "cubical", *ALONE)

    assert result.code == 2
    assert "cubic" in result.err and "separable" in result.err


def test_compare_puts_the_groups_beside_the_published(run, monkeypatch):
    """Every group's best, for weights that no reference was run on."""
    few = ("brute_force", "cubic", "subcubic/exact/mean/EQKE", "subcubic/md/drop/rec")
    monkeypatch.setattr(selection, "published", lambda: few)
    result = run("compare", WEIGHTS, *ALONE)

    assert result.code == 0
    assert max(map(len, result.out.splitlines())) <= 80
    for told in ("brute force", "0.1252", "both quadratic", "No published table", "exact/mean/EQKE"):
        assert told in result.out

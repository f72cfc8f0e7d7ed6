"""Stages measured and reported: true numbers, the right order, tables within 80 columns, readable files."""

from __future__ import annotations

import csv
from dataclasses import replace
from io import StringIO
from time import sleep
from typing import Any

import pytest
from gap_cells import leaning
from rich.console import Console

from mechproof.rewrites.advice.allowance import BudgetSpent
from mechproof.stages import measuring, reporting
from mechproof.stages.measuring import SizesDiffer, Stage, measure


@pytest.fixture(scope="module")
def nets(oracle) -> dict[int, Any]:
    """Three networks that stand for stages, none of them right throughout."""
    return {step: leaning(oracle, step, 4, 3) for step in (1, 2, 30)}


@pytest.fixture(scope="module")
def stages(nets) -> list[Stage]:
    return measure([(step, nets[step].statement) for step in (30, 1, 2)], transfer=True)


def test_numbers_are_those_of_each_network(nets, stages):
    """Stages come by step; counts are the truth or below it, and mechanistic numbers are the exact tables'."""
    assert [stage.step for stage in stages] == [1, 2, 30]
    assert stages[0].reused is None
    for stage in stages:
        net = nets[stage.step]
        right = net.truth.right
        assert stage.exact.low == stage.exact.high == right
        assert stage.subcubic.low <= stage.cubic.low <= right and stage.slack == right - stage.subcubic.low
        tables = {name: table.fractions() for name, table in net.margin().paths.tables.items()}
        for name, found in stage.mechanism.ranges.items():
            assert found == max(max(row) - min(row) for row in tables[name])
        leads = [row[t] - max(e for x, e in enumerate(row) if x != t) for t, row in enumerate(tables["EVOU"])]
        assert (stage.mechanism.copied, stage.mechanism.copy_margin) == (sum(d > 0 for d in leads), min(leads))
        if stage.reused is not None:
            old = stage.reused
            assert old.mended.low == right == old.mended.high
            for given in (old.subcubic, old.tree, old.transferred):
                assert given is not None and given.low <= right <= given.high
            assert 0 <= old.moves[0] <= old.moves[1] <= old.moves[2]


def test_other_sizes_are_no_stage_of_the_run(oracle, nets):
    """A checkpoint of another shape is named by its step."""
    with pytest.raises(SizesDiffer, match=r"step 7 .* V = 4, K = 3.* found V = 3, K = 3"):
        measure([(1, nets[1].statement), (7, leaning(oracle, 0, 3, 3).statement)])


def test_a_search_without_time_says_what_is_open(nets):
    """Undecided sequences are reported as open, and count as not right."""
    (stage,) = measure([(0, nets[1].statement)])
    poor = replace(stage, exact=replace(stage.exact, low=stage.exact.low - 3))
    assert reporting._open(stage.exact) == 0 and reporting._open(poor.exact) == 3


def test_tables_fit_80_columns(stages):
    """No table needs more than a terminal, with the longest numbers of real runs, and every step is in each."""
    console = Console(width=200, record=True, file=StringIO())
    long = [replace(stage, exact=replace(stage.exact, high=10**6, seconds=123.4)) for stage in stages]
    for table in reporting.tables(long):
        assert table.__rich_measure__(console, console.options).maximum <= 80
        console.print(table)
    lines = console.export_text().splitlines()
    assert sum(line.startswith("  30 ") for line in lines) == 4


def test_spread_sheet_has_every_stage(stages):
    """Counts exactly; what the first stage lacks is empty."""
    rows = list(csv.DictReader(StringIO(reporting.spread_sheet(stages))))
    assert [row["step"] for row in rows] == ["1", "2", "30"]
    assert [int(row["exact_low"]) for row in rows] == [stage.exact.low for stage in stages]
    assert rows[0]["transferred_low"] == "" and rows[1]["transferred_low"].isdigit()


def test_arrivals(stages):
    """The first step with nine tenths of the last value, for accuracy and each bound on its own."""
    lows = [(100, 50, 1), (100, 91, 8), (100, 100, 9)]
    made = [
        replace(
            stage, **{k: replace(stage.exact, low=n) for k, n in zip(("exact", "cubic", "subcubic"), low, strict=True)}
        )
        for stage, low in zip(stages, lows, strict=True)
    ]
    assert reporting.arrivals(made) == {"accuracy": 1, "cubic": 2, "sub-cubic": 30}


def test_the_figure_is_drawn(stages, tmp_path):
    """SVG with its labels as text, and PNG."""
    pytest.importorskip("matplotlib")
    svg, png = reporting.draw(stages, "a run", tmp_path / "stages")
    assert (svg.name, png.name) == ("stages.svg", "stages.png")
    assert all(label in svg.read_text() for label in ("training step", "sub-cubic", "EQKP", "a run"))
    assert png.read_bytes().startswith(b"\x89PNG")


def test_checkpoints_that_the_time_does_not_reach_are_left_out(nets, monkeypatch):
    """What was measured in time is kept; a time that suffices for none is said to be over."""
    given = [(step, net.statement) for step, net in nets.items()]
    stage, calls = measuring._stage, iter(range(9))

    def slowly(*arguments, **options):
        while next(calls) == 1:
            while True:
                sleep(0.01)
        return stage(*arguments, **options)

    monkeypatch.setattr(measuring, "_stage", slowly)
    assert [stage.step for stage in measure(given, seconds=6)] == [1]
    calls = iter([1])
    with pytest.raises(BudgetSpent):
        measure(given, seconds=1)

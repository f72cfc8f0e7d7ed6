"""The sweep file: rows come back as they went in, stale ones do not, and other files are refused in one sentence."""

from __future__ import annotations

import sqlite3
from dataclasses import replace

import pytest

from mechproof.engine.errors import MechproofError, describe
from mechproof.rewrites.rules.gap_count import GapCount
from mechproof.sweeps.storage import (
    NotASweepFile,
    OtherSweepFormat,
    Row,
    Store,
    SweepFileUnusable,
    rule_tags,
)

ROW = Row(
    "ab" * 32, "subcubic/exact/mean/EQKE", ("T1", "T3"), "m.npz", 64, 20, 32, 16, 64**20, "1",
    right_low=64**20 - 1, right_high=64**20, multiply=10**30, order="V²K", dimension=7, cells=None,
    search_seconds=0.125, rules=("gap_count/1",),
)  # fmt: skip


@pytest.fixture
def path(tmp_path):
    return tmp_path / "sweep.sqlite"


def test_rows_come_back_as_they_went_in(path):
    """Integers beyond 64 bits, fractions of seconds, tuples and None included."""
    refused = replace(ROW, strategy="brute_force", off=(), reason="too many, said «it»", rules=())
    with Store(path, "1") as store:
        store.add(ROW)
        store.add(refused)
    with Store(path, "1") as store:
        assert sorted(store.rows(ROW.statement), key=lambda row: row.strategy) == [refused, ROW]
        assert store.rows("cd" * 32) == []


def test_a_row_is_replaced_by_a_new_one_of_the_same_key(path):
    """Network, strategy and what was off are the key."""
    with Store(path, "1") as store:
        store.add(ROW)
        store.add(replace(ROW, right_low=5))
        store.add(replace(ROW, off=()))

        assert sorted(row.right_low for row in store.rows(ROW.statement)) == [5, ROW.right_low]


def test_rows_of_other_versions_are_stale(path, monkeypatch):
    """Neither another mechproof's row nor one by a rule that has changed since is taken for a result."""
    with Store(path, "1") as store:
        store.add(ROW)
        assert store.rows(ROW.statement) == [ROW]
        monkeypatch.setattr(GapCount, "version", GapCount.version + 1)
        assert store.rows(ROW.statement) == []
        monkeypatch.undo()
    with Store(path, "2") as store:
        assert store.rows(ROW.statement) == []


def test_rule_tags_are_those_of_the_rules():
    """All rules that ship are found, those of tests are not."""
    assert {"gap_count/1", "accuracy/1", "network_definition/2"} <= rule_tags()


def foreign(path):
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE theirs (x)")


def other_format(path):
    with Store(path, "1"):
        pass
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA user_version = 99")


def cut_short(path):
    with Store(path, "1") as store:
        for number in range(30):
            store.add(replace(ROW, strategy=str(number), order="x" * 4000))
    path.write_bytes(path.read_bytes()[:20_000])


def nonsense(path):
    path.write_bytes(b"strategy,bound\n" * 500)


@pytest.mark.parametrize(
    ("make", "error"),
    [
        (foreign, NotASweepFile),
        (other_format, OtherSweepFormat),
        (cut_short, SweepFileUnusable),
        (nonsense, SweepFileUnusable),
        (lambda path: path.mkdir(), SweepFileUnusable),
    ],
)
def test_a_file_that_is_no_sweep_is_refused_and_left_alone(path, make, error):
    """One sentence that names the file; nothing is written to it."""
    make(path)
    before = path.read_bytes() if path.is_file() else None

    with pytest.raises(error) as caught, Store(path, "1") as store:
        store.rows(ROW.statement)

    assert "sweep.sqlite" in describe(caught.value)
    assert isinstance(caught.value, MechproofError) and caught.value.exit_code == 2
    assert before is None or path.read_bytes() == before


def test_a_value_that_is_not_a_number_is_refused(path):
    """Somebody's edit of a count is a damaged file, not a traceback."""
    with Store(path, "1") as store:
        store.add(ROW)
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE rows SET right_low = 'many'")

    with pytest.raises(SweepFileUnusable), Store(path, "1") as store:
        store.rows(ROW.statement)

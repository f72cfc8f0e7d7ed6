"""Runs that are stopped go on, with the same result; a file of another run is refused."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from random_network import Maker, network

from mechproof.models.tasks import task_of
from mechproof.rewrites.enumeration import Decision, decide
from mechproof.rewrites.enumeration.storage import RunFileUnusable


class Stopped(Exception):
    pass


def subject(seed: int = 6):
    m = Maker(seed)
    net = network(m.embed(40, 3, 8), m.attention(8, 2, 4), m.unembed(8, 64))
    return net, task_of("max-of-k", net)


def shown(found: Decision) -> list[object]:
    return [found.right, found.wrong, found.margin, found.loss, found.stages, list(found.wrong_inputs())]


def test_a_stopped_run_goes_on(tmp_path):
    """After one block the run is stopped; the second run decides the others only, and finds what a whole one finds."""
    net, task = subject()
    file = tmp_path / "run.sqlite"

    def stop(done: int, size: int) -> None:
        raise Stopped

    with pytest.raises(Stopped):
        decide(net, task, progress=stop, resume=file)
    calls: list[int] = []
    found = decide(net, task, progress=lambda done, size: calls.append(done), resume=file)
    assert len(calls) == 1 and calls[-1] == 64000
    assert shown(found) == shown(decide(net, task))
    again: list[int] = []
    assert shown(decide(net, task, progress=lambda done, size: again.append(done), resume=file)) == shown(found)
    assert again == []


def test_files_of_other_runs_are_refused(tmp_path):
    """Another network, another precision, another program, or damage: one sentence, and the file stays as it is."""
    net, task = subject()
    file = tmp_path / "run.sqlite"
    decide(net, task, resume=file)
    before = file.read_bytes()
    with pytest.raises(RunFileUnusable, match="another network, task or precision"):
        decide(*subject(7), resume=file)
    with pytest.raises(RunFileUnusable, match="another network, task or precision"):
        decide(net, task, loss=False, resume=file)
    assert file.read_bytes() == before
    strange = tmp_path / "other.sqlite"
    with sqlite3.connect(strange) as connection:
        connection.execute("CREATE TABLE x (y)")
    with pytest.raises(RunFileUnusable, match="another program"):
        decide(net, task, resume=strange)
    Path(tmp_path / "text").write_text("no database " * 100, "utf-8")
    with pytest.raises(RunFileUnusable, match="not a database"):
        decide(net, task, resume=tmp_path / "text")
    with sqlite3.connect(file) as connection:
        connection.execute("UPDATE blocks SET verdicts = x'00'")
    with pytest.raises(RunFileUnusable, match="block 0 is damaged"):
        decide(net, task, resume=file)

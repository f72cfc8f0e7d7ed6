"""Sweeps over folders: one row a network that agrees with proofs made one by one, and nothing lost when one stops."""

from __future__ import annotations

import os
import signal
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from npz import write_npz
from two_token_network import adding_network, written

import mechproof
from mechproof.__main__ import main
from mechproof.engine.errors import MechproofError
from mechproof.sweeps import family
from mechproof.sweeps.cluster import NoCluster, on_cluster
from mechproof.sweeps.family import FamilyRow, Member, NoNetworks, complete, execute, members, sweep_family
from mechproof.sweeps.running import WorkerDied, in_processes
from mechproof.sweeps.storage import Store

TASK = "group:Z6"


def silent(stage, done, total):
    """No progress."""


def alone(work, waiting):
    return map(work, waiting)


@pytest.fixture
def folder(tmp_path) -> Path:
    """Three networks, one without a quotient and one that is damaged, and a file of another kind."""
    networks = tmp_path / "networks"
    networks.mkdir()
    for seed, noise in ((1, 5), (2, 60)):
        made = written(adding_network(seed, noise), networks)
        for suffix in (".toml", ".npz"):
            made.with_suffix(suffix).rename(networks / f"net{seed}{suffix}")
        named = networks / f"net{seed}.toml"
        named.write_text(named.read_text().replace("net.npz", f"net{seed}.npz"))
    text = (networks / "net1.toml").read_text()
    (networks / "gelu.toml").write_text(text.replace('"relu"', '"gelu"'))
    (networks / "broken.toml").write_text(text.replace("net1.npz", "gone.npz"))
    (networks / "notes.txt").write_text("none of these")
    return networks


def store(tmp_path) -> Store[FamilyRow]:
    return Store(tmp_path / "family.sqlite", "1", FamilyRow, "statement, model")


def swept(folder: Path) -> list[Member]:
    return members([folder], [f"*.toml={TASK}"])


def test_rows_say_what_proofs_say(folder, tmp_path):
    """Counts, costs, margins and losses of each network as `prove` gives them; a file without a statement has a
    reason."""
    with store(tmp_path) as kept:
        rows = {row.model: row for row in complete(swept(folder), kept, alone, silent)}
    assert list(rows) == ["broken.toml", "gelu.toml", "net1.toml", "net2.toml"]
    assert "gone.npz" in rows["broken.toml"].reason and not rows["broken.toml"].statement
    for name in ("gelu.toml", "net1.toml", "net2.toml"):
        exact = mechproof.prove(folder / name, task=TASK).theorem
        assert (rows[name].right_low, rows[name].right_high, rows[name].inputs) == (exact.low, exact.high, 36)
        loss = mechproof.prove(folder / name, task=TASK, metric="loss").theorem.bounds
        assert float(rows[name].loss_low) <= loss[0] <= loss[1] <= float(rows[name].loss_high)
    assert rows["gelu.toml"].method == ""


def test_a_stopped_sweep_goes_on_where_it_was(folder, tmp_path, monkeypatch):
    """Rows that were there are kept, and only the others are proved."""
    with store(tmp_path) as kept:

        def stop(stage, done, total):
            if done == 3:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            complete(swept(folder), kept, alone, stop)
    proved: list[str] = []
    real = family.execute
    monkeypatch.setattr(family, "execute", lambda v, member: proved.append(member.path) or real(v, member))
    with store(tmp_path) as kept:
        rows = complete(swept(folder), kept, alone, silent)
        assert len(rows) == 4 and [Path(path).name for path in proved] == ["net2.toml"]
        proved.clear()
        assert complete(swept(folder), kept, alone, silent) == rows and not proved


def test_two_proofs_that_disagree_are_no_row(folder, monkeypatch):
    """Where the quotient and the enumeration count differently, the row says so and proves nothing."""
    real = family._enumerated
    monkeypatch.setattr(family, "_enumerated", lambda row, s: replace(real(row, s), right_low=1, right_high=1))
    assert "two proofs disagree" in execute("1", Member(str(folder / "net1.toml"), TASK)).reason


def fatal(marker: str, member: Member) -> tuple[Member, FamilyRow]:
    """Kills its process the first time it meets the second network."""
    if member.path.endswith("net2.toml") and not Path(marker).exists():
        Path(marker).touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return member, replace(execute("1", member), seconds=0.0)


def test_a_killed_worker_loses_nothing(folder, tmp_path):
    """Rows that were there stay; the same call goes on and ends with the rows of one process."""
    marker = str(tmp_path / "killed")

    def run(work, waiting):
        return in_processes(partial(fatal, marker), waiting, 2)

    with store(tmp_path) as kept:
        with pytest.raises(WorkerDied):
            complete(swept(folder), kept, run, silent)
        rows = complete(swept(folder), kept, run, silent)
    expected = [replace(execute("1", member), seconds=0.0) for member in swept(folder)]
    assert [replace(row, seconds=0.0) for row in rows] == expected


@pytest.mark.ci
def test_a_cluster_gives_the_same_rows_though_a_worker_is_killed(folder, tmp_path):
    """The scheduler gives the job of a killed worker to another one."""
    distributed = pytest.importorskip("distributed")
    marker = str(tmp_path / "killed")
    with distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster:
        rows = dict(on_cluster(cluster.scheduler_address, partial(fatal, marker), swept(folder)))
    assert Path(marker).exists()
    assert rows == {member: replace(execute("1", member), seconds=0.0) for member in swept(folder)}


def test_no_cluster_is_said_in_a_sentence():
    """No scheduler at the address, or no package for it."""
    with pytest.raises(NoCluster, match="expected a Dask scheduler"):
        list(on_cluster("nonsense://127.0.0.1:1", str, [1]))


def test_tasks_by_pattern(folder):
    """The first pattern that a name matches gives the task; files without one are left out, and all of them is an
    error."""
    found = members([folder], [f"net1*={TASK}", "net2.toml=expression: max(t[0], t[1]) == 3"])
    assert [(Path(m.path).name, m.task) for m in found] == [
        ("net1.npz", TASK), ("net1.toml", TASK), ("net2.toml", "expression: max(t[0], t[1]) == 3"),
    ]  # fmt: skip
    assert {m.task for m in members([folder], ["expression: (t[0] == 1)"])} == {"expression: (t[0] == 1)"}
    with pytest.raises(NoNetworks):
        members([folder], ["other*=group:Z6"])
    with pytest.raises(MechproofError):
        members([folder], [])


def test_the_command(folder, tmp_path, monkeypatch, capsys):
    """One line a network, a CSV file beside the database, and the same as JSON."""
    arguments = [
        "sweep",
        str(folder),
        "--task",
        f"*.toml={TASK}",
        "--out",
        str(tmp_path / "out"),
        "--jobs",
        "1",
        "--quiet",
    ]
    monkeypatch.setenv("COLUMNS", "80")
    for more in ([], ["--json"]):
        monkeypatch.setattr("sys.argv", ["mechproof", *arguments, *more])
        with pytest.raises(SystemExit) as stop:
            main()
            raise SystemExit(0)
        assert not stop.value.code
    shown = capsys.readouterr().out
    assert "net1.toml" in shown and "family.csv" in shown and '"networks": [' in shown
    assert (tmp_path / "out" / "family.csv").read_text().startswith("statement,task,model,version,inputs,")


def test_a_whole_sweep_of_weights(tmp_path):
    """Weights are recognised as they are by `prove`; the database and the sheet are returned."""
    arrays = {"W_x": np.eye(6), "W_y": np.eye(6), "W": np.ones((12, 2)), "W_U": np.ones((2, 6))}
    write_npz(tmp_path / "ties.npz", {name: array.astype(np.float32) for name, array in arrays.items()})
    rows, files = sweep_family([tmp_path], [TASK], tmp_path / "out", None, 1, None, silent)
    assert [(row.right_low, row.right_high) for row in rows] == [(0, 0)] and all(path.exists() for path in files)

"""What reports say of where they come from: enough to make them again, and nothing that changes from run to run."""

from __future__ import annotations

import hashlib
import json
import platform
from pathlib import Path

import pytest
from typer.testing import CliRunner

from mechproof import __version__
from mechproof.__main__ import app
from mechproof.engine.files import FileUnreadable
from mechproof.engine.transcript import Document, markdown
from mechproof.models.problem import statement_of
from mechproof.rewrites import provenance as module
from mechproof.rewrites.provenance import Weights, provenance

CELL = Path(__file__).parents[1] / "data" / "unsound_averaging" / "cell_v3_k3.npz"
TOTAL = CELL.with_name("total_v8_k4.npz")


def test_weights_are_named_by_bytes_and_by_meaning():
    """The hash that sha256sum prints, and that of the statement that proofs are about."""
    statement = statement_of(CELL)
    one = Weights.of(CELL, statement)
    assert one == Weights(CELL.name, hashlib.sha256(CELL.read_bytes()).hexdigest(), statement.sha256)
    assert Weights.of(CELL, None).statement == ""
    with pytest.raises(FileUnreadable, match=r"none\.npz"):
        Weights.of(CELL.with_name("none.npz"), None)


def test_every_part_is_stated_once():
    """Versions, machine, processes, threads, assumptions; a file that several claims are about is one file."""
    statement = statement_of(CELL)
    made = provenance([(CELL, statement), (TOTAL, None), (CELL, statement)], ["x"], processes=2, threads=1, date="d")
    assert [one.file for one in made.weights] == [CELL.name, TOTAL.name]
    assert made.assumptions == (*statement.network.assumed, "x")
    assert made.versions["mechproof"] == __version__ and made.versions["Python"] == platform.python_version()
    assert set(made.versions) == {"mechproof", "Python", "torch", "numpy", "python-flint"}
    text = "\n".join(made.lines())
    for piece in (f"sha256:{made.weights[1].sha256}", "2 processes, 1 torch thread\n", "made at: d", "assumed: x"):
        assert piece in text
    told = markdown(Document("t", "s x", (made.section(),)))
    assert all(one.sha256 in told for one in made.weights)
    assert json.loads(json.dumps(made.as_json()))["weights"][0]["statement"] == statement.sha256


def test_a_package_that_is_missing_and_a_system_without_cpuinfo(monkeypatch, tmp_path):
    """Said so, and no error."""
    monkeypatch.setattr(module, "PARTS", ("mechproof", "no-such-package"))
    monkeypatch.setattr(module, "CPU", tmp_path / "none")
    made = provenance([], [])
    assert made.versions == {"mechproof": __version__, "no-such-package": "not installed"}
    assert made.machine.startswith(f"{platform.system()} {platform.machine()}, ") and made.machine.endswith(" cores")


@pytest.fixture
def claims(tmp_path) -> Path:
    path = tmp_path / "claims.toml"
    path.write_text(f'model = "{CELL}"\n[[claim]]\nid = "a"\nstatement = "accuracy = 16/27"\n', "utf-8")
    return path


COMMANDS = {
    "claims": ("claims", "--quiet"),
    "audit": ("audit", str(CELL), "--strategy", "loss", "--gap", "-3", "--dtype", "float32", "--quiet"),
}


@pytest.mark.parametrize("command", COMMANDS)
def test_reports_repeat_unless_a_date_is_asked_for(claims, tmp_path, command):
    """Byte for byte, in JSON and in the transcript; --date adds the one line."""

    def run(folder: str, *more: str) -> tuple[str, str]:
        file = (str(claims),) if command == "claims" else ()
        out = tmp_path / folder
        done = CliRunner().invoke(app, [*COMMANDS[command], *file, "--out", str(out), "--json", *more])
        assert done.exit_code in (0, 1), done.output
        (transcript,) = out.glob("*.md")
        return done.stdout.replace(str(out), ""), transcript.read_text("utf-8")

    first, second, dated = run("one"), run("two"), run("day", "--date", "2026-01-31")
    assert first == second
    for text in (*first, *dated):
        assert hashlib.sha256(CELL.read_bytes()).hexdigest() in text and platform.python_version() in text
    assert json.loads(dated[0])["provenance"]["date"] == "2026-01-31" and "made at: 2026-01-31" in dated[1]
    assert "made at" not in first[1] and json.loads(first[0])["provenance"]["date"] == ""
    without = dated[1].replace("- made at: 2026-01-31\n", "")
    assert without == first[1]


@pytest.mark.parametrize("command", COMMANDS)
def test_a_date_that_is_none_is_refused_at_once(claims, command):
    """Before anything is computed; today is a date."""
    file = (str(claims),) if command == "claims" else ()
    done = CliRunner().invoke(app, [*COMMANDS[command], *file, "--date", "31.1.2026"])
    assert done.exit_code == 2 and "expected a date such as 2026-01-31, or today" in " ".join(done.output.split())

"""``mechproof prove --semantics`` as scripts see it."""

from __future__ import annotations

import json
import subprocess
import sys
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from mechproof.__main__ import main
from mechproof.engine import checker
from mechproof.engine.arithmetic.float_format import FloatFormat

WEIGHTS = Path(__file__).parent / "data" / "unsound_averaging" / "total_v8_k4.npz"


@pytest.fixture
def prove(monkeypatch, capsys, tmp_path) -> Any:
    """Runs ``mechproof prove`` on a small network in a fresh folder: exit code and output."""
    monkeypatch.chdir(tmp_path)

    def call(*arguments: str, weights: Path = WEIGHTS) -> tuple[int, str]:
        monkeypatch.setattr(sys, "argv", ["mechproof", "prove", str(weights), "--quiet", *arguments])
        with pytest.raises(SystemExit) as stop:
            main()
        return int(stop.value.code or 0), capsys.readouterr().out

    return call


def test_the_last_line_names_the_semantics(prove, tmp_path):
    """Both counts in the verdict, the assumption in a sentence, and a certificate beside the transcripts."""
    code, out = prove("--semantics", "float32", "--runs", "256", "--exp-ulps", "2")
    last = out.splitlines()[-1]
    assert code == 0
    assert last.startswith("s PROVED accuracy of every float32 run >= 513/4096 (real: = 513/4096) sha256:")
    assert "2 units in the last place" in out
    assert "error of a logit difference, proved: at most" in out
    (folder,) = (tmp_path / "mechproof-out").glob("total_v8_k4-branch_and_bound-float32-*")
    assert sorted(path.suffix for path in folder.iterdir() if path.is_file()) == [".html", ".json", ".md", ".tex"]


def test_the_certificate_is_checked_by_both_commands(prove, monkeypatch, capsys, tmp_path):
    """``mechproof check`` and the checker by itself, without site packages, print the verdict that was proved."""
    code, out = prove("--semantics", "bfloat16", "--runs", "0", "--out", "proof")
    assert code == 0
    expected = out.splitlines()[-1].replace("PROVED", "VERIFIED").partition(" (runs: ")[0]
    arguments = ["proof/certificate.json", "--weights", str(WEIGHTS)]
    monkeypatch.setattr(sys, "argv", ["mechproof", "check", *arguments])
    with pytest.raises(SystemExit) as stop:
        main()
    assert (stop.value.code, capsys.readouterr().out.splitlines()[0]) == (0, expected)
    alone = [sys.executable, "-I", "-S", str(Path(checker.__file__).parent), *arguments]
    assert subprocess.run(alone, capture_output=True, text=True, check=True).stdout.splitlines()[0] == expected


def test_json_has_the_same_result(prove):
    """Counts of runs and real counts, the bound, and why nothing was run."""
    code, out = prove("--semantics", "float64", "--runs", "0", "--json")
    told = json.loads(out)
    assert code == 0
    assert (told["semantics"], told["right_low"], told["between"]) == ("float64", 513, 0)
    assert told["real"]["right_low"] == 513
    assert told["sha256"] != told["real"]["sha256"]
    assert told["runs"]["observed"] is None and told["runs"]["not_run"] == "none were asked for"


@pytest.mark.parametrize(
    ("share", "arguments", "word"),
    [("1", (), "REFUTED"), ("63/500", ("--strategy", "separable", "--grid", "1"), "UNDECIDED")],
)
def test_a_share_that_float_runs_do_not_reach_is_not_proved(prove, share, arguments, word):
    """--at-least is about every float run; it is refuted where so many inputs are wrong in every one."""
    code, out = prove("--semantics", "bfloat16", "--runs", "0", "--at-least", share, *arguments)
    assert code == 1
    middle = "is false" if word == "REFUTED" else "is not established"
    assert out.splitlines()[-1].startswith(f"s {word} accuracy >= {share} {middle}: accuracy of every bfloat16 run")


def test_a_theorem_that_a_program_contradicts_is_not_proved(prove, monkeypatch, tmp_path):
    """An analysis that forgets to charge what is stored: exit 1, program and input named, and no certificate is left,
    also none of an earlier run; a proof of something else stays."""
    pytest.importorskip("torch", reason="torch is not installed")
    attack = WEIGHTS.parents[1] / "attacks" / "bf16_exponentials_stored.npz"
    arguments = ("--semantics", "bfloat16", "--at-least", "1/81", "--out", "proof")
    with monkeypatch.context() as patch:
        patch.setattr(FloatFormat, "storage", Fraction(0))
        assert prove(*arguments, "--runs", "0", weights=attack)[0] == 0
        left = {path.name for path in Path("proof").iterdir()}
        assert {"certificate.json", "transcript.md"} <= left
        code, out = prove(*arguments, weights=attack)
        last = out.splitlines()[-1]
        assert code == 1
        assert last.startswith("s CONTRADICTED accuracy of every bfloat16 run >= 77/81 (real: = 77/81) sha256:")
        assert "is wrong on 0,1,2,0, where every run should be right" in last
        assert "PROVED" not in out
        assert {path.name for path in Path("proof").iterdir()} == {"contradiction.json"}
        report = json.loads(Path("proof", "contradiction.json").read_text())
        assert report["runs"]["observed"]["contradictions"][0]["right"] is False
        code, out = prove(*arguments, "--json", weights=attack)
        told = json.loads(out)
        assert (code, told["status"], told["line"]) == (1, "CONTRADICTED", report["line"])
        assert told["files"] == ["proof/contradiction.json"]
    assert prove("--out", "proof")[0] == 0
    with monkeypatch.context() as patch:
        patch.setattr(FloatFormat, "storage", Fraction(0))
        assert prove(*arguments, weights=attack)[0] == 1
    assert Path("proof", "certificate.json").exists()

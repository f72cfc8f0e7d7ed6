"""From training to stages on the command line."""

from __future__ import annotations

import json
import sys

import pytest

from mechproof.__main__ import main


@pytest.fixture
def run(monkeypatch, capsys, tmp_path):
    """Runs the command line in a fresh folder; exit code, output, errors."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")

    def call(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["mechproof", *arguments])
        with pytest.raises(SystemExit) as stop:
            main()
            raise SystemExit(0)
        captured = capsys.readouterr()
        return int(stop.value.code or 0), captured.out, captured.err

    return call


SIZES = ("--k", "2", "--vocab", "4", "--d-model", "4", "--steps", "40", "--quiet")


def test_train_then_stages(run, tmp_path):
    """All three ways to ask for checkpoints add up; every one becomes a stage, and the files are written."""
    pytest.importorskip("torch")
    asked = ("--checkpoint", "3", "--checkpoints", "5,0", "--checkpoint-every", "20")
    code, out, _ = run("train", *SIZES, *asked, "--out", "run")
    assert code == 0 and len(out.splitlines()) == 5
    code, out, _ = run("stages", "run", "--no-figure", "--json", "--quiet", "--transfer", "--out", "here")
    found = json.loads(out)
    assert code == 0 and [stage["step"] for stage in found["stages"]] == [0, 3, 5, 20, 40]
    assert found["files"] == ["here/stages.csv"] and (tmp_path / "here/stages.csv").is_file()
    for stage in found["stages"]:
        assert stage["subcubic_low"] <= stage["cubic_low"] <= stage["exact_low"] == stage["exact_high"]
    code, out, _ = run("stages", "run", "--no-figure", "--quiet")
    assert code == 0 and "what is proved" in out and "accuracy reaches 9/10" in out
    (folder,) = (tmp_path / "mechproof-out").glob("stages-subcubic.exact.chord.EQKE-*")
    assert (folder / "stages.csv").is_file()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("train", *SIZES, "--checkpoints", "5,x"), "expected training steps"),
        (("train", *SIZES, "--checkpoint-every", "0"), "--checkpoint-every"),
        (("stages", "nowhere.safetensors"), "nowhere.safetensors: expected a file"),
        (("stages", "."), "expected checkpoints"),
    ],
)
def test_bad_input_is_one_sentence(run, arguments, said):
    """Exit code 2, and what was wrong."""
    code, out, err = run(*arguments)
    assert (code, out) == (2, "") and said in " ".join(err.split()) and "Traceback" not in err

"""The command line: by itself, copied elsewhere, beside hostile neighbours; and what the folder may import."""

from __future__ import annotations

import ast
import json
import runpy
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

import mechproof.engine.checker as checker
from mechproof.__main__ import app
from mechproof.engine.checker import command, errors

FOLDER = Path(checker.__file__).parent


@pytest.fixture(scope="module")
def case(emitter: Any, small: Any, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Files of a true certificate, of a false one, and of their weights."""
    folder = tmp_path_factory.mktemp("case")
    good, false = emitter.tree_certificate(small), emitter.tree_certificate(small)
    false["relation"]["right_low"] = false["relation"]["right_high"] = "0x40"
    (folder / "good.json").write_bytes(emitter.text(good))
    (folder / "false.json").write_bytes(emitter.text(false))
    weights = emitter.write(small, folder)
    return {"good": folder / "good.json", "false": folder / "false.json", "weights": weights, "sha256": small.statement}


def alone(folder: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
    """The folder run by an isolated Python without site packages."""
    line = [sys.executable, "-I", "-S", str(folder), *map(str, arguments)]
    return subprocess.run(line, capture_output=True, text=True, timeout=60, check=False)


def test_alone(case: dict[str, Any]) -> None:
    """The folder runs by itself: verdict line first, then the theorem; exit code 0."""
    done = alone(FOLDER, case["good"], "--weights", case["weights"])
    assert done.returncode == 0
    assert done.stderr == ""
    first, *rest = done.stdout.splitlines()
    assert first.startswith("s VERIFIED accuracy = ")
    assert first.endswith(f"/64 sha256:{case['sha256']}")
    assert any(line.startswith("Theorem: ") for line in rest)


def test_copied_beside_neighbours(case: dict[str, Any], tmp_path: Path) -> None:
    """A copy runs anywhere; modules beside it cannot pass for standard ones, and it writes nothing there."""
    copied = tmp_path / "other name"
    shutil.copytree(FOLDER, copied, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("json", "hashlib", "argparse", "os", "re", "struct", "typing"):
        (copied / f"{name}.py").write_text("raise SystemExit(99)\n")
    before = sorted(copied.iterdir())
    done = alone(copied / "__main__.py", case["good"], "--weights", case["weights"])
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("s VERIFIED ")
    assert sorted(copied.iterdir()) == before
    done = alone(copied, case["good"], "--weights", case["weights"], "--jobs", 2)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("s VERIFIED ")
    written = [path.name for path in copied.rglob("*.pyc")]
    assert all(name.startswith("__main__.") for name in written)


def test_refused_malformed_and_usage(case: dict[str, Any]) -> None:
    """Exit codes 1 and 2 come with their verdict line, never with a traceback; so does wrong usage."""
    for certificate, options, code, line in (
        (case["false"], ("--weights", case["weights"]), 1, "s REFUSED E204 "),
        (case["weights"], ("--weights", case["weights"]), 2, "s MALFORMED E110 "),
        (case["good"], (), 2, "s MALFORMED E100 usage: the following arguments are required: --weights"),
        (case["good"], ("--weights", case["weights"], "--jobs", "x"), 2, "s MALFORMED E100 "),
        (case["good"], ("--weights", case["weights"], "--task", "x\n"), 2, "s MALFORMED E103 "),
    ):
        done = alone(FOLDER, certificate, *options)
        assert (done.returncode, done.stderr) == (code, "")
        assert done.stdout.startswith(line)
        assert done.stdout.count("\n") == 1


@pytest.mark.parametrize("flag", ["--help", "-h"])
def test_help(flag: str, capsys: pytest.CaptureFixture[str]) -> None:
    """--help says what is checked and what the verdicts mean."""
    assert command.main([flag]) == 0
    text = capsys.readouterr().out
    for word in ("CERTIFICATE", "--weights", "--task", "--jobs", "--json", "s REFUSED E2xx", "exact weights"):
        assert word in text


@pytest.mark.parametrize("flag", ["--help", "-h"])
def test_a_file_called_help_is_not_verified(
    case: dict[str, Any], flag: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 0 means VERIFIED: beside other arguments --help is what the shell made of ``*``, so wrong usage."""
    weights = ["--weights", str(case["weights"])]
    for arguments in ([flag, *weights], [*weights, flag], [str(case["false"]), flag, *weights], [flag, flag]):
        assert command.main(arguments) == 2
        assert capsys.readouterr().out.startswith("s MALFORMED E100 usage: ")
    monkeypatch.chdir(tmp_path)
    (tmp_path / flag).write_bytes(case["false"].read_bytes())
    assert command.main([*weights, "--", flag]) == 1
    assert capsys.readouterr().out.startswith("s REFUSED E204 ")


def test_a_file_called_help_is_not_verified_by_the_package(
    case: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """``mechproof check`` likewise; and an option given twice, as by a file called --weights=other, is refused."""
    weights = ["--weights", str(case["weights"])]
    monkeypatch.chdir(tmp_path)
    shutil.copy(case["false"], tmp_path / "--help")
    for arguments, code in (
        (["--help", *weights], 2),
        ([*weights, "--help"], 2),
        ([str(case["good"]), *weights, f"--weights={case['weights']}"], 2),
        ([*weights, "--", "--help"], 1),
        ([*weights, "--", str(case["good"])], 0),
        (["--help"], 0),
    ):
        found = CliRunner().invoke(app, ["check", *arguments])
        assert found.exit_code == code
        assert ("s VERIFIED" in found.output) == (arguments[-1] == str(case["good"]))


@pytest.mark.parametrize("option", ["--weights", "--task", "--jobs", "--budget"])
def test_options_are_given_once(case: dict[str, Any], option: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A file called --weights=other, that the shell put in, does not replace the weights."""
    given = {"--weights": str(case["weights"]), "--task": "max-of-k", "--jobs": "1", "--budget": "1000000"}
    arguments = [str(case["good"]), *(f"{name}={value}" for name, value in given.items())]
    assert command.main(arguments) == 0
    assert command.main([*arguments, f"{option}={given[option]}"]) == 2
    assert capsys.readouterr().out.endswith(f"s MALFORMED E100 usage: {option} is given twice\n")


def test_a_verdict_that_cannot_be_written(case: dict[str, Any]) -> None:
    """A full device: not exit code 0, and no traceback."""
    with open("/dev/full", "w") as full:
        line = [sys.executable, "-I", "-S", str(FOLDER), str(case["good"]), "--weights", str(case["weights"])]
        done = subprocess.run(line, stdout=full, stderr=subprocess.PIPE, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert done.stderr == "s REFUSED E246 the verdict cannot be written: No space left on device\n"


def test_usage_has_a_verdict_line(capsys: pytest.CaptureFixture[str]) -> None:
    """Wrong usage is malformed input like any other."""
    assert command.main(["--unknown"]) == 2
    assert capsys.readouterr().out.startswith("s MALFORMED E100 usage: ")


def test_json(case: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    """--json prints one object with the same facts."""
    assert command.main([str(case["good"]), "--weights", str(case["weights"]), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["status"], found["exit_code"], found["inputs"]) == ("VERIFIED", 0, 64)
    assert found["line"] == f"s VERIFIED {found['relation']} sha256:{case['sha256']}"
    assert command.main([str(case["false"]), "--weights", str(case["weights"]), "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["code"] == "E204"


def test_main_in_this_process(
    case: dict[str, Any], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Running the folder drops its own path entry and reads no cached bytecode of the folder."""
    monkeypatch.setattr(sys, "argv", ["checker", str(case["good"]), "--weights", str(case["weights"])])
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    monkeypatch.setattr(sys, "pycache_prefix", None)
    monkeypatch.setattr(sys, "path", list(sys.path))
    # pytest's import hook may claim every module called __main__, and cannot run one
    monkeypatch.setattr(sys, "meta_path", [f for f in sys.meta_path if type(f).__name__ != "AssertionRewritingHook"])
    with pytest.raises(SystemExit) as caught:
        runpy.run_path(str(FOLDER), run_name="__main__")
    assert caught.value.code == 0
    assert sys.dont_write_bytecode
    assert str(FOLDER) not in sys.path
    assert capsys.readouterr().out.startswith("s VERIFIED ")
    for name in [name for name in sys.modules if name.startswith("mechproof_checker")]:
        del sys.modules[name]


def test_importing_it_as_a_module_changes_no_path() -> None:
    """As a module of the package it keeps the path that it finds."""
    program = "import sys; p = list(sys.path); import mechproof.engine.checker.__main__; assert sys.path == p"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def test_only_the_standard_library_and_no_floats() -> None:
    """The folder imports standard modules and itself only, and computes with integers only."""
    for path in FOLDER.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            where = f"{path.name}:{getattr(node, 'lineno', 0)}"
            if isinstance(node, ast.Import):
                assert all(alias.name.split(".")[0] in sys.stdlib_module_names for alias in node.names), where
            if isinstance(node, ast.ImportFrom):
                top = (node.module or "").split(".")[0]
                own = 1 <= node.level <= len(path.relative_to(FOLDER).parts)
                assert own or (node.level == 0 and top in sys.stdlib_module_names), where
            assert not (isinstance(node, ast.Constant) and isinstance(node.value, float | complex)), where
            assert not isinstance(node, ast.Div), where
            assert not (isinstance(node, ast.Name) and node.id in ("float", "eval", "exec", "pickle", "round")), where


def test_every_code_is_tested() -> None:
    """Each error code occurs in these tests."""
    text = "".join(path.read_text() for path in Path(__file__).parent.rglob("test_*.py"))
    missing = [code.name for code in errors.Code if code.name not in text]
    assert missing == []

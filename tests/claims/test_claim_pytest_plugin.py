"""pytest --mechproof FILE: claims as tests of a paper's repository."""

from __future__ import annotations

import os
import subprocess
import sys
from configparser import ConfigParser
from pathlib import Path

ROOT = Path(__file__).parents[2]
CELL = ROOT / "tests" / "data" / "unsound_averaging" / "cell_v3_k3.npz"
PLUGIN = "mechproof.claims.pytest_plugin"


def pytest_run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """pytest in an empty project, with this plugin alone."""
    environment = os.environ | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-p", PLUGIN, "-p", "no:cacheprovider", "-v", *arguments],
        cwd=folder, env=environment, capture_output=True, text=True, timeout=120,
    )  # fmt: skip


def claims(folder: Path, *statements: str) -> None:
    text = f'model = "{CELL}"\n'
    for number, statement in enumerate(statements):
        text += f'[[claim]]\nid = "c{number}"\nstatement = "{statement}"\n'
    (folder / "claims.toml").write_text(text, "utf-8")


def test_claims_that_hold_pass(tmp_path):
    """Each claim is a test with its own name, beside the project's own tests."""
    claims(tmp_path, "accuracy = 16/27", 'accuracy = 1"\nexpect = "REFUTED')
    (tmp_path / "test_own.py").write_text("def test_own(): pass\n")
    done = pytest_run(tmp_path, "--mechproof", "claims.toml")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "claims.toml::c0 PASSED" in done.stdout and "3 passed" in done.stdout


def test_a_claim_that_does_not_hold_fails_with_its_line(tmp_path):
    """The report is the verdict, not a traceback; the exit code is pytest's."""
    claims(tmp_path, "accuracy = 17/27", "accuracy = 16/27")
    done = pytest_run(tmp_path, "--mechproof", "claims.toml")
    assert done.returncode == 1 and "1 failed, 1 passed" in done.stdout
    assert "expected PROVED: REFUTED  c0  accuracy = 16/27" in done.stdout and "Traceback" not in done.stdout


def test_a_bad_claim_fails_alone(tmp_path):
    """With its sentence; the other claims are tests as before."""
    claims(tmp_path, "acuracy = 1", "accuracy = 16/27")
    done = pytest_run(tmp_path, "--mechproof", "claims.toml")
    assert done.returncode == 1 and "1 failed, 1 passed" in done.stdout
    assert "the nearest known name is 'accuracy'" in done.stdout


def test_a_malformed_file_is_a_usage_error(tmp_path):
    """One sentence, and pytest's exit code for usage errors."""
    claims(tmp_path)
    done = pytest_run(tmp_path, "--mechproof", "claims.toml")
    assert done.returncode == 4 and "expected 1 to 1000 claims, found 0" in done.stdout + done.stderr


def test_without_the_option_nothing_happens(tmp_path):
    """The plugin is silent in projects that do not ask for it."""
    (tmp_path / "test_own.py").write_text("def test_own(): pass\n")
    assert "1 passed" in pytest_run(tmp_path).stdout


def test_the_plugin_is_registered():
    """pytest finds it by the entry point of the installed package."""
    parser = ConfigParser()
    parser.read(ROOT / "setup.cfg", "utf-8")
    assert f"mechproof = {PLUGIN}" in parser["options.entry_points"]["pytest11"]


def test_files_of_a_paper_that_are_missing_are_pytest_warnings(tmp_path):
    """With the place; the claims around are tests."""
    marked = f"\\mechproofmodel{{{CELL}}}\n\\input{{none}}\\mechclaim{{a}}{{accuracy = 16/27}}{{x}}"
    (tmp_path / "paper.tex").write_text(marked, "utf-8")
    done = pytest_run(tmp_path, "--mechproof", "paper.tex")
    assert done.returncode == 0 and "paper.tex::a PASSED" in done.stdout
    assert "paper.tex, line 2: \\input{none}: there is no such file" in done.stdout

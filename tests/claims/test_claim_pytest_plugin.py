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


def test_each_claim_is_a_test(tmp_path):
    """With its own name, beside the project's own tests: one that holds passes; of one that does not the report is the
    verdict, not a traceback; a bad one fails alone, with its sentence; the exit code is pytest's."""
    claims(tmp_path, "accuracy = 16/27", 'accuracy = 1"\nexpect = "REFUTED', "accuracy = 17/27", "acuracy = 1")
    (tmp_path / "test_own.py").write_text("def test_own(): pass\n")
    done = pytest_run(tmp_path, "--mechproof", "claims.toml")
    assert done.returncode == 1 and "2 failed, 3 passed" in done.stdout, done.stdout + done.stderr
    assert all(f"claims.toml::c{n} PASSED" in done.stdout for n in (0, 1))
    assert all(f"claims.toml::c{n} FAILED" in done.stdout for n in (2, 3))
    assert "expected PROVED: REFUTED  c2  accuracy = 16/27" in done.stdout and "Traceback" not in done.stdout
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
    """With the place; the claims around are tests, and where all hold the exit code is 0."""
    marked = f"\\mechproofmodel{{{CELL}}}\n\\input{{none}}\\mechclaim{{a}}{{accuracy = 16/27}}{{x}}"
    (tmp_path / "paper.tex").write_text(marked, "utf-8")
    done = pytest_run(tmp_path, "--mechproof", "paper.tex")
    assert done.returncode == 0 and "paper.tex::a PASSED" in done.stdout
    assert "paper.tex, line 2: \\input{none}: there is no such file" in done.stdout

"""The page "Audit your own verifier": a stranger who follows it ends with a flip."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from mechproof.__main__ import app

DOCS = Path(__file__).parents[3] / "docs"
PAGE = (DOCS / "audit_your_own.md").read_text("utf-8")
BLOCKS = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """With the page's program and the weights that its second block writes."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "my_verifier.py").write_text(BLOCKS[0])
    exec(compile(BLOCKS[1], "rows", "exec"), {})
    return tmp_path


def run(*arguments: str):
    return CliRunner().invoke(app, ["audit", *arguments])


def test_the_page_shows_the_file_of_the_examples():
    """Word for word."""
    assert BLOCKS[0] == (DOCS / "examples" / "my_verifier.py").read_text("utf-8")


def test_the_command_finds_the_flip(folder):
    """With the line quoted, the exact number, and the exit code of a bound that does not hold."""
    found = run("my_verifier.py:verify", "rows.npz", "--lower", "count", "--out", "report", "--sarif", "audit.sarif")
    assert found.exit_code == 1
    assert (
        "In exact arithmetic this program returns [0, 0]. Whether its argument is right is not examined."
        in found.stdout
    )
    assert '>    7      return {"count": (gap > 0.0).sum(), "least": gap.amin()}' in found.stdout
    assert "s HOLDS AFTER WIDENING: my_verifier.py:verify returns" in found.stdout
    assert {path.suffix for path in (folder / "report").iterdir()} == {".md", ".html", ".tex"}
    page = (folder / "report" / "my_verifier-verify.md").read_text("utf-8")
    assert "flip at my\\_verifier.py:7" in page and "(exactly 0)" in page


def test_sarif_has_regions(folder):
    """File, line, columns and stack of each finding, in the words of SARIF 2.1.0."""
    run("my_verifier.py:verify", "rows.npz", "--lower", "count", "--sarif", "audit.sarif")
    (log,) = json.loads((folder / "audit.sarif").read_text())["runs"]
    rules = [rule["id"] for rule in log["tool"]["driver"]["rules"]]
    assert {"flip", "line-loss"} <= set(rules)
    for result in log["results"]:
        place = result["locations"][0]["physicalLocation"]
        assert rules[result["ruleIndex"]] == result["ruleId"]
        assert place["artifactLocation"]["uri"].endswith("my_verifier.py")
        assert place["region"]["startLine"] in (5, 6, 7)
        assert place["region"]["startColumn"] == 5 < place["region"]["endColumn"]
    flip = next(result for result in log["results"] if result["ruleId"] == "flip")
    assert "(exactly 0)" in flip["message"]["text"] and flip["occurrenceCount"] >= 1


def test_json(folder):
    """One object, with the bound that is implied."""
    found = json.loads(run("my_verifier.py:verify", "rows.npz", "--lower", "least", "--json").stdout)
    assert found["verdict"] in ("HOLDS", "HOLDS AFTER WIDENING") and found["low"] <= found["high"]


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["missing.py:verify", "rows.npz"], "missing.py"),
        (["my_verifier.py:nothing", "rows.npz"], "expected a function nothing"),
        (["my_verifier.py:verify", "rows.npz", "--lower", "x"], "expected x"),
        (["my_verifier.py:verify"], "TypeError"),
        (["my_verifier.py:verify", "rows.npz", "--truth", "x"], "FILE.py:function"),
        (["rows.npz", "--lower", "count"], "is for a program"),
    ],
)
def test_bad_input_is_one_sentence(folder, arguments, word):
    """And exit code 2."""
    found = run(*arguments)
    said = found.output + str(found.exception or "")
    assert found.exit_code in (1, 2) and word in said
    assert found.exit_code == 2 or getattr(found.exception, "exit_code", None) == 2

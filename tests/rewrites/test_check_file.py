"""Checks of the auditor's own: used for rules that are not built in, named in the verdict, never a replacement."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

import mechproof
from mechproof.__main__ import app
from mechproof.rewrites.check_file import load_checks
from mechproof.rewrites.lemma_file import NotALemmaFile

OWN = """
from dataclasses import replace
from mechproof.engine.checker import registry

RULE = replace(registry.RULES["right_cells/1"], name="my_cells/1")
"""


@pytest.fixture
def certificate(tmp_path, data):
    """A certificate whose counting rule goes by a name that the checker does not know, with its weights."""
    weights = data / "unsound_averaging" / "total_v8_k4.npz"
    text = mechproof.prove(weights, strategy="cubic").certificate.replace(b'"right_cells/1"', b'"my_cells/1"')
    path = tmp_path / "certificate.json"
    path.write_bytes(text)
    return path, weights


def test_an_unknown_rule_is_refused_without_a_check(certificate):
    """The checker does not guess."""
    assert mechproof.check(*certificate).code == "E210"


def test_with_a_check_it_is_verified_and_said(certificate, tmp_path):
    """The auditor's own check decides, and the verdict says that it rests on it."""
    file = tmp_path / "my_check.py"
    file.write_text(OWN)
    path, weights = certificate

    result = CliRunner().invoke(app, ["check", str(path), "--weights", str(weights), "--rule-check", str(file)])

    assert result.exit_code == 0
    assert result.stdout.startswith("s VERIFIED")
    assert "checks of your own: my_cells/1" in result.stdout


def test_a_check_that_is_not_used_is_not_named(tmp_path, data):
    """A certificate of built-in rules rests on nothing else."""
    file = tmp_path / "my_check.py"
    file.write_text(OWN)
    weights = data / "unsound_averaging" / "total_v8_k4.npz"
    path = tmp_path / "plain.json"
    path.write_bytes(mechproof.prove(weights, strategy="cubic").certificate)
    verdict = mechproof.check(path, weights, checks=load_checks(file))
    assert verdict.status == "VERIFIED"
    assert "your own" not in verdict.text


def test_a_built_in_rule_cannot_be_replaced(certificate, tmp_path):
    """Or a file could make anything pass."""
    file = tmp_path / "my_check.py"
    file.write_text("from mechproof.engine.checker import registry\nRULE = registry.RULES['right_cells/1']\n")
    verdict = mechproof.check(*certificate, checks=load_checks(file))
    assert (verdict.code, verdict.exit_code) == ("E100", 2)
    assert "right_cells/1" in verdict.line


@pytest.mark.parametrize("text", ["pass", "RULE = 3", "1/0", "RULES = []"])
def test_a_file_without_checks_is_refused(tmp_path, text):
    """One sentence on what is missing."""
    file = tmp_path / "my_check.py"
    file.write_text(text)
    with pytest.raises(NotALemmaFile):
        load_checks(file)

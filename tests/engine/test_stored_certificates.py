"""The certificates that tests of the checker read are what the prover writes today."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest
from stored_certificates import FOLDER, MANIFEST, stored

SCRIPT = Path(__file__).parents[2] / "scripts" / "record_certificates.py"
# One of them in every run: with storing, so with every operation that a program may have.
ALWAYS = "max_of_2_bfloat16"


@pytest.fixture(scope="module")
def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("record_certificates", SCRIPT)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("name", [pytest.param(n, marks=() if n == ALWAYS else pytest.mark.ci) for n in MANIFEST])
def test_the_prover_still_writes_these_bytes(script: ModuleType, name: str) -> None:
    """Otherwise the checker would be tested on certificates that nobody has."""
    assert script.proved(MANIFEST[name]) == (stored(name)[1], MANIFEST[name])


def test_every_file_is_in_the_manifest() -> None:
    """A certificate without an entry would go stale unseen."""
    assert {path.stem for path in FOLDER.glob("*.json")} == {*MANIFEST, "manifest"}

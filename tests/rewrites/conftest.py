"""Fixtures of the tests of proofs: the oracle that reads the definition a second time, and the published networks."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

HERE = Path(__file__).parent


@pytest.fixture(scope="session")
def oracle() -> ModuleType:
    """The module oracle.py beside this file."""
    spec = importlib.util.spec_from_file_location("rewrites_test_oracle", HERE / "oracle.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def data() -> Path:
    """The published networks committed with the tests."""
    return HERE.parent / "data"

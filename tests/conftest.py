"""Settings of the whole suite, and what its parts share."""

from __future__ import annotations

import gc
import os
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import settings

# One process per core: threads of linear algebra would only wait for each other. Processes that tests start inherit it.
for library in ("OMP", "OPENBLAS", "MKL"):
    os.environ.setdefault(f"{library}_NUM_THREADS", "1")

# No deadline: how long an example takes says something about the machine. Fixed examples: a run tells what the last
# one told.
settings.register_profile("suite", deadline=None, derandomize=True)
settings.load_profile("suite")


def pytest_collection_finish() -> None:
    """What is there by now stays: it is not looked through again with every collection of garbage."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def data() -> Path:
    """The published networks committed with the tests."""
    return Path(__file__).parent / "data"


@pytest.fixture(scope="session")
def oracle() -> ModuleType:
    """The module support/oracle.py, which reads the definition a second time."""
    import oracle

    return oracle

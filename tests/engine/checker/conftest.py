"""Fixtures of the checker's tests: the independent emitter, and small models with their certificates."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

HERE = Path(__file__).parent


def _load() -> ModuleType:
    spec = importlib.util.spec_from_file_location("checker_test_emitter", HERE / "emitter.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def emitter() -> ModuleType:
    """The module emitter.py beside this file."""
    return _load()


@pytest.fixture(scope="session")
def small(emitter: Any) -> Any:
    """A random model with biases and both right and wrong sequences."""
    return emitter.random_model(3, 4, 3, 3, 2, True)


@pytest.fixture
def judge(tmp_path: Path, emitter: Any) -> Any:
    """judge(model, certificate) -> Verdict: both written to files, the certificate as object or bytes."""
    from mechproof.engine.checker import check

    def verdict(model: Any, certificate: Any, **options: Any) -> Any:
        path = tmp_path / "certificate.json"
        path.write_bytes(certificate if isinstance(certificate, bytes) else emitter.text(certificate))
        return check(path, emitter.write(model, tmp_path), **options)

    return verdict


@pytest.fixture(scope="session")
def subcubic(emitter: Any, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """subcubic(model, configuration, off) -> certificate as an object, made by the prover."""
    from mechproof.engine.certificate import emit
    from mechproof.models.problem import statement_of
    from mechproof.rewrites.strategies import Options, prove_accuracy

    folder = tmp_path_factory.mktemp("subcubic")

    def certificate(model: Any, configuration: str, off: tuple[str, ...] = ()) -> Any:
        statement = statement_of(emitter.write(model, folder))
        graph, goal = prove_accuracy(statement, f"subcubic/{configuration}", Options(off=off))
        return json.loads(emit(graph, goal, statement.sha256))

    return certificate

"""Certificates of claims, made by the prover and checked by the independent checker: two readings of one language."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import numpy as np
import pytest
from shares import shared_out

from mechproof.claims.errors import StatementError
from mechproof.claims.run import read, run
from mechproof.claims.session import Session
from mechproof.claims.syntax import parse
from mechproof.engine.checker import check
from mechproof.models.problem import statement_of

HERE = Path(__file__).parent
EXAMPLES = HERE.parents[1] / "docs" / "examples" / "claims"


def _author(seed: int):
    spec = importlib.util.spec_from_file_location("random_statements", HERE / "random_statements.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.Author(seed)


def _network(folder: Path, seed: int) -> Path:
    rng = np.random.default_rng(seed)
    shapes = {"W_E": (3, 2), "W_pos": (2, 2), "W_U": (2, 3), "b_O": (2,), "b_U": (3,)}
    shapes |= dict.fromkeys(("W_Q", "W_K", "W_V", "W_O"), (2, 2)) | dict.fromkeys(("b_Q", "b_K", "b_V"), (2,))
    path = folder / "net.npz"
    np.savez(path, **{name: rng.integers(-20, 20, shape) / 8 for name, shape in shapes.items()})  # type: ignore[arg-type]
    return path


@pytest.mark.parametrize("seed", range(12))
def test_the_checker_agrees_on_random_statements(tmp_path, seed):
    """Whatever the prover decides the checker decides alike, from the text alone; the opposite outcome is refused."""
    weights, author = _network(tmp_path, seed), _author(seed)
    session, told = Session("net", statement_of(weights)), 0
    target = tmp_path / "certificate.json"
    for _ in range(12):
        text = author.statement()
        try:
            verdict = session.settle(parse(text))
        except StatementError as problem_found:
            assert "division by zero" in str(problem_found) or "square root" in str(problem_found), text
            continue
        certificate = session.certificate(verdict)
        if certificate is None:
            continue
        told += 1
        target.write_bytes(certificate)
        found = check(target, weights)
        assert found.status == "VERIFIED", (text, found.line)
        outcome = "holds" if verdict.status == "PROVED" else "fails"
        assert found.line.startswith(f"s VERIFIED claim {outcome}: "), text
        other = "fails" if outcome == "holds" else "holds"
        target.write_bytes(certificate.replace(f'"outcome":"{outcome}"'.encode(), f'"outcome":"{other}"'.encode()))
        assert check(target, weights).status == "REFUSED", text
    assert told > 6


SHIPPED = ["unsound_averaging.toml", "mechanism.toml", "max_of_2_coq.toml"]


@pytest.mark.parametrize("name", shared_out(SHIPPED, kept=SHIPPED[:1]))
def test_the_shipped_examples_have_certificates(tmp_path, name):
    """Every verdict about a supported network; each is verified on the weights it is about."""
    report = run(read(EXAMPLES / name))
    written = [path for path in report.write(tmp_path) if path.parent.name == "certificates"]
    settled = [result for result in report.results if result.verdict.goal is not None]
    assert len(written) == len(settled) >= 4
    for path, result in zip(written, settled, strict=True):
        found = check(path, result.claim.model)
        assert found.status == "VERIFIED", (result.claim.id, found.line)
        assert json.loads(path.read_bytes())["relation"]["outcome"] == (
            "holds" if result.verdict.status == "PROVED" else "fails"
        )


EXACT_AFTER_ALL = (
    "sqrt(-sigma(W_E @ W_U, 3)) = 0 and sigma(EVOU, 3) = 0",
    "sigma(EVOU, 3) <= 1",
    "W_E[sqrt(2) * 0, 0] < 100",
    "sigma(EVOU + 0 * sqrt(2), 3) = 0",
    "sigma(W_E, sqrt(2)^0) >= 0",
)


def test_what_earlier_statements_found_leaves_no_certificate_without_directions(tmp_path):
    """Directions of each statement's own stage; an interval of one number is that number, for the checker too."""
    weights = _network(tmp_path, 1)
    session, target = Session("net", statement_of(weights)), tmp_path / "certificate.json"
    for text in EXACT_AFTER_ALL:
        certificate = session.certificate(session.settle(parse(text)))
        assert certificate is not None, text
        target.write_bytes(certificate)
        assert check(target, weights).line.startswith(f"s VERIFIED claim holds: {text} "), text

"""Several models in one statement: names before tensors, each file's own numbers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mechproof.claims.files import of_models
from mechproof.claims.run import read, run

A = {"embed.W": np.array([[3.0, 4.0]]), "v": np.array([1.0, 2.0]), "x.b": np.array([1.0]), "y.b": np.array([2.0])}
B = {"embed.W": np.array([[0.0, 4.0]]), "v": np.array([1.0, 3.0])}


def lines(folder: Path, *statements: str, head: str = "") -> list[str]:
    """The verdicts on these statements about A and B."""
    np.savez(folder / "a.npz", **A)  # type: ignore[arg-type]
    np.savez(folder / "b.npz", **B)  # type: ignore[arg-type]
    claims = "".join(f"[[claim]]\nid = 'c{n}'\nstatement = '''{s}'''\n" for n, s in enumerate(statements))
    (folder / "claims.toml").write_text(f"{head}[models]\nA = 'a.npz'\nB = 'b.npz'\n{claims}", "utf-8")
    results = run(read(folder / "claims.toml")).results
    return [f"{result.verdict.status} {result.verdict.detail}" for result in results]


def test_tensors_of_both_files_meet_in_one_statement(tmp_path):
    """By full names, by their last parts where only one ends so, in both spellings; ties are decided."""
    found = lines(
        tmp_path,
        "norm(A: W - B: W) = 3",
        "norm(A.embed.W) = 5 and B.embed.W.max() = 4",
        "A.v <= B.v",
        "A.v < B.v",
        "A.x.b = 1 and A.y.b = 2",
    )
    assert [line.split()[0] for line in found] == ["PROVED", "PROVED", "PROVED", "REFUTED", "PROVED"]
    assert "no certificate" in found[0]


@pytest.mark.parametrize(
    ("statement", "told"),
    [
        ("norm(W) > 1", "expected a model in the statement (A.… or B.…), found none"),
        ("norm(A.V) > 1", "there is no 'A.V' here; the nearest known name is 'A.v'"),
        ("A.b = 1", "there is no 'A.b' here"),
        ("C.W = 1", "expected a model in the statement"),
    ],
)
def test_what_names_no_model_or_no_tensor_is_said(tmp_path, statement, told):
    """One sentence each; a name that two tensors end with stands for none."""
    (line,) = lines(tmp_path, statement)
    assert line.startswith("ERROR")
    assert told in line


def test_a_claim_with_a_model_of_its_own_is_about_that(tmp_path):
    """Next to others about several."""
    assert lines(tmp_path, "norm(embed.W) = 5", head="model = 'a.npz'\n") == ["PROVED frobenius(embed.W) = 5.00"]


def test_only_names_of_models_are_put_before_tensors():
    """A colon in a slice or behind a quantifier stays one."""
    assert of_models("for all q: W_U[q] > A: W[0:2]", ["A"]) == "for all q: W_U[q] > A.W[0:2]"

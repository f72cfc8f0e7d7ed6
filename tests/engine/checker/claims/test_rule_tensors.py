"""Certificates of claims about the tensors of any file: verified on files with the same tensors, and on no other."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import mechproof.engine.checker as checker_package
from mechproof.claims.run import read, run
from mechproof.engine.checker.verdict import check

HEADS = np.arange(24, dtype=np.float32).reshape(2, 3, 4) / 8 - 1
TENSORS = {
    "A": np.array([[1, 2], [3, 5]], dtype=np.float32),
    "v": np.array([1, -2, 4], dtype=np.float64),
    "blocks.0.attn.W_Q": HEADS,
    "0.weight": np.array([[0.5]], dtype=np.float16),
    "for": np.array([[7.0]], dtype=np.float32),
    "W_E": np.array([[1, 1]], dtype=np.float32),
    "n": np.array(3.0, dtype=np.float32),
}
CLAIMS = {
    "A[1, 1] = 5": "holds",
    "v[2] = 4 and v.sum() = 3": "holds",
    "spectral_norm(A) ~= 6.24": "holds",
    "frobenius(blocks.0.attn.W_Q[1]) < 1": "fails",
    "blocks.0.attn.W_Q[1, 2, 3] = 15/8": "holds",
    "for all h in 0..1, i in 0..2: blocks.0.attn.W_Q[h, i, 0] >= h + i/2 - 1": "holds",
    "blocks.0.attn.W_Q[-1, 1:, 0] <= 1": "fails",
    "'0.weight' = 1/2": "holds",
    "'for' = 7": "holds",
    "for all t in 0..1, t < A[0, 1]: W_E[0, t] = 1": "holds",
    "n = 3": "holds",
    "A.T @ A = A": "fails",
}


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the tensors, and the certificate of each claim: c0.json, …"""
    folder = tmp_path_factory.mktemp("tensors")
    np.savez(folder / "tensors.npz", **TENSORS)  # type: ignore[arg-type]
    parts = [f'[[claim]]\nid = "c{n}"\nstatement = """{text}"""\n' for n, text in enumerate(CLAIMS)]
    (folder / "claims.toml").write_text('model = "tensors.npz"\n' + "".join(parts), "utf-8")
    report = run(read(folder / "claims.toml"))
    for result in report.results:
        assert result.session is not None
        certificate = result.session.certificate(result.verdict)
        assert certificate is not None, result.line
        (folder / f"{result.claim.id}.json").write_bytes(certificate)
    return folder


@pytest.mark.parametrize(("number", "outcome"), list(enumerate(CLAIMS.values())), ids=list(CLAIMS))
def test_every_certificate_is_verified(written, number, outcome):
    """Matrices, heads, rows, numbers, quoted names, and names that the language knows: as the prover decided."""
    found = check(written / f"c{number}.json", written / "tensors.npz")
    assert found.status == "VERIFIED", found.line
    assert found.relation is not None and found.relation.startswith(f"claim {outcome}: ")
    assert "Tensors, as they are stored" in found.text


def test_the_standard_library_suffices(written):
    """The checker's own folder, isolated, on the file."""
    command = [sys.executable, "-I", "-S", str(Path(checker_package.__file__).parent), str(written / "c0.json")]
    found = subprocess.run(
        [*command, "--weights", str(written / "tensors.npz")], capture_output=True, text=True, check=False
    )
    assert found.returncode == 0 and found.stdout.startswith("s VERIFIED claim holds: A[1, 1] = 5 sha256:")


def test_the_statement_is_the_named_tensors(written, tmp_path):
    """Other tensors of the file may be others; those that are named may not, nor have another name."""
    other = {"A": TENSORS["A"], "v": TENSORS["v"] + 1}
    np.savez(tmp_path / "other.npz", **other)  # type: ignore[arg-type]
    assert check(written / "c0.json", tmp_path / "other.npz").status == "VERIFIED"
    assert check(written / "c1.json", tmp_path / "other.npz").code == "E201"
    np.savez(tmp_path / "renamed.npz", B=TENSORS["A"])
    found = check(written / "c0.json", tmp_path / "renamed.npz")
    assert (found.code, found.message is not None and "weight A is missing" in found.message) == ("E131", True)


def forged(written: Path, tmp_path: Path, number: int, before: str, after: str) -> str | None:
    """The code for a certificate with another text in one place."""
    text = (written / f"c{number}.json").read_text("ascii")
    assert before in text
    (tmp_path / "forged.json").write_text(text.replace(before, after), "ascii")
    return check(tmp_path / "forged.json", written / "tensors.npz").code


@pytest.mark.parametrize(
    ("number", "before", "after", "code"),
    [
        (0, "A[1, 1] = 5", "A[1, 1] = 6", "E290"),
        (0, "A[1, 1] = 5", "A[1, 2] = 5", "E292"),
        (0, "A[1, 1] = 5", "v[0, 0] = 1", "E291"),
        (0, "A[1, 1] = 5", "W_E[0, 0] = 1", "E291"),
        (0, "A[1, 1] = 5", "loss > 0", "E291"),
        (0, "A[1, 1] = 5", "accuracy <= 1", "E291"),
        (0, "A[1, 1] = 5", "correct(0, 0)", "E291"),
        (0, "A[1, 1] = 5", "A[1, 1, 1] = 5", "E292"),
        (0, "A[1, 1] = 5", "for all t: t >= 0", "E219"),
        (3, "frobenius(blocks.0.attn.W_Q[1])", "frobenius(blocks.0.attn.W_Q[2])", "E292"),
        (3, "frobenius(blocks.0.attn.W_Q[1])", "frobenius(blocks.0.attn.W_Q)", "E292"),
        (3, "frobenius(blocks.0.attn.W_Q[1])", "frobenius(blocks.0.attn.W_Q[0:1])", "E292"),
        (0, '["A","', '["W_E","', "E201"),
        (0, '"name_tensors/1"', '"known_weights/1"', "E211"),
    ],
)
def test_a_changed_certificate_is_refused(written, tmp_path, number, before, after, code):
    """False statements, names of a network or of other tensors, indices outside, hashes of others."""
    assert forged(written, tmp_path, number, before, after) == code


def test_two_lists_of_tensors_are_not_mixed(written, tmp_path):
    """A second derivation that names others is not what the statement is."""
    first, second = (json.loads((written / f"c{n}.json").read_text("ascii")) for n in (0, 1))
    first["derivations"][1]["id"] = 2
    first["derivations"][1]["premises"] = [1]
    other = second["derivations"][0] | {"id": 1}
    first["derivations"].insert(1, other)
    (tmp_path / "mixed.json").write_text(json.dumps(first, separators=(",", ":")) + "\n", "ascii")
    assert check(tmp_path / "mixed.json", written / "tensors.npz").code == "E213"


def test_a_network_is_no_list_of_tensors(written, tmp_path):
    """A rule about a network beside the tensors, over a statement hash that is theirs, finds no network."""
    text = json.loads((written / "c0.json").read_text("ascii"))
    network = {
        "id": 0, "rule": "network/1", "premises": [], "advice": {},
        "conclusion": {"kind": "network", "statement": text["statement"]},
    }  # fmt: skip
    known = {
        "id": 1, "rule": "known_weights/1", "premises": [0], "advice": {},
        "conclusion": {"kind": "known_matrices", "named": 0},
    }  # fmt: skip
    named = {"id": 2, "rule": "name_matrices/1", "premises": [1], "advice": {}, "conclusion": {"kind": "vocabulary"}}
    tensors, decide = text["derivations"]
    decide = decide | {"id": 4, "premises": [2], "conclusion": {"kind": "claim", "outcome": "holds", "text": "V > 0"}}
    text["relation"] = {"metric": "claim", "outcome": "holds", "text": "V > 0"}
    text["derivations"] = [network, known, named, tensors | {"id": 3}, decide]
    (tmp_path / "network.json").write_text(json.dumps(text, separators=(",", ":")) + "\n", "ascii")
    assert check(tmp_path / "network.json", written / "tensors.npz").status != "VERIFIED"

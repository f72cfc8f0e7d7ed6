"""Claims about the tensors of any file: by their stored names, without a network, decided exactly."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file

from mechproof.claims.errors import SyntaxProblem
from mechproof.claims.files import read_toml
from mechproof.claims.run import read, run
from mechproof.claims.syntax import parse
from mechproof.models.zoo import path

RANDOM = np.random.default_rng(7)
HEADS = RANDOM.integers(-40, 40, (3, 4, 2)).astype(np.float32) / 8
TENSORS = {
    "blocks.0.attn.W_Q": HEADS,
    "fc1": np.array([[3.0, 0.0], [0.0, 4.0]]),
    "fc2.bias": np.array([1.0, 2.0, 3.0], dtype=np.float16),
    "0.weight": np.eye(3),
    "odd.T.name": np.array([[5.0]]),
    "scale": np.array(0.5),
}


def verdicts(folder: Path, *statements: str, model: str = "t.npz", define: str = "") -> list[str]:
    """The lines of these claims about the tensors above (or another file), without their ids."""
    np.savez(folder / "t.npz", **TENSORS)
    save_file(TENSORS, folder / "t.safetensors")
    claims = "".join(f"[[claim]]\nid = 'c{n}'\nstatement = '''{s}'''\n" for n, s in enumerate(statements))
    (folder / "claims.toml").write_text(f"model = '{model}'\n{define}{claims}", "utf-8")
    results = run(read(folder / "claims.toml")).results
    return [f"{result.verdict.status} {result.verdict.detail}" for result in results]


@pytest.mark.parametrize("model", ["t.npz", "t.safetensors"])
def test_norms_entries_and_singular_values_of_a_file_that_is_no_network(tmp_path, model):
    """True statements are PROVED and false ones REFUTED, ties decided; all have certificates."""
    found = verdicts(
        tmp_path,
        "frobenius(fc1) = 5",
        "frobenius(fc1) < 5",
        "sigma(fc1, 1) <= 4.1 and sigma(fc1, 2) >= 2.9",
        "sigma(fc1, 2) >= 3.1",
        "fc2.bias[0, 1] = 2 and sum(fc2.bias.T) = 6",
        """sum("0.weight") = 3 and "odd.T.name" = 10 * scale""",
        "1 < 2",
        model=model,
    )
    assert [line.split()[0] for line in found] == [
        "PROVED", "REFUTED", "PROVED", "REFUTED", "PROVED", "PROVED", "PROVED"
    ]  # fmt: skip
    assert found[0] == "PROVED frobenius(fc1) = 5.00"


def test_heads_are_indices_and_every_entry_is_the_stored_one(tmp_path):
    """Of three axes the first takes an index, also one that a quantifier runs over; all entries against numpy."""
    entries = [
        f"blocks.0.attn.W_Q[{h}, {i}, {j}] = {Fraction(float(HEADS[h, i, j]))}"
        for h in range(3) for i in range(4) for j in range(2)
    ]  # fmt: skip
    assert all(line.startswith("PROVED") for line in verdicts(tmp_path, *entries))
    largest = Fraction(float(np.abs(HEADS).max()))
    quantified = f"for all h in 0..2: max(abs(Q[h])) <= {largest}", f"for all h in 0..2: max(abs(Q[h])) < {largest}"
    rows = "Q[1][2] = Q[1, 2]", "Q[1, 0:2, 1] = blocks.0.attn.W_Q[1].T[1, 0:2].T"
    found = verdicts(tmp_path, *quantified, *rows, define="[define]\nQ = 'blocks.0.attn.W_Q'\n")
    assert [line.split()[0] for line in found] == ["PROVED", "REFUTED", "PROVED", "PROVED"]
    assert "at h = " in found[1]


@pytest.mark.parametrize(
    ("statement", "told"),
    [
        ("fc2.bais = 0", "ERROR column 1: there is no 'fc2.bais' here; the nearest known name is 'fc2.bias'"),
        ("1 < sum(w_q)", "ERROR column 9: there is no 'w_q' here; the nearest known name is 'blocks.0.attn.W_Q'"),
        ("acuracy > 0", "ERROR column 1: there is no 'acuracy' here; the nearest known name is 'accuracy'"),
        ("D < 1", "ERROR column 1: there is no 'fc8' here; the nearest known name is 'fc1'"),
        ("sum(blocks.0.attn.W_Q) = 0", "has 3 axes (3 × 4 × 2); write blocks.0.attn.W_Q[i]"),
        ("blocks.0.attn.W_Q[:, 0, 0] = 0", "has 3 axes (3 × 4 × 2); write blocks.0.attn.W_Q[i]"),
        ("blocks.0.attn.W_Q[3] = 0", "ERROR column 1: index 3 of axis 0 of blocks.0.attn.W_Q, which has 3, from 0"),
        ("fc1[0, 0, 0] = 3", "ERROR column 1: expected at most two indices of a matrix, found 3"),
        ("fc1[2] = 3", "ERROR column 1: row 2 of a matrix that has 2 rows"),
        ("accuracy > 0", "UNDECIDED accuracy needs a network: t.npz: "),
        (
            "W_Q[0, 0] > 0",
            "since TransformerLens has none, or none that is supported; the file stores 'blocks.0.attn.W_Q'",
        ),
        ("correct(0, 1)", "UNDECIDED correct needs a network: t.npz: "),
        ("for all p in positions: fc1[p, p] > 0", "UNDECIDED positions needs a network: t.npz: "),
        ("for all t: fc1[t, t] > 0", "UNDECIDED tokens, positions and sequences need a network, not only tensors"),
    ],
)
def test_what_cannot_be_said_is_that_claims_verdict(tmp_path, statement, told):
    """Unknown names, wrong indices and words of networks: one sentence, and the claim beside it stands."""
    found = verdicts(tmp_path, statement, "fc1[1, 1] = 4", define="[define]\nD = 'fc8 + 1'\n")
    assert told in found[0] and not found[0].startswith(("PROVED", "REFUTED"))
    assert found[1].startswith("PROVED")


def test_a_layout_that_only_a_configuration_settles(tmp_path):
    """A bridge's file without its configuration is no network; its tensors are as they are stored, not moved."""
    tensors: dict[str, Any] = {"blocks.0.attn.q.weight": np.array([[1.0, 2.0], [3.0, 4.0]])}
    np.savez(tmp_path / "bridge.npz", **tensors)
    found = verdicts(tmp_path, "blocks.0.attn.q.weight[0, 1] = 2", "loss > 1", model="bridge.npz")
    assert found[0].startswith("PROVED") and found[1].startswith("UNDECIDED loss needs a network: bridge.npz: ")


def test_a_definition_does_not_hide_a_tensor(tmp_path):
    """A short name that is also a stored one would mean two things."""
    (found,) = verdicts(tmp_path, "fc1 < 100", define="[define]\nfc1 = '2 * fc1'\n")
    assert found == "ERROR column 1: the definition of fc1 hides the stored tensor of this name"


def test_stored_names_beside_those_of_a_network(tmp_path):
    """A supported network keeps its words; its stored tensors can be named too, but not together with them."""
    model = str(path("max_of_4_v64_d32_seed50"))
    found = verdicts(
        tmp_path, "EQKE[0, 0] < 1e9", "blocks.0.attn.W_Q[0, 0, 0] < 1e9", "unembed.W_U - W_U = 0", "d_vocab = 64",
        model=model,
    )  # fmt: skip
    assert found[0].startswith("PROVED EQKE") and "no certificate" not in found[0]
    assert found[1].startswith("PROVED blocks.0.attn.W_Q[0, 0, 0] = ") and "no certificate" not in found[1]
    assert found[2].startswith("UNDECIDED W_U needs a network: a statement that names stored tensors is about these")
    assert found[2].endswith("alone; the file stores 'unembed.W_U'")
    assert found[3].startswith("PROVED")


def test_only_what_can_be_certified_is_written_as_a_certificate(tmp_path):
    """The report of claims about tensors has a certificate of each whose words the checker knows."""
    verdicts(tmp_path, "fc1[1, 1] = 4", "exp(fc1[1, 1]) > 4")
    run(read_toml(tmp_path / "claims.toml")).write(tmp_path / "out")
    assert [path.name[:3] for path in (tmp_path / "out" / "certificates").iterdir()] == ["001"]


@pytest.mark.parametrize(
    "text",
    [
        "a.b.0.W_Q[2, 1] <= 1",
        '"0.weight" <= 1',
        "(A.T @ b.W.T).T <= 1",
        '"x.T.weight".T <= 1',
        "for all q in 0..3: A[q] > 1",
    ],
)
def test_names_with_dots_print_as_they_parse(text):
    """Printing a tree gives a text of the same meaning, quotation marks where a name needs them."""
    tree = parse(text)
    assert str(tree) == text and parse(str(tree)).key == tree.key


def test_an_open_quotation_is_a_syntax_problem():
    with pytest.raises(SyntaxProblem):
        parse('"abc < 1')

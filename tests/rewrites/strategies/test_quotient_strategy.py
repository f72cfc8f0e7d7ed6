"""The strategy ``quotient``: from a file to the checker's verdict, on built networks and on the published ones."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from npz import write_npz
from shared_data import shared
from shares import shared_out
from two_token_network import ORDER, adding_network, written

import mechproof
from mechproof.engine.errors import MechproofError
from mechproof.engine.rule import NotEstablished
from mechproof.models.tasks.group_tables import built_in
from mechproof.rewrites.advice.partitions import partitions
from mechproof.rewrites.proof import prove
from mechproof.rewrites.strategies import Options

TABLES = {"S5": "SymmetricGroup5", "A5": "AlternatingGroup5", "C1": "CyclicGroup113", "D5": "DihedralGroup59"}
# Counts that enumeration found, and what an exact count may cost of brute force (the specification's prototype: 0.168,
# 0.113, 0.195, 0.330, 0.266, 0.293, 0.554).
PUBLISHED = {
    "S5_MLP_seed1": (14400, "0.13"),
    "S5_MLP_seed4": (14400, "0.07"),
    "S5_MLP_seed23": (14400, "0.15"),
    "A5_MLP_seed2": (3600, "0.25"),
    "C113_MLP_seed2": (12769, "0.12"),
    "D59_MLP_seed2": (13924, "0.15"),
    "S5_MLP_hidden_dim_32_seed6": (14283, "0.26"),
    "S5_MLP_hidden_dim_112_seed2": (12321, "0.69"),
}


@pytest.mark.parametrize("name", shared_out(PUBLISHED, kept=["S5_MLP_hidden_dim_32_seed6"]))
def test_published_networks(name, tmp_path):
    """The exact count at a fraction of brute force, and the checker finds the same from its own reading."""
    weights = shared(f"groups/{name}.npz")
    task = f"group:{shared(f'groups/table_{TABLES[name[:2]]}.npz')}"
    right, most = PUBLISHED[name]
    proof = mechproof.prove(weights, task=task, strategy="quotient")
    assert (proof.theorem.low, proof.theorem.high) == (right, right)
    assert proof.account is not None and proof.account.ratio <= Fraction(most)
    proof.write_certificate(tmp_path)
    verdict = mechproof.check(tmp_path / "certificate.json", weights, task=task)
    assert verdict.line == proof.verdict.replace("PROVED", "VERIFIED")


def test_a_built_network(tmp_path):
    """Proved, written and verified from a network file; the summary says what it cost; replaying proves it again."""
    network = written(adding_network(1, noise=6), tmp_path)
    proof = mechproof.prove(network, task="group:Z6", strategy="quotient")
    assert proof.theorem.low == ORDER**2
    files = proof.write(tmp_path / "out")
    told = proof.summary()
    assert told["tier"] in ("Q", "Qm", "Q+", "Q+m") and Fraction(told["cost_ratio"]) >= Fraction(
        told["tier_cost_ratio"]
    )
    assert "The quotient and its cost" in (tmp_path / "out" / "transcript.md").read_text("utf-8")
    assert mechproof.check(files[0], network, task="group:Z6").status == "VERIFIED"
    assert proof.graph.replay().is_certifiable(proof.goal)
    again = mechproof.prove(network, task="group:Z6", strategy="quotient")
    assert again.certificate == proof.certificate


def test_a_share_that_is_enough(tmp_path):
    """With --at-least the cheapest quotient that accepts so much is taken, and nothing is evaluated."""
    statement = adding_network(2, noise=6)
    proof = prove(statement, "adding", "quotient", Options(at_least=Fraction(1, 2)))
    assert proof.theorem.low >= ORDER**2 // 2 and proof.theorem.high == ORDER**2
    assert proof.account is not None and proof.account.rest == 0


def test_a_single_wrong_input_is_found(tmp_path):
    """One output weight is changed so that exactly one of 36 inputs is wrong: the count is 35."""
    width = 36
    x = np.kron(np.eye(6), np.ones((1, 6))) * 2 - 1
    y = np.tile(np.eye(6), (1, 6)) * 2 - 1
    out = np.array([[float((a + b - z) % 6 == 0) for z in range(6)] for a in range(6) for b in range(6)])
    out[7] = out[8]
    arrays = {"W_x": x, "W_y": y, "W": np.vstack([np.eye(width)] * 2), "W_U": out}
    weights = write_npz(tmp_path / "net.npz", {name: array.astype(np.float32) for name, array in arrays.items()})
    proof = mechproof.prove(weights, task="group:Z6", strategy="quotient")
    assert (proof.theorem.low, proof.theorem.high) == (35, 35)
    proof.write_certificate(tmp_path)
    assert mechproof.check(tmp_path / "certificate.json", weights, task="group:Z6").right_high == 35


def test_a_task_that_is_no_group(tmp_path):
    """Without a group there are no partitions to try, and the count is still exact."""
    network = written(adding_network(1, noise=6), tmp_path)
    exact = mechproof.prove(network, task="expression: max(t[0], t[1])").theorem
    proof = mechproof.prove(network, task="expression: max(t[0], t[1])", strategy="quotient")
    assert (proof.theorem.low, proof.theorem.high) == (exact.low, exact.high)


def test_what_it_does_not_prove_is_said(tmp_path):
    """Margins, and networks of another form."""
    network = written(adding_network(1), tmp_path)
    with pytest.raises(MechproofError, match="the strategy quotient proves no margin; expected the strategy enumerate"):
        mechproof.prove(network, task="group:Z6", strategy="quotient", metric="margin")
    network.write_text(network.read_text().replace('"relu"', '"gelu"'))
    with pytest.raises(NotEstablished, match="0 layers of ReLU"):
        mechproof.prove(network, task="group:Z6", strategy="quotient")


@pytest.mark.parametrize("name", ["S4", "A5", "D30", "Z40"])
def test_partitions_are_of_the_group(name):
    """Labels are numbered from 0 without gaps, cosets of either side are of equal sizes, and none stands twice."""
    table = built_in(name)
    assert table is not None
    for side in partitions(table):
        assert len({labels.tobytes() for labels in side}) == len(side) > 3
        for labels in side:
            sizes = np.bincount(labels)
            assert len(labels) == len(table) and sizes.min() > 0
            assert name[0] in "DZ" or sizes.min() == sizes.max()


def test_small_activations_and_large_weights(tmp_path):
    """The grids are as coarse as distances of outputs need, which are products of two output weights."""
    network = written(adding_network(1, noise=6), tmp_path)
    with np.load(tmp_path / "net.npz") as file:
        arrays = {
            name: file[name] * np.float32(2.0 ** (14 if name == "U" else 0 if name in "Wc" else -14)) for name in file
        }
    write_npz(tmp_path / "net.npz", arrays)
    proof = mechproof.prove(network, task="group:Z6", strategy="quotient")
    assert (proof.theorem.low, proof.theorem.high) == (ORDER**2, ORDER**2)

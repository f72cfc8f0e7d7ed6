"""Networks on which theorems about bfloat16 runs were once proved that a torch program contradicts."""

from __future__ import annotations

import pytest

from mechproof.engine.checker import check
from mechproof.models.problem import statement_of
from mechproof.rewrites.proof import Proof, prove

FILES = {"bf16_exponentials_stored": (71, 77, 81), "bf16_double_rounding": (2, 3, 4)}


@pytest.fixture(scope="module", params=FILES)
def attack(request, data) -> tuple[Proof, str]:
    file = data / "attacks" / f"{request.param}.npz"
    return prove(statement_of(file), "net", semantics="bfloat16"), request.param


def test_no_more_is_proved_than_torch_gets_right(attack, data, tmp_path):
    """torch stores exponentials that it adds up unstored, and rounds weights twice: both are charged, and checked."""
    proof, name = attack
    torch_gets, real, inputs = FILES[name]
    theorem = proof.theorem
    assert (theorem.real.low, theorem.inputs) == (real, inputs)
    assert 0 < theorem.low <= torch_gets <= theorem.high
    path = tmp_path / "certificate.json"
    path.write_bytes(proof.certificate)
    assert check(path, data / "attacks" / f"{name}.npz").line == proof.verdict.replace("PROVED", "VERIFIED")

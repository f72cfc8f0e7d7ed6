"""Certificates about float runs: what is verified, and what is refused."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from auditors import auditor_of
from float_networks import small as saved
from json_leaves import leaf_at, places, replaced, variants
from shares import shared_out
from stored_certificates import MANIFEST, stored

from mechproof.engine.checker import check
from mechproof.engine.checker.floats.format import ARITHMETICS, Runs
from mechproof.engine.checker.floats.rules import TABLES
from mechproof.engine.checker.networks.statement import statement_hash
from mechproof.engine.checker.one_layer.counts import View
from mechproof.models import zoo
from mechproof.models.problem import statement_of
from mechproof.rewrites.proof import Proof, prove
from mechproof.rewrites.rules.float_accuracy import FloatAccuracy
from mechproof.rewrites.strategies import Options

ZOO = Path(zoo.__file__).parent
LIMIT = 1 << 40


@cache
def proof(weights: Path, semantics: str, strategy: str = "branch_and_bound") -> Proof:
    return prove(statement_of(weights), "net", strategy, Options(cut=0), semantics=semantics)


def theorem_of(proved: Proof) -> FloatAccuracy:
    assert isinstance(proved.theorem, FloatAccuracy)
    return proved.theorem


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A network of three tokens and positions that is right on some inputs and wrong on others, in every bfloat16 run,
    and leaves some open."""
    return saved(tmp_path_factory.mktemp("float"), 5, copying=1, b_O=np.array([1, -1, 2, 0.3], dtype=np.float32))


@pytest.fixture
def verdict(tmp_path: Path) -> Any:
    """verdict(weights, certificate): the certificate as bytes or as an object."""

    def call(file: Path, certificate: Any) -> Any:
        path = tmp_path / "certificate.json"
        if not isinstance(certificate, bytes):
            certificate = (json.dumps(certificate, separators=(",", ":")) + "\n").encode()
        path.write_bytes(certificate)
        return check(path, file)

    return call


# The same rules: other numbers for the same operations, and more cells.
LARGE = ("max_of_2_float64", "max_of_4_float32")


@pytest.mark.parametrize("name", shared_out(MANIFEST, kept=[name for name in MANIFEST if name not in LARGE]))
def test_networks_of_the_zoo(verdict: Any, name: str) -> None:
    """The checker prints the prover's relation and hash, and the assumptions."""
    told, (file, certificate) = MANIFEST[name], stored(name)
    semantics = told["semantics"]
    found = verdict(file, certificate)
    assert found.line == told["line"]
    assert [found.right_low, found.right_high] == told["right"]
    data = found.as_json()
    assert (data["semantics"], data["exp_ulps"], data["real_low"]) == (semantics, 4, told["real_low"])
    assert f"every {semantics} run answers right" in found.text and "4 units in the last place" in found.text
    assert ("storing" in found.text) == (semantics == "bfloat16")


@pytest.mark.parametrize("strategy", ["branch_and_bound", "separable", "brute_force"])
@pytest.mark.parametrize("semantics", ARITHMETICS)
def test_all_strategies(verdict: Any, weights: Path, strategy: str, semantics: str) -> None:
    """Trees and triples about float runs are checked by the rules that check them about real numbers."""
    proved = proof(weights, semantics, strategy)
    found = verdict(weights, proved.certificate)
    assert found.status == "VERIFIED", found.line
    assert (found.right_low, found.right_high) == (proved.theorem.low, proved.theorem.high)


def test_float_runs_leave_open_what_real_numbers_decide(weights: Path) -> None:
    """The network of these tests has all three kinds of inputs in bfloat16."""
    theorem = theorem_of(proof(weights, "bfloat16"))
    assert 0 < theorem.low < theorem.real.low and theorem.real.high < theorem.high < theorem.inputs


def weaker(certificate: Any, path: tuple[Any, ...], new: Any) -> bool:
    """Whether the change states a bound less tightly."""
    low, high = path[-1] in ("right_low", "real_low"), path[-1] in ("right_high", "real_high")
    if not (low or high) or not isinstance(new, str) or not new.startswith("0x"):
        return False
    old = leaf_at(certificate, path)
    return (int(new, 16) < int(old, 16)) if low else (int(new, 16) > int(old, 16))


@pytest.mark.parametrize("strategy", ["branch_and_bound", "separable"])
def test_no_field_can_be_changed(verdict: Any, weights: Path, strategy: str) -> None:
    """Every leaf of a certificate matters; a bound stated less tightly is true, and verified or refused."""
    certificate = json.loads(proof(weights, "bfloat16", strategy).certificate)
    assert verdict(weights, certificate).status == "VERIFIED"
    tried = 0
    for path in places(certificate):
        leaf = leaf_at(certificate, path)
        for new in variants(leaf):
            if new == leaf or weaker(certificate, path, new) or "triples" in path:
                continue
            tried += 1
            found = verdict(weights, replaced(certificate, path, new))
            assert found.exit_code in (1, 2), (path, new, found.line)
    assert tried > 150


@pytest.mark.parametrize("strategy", ["branch_and_bound", "separable"])
@pytest.mark.parametrize("off", [1, -1])
@pytest.mark.parametrize("about", ["real", "right"])
def test_counts_off_by_one(verdict: Any, weights: Path, strategy: str, off: int, about: str) -> None:
    """Bounds shifted by one, wherever they stand, are refused by the rule that counts: of real numbers, and of runs."""
    certificate = json.loads(proof(weights, "bfloat16", strategy).certificate)
    own = [3, 4] if about == "real" else [7]
    sides = ("low", "high")
    sites = [("derivations", number, "conclusion", f"right_{side}") for number in own for side in sides]
    sites += [
        (*where, f"{about}_{side}") for where in (("derivations", 8, "conclusion"), ("relation",)) for side in sides
    ]
    for path in sites:
        certificate = replaced(certificate, path, hex(int(leaf_at(certificate, path), 16) + off))
    found = verdict(weights, certificate)
    assert found.code == "E216" and f"derivation {own[0]} " in found.line, found.line


def test_other_semantics_are_refused(verdict: Any, weights: Path) -> None:
    """In the relation, in the conclusion, in the advice, or everywhere; and names that are none."""
    certificate = json.loads(proof(weights, "float32").certificate)
    sites = [("relation",), ("derivations", 8, "conclusion"), ("derivations", 5, "advice")]
    for key, new in (("semantics", "float64"), ("exp_ulps", 3)):
        changed = certificate
        for number, site in enumerate(sites):
            assert verdict(weights, replaced(certificate, (*site, key), new)).code in ("E201", "E204", "E216")
            changed = replaced(changed, (*site, key), new)
            assert verdict(weights, changed).code == "E201", number
    exact = replaced(certificate, ("statement",), proof(weights, "float64").theorem.statement.sha256)
    for site in sites[:2]:
        exact = replaced(exact, (*site, "semantics"), "float64")
    found = verdict(weights, exact)
    assert (found.code, "the runs are" in found.line) == ("E216", True)
    assert verdict(weights, replaced(certificate, ("relation", "semantics"), "float16")).code == "E110"


def test_other_weights_are_refused(verdict: Any, weights: Path, tmp_path: Path) -> None:
    """Weights that differ in one place only, though they round to the same bfloat16 numbers."""
    certificate = proof(weights, "bfloat16").certificate
    with np.load(weights) as stored:
        tensors = dict(stored)
    tensors["W_E"][0, 0] = np.nextafter(tensors["W_E"][0, 0], np.float32(9))
    np.savez(tmp_path / "other.npz", **tensors)
    assert verdict(tmp_path / "other.npz", certificate).code == "E201"


def test_theorems_of_two_kinds_do_not_mix(verdict: Any, weights: Path) -> None:
    """Counts of runs are no counts over the reals, nor the other way round; no other rule takes their margins."""
    certificate = json.loads(proof(weights, "float32").certificate)
    steps = certificate["derivations"]
    assert [step["rule"] for step in steps[5:7]] == ["float_error/2", "float_margin/1"]
    for number, premises in ((4, [3, 3]), (8, [3, 4]), (8, [7, 7]), (8, [4, 7]), (6, [1]), (5, [1])):
        kept = [step["premises"] for step in steps]
        steps[number]["premises"] = premises
        assert verdict(weights, certificate).code == "E211"
        for step, before in zip(steps, kept, strict=True):
            step["premises"] = before
    cells = {"id": 7, "rule": "right_cells/1", "premises": [6], "advice": {"sets": []}}
    cells["conclusion"] = steps[7]["conclusion"]
    assert verdict(weights, replaced(certificate, ("derivations", 7), cells)).code == "E211"
    accuracy = {"id": 8, "rule": "accuracy/1", "premises": [7], "advice": {}, "conclusion": steps[4]["conclusion"]}
    assert verdict(weights, replaced(certificate, ("derivations", 8), accuracy)).code == "E211"


def test_senseless_relations_are_refused(verdict: Any, weights: Path) -> None:
    """Bounds out of order, for runs and for real numbers, and another number of inputs."""
    certificate = json.loads(proof(weights, "float32").certificate)
    for key, new, code in (("right_low", "0x1c", "E203"), ("real_high", "0x1c", "E203"), ("inputs", "0x1c", "E202")):
        assert verdict(weights, replaced(certificate, ("relation", key), new)).code == code


def test_every_open_leaf_stays_open(verdict: Any, weights: Path) -> None:
    """U replaced by R, or by W with any token, is refused: the prover decides a single sequence as the checker does."""
    certificate = json.loads(proof(weights, "bfloat16").certificate)
    path = ("derivations", 7, "advice", "tree")
    tree = leaf_at(certificate, path)
    assert tree.count("U") > 1
    for at in (place for place, symbol in enumerate(tree) if symbol == "U"):
        for lie in ("R", "W0", "W1", "W2"):
            found = verdict(weights, replaced(certificate, path, tree[:at] + lie + tree[at + 1 :]))
            assert found.code in (("E224",) if lie == "R" else ("E225", "E226"))


def test_hashes_of_the_tables_are_compared(verdict: Any, weights: Path) -> None:
    """A prover that forgets part of an error is refused where the tables are stated."""
    certificate = json.loads(proof(weights, "float32").certificate)
    for name in TABLES:
        found = verdict(weights, replaced(certificate, ("derivations", 5, "conclusion", name), "0" * 64))
        assert found.code == "E216" and f"the errors of {name}" in found.line


def test_overflow_is_refused_in_a_certificate(verdict: Any, weights: Path, tmp_path: Path) -> None:
    """Not a crash: a verdict, for weights on which a run may overflow."""
    with np.load(weights) as stored:
        tensors = dict(stored)
    tensors["W_U"] = tensors["W_U"] * np.float32(2.0**125)
    np.savez(tmp_path / "large.npz", **tensors)
    certificate = json.loads(proof(weights, "float32").certificate)
    large = auditor_of(tmp_path / "large.npz", LIMIT)
    runs = Runs(ARITHMETICS["float32"], 4)
    hashes = [large.statement, statement_hash(large.network, large.task, runs.semantics)]
    paths = large.of(View).paths.hashes()
    changed = replaced(certificate, ("statement",), hashes[1])
    changed = replaced(changed, ("derivations", 0, "conclusion", "statement"), hashes[0])
    for name, own in paths.items():
        changed = replaced(changed, ("derivations", 1, "conclusion", name), own)
    assert verdict(tmp_path / "large.npz", changed).code == "E261"

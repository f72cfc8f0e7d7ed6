"""The sub-cubic family end to end: what the prover writes is verified, and what is false of a network is not."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from loss_certificates import numbers, table
from shares import shared_out

from mechproof.engine.certificate import emit
from mechproof.engine.checker import check
from mechproof.models.problem import statement_of
from mechproof.rewrites.strategies import Options, prove_accuracy, prove_loss, variants
from mechproof.rewrites.strategies.subcubic import TIGHTENINGS

ERRORS = ("EQKE", "mdx", "md", "mmd", "svd", "len", "sub", "msub", "rec", "mrec", "mmrec")
OTHERS = [
    (f"{direct}/{attention}/EQKE", ()) for direct in ("glob", "mean", "svdq", "md") for attention in ("mean", "drop")
]
CONFIGURATIONS = [
    *((f"exact/chord/{error}", ()) for error in ERRORS),
    *OTHERS,
    ("mean/mean/mmrec", tuple(TIGHTENINGS)),
]
FAMILIES = ("subcubic", "low_rank_values", "vertex")
# Steps of about a microsecond; V = 64, K = 4, d = 32.
LIMIT = 20_000_000


def proved(weights: Path, configuration: str, off: tuple[str, ...] = ()) -> tuple[bytes, str]:
    """The certificate and the line that its verdict must be."""
    statement = statement_of(weights)
    graph, goal = prove_accuracy(statement, f"subcubic/{configuration}", Options(off=off))
    line = f"s VERIFIED {graph.claim(goal).relation()} sha256:{statement.sha256}"
    return emit(graph, goal, statement.sha256), line


@pytest.mark.parametrize("prove", [prove_accuracy, prove_loss])
@pytest.mark.parametrize("first", shared_out(range(14), kept=[0]))
def test_all_configurations(emitter: Any, judge: Any, tmp_path: Path, prove: Any, first: int) -> None:
    """Every configuration of the sub-cubic family, and others, on one small network: what is proved is verified."""
    model = emitter.pulled_model(3, 4, 3, 0.1)
    weights = emitter.write(model, tmp_path)
    statement = statement_of(weights)
    seen: set[bytes] = set()
    for name in FAMILIES:
        for configuration in variants(name)[first::14]:
            graph, goal = prove(statement, f"{name}/{configuration}")
            certificate = emit(graph, goal, statement.sha256)
            if certificate not in seen:
                seen.add(certificate)
                line = f"s VERIFIED {graph.claim(goal).relation()} sha256:{statement.sha256}"
                assert judge(model, certificate).line == line, configuration
    assert seen


@pytest.mark.parametrize("chosen", shared_out(CONFIGURATIONS, kept=CONFIGURATIONS[::3]), ids=str)
def test_small_models(emitter: Any, judge: Any, tmp_path: Path, chosen: tuple[str, tuple[str, ...]]) -> None:
    """Random, pulled and tied networks, one of them with a single position: the same relation and statement, and a
    count below the truth."""
    configuration, off = chosen
    models = [
        emitter.pulled_model(0, 4, 3, 0.3),
        emitter.random_model(5, 3, 4, 2, 3, False),
        emitter.tied_model(1, 3, 3),
        emitter.random_model(7, 4, 1, 3, 2, True),
    ]
    for model in models:
        certificate, line = proved(emitter.write(model, tmp_path), configuration, off)
        verdict = judge(model, certificate)
        assert verdict.line == line
        assert verdict.right_low <= model.truth()


@pytest.mark.parametrize("configuration", ["exact/chord/EQKE", "mean/mean/mmrec", "svdq/drop/msub"])
def test_a_published_network(data: Path, tmp_path: Path, configuration: str) -> None:
    """A trained network of 64 tokens is checked within a few seconds' steps."""
    weights, path = data / "max_of_4_seed123" / "weights.npz", tmp_path / "certificate.json"
    certificate, line = proved(weights, configuration)
    path.write_bytes(certificate)
    assert check(path, weights, budget=LIMIT).line == line


@pytest.mark.parametrize(("name", "truth", "published"), [("cell_v3_k3", None, None), ("total_v8_k4", 513, 1233)])
def test_the_unsound_published_rule(
    emitter: Any, data: Path, tmp_path: Path, name: str, truth: int | None, published: int | None
) -> None:
    """Networks on which the published averaging rule is wrong: certificates for it count no more than is true, and
    what the rule counts beyond, or a cell that it certifies although all its sequences are wrong, is refused."""
    weights, path = data / "unsound_averaging" / f"{name}.npz", tmp_path / "certificate.json"
    certificate = json.loads(proved(weights, "exact/mean/EQKE", tuple(TIGHTENINGS))[0])
    path.write_bytes(emitter.text(certificate))
    verdict = check(path, weights)
    assert verdict.status == "VERIFIED"
    stated = [d["conclusion"] for d in certificate["derivations"] if "right_low" in d["conclusion"]]
    stated.append(certificate["relation"])
    if published:
        assert truth is not None and verdict.right_low is not None
        assert verdict.right_low <= truth < published
        for conclusion in stated:
            conclusion["right_low"] = hex(published)
        path.write_bytes(emitter.text(certificate))
        assert check(path, weights).code == "E216"
        return
    for conclusion in stated:
        conclusion["right_low"] = "0x0"
    # query 0, maximum 2, one other token besides the query, at most 1
    sets = emitter.step(certificate, "right_cells/1")["advice"]["sets"]
    entries = numbers(sets[2][0])
    entries[0 * 3 + 1] = 2
    sets[2][0] = table(entries)
    path.write_bytes(emitter.text(certificate))
    verdict = check(path, weights)
    assert verdict.code == "E237" and "(0, 2), 1 other" in verdict.line, verdict.line


def leaves(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The paths of all leaves of a JSON value."""
    if isinstance(value, dict | list):
        items = value.items() if isinstance(value, dict) else enumerate(value)
        return [leaf for key, item in items for leaf in leaves(item, (*path, key))]
    return [path]


def spoiled(leaf: Any) -> list[Any]:
    """Other values in place of a leaf."""
    if isinstance(leaf, int):
        return [leaf + 1, 10**9]
    if leaf.startswith(("0x", "-0x")):
        return [hex(int(leaf, 16) + 1), hex(int(leaf, 16) >> 1)]
    return [leaf[:-1], leaf + "A", "W_E"]


def test_no_leaf_can_be_made_false(emitter: Any, judge: Any, subcubic: Any) -> None:
    """Leaves of every kind changed in every way: a verdict, never a crash; whatever is still verified is still true."""
    model = emitter.pulled_model(0, 3, 2, 0.3)
    certificate, truth = subcubic(model, "md/mean/mrec"), model.truth()
    codes: set[str | None] = set()
    for path in leaves(certificate):
        at = certificate
        for key in path[:-1]:
            at = at[key]
        kept = at[path[-1]]
        for other in spoiled(kept):
            at[path[-1]] = other
            verdict = judge(model, certificate)
            codes.add(verdict.code)
            assert verdict.exit_code in (0, 1, 2)
            assert verdict.exit_code or verdict.right_low <= truth, (path, other)
        at[path[-1]] = kept
    assert judge(model, certificate).status == "VERIFIED"
    assert {"E110", "E203", "E210", "E216"} <= codes

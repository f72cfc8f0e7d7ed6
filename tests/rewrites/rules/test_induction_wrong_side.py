"""The wrong side: sets of inputs on which another output is ahead, seen from any key with a fixed token."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import induction_networks as small
import numpy as np
import pytest

from mechproof.engine.checker import check
from mechproof.engine.rule import NotEstablished
from mechproof.models.problem import statement_of
from mechproof.models.statement import Statement
from mechproof.rewrites.advice import induction_search
from mechproof.rewrites.advice.induction_floats import Floats
from mechproof.rewrites.advice.induction_search import search
from mechproof.rewrites.proof import prove
from mechproof.rewrites.rules.induction.form import TwoLayers
from mechproof.rewrites.rules.induction.grid import Grid
from mechproof.rewrites.rules.induction.nodes import groups
from mechproof.rewrites.rules.induction.tables import InductionTables
from mechproof.rewrites.rules.induction.tree import ALL_WRONG, InductionTree


@pytest.fixture(scope="module")
def turned(tmp_path_factory: pytest.TempPathFactory) -> tuple[Statement, dict[small.Tokens, Any], Path]:
    """A sharp induction head whose outputs are the next token's, wrong on nearly all inputs; its margins; its file."""
    made = small.layers(1, 5, 5, sharp=8.0)
    made[-1]["W_U"] = np.roll(made[-1]["W_U"], 1, axis=1)
    folder = tmp_path_factory.mktemp("turned")
    statement = small.statement(made, folder, "induction")
    return statement, small.margins(made, small.inputs("repeated", 5, 5)), folder / "net.toml"


def tables(statement: Any) -> InductionTables:
    return InductionTables(statement, Grid.of(TwoLayers.of(statement, "test"), "test"))


def test_what_is_shown_wrong_is_wrong(turned):
    """Every key with a fixed token, every output: a shown margin is that of no input exceeded; many are shown."""
    statement, margins, _ = turned
    found, shown = tables(statement), 0
    for node in groups(statement.task.inputs):
        for key in (k for k, token in enumerate(node.fixed) if token is not None):
            for output in range(5):
                if output != node.a and found.fails(node, key, output):
                    shown += 1
                    assert all(margins[tuple(row)] < 0 for row in node.inputs().tolist()), (node, key, output)
    assert shown > 20


def test_counts_with_wrong_nodes_are_exact_and_checked(turned, tmp_path):
    """The search finds such nodes; the checker verifies them, and refuses another key, another output, a right one."""
    statement, margins, path = turned
    proof: Any = prove(statement, "net", "induction")
    wrong = sum(m <= 0 for m in margins.values())
    assert proof.theorem.low == proof.theorem.high == len(margins) - wrong
    content = json.loads(proof.certificate)
    advice = content["derivations"][1]["advice"]
    tree = advice["tree"]
    assert tree.count(ALL_WRONG) > 5

    def verdict(symbols: str) -> Any:
        advice["tree"] = symbols
        (tmp_path / "c.json").write_text(json.dumps(content, separators=(",", ":")) + "\n")
        return check(tmp_path / "c.json", path, "induction")

    assert verdict(tree).status == "VERIFIED"
    at = tree.index(ALL_WRONG)
    for symbols in (
        tree[:at] + "w" + "f" + tree[at + 2 :],
        tree[:at] + "w" + tree[at + 1] + "5" + tree[at + 3 :],
        tree[:at] + "A" + tree[at + 3 :],
        tree[: at + 1],
        tree[:at] + "w.." + tree[at + 3 :],
        tree[:at] + "w!1" + tree[at + 3 :],
        tree[: at + 2] + str((int(tree[at + 2]) + 1) % 5) + tree[at + 3 :],
    ):
        assert verdict(symbols).code == "E216", symbols[at : at + 4]


def test_false_wrong_nodes_are_refused_by_the_prover(tmp_path):
    """On a network that is right everywhere no such leaf is accepted, whatever key and output it names."""
    statement = small.statement(small.layers(1, 4, 4, sharp=8.0), tmp_path, "induction")
    found = tables(statement)
    tree = search(found, few=0)
    for key in range(4):
        for output in range(5):
            symbols = f"w{key:x}{output}" + tree.symbols.lstrip(".")[1:]
            with pytest.raises(NotEstablished):
                list(InductionTree().leaves(found, replace(tree, symbols=symbols)))


def test_samples_are_evaluated_as_the_network_does(tmp_path):
    """Logits of the floats beside those to 50 digits; they only advise."""
    made = small.layers(2, 4, 5, sharp=4.0)
    statement = statement_of(small.second.write(made, tmp_path), "induction")
    floats = Floats(tables(statement))
    some = small.inputs("repeated", 4, 5)[:20]
    logits, looked = floats.evaluated(np.array(some))
    for row, tokens in zip(logits, some, strict=True):
        exact = small.second.logits(made, tokens)[-1]
        assert max(abs(a - float(b)) for a, b in zip(row, exact, strict=True)) < 1e-5
    assert np.allclose(looked.sum(axis=1), 1)
    node = groups(statement.task.inputs)[0]
    seen = floats.seen(node, Random(0))
    assert 0 <= seen.wrong <= seen.of == 24 and induction_search.FEW > 0

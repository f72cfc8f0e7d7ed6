"""The checker's trees of nodes: its tests against every input, the prover's certificates, changed and false ones."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import induction_networks as small
import numpy as np
import pytest
from shares import shared_out

from mechproof.engine.checker import check
from mechproof.engine.checker.budget import Budget
from mechproof.engine.checker.induction import node as induction
from mechproof.engine.checker.induction.node import Node, NodeTest, Tables
from mechproof.engine.checker.networks.network_file import read_description
from mechproof.engine.checker.networks.task import read_task
from mechproof.rewrites.proof import prove
from mechproof.rewrites.rules.induction.form import TwoLayers
from mechproof.rewrites.rules.induction.grid import Grid, falls
from mechproof.rewrites.rules.induction.nodes import groups
from mechproof.rewrites.rules.induction.tables import InductionTables

# seed, tokens, positions, task, sharpness, scale
CASES = [
    (1, 4, 4, "induction", 6.0, "1/sqrt(3)"),
    (2, 3, 5, "induction-once", 4.0, "1/2"),
    (3, 4, 5, "induction", 0.0, "2/7"),
    (9, 4, 4, "induction", 14.0, "1/1"),
]


def made(case: tuple[Any, ...], folder: Path) -> tuple[Path, Tables, InductionTables, dict[small.Tokens, Any]]:
    """The network file, the checker's tables, the prover's, and the margins of all inputs."""
    seed, tokens, positions, task, sharp, scale = case
    layers = small.layers(seed, tokens, positions, sharp=sharp, scale=scale)
    statement = small.statement(layers, folder, task)
    path = folder / "net.toml"
    network, read = read_task(task, read_description(str(path), None))
    mine = InductionTables(statement, Grid.of(TwoLayers.of(statement, "test"), "test"))
    every = small.inputs(statement.task.inputs.condition, tokens, positions)
    return path, Tables(network, read, Budget(10**9)), mine, small.margins(layers, every)


def nodes(tables: Tables, prover: InductionTables) -> Iterator[tuple[Node, bool, Any]]:
    """Groups and some of their children, with the prover's node."""
    for group in groups(prover.statement.task.inputs):
        children = [child for position in group.free[:1] for child in list(group.children(position))[:1]]
        for node, wide in [(group, True), (group, False), *((child, False) for child in children)]:
            yield Node(tables, node.i, node.fixed), wide, node


@pytest.mark.parametrize("cases", shared_out([CASES[:2], CASES[2:]], kept=[CASES[:2]]))
def test_tables_are_the_provers(cases, tmp_path):
    """Both halves round the same exact numbers: every table, every weight, every fall."""
    for number, case in enumerate(cases):
        folder = tmp_path / str(number)
        folder.mkdir()
        _, tables, prover, _ = made(case, folder)
        grid = prover.grid
        assert tables.bits == grid.bits
        for name in ("query_stream", "query_written", "atom_stream", "atom_written", "values", "direct"):
            assert np.array_equal(np.array(getattr(tables, name)).reshape(-1), getattr(grid, name).reshape(-1)), name
        for name in ("least", "most"):
            table = getattr(grid, name).reshape(-1, tables.n, tables.tokens)
            rows = getattr(tables, name)
            assert all(np.array_equal(rows[r], table[r, : len(rows[r])]) for r in range(len(rows))), name
    assert induction.falls() == falls().tolist()


@pytest.mark.parametrize("case", shared_out(CASES, kept=CASES[:2]), ids=str)
def test_what_a_test_shows_is_true_and_what_the_prover_shows(case, tmp_path):
    """The largest margin that it shows is below every input's, and that of the prover's test."""
    _, tables, prover, margins = made(case, tmp_path)
    for node, wide, other in nodes(tables, prover):
        test, second = NodeTest(node, node.distractors(wide)), prover.test(other, wide=wide)
        least = min(margins[tokens] for tokens in node.inputs())
        low, high = -(1 << 27), 1 << 27
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if second.holds(middle) else (low, middle)
        assert test.holds(low) and not test.holds(low + 1)
        assert small.above(least, low, tables.bits)


class Lowest(induction.Distractors):
    """With the least that is written where the most is asked for, whatever the token before."""

    @property
    def highest(self) -> list[induction.Row]:  # type: ignore[override]
        V = self.tables.tokens
        return [[min(a[m * V + s] for s in held) for a in self.written_at] for m, held in enumerate(self.held[:-1])]


MUTANTS = {
    "least_ratio": lambda right: lambda choices: -right([c._replace(values=[-v for v in c.values]) for c in choices]),
    "box": lambda right: lambda low, high, rows: [-x for x in right(low, high, [[-v for v in row] for row in rows])],
    "Distractors": lambda right: Lowest,
    "falls": lambda right: lambda: [x >> 2 for x in right()],
    "share_ends": lambda right: lambda *ends: [[sum(pair) >> 1 for pair in zip(*right(*ends), strict=True)]] * 2,
}


@pytest.mark.parametrize("name", MUTANTS)
def test_mutants_of_the_bounds_show_what_is_false(name, tmp_path, monkeypatch):
    """With one bound turned round, a test shows a margin that an input does not have."""

    def false(tables: Tables, prover: InductionTables, least: dict[small.Tokens, int]) -> int:
        return sum(
            NodeTest(node, node.distractors(wide)).holds(min(least[tokens] for tokens in node.inputs()) + 1)
            for node, wide, _ in nodes(tables, prover)
        )

    right = getattr(induction, name)
    for number, case in enumerate(CASES[::-1]):
        folder = tmp_path / str(number)
        folder.mkdir()
        _, tables, prover, margins = made(case, folder)
        least = {tokens: int(margin * 2**tables.bits) for tokens, margin in margins.items()}
        assert not false(tables, prover, least)
        with monkeypatch.context() as changed:
            changed.setattr(induction, name, MUTANTS[name](right))
            if false(tables, prover, least):
                return
    raise AssertionError("no input contradicts the mutant")


PROVED: dict[str, bytes] = {}


def certificate(case: tuple[Any, ...], folder: Path) -> tuple[Path, str, dict[str, Any]]:
    """The network file, the task and the prover's certificate."""
    seed, tokens, positions, task, sharp, scale = case
    layers = small.layers(seed, tokens, positions, sharp=sharp, scale=scale)
    statement = small.statement(layers, folder, task)
    if statement.sha256 not in PROVED:
        PROVED[statement.sha256] = prove(statement, "net", "induction").certificate
    return folder / "net.toml", task, json.loads(PROVED[statement.sha256])


def verdict(content: dict[str, Any], path: Path, task: str, **options: Any) -> Any:
    file = path.with_suffix(".json")
    file.write_text(json.dumps(content, separators=(",", ":")) + "\n")
    return check(file, path, task, **options)


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("jobs", [1, 2])
def test_certificates_are_verified(case, jobs, tmp_path):
    """Of networks that are right on all, some or few inputs; better counts than its own are refused."""
    path, task, content = certificate(case, tmp_path)
    found = verdict(content, path, task, jobs=jobs)
    assert found.status == "VERIFIED" and "accuracy = " in found.line, found.line
    better = json.dumps(content)
    right = content["relation"]["right_high"]
    less = hex(int(right, 16) - 1)
    better = json.loads(better.replace(f'"right_high": "{right}"', f'"right_high": "{less}"').replace(
        f'"right_low": "{right}"', f'"right_low": "{less}"'))  # fmt: skip
    assert verdict(better, path, task).code == "E216"


def test_false_trees_are_refused(tmp_path):
    """Margins out of order, symbols that say too much, too few, too many, fixed positions: E216, never an exception."""
    path, task, content = certificate(CASES[2], tmp_path)
    advice = content["derivations"][1]["advice"]
    tree = advice["tree"]
    assert content["derivations"][1]["rule"] == "induction_tree/1" and "!" in tree
    changed = ["A" * 48, tree[:-1], tree + "A", tree + "!", "B" + tree[1:], "0" + tree[1:], "9" + tree[1:], "." + tree]
    for symbols in [*changed, "", ".", "R" * 48]:
        advice["tree"] = symbols
        assert verdict(content, path, task).code == "E216", symbols
    advice["tree"] = tree
    for margins in ([], ["0x1", "0x0"], ["0x0", "0x0"], ["-0x1"]):
        advice["margins"] = margins
        assert verdict(content, path, task).code == "E216", margins
    advice["margins"] = ["0x0"]
    assert verdict(content, path, task).status == "VERIFIED"
    advice["tree"] = tree.replace("!", "x")
    assert verdict(content, path, task).code == "E110"


def test_other_networks_and_tasks_are_refused(tmp_path):
    """A tree for a network of another form, or another task on the same network."""
    _, task, content = certificate(CASES[0], tmp_path)
    other = tmp_path / "other"
    other.mkdir()
    layers = small.layers(1, 4, 4, sharp=6.0)
    for name, (changed, text) in enumerate(
        (
            ([*layers[:2], layers[1], *layers[2:]], task),
            ([layers[0], layers[1] | {"mask": "none"}, *layers[2:]], task),
            ([layers[0], layers[1] | {"b_O": layers[0]["P"][0]}, *layers[2:]], task),
            (layers, "max-of-k"),
        )
    ):
        statement = small.statement(changed, other, text)
        replaced = json.loads(json.dumps(content).replace(content["statement"], statement.sha256))
        replaced["relation"]["inputs"] = replaced["derivations"][2]["conclusion"]["inputs"] = hex(statement.inputs)
        assert verdict(replaced, other / "net.toml", text).code == "E216", name


def test_the_budget_is_kept(tmp_path):
    """A tree that needs more steps than there are is refused."""
    path, task, content = certificate(CASES[0], tmp_path)
    assert verdict(content, path, task, budget=2000).code == "E242"

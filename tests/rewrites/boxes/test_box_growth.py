"""Searches that are stopped: more time finds no wider interval, and a tree goes on where an earlier run left it."""

from __future__ import annotations

from pathlib import Path

import pytest
from box_networks import layers, statement

from mechproof.engine.graph import ProofGraph
from mechproof.models.statement import Statement
from mechproof.rewrites.advice.boxes.growth import TreesUnusable
from mechproof.rewrites.advice.boxes.trees import found_boxes
from mechproof.rewrites.rules.box_rule import Boxes, BoxTree
from mechproof.rewrites.rules.network_function import NetworkFunctionDefinition

CASES = [("two heads, relu", "max-of-k", 6, 4, None), ("two heads", "sorted-list", 9, 7, None),
         ("relu", "running-sum-sign", 5, 4, 3)]  # fmt: skip


def found(known: Statement, sets: int | None, resume: Path | None = None) -> Boxes:
    return found_boxes(known, 0, lambda done, total: None, sets=sets, resume=resume)


def interval(known: Statement, boxes: Boxes) -> tuple[int, int]:
    graph = ProofGraph()
    function = graph.apply(NetworkFunctionDefinition(), (), known)
    count = graph.claim(graph.apply(BoxTree(), [function], boxes))
    return count.low, count.high


@pytest.mark.parametrize(("kind", "task", "tokens", "positions", "outputs"), CASES)
def test_more_time_never_widens(kind, task, tokens, positions, outputs, tmp_path):
    """Whenever the search is stopped, and whether it is stopped once or often, intervals lie within earlier ones."""
    known = statement(layers(kind, 3, tokens, positions, outputs), task, tmp_path)
    file, before = tmp_path / "trees.json", (0, known.inputs)
    widths = []
    for sets in (1, 40, 200, 1000):
        once, again = found(known, sets), found(known, sets, file)
        for boxes in (once, again):
            low, high = interval(known, boxes)
            if boxes is once:
                assert before[0] <= low <= high <= before[1]
                before = low, high
        widths.append(before[1] - before[0])
        resumed = interval(known, again)
    assert widths[-1] < widths[0]
    whole = interval(known, found(known, None, file))
    assert resumed[0] <= whole[0] <= whole[1] <= resumed[1]
    assert interval(known, found(known, None, file)) == whole


def test_a_run_that_is_resumed_reaches_the_same_count(tmp_path):
    """In steps of a few sets, until nothing is open."""
    known = statement(layers("two heads, relu", 3, 6, 4), "max-of-k", tmp_path)
    file = tmp_path / "trees.json"
    for _ in range(60):
        boxes = found(known, 1, file)
    assert "U" not in boxes.trees[0].symbols
    assert interval(known, boxes) == interval(known, found(known, None))


def test_files_of_other_runs(tmp_path):
    """One sentence for another network, and for a damaged file."""
    file = tmp_path / "trees.json"
    found(statement(layers("one head", 3, 4, 3), "max-of-k", tmp_path), 1, file)
    other = statement(layers("one head", 4, 4, 3), "max-of-k", tmp_path)
    with pytest.raises(TreesUnusable, match="another network, task or threshold"):
        found(other, 1, file)
    file.write_text('{"run": 1, "trees": [["U", [1.5], []]]}')
    with pytest.raises(TreesUnusable, match="cannot be read"):
        found(other, 1, file)

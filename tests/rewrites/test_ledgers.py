"""The count of a proof, made again from the text of its transcript and the file that the text names: nothing else."""

from __future__ import annotations

import hashlib
import itertools
import re
from collections import Counter
from dataclasses import replace
from math import comb
from pathlib import Path

import pytest
from box_networks import KINDS
from every_transcript import ACCURACIES, proof_of

from mechproof.rewrites.network_losses import falls
from mechproof.rewrites.rules.box_rule import AtPosition, BoxCount

COUNTED = [name for name in ACCURACIES if name != "brute_force"]


def read(folder: Path) -> tuple[str, list[dict[str, str]]]:
    """The page, and the rows of the file that it names by its hash."""
    page = (folder / "transcript.md").read_text("utf-8")
    found = re.search(
        r"made again from the file `(\S+)` \(beside this transcript, ([0-9]+) rows, sha256:([0-9a-f]{64})\)", page
    )
    assert found is not None
    data = (folder / found[1]).read_bytes()
    assert hashlib.sha256(data).hexdigest() == found[3]
    header, *lines = [line.split(",") for line in data.decode().splitlines()]
    assert len(lines) == int(found[2])
    return page, [dict(zip(header, line, strict=True)) for line in lines]


def size(letter: str, page: str) -> int:
    """What the page says that K or V is."""
    found = re.search(rf"\${letter} = ([0-9]+)\$", page)
    assert found is not None
    return int(found[1])


def tokens(text: str) -> list[int]:
    """The numbers that runs such as 4-7 stand for."""
    ends = [list(map(int, run.split("-"))) for run in text.split()]
    return [token for run in ends for token in range(run[0], run[-1] + 1)]


def members(row: dict[str, str], positions: int) -> list[tuple[int, ...]]:
    """The sequences of a row, by what the page says of it."""
    q, m = int(row["q"]), int(row["m"])
    if "n" in row:
        n, chosen = int(row["n"]), tokens(row["tokens"])
        found = set()
        for places in itertools.combinations(range(positions - 1), n):
            sets = [chosen if p in places else [m] for p in range(positions - 1)]
            found |= set(itertools.product(*sets))
        assert len(found) == comb(positions - 1, n) * len(chosen) ** n
        return [(*sequence, q) for sequence in sorted(found)]
    if row["free positions"] == "cell":
        every = itertools.product(range(m + 1), repeat=positions - 1)
        return [(*free, q) for free in every if max(*free, q) == m]
    sets = [tokens(part) for part in row["free positions"].split("|")]
    return [(*free, q) for free in itertools.product(*sets)]


@pytest.mark.parametrize("name", COUNTED)
def test_the_count_follows_from_the_page(name, tmp_path):
    """Sizes follow from what a row says; no sequence is in two rows; the sums are the theorem's."""
    proof = proof_of(name)
    proof.write(tmp_path, "full")
    page, rows = read(tmp_path)
    V, K = size("V", page), size("K", page)
    if "x" in rows[0] if rows else name == "separable":
        return count_of_wins(rows, page, V**K, proof.theorem)
    held = Counter[tuple[int, ...]]()
    sums = Counter[str]()
    for row in rows:
        inside = members(row, K)
        assert len(inside) == int(row["sequences"])
        held.update(inside)
        sums[row.get("verdict", "right")] += len(inside)
    assert max(held.values(), default=1) == 1
    assert all(max(sequence) < V for sequence in held)
    assert sums["right"] == proof.theorem.low and V**K - sums["wrong"] == proof.theorem.high
    return None


def count_of_wins(rows, page, inputs, theorem):
    """Counts of wins, cell by cell."""
    cells: dict[tuple[int, int], list[dict[str, str]]] = {}
    for row in rows:
        cells.setdefault((int(row["q"]), int(row["m"])), []).append(row)
    most = least = 0
    K = size("K", page)
    for (q, m), those in cells.items():
        whole = (m + 1) ** (K - 1) - (m ** (K - 1) if q < m else 0)
        most += min(whole, sum(int(row["at most"]) for row in those))
        least += max(int(row["at least"]) for row in those)
    assert (inputs - most, inputs - least) == (theorem.low, theorem.high)


def test_the_totals_of_the_page_agree(tmp_path):
    """The table of cells on the same page has the same sums."""
    proof_of("subcubic").write(tmp_path, "full")
    page, rows = read(tmp_path)
    right, *_ = re.findall(r"^\| all \| [0-9]+ \| [0-9]+ \| ([0-9]+) \|", page, re.MULTILINE)
    assert int(right) == sum(int(row["sequences"]) for row in rows)


OTHERS = [*(f"boxes {kind}" for kind in KINDS), "induction accuracy", "quotient"]


@pytest.mark.parametrize("name", OTHERS)
def test_counts_of_other_networks_follow_from_the_file(name, tmp_path):
    """The file named by its hash adds up to the theorem, and so do the steps at which the bound was lost."""
    proof = proof_of(name)
    proof.write(tmp_path, "full")
    page, rows = read(tmp_path)
    theorem = proof.theorem
    right = {"boxes": "right", "induction": "right", "quotient": "accepted"}[name.split()[0]]
    total = sum(int(row[right]) for row in rows)
    if name == "quotient":
        total += sum(int(row["right by evaluation"]) for row in rows)
    else:
        assert sum(int(row["inputs"]) for row in rows) == theorem.inputs
    assert total == theorem.low
    assert theorem.inputs - sum(int(row["wrong"]) for row in rows) == theorem.high
    lost = page[page.index("Where the bound was lost") :].split("\n## ")[0]
    cells = [line.split("|")[1:-1] for line in lost.splitlines() if line.count("|") == 4]
    losses = [int(row[1]) for row in cells if row[1].strip().lstrip("-").isdigit()]
    if theorem.low == theorem.inputs and not losses:
        assert f"all {theorem.inputs} are shown right" in lost
    else:
        *steps, together = losses
        assert sum(steps) == together == theorem.inputs - theorem.low


def test_many_read_positions_are_charged_each_with_its_own():
    """The steps of a union bound add up, also where it says nothing any more."""
    statement = proof_of("boxes relu").theorem.statement
    task = replace(statement.task, read=(0, 1), counted="inputs")
    two = replace(statement, task=task)
    n = two.inputs
    for lost in ((3, 5), (n, 5), (0, 0)):
        found = tuple(AtPosition(p, n - less, 0, n, ()) for p, less in enumerate(lost))
        claim = BoxCount(two, found)
        fall = falls(claim)
        assert fall is not None and n - sum(fall.losses) == fall.bound == claim.low
        assert all(loss >= 0 for loss in fall.losses)

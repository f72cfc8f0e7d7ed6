"""Every table of every transcript adds up, read off the Markdown as its readers see it."""

from __future__ import annotations

import re
from fractions import Fraction
from itertools import pairwise
from typing import Any

import pytest
from gap_cells import leaning
from shares import shared_out

from mechproof.engine.transcript import markdown
from mechproof.rewrites.exposition import transcript
from mechproof.rewrites.float_proof import STRATEGIES as FLOAT_STRATEGIES
from mechproof.rewrites.float_proof import prove_float
from mechproof.rewrites.proof import Proof
from mechproof.rewrites.strategies import Options, names, prove_accuracy, prove_loss

Rows = list[list[str]]
# Several kinds of partial knowledge: all decided, much undecided, all wrong, more maxima than have rows of their own.
NETWORKS = ("leaning", "float16", "no unembedding", "many maxima")
# The configurations of families that leave most undecided, beside their defaults.
STRATEGIES = (*names(), "low_rank_values/mean/md/r6", "separable off", "branch_and_bound cut")


def pairs(strategies: tuple[str, ...]) -> list[Any]:
    """Networks with strategies: each strategy on one of the networks in every run, on all of them where builds are."""
    kept = [(NETWORKS[number % len(NETWORKS)], strategy) for number, strategy in enumerate(strategies)]
    return shared_out([(name, strategy) for name in NETWORKS for strategy in strategies], kept)


def network(oracle, name):
    match name:
        case "leaning":
            return leaning(oracle, 200)
        case "many maxima":
            return oracle.random_net(7, "float16", 14, 2)
    return oracle.random_net(203, name)


def options(name: str) -> tuple[str, Options]:
    chosen = {"separable off": Options(grid=3), "branch_and_bound cut": Options(cut=5)}
    return name.split()[0], chosen.get(name, Options())


def tables(text: str) -> list[tuple[list[str], Rows]]:
    """Header and rows of each table of a Markdown text."""
    found = []
    for block in re.findall(r"(?:^\|.*\|\n)+", text, re.MULTILINE):
        header, rule, *rows = [[cell.strip() for cell in line.strip("|\n").split("|")] for line in block.splitlines()]
        assert all(re.fullmatch(":?-+:?", cell) for cell in rule), block
        assert all(len(row) == len(header) for row in rows), block
        found.append((header, rows))
    return found


def add_up(document: str, inputs: int, low: int | None = None, high: int | None = None) -> set[str]:
    """Check all tables of a transcript about so many inputs; the kinds that there were."""
    kinds: dict[str, Rows] = {}
    for header, rows in tables(document):
        assert header[0] in CHECKS, f"say how the table of {header} adds up"
        kinds[header[0]] = rows
        CHECKS[header[0]](rows, inputs)
    decided = kinds.get(DECIDED)
    if decided is not None:
        total, throughout = numbers(decided[-1]), numbers(decided[0])
        assert (total[2], inputs - total[3]) == (low, high)
        if WRONG in kinds:
            assert sum(int(amount) for _, amount in kinds[WRONG]) == total[3] > 0
        if CELLS in kinds:
            every = [sum(map(int, column)) for column in list(zip(*kinds[CELLS], strict=True))[2:]] or [0, 0, 0]
            assert every == [a - b for a, b in zip(total[1:4], throughout[1:4], strict=True)]
            assert len(kinds[CELLS]) == total[0] - throughout[0]
    return set(kinds)


def numbers(row: list[str]) -> list[int]:
    return list(map(int, row[1:]))


def check_decided(rows: Rows, inputs: int) -> None:
    """A partition of the inputs: down to the last row, and across to the number of sequences."""
    *parts, total = map(numbers, rows)
    assert rows[-1][0] == "all" and total[1] == inputs
    assert [sum(column) for column in zip(*parts, strict=True)] == total
    for _, sequences, right, wrong, undecided in (*parts, total):
        assert right + wrong + undecided == sequences
    (_, right_all, right, *_), (_, wrong_all, _, wrong, _), mixed, open_cells = parts
    assert right == right_all and wrong == wrong_all and mixed[-1] == 0
    assert open_cells[-1] >= open_cells[0]


def check_lost(rows: Rows, inputs: int) -> None:
    """Sequences add up exactly, shares up to the last digit of each row."""
    *parts, total = rows
    assert total[0] == "all" and sum(int(part[1]) for part in parts) == int(total[1]) == inputs
    for column, side in ((2, -1), (3, 1)):
        shares = [Fraction(part[column]) for part in parts]
        unit = Fraction(1, 10 ** len(total[column].partition(".")[2]))
        assert 0 <= side * (sum(shares) - Fraction(total[column])) <= len(parts) * unit


def check_spread(rows: Rows, inputs: int) -> None:
    """No row spans more than the whole table."""
    for *_, least, largest, difference in rows:
        assert Fraction(difference) <= Fraction(largest) - Fraction(least) + Fraction(1, 10**4)


def check_cells(rows: Rows, inputs: int) -> None:
    for row in rows:
        _, _, sequences, right, wrong = map(int, row)
        assert right + wrong <= sequences > right


def check_terms(rows: Rows, inputs: int) -> None:
    """Of a worked set: weights are shares of the largest; a term D has the sign of its logit difference."""
    cells = [[cell.strip("$") for cell in row] for row in rows]
    if len(cells[0]) == 5:
        assert all(0 <= Fraction(row[-1]) <= 1 for row in cells)
    for row in cells if len(cells[0]) > 5 else []:
        assert Fraction(row[4]) * Fraction(row[5]) >= 0


def check_exponentials(rows: Rows, inputs: int) -> None:
    """Of a worked loss: the exponentials, rounded up, add up to the last row's."""
    *parts, (name, _, total) = [[cell.strip("$") for cell in row] for row in rows]
    unit = Fraction(1, 10 ** len(total.partition(".")[2]))
    assert name == "all" and 0 <= sum(Fraction(part[2]) for part in parts) - Fraction(total) <= len(parts) * unit


def check_nothing(rows: Rows, inputs: int) -> None:
    """Amounts of different kinds."""


def check_spectrum(rows: Rows, inputs: int) -> None:
    """The first ones, and the last, by their numbers."""
    told = [int(number) for number, _ in rows]
    assert told[:-1] == list(range(1, len(told))) and told[-1] >= len(told)


def check_steps(rows: Rows, inputs: int) -> None:
    """Every step's loss is the difference of two counts, and together they are what lies between the ends."""
    (_, _, first), *steps, (_, together, bound) = rows
    counts = [int(first), *(int(left) for _, _, left in steps)]
    losses = [int(lost) for _, lost, _ in steps]
    assert losses == [before - after for before, after in pairwise(counts)]
    assert (counts[0], counts[-1], sum(losses)) == (inputs, int(bound), int(together))


DECIDED, WRONG, CELLS = "cells $(q, m)$: query $q$, maximum $m$", "sequences proved wrong, by maximum", "$q$"
CHECKS = {
    DECIDED: check_decided,
    WRONG: check_nothing,  # with the table above, in add_up
    CELLS: check_cells,
    "maximum $m$": check_lost,
    "entry": check_spread,
    "$p$": check_terms,
    "$x$": check_exponentials,
    "layer": check_nothing,
    "this proof": check_nothing,
    "EQKE": check_nothing,
    "EVOU": check_nothing,
    "EVOU without its diagonal": check_nothing,
    "EQKE before the split": check_nothing,
    "EQKE after the split": check_nothing,
    "singular values of EQKE": check_spectrum,
    "step": check_steps,
    "inputs, from all to those that are shown right": check_nothing,
    "undecided share": check_nothing,
}


@pytest.mark.parametrize("pair", pairs(STRATEGIES), ids=" ".join)
def test_tables_about_accuracy_add_up(oracle, pair):
    """Protects readers from the published table whose parts made 16592896 of 16777216 sequences."""
    name, strategy = pair
    net = network(oracle, name)
    graph, goal = prove_accuracy(net.statement, *options(strategy))
    theorem = graph.claim(goal)
    text = markdown(transcript(graph, goal, "a network", "full"))
    assert {DECIDED, CELLS, "entry"} <= add_up(text, net.V**net.K, theorem.low, theorem.high)


@pytest.mark.parametrize("pair", pairs(STRATEGIES[:-1]), ids=" ".join)
def test_tables_about_losses_add_up(oracle, pair):
    """The shares of the maxima are those of the whole loss."""
    name, strategy = pair
    net = network(oracle, name)
    graph, goal = prove_loss(net.statement, *options(strategy))
    text = markdown(transcript(graph, goal, "a network", "full"))
    assert {"maximum $m$", "entry"} <= add_up(text, net.V**net.K)


@pytest.mark.parametrize("strategy", FLOAT_STRATEGIES)
def test_tables_about_float_runs_add_up(oracle, strategy):
    """Right and wrong in every run, and what lies between."""
    net = network(oracle, "float16")
    proof = Proof("a network", *prove_float(net.statement, "bfloat16", strategy, Options(cut=0)))
    text = markdown(proof.transcript("full"))
    assert DECIDED in add_up(text, net.V**net.K, proof.theorem.low, proof.theorem.high)


def test_the_readers_of_these_tests_notice_a_wrong_sum():
    """One sequence missing in one place is found, whatever the column."""
    parts = {"right": "14400", "wrong": "00000", "both": "26330", "open": "15203"}
    rows = [[kind, *digits] for kind, digits in parts.items()]
    check_decided([*rows, ["all", "4", "15", "9", "3", "3"]], 15)
    for column in range(1, 6):
        for row in range(4):
            broken = [list(cells) for cells in rows]
            broken[row][column] = str(int(broken[row][column]) + 1)
            with pytest.raises(AssertionError):
                check_decided([*broken, ["all", "4", "15", "9", "3", "3"]], 15)

"""What `mechproof story` lists: numbers that are true in the direction they say, and failures with their tokens."""

from __future__ import annotations

import json
import sys
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from gap_cells import leaning

from mechproof.__main__ import main
from mechproof.engine.rule import NotEstablished
from mechproof.models.problem import statement_of
from mechproof.rewrites.circuit_claims import WIDTH, Point, Telling, tell

SEED123 = Path(__file__).parents[1] / "data" / "max_of_4_seed123" / "weights.npz"
TITLES = [
    "EQKE has rank one and noise", "the size direction s is increasing", "larger tokens score higher",
    "EQKP is small", "EVOU is diagonal", "EVOU + common rows is diagonal", "other tokens do limited harm",
    "the direct path is small", "PVOU is small",
]  # fmt: skip


@pytest.fixture(scope="module")
def trained() -> Telling:
    return tell(statement_of(SEED123), "weights.npz")


def point(telling: Telling, title: str) -> Point:
    return next(point for point in telling.points if point.title == title)


def rows(telling: Telling, table: str) -> list[list[Fraction]]:
    paths = next(c for d in telling.graph.derivations() if (c := telling.graph.claim(d.claim)).kind == "paths")
    return paths.tables[table].fractions()


def spread(table: list[list[Fraction]]) -> Fraction:
    return max(max(row) - min(row) for row in table)


def test_numbers_are_true_and_close(trained):
    """Against the exact tables: row differences, margins with their rows, singular values."""
    for title, table in (("EQKP is small", "EQKP"), ("the direct path is small", "UU"), ("PVOU is small", "PVOU")):
        stated = Fraction(point(trained, title).numbers["row_difference_at_most"])
        assert 0 <= stated - spread(rows(trained, table)) < Fraction(1, 1000)
    diagonal, evou = point(trained, "EVOU is diagonal"), rows(trained, "EVOU")
    margins = [row[t] - max(row[:t] + row[t + 1 :]) for t, row in enumerate(evou)]
    assert diagonal.witnesses == tuple(t for t, margin in enumerate(margins) if margin <= 0) == (0, 1, 2, 3, 5, 6, 7)
    least = min(margin for margin in margins if margin > 0)
    assert 0 <= least - Fraction(diagonal.numbers["margin_at_least"]) < Fraction(1, 1000)
    assert 0 <= Fraction(diagonal.numbers["worst_shortfall_at_most"]) + min(margins) < Fraction(1, 1000)
    spectrum = np.linalg.svd(np.array([[float(entry) for entry in row] for row in rows(trained, "EQKE")]))[1]
    rank_one = point(trained, "EQKE has rank one and noise").numbers
    assert abs(float(rank_one["first_singular_value_at_least"]) - spectrum[0]) < 1e-3
    assert abs(float(rank_one["second_singular_value_at_most"]) - spectrum[1]) < 1e-3


def test_common_rows_leave_less(trained):
    """Taking out a common row makes the direct path and the positions smaller, and more rows diagonal."""
    for title in ("the direct path is small", "PVOU is small"):
        numbers = point(trained, title).numbers
        assert Fraction(numbers["without_common_row_at_most"]) < Fraction(numbers["row_difference_at_most"])
    with_rows, plain = (point(trained, title) for title in ("EVOU + common rows is diagonal", "EVOU is diagonal"))
    assert set(with_rows.witnesses) < set(plain.witnesses)


def test_what_fails_says_so_with_its_tokens(trained):
    """The direction is out of order at the smallest tokens of this network; the text names them."""
    failing = {point.title: point for point in trained.points if not point.holds}
    assert set(failing) == {TITLES[1], TITLES[2], TITLES[4], TITLES[5]}
    for told in failing.values():
        assert told.witnesses and f"{told.witnesses[0]}, {told.witnesses[1]}" in told.text
    assert all(not told.witnesses for told in trained.points if told.holds)


def test_the_listing_fits_a_terminal(trained):
    """Every claim has its title and at most 80 columns; the last line is the verdict of the same graph."""
    lines = trained.lines()
    assert [told.title for told in trained.points] == TITLES
    assert all(len(line) <= WIDTH for line in lines[1:-1])
    assert lines[-1] == f"s PROVED {trained.accuracy.relation()} sha256:{trained.statement.sha256}"
    assert trained.accuracy.bounds[0] > Fraction(87, 100)


def test_other_networks_have_a_story_too(oracle):
    """Of the kind, random, and without attention; points and verdict are always there."""
    for net in (leaning(oracle, 1), oracle.random_net(3, "float16", 4, 3), oracle.net(3, 2, 2, 2)):
        telling = tell(net.statement, "net")
        assert len(telling.points) == len(TITLES)
        assert telling.accuracy.low <= net.truth.right
        assert json.loads(json.dumps(telling.as_json()))["relation"] == telling.accuracy.relation()
    with pytest.raises(NotEstablished, match="two rows or more"):
        tell(oracle.net(1, 2, 1, 1).statement, "net")


def test_an_increasing_direction_is_told_as_such(oracle):
    """A network made to look at large tokens: no exceptions, distance one, and the claim holds."""
    telling = tell(leaning(oracle, 0, 4, 2).statement, "net")
    told = point(telling, TITLES[1])
    assert told.holds and told.text.startswith("s(t) grows with every token")
    table = rows(telling, "EQKE")
    if point(telling, TITLES[2]).numbers["distance"] == "1":
        assert all(before < after for row in table for before, after in pairwise(row))


def test_the_command(monkeypatch, capsys):
    """Text by default, one JSON object with --json."""
    for options in ([], ["--json"]):
        monkeypatch.setattr(sys, "argv", ["mechproof", "story", str(SEED123), *options])
        with pytest.raises(SystemExit) as stop:
            main()
        assert not stop.value.code
        out = capsys.readouterr().out
        if options:
            assert [claim["title"] for claim in json.loads(out)["claims"]] == TITLES
        else:
            assert out.splitlines()[-1].startswith("s PROVED accuracy >= ")

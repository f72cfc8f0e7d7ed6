"""Losses of whole cells: logit differences against every sequence, on both sides, and how close they come."""

from __future__ import annotations

import base64
import struct
from collections.abc import Iterator
from typing import Any

import mpmath
import numpy as np
import pytest
from gap_cells import leaning, tabled
from shares import halved, shared_out

from mechproof.engine.rule import NotEstablished
from mechproof.rewrites.advice.cell_differences import choose
from mechproof.rewrites.rules.cell_loss import DIFFERENCE_BITS, ENTRIES, ZERO, CellLoss, Differences, Quotients
from mechproof.rewrites.rules.loss import UNIT_BITS
from mechproof.rewrites.rules.loss_tree import HIGH, LOW

RULE = CellLoss()


@pytest.fixture(autouse=True)
def _digits() -> Iterator[None]:
    """Sixty digits for everything that mpmath computes here."""
    with mpmath.workdps(60):
        yield


def faults(net: Any, advice: Differences | None = None) -> list[tuple[int, int]]:
    """Cells with a sequence whose loss lies outside the claimed bounds, which are the cell's size times two numbers."""
    paths, found = net.margin().paths, []
    claim = RULE.conclude([paths], choose(paths) if advice is None else advice)
    for cell in net.truth.cells:
        members = [tokens for tokens in net.sequences if (tokens[-1], max(tokens)) == cell]
        low, high = (mpmath.ldexp(side[cell], -UNIT_BITS) / len(members) for side in (claim.low, claim.high))
        if not all(low <= net.truth.loss(tokens) <= high for tokens in members):
            found.append(cell)
    return found


FLAVOURS = [
    "leaning", "float16", "huge", "tiny", "denormal", "twin outputs", "twin tokens", "no unembedding",
    "cancelling paths",
]  # fmt: skip


@pytest.mark.parametrize("seeds", shared_out([range(3), range(3, 8)], kept=[range(3)]), ids=str)
@pytest.mark.parametrize("flavour", halved(FLAVOURS))
def test_every_sequence_lies_between_the_bounds(oracle, flavour, seeds):
    """By enumeration, in every cell."""
    for seed in seeds:
        net = leaning(oracle, seed) if flavour == "leaning" else oracle.random_net(seed, flavour)
        assert not faults(net), seed


@pytest.mark.parametrize(("V", "K"), [(1, 1), (1, 3), (2, 1), (5, 1), (2, 6)])
def test_edge_sizes(oracle, V, K):
    """One token, one position."""
    assert not faults(oracle.random_net(0, "float16", V, K))


def test_the_differences_are_nearly_attained(oracle):
    """No sequence exceeds them, and one comes within a few steps of them."""
    net = leaning(oracle, 3, 4, 3)
    advice = choose(net.margin().paths)
    for q, m in net.truth.cells:
        below, above = (advice.tables[m][q] - ZERO).tolist()
        members = [tokens for tokens in net.sequences if (tokens[-1], max(tokens)) == (q, m)]
        for place, x in enumerate(x for x in range(net.V) if x != m):
            steps = [mpmath.ldexp(difference(net, tokens, x, m), DIFFERENCE_BITS) for tokens in members]
            if below[place] != -ZERO:
                assert below[place] <= min(steps) <= below[place] + 2
            if above[place] != -ZERO:
                assert above[place] - 2 <= max(steps) <= above[place]
    assert sum((table == 0).sum() for table in advice.tables) < sum(table.size for table in advice.tables) / 10


def difference(net: Any, tokens: tuple[int, ...], x: int, m: int) -> Any:
    """logit_x - logit_m of one sequence, from the definition."""
    q = tokens[-1]
    weights = [net.truth.weight(q, p, t, 60) for p, t in enumerate(tokens)]
    parts = [net.truth.difference(q, p, t, x, m) for p, t in enumerate(tokens)]
    return mpmath.ldexp(mpmath.fdot(weights, parts) / mpmath.fsum(weights), -net.truth.places)


def changed(advice: Differences, m: int, place: tuple[int, int, int], entry: int) -> Differences:
    """The same advice with another entry."""
    tables = [table.copy() for table in advice.tables]
    tables[m][place] = entry
    return Differences(tuple(tables))


@pytest.mark.parametrize("side", [LOW, HIGH])
def test_a_number_nearer_than_those_found_is_refused(oracle, side):
    """One step or many beyond what passes; one step back is a true bound again."""
    net = leaning(oracle, 2, 3, 3)
    paths, outward = net.margin().paths, 2 * side - 1
    advice = choose(paths)
    for m in range(3):
        for q, x in np.argwhere(advice.tables[m][:, side, :]).tolist():
            place, entry = (q, side, x), int(advice.tables[m][q, side, x])
            assert not faults(net, changed(advice, m, place, entry + outward))
            for step in (1, 64):
                with pytest.raises(NotEstablished, match="a difference may be"):
                    RULE.conclude([paths], changed(advice, m, place, entry - step * outward))


@pytest.mark.parametrize("test", ["are_above", "are_below"])
def test_mutant_without_the_test_is_false(oracle, monkeypatch, test):
    """If every number passed, the bounds would cross the truth."""
    tables: dict[str, Any] = {"EVOU": [[4, 0, 0], [0, 4, 0], [0, 0, 4]]}
    net = tabled(oracle, 3, 2, **tables)
    assert not faults(net)
    monkeypatch.setattr(Quotients, test, lambda self, entries: np.ones_like(entries, dtype=bool))
    assert faults(net)


def test_numbers_in_other_tables_are_refused(oracle):
    """One table for each m, of all queries, both sides and all outputs, and of 16 bits."""
    paths = leaning(oracle, 1, 3, 2).margin().paths
    advice = choose(paths)
    for tables in (advice.tables[:2], (*advice.tables[:2], advice.tables[2][:, :, :1])):
        with pytest.raises(NotEstablished, match="shapes"):
            RULE.conclude([paths], Differences(tables))
    for entry in (-1, ENTRIES):
        with pytest.raises(NotEstablished, match="16 bits"):
            RULE.conclude([paths], changed(advice, 1, (0, 0, 0), entry))


def test_the_certificate_form(oracle):
    """Two bytes a number, the higher first, a table for each m."""
    advice = choose(leaning(oracle, 1, 3, 2).margin().paths)
    form = RULE.encode(advice)
    assert list(form) == ["differences"] and len(form["differences"]) == 3
    for text, table in zip(form["differences"], advice.tables, strict=True):
        data = base64.b64decode(text)
        assert list(struct.unpack(f">{table.size}H", data)) == table.ravel().tolist()


def test_every_cell_is_reported(oracle):
    """Both passes say how far they are."""
    paths, seen = leaning(oracle, 1, 3, 2).margin().paths, []
    advice = choose(paths, lambda done, cells: seen.append((done, cells)))
    CellLoss(lambda done, cells: seen.append((done, cells))).conclude([paths], advice)
    assert seen == [(n, 6) for n in range(1, 7)] * 2

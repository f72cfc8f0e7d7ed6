"""Planted errors: each breaks one step of arithmetic or logic, and the checks against the definition must see it.

A check that passes on sound code and on broken code protects nothing; this file is the check of the checks.
"""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Callable, Iterator
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from flint import fmpz_mat

from mechproof.engine.arithmetic.ball import Ball
from mechproof.engine.arithmetic.dyadic import DyadicMatrix
from mechproof.engine.arithmetic.interval import IntervalTable, ScaledTable
from mechproof.rewrites.advice.grid_steps import choose
from mechproof.rewrites.advice.token_order_search import search
from mechproof.rewrites.rules import (
    additive_margin,
    box_extremes,
    enumeration,
    generating_function_count,
    margin_enclosure,
    token_order_tree,
)
from mechproof.rewrites.rules.additive_margin import AdditiveMargin
from mechproof.rewrites.rules.box_extremes import Cell
from mechproof.rewrites.rules.enumeration import Enumeration
from mechproof.rewrites.rules.generating_function_count import GeneratingFunctionCount
from mechproof.rewrites.rules.margin_enclosure import LogitPart, MarginEnclosure
from mechproof.rewrites.rules.path_decomposition import Paths
from mechproof.rewrites.rules.token_order_tree import CellTree, TokenOrderTree

SAMPLES = [
    ("eighths", 0, 4, 3),
    ("eighths", 1, 3, 3),
    ("float16", 2, 3, 3),
    ("twin outputs", 1, 4, 3),
    ("uniform attention", 1, 4, 3),
    ("nearly twin outputs", 0, 3, 3),
    ("cancelling paths", 0, 3, 3),
    ("eighths", 5, 3, 4),
    ("float16", 0, 5, 3),
    ("eighths", 3, 5, 3),
    ("huge", 0, 4, 3),
    ("huge", 1, 4, 3),
]


def nets(oracle: Any) -> Iterator[Any]:
    yield from (oracle.random_net(seed, flavour, V, K) for flavour, seed, V, K in SAMPLES)
    yield tied_across_positions(oracle)


def tied_across_positions(oracle: Any) -> Any:
    """V = K = 2: on (0, 1) and (1, 0) the margins of the two positions are opposite numbers of many bits."""
    odd = Fraction(2**30 + 12345, 2**30)
    return oracle.net(
        2, 2, 3, 1, W_E=[[1, 0, 0], [0, 1, 0]], W_V=[[odd], [-odd], [0]], W_O=[[0, 0, 1]], W_U=[[0, 0], [0, 0], [1, 0]]
    )  # fmt: skip


def enclosed(oracle: Any) -> bool:
    """Every table of every cell encloses the margins."""
    return not any(fault for net in nets(oracle) for fault in oracle.enclosure_faults(net.margin(), net, 40))


def signs(oracle: Any) -> bool:
    """The exact sign of every sequence is that of the definition."""
    for net in nets(oracle):
        margin = net.margin()
        for tokens in net.sequences:
            q, m = tokens[-1], max(tokens)
            for x in range(net.V):
                if x != m and margin.sign(q, m, x, tokens) != net.truth.sign(tokens, x):
                    return False
    return True


def cells(oracle: Any) -> bool:
    """No x that wins somewhere is inactive; none that loses somewhere wins everywhere; m is no rival of its own."""
    for net in nets(oracle):
        enclosure = net.margin().enclosure
        for q, m in net.truth.cells:
            cell = Cell(enclosure, q, m)
            winners = [set(net.truth.wrong.get(tokens, ())) for tokens in net.truth.members(q, m)]
            if not set.union(*winners) <= set(cell.active) <= set(range(net.V)) - {m}:
                return False
            if not set(cell.wins_everywhere()) <= set.intersection(*winners):
                return False
    return True


def tree(oracle: Any) -> bool:
    """The found tree gives the true counts exactly."""
    return all(
        oracle.is_exact(TokenOrderTree().conclude([margin], search(margin)), net)
        for net in nets(oracle)
        for margin in [net.margin()]
    )


def brute(oracle: Any) -> bool:
    """Brute force gives the true counts exactly."""
    return all(oracle.is_exact(Enumeration().conclude([net.margin()], None), net) for net in nets(oracle))


def series(oracle: Any) -> bool:
    """The counts from generating functions are true, and close on a fine grid."""
    for net in nets(oracle):
        margin = net.margin()
        fine, coarse = (GeneratingFunctionCount().conclude([margin], choose(margin, grid)) for grid in (1 << 10, 3))
        if not (
            oracle.encloses(fine, net)
            and oracle.encloses(coarse, net)
            and fine.high - fine.low <= coarse.high - coarse.low
        ):
            return False
    return True


CHECKS: dict[str, Callable[[Any], bool]] = {c.__name__: c for c in (enclosed, signs, cells, tree, brute, series)}


@pytest.mark.parametrize("name", CHECKS)
def test_sound_code_passes(oracle, name):
    """Without a planted error every check passes, so that a failure below is the planted error's."""
    assert CHECKS[name](oracle)


def _on_grid_inwards(values: fmpz_mat, shift: int) -> IntervalTable:
    rows = [[int(entry) for entry in row] for row in values.tolist()]
    down, up = max(shift, 0), max(-shift, 0)
    lower = [[-(-(entry << up) >> down) for entry in row] for row in rows]
    upper = [[(entry << up) >> down for entry in row] for row in rows]
    return IntervalTable(np.array(lower, dtype=np.int64), np.array(upper, dtype=np.int64))


def _on_grid_down(values: fmpz_mat, shift: int) -> IntervalTable:
    table = _on_grid_inwards(values, shift)
    return IntervalTable(table.upper, table.upper)


def _swapped_weights(weight: IntervalTable, value: IntervalTable) -> IntervalTable:
    upper = weight.lower * np.maximum(value.upper, 0) + weight.upper * np.minimum(value.upper, 0)
    lower = weight.upper * np.maximum(value.lower, 0) + weight.lower * np.minimum(value.lower, 0)
    return IntervalTable(lower, upper)


def _no_negative_values(weight: IntervalTable, value: IntervalTable) -> IntervalTable:
    return IntervalTable(weight.lower * value.lower, weight.upper * value.upper)


def _at_scale_inwards(table: ScaledTable, exponent: int) -> IntervalTable:
    shift = np.minimum(exponent - table.exponent, 62)
    return IntervalTable(-(-table.mantissa.lower >> shift), table.mantissa.upper >> shift)


def _at_scale_off_by_a_bit(table: ScaledTable, exponent: int) -> IntervalTable:
    shift = np.minimum(exponent - table.exponent + 1, 62)
    return IntervalTable(table.mantissa.lower >> shift, -(-table.mantissa.upper >> shift))


def _narrowed(table: IntervalTable, room: int, *, except_where: np.ndarray) -> IntervalTable:
    return IntervalTable(table.lower + 4 * room, table.upper - 4 * room)


def _ids_by_size(values: fmpz_mat) -> np.ndarray:
    return np.array([[int(entry) >> 60 for entry in row] for row in values.tolist()], dtype=np.int64)


def _centred_by_half(values: fmpz_mat) -> fmpz_mat:
    matrix = DyadicMatrix(values, 0)
    first = fmpz_mat(matrix.shape[0], 1, [values[i, 0] for i in range(matrix.shape[0])])
    kept = matrix - DyadicMatrix(first, 0) @ DyadicMatrix.ones(1, matrix.shape[1])
    return fmpz_mat(
        [[entry if j else first[i, 0] for j, entry in enumerate(row)] for i, row in enumerate(kept.numerators.tolist())]
    )


def _one_ended(self: LogitPart, m: int) -> tuple[IntervalTable, np.ndarray]:
    low = self.enclosure.lower - self.enclosure.lower[:, m : m + 1]
    return IntervalTable(low, low), self.ids == self.ids[:, m : m + 1]


_cell = MarginEnclosure.cell


def _last_position_forgotten(self: MarginEnclosure, q: int, m: int) -> Any:
    table = _cell(self, q, m)
    return dataclasses.replace(table, base=IntervalTable(table.base.lower * 0, table.base.upper * 0))


def _transposed_weights(self: MarginEnclosure, q: int, m: int) -> Any:
    table = _cell(self, m, m) if q != m else _cell(self, q, m)
    return dataclasses.replace(table, base=_cell(self, q, m).base)


_root_bounds = Cell._root_bounds


def _one_root(self: Cell, base: np.ndarray, table: np.ndarray, extreme: Any) -> np.ndarray:
    """Only the root whose first position holds m."""
    return _root_bounds(self, base, table, extreme)[:1]


def _least_for_largest(self: Cell, base: np.ndarray, table: np.ndarray, extreme: Any) -> np.ndarray:
    return _root_bounds(self, base, table, np.min if extreme is np.max else np.max)


def _without_condition(self: Cell, base: np.ndarray, table: np.ndarray, extreme: Any) -> np.ndarray:
    """As for q = m: sequences that do not hold m are asked too."""
    return (base + extreme(table, axis=1).sum(axis=0))[None, :]


def _free_cell_roots(self: CellTree) -> list[Any]:
    """All sequences over tokens <= m, with or without m."""
    upper, lower = self._base
    for p in self._everywhere:
        upper, lower = upper + self._best[0][p][0], lower + self._best[1][p][0]
    return [token_order_tree.Node(0, 0, self._everywhere, upper, lower, (-1,) * len(self._everywhere))]


def _with_m(self: Cell) -> list[int]:
    """m counted among its own rivals."""
    return sorted([*_active(self), self.m])


_active = Cell.active.func  # type: ignore[attr-defined]
_sign = AdditiveMargin.sign


def _tie_is_right(self: AdditiveMargin, q: int, m: int, x: int, tokens: Any) -> int | None:
    return _sign(self, q, m, x, tokens) or -1


def _guessed(self: AdditiveMargin, q: int, m: int, x: int, tokens: Any) -> int:
    """The sign by the exact differences alone, as if all weights were the same."""
    total = sum(self.paths.logit_difference(q, p, t, x, m) for p, t in enumerate(tokens))
    return (total > 0) - (total < 0)


_score = Paths.score


def _score_of_token(self: Paths, q: int, p: int, t: int) -> int:
    return self.token_score(q, t)


_split = CellTree.split


def _exclude_takes_the_next_token(self: CellTree, node: Any) -> Any:
    include, exclude = _split(self, node)
    j = include.start - 1
    following = self.order[min(node.level + 1, self.m)]
    tokens = (*node.tokens[:j], following, *node.tokens[j + 1 :])
    return include, dataclasses.replace(exclude, positions=include.positions, tokens=tokens)


def _bounds_not_narrowed_back(self: CellTree, node: Any) -> Any:
    include, exclude = _split(self, node)
    return dataclasses.replace(include, upper=include.lower), exclude


def _size_of_hi(self: CellTree, node: Any) -> int:
    return (self.m + 1 - node.level) ** len(node.positions)


_at_most = generating_function_count._at_most
_count_wins = generating_function_count.count_wins


def _no_condition_series(steps: np.ndarray, budget: int, must_hold: bool) -> int:
    return _at_most(steps, budget, False)


def _budget_one_more(steps: np.ndarray, budget: int, must_hold: bool) -> int:
    return _at_most(steps, budget + 1, must_hold)


def _budget_one_less(steps: np.ndarray, budget: int, must_hold: bool) -> int:
    return _at_most(steps, budget - 1, must_hold)


def _ends_swapped(table: Any, triple: Any, *, must_hold: bool) -> tuple[int, int]:
    low, high = _count_wins(table, triple, must_hold=must_hold)
    return high, low


def _lower_twice(table: Any, triple: Any, *, must_hold: bool) -> tuple[int, int]:
    low, _ = _count_wins(table, triple, must_hold=must_hold)
    return low, low


def _upper_twice(table: Any, triple: Any, *, must_hold: bool) -> tuple[int, int]:
    _, high = _count_wins(table, triple, must_hold=must_hold)
    return high, high


def _last_wins(self: Any, cell: Cell, triples: Any, size: int) -> tuple[int, int]:
    """The largest count instead of the union bound."""
    counted = {t.x: _count_wins(cell.table, t, must_hold=cell.q < cell.m) for t in triples}
    return max((high for _, high in counted.values()), default=0), max((low for low, _ in counted.values()), default=0)


def _coarse_down(upper: np.ndarray) -> np.ndarray:
    return (upper >> enumeration.COARSE_SHIFT).astype(np.int32)


def _outcome_of_first(found: Any) -> tuple[int, int]:
    return (0, 1) if found[0] in (0, 1) else (1, 0)


def _outcome_of_known(found: Any) -> tuple[int, int]:
    return (0, 1) if any(sign == 1 for sign in found) else (1, 0)


def _root_of_head(n: int) -> Ball:
    return Ball.dyadic(n, 0)


# name -> (object, attribute, replacement, checks that must fail)
PLANTED: dict[str, tuple[Any, str, Any, tuple[str, ...]]] = {
    "logit parts rounded inwards": (margin_enclosure, "on_grid", _on_grid_inwards, ("enclosed",)),
    "logit parts rounded down at both ends": (margin_enclosure, "on_grid", _on_grid_down, ("enclosed",)),
    "weights swapped in the product": (margin_enclosure, "times_nonnegative", _swapped_weights, ("enclosed",)),
    "product as if values were positive": (margin_enclosure, "times_nonnegative", _no_negative_values, ("enclosed",)),
    "weights rounded inwards": (margin_enclosure, "at_scale", _at_scale_inwards, ("enclosed",)),
    "weights shifted by one bit more": (margin_enclosure, "at_scale", _at_scale_off_by_a_bit, ("enclosed",)),
    "room taken instead of given": (margin_enclosure, "widened", _narrowed, ("enclosed",)),
    "no room": (margin_enclosure, "ROOM", 0, ("enclosed",)),
    "equal where only the size is": (margin_enclosure, "exact_ids", _ids_by_size, ("enclosed", "cells", "tree")),
    "centred all but one column": (margin_enclosure, "centred_rows", _centred_by_half, ("enclosed",)),
    "differences from one end": (LogitPart, "centred", _one_ended, ("enclosed",)),
    "last position forgotten": (
        MarginEnclosure,
        "cell",
        _last_position_forgotten,
        ("enclosed", "cells", "tree", "brute", "series"),
    ),
    "another query's table": (MarginEnclosure, "cell", _transposed_weights, ("enclosed", "tree", "brute", "series")),
    "scores not divided by sqrt(h)": (
        margin_enclosure.Ball,
        "sqrt",
        staticmethod(_root_of_head),
        ("enclosed", "signs"),
    ),
    "one root for all": (Cell, "_root_bounds", _one_root, ("cells",)),
    "least for largest": (Cell, "_root_bounds", _least_for_largest, ("cells", "series")),
    "m among its rivals": (Cell, "active", property(_with_m), ("cells", "series")),
    "tree over sequences without m": (CellTree, "roots", _free_cell_roots, ("tree",)),
    "a tie counted as right": (AdditiveMargin, "sign", _tie_is_right, ("signs", "tree", "brute")),
    "sign as if attention were uniform": (AdditiveMargin, "sign", _guessed, ("signs",)),
    "ties grouped without the position": (Paths, "score", _score_of_token, ("signs",)),
    "exclude takes the next token only": (CellTree, "split", _exclude_takes_the_next_token, ("tree",)),
    "include bounded by its lower end": (CellTree, "split", _bounds_not_narrowed_back, ("tree",)),
    "lo counted as hi": (CellTree, "size", _size_of_hi, ("tree",)),
    "series over sequences without m": (generating_function_count, "_at_most", _no_condition_series, ("series",)),
    "budget one step more": (generating_function_count, "_at_most", _budget_one_more, ("series",)),
    "budget one step less": (generating_function_count, "_at_most", _budget_one_less, ("series",)),
    "upper and lower counts swapped": (generating_function_count, "count_wins", _ends_swapped, ("series",)),
    "lower count for both": (generating_function_count, "count_wins", _lower_twice, ("series",)),
    "upper count for both": (generating_function_count, "count_wins", _upper_twice, ("series",)),
    "largest count instead of the sum": (GeneratingFunctionCount, "_cell", _last_wins, ("series",)),
    "coarse sums rounded down": (enumeration, "_coarse", _coarse_down, ("brute",)),
    "only the first rival asked": (enumeration, "_outcome", _outcome_of_first, ("brute",)),
    "only strict wins are wrong": (enumeration, "_outcome", _outcome_of_known, ("brute",)),
}

HARMLESS: dict[str, tuple[Any, str, Any, tuple[str, ...]]] = {
    "another order of tokens": (token_order_tree, "token_order", lambda margin, q, m: (m, *range(m)), ("tree",)),
    "no room": (margin_enclosure, "ROOM", 0, ("cells", "tree", "brute", "series")),
    "more room": (margin_enclosure, "ROOM", 1 << 20, ("cells", "tree", "brute", "series")),
    "more precision at once": (additive_margin, "LADDER", (1024,), ("signs", "tree", "brute")),
    "the whole box instead of the roots": (Cell, "_root_bounds", _without_condition, ("tree", "brute", "series")),
    "one vectorised position": (enumeration, "TAIL", 1, ("brute",)),
    "three vectorised positions": (enumeration, "TAIL", 3, ("brute",)),
    "small batches": (enumeration, "BATCH", 40, ("brute",)),
}


@pytest.mark.parametrize("name", PLANTED)
def test_planted_errors_are_caught(oracle, monkeypatch, name):
    """Each planted error fails every check that is named with it (or ends in an assertion of its own)."""
    owner, attribute, replacement, checks = PLANTED[name]
    monkeypatch.setattr(owner, attribute, replacement)
    assert [check for check in checks if CHECKS[check](oracle)] == []


@pytest.mark.parametrize("name", HARMLESS)
def test_what_soundness_does_not_rest_on(oracle, monkeypatch, name):
    """Orders, room, precision and batch sizes may change at will: the counts stay exact."""
    owner, attribute, replacement, checks = HARMLESS[name]
    monkeypatch.setattr(owner, attribute, replacement)
    assert [check for check in checks if not CHECKS[check](oracle)] == []


def test_enumeration_must_ask_for_m(oracle, monkeypatch):
    """Brute force that forgets that some position holds m counts more sequences than there are."""
    source = enumeration._enumerate_cell

    def everywhere(margin: AdditiveMargin, cell: Cell) -> tuple[int, int]:
        return source(
            margin,
            Cell(margin.enclosure, cell.q, cell.m) if cell.q == cell.m else _Loose(margin.enclosure, cell.q, cell.m),
        )

    monkeypatch.setattr(enumeration, "_enumerate_cell", everywhere)
    assert not brute(oracle)


class _Loose(Cell):
    """A cell that pretends that its query is its maximum, so that no free position need hold m."""

    @property
    def table(self) -> Any:  # type: ignore[override]
        return self._enclosure.cell(self._query, self.m)

    def __init__(self, enclosure: Any, q: int, m: int) -> None:
        super().__init__(enclosure, q, m)
        self._query, self.q = q, m


def test_counters_see_each_stage(oracle):
    """The samples exercise ties and precision, or the errors planted there would prove nothing."""
    stages: Counter[str] = Counter()
    for net in nets(oracle):
        margin = net.margin()
        search(margin)
        stages += margin.stages
    assert stages["exact tie"] > 0
    assert stages["balls of 128 bits"] > 0


def test_box_without_condition_only_weakens(oracle, monkeypatch):
    """Asking sequences without m too makes more outputs active and fewer winners, never a false one."""
    monkeypatch.setattr(box_extremes.Cell, "_root_bounds", _without_condition)
    assert cells(oracle)

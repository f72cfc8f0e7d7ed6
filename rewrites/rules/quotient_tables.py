"""Sums over blocks of neurons that see only classes of the tokens, added up along a tree of joins.

A *block* is a set of neurons with a partition of the first tokens and one of the second; what its neurons add to the
logits depends on (x, y) through the two classes alone, so it is a table of that many rows.  Two tables are added on the
joins of their partitions: the sum depends on x through the pair of its classes, and on y likewise.  Nothing is assumed
of a partition; the finest one, in which every token is a class of its own, makes a neuron exact.

Cost: a table of a × b rows over C outputs costs a·b·C multiply-adds a neuron, and a·b·C additions a join.

Source: distributivity; the idea of joining smallest tables first is greedy search, and advice.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from ...engine.arithmetic.integer_product import integer_product
from ...engine.cost import Cost
from ...engine.formula import At, ForAll, Num, Range, Var
from ...engine.rule import Lemma

KEPT = 1 << 24  # so many entries of a table are kept; the rows of larger ones are computed where they are needed

_x, _y, _k, _c = Var("x"), Var("y"), Var("k"), Var("c")


def _at(table: str, *inner: str) -> At:
    """table(a(k), b(c)) for inner ("a", "b")."""
    return At(table, At(inner[0], _k), At(inner[1], _c))


JOIN = Lemma(
    label="sum-on-joins",
    title="Two tables are added on the joins of their partitions",
    given=(
        "For all tables $T_1$, $T_2$, $T$, classes $a_1, a_2$ (of $x$) and $b_1, b_2$ (of $y$) of the join's classes "
        "$k < p$, $c < q$ with $p \\ge 1$, $q \\ge 1$, and the joins' labels $j(x) < p$, $i(y) < q$ of tokens "
        "$x < n$, $y < n'$:"
    ),
    statement=ForAll(
        _k,
        Range(Num(0), Var("p")),
        ForAll(
            _c,
            Range(Num(0), Var("q")),
            At("T", _k, _c).equals(_at("T_1", "a_1", "b_1") + _at("T_2", "a_2", "b_2")),
        ),
    ).implies(
        ForAll(
            _x,
            Range(Num(0), Var("n")),
            ForAll(
                _y,
                Range(Num(0), Var("n'")),
                At("T", At("j", _x), At("i", _y)).equals(
                    At("T_1", At("a_1", At("j", _x)), At("b_1", At("i", _y)))
                    + At("T_2", At("a_2", At("j", _x)), At("b_2", At("i", _y)))
                ),
            ),
        )
    ),
    proof="Take $k = j(x)$ and $c = i(y)$.",
    source="substitution",
)


@dataclass(frozen=True, eq=False)
class Labels:
    """A partition of tokens: ``of[x]`` is the class of x, classes numbered 0 … count - 1 and none empty."""

    of: np.ndarray
    count: int

    @staticmethod
    def finest(tokens: int) -> Labels:
        """Every token a class of its own."""
        return Labels(np.arange(tokens, dtype=np.int64), tokens)

    @staticmethod
    def coarsest(tokens: int) -> Labels:
        """One class."""
        return Labels(np.zeros(tokens, dtype=np.int64), 1)

    @property
    def is_finest(self) -> bool:
        return self.count == len(self.of)

    def join(self, other: Labels) -> Labels:
        """The coarsest partition from whose classes those of both are known."""
        if self.is_finest or other.count == 1:
            return self
        if other.is_finest or self.count == 1:
            return other
        found, labels = np.unique(self.of * other.count + other.of, return_inverse=True)
        return Labels(labels.reshape(-1).astype(np.int64), len(found))

    @property
    def representatives(self) -> np.ndarray:
        """A token of each class."""
        return np.unique(self.of, return_index=True)[1].astype(np.int64)


@dataclass(eq=False)
class Table:
    """``compute(classes)``: the rows (first classes × second classes × C, int64) of these classes of first tokens."""

    first: Labels
    second: Labels
    outputs: int
    compute: Callable[[np.ndarray], np.ndarray]
    cost: Cost
    _all: np.ndarray | None = field(default=None, init=False)

    def rows(self, classes: np.ndarray) -> np.ndarray:
        """The rows of these classes; a table of coarse classes is computed once, where it is small enough."""
        if self.first.is_finest or self.first.count * self.second.count * self.outputs > KEPT:
            return self.compute(classes)
        if self._all is None:
            self._all = self.compute(np.arange(self.first.count, dtype=np.int64))
        return self._all[classes]

    def at(self, tokens: np.ndarray) -> np.ndarray:
        """The entries for these first tokens and all second ones: tokens × n' × C."""
        rows = self.rows(self.first.of[tokens])
        return rows[:, self.second.of]


def block_table(first: Labels, second: Labels, left: np.ndarray, right: np.ndarray, out: np.ndarray) -> Table:
    """Σ_i max(left[x's class, i] + right[y's class, i], 0)·out[i, z]; one row of ``left``, ``right`` a class."""
    neurons, outputs = out.shape

    def compute(classes: np.ndarray) -> np.ndarray:
        hidden = np.maximum(left[classes][:, None] + right, 0).reshape(-1, neurons)
        return integer_product(hidden, out).reshape(len(classes), second.count, outputs)

    rows = first.count * second.count
    cost = Cost(multiply=rows * neurons * outputs, add=rows * neurons, compare=rows * neurons)
    return Table(first, second, outputs, compute, cost)


def row_table(first: Labels, second: Labels, rows: np.ndarray, cost: Cost) -> Table:
    """A table whose rows are there already, one a class of the one partition that has several."""
    shaped = rows.reshape(first.count, second.count, -1)
    return Table(first, second, shaped.shape[2], lambda classes: shaped[classes], cost)


def joined(one: Table, other: Table) -> Table:
    """The sum of two tables, by [@sum-on-joins]."""
    first, second = one.first.join(other.first), one.second.join(other.second)
    tokens, columns = first.representatives, second.representatives

    def compute(classes: np.ndarray) -> np.ndarray:
        chosen = tokens[classes]
        here, there = (t.rows(t.first.of[chosen])[:, t.second.of[columns]] for t in (one, other))
        return here + there

    return Table(first, second, one.outputs, compute, Cost(add=first.count * second.count * one.outputs))


def added_up(tables: Sequence[Table], merges: Sequence[tuple[int, int]]) -> tuple[Table, Cost]:
    """The sum of all tables and what all of it costs; ``merges`` name two tables each, the results numbered on.

    Raises ValueError unless every table but the last result is used once.
    """
    found: list[Table | None] = list(tables)
    total = Cost()
    for table in tables:
        total += table.cost
    for i, j in merges:
        if not (0 <= i < len(found) and 0 <= j < len(found)) or i == j:
            raise ValueError(f"tables {i} and {j} cannot be joined")
        one, other = found[i], found[j]
        if one is None or other is None:
            raise ValueError(f"tables {i} and {j} are joined a second time")
        found[i] = found[j] = None
        found.append(joined(one, other))
        total += found[-1].cost  # type: ignore[union-attr]
    left = [table for table in found if table is not None]
    if len(left) != 1:
        raise ValueError(f"{len(left)} tables are left")
    return left[0], total

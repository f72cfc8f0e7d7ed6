"""What the two layers of an induction head do, with numbers that hold of every input: claims about its tables.

Layer 1 copies the previous token; the keys of layer 2 match the query's token with what was copied (K-composition); its
values copy the key's own token.  And how much each path can move a score or a logit at most.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, ClassVar

import numpy as np

from ....engine.arithmetic.printing import ceil_str, floor_str
from ....engine.claim import Claim
from ....engine.cost import Cost
from ....engine.digest import digest
from ....engine.rule import Rule
from ....models.statement import Statement
from .distractor_row import SHARE_ENDS, share_ends
from .grid import GRID, SHARE_BITS, Grid
from .tables import InductionTables

DIGITS = 3
SCORES = ("directly", "by K-composition", "by Q-composition", "by both")
LOGITS = ("directly", "by layer 1", "by layer 2", "by the virtual head")


@dataclass(frozen=True)
class _Circuit(Claim):
    """Exact fractions about the tables of one statement."""

    statement: Statement
    numbers: tuple[Fraction, ...]

    def conclusion(self) -> dict[str, Any]:
        return {"kind": self.kind, "numbers": [str(number) for number in self.numbers]}

    def identity(self) -> str:
        return digest([self.statement.sha256, [str(number) for number in self.numbers]])


@dataclass(frozen=True)
class CopiesPrevious(_Circuit):
    """A[k, k-1] >= numbers[k-1] for every key 0 < k < f, whatever the tokens are."""

    kind = "copies_previous"

    def sentence(self) -> str:
        shares = ", ".join(
            f"$A[{k},{k - 1}] \\ge {floor_str(number, DIGITS)}$" for k, number in enumerate(self.numbers, 1)
        )
        return f"Layer 1 copies the previous token: on every input its attention has {shares}."


@dataclass(frozen=True)
class KeysMatch(_Circuit):
    """K-composition scores a copied token that is the query's own by numbers[0] more than any other, wherever both
    stood."""

    kind = "keys_match"

    def sentence(self) -> str:
        return (
            "The keys of layer 2 match what layer 1 copied: by K-composition a copy of the query's own token scores at "
            f"least ${floor_str(self.numbers[0], DIGITS)}$ more than a copy of any other token, wherever both stood, "
            f"and at least ${floor_str(self.numbers[1], DIGITS)}$ more than one that stood at the same position."
        )


@dataclass(frozen=True)
class ValuesCopy(_Circuit):
    """x_k(t) Y gives the logit of t numbers[0] more than any other, for all keys 0 < k < f and all t."""

    kind = "values_copy"

    def sentence(self) -> str:
        return (
            "The values of layer 2 copy: attention to a key before the query adds at least "
            f"${floor_str(self.numbers[0], DIGITS)}$ more to the logit of the key's own token than to any other's."
        )


@dataclass(frozen=True)
class PathStrengths(_Circuit):
    """How much each of the four paths of scores can tell two keys apart at most, and each of those of logits two
    outputs."""

    kind = "path_strengths"

    def sentence(self) -> str:
        told = [ceil_str(number, DIGITS) for number in self.numbers]
        scores = ", ".join(f"{words} ${number}$" for words, number in zip(SCORES, told[:4], strict=True))
        logits = ", ".join(f"{words} ${number}$" for words, number in zip(LOGITS, told[4:], strict=True))
        return f"At most so much can scores of two keys differ: {scores}; and two logits: {logits}."


class _CircuitRule(Rule):
    """No advice."""

    premises = (InductionTables,)
    lemmas = (GRID,)
    derivation = (
        "Read off the tables of [@rounded-mixture], whose entries are rounded down by less than one unit, so that a "
        "difference of two is off by less than one."
    )
    cost = Cost()
    claims: ClassVar[type[_Circuit]]

    def conclude(self, premises: Sequence[Any], advice: Any) -> Claim:
        (tables,) = premises
        return self.claims(tables.statement, tuple(self.numbers(tables.grid)))

    @abstractmethod
    def numbers(self, grid: Grid) -> Sequence[Fraction]:
        """What is claimed of the tables."""


class CopiesPreviousRule(_CircuitRule):
    name = "copies_previous"
    lemmas = (SHARE_ENDS,)
    derivation = (
        "By [@share-ends], for every token of the key and of the position before it, with the least favourable "
        "enclosures of the weights of all other tokens."
    )
    claims = CopiesPrevious

    def numbers(self, grid: Grid) -> Sequence[Fraction]:
        n, V = grid.form.positions, grid.form.tokens
        every, found = np.arange(V), list[Fraction]()
        for k in range(1, n - 1):
            ends: list[np.ndarray] = []
            for weights, extreme in ((grid.least, np.min), (grid.most, np.max)):
                others = [np.broadcast_to(extreme(weights[k, :, m], axis=1)[:, None], (V, V)) for m in range(k - 1)]
                own = np.broadcast_to(weights[k, every, k, every][:, None], (V, V))
                ends.append(np.stack([weights[k, :, k - 1], *others, own], axis=-1))
            lowest = share_ends(*ends)[0][:, :, 0]
            if grid.form.distinct:
                lowest = lowest[every[:, None] != every]
            found.append(Fraction(int(lowest.min()), 1 << SHARE_BITS))
        return found


class KeysMatchRule(_CircuitRule):
    name = "keys_match"
    claims = KeysMatch

    def numbers(self, grid: Grid) -> Sequence[Fraction]:
        n, V = grid.form.positions, grid.form.tokens
        copied = grid.query_written[:, : n - 2]  # [q, m, t]
        every = np.arange(V)
        own, others = copied[every, :, every], copied.copy()  # [q, m]
        others[every, :, every] = np.iinfo(np.int64).min // 2
        others = others.max(axis=2)
        return [_less(grid, own.min(axis=1) - others.max(axis=1)), _less(grid, own - others)]


class ValuesCopyRule(_CircuitRule):
    name = "values_copy"
    claims = ValuesCopy

    def numbers(self, grid: Grid) -> Sequence[Fraction]:
        n, V = grid.form.positions, grid.form.tokens
        values, every = grid.values[1 : n - 1], np.arange(V)
        own = values[:, every, every]
        others = values.copy()
        others[:, every, every] = np.iinfo(np.int64).min // 2
        return [_less(grid, own - others.max(axis=2))]


class PathStrengthsRule(_CircuitRule):
    name = "path_strengths"
    claims = PathStrengths

    def numbers(self, grid: Grid) -> Sequence[Fraction]:
        scores = (grid.query_stream, grid.query_written, grid.atom_stream, grid.atom_written)
        spans = [_span(table, (-2, -1)) for table in scores]
        spans += [_span(table, (-1,)) for table in (grid.direct, grid.written_direct, grid.values, grid.written_values)]
        return [Fraction(span + 1, 1 << grid.bits) for span in spans]


CIRCUITS = (CopiesPreviousRule(), KeysMatchRule(), ValuesCopyRule(), PathStrengthsRule())


def _less(grid: Grid, differences: np.ndarray) -> Fraction:
    """The least of some differences of entries, less what rounding costs."""
    return Fraction(int(differences.min()) - 1, 1 << grid.bits)


def _span(table: np.ndarray, axes: tuple[int, ...]) -> int:
    return int((table.max(axis=axes) - table.min(axis=axes)).max())

"""Sets of sequences of cells, and what a certificate says of them.

The set (q, m, n, N), N a set of tokens below m: the last token is q, n of the free positions hold tokens of N and the
others hold m.  Lemmas that conclude counts or losses do so for such sets.  What they conclude holds or does not,
whatever the lemma; so a certificate carries the sets, and the checker takes the exact extreme of the separable sums on
each (docs/certificate.md §7).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from math import comb
from typing import Any

import numpy as np

from ...engine.certificate import hex_integer, small_table
from ...engine.digest import digest
from ...engine.ledger import Ledger, ranges
from ...models.one_layer import one_layer_of
from .path_decomposition import Paths

# By (q, m, n) the tokens N as bits; for n = 0, where there is one sequence and no token, 1.
Sets = Mapping[tuple[int, int, int], int]
ALONE = 1
LEDGER = (
    "Each row is a set of sequences that are right: the query is $q$, $n$ of the $K - 1$ free positions hold tokens of "
    "the set $N$ in the column tokens (4-7 stands for 4, 5, 6 and 7), and the others hold $m$. With $s$ tokens in $N$ "
    "it "
    "has $C(K-1, n)\\,s^n$ sequences. No two rows share a sequence, since $q$, $m$ and $n$ can be read off it; so the "
    "last column adds up to the number of sequences that are shown right."
)


@dataclass(frozen=True, eq=False)
class CellSets:
    """Sets of a network's sequences, at most one for each (q, m, n)."""

    paths: Paths
    sets: Sets

    def encode(self) -> list[Any]:
        """By m: how many tokens there are by q <= m and n, base64 of 16 bits each, where they are the first ones; and
        the other sets as [q, n, tokens]."""
        layer = one_layer_of(self.paths.statement)
        positions, vocabulary = layer.n_ctx, layer.d_vocab
        tables = [[0] * ((m + 1) * positions) for m in range(vocabulary)]
        others: list[list[Any]] = [[] for _ in range(vocabulary)]
        for (q, m, n), tokens in sorted(self.sets.items()):
            if tokens & (tokens + 1):
                others[m].append([q, n, hex_integer(tokens)])
            else:
                tables[m][q * positions + n] = tokens.bit_length()
        return [[small_table(table), rest] for table, rest in zip(tables, others, strict=True)]

    def counts(self) -> dict[tuple[int, int], int]:
        """The sequences of all sets by cell (q, m)."""
        layer = one_layer_of(self.paths.statement)
        found = dict.fromkeys(layer.cells(), 0)
        for (q, m, n), tokens in self.sets.items():
            found[q, m] += comb(layer.n_ctx - 1, n) * tokens.bit_count() ** n
        return found

    def ledger(self) -> Ledger:
        """The sets, one a row."""
        free = one_layer_of(self.paths.statement).n_ctx - 1
        rows = tuple(
            (q, m, n, ranges([t for t in range(m) if n and tokens >> t & 1]), comb(free, n) * tokens.bit_count() ** n)
            for (q, m, n), tokens in sorted(self.sets.items())
        )
        return Ledger("count.csv", ("q", "m", "n", "tokens", "sequences"), rows, LEDGER)

    @cached_property
    def identity(self) -> str:
        return digest([self.paths.identity(), self.encode()])


def first_tokens(j: int) -> int:
    """The tokens 0 … j."""
    return (1 << j + 1) - 1


def token_bits(chosen: np.ndarray) -> int:
    """The tokens t with ``chosen[t]``."""
    return int.from_bytes(np.packbits(chosen, bitorder="little").tobytes(), "little")


def count_of(sets: Sets, free: int) -> int:
    """How many sequences sets have that share none."""
    return sum(comb(free, n) * tokens.bit_count() ** n for (_, _, n), tokens in sets.items())


@dataclass(frozen=True, eq=False)
class LossSets:
    """Sets on which losses are bounded, in layers: in each at most one set for each (q, m, n)."""

    paths: Paths
    layers: tuple[CellSets, ...]

    @staticmethod
    def of(paths: Paths, known: Mapping[tuple[int, int, int], Iterable[int]]) -> LossSets:
        """All sets, the first of each (q, m, n) in the first layer."""
        layers: list[dict[tuple[int, int, int], int]] = []
        for key, each in known.items():
            sets = sorted(set(each))
            layers += [{} for _ in range(len(sets) - len(layers))]
            for layer, tokens in zip(layers, sets, strict=False):
                layer[key] = tokens
        return LossSets(paths, tuple(CellSets(paths, layer) for layer in layers))

"""Certificates that say which sets of sequences are right, written by hand."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping
from typing import Any

from loss_certificates import table

# By (q, m, n) the tokens.
Sets = Mapping[tuple[int, int, int], Iterable[int]]


def members(K: int, q: int, m: int, n: int, tokens: Iterable[int]) -> list[tuple[int, ...]]:
    """The sequences of a set."""
    found = []
    for places in itertools.combinations(range(K - 1), n):
        for chosen in itertools.product(tuple(tokens), repeat=n):
            sequence = [m] * (K - 1) + [q]
            for place, token in zip(places, chosen, strict=True):
                sequence[place] = token
            found.append(tuple(sequence))
    return found


def advice(model: Any, sets: Sets) -> list[Any]:
    """The sets by m; sets of the first tokens in the tables."""
    tables = [[0] * ((m + 1) * model.K) for m in range(model.V)]
    others: list[list[Any]] = [[] for _ in range(model.V)]
    for (q, m, n), some in sorted(sets.items()):
        tokens = sorted(some)
        if not n or tokens == list(range(len(tokens))):
            tables[m][q * model.K + n] = len(tokens) if n else 1
        else:
            others[m].append([q, n, hex(sum(1 << t for t in tokens))])
    return [[table(entries), rest] for entries, rest in zip(tables, others, strict=True)]


def certificate(emitter: Any, model: Any, sets: list[Any], low: int) -> dict[str, Any]:
    """That ``low`` sequences are right, by sets as they are written."""
    found: dict[str, Any] = emitter.certificate(model, "right_cells/1", {"sets": sets}, low, model.V**model.K)
    network, paths, _, count, accuracy = found["derivations"]
    for n, step in enumerate((count, accuracy), 2):
        step["id"], step["premises"] = n, [n - 1]
    found["derivations"] = [network, paths, count, accuracy]
    return found

"""``right_cells/1``: sets of sequences on which the network is right, each tested exactly, and their number.

On a set of cells.py the network is right if for every x != m the largest sum of D_x (S0, margins.py) is negative. An x
that is negative on the whole cell is negative on the set. The sets given share no sequence: their sizes add up.
Nothing is shown wrong. How the prover found the sets is not asked.
"""

from __future__ import annotations

from collections.abc import Sequence

from .cells import Sets, largest_sum, members, read_sets, sets_of, tall_is_negative, tall_rows
from .certificate import Reader
from .errors import Code, Failure
from .margins import Margins
from .rule import Auditor, Count, Derivation, Rule, check_count, read_count
from .rule_tree import Cell
from .shards import in_shards


def read_advice(reader: Reader) -> list[Sets]:
    """``{"sets":[...]}``, by m."""
    reader.literal('{"sets":')
    sets = reader.items(lambda: read_sets(reader))
    reader.literal("}")
    return sets


def open_output(margins: Margins, cell: Cell, sets: Sequence[tuple[int, Sequence[int]]]) -> tuple[int, int] | None:
    """An n and an x whose sum may reach zero on the set with this n; None if all sets are right."""
    q, m = cell.q, cell.m
    for x in cell.open:
        rows = cell.column(x).upper
        margins.budget.spend(1 + len(sets) * (margins.positions * (8 + m) >> 3))
        left = [(n, tokens) for n, tokens in sets if largest_sum(rows, q, m, n, tokens) >= 0]
        if left:
            wide = tall_rows(margins, q, m, x)
            for n, tokens in left:
                margins.budget.spend(margins.positions * len(tokens))
                if not tall_is_negative(margins.budget, wide, q, m, n, tokens):
                    return n, x
    return None


def check(auditor: Auditor, derivation: Derivation) -> None:
    """Holds when every set is right (E237) and has sequences (E236), and they are as many as is said."""
    margins, advice = auditor.margins, derivation.advice
    free = margins.positions - 1
    if len(advice) != margins.vocabulary:
        raise derivation.differs("the number of tables", len(advice), margins.vocabulary)

    def count(m: int) -> tuple[int, int]:
        right = 0
        for q, sets in enumerate(sets_of(derivation, margins, advice[m], m)):
            if sets:
                found = open_output(margins, Cell(margins, q, m), sets)
                if found:
                    n, x = found
                    raise Failure(Code.E237, id=derivation.id, rule=derivation.rule.name, cell=(q, m), number=n, x=x)
                right += sum(members(free, n, tokens) for n, tokens in sets)
        return right, 0

    right, _ = in_shards(count, margins.vocabulary, auditor.jobs)
    check_count(derivation, Count(right, auditor.inputs))


RULE = Rule("right_cells/1", ("paths",), "right_count", read_advice, read_count, check)

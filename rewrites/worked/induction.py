"""One leaf of a tree of induction inputs: its bounds key by key, the worst chain of tokens, and what is left."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import numpy as np

from ...engine.arithmetic.printing import ceil_str, floor_str
from ...engine.ledger import ranges
from ...engine.transcript import Block, Table, passage, prose
from ..rules.induction.node_test import NodeTest
from ..rules.induction.tables import InductionTables
from ..rules.induction.tree import MARGIN_BITS, InductionTree, NodeTree
from .decimals import PLACES, down, places, up


def blocks(tables: InductionTables, advice: NodeTree) -> tuple[Block, ...]:
    """The first leaf that is right by a test; nothing where there is none."""
    for leaf in InductionTree().leaves(tables, advice):
        if leaf.level is None:
            continue
        (node,) = leaf.nodes
        margin = advice.margins[leaf.level]
        for wide in (False, True):
            test = tables.test(node, wide=wide)
            if test.holds(tables.grid.units(margin, 1 << MARGIN_BITS)):
                return _told(tables, test, Fraction(margin, 1 << MARGIN_BITS), node.size)
    return ()


def _told(tables: InductionTables, test: NodeTest, margin: Fraction, size: int) -> tuple[Block, ...]:
    bits = tables.grid.bits
    units = tables.grid.units(margin.numerator, margin.denominator)
    penalties, room = test.penalties(units), test.room(units)
    left = room - test.worst_chain(penalties)
    rival = int(np.argmin(left))
    b, a, q = int(test.rivals[rival]), test.winner, test.distractors.q
    chain = _chain(test, {key: table[:, :, rival] for key, table in penalties.items()})
    held = "; ".join(f"position {p}: {ranges(tokens.tolist())}" for p, tokens in enumerate(test.tokens))
    own = Fraction(int(test.of_reference[rival] + test.direct[rival]), 1 << bits) - margin
    rest, what_is_left = (Fraction(int(number[rival]), 1 << bits) for number in (room, left))
    return (
        *passage(
            f"""
            The leaf has {size} inputs: the query is $q = {q}$, the right answer $a = {a}$, and the positions hold
            {held} (a-b stands for all from a to b). The reference key is $r = {test.reference}$, and the output that
            comes closest is $b = {b}$. Lower bounds are cut off downwards after {PLACES} decimals, upper bounds rounded
            up.
            """
        ),
        _keys(test, penalties, rival, chain, bits),
        *passage(
            f"""
            The reference key leaves $v_r + \\delta_b - \\gamma \\ge {floor_str(own, PLACES)}$ with
            $\\gamma = {floor_str(margin, PLACES)}$; the query, as a key, takes away at most
            ${ceil_str(own - rest, PLACES)}$, and no chain of tokens more than the one above, whose penalties are in the
            last column. What is left is $$v_r + \\delta_b - \\gamma - \\max_t \\sum_{{k \\ne r}} e^{{-g_k}} \\max(0,
            \\gamma - \\delta_b - v_k) \\ge {floor_str(what_is_left, places(what_is_left))} > 0,$$ so all {size}
            inputs are right.
            """
        ),
    )  # fmt: skip


def _chain(test: NodeTest, found: dict[int, np.ndarray]) -> list[int]:
    """The tokens before the query of a chain with the largest sum of penalties."""
    best: dict[int, tuple[int, list[int]]] = {-1: (0, [])}
    for k in range(test.last):
        rows: dict[int, tuple[int, list[int]]] = {}
        for place, token in enumerate(test.tokens[k].tolist()):
            for before, (total, chain) in best.items():
                if k and before == token and test.grid.form.distinct:
                    continue
                p = 0 if k == 0 else int(np.flatnonzero(test.tokens[k - 1] == before)[0])
                more = 0 if k == test.reference else int(found[k][place, p if found[k].shape[1] > 1 else 0])
                if token not in rows or total + more > rows[token][0]:
                    rows[token] = (total + more, [*chain, token])
        best = rows
    return max(best.values(), key=lambda pair: pair[0])[1]


def _keys(test: NodeTest, penalties: dict[int, np.ndarray], rival: int, chain: Sequence[int], bits: int) -> Table:
    """Gap, value and penalty of every key before the query but the reference, on the worst chain."""
    header = ("key $k$", "$t_k$", "$t_{k-1}$", "$g_k$, at least", "$v_k + \\delta_b$, at least", "penalty, at most")
    rows = []
    for k in sorted(penalties):
        gaps, values = test.key(k, paired=True)
        t = int(np.flatnonzero(test.tokens[k] == chain[k])[0])
        p = int(np.flatnonzero(test.tokens[k - 1] == chain[k - 1])[0]) if k else 0
        gap = Fraction(int(gaps[t, p]), 1 << bits)
        value = Fraction(int(values[t, p, rival] + test.direct[rival]), 1 << bits)
        penalty = Fraction(int(penalties[k][t, p, rival]), 1 << bits)
        before = str(chain[k - 1]) if k else ""
        rows.append((prose(str(k)), prose(str(chain[k])), prose(before), down(gap), down(value), up(penalty)))
    caption = prose("The worst chain of tokens: what the other keys before the query may take away.")
    return Table(tuple(map(prose, header)), tuple(rows), caption, ("right",) * len(header))

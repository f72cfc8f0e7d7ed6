"""One input of any network, layer by layer, from the tokens to the sign of its margin."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import numpy as np
from flint import arb_mat

from ...engine.arithmetic.ball import Ball, precision
from ...engine.arithmetic.printing import ceil_str, floor_str
from ...engine.domains.balls import BallDomain
from ...engine.interpret import Interpreter
from ...engine.term import Term
from ...engine.transcript import Block, Paragraph, Prose, Table, Text, passage, prose
from ...models.statement import Statement
from ..enumeration.outcome import Margin
from .decimals import BITS, LISTED, PLACES, SHORT, down, ends, places

# So many outputs have a row of their own: the right one, and the others with the largest logits.
SHOWN = 12


def blocks(statement: Statement, margin: Margin | None) -> tuple[Block, ...]:
    """The input with the least margin; nothing where there is no other output."""
    network, task = statement.network, statement.task
    if margin is None:
        return ()
    right = _answers(statement, margin.tokens)[task.read.index(margin.position)]
    with precision(BITS):
        streams = [_rows(statement, term, margin.tokens) for term in network.streams(task.positions)]
        logits = _rows(statement, network.term(task.positions, [margin.position]), margin.tokens)[0]
        others = sorted((z for z in range(len(logits)) if z != right), key=lambda z: -ends(logits[z])[1])
        gap = ends(logits[right] - logits[others[0]])
    listed = ", ".join(map(str, margin.tokens))
    return (
        *passage(
            f"""
            The input $({listed})$, read at position {margin.position}, has the least margin of all, up to the error
            of the numbers that the proof computes with. Its right answer is $c = {right}$. This is what the layers make
            of it; decimals are cut off downwards.
            """
        ),
        *(_stream(number, layer.kind, rows) for number, (layer, rows) in enumerate(
            zip(network.layers, streams, strict=False)
        )),
        _logits(logits, [right, *others][:SHOWN], right),
        *_verdict(gap, right, others[0], len(others)),
    )  # fmt: skip


def _answers(statement: Statement, tokens: Sequence[int]) -> list[int]:
    """The right answers of one input, one a read position."""
    (answers,) = statement.task.answer(np.array([tokens], dtype=np.int64)).tolist()
    return answers


def _rows(statement: Statement, term: Term, tokens: Sequence[int]) -> list[list[Ball]]:
    """The rows of a term on one input."""
    found: Sequence[arb_mat] = Interpreter(term, statement.network.values(statement.task.positions)).rows(
        BallDomain(tokens)
    )
    return [[Ball(entry) for entry in row.entries()] for row in found]


def _stream(number: int, kind: str, rows: Sequence[Sequence[Ball]]) -> Table:
    """What the positions hold behind a layer."""

    def told(row: Sequence[Ball]) -> Prose:
        shown = ", ".join(f"${floor_str(ends(entry)[0], SHORT)}$" for entry in row[:LISTED])
        return prose(shown + (f", … ({len(row)} numbers)" if len(row) > LISTED else ""))

    symbol = f"$x^{{({number})}}_p$"
    table = tuple((prose(str(p)), told(row)) for p, row in enumerate(rows))
    return Table((prose("$p$"), prose(symbol)), table, prose(f"Behind layer {number} ({kind})."), ("right", "left"))


def _logits(logits: Sequence[Ball], shown: Sequence[int], right: int) -> Table:
    rows = [(prose(str(z)), down(ends(logits[z])[0]), prose("the right answer" * (z == right))) for z in shown]
    header = (prose("output $z$"), prose("$\\mathrm{logits}_z$"), prose(""))
    more = f" The others of the {len(logits)} are smaller." if len(shown) < len(logits) else ""
    return Table(header, tuple(rows), prose(f"The logits.{more}"), ("right", "right", "left"))


def _verdict(gap: tuple[Fraction, Fraction], right: int, other: int, number: int) -> tuple[Block, ...]:
    low, high = gap
    digits = max(PLACES, places(min(abs(low), abs(high))))
    difference = f"\\mathrm{{logits}}_{{{right}}} - \\mathrm{{logits}}_{{{other}}}"
    every = "" if number == 1 else ", the largest of the others,"
    if low > 0:
        return passage(f"$${difference} \\ge {floor_str(low, digits)} > 0.$$ So the input is right.")
    if high < 0:
        return passage(f"$${difference} \\le {ceil_str(high, digits)} < 0.$$ So the input is wrong.")
    sentence = Text(
        f"The difference to output {other}{every} is 0 or too small for these numbers: an exact test decides."
    )
    return (Paragraph((sentence,)),)

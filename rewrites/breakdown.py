"""Where a bound comes from: the parts of a count, the coarser ones of a loss.  Every table adds up to its last row."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from fractions import Fraction
from typing import Literal

from ..engine.arithmetic.printing import ceil_str, floor_str
from ..engine.graph import Derivation, ProofGraph
from ..engine.ledger import Ledger
from ..engine.transcript import Block, Figure, Section, Table, paragraph, prose
from ..engine.transcript.figures import Bars, HeatMap
from .rules.count import Count
from .rules.enclosed_number import UNIT_BITS, digits_of
from .rules.loss import LossSum
from .rules.parts import Part
from .rules.right_count import RightCount

# So many maxima have a row or a bar of their own.
SHOWN = 12


def ledger_of(graph: ProofGraph, proof: Sequence[Derivation]) -> Ledger | None:
    """What the count of a proof adds up, set by set; None where no rule says it, or where it is not just the sum."""
    for step in reversed(proof):
        claim = graph.claim(step.claim)
        if isinstance(claim, RightCount) and claim.sets is not None:
            return claim.sets.ledger() if sum(claim.sets.counts().values()) == claim.low else None
        if isinstance(claim, Count):
            return step.rule.ledger([graph.claim(premise) for premise in step.premises], step.advice)
    return None


def where_decided(count: RightCount, stages: Counter[str] | None, ledger: Ledger | None, detail: str) -> Section:
    """Where the sequences were decided, and where the bound was lost.

    ``stages``: how single sequences were decided; None for rules that decide none.  ``ledger``: what lies beside.
    """
    sizes = {part: size for part, size in count.partition.sizes.items() if size}
    blocks: list[Block] = [_decided(count, sizes), _undecided(count, sizes)]
    if count.low < count.high and len(count.partition.names) == 2:
        blocks.append(_share_by_part(count, sizes))
    if stages is not None:
        blocks.append(_stages(stages))
    if count.statement.inputs > count.high:
        blocks.append(_wrong_by_maximum(count))
    if detail == "full":
        blocks.append(_cells(count, sizes))
    if ledger is not None:
        blocks.append(beside(ledger))
    return Section("Where every sequence was decided", tuple(blocks))


def beside(ledger: Ledger) -> Block:
    """The file that the count can be added up from, by its hash."""
    named = f"`{ledger.name}` (beside this transcript, {len(ledger.rows)} rows, sha256:{ledger.digest()})"
    return paragraph(f"The count can be made again from the file {named}. {ledger.explained}")


def _decided(count: RightCount, sizes: dict[Part, int]) -> Table:
    """The cells by what is known of them: a partition."""
    kinds = ("right throughout", "wrong throughout", "decided: some right, some wrong", "some undecided", "all")
    members: dict[str, list[Part]] = {kind: [] for kind in kinds}
    for cell, size in sizes.items():
        right, wrong = count.right[cell], count.wrong[cell]
        decided = (right == size, wrong == size, right + wrong == size, True)
        members[kinds[decided.index(True)]].append(cell)
        members["all"].append(cell)
    header = (count.partition.meaning, "cells", "sequences", "right", "wrong", "undecided")
    rows = []
    for kind, cells in members.items():
        total, right, wrong = (sum(table[cell] for cell in cells) for table in (sizes, count.right, count.wrong))
        rows.append((kind, *map(str, (len(cells), total, right, wrong, total - right - wrong))))
    sides: tuple[Literal["left", "right"], ...] = ("left", "right", "right", "right", "right", "right")
    return Table(tuple(map(prose, header)), tuple(tuple(map(prose, row)) for row in rows), sides=sides)


def _undecided(count: RightCount, sizes: dict[Part, int]) -> Block:
    lost = {cell: size - count.right[cell] - count.wrong[cell] for cell, size in sizes.items()}
    most = [cell for cell in sorted(lost, key=lambda cell: -lost[cell])[:5] if lost[cell]]
    if not most:
        return paragraph("No sequence is left undecided: the bound is exact and nothing was lost.")
    return paragraph(
        f"Of the {sum(lost.values())} undecided sequences, which count neither as right nor as wrong, the most are in "
        f"these cells: " + "; ".join(f"{count.partition.name(part)} with {lost[part]}" for part in most) + "."
    )


def _stages(stages: Counter[str]) -> Block:
    if not stages:
        return paragraph(
            "Every sign was decided by the fixed-point enclosures; no single sequence needed more precision."
        )
    listed = ", ".join(f"{times} by {stage}" for stage, times in sorted(stages.items()))
    return paragraph(
        "Where the fixed-point enclosures left the sign of a single sequence open, it was decided exactly: "
        f"{listed} (the search's own questions included)."
    )


def _share_by_part(count: RightCount, sizes: dict[Part, int]) -> Block:
    """The share of each part that is undecided, of parts that two numbers name."""
    rows, columns = (1 + max(part[axis] for part in sizes) for axis in (0, 1))

    def share(part: Part) -> Fraction | None:
        return Fraction(sizes[part] - count.right[part] - count.wrong[part], sizes[part]) if part in sizes else None

    down, across = count.partition.names
    shares = tuple(tuple(share((row, column)) for column in range(columns)) for row in range(rows))
    picture = HeatMap("undecided share", down, across, shares)
    caption = prose(f"The share of each part $({down}, {across})$ that is undecided; grey where there is none.")
    return Figure(picture, caption, "Heat map of the undecided share of each part", "figure-undecided")


def _wrong_by_maximum(count: RightCount) -> Block:
    wrong = count.partition.coarsely(count.wrong)
    shown, others = _largest(wrong)
    bars = {f"m = {m}": wrong[m] for m in shown if wrong[m]}
    if rest := sum(wrong[m] for m in others):
        bars["all other m"] = rest
    picture = Bars("sequences proved wrong, by maximum", tuple(bars), tuple(bars.values()))
    caption = prose("Where the network is wrong: the maxima $m$ with the most wrong sequences.")
    return Figure(picture, caption, "Bars: wrong sequences by maximum", "figure-wrong")


def _largest(amounts: Counter[int]) -> tuple[list[int], list[int]]:
    """The maxima with the largest amounts, in their own order, and all others."""
    shown = sorted(sorted(amounts, key=lambda m: (-amounts[m], m))[:SHOWN])
    return shown, sorted(amounts.keys() - set(shown))


def _cells(count: RightCount, sizes: dict[Part, int]) -> Block:
    names = (f"${name}$" for name in count.partition.names)
    header = tuple(prose(text) for text in (*names, "sequences", "right", "wrong"))
    shown = [cell for cell in sizes if count.right[cell] < sizes[cell]]
    rows = tuple(
        tuple(prose(str(number)) for number in (*cell, sizes[cell], count.right[cell], count.wrong[cell]))
        for cell in shown
    )
    return Table(header, rows, prose("All cells that are not right throughout."), ("right",) * len(header), "cells")


def where_lost(total: LossSum) -> Section:
    """Which maxima the loss comes from, and how far its bounds are apart there."""
    unit = total.statement.inputs << UNIT_BITS
    sizes, low, high = map(total.partition.coarsely, (total.partition.sizes, total.low, total.high))
    digits = digits_of(Fraction(high.total() - low.total(), unit))

    def row(name: str, maxima: Sequence[int]) -> tuple[str, ...]:
        number, least, most = (sum(table[m] for m in maxima) for table in (sizes, low, high))
        return name, str(number), floor_str(Fraction(least, unit), digits), ceil_str(Fraction(most, unit), digits)

    shown, others = _largest(high)
    rows = [row(str(m), [m]) for m in shown]
    rows += [row("all other", others)] * bool(others)
    rows.append(row("all", [*shown, *others]))
    header = (total.partition.coarse_meaning, "sequences", "share of the loss, at least", "at most")
    table = Table(
        tuple(map(prose, header)), tuple(tuple(map(prose, cells)) for cells in rows), sides=("right",) * len(header)
    )
    explained = paragraph(
        "The sequences of each maximum $m$ add this much to the mean over all inputs, rounded outward. The difference "
        "of the last two columns is what the proof leaves open; more leaves of the tree would narrow it."
    )
    return Section("Where the loss comes from", (explained, table))

"""Sweeps as tables: for a terminal of 80 columns, and as CSV."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from fractions import Fraction
from io import StringIO
from typing import TYPE_CHECKING

from rich.table import Table

from ..engine.arithmetic.printing import floor_str
from .curve import Curve
from .published import Comparison, Legend, Line
from .selection import FAMILY, group
from .storage import AnyRow, Row, texts

if TYPE_CHECKING:
    from .family import FamilyRow

DIGITS = 4


def spread_sheet(curves: Iterable[Curve]) -> str:
    """All rows as CSV, with the group, the bounds (rounded down) and whether no other proof beats the row's."""
    out = StringIO()
    writer = None
    for curve in curves:
        for row in curve.rows + curve.refused:
            more = {"group": group(row.strategy), "operations": str(row.operations)}
            if row.proved:
                more["bound"], more["normalised"] = (floor_str(b, 6) for b in (row.bound, curve.normalised(row)))
                more["on_front"] = str(int(row in curve.front))
            record = texts(row)
            if writer is None:
                names = [*record, "group", "operations", "bound", "normalised", "on_front"]
                writer = csv.DictWriter(out, names, restval="", lineterminator="\n")
                writer.writeheader()
            writer.writerow(record | more)
    return out.getvalue()


def sheet_of(rows: Sequence[AnyRow]) -> str:
    """Rows of one kind as CSV, as they are."""
    out = StringIO()
    writer = csv.writer(out, lineterminator="\n")
    records = [texts(row) for row in rows]
    writer.writerows([list(records[0]), *(list(record.values()) for record in records)])
    return out.getvalue()


def family(rows: Sequence[FamilyRow]) -> Table:
    """One row a network."""
    caption = "cost: of an exact count, in units of brute force; a dash where no quotient pays or applies."
    table = _table("", caption, "<network", "right", "inputs", "by", "cost", "least margin", "loss")
    for row in rows:
        if row.reason:
            table.add_row(row.model, *"—" * 6)
            continue
        right = str(row.right_low) if row.right_low == row.right_high else f"{row.right_low}–{row.right_high}"
        margin, loss = (end.rstrip("0") if "." in end else end for end in (row.margin_low, row.loss_high))
        table.add_row(
            row.model, right, str(row.inputs), row.method or "—", row.cost_ratio or "—", margin or "—", loss or "—"
        )
    return table


def _table(title: str, caption: str, *columns: str) -> Table:
    table = Table(title=title, caption=caption, title_justify="left", caption_justify="left", padding=(0, 1, 0, 0))
    table.box = None
    for column in columns:
        table.add_column(column.lstrip("<"), justify="left" if column.startswith("<") else "right", overflow="fold")
    return table


def short(strategy: str) -> str:
    """A strategy's name without the published family's."""
    return strategy.removeprefix(f"{FAMILY}/")


def _label(row: Row) -> str:
    """The name, with the tightenings that were off."""
    return short(row.strategy) + (f" without {','.join(row.off)}" if row.off else "")


def _number(n: int) -> str:
    """Three digits and a letter, rounded up: costs are not understated.

    >>> [_number(n) for n in (999, 2149548288, 10**20)]
    ['999', '2.15G', '1.00e20']
    """
    if n < 1000:
        return str(n)
    thousands = (len(str(n)) - 1) // 3
    shown = -(-n * 100 // 1000**thousands)
    if thousands < 6:
        return f"{shown // 100}.{shown % 100:02}{' kMGTP'[thousands]}"
    exponent = len(str(n)) - 1
    shown = -(-n * 100 // 10**exponent)
    return f"{shown // 100}.{shown % 100:02}e{exponent}"


def _cells(curve: Curve, row: Row) -> tuple[str, ...]:
    dimension = (
        "—" if row.dimension is None else str(row.dimension) if row.dimension < 10**7 else _number(row.dimension)
    )
    times = f"{row.search_seconds:.2f}", f"{row.verify_seconds:.2f}"
    return floor_str(curve.normalised(row), DIGITS), _number(row.operations), dimension, *times


def summary(curve: Curve, name: str, *, everything: bool) -> list[Table]:
    """The best proof of every group, and those that no other beats; or all of them."""
    share = "the exact accuracy" if curve.exact else "the least proved upper bound of the accuracy"
    caption = f"bound: of {share}, {curve.most_right}/{curve.rows[0].inputs}. dim: unexplained dimension."
    columns = ("bound", "ops", "dim", "search s", "verify s")
    best = _table(f"{name}: best of every group", caption, "<group", "<configuration", *columns)
    for kind, row in curve.best().items():
        best.add_row(kind, _label(row), *_cells(curve, row))
    rows = curve.rows if everything else curve.front[::-1]
    title = "all proofs (*: no proof is shorter and tighter)" if everything else "no proof is shorter and tighter"
    chosen = _table(title, "", "<configuration", *columns, "<order")
    for row in rows:
        star = "*" if everything and row in curve.front else ""
        chosen.add_row(_label(row) + star, *_cells(curve, row), row.order)
    tables = [best, chosen]
    if curve.refused:
        refused = _table("refused", "", "<configuration", "<reason")
        for row in curve.refused:
            refused.add_row(short(row.strategy), row.reason)
        tables.append(refused)
    return tables


def ablation(curve: Curve, base: Row, without: Sequence[tuple[str, str, Row]]) -> Table:
    """What each tightening is worth to one configuration: (name, description, row without it)."""
    title = f"{base.strategy}: the bound without a tightening"
    table = _table(title, "worth: what the tightening adds.", "<off", "<tightening", "bound", "worth", "sequences")
    table.add_row("none", "", floor_str(curve.normalised(base), DIGITS), "", "")
    for name, description, row in without:
        lost = base.right_low - row.right_low
        worth = Fraction(lost, curve.most_right) if curve.most_right else Fraction(0)
        numbers = floor_str(curve.normalised(row), DIGITS), floor_str(worth, DIGITS), str(lost)
        table.add_row(name, description, *numbers)
    return table


def beside_groups(curve: Curve, legend: Legend | None) -> Table:
    """The best of every group beside the published mean over many networks of the same sizes."""
    caption = (
        "No published table for networks of these sizes."
        if legend is None
        else f"published: mean and deviation over {legend.networks or 'many'} other networks of these sizes. "
        "All as shares of the exact accuracy; brute force as the accuracy itself."
    )
    table = _table("groups, beside the published table", caption, "<group", "published", "here", "<configuration")
    for kind, row in curve.best().items():
        told = "—" if legend is None else legend.groups.get(kind, "—")
        value = row.bound if kind == "brute force" else curve.normalised(row)
        table.add_row(kind, told, floor_str(value, DIGITS), short(row.strategy))
    return table


def beside_rows(comparison: Comparison) -> Table:
    """Every published row of these very weights beside ours."""
    title = f"the reference implementation on these weights ({comparison.name})"
    table = _table(title, comparison.note, "<configuration", "reference", "here", "more", "<if lower, why")
    for line in comparison.lines:
        table.add_row(*_beside(line))
    return table


def _beside(line: Line) -> tuple[str, ...]:
    here = str(line.row.right_low) if line.row.proved else "refused"
    name = short(line.row.strategy)
    if line.reference is None:
        return name, "not run", here, "", ""
    return name, str(line.reference), here, str(line.row.right_low - line.reference), line.reason

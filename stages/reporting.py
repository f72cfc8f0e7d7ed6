"""Stages as tables for a terminal of 80 columns, as CSV, and as a figure (matplotlib, loaded when one is drawn)."""

from __future__ import annotations

import csv
from collections.abc import Callable, Sequence
from fractions import Fraction
from io import BytesIO, StringIO
from pathlib import Path
from typing import Any

from rich.table import Table

from ..engine.arithmetic.printing import ceil_str, floor_str
from ..engine.files import atomic_write
from .measuring import TABLES, Proved, Stage

DIGITS = 4
# "High" is this share of what the last checkpoint has.
HIGH = Fraction(9, 10)

SERIES: dict[str, Callable[[Stage], int]] = {
    "accuracy": lambda stage: stage.exact.low,
    "cubic": lambda stage: stage.cubic.low,
    "sub-cubic": lambda stage: stage.subcubic.low,
}


def arrivals(stages: Sequence[Stage]) -> dict[str, int]:
    """The first step at which accuracy and each bound have the share ``HIGH`` of their last value."""
    return {
        name: next(stage.step for stage in stages if value(stage) >= HIGH * value(stages[-1]))
        for name, value in SERIES.items()
    }


def _table(title: str, caption: str, *columns: str) -> Table:
    table = Table(title=title, caption=caption, title_justify="left", caption_justify="left", padding=(0, 1, 0, 0))
    table.box = None
    for column in columns:
        table.add_column(column, justify="right", overflow="fold")
    return table


def tables(stages: Sequence[Stage]) -> list[Table]:
    """Bounds, numbers of the tables, and what the proofs of the checkpoint before are worth."""
    bounds = _table(
        "what is proved",
        "open: sequences that the time did not suffice for. slack: accuracy less the sub-cubic bound.",
        *("step", "accuracy", "open", "cubic", "sub-cubic", "slack", "exact s", "cubic s", "sub-cubic s"),
    )
    numbers = _table(
        "exact tables: the largest difference within a row",
        "rest: of EQKE without its first direction. copied: tokens whose row of EVOU is largest at the token. margin: "
        "the least lead of any token over the rest of its row.",
        *("step", "EQKE", "rest", "EQKP", "PVOU", "UU", "copied", "margin"),
    )
    reused = _table(
        "the proofs of the checkpoint before, on these weights",
        "seconds are of the whole proof, found and run; mended: leaves that no longer hold are searched.",
        *("step", "sub-cubic", "of fresh", "s", "tree", "of fresh", "s", "mended", "s", "fresh s"),
    )
    moved = _table(
        "how far logit gaps can have moved, by cells (q, m)",
        "transferred: shown right by a count of the checkpoint before, with room for the moves.",
        *("step", "least", "median", "largest", "transferred", "s"),
    )
    for stage in stages:
        shares = (_share(stage, count) for count in (stage.cubic.low, stage.subcubic.low, stage.slack))
        times = (f"{proved.seconds:.1f}" for proved in (stage.exact, stage.cubic, stage.subcubic))
        bounds.add_row(str(stage.step), _share(stage, stage.exact.low), str(_open(stage.exact)), *shares, *times)
        found = stage.mechanism
        ranges = [ceil_str(found.ranges[name], 2) for name in TABLES]
        ranges.insert(1, ceil_str(found.rest, 2))
        numbers.add_row(str(stage.step), *ranges, str(found.copied), floor_str(found.copy_margin, 2))
        if stage.reused is not None:
            old = stage.reused
            reused.add_row(
                str(stage.step),
                *_beside(stage, old.subcubic, stage.subcubic),
                *_beside(stage, old.tree, stage.exact),
                _share(stage, old.mended.low),
                f"{old.mended.seconds:.1f}",
                f"{stage.exact.seconds:.1f}",
            )
            given = old.transferred
            last = ("—", "—") if given is None else (_share(stage, given.low), f"{given.seconds:.1f}")
            moved.add_row(str(stage.step), *(ceil_str(move, 3) for move in old.moves), *last)
    return [bounds, numbers, reused, moved]


def _share(stage: Stage, count: int) -> str:
    return floor_str(Fraction(count, stage.inputs), DIGITS)


def _open(proved: Proved) -> int:
    return proved.high - proved.low


def _beside(stage: Stage, old: Proved, fresh: Proved) -> tuple[str, str, str]:
    kept = floor_str(Fraction(old.low, fresh.low), 3) if fresh.low else "—"
    return _share(stage, old.low), kept, f"{old.seconds:.1f}"


def record(stage: Stage) -> dict[str, str | int | float]:
    """A stage as plain data: counts of sequences, decimals rounded away from what they claim, seconds."""
    found, old = stage.mechanism, stage.reused
    proofs = {"exact": stage.exact, "cubic": stage.cubic, "subcubic": stage.subcubic}
    if old is not None:
        proofs |= {"reused_subcubic": old.subcubic, "reused_tree": old.tree, "mended_tree": old.mended}
        proofs |= {} if old.transferred is None else {"transferred": old.transferred}
    values: dict[str, str | int | float] = {
        "step": stage.step, "statement": stage.statement.sha256, "inputs": stage.inputs, "slack": stage.slack
    }  # fmt: skip
    for name, proved in proofs.items():
        values |= {f"{name}_low": proved.low, f"{name}_high": proved.high, f"{name}_seconds": proved.seconds}
    values |= {f"range_{name}": ceil_str(bound, 6) for name, bound in found.ranges.items()}
    values |= {"rest_EQKE": ceil_str(found.rest, 6), "copied": found.copied}
    values["copy_margin"] = floor_str(found.copy_margin, 6)
    if old is not None:
        names = ("moves_least", "moves_median", "moves_largest")
        values |= {name: ceil_str(move, 6) for name, move in zip(names, old.moves, strict=True)}
    return values


def spread_sheet(stages: Sequence[Stage]) -> str:
    """All stages as CSV; what the first stage does not have is empty."""
    records = [record(stage) for stage in stages]
    names = list(max(records, key=len, default={}))
    out = StringIO()
    writer = csv.DictWriter(out, names, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(records)
    return out.getvalue()


def draw(stages: Sequence[Stage], name: str, stem: Path) -> list[Path]:
    """Write ``stem``.svg and ``stem``.png: shares of the inputs above, differences within rows below, by step."""
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    steps = [stage.step for stage in stages]
    with rc_context({"svg.hashsalt": "mechproof", "svg.fonttype": "none"}):
        figure = Figure(figsize=(8, 6), layout="constrained")
        above, below = figure.subplots(2, 1, sharex=True)
        for label, value in SERIES.items():
            above.plot(steps, [value(stage) / stage.inputs for stage in stages], marker="o", label=label)
        later = [stage for stage in stages if stage.reused is not None]
        kept = [stage.reused.subcubic.low / stage.inputs for stage in later if stage.reused is not None]
        above.plot([stage.step for stage in later], kept, marker="x", linestyle=":", label="the last proof, reused")
        above.set_ylabel("share of the inputs")
        above.set_title(name)
        for table in TABLES:
            below.plot(steps, [float(stage.mechanism.ranges[table]) for stage in stages], marker="o", label=table)
        below.plot(steps, [float(stage.mechanism.rest) for stage in stages], marker="x", linestyle=":", label="rest")
        below.set_yscale("log", nonpositive="clip")
        below.set_ylabel("largest difference in a row")
        below.set_xlabel("training step")
        for axes in (above, below):
            axes.grid(alpha=0.25)
            axes.legend(fontsize="small")
        written = []
        forms: dict[str, dict[str, Any]] = {"svg": {"metadata": {"Date": None}}, "png": {"dpi": 150}}
        for form, settings in forms.items():
            content = BytesIO()
            figure.savefig(content, format=form, **settings)
            written.append(stem.with_name(f"{stem.name}.{form}"))
            atomic_write(written[-1], content.getvalue())
    return written

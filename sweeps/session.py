"""One sweep from end to end: which jobs, run what is missing, and the results by network."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ..engine.arithmetic.printing import floor_str
from ..engine.errors import MechproofError
from ..rewrites.strategies import Progress, UnknownTightening, tightenings
from .curve import Curve
from .published import compare
from .running import Job, complete, statement_at
from .selection import applicable, group
from .storage import Row, Store


@dataclass(unsafe_hash=True)
class NothingProved(MechproofError):
    """Every strategy refused; ``reason`` is the first one's."""

    name: str
    strategies: int
    reason: str
    exit_code = 1
    sentence = "{name}: none of {strategies} strategies proves anything; the first says: {reason}"


@dataclass(frozen=True)
class Ablation:
    """A row, and the rows of its strategy without one tightening each; the last without any."""

    base: Row
    without: tuple[Row, ...]

    def lines(self) -> list[tuple[str, str, Row]]:
        """Name and description of what was switched off, with the row."""
        told = tightenings(self.base.strategy)
        return [
            (row.off[0], told[row.off[0]], row) if len(row.off) == 1 else ("all", "without any of them", row)
            for row in self.without
        ]


@dataclass(frozen=True)
class Swept:
    """The rows of one network."""

    path: Path
    curve: Curve
    ablations: tuple[Ablation, ...] = ()

    @property
    def name(self) -> str:
        return self.path.stem

    @property
    def stem(self) -> str:
        """A name for files that no other network has."""
        return f"{self.name}-{self.curve.rows[0].statement[:8]}"

    def as_json(self) -> dict[str, Any]:
        """The rows as plain data; bounds are rounded down."""

        def plain(row: Row) -> dict[str, Any]:
            share = floor_str(self.curve.normalised(row), 6) if row.proved else None
            known = {"group": group(row.strategy), "operations": row.operations, "normalised": share}
            return {**vars(row), **known, "on_front": row.proved and row in self.curve.front}

        found = compare(self.curve)
        lines = [] if found is None else found.lines
        return {
            "name": self.name,
            "statement": self.curve.rows[0].statement,
            "most_right": self.curve.most_right,
            "exact": self.curve.exact,
            "rows": [plain(row) for row in self.curve.rows + self.curve.refused],
            "ablation": [plain(row) for ablation in self.ablations for row in ablation.without],
            "reference": [
                {"strategy": line.row.strategy, "reference": line.reference, "right_low": line.row.right_low}
                | {"reason": line.reason}
                for line in lines
            ],
        }


def run(
    weights: Sequence[Path],
    names: Sequence[str],
    off: Sequence[str],
    store: Store,
    processes: int,
    progress: Progress,
    *,
    ablate: bool = False,
) -> list[Swept]:
    """Complete the store's rows for these networks and strategies, and return them.

    Raises :class:`UnknownTightening` for a tightening that none of the strategies has, :class:`NothingProved`, and
    what reading weights and the store raise.
    """
    known = {name for strategy in names for name in tightenings(strategy)}
    for name in off:
        if name not in known:
            raise UnknownTightening(name, ", ".join(names[:3]), tuple(sorted(known)))
    paths = list({statement_at(str(path)).sha256: path for path in weights}.values())
    jobs = {path: [Job(str(path), name, applicable(name, off)) for name in names] for path in paths}
    complete([job for path in paths for job in jobs[path]], store, processes, progress)
    swept = [Swept(path, _curve(store, jobs[path])) for path in paths]
    return [_ablated(one, store, processes, progress) for one in swept] if ablate else swept


def _rows(store: Store, jobs: Sequence[Job]) -> list[Row]:
    """The jobs' rows, in their order; the jobs are one network's."""
    found = {(row.strategy, row.off): row for row in store.rows(statement_at(jobs[0].path).sha256)}
    return [found[job.strategy, job.off] for job in jobs]


def _curve(store: Store, jobs: Sequence[Job]) -> Curve:
    curve = Curve.of(_rows(store, jobs))
    if not curve.rows:
        raise NothingProved(jobs[0].path, len(jobs), curve.refused[0].reason)
    return curve


def _ablated(one: Swept, store: Store, processes: int, progress: Progress) -> Swept:
    """With the best row of every family or strategy that has tightenings ablated."""
    bases: dict[str, Row] = {}
    for row in one.curve.rows:
        if not row.off and tightenings(row.strategy):
            bases.setdefault(row.strategy.partition("/")[0], row)
    jobs = {base: _without(one.path, base) for base in bases.values()}
    complete([job for some in jobs.values() for job in some], store, processes, progress)
    return replace(one, ablations=tuple(Ablation(base, tuple(_rows(store, some))) for base, some in jobs.items()))


def _without(path: Path, base: Row) -> list[Job]:
    names = sorted(tightenings(base.strategy))
    each = [(name,) for name in names]
    return [Job(str(path), base.strategy, off) for off in (*each, *([tuple(names)] if len(names) > 1 else []))]

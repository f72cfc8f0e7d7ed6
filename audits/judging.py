"""From certified cells to findings: which do not follow, why, and whether one holds a wrong sequence."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

import numpy as np
from flint import arb

from ..rewrites.published import sub_cubic
from ..rewrites.published.network import Run
from .comparing import Beheld
from .findings import CellFinding, Kind, Missing, Stray
from .relaxation import Relaxation, Truth, certified
from .witness import Suspicion, Witness, sequences

# Wrong sequences are looked for in so many cells of a bound, those that its relaxation leaves most room in.
WITNESSES = 64

R = TypeVar("R", bound=Run, contravariant=True)


@dataclass(frozen=True)
class Judgement:
    """How many cells a run certifies, and what is wrong with them."""

    cells: int
    findings: tuple[CellFinding, ...]
    missing: tuple[Missing, ...] = ()
    strays: tuple[Stray, ...] = ()


class Judge(Protocol, Generic[R]):
    """Decides the runs of one verifier in every float type."""

    kind: Kind

    def __call__(self, run: R) -> Judgement: ...


class SubCubicJudge:
    """By :class:`~.relaxation.Relaxation`.

    ``double`` is the same run in double precision; ``positive`` says where the exact value of the run's own formula is
    not below zero.
    """

    kind = Kind.sub_cubic

    def __init__(self, truth: Truth, suspicion: Suspicion, double: sub_cubic.Replay, positive: np.ndarray) -> None:
        self._truth, self._suspicion, self._positive = truth, suspicion, positive
        self._reference = truth.relaxation(double.steps, double.gaps)

    def __call__(self, run: sub_cubic.Replay) -> Judgement:
        relaxation, cells = self._truth.relaxation(run.steps, run.gaps), certified(run)
        bounds = relaxation.bounds(cells)
        open_cells = open_places(bounds)
        doubtful = cells[open_cells]
        axes = doubtful.q, doubtful.m, doubtful.c
        by_floats = self._positive[axes] | negative(self._reference.bounds(doubtful))
        as_claimed = negative(relaxation.as_claimed().bounds(doubtful))
        findings = found(
            list(zip(*(axis.tolist() for axis in axes), strict=True)),
            doubtful.gap.tolist(),
            run.worst.double().numpy()[axes],
            [bounds[place] for place in open_cells.tolist()],
            by_floats,
            as_claimed,
            lambda place: self._witness(*(int(axis[place]) for axis in (*axes, doubtful.gap))),
        )
        return Judgement(len(cells), findings, _missing(relaxation))

    def _witness(self, q: int, m: int, c: int, gap: int) -> Witness | None:
        if c and m - gap < (0 if q == m else q):
            return None
        candidates = sequences(q, m, c - (q != m), np.arange(m - gap + 1), self._truth.positions)
        return self._suspicion.witness((q, m, c), candidates)


def open_places(bounds: Sequence[arb]) -> np.ndarray:
    """The places of bounds that are not certainly negative."""
    return np.array([place for place, bound in enumerate(bounds) if not bound < 0], dtype=np.int64)


def negative(bounds: Sequence[arb]) -> np.ndarray:
    return np.array([bool(bound < 0) for bound in bounds], dtype=bool)


def found(
    cells: Sequence[tuple[int, ...]],
    gaps: Sequence[int | None],
    claimed: np.ndarray,
    bounds: Sequence[arb],
    by_floats: np.ndarray,
    if_noise_held: np.ndarray,
    witness: Callable[[int], Witness | None],
) -> tuple[CellFinding, ...]:
    """Findings about cells, all arguments by place; witnesses are looked for in those with most room."""
    excess = [float(bound.upper()) for bound in bounds]
    searched = set(sorted(range(len(excess)), key=lambda place: -excess[place])[:WITNESSES])
    return tuple(
        CellFinding(
            cell,
            gaps[place],
            float(claimed[place]),
            excess[place],
            bool(by_floats[place]),
            bool(if_noise_held[place]),
            witness(place) if place in searched else None,
        )
        for place, cell in enumerate(cells)
    )


def strays(steps: Mapping[str, Beheld], truth: Mapping[str, np.ndarray]) -> tuple[Stray, ...]:
    """Steps whose formula does not give, in exact arithmetic, the quantity of the network that ``truth`` has."""
    result = []
    for name, quantity in truth.items():
        pairs = [(a, b) for a, b in zip(steps[name].balls, quantity.ravel(), strict=True) if a.is_finite()]
        apart = [abs(float((a - b).mid())) for a, b in pairs if not a.overlaps(b)]
        if apart:
            result.append(Stray(name, len(apart), len(pairs), max(apart)))
    return tuple(result)


def _missing(relaxation: Relaxation) -> tuple[Missing, ...]:
    names = dict.fromkeys(short.step for short in relaxation.shortfalls)
    amounts = {name: [short.amount for short in relaxation.shortfalls if short.step == name] for name in names}
    return tuple(Missing(name, len(every), max(every)) for name, every in amounts.items())

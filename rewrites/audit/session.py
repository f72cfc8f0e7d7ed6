"""Audits of one network: replays, exact values beside them, and a verdict for every bound.

>>> from mechproof.models.zoo import path
>>> session = Session(path("max_of_2_v64_d32_seed123"))
>>> session.truth.size, session.truth.positions
(64, 2)
"""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import cached_property, partial
from math import ldexp
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ...engine.errors import MagnitudeError, MechproofError
from ...engine.graph import ProofGraph
from ...models.problem import problem
from ...models.statement import Statement
from ...models.weights import load
from ..published.sub_cubic import FloatNetwork, Replay
from ..rules.additive_margin import AdditiveMargin, AdditiveMarginRule
from ..rules.enumeration import Enumeration
from ..rules.path_decomposition import paths_of
from .beside import Beside
from .comparing import LARGEST_WRONG, behold, compare
from .findings import Audit, BoundAudit, CellFinding, Missing, RunErrors, VerifierAudit
from .loss import audit_loss
from .relaxation import Relaxation, Truth, certified
from .runs import DTYPES, PUBLISHED, Setting, running, settings, threads
from .verifiers import Verifier
from .witness import Suspicion

# With at most so many sequences the true count is computed as well.
ENUMERATED = 1 << 14
# Wrong sequences are looked for in so many cells of a bound, those that its relaxation leaves most room in.
WITNESSES = 64

Advice = list[tuple[Tensor, ...]]


@dataclass(eq=False)
class HasBiases(MechproofError):
    """The published verifications are for networks without biases."""

    names: tuple[str, ...]
    sentence = "the published verifications know no biases, and {names} are not zero"


@dataclass(eq=False)
class NoUnembedding(MechproofError):
    """A loss bound needs the number of outputs."""

    source: str
    sentence = "{source}: expected a tensor W_U, found none"


class Session:
    """One network, its exact tables, and its weights in any float type."""

    def __init__(self, weights: str | os.PathLike[str], config: str | os.PathLike[str] | None = None) -> None:
        self.name = Path(weights).name
        self.statement = problem(load(weights, config=config), "max-of-k")
        self.weights = float_weights(self.statement)
        graph = ProofGraph()
        self._graph, self._margin = graph, graph.apply(AdditiveMarginRule(), [paths_of(graph, self.statement)])
        margin: AdditiveMargin = graph.claim(self._margin)
        self.truth, self.suspicion = Truth(self.statement, margin.paths), Suspicion(margin)

    @cached_property
    def right(self) -> int | None:
        """How many sequences are right, where there are few and the exact tables can hold them."""
        if self.statement.task.inputs > ENUMERATED:
            return None
        try:
            return self._graph.claim(self._graph.apply(Enumeration(lambda *_: None), [self._margin])).low
        except MagnitudeError:
            return None

    def network(self, dtype: str) -> FloatNetwork:
        return FloatNetwork.of(self.weights, DTYPES[dtype])

    def audit(self, verifier: Verifier, dtypes: Sequence[str] = tuple(DTYPES)) -> VerifierAudit:
        """The gaps are those of the published float type's search; see :mod:`.runs` for what is run with them."""
        advice: Advice = []
        try:
            with threads(1):
                gaps = verifier.search(self.network(PUBLISHED))
            with running(Setting(PUBLISHED), advice), Beside() as beside:
                truth = behold(verifier.verify(self.network(PUBLISHED), gaps))
        except RuntimeError as reason:  # such as singular vectors of what is no number
            return VerifierAudit(verifier.name, (), (_stopped(Setting(PUBLISHED), reason),), 0, 0, 0)
        runs, replays = [], dict[str, Replay]()
        for setting in settings(tuple(dtypes)):
            try:
                run = self._run(verifier, setting, gaps, advice)
            except RuntimeError as reason:  # what torch raises for a type that it cannot run
                runs.append(_stopped(setting, reason))
                continue
            runs.append(compare(setting, run, truth))
            replays.setdefault(setting.dtype, run)
        double = self._run(verifier, Setting("float64"), gaps, advice)
        reference = self.truth.relaxation(double.steps, gaps)
        positive = ~truth[LARGEST_WRONG].negative
        bounds = tuple(
            self._bound(verifier.name, dtype, replays[dtype], reference, positive)
            for dtype in DTYPES
            if dtype in replays
        )
        return VerifierAudit(verifier.name, bounds, tuple(runs), beside.compared, beside.flipped, beside.vanished)

    def _run(self, verifier: Verifier, setting: Setting, gaps: Tensor, advice: Advice) -> Replay:
        with running(setting, advice):
            return verifier.verify(self.network(setting.dtype), gaps)

    def _bound(self, name: str, dtype: str, run: Replay, reference: Relaxation, positive: np.ndarray) -> BoundAudit:
        """``positive``: where the exact value of the run's own formula is not below zero."""
        relaxation, cells = self.truth.relaxation(run.steps, run.gaps), certified(run)
        bounds = relaxation.bounds(cells)
        open_cells = np.array([place for place, bound in enumerate(bounds) if not bound < 0], dtype=np.int64)
        doubtful = cells[open_cells]
        by_floats = positive[doubtful.q, doubtful.m, doubtful.c]
        by_floats = by_floats | np.array([bool(bound < 0) for bound in reference.bounds(doubtful)], dtype=bool)
        as_claimed = self.truth.relaxation(run.steps, run.gaps, repaired=False).bounds(doubtful)
        claimed = run.worst.double().numpy()[doubtful.q, doubtful.m, doubtful.c]
        excess = [float(bounds[place].upper()) for place in open_cells.tolist()]
        searched = set(sorted(range(len(excess)), key=lambda place: -excess[place])[:WITNESSES])
        places = zip(*(axis.tolist() for axis in (doubtful.q, doubtful.m, doubtful.c, doubtful.gap)), strict=True)
        findings = tuple(
            CellFinding(
                (q, m, c),
                gap,
                float(claimed[place]),
                excess[place],
                bool(by_floats[place]),
                bool(as_claimed[place] < 0),
                self.suspicion.witness(q, m, c, gap) if place in searched else None,
            )
            for place, (q, m, c, gap) in enumerate(places)
        )
        widening = max((-found.claimed for found in findings if found.by_floats), default=0.0)
        widened = Replay(run.steps, run.gaps, run.worst.double() + widening) if widening else run
        return BoundAudit(
            name,
            dtype,
            run.count(),
            self.statement.task.inputs,
            self.right,
            len(cells),
            findings,
            _missing(relaxation),
            widening,
            widened.count(),
        )


def _stopped(setting: Setting, reason: RuntimeError) -> RunErrors:
    return RunErrors(setting, skipped=(str(reason) or type(reason).__name__).splitlines()[0])


def _missing(relaxation: Relaxation) -> tuple[Missing, ...]:
    names = dict.fromkeys(short.step for short in relaxation.shortfalls)
    found = {name: [short.amount for short in relaxation.shortfalls if short.step == name] for name in names}
    return tuple(Missing(name, len(amounts), max(amounts)) for name, amounts in found.items())


def float_weights(statement: Statement) -> dict[str, Tensor]:
    """The weights as doubles; exact for what was stored in at most 53 bits.  Raises :class:`HasBiases`."""
    tensors = statement.network.tensors
    biases = tuple(
        name for name, matrix in tensors.items() if name.startswith("b_") and any(matrix.numerators.entries())
    )
    if biases:
        raise HasBiases(biases)
    return {
        name: torch.tensor([[ldexp(entry, matrix.exponent) for entry in row] for row in matrix.integers()]).double()
        for name, matrix in tensors.items()
        if name.startswith("W_")
    }


def audit(
    weights: str | os.PathLike[str],
    verifiers: Sequence[Verifier],
    dtypes: Sequence[str] = tuple(DTYPES),
    *,
    loss: bool = False,
    processes: int = 1,
    progress: Callable[[str, int, int], None] = lambda *_: None,
) -> Audit:
    """Audit what these verifiers say about one network, and (``loss``) the published loss bound's last step.

    Raises what loading raises, :class:`HasBiases` and :class:`NoUnembedding`.
    """
    found: list[VerifierAudit] = []
    for one in _audits(weights, verifiers, tuple(dtypes), min(processes, len(verifiers))):
        found.append(one)
        progress("auditing", len(found), len(verifiers))
    skipped = {f"{run.setting.dtype}: {run.skipped}" for one in found for run in one.runs if run.skipped}
    losses = tuple(audit_loss(outputs(weights), dtype) for dtype in dtypes) if loss else ()
    return Audit(Path(weights).name, tuple(found), tuple(sorted(skipped)), losses)


def outputs(weights: str | os.PathLike[str]) -> int:
    """How many logits a network has, whatever its architecture: the columns of its unembedding."""
    checkpoint = load(weights)
    for name, tensor in checkpoint.tensors.items():
        if name.split(".")[-1] == "W_U":
            return tensor.shape[-1]
    raise NoUnembedding(checkpoint.source)


def _audits(
    weights: str | os.PathLike[str], verifiers: Sequence[Verifier], dtypes: tuple[str, ...], processes: int
) -> Iterator[VerifierAudit]:
    if not verifiers:
        return
    if processes <= 1:
        session = Session(weights)
        yield from (session.audit(verifier, dtypes) for verifier in verifiers)
        return
    # Fresh interpreters: a fork would copy the locks of torch's threads.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(processes, context, initializer=_start, initargs=(weights,)) as pool:
        yield from pool.map(partial(_one, dtypes), verifiers)


_sessions: list[Session] = []


def _start(weights: str | os.PathLike[str]) -> None:
    """In a worker: one session for all its work."""
    torch.set_num_threads(1)
    _sessions.append(Session(weights))


def _one(dtypes: tuple[str, ...], verifier: Verifier) -> VerifierAudit:
    return _sessions[0].audit(verifier, dtypes)

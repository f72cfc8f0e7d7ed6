"""Audits of one network: replays, exact values beside them, and a verdict for every bound.

>>> from mechproof.models.zoo import path
>>> session = Session(path("max_of_2_v64_d32_seed123"))
>>> session.truth.size, session.truth.positions
(64, 2)
"""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path

import torch
from torch import Tensor

from ..engine.errors import MagnitudeError, MechproofError
from ..engine.graph import ProofGraph
from ..models.float_statement import EXP_ULPS
from ..models.layers.layer import LayerError
from ..models.one_layer import NotOneLayer, one_layer_of
from ..models.problem import statement_of
from ..models.recognition.errors import RecognitionError
from ..models.statement import Statement
from ..models.weights import load
from ..rewrites.advice.allowance import Spent
from ..rewrites.provenance import provenance
from ..rewrites.published import cubic, sub_cubic
from ..rewrites.published.network import FloatNetwork, Run
from ..rewrites.rules.additive_margin import AdditiveMargin, AdditiveMarginRule
from ..rewrites.standard_forms import paths_of
from ..rewrites.strategies import Options, prove_accuracy
from .brute_force import BUDGET, SECONDS, audit_runner
from .comparing import LARGEST_WRONG, Beheld
from .cubic import CubicJudge, CubicTruth
from .every_sequence import EverySequence
from .findings import BoundAudit, OtherRun, VerifierAudit
from .judging import WITNESSES, Judge, SubCubicJudge
from .loss import audit_loss
from .network_audit import Audit
from .relaxation import Truth
from .replaying import Replays
from .run_errors import RunErrors
from .runs import DTYPES, PUBLISHED, Setting, settings, threads
from .verifiers import Runner, Verifier
from .witness import Suspicion, doubles

ASSUMED = (
    "every run gets the gaps and singular vectors of one float32 search with one thread; the published code searches "
    "in floats of its own, and may find other gaps and with them another count",
    f"in a-priori bounds of errors: exp errs by at most {EXP_ULPS} units in the last place, and the library's spectral "
    "norm is that of a matrix off by at most 32(m + n) roundings, relatively",
)

Progress = Callable[[str, int, int], None]


def silent(stage: str, done: int, total: int) -> None:
    """No progress report."""


@dataclass(eq=False)
class UnknownCells(MechproofError):
    """A verifier certifies something that audits cannot decide."""

    kind: str
    sentence = "audits know no cells of the kind that {kind} certifies"


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
        self.statement = statement_of(weights, config=config)
        self.weights = float_weights(self.statement)
        graph = ProofGraph()
        self._graph, self._margin = graph, graph.apply(AdditiveMarginRule(), [paths_of(graph, self.statement)])
        margin: AdditiveMargin = graph.claim(self._margin)
        self.truth, self.suspicion = Truth(self.statement, margin.paths), Suspicion(margin)
        self.cubic, self.every = CubicTruth(margin.paths), EverySequence(margin)

    @cached_property
    def right(self) -> int | None:
        """How many sequences are right, where branch and bound finds it in time and the exact tables can hold them."""
        try:
            graph, goal = prove_accuracy(self.statement, "branch_and_bound", Options(seconds=SECONDS))
        except (MagnitudeError, Spent):
            return None
        proved = graph.claim(goal)
        return proved.low if proved.low == proved.high else None

    def network(self, dtype: str) -> FloatNetwork:
        return FloatNetwork.of(self.weights, DTYPES[dtype])

    def audit(
        self,
        verifier: Verifier,
        dtypes: Sequence[str] = tuple(DTYPES),
        *,
        budget: int = BUDGET,
        progress: Progress = silent,
    ) -> VerifierAudit:
        """The gaps are those of the published float type's search; see :mod:`.runs` for what is run with them.

        ``budget``: the most sequences that are run one by one.
        """
        if isinstance(verifier, Runner):
            try:
                return audit_runner(self, verifier, dtypes, budget, progress)
            except MagnitudeError as reason:  # what is true cannot be counted
                return VerifierAudit(verifier.name, (), (_stopped(Setting(PUBLISHED), reason),), 0, 0, 0)
        try:
            with threads(1):
                gaps = verifier.search(self.network(PUBLISHED))
            replayed = Replays(self.network, lambda network: verifier.verify(network, gaps))
        except RuntimeError as reason:  # such as singular vectors of what is no number
            return VerifierAudit(verifier.name, (), (_stopped(Setting(PUBLISHED), reason),), 0, 0, 0)
        runs, replays = [], dict[str, list[tuple[Setting, Run]]]()
        for setting in settings(tuple(dtypes)):
            try:
                run, errors = replayed.run(setting)
            except RuntimeError as reason:  # what torch raises for a type that it cannot run
                runs.append(_stopped(setting, reason))
                continue
            runs.append(errors)
            replays.setdefault(setting.dtype, []).append((setting, run))
        double = replays["float64"][0][1] if "float64" in replays else replayed.run(Setting("float64"))[0]
        judge = self._judge(double, replayed.truth)
        bounds = tuple(self._every(verifier.name, dtype, replays[dtype], judge) for dtype in DTYPES if dtype in replays)
        beside = replayed.beside
        return VerifierAudit(verifier.name, bounds, tuple(runs), beside.compared, beside.flipped, beside.vanished)

    def _judge(self, double: Run, truth: Mapping[str, Beheld]) -> Judge:
        """By what a run's cells are, whatever the verifier is called."""
        positive = ~truth[LARGEST_WRONG].negative
        match double:
            case sub_cubic.Replay():
                return SubCubicJudge(self.truth, self.suspicion, double, positive)
            case cubic.Replay():
                return CubicJudge(self.cubic, self.suspicion, truth, positive)
        raise UnknownCells(type(double).__qualname__)

    def _every(self, name: str, dtype: str, runs: Sequence[tuple[Setting, Run]], judge: Judge) -> BoundAudit:
        """The bound of the run as written, with those of the runs that certify other cells."""
        (_, written), *others = runs
        known = {written.certified.numpy().tobytes()}
        apart = []
        for setting, run in others:
            if (cells := run.certified.numpy().tobytes()) not in known:
                known.add(cells)
                apart.append(OtherRun(str(setting), self._bound(name, dtype, run, judge)))
        return replace(self._bound(name, dtype, written, judge), others=tuple(apart))

    def _bound(self, name: str, dtype: str, run: Run, judge: Judge) -> BoundAudit:
        judged = judge(run)
        widening = max((-found.claimed for found in judged.findings if found.by_floats), default=0.0)
        widened = replace(run, worst=run.worst.double() + widening) if widening else run  # type: ignore[type-var]
        return BoundAudit(
            name,
            dtype,
            run.count(),
            self.statement.inputs,
            self.right,
            judged.cells,
            judged.findings,
            judged.missing,
            widening,
            widened.count(),
            judge.kind,
            judged.strays,
            capped=len(judged.findings) > WITNESSES,
        )


def _stopped(setting: Setting, reason: RuntimeError | MagnitudeError) -> RunErrors:
    return RunErrors(setting, skipped=(str(reason) or type(reason).__name__).splitlines()[0])


def float_weights(statement: Statement) -> dict[str, Tensor]:
    """The weights as doubles; exact for what was stored in at most 53 bits.  Raises :class:`HasBiases`."""
    tensors = one_layer_of(statement).tensors
    biases = tuple(
        name for name, matrix in tensors.items() if name.startswith("b_") and any(matrix.numerators.entries())
    )
    if biases:
        raise HasBiases(biases)
    return {name: torch.from_numpy(doubles(matrix)) for name, matrix in tensors.items() if name.startswith("W_")}


def audit(
    weights: str | os.PathLike[str],
    verifiers: Sequence[Verifier],
    dtypes: Sequence[str] = tuple(DTYPES),
    *,
    config: str | os.PathLike[str] | None = None,
    gap: float | None = None,
    budget: int = BUDGET,
    processes: int = 1,
    progress: Progress = silent,
    date: str = "",
) -> Audit:
    """Audit what these verifiers say about one network, and (``gap``) the published loss bound's last step at that gap.

    ``budget``: the most sequences that are run one by one; ``date``: what the report says of when it was made.
    Raises what loading raises, :class:`HasBiases` and :class:`NoUnembedding`.
    """
    found: list[VerifierAudit] = []
    work = _Work(weights, config, tuple(dtypes), budget)
    shared = max(1, min(processes, len(verifiers)))
    progress("auditing", 0, len(verifiers))
    for one in _audits(work, verifiers, shared, progress):
        found.append(one)
        progress("auditing", len(found), len(verifiers))
    stopped = [(one.verifier, run) for one in found for run in one.runs if run.skipped]
    skipped = {f"{verifier}, {run.setting.dtype}: {run.skipped}" for verifier, run in stopped}
    losses = () if gap is None else tuple(audit_loss(outputs(weights, config), dtype, gap) for dtype in dtypes)
    made = provenance(
        [(weights, _statement(weights, config))],
        ASSUMED,
        processes=shared,
        threads=torch.get_num_threads() if shared == 1 else 1,
        date=date,
    )
    made = replace(made, machine=f"{made.machine}, {torch.backends.cpu.get_cpu_capability()} kernels")
    return Audit(Path(weights).name, tuple(found), tuple(sorted(skipped)), losses, made)


def _statement(weights: str | os.PathLike[str], config: str | os.PathLike[str] | None) -> Statement | None:
    """None for a network without path tables; the loss bound's last step can be audited there."""
    try:
        statement = statement_of(weights, config=config)
        one_layer_of(statement)
    except (RecognitionError, LayerError, NotOneLayer):
        return None
    return statement


def outputs(weights: str | os.PathLike[str], config: str | os.PathLike[str] | None = None) -> int:
    """How many logits a network has, whatever its architecture: the columns of its unembedding."""
    checkpoint = load(weights, config=config)
    for name, tensor in checkpoint.tensors.items():
        if name.split(".")[-1] == "W_U":
            return tensor.shape[-1]
    raise NoUnembedding(checkpoint.source)


@dataclass(frozen=True)
class _Work:
    """What every process is told."""

    weights: str | os.PathLike[str]
    config: str | os.PathLike[str] | None
    dtypes: tuple[str, ...]
    budget: int

    def session(self) -> Session:
        return Session(self.weights, self.config)

    def audit(self, session: Session, verifier: Verifier, progress: Progress = silent) -> VerifierAudit:
        return session.audit(verifier, self.dtypes, budget=self.budget, progress=progress)


def _audits(work: _Work, verifiers: Sequence[Verifier], processes: int, progress: Progress) -> Iterator[VerifierAudit]:
    if not verifiers:
        return
    if processes <= 1:
        session = work.session()
        yield from (work.audit(session, verifier, progress) for verifier in verifiers)
        return
    # Fresh interpreters: a fork would copy the locks of torch's threads.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(processes, context, initializer=_start, initargs=(work,)) as pool:
        yield from pool.map(partial(_one, work), verifiers)


_sessions: list[Session] = []


def _start(work: _Work) -> None:
    """In a worker: one session for all its work."""
    torch.set_num_threads(1)
    _sessions.append(work.session())


def _one(work: _Work, verifier: Verifier) -> VerifierAudit:
    return work.audit(_sessions[0], verifier)

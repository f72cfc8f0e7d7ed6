"""Audits of verifiers that run every sequence: each sequence is a cell, and what is true of it is known.

Two questions, two answers.  Is a sequence that the floats call right right?  All sequences are run in every float type,
and set beside :mod:`.every_sequence`, whose total must agree with a proved count.  Do the intermediate values mean what
they stand for?  A sample is run beside exact arithmetic; its attention and largest wrong logit are set beside the
network's: where the formula gives another number, no count follows from it, be it right.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import torch
from flint import arb

from ..engine.arithmetic.ball import precision
from ..engine.errors import MechproofError
from ..models.one_layer import one_layer_of
from ..rewrites.published import brute_force
from ..rewrites.strategies import Options, prove_accuracy
from .ball_arrays import BITS, exponential, larger
from .comparing import LARGEST_WRONG
from .findings import BoundAudit, CellFinding, Kind, VerifierAudit
from .judging import strays
from .replaying import Replays
from .run_errors import RunErrors
from .runs import PUBLISHED, Setting, running, settings
from .verifiers import Runner
from .witness import Witness

if TYPE_CHECKING:
    from .session import Session

# Sequences, by default: a minute or two for each float type.
BUDGET = 1 << 25
# Run beside exact arithmetic; with at most so many sequences also in every order, and with two threads.
SAMPLE = 512
# Wrong sequences of one bound that are listed: those that are most clearly called right.
LISTED = 64
# For the proved count, which is only compared.
SECONDS = 60


@dataclass(eq=False)
class Disagreement(MechproofError):
    """Two ways to count right sequences do not agree: one of them, or this machine, is broken."""

    found: int
    low: int
    high: int
    sentence = "{found} right sequences were counted one by one; proved are at least {low} and at most {high}"


def audit_runner(
    session: Session,
    verifier: Runner,
    dtypes: Sequence[str],
    budget: int = BUDGET,
    progress: Callable[[str, int, int], None] = lambda *_: None,
) -> VerifierAudit:
    """Raises :class:`Disagreement` and what :meth:`.EverySequence.right` raises."""
    size, positions, inputs = session.truth.size, session.truth.positions, session.statement.inputs
    if inputs > budget:
        return VerifierAudit(
            verifier.name, (), (RunErrors(Setting(PUBLISHED), skipped=_cost(session, budget)),), 0, 0, 0
        )
    few = inputs <= SAMPLE
    chosen = np.arange(inputs) if few else np.sort(np.random.default_rng(0).choice(inputs, SAMPLE, replace=False))
    sample = brute_force.sequences(torch.from_numpy(chosen), size, positions)
    replayed = Replays(session.network, lambda network: brute_force.run(verifier.model(network), sample))
    apart = strays(replayed.truth, quantities(session, sample.numpy()))
    right = _right(session, progress)
    bounds, runs = [], []
    for setting in settings(tuple(dtypes)):
        first = setting == Setting(setting.dtype)
        if not (first or few):
            continue
        try:
            _, errors = replayed.run(setting)
            errors, bound = _everywhere(session, verifier, setting, errors, right, progress)
        except RuntimeError as reason:  # what torch raises for a type that it cannot run
            runs.append(RunErrors(setting, skipped=str(reason).splitlines()[0]))
            continue
        runs.append(errors)
        bounds += [replace(bound, strays=apart)] * first
    beside = replayed.beside
    return VerifierAudit(verifier.name, tuple(bounds), tuple(runs), beside.compared, beside.flipped, beside.vanished)


def _right(session: Session, progress: Callable[[str, int, int], None]) -> np.ndarray:
    """Whether each sequence is right, and in all as many as is proved."""
    right = session.every.right(lambda done, total: progress("deciding all sequences", done, total))
    graph, goal = prove_accuracy(session.statement, "branch_and_bound", Options(seconds=SECONDS))
    proved, counted = graph.claim(goal), int(right.sum())
    if not proved.low <= counted <= proved.high:
        raise Disagreement(counted, proved.low, proved.high)
    return right


def _cost(session: Session, budget: int) -> str:
    network, inputs = one_layer_of(session.statement), session.statement.inputs
    d, h, size, positions = network.d_model, network.d_head, network.d_vocab, network.n_ctx
    each = 2 * positions * d * h + 2 * d * h + d * size + 2 * positions * h
    return (
        f"brute force would run {inputs} sequences, {inputs * each:.1e} multiplications; the budget is {budget} "
        "sequences"
    )


def _everywhere(
    session: Session,
    verifier: Runner,
    setting: Setting,
    errors: RunErrors,
    right: np.ndarray,
    progress: Callable[[str, int, int], None],
) -> tuple[RunErrors, BoundAudit]:
    """One run of every sequence; ``errors`` are those of the sample, as far as they are not known of every sequence."""
    size, positions = session.truth.size, session.truth.positions
    with running(setting, []):
        model = verifier.model(session.network(setting.dtype))
        accuracy, done, cells = 0.0, 0, 0
        false, claimed, lost = [], [], []
        for tokens in brute_force.batches(size, positions):
            run = brute_force.run(model, tokens)
            called, really = run.right.numpy(), right[done : done + len(tokens)]
            false.append(done + np.nonzero(called & ~really)[0])
            claimed.append(run.worst.double().numpy()[called & ~really])
            lost.append(done + np.nonzero(~called & really)[0])
            cells += int(called.sum())
            accuracy += run.accuracy * len(tokens)
            done += len(tokens)
            progress(f"{verifier.name}, {setting}", done, len(right))
    wrongly, missed, gaps = (np.concatenate(parts) for parts in (false, lost, claimed))
    count = round(accuracy / done * done)
    errors = replace(errors, count=count, cells=cells, flipped=len(wrongly) + len(missed))
    listed = np.argsort(gaps, kind="stable")[:LISTED]
    findings = tuple(
        _finding(session, tuple(brute_force.sequences(torch.tensor([place]), size, positions)[0].tolist()), gap)
        for place, gap in zip(wrongly[listed].tolist(), gaps[listed].tolist(), strict=True)
    )
    bound = BoundAudit(
        verifier.name,
        setting.dtype,
        count,
        len(right),
        int(right.sum()),
        cells,
        findings,
        kind=Kind.sequence,
        unlisted=len(wrongly) - len(findings),
        lost=len(missed),
        loss=tuple(brute_force.sequences(torch.from_numpy(missed[:1]), size, positions).ravel().tolist()),
    )
    return errors, bound


def _finding(session: Session, tokens: tuple[int, ...], claimed: float) -> CellFinding:
    """A sequence that is called right and is not; what is said about its output is decided once more.

    Where doubles suspect an output in vain, all are tried.
    """
    witness = session.suspicion.witness(tokens, np.array([tokens]))
    if witness is None and (output := session.every.rival(tokens)) is not None:
        witness = Witness(tokens, output, tokens)
    (gap,) = quantities(session, np.array([tokens]))[LARGEST_WRONG]
    return CellFinding(tokens, None, claimed, float(gap.upper()), True, False, witness)


def quantities(session: Session, tokens: np.ndarray) -> dict[str, np.ndarray]:
    """The network's attention (n × K) and largest wrong logit minus the right one (n) on sequences, as balls."""
    tables = session.cubic.tables
    with precision(BITS):
        root, query = arb(one_layer_of(session.statement).d_head).sqrt(), tokens[:, -1:]
        scores = tables["EQKE"][query, tokens] + tables["EQKP"][query, np.arange(tokens.shape[1])]
        # only differences of scores matter, and exp of large ones would leave the range
        weights = exponential((scores - scores[:, -1:]) / root)
        attention = weights / weights.sum(axis=1, keepdims=True)
        moved = (attention[:, :, None] * (tables["EVOU"][tokens] + tables["PVOU"])).sum(axis=1)
        outputs = tables["UU"][tokens[:, -1]] + moved
        largest = tokens.max(axis=1)
        gaps = outputs - outputs[np.arange(len(tokens)), largest][:, None]
        gaps[np.arange(len(tokens)), largest] = arb("-inf")
        return {"attention": attention, LARGEST_WRONG: larger.reduce(gaps, axis=1)}

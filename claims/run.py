"""A claim file settled: each claim with its verdict, one after the other."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import nullcontext, suppress
from dataclasses import replace
from functools import partial
from pathlib import Path

from ..engine.digest import digest
from ..engine.errors import MechproofError, describe
from ..models.layers.layer import LayerError
from ..models.one_layer import NotOneLayer, has_layers, one_layer_of
from ..models.problem import network_of, stated
from ..models.recognition.errors import RecognitionError
from ..models.tasks.errors import TaskDoesNotFit, UnknownTask
from ..models.weights import StoredTensor, load, load_stored
from ..models.weights.errors import BridgeLayout
from ..rewrites.advice.allowance import Allowance, BudgetSpent, Spent, last_allowance, time_left
from ..rewrites.provenance import Weights, provenance
from .context import Budget
from .digits import remarks
from .errors import StatementError
from .files import ClaimFile, StatedClaim, read_toml
from .latex import read_tex
from .neighbour import neighbour
from .processes import in_processes
from .report import ERROR, Report, Result
from .session import Session, Verdict
from .tree import Statement

ASSUMED = ("the stored weights are read as exact real numbers, and no floating-point run is spoken of",)
# Why a statement about several models is about their tensors alone.
SEVERAL = "a statement that names several models is about their stored tensors alone"
# What is said of a claim that the time did not suffice for.
LATE = "the budget ended first"

Progress = Callable[[str, int, int], None]
Key = tuple[Path, str, Path | None, tuple[tuple[str, Path], ...]]
# What is known of networks, or why nothing can be.
Sessions = dict[Key, Session | MechproofError]


def read(path: Path, models: Path | None = None) -> ClaimFile:
    """A TOML file of claims, or a LaTeX file (.tex) with marked ones; raises a
    :class:`~mechproof.engine.errors.MechproofError` for what is no such file.  A claim in it that cannot be read is
    that claim's own problem.  ``models``: the folder of the weights, where it is not that of the file."""
    return read_tex(path, models) if path.suffix == ".tex" else read_toml(path, models)


def run(
    file: ClaimFile,
    budget: Budget | None = None,
    seconds: int | None = None,
    progress: Progress = lambda stage, done, total: None,
    date: str = "",
    timeout: int | None = None,
    tell: Callable[[Result], None] = lambda result: None,
    jobs: int = 1,
) -> Report:
    """Settle every claim, in ``jobs`` processes, and ``tell`` each result as soon as it and those before it are there.

    ``seconds`` are for all claims together, ``timeout`` for each of them: what they leave open is UNDECIDED.
    ``date``: what the report says of when it was made.
    """
    known: Sessions = {}
    results: list[Result] = []
    limits = budget or Budget(), seconds, timeout
    together = jobs > 1 and len(file.claims) > 1
    with Allowance(seconds, partial=True), last_allowance() if together else nullcontext():
        if together:
            found = in_processes(file.claims, jobs, settled_here, begin, *limits)
        else:
            last = file.claims[-1:]
            found = (_in_time(claim, known, *limits, last=(claim,) == last) for claim in file.claims)
        for place, result in enumerate(found, 1):
            results.append(result)
            tell(result)
            progress("settling claims", place, len(file.claims))
            if time_left() == 0:
                break
    for claim in file.claims[len(results) :]:
        results.append(_late(claim, known, LATE))
        tell(results[-1])
    about = [
        (path, r.session.problem)
        for r in results
        if r.session is not None
        for path in (r.claim.named.values() or [r.claim.model])
    ]
    return Report(file, tuple(results), provenance(about, ASSUMED, date=date))


class Here:
    """What a process of several knows."""

    limits: tuple[Budget, int | None, int | None]
    known: Sessions


def begin(budget: Budget, seconds: int | None, timeout: int | None) -> None:
    """In a process that settles some of a file's claims."""
    Here.limits, Here.known = (budget, seconds, timeout), {}


def settled_here(claim: StatedClaim) -> Result:
    """A claim, settled in such a process; those that come after it have as much time."""
    return _in_time(claim, Here.known, *Here.limits, last=True)


def _in_time(
    claim: StatedClaim, known: Sessions, budget: Budget, seconds: int | None, timeout: int | None, *, last: bool
) -> Result:
    """The claim settled in half of the time that is left, or in all of it, and in no more than its own time."""
    limits = [limit for limit in (seconds, timeout) if limit is not None]
    with last_allowance(1 if last else 2), Allowance(timeout, partial=True) as own, suppress(BudgetSpent):
        return settle(claim, known, budget, min(limits, default=None))
    return _late(claim, known, f"the timeout of {timeout} s for a claim ended first" if own.spent else LATE)


def _late(claim: StatedClaim, known: Sessions, why: str) -> Result:
    session = known.get(_key(claim))
    return Result(claim, Verdict("UNDECIDED", why), session if isinstance(session, Session) else None)


def settle(claim: StatedClaim, known: Sessions, budget: Budget, seconds: int | None = None) -> Result:
    """Settle one claim.  One that means nothing, or nothing about these weights, and one whose weights cannot be read
    is an ERROR, one that could not be worked out UNDECIDED: neither says anything about the others.

    ``known``: what is known of networks, kept from claim to claim.  Raises
    :class:`~mechproof.rewrites.advice.allowance.BudgetSpent`.
    """
    if claim.statement is None:
        return Result(claim, Verdict(ERROR, claim.problem), None)
    session, cited = None, ""
    try:
        session = session_of(claim, known, budget, seconds)
        cited = session.cited(claim.statement)
        verdict = session.settle(claim.statement)
        if verdict.status == "PROVED":
            told = [verdict.detail, *remarks(claim.statement, verdict.measured)]
            verdict = replace(verdict, detail="; ".join(filter(None, told)))
        elif verdict.status == "REFUTED":
            told = [verdict.detail, _instead(session, claim.statement, verdict)]
            verdict = replace(verdict, detail="; ".join(filter(None, told)))
    except BudgetSpent:
        raise
    except Spent as error:
        verdict = Verdict("UNDECIDED", describe(error))
    except MechproofError as error:
        meaningless = session is None or isinstance(error, StatementError)
        verdict = Verdict(ERROR if meaningless else "UNDECIDED", describe(error))
    return Result(claim, verdict, session, cited)


def _instead(session: Session, refuted: Statement, verdict: Verdict) -> str:
    """What holds in place of a refuted statement."""

    def settled(statement: Statement) -> tuple[str, str]:
        found = session.settle(statement)
        return found.status, found.detail

    with suppress(StatementError):  # no instances are left
        return neighbour(refuted, verdict.detail, verdict.measured, settled)
    return ""


def session_of(claim: StatedClaim, known: Sessions, budget: Budget, seconds: int | None = None) -> Session:
    """What is known of the network that the claim is about; raises a :class:`~mechproof.engine.errors.MechproofError`
    where it cannot be read, each time, and reads it once."""
    key = _key(claim)
    if key not in known:
        try:
            known[key] = _session(claim, budget, seconds)
        except Spent:
            raise
        except MechproofError as error:
            known[key] = error
    found = known[key]
    if isinstance(found, MechproofError):
        raise found
    return found


def _key(claim: StatedClaim) -> Key:
    named = tuple(claim.named.items())
    return claim.model, claim.task, claim.config, (*claim.splits.items(), *named)


def _session(claim: StatedClaim, budget: Budget, seconds: int | None) -> Session:
    name, stored = claim.model.name, _stored(claim)
    if claim.named:
        tensors = partial(_of_several, claim.named)
        return Session(" and ".join(claim.named), None, SEVERAL, 0, budget, seconds, tensors, several=True)
    try:
        network = network_of(claim.model, claim.config)
    except BridgeLayout as error:  # nothing says which network, and so not how many logits
        return Session(name, None, describe(error), 0, budget, seconds, stored)
    except (RecognitionError, LayerError) as error:
        return Session(name, None, describe(error), _outputs(claim), budget, seconds, stored, subject=_file_hash(claim))
    try:
        statement = stated(network, claim.task)
    except (TaskDoesNotFit, UnknownTask) as error:  # claims on tensors, and on every network, are none the worse for it
        if has_layers(network):
            raise
        why = describe(error)
        return Session(name, None, why, network.outputs, budget, seconds, stored, subject=_file_hash(claim))
    why = ""
    try:
        one_layer_of(statement)
    except NotOneLayer as error:
        why = describe(error)
    about = {"subject": statement.sha256, "network": statement, "splits": claim.splits}
    problem = None if why else statement
    return Session(name, problem, why, network.outputs, budget, seconds, stored, **about)


def _of_several(models: Mapping[str, Path]) -> dict[str, StoredTensor]:
    """The tensors of several files, each name behind that of its model; ``A.W_U`` also stands for the only stored name
    of A that ends so."""
    found: dict[str, StoredTensor] = {}
    for label, path in models.items():
        tensors = load_stored(path).tensors
        found |= {f"{label}.{name}": tensor for name, tensor in tensors.items()}
        for last, times in Counter(name.rpartition(".")[2] for name in tensors).items():
            if times == 1 and last not in tensors:
                whole = next(name for name in tensors if name.rpartition(".")[2] == last)
                found[f"{label}.{last}"] = tensors[whole]
    return found


def _stored(claim: StatedClaim) -> Callable[[], dict[str, StoredTensor]] | None:
    """Reads the tensors under the names in the file; None for a network file, which stores none."""
    return None if claim.model.suffix == ".toml" else partial(_of_one, claim.model)


def _of_one(path: Path) -> dict[str, StoredTensor]:
    return load_stored(path).tensors


def _file_hash(claim: StatedClaim) -> str:
    """Of what is not understood, for a file that holds all of its weights; empty for one that names others."""
    return "" if claim.model.suffix == ".toml" else digest([Weights.of(claim.model, None).sha256, claim.task])


def _outputs(claim: StatedClaim) -> int:
    """How many logits a network has of which no more is understood; 0 where that is not known."""
    if claim.model.suffix == ".toml":
        return network_of(claim.model).outputs
    settings = None if claim.config is None or claim.config.suffix == ".toml" else claim.config
    tensors = load(claim.model, config=settings).tensors
    return min((t.shape[-1] for name, t in tensors.items() if name.split(".")[-1] == "W_U" and t.shape), default=0)

"""Sweeps over the networks of a family: one row a network, whatever its task.

A row has the exact accuracy, the least margin and the mean loss (every input decided), and, where the network is one of
two tokens with a hidden layer of ReLU, the quotient that counts the same at the least cost.  Rows are committed as soon
as they are there: a sweep that was stopped, or whose worker was killed, goes on where it was.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from functools import partial
from importlib.metadata import version
from pathlib import Path
from time import perf_counter

from ..engine.arithmetic.printing import ceil_str, floor_str
from ..engine.errors import MechproofError, describe
from ..engine.files import atomic_write, make_folder
from ..engine.graph import ProofGraph
from ..engine.rule import NotEstablished
from ..models.problem import statement_of
from ..models.statement import Statement
from ..rewrites.quotient_account import account
from ..rewrites.rules.enclosed_number import digits_of
from ..rewrites.rules.every_input import EveryInput
from ..rewrites.rules.network_function import NetworkFunctionDefinition
from ..rewrites.strategies import DEFAULTS, Progress, silent
from ..rewrites.strategies.networks import prove_network
from .cluster import on_cluster
from .running import in_processes
from .storage import Store
from .tables import sheet_of

SUFFIXES = (".npz", ".safetensors", ".pt", ".pth", ".toml")
DIGITS = 6


@dataclass(unsafe_hash=True)
class NoNetworks(MechproofError):
    folders: str
    sentence = "{folders}: expected weights or network files with a task (--task TASK, or --task GLOB=TASK), found none"


@dataclass(frozen=True)
class FamilyRow:
    """What is proved of one network; ``reason`` says why nothing is, and is empty otherwise.

    Decimals are texts, rounded outward.  ``method``: Q, Qm, Q+ or Q+m with the inputs that it ``accepts`` and what the
    exact count costs, of brute force; empty where no quotient applies or pays.
    """

    statement: str
    task: str
    model: str
    version: str
    inputs: int = 0
    reason: str = ""
    right_low: int = 0
    right_high: int = 0
    method: str = ""
    accepts: int = 0
    cost_ratio: str = ""
    margin_low: str = ""
    margin_high: str = ""
    loss_low: str = ""
    loss_high: str = ""
    seconds: float = 0.0
    rules: tuple[str, ...] = ()


@dataclass(frozen=True)
class Member:
    """One network of the family: its file and its task."""

    path: str
    task: str


def members(folders: Sequence[Path], tasks: Sequence[str]) -> list[Member]:
    """The files of the folders that have a task: that of the first pattern they match.

    Raises :class:`NoNetworks`.
    """
    patterns = [(glob, task) if sign else ("*", glob) for glob, sign, task in map(_split, tasks)]
    found = []
    for folder in folders:
        for path in sorted(folder.iterdir()) if folder.is_dir() else [folder]:
            task = next((task for glob, task in patterns if fnmatchcase(path.name, glob)), None)
            if task is not None and path.suffix in SUFFIXES:
                found.append(Member(str(path), task))
    if not found:
        raise NoNetworks(", ".join(map(str, folders)))
    return found


def _split(text: str) -> tuple[str, str, str]:
    """GLOB=TASK at the sign, if what stands before it is no task with an expression."""
    glob, sign, task = text.partition("=")
    return (glob, sign, task) if sign and ":" not in glob else (text, "", "")


def described(release: str, member: Member) -> FamilyRow | Statement:
    """The statement, or the row of a file that has none."""
    try:
        return statement_of(member.path, member.task)
    except MechproofError as error:
        return FamilyRow("", member.task, Path(member.path).name, release, reason=describe(error))


def execute(release: str, member: Member) -> FamilyRow:
    """The row of one network."""
    start = perf_counter()
    statement = described(release, member)
    if isinstance(statement, FamilyRow):
        return statement
    row = FamilyRow(statement.sha256, member.task, Path(member.path).name, release, statement.inputs)
    try:
        row = _shortened(_enumerated(row, statement), statement)
    except MechproofError as error:
        return replace(row, reason=describe(error))
    return replace(row, seconds=round(perf_counter() - start, 1))


def _enumerated(row: FamilyRow, statement: Statement) -> FamilyRow:
    graph = ProofGraph()
    function = graph.apply(NetworkFunctionDefinition(), (), statement)
    goal = graph.apply(EveryInput(), [function])
    decided = graph.claim(goal)
    row = replace(row, right_low=decided.low, right_high=decided.high, rules=_rules(graph, goal))
    margin, loss = decided.decision.margin, decided.decision.loss
    if margin is not None and margin.lower is not None and margin.upper is not None:
        row = replace(row, margin_low=floor_str(margin.lower, DIGITS), margin_high=ceil_str(margin.upper, DIGITS))
    if loss is not None:
        digits = digits_of(loss.upper - loss.lower)
        row = replace(row, loss_low=floor_str(loss.lower, digits), loss_high=ceil_str(loss.upper, digits))
    return row


def _shortened(row: FamilyRow, statement: Statement) -> FamilyRow:
    """The row with its quotient, if there is one that costs less than brute force."""
    try:
        graph, goal = prove_network(statement, "quotient", "accuracy", DEFAULTS, silent)
    except NotEstablished:
        return row
    theorem, found = graph.claim(goal), account(graph, goal)
    if (theorem.low, theorem.high) != (row.right_low, row.right_high):
        raise NotEstablished("sweep", f"two proofs disagree: {theorem.relation()} and {row.right_low} right inputs")
    if found is None or found.ratio >= 1:
        return row
    told = found.data()
    rules = tuple(sorted({*row.rules, *_rules(graph, goal)}))
    return replace(row, method=told["tier"], accepts=told["tier_accepts"], cost_ratio=told["cost_ratio"], rules=rules)


def _rules(graph: ProofGraph, goal: int) -> tuple[str, ...]:
    return tuple(sorted({step.rule.tag for step in graph.proof(goal)}))


Named = tuple[Member, FamilyRow]
Runner = Callable[[Callable[[Member], Named], Sequence[Member]], Iterator[Named]]


def complete(found: Sequence[Member], store: Store[FamilyRow], run: Runner, progress: Progress) -> list[FamilyRow]:
    """The rows of all members, in their order; those that the store has are not proved again."""
    release = store.version
    rows: dict[Member, FamilyRow] = {}
    for member in found:
        statement = described(release, member)
        if isinstance(statement, FamilyRow):
            rows[member] = statement
        else:
            for row in store.rows(statement.sha256):
                if row.model == Path(member.path).name:
                    rows[member] = row
    waiting = [member for member in found if member not in rows]
    progress("proving", len(rows), len(found))
    for member, row in run(partial(_named, release), waiting):
        if row.statement:
            store.add(row)
        rows[member] = row
        progress("proving", len(rows), len(found))
    return [rows[member] for member in found]


def _named(release: str, member: Member) -> Named:
    """A row with whose it is, since rows come in any order."""
    return member, execute(release, member)


def sweep_family(
    folders: Sequence[Path],
    tasks: Sequence[str],
    out: Path,
    sheet: Path | None,
    processes: int,
    scheduler: str | None,
    progress: Progress,
) -> tuple[list[FamilyRow], list[Path]]:
    """The rows of a family, and the files they are in."""
    found = members(folders, tasks)
    path = make_folder(out) / "family.sqlite"
    with Store(path, version("mechproof"), FamilyRow, "statement, model") as store:
        run = partial(_in_processes, processes) if scheduler is None else partial(on_cluster, scheduler)
        rows = complete(found, store, run, progress)
    target = sheet or out / "family.csv"
    atomic_write(target, sheet_of(rows).encode())
    return rows, [path, target]


def _in_processes(processes: int, work: Callable[[Member], Named], waiting: Sequence[Member]) -> Iterator[Named]:
    return in_processes(work, waiting, processes)

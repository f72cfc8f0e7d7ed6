"""What is proved of each checkpoint of one training run, by the step at which it was taken."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from math import ceil
from time import perf_counter

from ..engine.errors import MechproofError
from ..engine.graph import ProofGraph
from ..models.one_layer import one_layer_of
from ..models.statement import Statement
from ..rewrites.advice.allowance import Allowance, BudgetSpent, last_allowance, time_left
from ..rewrites.advice.token_order_search import Limits
from ..rewrites.advice.tree_reuse import KEEP
from ..rewrites.rules.accuracy import Accuracy
from ..rewrites.rules.path_decomposition import Paths
from ..rewrites.rules.weight_transfer import moves
from ..rewrites.strategies import Options, Progress, prove_accuracy, silent
from ..rewrites.strategies.splits.attention import attention_split
from ..rewrites.strategies.splits.common import Workbench
from .carrying import carried
from .transferring import transferred

EXACT, CUBIC, SUBCUBIC = "branch_and_bound", "cubic", "subcubic/exact/chord/EQKE"
# A checkpoint's time is spent in some such parts: trees searched, and tested again, here and on the next one.
PASSES = 8
TABLES = ("EQKE", "EQKP", "PVOU", "UU")


@dataclass(unsafe_hash=True)
class SizesDiffer(MechproofError):
    step: int
    expected: str
    found: str
    sentence = "the checkpoint of step {step} is no stage of the same network: expected {expected}, found {found}"


@dataclass(frozen=True)
class Proved:
    """Bounds of the number of right sequences, and how long the proof took to find and to run (seconds)."""

    low: int
    high: int
    seconds: float


@dataclass(frozen=True)
class Mechanism:
    """Numbers of the exact tables.

    ``ranges``: by table, the largest difference within a row.  ``rest``: of EQKE when its first direction is split off.
    ``copied``: the tokens t with EVOU[t,t] > EVOU[t,x] for all x != t.  ``copy_margin``: the least of the differences
    EVOU[t,t] - EVOU[t,x].
    """

    ranges: dict[str, Fraction]
    rest: Fraction
    copied: int
    copy_margin: Fraction


@dataclass(frozen=True)
class Reused:
    """What the checkpoint before gives for this one.

    Its proofs on these weights: the sub-cubic one, its tree, and its tree searched on.  ``moves``: least, median and
    largest over the cells (q, m) of what a logit gap can have moved by since then.  ``transferred``: the proof by
    the transfer, which looks at the old weights' sequences only; None where it was not asked for.
    """

    subcubic: Proved
    tree: Proved
    mended: Proved
    moves: tuple[Fraction, Fraction, Fraction]
    transferred: Proved | None


@dataclass(frozen=True)
class Stage:
    """One checkpoint; ``reused`` is None for the first."""

    step: int
    statement: Statement
    exact: Proved
    cubic: Proved
    subcubic: Proved
    mechanism: Mechanism
    reused: Reused | None

    @property
    def inputs(self) -> int:
        return self.statement.inputs

    @property
    def slack(self) -> int:
        """Sequences that are right, as far as is known, and not shown so by the sub-cubic proof."""
        return self.exact.low - self.subcubic.low


@dataclass(frozen=True)
class _Proof:
    graph: ProofGraph
    goal: int
    proved: Proved

    @property
    def theorem(self) -> Accuracy:
        return self.graph.claim(self.goal)


def _timed(prover: Callable[[], tuple[ProofGraph, int]]) -> _Proof:
    start = perf_counter()
    graph, goal = prover()
    theorem: Accuracy = graph.claim(goal)
    return _Proof(graph, goal, Proved(theorem.low, theorem.high, round(perf_counter() - start, 3)))


def _again(proof: _Proof, statement: Statement, limits: Limits) -> Proved:
    return _timed(partial(carried, proof.graph, proof.goal, statement, limits)).proved


def _moves(old: ProofGraph, new: ProofGraph) -> tuple[Fraction, Fraction, Fraction]:
    table = moves(*(graph.claim(_paths(graph)) for graph in (old, new))).fractions()
    cells = sorted(table[q][m] for m in range(len(table)) for q in range(m + 1))
    return cells[0], cells[len(cells) // 2], cells[-1]


def _paths(graph: ProofGraph) -> int:
    return next(step.claim for step in graph.derivations() if isinstance(graph.claim(step.claim), Paths))


def measure(
    checkpoints: Sequence[tuple[int, Statement]],
    subcubic: str = SUBCUBIC,
    seconds: int | None = None,
    progress: Progress = silent,
    *,
    transfer: bool = False,
) -> list[Stage]:
    """The stages of (step, statement) pairs, by step: of as many, from the first on, as the ``seconds`` suffice for.

    Raises :class:`SizesDiffer` for a checkpoint of another shape than the first, and what strategies raise;
    :class:`~mechproof.rewrites.advice.allowance.BudgetSpent` when they do not suffice for one.
    """
    stages: list[Stage] = []
    before: tuple[_Proof, _Proof] | None = None
    ordered = sorted(checkpoints, key=lambda checkpoint: checkpoint[0])
    for step, statement in ordered:
        _require_shape(step, ordered[0][1], statement)
    with Allowance(seconds):
        for done, (step, statement) in enumerate(ordered):
            progress("proving checkpoints", done, len(ordered))
            with last_allowance(len(ordered) - done) as share:
                stage, before = _stage(step, statement, subcubic, before, progress, transfer=transfer)
                stages.append(stage)
            if share.spent:
                break
            progress("proving checkpoints", done + 1, len(ordered))
    if seconds is not None and not stages:
        raise BudgetSpent(f"{seconds}")
    return stages


def _stage(
    step: int,
    statement: Statement,
    subcubic: str,
    before: tuple[_Proof, _Proof] | None,
    progress: Progress,
    *,
    transfer: bool,
) -> tuple[Stage, tuple[_Proof, _Proof]]:
    """One checkpoint, and its proofs for the next."""
    left = time_left()
    seconds = None if left is None else ceil(left / PASSES)
    exact, cubic, gaps = (
        _timed(partial(prove_accuracy, statement, name, Options(seconds=seconds), progress))
        for name in (EXACT, CUBIC, subcubic)
    )
    reused = None
    if before is not None:
        old_tree, old_gaps = before
        again = partial(_again, statement=statement)
        limits = Limits(0, seconds)
        reused = Reused(
            again(old_gaps, limits=KEEP),
            again(old_tree, limits=KEEP),
            again(old_tree, limits=limits),
            _moves(old_tree.graph, exact.graph),
            _timed(partial(transferred, old_tree.theorem.statement, statement, limits)).proved if transfer else None,
        )
    proved = exact.proved, cubic.proved, gaps.proved
    return Stage(step, statement, *proved, mechanism(exact.graph), reused), (exact, gaps)


def _require_shape(step: int, first: Statement, other: Statement) -> None:
    expected, found = (
        f"V = {n.d_vocab}, K = {n.n_ctx}, d = {n.d_model}, h = {n.d_head}" for n in map(one_layer_of, (first, other))
    )
    if expected != found:
        raise SizesDiffer(step, expected, found)


def mechanism(graph: ProofGraph) -> Mechanism:
    """The numbers of the network whose paths are in the graph; row differences are claims that are added to it."""
    paths = _paths(graph)
    bench = Workbench.of(graph, paths, any_row=False)
    tables = bench.terms.tables
    ranges = {name: graph.claim(bench.exact(tables[name])).largest for name in TABLES}
    rest = graph.claim(attention_split(bench, "mdx")).largest
    rows = graph.claim(paths).tables["EVOU"].fractions()
    least = [row[t] - max((e for x, e in enumerate(row) if x != t), default=row[t]) for t, row in enumerate(rows)]
    return Mechanism(ranges, rest, sum(margin > 0 for margin in least), min(least))

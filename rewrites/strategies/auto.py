"""A proof found by backward search: the cheapest that shows enough, or the tightest, or the shortest.

All alternatives stay in the graph; which of them is the proof is chosen by extraction.

Source: the methods of :mod:`.methods`.
"""

from __future__ import annotations

from dataclasses import replace

from ...engine.extraction import Choice, select
from ...engine.graph import ProofGraph
from ..advice.allowance import BudgetSpent, last_allowance
from ..rules.loss import LossSum
from ..rules.right_count import RightCount
from . import Options, Progress, branch_and_bound, paths_under, subcubic
from .search.backward import Engine, Limits
from .search.goals import Goal, Unreachable
from .splits.common import Workbench

SUMMARY = "searches for the cheapest proof of --at-least P/Q (see --minimise)"


def derive(graph: ProofGraph, margin: int, options: Options, progress: Progress) -> int:
    paths = paths_under(graph, margin)
    limits = Limits() if options.seconds is None else Limits(seconds=options.seconds)
    engine = Engine(Workbench.of(graph, paths, any_row=True), limits)
    counts: list[int] = []
    if options.seconds is not None:
        with last_allowance(3):  # so that there is a proof, however little is found in that time
            counts.append(branch_and_bound.derive(graph, margin, Options(), progress))
    progress("searching backwards", 0, 1)
    try:
        counts += [found.claim for found in engine.solve(Goal(RightCount))]
    except Unreachable:
        if not engine.cut_short:
            raise
        if not counts:
            raise BudgetSpent(f"{options.seconds}") from None
    progress("searching backwards", 1, 1)
    choices = [Choice(claim, graph.claim(claim).low, engine.proof(claim)) for claim in dict.fromkeys(counts)]
    # what cannot be written into a certificate stays in the graph, but is not handed out as the proof
    choices = [choice for choice in choices if graph.is_certifiable(choice.claim)]
    inputs = engine.statement.inputs
    enough = (
        None if options.at_least is None else -(-options.at_least.numerator * inputs // options.at_least.denominator)
    )
    best = select(choices, options.minimise, at_least=enough) or select(choices, "tightness")
    if best is None:
        raise Unreachable(f"a certifiable {RightCount.kind}", tuple(map(str, counts)))
    return best.claim


def derive_loss(graph: ProofGraph, paths: int, options: Options, progress: Progress) -> int:
    """The narrower of two enclosures that a certificate can carry: from a tree, and from logit gaps."""
    plain = replace(options, variant="")
    found = [branch_and_bound.derive_loss(graph, paths, plain, progress)]
    with last_allowance():
        found.append(subcubic.derive_loss(graph, paths, plain, progress))

    def width(claim: int) -> int:
        total: LossSum = graph.claim(claim)
        return sum(total.high.values()) - sum(total.low.values())

    return min(found, key=width)

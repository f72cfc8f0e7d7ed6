"""What a network does, as claims that a person can state, with the numbers that are proved of it.

Every point is read off a claim of one proof graph; the last one is the accuracy that follows from the others alone
(strategy ``story``).  A claim that does not hold of all tokens is said to fail, with the tokens.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from textwrap import wrap
from typing import Any

from ..engine.arithmetic.printing import ceil_str, floor_str
from ..engine.graph import ProofGraph
from ..models.one_layer import one_layer_of
from ..models.statement import Statement
from .exposition import verdict
from .rules.accuracy import Accuracy, AccuracyFromCount
from .rules.diagonal import Diagonal, DiagonalRule
from .rules.gap_count import GapCount
from .rules.increasing import Increasing, listed
from .rules.leading_singular_values import LeadingSingularValues, LeadingSingularValuesRule
from .rules.rank_one import RankOne
from .rules.row_difference import RowDifference
from .rules.score_gap import ScoreGap
from .standard_forms import paths_of
from .strategies.splits.common import Workbench
from .strategies.splits.story import story, story_gap

DIGITS = 4
WIDTH = 80
INDENT = " " * 11


@dataclass(frozen=True)
class Point:
    """One claim in words.  ``numbers`` are decimals rounded so that the claim stays true, each name says which way;
    ``witnesses`` are the tokens of which it does not hold."""

    claim: str
    title: str
    text: str
    numbers: dict[str, str]
    witnesses: tuple[int, ...] = ()
    holds: bool = True

    def lines(self) -> list[str]:
        status = "HOLDS" if self.holds else "FAILS"
        return [f"  {status}    {self.title}", *wrap(self.text, WIDTH, initial_indent=INDENT, subsequent_indent=INDENT)]

    def as_json(self) -> dict[str, Any]:
        return {
            "claim": self.claim,
            "title": self.title,
            "holds": self.holds,
            "text": self.text,
            "numbers": self.numbers,
            "witnesses": list(self.witnesses),
        }


@dataclass(frozen=True)
class Telling:
    """The points in the order in which they are told, and the graph that proves them.

    A point that does not hold of all tokens fails; its text is true, and says of which tokens it holds.
    """

    name: str
    statement: Statement
    graph: ProofGraph = field(repr=False)
    goal: int
    points: tuple[Point, ...]

    @property
    def accuracy(self) -> Accuracy:
        """What follows from the points."""
        return self.graph.claim(self.goal)

    def lines(self) -> list[str]:
        """The story for a terminal, at most 80 columns wide apart from the name and the last line."""
        network = one_layer_of(self.statement)
        sizes = f"V = {network.d_vocab}, K = {network.n_ctx}, d = {network.d_model}"
        head = [f"What {self.name} does ({sizes}); every number is proved from the weights."]
        told = [line for point in self.points for line in point.lines()]
        share = floor_str(self.accuracy.bounds[0], DIGITS)
        follows = f"From these claims alone it follows that at least {share} of all inputs are right."
        return [*head, *told, follows, verdict(self.graph, self.goal)]

    def as_json(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "sha256": self.statement.sha256,
            "claims": [point.as_json() for point in self.points],
            "relation": self.accuracy.relation(),
        }


def tell(statement: Statement, name: str) -> Telling:
    """The story of the statement's network.  Raises :class:`~..engine.rule.NotEstablished` where there is none (a
    network with one token)."""
    graph = ProofGraph()
    paths = paths_of(graph, statement)
    bench = Workbench.of(graph, paths, any_row=False)
    terms = bench.terms
    told = story(bench)
    gap = story_gap(bench, told)
    goal = graph.apply(AccuracyFromCount(), [graph.apply(GapCount(), [gap], 1)])
    keys = terms.weights["W_E"] @ terms.weights["W_K"]
    spectrum = graph.apply(LeadingSingularValuesRule(), [bench.known], (terms.query_side, keys.T))
    plain = graph.apply(DiagonalRule(), [bench.known], terms.tables["EVOU"])
    direct, values = (bench.exact(terms.tables[table]) for table in ("UU", "PVOU"))
    claim = graph.claim
    points = (
        _rank_one(claim(told.rank_one), claim(spectrum)),
        _increasing(claim(told.increasing)),
        _score_gap(claim(told.gap)),
        _positions(claim(told.positions)),
        _diagonal(claim(plain), "EVOU is diagonal", "EVOU[t,x], what attention to t adds to logit x,"),
        _diagonal(
            claim(told.diagonal),
            "EVOU + common rows is diagonal",
            "EVOU[t,x] with what the direct path and positions add for all tokens alike",
        ),
        _others(claim(told.diagonal)),
        _rest("the direct path is small", "UU", claim(direct), claim(told.direct)),
        _rest("PVOU is small", "PVOU", claim(values), claim(told.values)),
    )
    return Telling(name, statement, graph, goal, points)


def _down(value: Fraction) -> str:
    return floor_str(value, DIGITS)


def _up(value: Fraction) -> str:
    return ceil_str(value, DIGITS)


def _rank_one(rank_one: RankOne, spectrum: LeadingSingularValues) -> Point:
    strengths = [row[0] for row in rank_one.factors.strength.fractions()]
    numbers = {
        "residual_at_most": _up(rank_one.split.largest),
        "strength_at_least": _down(min(strengths)),
        "strength_at_most": _up(max(strengths)),
        "first_singular_value_at_least": _down(spectrum.first),
        "second_singular_value_at_most": _up(spectrum.second),
    }
    residual, low, high, first, second = numbers.values()
    text = (
        f"EQKE[q,t], how much query q looks at token t, is a(q) s(t) within each row, up to differences of at most "
        f"{residual}; every strength a(q) is positive, from {low} to {high}. Its first singular value is at least "
        f"{first}, the second at most {second}."
    )
    return Point(rank_one.kind, "EQKE has rank one and noise", text, numbers)


def _increasing(increasing: Increasing) -> Point:
    bad, good = increasing.exceptions, [step for step in increasing.steps if step > 0]
    numbers = {"tokens_above_all_smaller": str(len(good))} | (
        {"step_at_least": floor_str(min(good), 6)} if good else {}
    )
    least = f", by at least {numbers['step_at_least']}" if good else ""
    if bad:
        text = f"s(t) is above s(k) for all k < t for {len(good)} tokens t > 0{least}; not for {listed(bad)}."
    else:
        text = f"s(t) grows with every token{least}."
    return Point(increasing.kind, "the size direction s is increasing", text, numbers, bad, not bad)


def _score_gap(gap: ScoreGap) -> Point:
    title = "larger tokens score higher"
    if gap.distance is None:
        return Point(gap.kind, title, "No distance of tokens makes up for the noise for every query.", {}, holds=False)
    far = "any smaller token" if gap.distance == 1 else f"every token smaller by {gap.distance} or more"
    # the tokens below the distance have none that far below
    without = tuple(m for m in gap.exceptions if m >= gap.distance)
    but = f", the tokens {listed(without)} apart" if without else ""
    text = f"For every query, a token scores higher than {far} before positions are counted in{but}."
    return Point(gap.kind, title, text, {"distance": str(gap.distance)}, without, not without)


def _positions(positions: RowDifference) -> Point:
    numbers = {"row_difference_at_most": _up(positions.largest)}
    text = f"Two positions of one query differ by at most {_up(positions.largest)} in EQKP, in the units of EQKE."
    return Point(positions.kind, "EQKP is small", text, numbers)


def _diagonal(diagonal: Diagonal, title: str, what: str) -> Point:
    bad, good = diagonal.exceptions, sorted(margin for margin in diagonal.margins if margin > 0)
    numbers = {"rows": str(len(good))}
    if good:
        middle = good[len(good) >> 1]
        numbers |= {"margin_at_least": _down(good[0]), "margin_of_half_at_least": _down(middle)}
        most = f"is largest at x = t in {len(good)} rows t, by {_down(good[0])} or more ({_down(middle)} in half)"
    else:
        most = "is largest at x = t in no row t"
    if bad:
        worst = min(bad, key=diagonal.margins.__getitem__)
        numbers["worst_shortfall_at_most"] = _up(-diagonal.margins[worst])
        most += f"; not in {listed(bad)}; in row {worst} another is larger by at most {_up(-diagonal.margins[worst])}"
    return Point(diagonal.kind, title, f"{what} {most}.", numbers, bad, not bad)


def _others(diagonal: Diagonal) -> Point:
    table = diagonal.others.fractions()
    worst = [-row[m - 1] for m, row in enumerate(table) if m]
    m = max(range(len(worst)), key=worst.__getitem__) + 1
    numbers = {"loss_at_most": _up(worst[m - 1])}
    text = (
        f"With the common rows, full attention to a token k < m puts another output above m by at most "
        f"{numbers['loss_at_most']} (most for m = {m})."
    )
    return Point("diagonal", "other tokens do limited harm", text, numbers)


def _rest(title: str, table: str, whole: RowDifference, rest: RowDifference) -> Point:
    numbers = {"row_difference_at_most": _up(whole.largest), "without_common_row_at_most": _up(rest.largest)}
    text = (
        f"Two entries of a row of {table} differ by at most {numbers['row_difference_at_most']}; by at most "
        f"{numbers['without_common_row_at_most']} once a common row is taken out."
    )
    return Point(whole.kind, title, text, numbers)

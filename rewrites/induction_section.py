"""What a tree of nodes found, for the transcript of an induction head."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

from ..engine.graph import Derivation, ProofGraph
from ..engine.transcript import Figure, Listing, Section, Table, paragraph, prose
from ..engine.transcript.figures import Bars, HeatMap
from .equation_section import chain
from .rules.induction.circuits import CIRCUITS, LOGITS, SCORES, CopiesPrevious, PathStrengths
from .rules.induction.tree import RightInputs

# The paths of two layers, and the tables that hold them; x_m(t) = E[t] + P[m], o_m(t) = x_m(t) W_V W_O of layer 1,
# B = W_Q W_Kᵀ and Y = W_V W_O W_U of layer 2).
PATHS = (
    ("score, directly", "$x_f(q) B x_k(t)^{\\top}$", "the query's own row meets the key's own row"),
    ("score by K-composition", "$x_f(q) B o_k(t)^{\\top}$", "the query's own row meets what layer 1 wrote at the key"),
    ("score by Q-composition", "$o_m(s) B x_k(t)^{\\top}$", "what layer 1 wrote at the query meets the key's own row"),
    ("score by both", "$o_m(s) B o_k(t)^{\\top}$", "what layer 1 wrote at the query meets what it wrote at the key"),
    ("logits, directly", "$x_f(q) W_U$", "the query's own row"),
    ("logits by layer 1", "$o_m(t) W_U$", "what layer 1 wrote at the query"),
    ("logits by layer 2", "$x_k(t) Y$", "the key's own row, moved by layer 2"),
    ("logits by the virtual head", "$o_m(t) Y$", "what layer 1 wrote at the key, moved by layer 2"),
)


def paths_section() -> Section:
    """The path expansion of two layers, as the tables that the proof reads."""
    rows = tuple((prose(name), prose(formula), prose(words)) for name, formula, words in PATHS)
    return Section(
        "The paths",
        (
            paragraph(
                "Position $m$ holds the row $x_m(t) = E^{(0)}[t] + P^{(0)}[m]$ of its token $t$ ($P^{(0)} = 0$ where "
                "the "
                "network has none); layer 1 moves $o_m(t) = x_m(t) W_V^{(1,0)} W_O^{(1,0)}$. Behind layer 1 position "
                "$k$ "
                "holds $x_k(t_k) + \\sum_m A_{km} o_m(t_m)$, $A_{km} = a^0_{km}$ its attention. With $B = W_Q^{(2,0)} "
                "(W_K^{(2,0)})^{\\top}$, $W_U = W_U^{(3)}$ and $Y = W_V^{(2,0)} W_O^{(2,0)} W_U$, where $^{\\top}$ "
                "transposes, distributing products over these "
                "sums gives every score of layer 2 and every logit as a mixture of the entries of eight tables, "
                "weighted by the attention of layer 1 and, for logits, of layer 2. In the table $f = K - 1$ is the "
                "last "
                "position, which asks, $q = t_f$ its token, and $s$ and $t$ are tokens of the positions $m$ and $k$. "
                "The proof reads all eight; the "
                "lemmas treat the position after the earlier token as the reference, whose row layer 1 mixes freely, "
                "and every other key as one that mostly reads the position before it."
            ),
            Table((prose("path"), prose("table"), prose("what it is")), rows, sides=("left", "left", "left")),
        ),
    )


def composition_sections(graph: ProofGraph, step: Derivation) -> tuple[Section, ...]:
    """The chains of rewrites from the definition to the mixtures that the tables of this step are read by."""
    _, logits, scores = step.premises
    return (
        Section(
            "From the definition to the paths",
            (
                paragraph(
                    "Written with matrices, row $p$ of $X^{(k)}$ is what position $p$ holds behind layer $k$, $S$ the "
                    "selection of the input (row $p$ is the indicator of token $t_p$), $A[i]$ row $i$ of a matrix "
                    "$A$, $\\mathbf{1}$ a column of ones; $\\operatorname{softmax}_{\\le}$ lets a position see "
                    "itself and those before it. Multiplying out gives four terms: the direct path, the heads' own "
                    "paths (layer 1's value, layer 2's value), and the virtual head of both."
                ),
                *chain(graph, logits, "\\mathrm{logits}(t)", "a mixture of keys"),
            ),
        ),
        Section(
            "The compositions in a score",
            (
                paragraph(
                    "The scores of layer 2 before their scale are what $\\beta$ is made of: the direct path, "
                    "K-composition (what layer 1 wrote at the key), Q-composition (what it wrote at the query), and "
                    "both at once."
                ),
                *chain(graph, scores, "s(t)", "a mixture of atoms"),
            ),
        ),
    )


def circuit_section(graph: ProofGraph) -> Section:
    """What the two layers do, as claims of the graph, with their numbers."""
    names = [rule.name for rule in CIRCUITS]
    found = [graph.claim(step.claim) for step in graph.derivations() if step.rule.name in names]
    return Section(
        "What the network does",
        (
            paragraph(
                "These claims about the tables are proved of the stored weights, for every input. The theorem does not "
                "rest on them: its tests of sets of inputs read the tables themselves, all paths included. They say "
                "which compositions make these tests succeed."
            ),
            Listing(tuple((paragraph(claim.sentence()),) for claim in found)),
            *(figure for claim in found for figure in _figures(claim)),
        ),
    )


def _figures(claim: object) -> Iterator[Figure]:
    """The attention pattern of layer 1, and how strong the paths are, as the claims have them."""
    match claim:
        case CopiesPrevious(numbers=shares) if shares:
            size = len(shares) + 1
            rows = [[Fraction(0) if m <= k else None for m in range(size)] for k in range(size)]
            for k, share in enumerate(shares, 1):
                rows[k][k - 1] = share
            yield Figure(
                HeatMap("attention of layer 1, at least", "position k", "position m", tuple(map(tuple, rows))),
                prose(
                    "What is shown of the attention of layer 1: of position $k$ on $m = k - 1$ at least so much, "
                    "whatever the tokens are; elsewhere nothing is claimed, so that the least is 0. Grey lies behind "
                    "the mask."
                ),
                "Heat map of the attention of layer 1, from below",
                "figure-attention",
            )
        case PathStrengths(numbers=strengths):
            for what, names, part in (("scores", SCORES, strengths[:4]), ("logits", LOGITS, strengths[4:])):
                yield Figure(
                    Bars(f"{what} of layer 2: difference by each path, at most", names, part),
                    prose(f"How far each path can move two {what} apart at most, over all inputs."),
                    f"Bars: the strength of each path in {what}",
                    f"figure-paths-{what}",
                )


def induction_section(claim: RightInputs) -> Section:
    """How many inputs each means settled, and how many have each margin."""
    whole, groups = claim.groups
    by_tests = claim.above[0]
    open_ones = claim.statement.inputs - by_tests - claim.decided - claim.shown_wrong
    rows = [
        ("tests of sets of inputs", by_tests),
        *([("tests that all of a set are wrong", claim.shown_wrong)] if claim.shown_wrong else []),
        ("one by one", claim.decided),
        ("left open", open_ones),
        ("all inputs", claim.statement.inputs),
    ]
    margins = [
        (f"above {margin}", str(count)) for margin, count in zip(claim.margins, claim.above, strict=True) if margin
    ]
    levels = Table(
        (prose("margin"), prose("inputs that are shown to have it")),
        tuple((prose(words), prose(count)) for words, count in margins),
        sides=("left", "right"),
    )
    return Section(
        "What was found",
        (
            paragraph(
                f"The tree has {claim.tests} nodes. Of the {groups} groups $(q, i, a)$ (the query's token, "
                f"where it stands before, the right answer), {whole} are settled by a single test, without branching."
            ),
            Table(
                (prose("settled by"), prose("inputs")),
                tuple((prose(words), prose(str(count))) for words, count in rows),
                sides=("left", "right"),
            ),
            *((levels,) if margins else ()),
        ),
    )

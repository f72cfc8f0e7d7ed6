"""What a tree of nodes found, for the transcript of an induction head."""

from __future__ import annotations

from ..engine.transcript import Section, Table, paragraph, prose
from .rules.induction.tree import RightInputs

# The paths of two layers, and the tables that hold them; x_m(t) = E[t] + P[m], o_m(t) = x_m(t) W_V W_O of layer 1,
# B = W_Q W_Kᵀ and Y = W_V W_O W_U of layer 2).
PATHS = (
    ("score, directly", "$x_f(q) B x_k(t)^T$", "the query's own row meets the key's own row"),
    ("score by K-composition", "$x_f(q) B o_k(t)^T$", "the query's own row meets what layer 1 wrote at the key"),
    ("score by Q-composition", "$o_m(s) B x_k(t)^T$", "what layer 1 wrote at the query meets the key's own row"),
    ("score by both", "$o_m(s) B o_k(t)^T$", "what layer 1 wrote at the query meets what it wrote at the key"),
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
                "Position $m$ holds the row $x_m(t) = E[t] + P[m]$ of its token $t$; layer 1 moves $o_m(t) = x_m(t) "
                "W_V W_O$. Behind layer 1 position $k$ holds $x_k(t_k) + \\sum_m A_{km} o_m(t_m)$, $A_{km}$ its "
                "attention. With $B = W_Q W_K^T$ and $Y = W_V W_O W_U$ of layer 2, distributing products over these "
                "sums gives every score of layer 2 and every logit as a mixture of the entries of eight tables, "
                "weighted by the attention of layer 1 and, for logits, of layer 2. The proof reads all eight; the "
                "lemmas treat the position after the earlier token as the reference, whose row layer 1 mixes freely, "
                "and every other key as one that mostly reads the position before it."
            ),
            Table((prose("path"), prose("table"), prose("what it is")), rows, sides=("left", "left", "left")),
        ),
    )


def induction_section(claim: RightInputs) -> Section:
    """How many inputs each means settled, and how many have each margin."""
    whole, groups = claim.groups
    by_tests = claim.above[0]
    open_ones = claim.statement.inputs - by_tests - claim.decided
    rows = [
        ("tests of sets of inputs", by_tests),
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

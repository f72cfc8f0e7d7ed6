"""Goals by name, as the command line takes them.

accuracy, right_count, logit_gap          what the proofs of accuracy are made of
EQKE, UU, EVOU                            a table up to noise within its rows
attention(G)                              attention on the maximum when all other tokens are at least G below it
row_difference(TABLE)                     TABLE one of UU, EVOU, PVOU, EQKE, EQKP
row_difference(EQKE - rank1)              what a rank-one split of EQKE leaves over
row_difference(EQKE - factors)            what a split of its four factors leaves over
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from ....engine.errors import MechproofError
from ....engine.term import Named, product
from ...rules.accuracy import Accuracy
from ...rules.attention_range import AttentionRange
from ...rules.logit_gap import LogitGap
from ...rules.right_count import RightCount
from ...rules.row_difference import RowDifference
from ...rules.row_split import TABLES, RowSplit
from ..splits import attention
from ..splits.common import Workbench
from .goals import Goal

KINDS = {"accuracy": Accuracy, "right_count": RightCount, "logit_gap": LogitGap}
RESTS: Mapping[str, Callable[[Workbench], attention.Rest]] = {
    "EQKE - rank1": attention.rank_one,
    "EQKE - factors": attention.four_factors,
}
KNOWN = (*KINDS, *TABLES, "attention(G)", "row_difference(TABLE)", *(f"row_difference({rest})" for rest in RESTS))


@dataclass(unsafe_hash=True)
class UnknownGoal(MechproofError):
    text: str
    known: tuple[str, ...]
    sentence = "there is no goal {text!r}; the goals are {known}"


def goal(text: str, bench: Workbench) -> Goal:
    """The goal of that name about the network of the bench; raises :class:`UnknownGoal`."""
    name = text.strip()
    if name in KINDS:
        return Goal(KINDS[name])
    if name in TABLES:
        return Goal(RowSplit, name)
    head, _, inside = name.removesuffix(")").partition("(")
    inside = inside.strip()
    if head == "attention" and inside.isdecimal() and 1 <= int(inside) < bench.terms.d_vocab:
        return Goal(AttentionRange, int(inside))
    if head == "row_difference" and inside in RESTS:
        own = bench.fresh()
        return Goal(RowDifference, product(RESTS[inside](own).factors), own.known)
    if head == "row_difference" and inside in bench.terms.tables:
        table = bench.terms.tables[inside]
        assert isinstance(table, Named)
        return Goal(RowDifference, table.body)
    raise UnknownGoal(text, KNOWN)

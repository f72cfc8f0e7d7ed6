"""``row_difference_*/1``: how far two entries of one row of a term can lie apart.

The conclusion names the term and a bound for each row; all these rules are checked by multiplying the term out on the
auditor's weights and comparing each row's range with its bound. That needs nothing of what the bound was derived from,
and is at least as sharp: which rule, from which premises, stays as the prover's explanation of the number.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from .certificate import Reader
from .dyadic import Matrix
from .errors import Code, Failure
from .rule import Auditor, Derivation, Rule, no_advice
from .rule_known import KIND as KNOWN
from .rule_known import check_equal, known_names
from .terms import aligned, alignment, read_matrix, read_term, shape_text, unequal_row

KIND = "row_difference"
EQUAL = "equal"


class RowDifference(NamedTuple):
    """term[r, i] - term[r, j] <= bounds[r] for every row r and all columns i, j."""

    term: bytes
    bounds: Matrix


def read_conclusion(reader: Reader) -> RowDifference:
    """The term and its bounds."""
    reader.literal('{"kind":"row_difference","term":')
    term = read_term(reader)
    reader.literal(',"bounds":')
    bounds = read_matrix(reader)
    reader.literal("}")
    return RowDifference(term, bounds)


def value_in_both(auditor: Auditor, derivation: Derivation, premise: Derivation, known: Mapping[str, Matrix]) -> Matrix:
    """The value of the premise's term, which must be the same with the names of both derivations; E251, E259."""
    term = premise.conclusion.term
    value, own = auditor.terms.value(term, known), auditor.terms.value(term, known_names(auditor, premise))
    auditor.budget.spend(alignment(value, own))
    if value is not own and unequal_row(value, own) is not None:
        raise Failure(Code.E259, id=derivation.id, rule=derivation.rule.name, premise=premise.id)
    return value


def check(auditor: Auditor, derivation: Derivation) -> None:
    """Holds when no row of the term's value has a larger range; E217.

    The premises must be about the same matrices, and equations hold for them.
    """
    known = known_names(auditor, derivation)
    for premise in derivation.premises:
        if premise.rule.kind == KIND:
            value_in_both(auditor, derivation, premise, known)
        elif premise.rule.kind == EQUAL:
            check_equal(auditor, premise, known)
    term, bounds = derivation.conclusion
    value = auditor.terms.value(term, known)
    if bounds.shape != (len(value.rows), 1):
        raise derivation.differs("the shape of the bounds", shape_text(bounds), f"{len(value.rows)} x 1")
    pairs, unit = aligned(auditor.budget, value, bounds)
    for row, (entries, (bound,)) in enumerate(zip(*pairs, strict=True)):
        excess = max(entries) - min(entries) - bound
        if excess > 0:
            size = excess.bit_length() - 1 + unit
            raise Failure(Code.E217, id=derivation.id, rule=derivation.rule.name, row=row, excess=size)


PREMISES = {
    "exact": (KNOWN,),
    "norm": (KNOWN,),
    "spectral": (KNOWN,),
    "length": (KNOWN,),
    "ellipsoid": (KNOWN,),
    "product": (KNOWN, KIND),
    "mean": (KNOWN, KIND, KIND),
    "along": (KIND, EQUAL),
    "least": (KIND, KIND),
}
RULES = tuple(
    Rule(f"row_difference_{name}/1", premises, KIND, no_advice, read_conclusion, check)
    for name, premises in PREMISES.items()
)

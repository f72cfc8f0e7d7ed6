"""``known_weights/1``, ``name_matrix/1``, ``expansion/1``: matrices with names, and equations between terms.

A derivation may use the names that the chain of its first premises gives, down to ``known_weights/1``: in one chain a
name means one matrix, and never a weight. Other chains may give the name to another matrix; so whoever takes a claim
from another chain makes sure that it is about the same values.
"""

from __future__ import annotations

from collections.abc import Mapping

from .certificate import Reader
from .dyadic import Matrix
from .errors import Code, Failure
from .network import SIZES
from .rule import Auditor, Derivation, Rule, no_advice
from .terms import alignment, read_matrix, read_term, unequal_row

KIND = "known_matrices"


def known_names(auditor: Auditor, derivation: Derivation) -> dict[str, Matrix]:
    """What a derivation may call by name: the matrices that the chain of its first premises named."""
    found: dict[str, Matrix] = {}
    while derivation.premises:
        auditor.budget.spend(1)
        if derivation.rule is NAME:
            name, matrix = derivation.advice
            found[name] = matrix
        derivation = derivation.premises[0]
    return found


def read_name(reader: Reader) -> tuple[str, Matrix]:
    """``{"name":"N","matrix":M}``."""
    reader.literal('{"name":')
    name = reader.word()
    reader.literal(',"matrix":')
    matrix = read_matrix(reader)
    reader.literal("}")
    return name, matrix


def read_terms(reader: Reader) -> tuple[bytes, bytes]:
    """``{"left":t,"right":t}``."""
    reader.literal('{"left":')
    left = read_term(reader)
    reader.literal(',"right":')
    right = read_term(reader)
    reader.literal("}")
    return left, right


def read_known(reader: Reader) -> int:
    """How many names there are."""
    reader.literal('{"kind":"known_matrices","named":')
    number = reader.small()
    reader.literal("}")
    return number


def read_equal(reader: Reader) -> None:
    """The conclusion says that the two terms of the advice are equal."""
    reader.literal('{"kind":"equal"}')


def check_number(derivation: Derivation, own: int) -> None:
    """The stated number of names must be the chain's."""
    if derivation.conclusion != own:
        raise derivation.differs("the number of names", derivation.conclusion, own)


def check_weights(auditor: Auditor, derivation: Derivation) -> None:
    """No names yet."""
    check_number(derivation, 0)


def check_name(auditor: Auditor, derivation: Derivation) -> None:
    """Holds for any matrix, when the name is new to the chain and no weight's; E250."""
    name, _ = derivation.advice
    (before,) = derivation.premises
    if name in SIZES or name.startswith("1") or name in known_names(auditor, before):
        raise Failure(Code.E250, id=derivation.id, rule=derivation.rule.name, name=name)
    check_number(derivation, before.conclusion + 1)


def check_nothing(auditor: Auditor, derivation: Derivation) -> None:
    """What the names of an equation mean, its user knows: see ``check_equal``."""


def check_equal(auditor: Auditor, equation: Derivation, known: Mapping[str, Matrix]) -> None:
    """Holds for these weights and names when both terms have the same value; E253."""
    left, right = (auditor.terms.value(text, known) for text in equation.advice)
    auditor.budget.spend(alignment(left, right))
    row = unequal_row(left, right)
    if row is not None:
        raise Failure(Code.E253, id=equation.id, rule=equation.rule.name, row=row)


NAME = Rule("name_matrix/1", (KIND,), KIND, read_name, read_known, check_name)
RULES = (
    Rule("known_weights/1", ("network",), KIND, no_advice, read_known, check_weights),
    NAME,
    Rule("expansion/1", (), "equal", read_terms, read_equal, check_nothing),
)

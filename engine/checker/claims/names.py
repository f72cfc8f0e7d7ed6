"""The names of a claim, before anything is evaluated: what is not known is refused wherever it stands (section 10.2).

So no part of a text, looked at or not (section 10.4), says something about what does not exist.
"""

from __future__ import annotations

from ..errors import Code, Failure
from .entries import ANY, COUNTS
from .functions import MATRIX_FUNCTIONS
from .tree import Compare, Conjunction, ForAll, Negation, Node, Predicate, Statement
from .value import NAMES, Known

# How many arguments a function has; one for each position where it is None.
ARGUMENTS = {
    **dict.fromkeys((*MATRIX_FUNCTIONS, "sqrt", "frobenius", "spectral_norm", "rank1", "is_increasing"), 1),
    "sigma": 2,
    "logits": None,
    "correct": None,
    "singular_values": 1,
    **COUNTS,
}


def check_meanings(statement: Statement, known: Known, bound: frozenset[str] = frozenset()) -> None:
    """E291 for a name without meaning, for one that the premises give none, and for a variable in its own range; E292
    for a number of arguments, for a variable whose name is taken, and for a quantifier over none."""
    match statement:
        case Compare(sides):
            for side in sides:
                check_expression(side, known, bound)
        case Predicate(name, arguments):
            check_call(name, arguments, known)
            for argument in arguments:
                check_expression(argument, known, bound)
        case Negation(inner):
            check_meanings(inner, known, bound)
        case Conjunction(items):
            for item in items:
                check_meanings(item, known, bound)
        case ForAll(ranges=ranges, conditions=conditions, body=body):
            taken = bound | NAMES | known.names
            for name in taken & ranges.keys():
                raise Failure(Code.E292, what=f"the variable {name}", expected="a new name")
            own = frozenset(statement.names) - taken
            if not own:
                raise Failure(Code.E292, what="a quantifier", expected="one over some variable")
            for end in (end for ends in ranges.values() if not isinstance(ends, str) for end in ends):
                check_expression(end, known, bound)
            for part in (*conditions, body):
                check_meanings(part, known, bound | own)


def check_expression(node: Node, known: Known, bound: frozenset[str]) -> None:
    """The names and the calls in an expression."""
    for name in sorted(node.names - known.names - bound):
        raise Failure(Code.E291, name=name)
    left = [node]
    while left:
        inner = left.pop()
        left += inner.parts
        if inner.kind == "call":
            check_call(inner.data, inner.parts, known)


def check_call(name: str, arguments: tuple[Node, ...], known: Known) -> None:
    """That there is a function of so many arguments; whether tokens are as many as positions, its value finds."""
    if name not in ARGUMENTS or (ARGUMENTS[name] is None and not known.sequences):
        raise Failure(Code.E291, name=f"{name}(...)")
    if ARGUMENTS[name] not in (None, ANY, len(arguments)):
        raise Failure(Code.E292, what=f"what {name} is of", expected=f"{ARGUMENTS[name]} arguments")

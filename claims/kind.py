"""How authors see a value: a number, a vector, a matrix."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from .tree import Expression


class Kind(NamedTuple):
    """How many axes a value has for its author; ``layout``: "row" or "column" where it is known to be one in the core;
    ``truth``: its entries are 1 or 0 for true or false."""

    axes: int
    layout: str = ""
    truth: bool = False


NUMBER, MATRIX = Kind(0), Kind(2)
ROW, COLUMN = Kind(2, "row"), Kind(2, "column")
LYING, STANDING = Kind(1, "row"), Kind(1, "column")  # vectors
GIVES = {"number": NUMBER, "row": ROW, "column": COLUMN, "matrix": MATRIX, "vector": LYING}

# The kind of a name; None where it has no meaning.
Kinds = Callable[[str], Kind | None]
Valued = tuple[Expression, Kind]


@dataclass(frozen=True)
class Known(Expression):
    """A value that is core already, in a text of the language."""

    value: Expression
    kind: Kind

    def __str__(self) -> str:
        return str(self.value)

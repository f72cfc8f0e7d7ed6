"""What a printed number claims: a whole number or a percentage that only rounds to the value is told with its range.

>>> from .syntax import parse
>>> statement = parse("accuracy ≈ 100 %")
>>> remarks(statement, (Measured("accuracy", Fraction(999, 1000), Fraction(999, 1000), None),))
['≈ 100% claims 3 digits, 99.5% to 100.5%']
>>> remarks(statement, (Measured("accuracy", Fraction(1), Fraction(1), None),))
[]
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction

from ..engine.arithmetic.printing import floor_str
from .measured import Measured, decimal_exponent
from .tree import Approx, Node, Number


def remarks(statement: Node, measured: Sequence[Measured]) -> list[str]:
    """For each ≈ with a whole number or a percentage, unless what it is about is measured to be just that."""
    rounded = (node for node in _approximations(statement) if not _exactly(node, measured))
    return list(dict.fromkeys(told for node in rounded if (told := _claimed(node.target))))


def _exactly(node: Approx, measured: Sequence[Measured]) -> bool:
    """Whether every value of the expression that was looked at is the printed one; of a matrix, those farthest off."""
    ends = {end for m in measured if m.text == str(node.left) for end in (m.low, m.high)}
    return ends == {node.target.value}


def _approximations(node: Node) -> Iterator[Approx]:
    if isinstance(node, Approx):
        yield node
    for inner in node.nodes():
        yield from _approximations(inner)


def _claimed(target: Number) -> str:
    """How many digits the number claims, and which values that admits; empty for a decimal."""
    percent = target.text.endswith("%")
    if target.unit is None or not (percent or target.unit >= 1):
        return ""
    scale, sign = (100, "%") if percent else (1, "")
    count = max(decimal_exponent(abs(target.value)) - decimal_exponent(target.unit), 0) + 1 if target.value else 1
    decimals = max(1 - decimal_exponent(target.unit * scale), 0)
    low, high = (
        floor_str((target.value + end * target.unit / Fraction(2)) * scale, decimals) for end in (-1, 1)
    )  # half a unit is a whole number of the last decimal
    return f"≈ {target} claims {count} digit{'s' * (count > 1)}, {low}{sign} to {high}{sign}"

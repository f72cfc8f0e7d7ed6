"""What the checker is willing to do: a count of steps, and limits on sizes, so that it always ends.

One step is about a microsecond of one core. The default is documented with ``--budget``.

>>> budget = Budget(10)
>>> budget.spend(7); budget.left
3
"""

from __future__ import annotations

from .errors import Code, Failure

DEFAULT_STEPS = 2_000_000_000

MAX_POSITIONS = 256
MAX_TABLE_ENTRIES = 1 << 21
MAX_MATRIX_BITS = 1 << 28
# A Python integer with its place in a tuple, besides its digits.
ENTRY_BITS = 320


class Budget:
    """Steps that may still be taken."""

    def __init__(self, steps: int) -> None:
        self.limit = steps
        self.left = steps

    def spend(self, steps: int) -> None:
        """Take ``steps``; E242 when they are not there."""
        self.left -= steps
        if self.left < 0:
            raise Failure(Code.E242, limit=self.limit)


def within(what: str, found: int, limit: int) -> None:
    """E243 unless ``found <= limit``."""
    if found > limit:
        raise Failure(Code.E243, what=what, found=found, limit=limit)


def product_steps(products: int, a: int, b: int) -> int:
    """Steps of so many products of integers of a and of b bits.

    >>> product_steps(128, 64, 64)
    17
    """
    return products * (16 + (a >> 6) * (b >> 6)) // 128


def cell_steps(vocabulary: int, positions: int) -> int:
    """Steps of the first pass over all cells (q, m): one packed vector of V fields for each p and t <= m.

    There are sum over m of (m+1)^2 pairs (cell, t), and K positions.

    >>> cell_steps(64, 4)
    715520
    """
    pairs = vocabulary * (vocabulary + 1) * (2 * vocabulary + 1) // 6
    return pairs * positions * (1 + vocabulary // 64)

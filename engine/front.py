"""The front: of several finds, those that nothing else beats in price and in looseness at once.

>>> front([(9, 1), (4, 2), (5, 2), (2, 8), (2, 9)], lambda found: found)
[(2, 8), (4, 2), (9, 1)]
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, TypeVar

Item = TypeVar("Item")


def front(items: Iterable[Item], key: Callable[[Item], tuple[Any, ...]]) -> list[Item]:
    """The items that no other one beats, cheapest first; ``key`` gives price, looseness, and what orders equals."""
    found: list[Item] = []
    for item in sorted(items, key=key):
        if not found or key(item)[1] < key(found[-1])[1]:
            found.append(item)
    return found

"""Certificates with one leaf changed."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The paths of all leaves of a JSON value."""
    if isinstance(value, dict | list):
        for key in value if isinstance(value, dict) else range(len(value)):
            yield from places(value[key], (*path, key))
    else:
        yield path


def leaf_at(value: Any, path: tuple[Any, ...]) -> Any:
    """The leaf at a path."""
    for key in path:
        value = value[key]
    return value


def replaced(value: Any, path: tuple[Any, ...], new: Any) -> Any:
    """A copy of the value with another leaf."""
    changed = copy.deepcopy(value)
    leaf_at(changed, path[:-1])[path[-1]] = new
    return changed


def variants(leaf: Any) -> list[Any]:
    """Other values of the same spelling, and of others."""
    if isinstance(leaf, int):
        return [leaf + 1, leaf - 1, -leaf - 1, str(leaf), None]
    if leaf.startswith(("0x", "-0x")):
        n = int(leaf, 16)
        return [hex(n + 1), hex(n - 1), hex(-n - 1), n, leaf.upper()]
    return [leaf[:-1], leaf + "0", "", "f" + leaf[1:], "0" + leaf[1:], 0]

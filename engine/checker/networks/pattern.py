"""Patterns of axes as einops writes them: ``d (h e) -> h e d`` splits the second axis and moves its parts.

Each side is a list of axes; an axis is a name, several names in brackets (joined, the last one fastest), or 1.
Both sides have the same names, each once. Sizes come from the shape, and where a bracket leaves two of them open from
``sizes``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from math import prod

from .tensor import Tensor, permuted

_NAME = r"[A-Za-z_][A-Za-z_0-9]*(?!\w)"
_ATOM = rf"(?:{_NAME}|1(?!\w))"
_SIDE = re.compile(rf"\s*(?:(?:{_ATOM}|\((?:\s*{_ATOM})*\s*\))\s*)*")
MAX_PATTERN = 200


class Misfit(Exception):
    """What is wrong with a pattern, in words."""


def _axes(side: str) -> list[list[str]]:
    """The axes of one side, each the list of its names; an axis of length 1 has none.

    >>> _axes(" d (h e) 1")
    [['d'], ['h', 'e'], []]
    """
    if _SIDE.fullmatch(side) is None:
        raise Misfit(f"{side.strip()[:40]} is no list of axes, its brackets matching")
    return [re.findall(_NAME, axis) for axis in re.findall(rf"\([^)]*\)|{_ATOM}", side)]


def _sizes(left: list[list[str]], shape: tuple[int, ...], given: Mapping[str, int]) -> dict[str, int]:
    """The size of each name."""
    if len(left) != len(shape):
        raise Misfit(f"it has {len(left)} axes on the left, the tensor {len(shape)}")
    sizes: dict[str, int] = {}
    for names, size in zip(left, shape, strict=True):
        known = prod(given[name] for name in names if name in given)
        unknown = [name for name in names if name not in given]
        if len(unknown) > 1:
            raise Misfit(f"the sizes of {' and '.join(unknown)} are not known")
        if known < 1 or size % known or (not unknown and size != known):
            raise Misfit(f"an axis of length {size} is no ({' '.join(names) or 1}) of {known}")
        sizes |= {name: given.get(name, size // known) for name in names}
    return sizes


def rearranged(tensor: Tensor, pattern: str, given: Mapping[str, int]) -> Tensor:
    """The tensor with its axes moved as the pattern says; :class:`Misfit` when it does not fit.

    >>> t = Tensor((2, 4), tuple(range(8)), 0)
    >>> rearranged(t, "d (h e) -> h e d", {"h": 2}).entries
    (0, 4, 1, 5, 2, 6, 3, 7)
    """
    sides = pattern.split("->")
    if len(sides) != 2 or len(pattern) > MAX_PATTERN:
        raise Misfit("it must read LEFT -> RIGHT")
    left, right = _axes(sides[0]), _axes(sides[1])
    names = [name for axis in left for name in axis]
    order = [name for axis in right for name in axis]
    if len(set(names)) != len(names) or sorted(order) != sorted(names):
        raise Misfit("both sides must have the same names, each once")
    if unused := sorted(set(given) - set(names)):
        raise Misfit(f"it has no {unused[0]}")
    sizes = _sizes(left, tensor.shape, given)
    moved = permuted(tensor, [sizes[name] for name in names], [names.index(name) for name in order])
    return Tensor(tuple(prod(sizes[name] for name in axis) for axis in right), moved.entries, moved.exponent)

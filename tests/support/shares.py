"""Long runs in two parts: a share in every run, the others where builds are (mark ``ci``)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest


def shared_out(items: Iterable[Any], kept: Iterable[Any]) -> list[Any]:
    """The items as parameters of a test; those that are not ``kept`` run only where builds are.

    Raises ValueError when something that is to be kept is none of them, so that no run becomes empty by a new name.
    """
    items, kept = list(items), list(kept)
    if missing := [item for item in kept if item not in items]:
        raise ValueError(f"expected some of {items}, found {missing}")
    return [item if item in kept else pytest.param(item, marks=pytest.mark.ci) for item in items]


def halved(items: Iterable[Any], first: int = 0) -> list[Any]:
    """Every other one, from the ``first`` on, in every run, so that kinds of networks take turns between tests."""
    items = list(items)
    return shared_out(items, kept=items[first::2])

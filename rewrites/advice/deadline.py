"""When a search is to stop.  Clocks decide how much is found, never what is true."""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic


def deadline(seconds: int) -> Callable[[], bool]:
    """A function that says whether so many seconds have passed since this call."""
    end = monotonic() + seconds
    return lambda: monotonic() > end

"""When a search is to stop.  Clocks decide how much is found, never what is true."""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic

from .allowance import time_left

# Of the time that is left: the rule tests everything again that the search found.
SHARE = 0.45
# Of it, until a search makes one attempt only in every way that is left.
WIDE = 0.5


def deadline(seconds: float | None = None, share: float = SHARE) -> Callable[[], bool]:
    """A function that says whether a search is to stop: so many seconds after this call, and when it has used its
    share of what the open allowances leave.

    >>> deadline(0)(), deadline(3600)()
    (True, False)
    """
    left = time_left()
    limits = [limit for limit in (seconds, None if left is None else share * left) if limit is not None]
    if not limits:
        return lambda: False
    end = monotonic() + min(limits)
    return lambda: monotonic() >= end

"""Every input decided: exact counts, the least margin and the mean loss of any network on any task it can enumerate.

:func:`decide` is what there is to call.
"""

from __future__ import annotations

from .decide import Decision, decide
from .outcome import Margin

__all__ = ["Decision", "Margin", "decide"]

"""Counts: at least so many inputs of a statement are right, and at most so many, however that was found."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, ClassVar

import sympy

from ...engine.certificate import hex_integer
from ...engine.claim import Claim


class Count(Claim):
    """low <= number of right inputs <= high."""

    statement: Any

    kind = "right_count"
    # How many numbers are added up to get ``low`` and ``high``, in the sizes of the network.
    parts: ClassVar[sympy.Expr | int] = 0

    @property
    @abstractmethod
    def low(self) -> int:
        """At least so many inputs are right."""

    @property
    @abstractmethod
    def high(self) -> int:
        """At most so many inputs are right."""

    def conclusion(self) -> dict[str, Any]:
        return {"kind": self.kind, "right_low": hex_integer(self.low), "right_high": hex_integer(self.high)}

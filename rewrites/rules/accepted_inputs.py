"""Inputs of two tokens that a tier shows right without evaluating them: what all tiers have in common."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from typing import Any

import numpy as np

from ...engine.claim import Claim


class AcceptedInputs(Claim):
    """The network is right on the inputs (x, y) where ``accepted`` (n × n', bool)."""

    accepted: np.ndarray

    @property
    def count(self) -> int:
        return int(self.accepted.sum())

    @property
    @abstractmethod
    def variant(self) -> str:
        """The name of the tier."""

    @property
    @abstractmethod
    def brute(self) -> int:
        """Multiply-adds of brute force: every input through every neuron to every output."""

    def check(self, *, evaluate: bool) -> tuple[str, Callable[[], dict[str, Any]]]:
        """The checker's rule that shows a count by this tier, with its advice; ``evaluate``: whether the other inputs
        are evaluated.  A checker without a rule for the tier evaluates every input."""
        return "enumeration/1", dict

    def conclusion(self) -> dict[str, Any]:
        return {"kind": self.kind}

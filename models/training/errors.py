"""What can go wrong while training: torch is absent, a recipe makes no sense, the weights blow up."""

from __future__ import annotations

from dataclasses import dataclass

from ...engine.errors import MechproofError


@dataclass(unsafe_hash=True)
class TorchMissing(MechproofError):
    """Training was asked for where torch is not installed."""

    sentence = "training needs torch, which is not installed: pip install mechproof[torch]"


@dataclass(unsafe_hash=True)
class BadRecipe(MechproofError):
    """A number of the recipe is outside its range."""

    field: str
    expected: str
    found: str
    sentence = "training recipe: {field} must be {expected}, found {found}"


@dataclass(unsafe_hash=True)
class TrainingDiverged(MechproofError):
    """A weight is no longer a finite number, so there is no network to speak about."""

    tensor: str
    step: int
    sentence = "training diverged: after step {step} the tensor {tensor} holds an infinity or a NaN"

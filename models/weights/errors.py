"""What can be wrong with a weights file: one named type a case, one sentence each.

``file`` is the file's name, ``tensor`` the name under which the tensor is stored.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ...engine.errors import MechproofError


@dataclass(unsafe_hash=True)
class WeightsError(MechproofError):
    """Base of the errors of this package."""

    file: str


@dataclass(unsafe_hash=True)
class UnknownFormat(WeightsError):
    expected: str
    found: str
    sentence = "{file}: expected {expected}, found {found}"


@dataclass(unsafe_hash=True)
class PickleRefused(WeightsError):
    """A pickle is a program; the zip archive of today's ``torch.save`` is the only form of it that is read."""

    sentence = (
        "{file}: expected weights without code, found a bare pickle; "
        "save the tensors as safetensors, as npz or with torch.save"
    )


@dataclass(unsafe_hash=True)
class BrokenFile(WeightsError):
    """``form`` is the format that the file claims to be in."""

    form: str
    found: str
    sentence = "{file}: expected a whole and well-formed {form} file, found: {found}"


@dataclass(unsafe_hash=True)
class PickledObject(WeightsError):
    """A torch file of more than tensors: reading it would run the named code."""

    found: tuple[str, ...]
    sentence = (
        "{file}: expected a state dict, found objects that only their own code can read ({found}); "
        "save the model's state_dict()"
    )


@dataclass(unsafe_hash=True)
class BadJson(WeightsError):
    found: str
    sentence = "{file}: expected one JSON object without repeated keys, NaN or infinity, found {found}"


@dataclass(unsafe_hash=True)
class NoTensors(WeightsError):
    sentence = "{file}: expected at least one tensor, found none"


@dataclass(unsafe_hash=True)
class NotAStateDict(WeightsError):
    expected: str
    found: str
    sentence = "{file}: expected {expected}, found {found}"


@dataclass(unsafe_hash=True)
class TooManyNumbers(WeightsError):
    limit: int
    found: int
    sentence = "{file}: expected at most {limit} numbers in all tensors together, found {found}"


@dataclass(unsafe_hash=True)
class TorchMissing(WeightsError):
    sentence = "{file}: expected PyTorch, which reads this format, found it not installed; pip install mechproof[torch]"


@dataclass(unsafe_hash=True)
class TorchTooOld(WeightsError):
    """Below 2.6 even ``weights_only`` loading can run code (CVE-2025-32434)."""

    found: str
    sentence = "{file}: expected PyTorch 2.6 or newer, which loads weights safely, found {found}"


@dataclass(unsafe_hash=True)
class TensorError(WeightsError):
    """Base of the errors about one tensor."""

    tensor: str


@dataclass(unsafe_hash=True)
class DuplicateTensor(TensorError):
    sentence = "{file}: tensor {tensor}: expected one tensor of this name, found two"


@dataclass(unsafe_hash=True)
class BadName(TensorError):
    """``tensor`` is the beginning of the name."""

    found: str
    sentence = "{file}: tensor {tensor}: expected a name of 1 to 200 characters, found {found}"


@dataclass(unsafe_hash=True)
class BadShape(TensorError):
    expected: str
    found: str
    sentence = "{file}: tensor {tensor}: expected {expected}, found {found}"


@dataclass(unsafe_hash=True)
class BridgeLayout(TensorError):
    """The names are those of a TransformerBridge, and how its tensors lie is not settled."""

    key: str
    expected: str
    found: str
    sentence = (
        "{file}: tensor {tensor}: expected a configuration that settles how a TransformerBridge lays out its tensors, "
        "with the key {key}: {expected}; found {found}"
    )


@dataclass(unsafe_hash=True)
class UnsupportedDtype(TensorError):
    found: str
    sentence = "{file}: tensor {tensor}: expected numbers in float16, bfloat16, float32 or float64, found {found}"


@dataclass(unsafe_hash=True)
class NotFinite(TensorError):
    """``index`` is the entry's index in the tensor, ``found`` is ``NaN``, ``infinity`` or ``-infinity``."""

    index: tuple[int, ...]
    found: str
    sentence = "{file}: tensor {tensor}: expected finite numbers, found {found} at index {index}"


@dataclass(unsafe_hash=True)
class NotALiveModel(WeightsError):
    expected: str
    found: str
    sentence = "{file}: expected {expected}, found {found}"


def axes_text(shape: Sequence[int]) -> str:
    """A shape as sentences print it.

    >>> axes_text((64, 32)), axes_text((64,)), axes_text(())
    ('64 × 32', '64', 'without axes')
    """
    return " × ".join(map(str, shape)) or "without axes"

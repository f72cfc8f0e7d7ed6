"""Why a checkpoint is not a network of a supported architecture: one named type a case, one sentence each.

``file`` is the checkpoint's source, ``tensor`` the name under which the tensor is stored.
"""

from __future__ import annotations

from dataclasses import dataclass

from ...engine.errors import MechproofError


@dataclass(unsafe_hash=True)
class ArchitectureError(MechproofError):
    """Base of the errors of this package."""

    file: str


@dataclass(unsafe_hash=True)
class AmbiguousArchitecture(ArchitectureError):
    """Two families would read the same tensors as different functions."""

    found: tuple[str, ...]
    sentence = "{file}: expected a network of one architecture, found one that fits each of {found}"


@dataclass(unsafe_hash=True)
class SeveralLayers(ArchitectureError):
    tensor: str
    found: int
    sentence = "{file}: tensor {tensor}: expected a network of one layer, found a network of {found} layers"


@dataclass(unsafe_hash=True)
class SeveralHeads(ArchitectureError):
    tensor: str
    found: int
    sentence = "{file}: tensor {tensor}: expected one attention head, found {found}"


@dataclass(unsafe_hash=True)
class MlpFound(ArchitectureError):
    tensor: str
    sentence = "{file}: tensor {tensor}: expected attention only, found a tensor of an MLP"


@dataclass(unsafe_hash=True)
class NormalisationFound(ArchitectureError):
    tensor: str
    sentence = "{file}: tensor {tensor}: expected no normalisation, found a tensor of a normalisation layer"


@dataclass(unsafe_hash=True)
class UnknownTensor(ArchitectureError):
    expected: str
    tensor: str
    sentence = "{file}: tensor {tensor}: expected only tensors of {expected}, found this one"


@dataclass(unsafe_hash=True)
class MissingTensor(ArchitectureError):
    """``tensor`` is the plain name, ``found`` the names that there are."""

    tensor: str
    found: str
    sentence = "{file}: tensor {tensor}: expected a weight of this name, found only {found}"


@dataclass(unsafe_hash=True)
class WrongShape(ArchitectureError):
    tensor: str
    expected: str
    found: str
    sentence = "{file}: tensor {tensor}: expected {expected}, found shape {found}"


@dataclass(unsafe_hash=True)
class ConflictingTensors(ArchitectureError):
    """Two names of one tensor hold different numbers, so there are two networks in the file."""

    tensor: str
    other: str
    sentence = "{file}: tensor {tensor}: expected the numbers of {other}, another name of it, found different ones"


@dataclass(unsafe_hash=True)
class UnsupportedConfig(ArchitectureError):
    key: str
    expected: str
    found: str
    sentence = "{file}: config key {key}: expected {expected}, found {found}"


@dataclass(unsafe_hash=True)
class UnknownConfigKey(ArchitectureError):
    """What the key means is not known, so it may change the function.  ``versions``: those whose keys are known."""

    key: str
    versions: str
    sentence = (
        "{file}: config key {key}: expected one that TransformerLens {versions} has, found one that none of these "
        "versions knows and that may change what the network computes"
    )

"""Why a checkpoint or a network file is no network that a statement can say: one sentence each."""

from __future__ import annotations

from dataclasses import dataclass

from ...engine.errors import MechproofError


@dataclass(unsafe_hash=True)
class RecognitionError(MechproofError):
    """Base of the errors of this package; ``file`` is the checkpoint or the network file."""

    file: str


@dataclass(unsafe_hash=True)
class UnknownLayout(RecognitionError):
    found: str
    sentence = (
        "{file}: expected tensors named as in TransformerLens, plainly (W_E, W_Q, …) or as a group MLP's (W_x, W_y, W, "
        "W_U), found {found}; a network file says what other tensors are (docs/your_network.md)"
    )


@dataclass(unsafe_hash=True)
class StrangeTensor(RecognitionError):
    tensor: str
    reason: str
    sentence = "{file}: tensor {tensor}: expected none of this name, {reason}"


@dataclass(unsafe_hash=True)
class MissingTensor(RecognitionError):
    tensor: str
    found: str
    sentence = "{file}: tensor {tensor}: expected it, found only {found}"


@dataclass(unsafe_hash=True)
class BadTensor(RecognitionError):
    """``tensor`` names the place in the network file, or the stored tensor."""

    tensor: str
    expected: str
    found: str
    sentence = "{file}: {tensor}: expected {expected}, found {found}"


@dataclass(unsafe_hash=True)
class TwoTensors(RecognitionError):
    tensor: str
    other: str
    sentence = "{file}: tensor {tensor}: expected the numbers of {other}, another name of it, found different ones"


@dataclass(unsafe_hash=True)
class OpenSetting(RecognitionError):
    """Nothing says what a setting is, and there is no usual value."""

    setting: str
    options: str
    sentence = (
        "{file}: expected a configuration with {setting} ({options}), which no tensor shows, found none; give it with "
        "--config, or describe the network in a network file (docs/your_network.md)"
    )


@dataclass(unsafe_hash=True)
class UnsupportedConfig(RecognitionError):
    key: str
    expected: str
    found: str
    sentence = "{file}: config key {key}: expected {expected}, found {found}"


@dataclass(unsafe_hash=True)
class UnknownConfigKey(RecognitionError):
    """What the key means is not known, so it may change the function.  ``versions``: those whose keys are known."""

    key: str
    versions: str
    sentence = (
        "{file}: config key {key}: expected one that TransformerLens {versions} has, found one that none of these "
        "versions knows and that may change what the network computes"
    )

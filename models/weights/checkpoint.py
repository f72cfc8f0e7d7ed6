"""A network's weights as exact numbers, wherever they came from."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from ...engine.files import read_bytes
from . import npz_file, safetensors_file, torch_file
from .archive import Archive
from .errors import NotALiveModel, PickleRefused, UnknownFormat
from .strict_json import parse_object
from .tensor import RawTensor, StoredTensor, decode
from .transformer_lens import as_hooked

MAX_FILE = 2**26
MAX_CONFIG = 2**20
_EXTENSIONS = {
    ".safetensors": "a safetensors file",
    ".npz": "an npz file",
    ".pt": "a file written by torch.save",
    ".pth": "a file written by torch.save",
}
_PICKLES = (".pkl", ".pickle")


@dataclass(frozen=True)
class Checkpoint:
    """Named tensors and what is said about them.

    ``source``: the file's name, for messages.  ``tensors``: by stored name, in the names' order.
    ``config``: in the form of a TransformerLens configuration, its fractional numbers exact; None when
    nobody gave one.  Names of masks are left out and never decoded; tensors of a TransformerBridge have the names and
    the layout of a HookedTransformer (:func:`~mechproof.models.weights.transformer_lens.as_hooked`).
    """

    source: str
    tensors: dict[str, StoredTensor]
    config: dict[str, Any] | None = None


@dataclass(frozen=True)
class RawCheckpoint:
    """A checkpoint whose numbers are still bits; they may turn out not to be finite."""

    source: str
    tensors: list[RawTensor]
    config: dict[str, Any] | None

    def decoded(self) -> Checkpoint:
        """Raises :class:`~mechproof.models.weights.errors.WeightsError`."""
        ordered = sorted(self.tensors, key=lambda tensor: tensor.name)
        return Checkpoint(self.source, {tensor.name: decode(self.source, tensor) for tensor in ordered}, self.config)


def load(path: str | os.PathLike[str], config: str | os.PathLike[str] | None = None) -> Checkpoint:
    """The weights in a safetensors, npz or torch file, and the JSON configuration at ``config`` if given.

    What the content is decides, not the file's extension.  A configuration that merely lies beside the
    weights is not read.  Nothing is unpickled but by torch's own safe loader.  Raises
    :class:`~mechproof.engine.files.FileError` or :class:`~mechproof.models.weights.errors.WeightsError`.
    """
    return read_raw(path, config).decoded()


def load_stored(path: str | os.PathLike[str]) -> Checkpoint:
    """As :func:`load`, of any file, under the names and in the layout in which the tensors are stored."""
    return RawCheckpoint(Path(path).name, _tensors(path), None).decoded()


def from_live(model: Any) -> Checkpoint:
    """The weights and the configuration of a live HookedTransformer or TransformerBridge, on any device, exactly.

    ``model`` has a ``state_dict()`` of torch tensors and a ``cfg``, a mapping or an object with attributes;
    TransformerLens itself is not needed.  Raises :class:`~mechproof.models.weights.errors.WeightsError`.
    """
    return raw_of_live(model).decoded()


def read_raw(path: str | os.PathLike[str], config: str | os.PathLike[str] | None = None) -> RawCheckpoint:
    """As :func:`load`, undecoded."""
    settings = None
    if config is not None:
        settings = parse_object(Path(config).name, read_bytes(config, MAX_CONFIG))
    source = Path(path).name
    return RawCheckpoint(source, as_hooked(source, _tensors(path), settings), settings)


def raw_of_live(model: Any) -> RawCheckpoint:
    """As :func:`from_live`, undecoded."""
    source = f"live {type(model).__name__}"
    if not callable(getattr(model, "state_dict", None)) or not hasattr(model, "cfg"):
        raise NotALiveModel(source, "a model with state_dict() and cfg", f"an object of type {type(model).__name__}")
    state = model.state_dict()
    if not isinstance(state, Mapping):
        raise NotALiveModel(source, "a state_dict() from names to tensors", f"one of type {type(state).__name__}")
    settings = _settings(source, model.cfg)
    return RawCheckpoint(source, as_hooked(source, torch_file.raw_tensors(source, state), settings), settings)


def _tensors(path: str | os.PathLike[str]) -> list[RawTensor]:
    """The bits of every tensor in the file but the ignored ones."""
    data = read_bytes(path, MAX_FILE)
    file, suffix = Path(path).name, Path(path).suffix.lower()
    if safetensors_file.looks_like(data):
        return safetensors_file.read(file, data)
    if data[:4] in (b"PK\x03\x04", b"PK\x05\x06"):
        archive = Archive(file, data)
        is_torch = torch_file.is_torch_archive(archive.names())
        return torch_file.read(file, archive) if is_torch else npz_file.read(file, archive)
    if suffix in _PICKLES or (data[:1] == b"\x80" and data[1:2] in (b"\x02", b"\x03", b"\x04", b"\x05")):
        raise PickleRefused(file)
    expected = _EXTENSIONS.get(suffix, "a safetensors, npz or torch file")
    raise UnknownFormat(file, expected, f"the first bytes {data[:8].hex(' ')}, which none of these formats has")


def _settings(source: str, cfg: Any) -> dict[str, Any]:
    if isinstance(cfg, Mapping):
        items = dict(cfg)
    elif dataclasses.is_dataclass(cfg) or hasattr(cfg, "__dict__"):
        items = vars(cfg)
    else:
        raise NotALiveModel(source, "a cfg with attributes or keys", f"one of type {type(cfg).__name__}")
    return {str(key): _plain(source, str(key), value) for key, value in items.items()}


def _plain(source: str, key: str, value: Any) -> Any:
    """``value`` as JSON would hold it, a float as the exact fraction that it is, an object as its text."""
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        try:
            return Fraction(value)
        except (ValueError, OverflowError):
            raise NotALiveModel(source, f"a finite number as cfg.{key}", str(value)) from None
    if isinstance(value, list | tuple):
        return [_plain(source, key, item) for item in value]
    if isinstance(value, Mapping):
        return {str(name): _plain(source, key, item) for name, item in value.items()}
    return str(value)

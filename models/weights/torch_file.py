"""torch files (``torch.save`` of a state dict) and live torch tensors.

A torch file is a zip archive around a pickle.  It is read by ``torch.load(weights_only=True)`` of torch
2.6 or newer and by nothing else; torch is imported when such a file is met.
"""

from __future__ import annotations

from collections.abc import Mapping
from io import BytesIO
from typing import Any

import numpy as np

from .archive import Archive
from .errors import BrokenFile, NotAStateDict, PickledObject, TorchMissing, TorchTooOld
from .names import is_ignored
from .tensor import LAYOUTS, Header, RawTensor, check_headers

_WRAPPERS = ("model", "state_dict", "model_state_dict")


def is_torch_archive(names: list[str]) -> bool:
    """Whether these are the members of a torch file rather than of an npz."""
    return any(name == "data.pkl" or name.endswith("/data.pkl") for name in names)


def require_torch(file: str) -> Any:
    """The torch module.  Raises :class:`TorchMissing` or :class:`TorchTooOld`."""
    try:
        import torch
    except ImportError:
        raise TorchMissing(file) from None
    major, minor = (int(part) for part in torch.__version__.split(".")[:2])
    if (major, minor) < (2, 6):
        raise TorchTooOld(file, str(torch.__version__))
    return torch


def read(file: str, archive: Archive) -> list[RawTensor]:
    """The state dict's tensors but for the ignored ones.  Raises a :class:`WeightsError`."""
    torch = require_torch(file)
    for name in archive.names():
        archive.read(name)  # compares checksums, which torch does not
    data = archive.data
    try:
        content = torch.load(BytesIO(data), map_location="cpu", weights_only=True)
    except Exception as error:  # torch promises no types here, and a crafted pickle provokes any
        code = _code(torch, data)
        if code:
            raise PickledObject(file, code) from None
        found = str(error).strip().split("\n")[0][:200]
        raise BrokenFile(file, "torch", found or type(error).__name__) from None
    return raw_tensors(file, _state_dict(file, content, torch))


def _code(torch: Any, data: bytes) -> tuple[str, ...]:
    """The first names of code that the archive's pickle needs and that torch's safe loader does not run."""
    try:
        names = torch.serialization.get_unsafe_globals_in_checkpoint(BytesIO(data))
        return tuple(name[:100] for name in sorted(names))[:3]
    except Exception:  # as above; then the file is broken
        return ()


def _state_dict(file: str, content: object, torch: Any) -> Mapping[str, Any]:
    """The dict of tensors that ``content`` is, or that it holds under one of the usual names."""
    if not isinstance(content, dict):
        raise NotAStateDict(file, "a dict from names to tensors", f"an object of type {type(content).__name__}")
    holds_tensors = any(isinstance(value, torch.Tensor) for value in content.values())
    inner = [key for key in _WRAPPERS if isinstance(content.get(key), dict)]
    if holds_tensors or not inner:
        return content
    if len(inner) > 1:
        raise NotAStateDict(file, "one state dict", f"several, under the keys {' and '.join(inner)}")
    return content[inner[0]]


def raw_tensors(file: str, state: Mapping[Any, Any]) -> list[RawTensor]:
    """The bits of a dict of torch tensors on any device, ignored names left out.  Raises a :class:`WeightsError`."""
    torch = require_torch(file)
    kept = {name: value for name, value in state.items() if not (isinstance(name, str) and is_ignored(name))}
    for name, value in kept.items():
        if not isinstance(name, str):
            raise NotAStateDict(file, "a dict from names to tensors", f"a key of type {type(name).__name__}")
        if type(value) not in (torch.Tensor, torch.nn.Parameter):
            raise NotAStateDict(file, "a dict from names to tensors", f"a {type(value).__name__} at key {name[:100]}")
        if value.layout != torch.strided or value.is_quantized or value.device.type == "meta":
            raise NotAStateDict(file, "dense tensors with values", f"another kind at key {name[:100]}")
    check_headers(file, [Header(name, _dtype(tensor), tuple(tensor.shape)) for name, tensor in kept.items()])
    return [RawTensor(name, _dtype(tensor), tuple(tensor.shape), _bits(torch, tensor)) for name, tensor in kept.items()]


def _dtype(tensor: Any) -> str:
    return str(tensor.dtype).removeprefix("torch.")


def _bits(torch: Any, tensor: Any) -> bytes:
    """Moving and viewing keep the bits; no number is converted."""
    size = LAYOUTS[_dtype(tensor)].size
    integers = {2: torch.int16, 4: torch.int32, 8: torch.int64}[size]
    dense = tensor.detach().cpu().resolve_neg().contiguous()
    return dense.view(integers).numpy().astype(np.dtype(f"<i{size}"), copy=False).tobytes()

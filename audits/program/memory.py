"""What stands beside the numbers of a float run: one enclosure for each element of each storage.

A tensor's enclosures are its storage's, with the tensor's own sizes and strides, so that views, overlaps and writes
through either need no rule.  A storage that nothing stands beside is exact as it stands.

>>> import torch
>>> memory, table = Memory(Twofold), torch.zeros(2, 3)
>>> memory.write(table.T[1], Twofold.of([1.0, 2.0]))
>>> memory.read(table).mid().tolist()
[[0.0, 1.0, 0.0], [0.0, 2.0, 0.0]]
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import torch
from numpy.lib.stride_tricks import as_strided
from torch import Tensor
from torch._C import DisableTorchFunction
from torch.multiprocessing.reductions import StorageWeakRef
from torch.utils._python_dispatch import _disable_current_modes

from ...engine.errors import MechproofError
from . import elementary, sliced  # noqa: F401  what they make of pairs is found by name
from .balls import Balls
from .twofold import Twofold

Numbers: TypeAlias = Twofold | Balls
SWEEP = 512


@contextmanager
def aside() -> Iterator[None]:
    """Torch for the audit's own use, which no mode sees."""
    with DisableTorchFunction(), _disable_current_modes():
        yield


@dataclass(eq=False)
class Reinterpreted(MechproofError):
    """The bits of one float type read as those of another."""

    before: int
    after: int
    sentence = (
        "a storage with elements of {before} bytes is read in elements of {after} bytes: audits do not know its bits"
    )


@dataclass(eq=False)
class NotReal(MechproofError):
    """A tensor that audits do not read."""

    dtype: str
    layout: str
    device: str
    sentence = "audits know real tensors with strides on the CPU; found {dtype}, {layout}, on {device}"


@dataclass(eq=False)
class Overlapping(MechproofError):
    """One element at several places of a tensor that is written."""

    sentence = "writes to a tensor that has one element at several places: what comes out depends on the order"


@dataclass
class _Beside:
    """``flat``: an entry for each element of the storage; ``alive`` does not keep it so."""

    alive: StorageWeakRef
    flat: np.ndarray
    bytes_each: int


class Memory:
    """``kind``: the class of enclosures."""

    def __init__(self, kind: type[Twofold] | type[Balls]) -> None:
        self.kind: Any = kind
        self._beside: dict[int, _Beside] = {}
        self._written = 0

    def _find(self, tensor: Tensor) -> _Beside | None:
        found = self._beside.get(tensor.untyped_storage()._cdata)
        if found is None or found.alive.expired() or not tensor.numel():
            return None
        if found.bytes_each != tensor.element_size():
            raise Reinterpreted(found.bytes_each, tensor.element_size())
        return found

    def has(self, tensor: Tensor) -> bool:
        return self._find(tensor) is not None

    def read(self, tensor: Tensor) -> Numbers:
        """Valid until something is written."""
        found = self._find(tensor)
        if found is not None:
            return self._kind_of(_view(found.flat, tensor))
        values = plain(tensor)
        if tensor.dtype in (torch.int64, torch.uint64) and np.abs(values).max(initial=0.0) >= 2.0**53:
            return self.kind.near(values)
        return self.kind.of(values)

    def _kind_of(self, array: np.ndarray) -> Numbers:
        return Twofold(array) if self.kind is Twofold else Balls(array)

    def forget(self, tensor: Tensor) -> None:
        """The tensor is exact as it stands."""
        if self.has(tensor):
            self.write(tensor, self.kind.of(plain(tensor)))

    def write(self, tensor: Tensor, numbers: Numbers) -> None:
        """Beside what the tensor covers; where nothing stood beside its storage, the rest of it is as it stands."""
        if not tensor.numel():
            return
        if not tensor.is_contiguous() and _overlaps(tensor):
            raise Overlapping
        values = numbers.planes if isinstance(numbers, Twofold) else numbers.entries
        values = np.broadcast_to(values, (*values.shape[: values.ndim - len(numbers.shape)], *tensor.shape))
        found = self._find(tensor)
        if found is None:
            storage = tensor.untyped_storage()
            size = storage.nbytes() // tensor.element_size()
            if size == tensor.numel() and tensor.is_contiguous():
                flat = np.array(values, order="C").reshape((*values.shape[: values.ndim - tensor.dim()], size))
            else:
                every = tensor.detach().as_strided((size,), (1,), 0)
                started = self.kind.of(plain(every))
                flat = started.planes if isinstance(started, Twofold) else started.entries
                _view(flat, tensor)[...] = values
            self._beside[storage._cdata] = _Beside(StorageWeakRef(storage), flat, tensor.element_size())
            self._written += 1
            if self._written % SWEEP == 0:
                self._beside = {key: one for key, one in self._beside.items() if not one.alive.expired()}
        else:
            target = _view(found.flat, tensor)
            target[...] = np.array(values) if np.may_share_memory(values, found.flat) else values


def plain(tensor: Tensor) -> np.ndarray:
    """The numbers as they stand, as doubles; whole numbers from 2^53 on are rounded.  Raises :class:`NotReal`."""
    if tensor.is_complex() or tensor.is_quantized or tensor.layout is not torch.strided or tensor.device.type != "cpu":
        raise NotReal(str(tensor.dtype), str(tensor.layout), str(tensor.device))
    with aside():
        found = tensor.detach()  # torch remembers that numpy saw a storage, so it sees another
        return (found.clone() if found.dtype == torch.float64 else found.double()).numpy()


def _overlaps(tensor: Tensor) -> bool:
    """Whether two places are one element: not where each stride is beyond all that smaller ones reach."""
    reach = 0
    for stride, size in sorted(zip(tensor.stride(), tensor.shape, strict=True)):
        if size > 1 and stride <= reach:
            every = np.arange(tensor.untyped_storage().nbytes() // tensor.element_size())
            addresses = as_strided(every, tuple(tensor.shape), tuple(8 * one for one in tensor.stride()))
            return len(np.unique(addresses)) < tensor.numel()
        reach += stride * (size - 1)
    return False


def _view(flat: np.ndarray, tensor: Tensor) -> np.ndarray:
    """``flat`` has one entry an element in its last axis, and is whole."""
    planes, size = flat.shape[:-1], flat.shape[-1]
    strides = (*(size * 8 for _ in planes), *(8 * stride for stride in tensor.stride()))
    offset = tensor.storage_offset()
    if flat.dtype != object:
        return np.ndarray((*planes, *tensor.shape), flat.dtype, flat, 8 * offset, strides)
    return as_strided(flat[offset:], tuple(tensor.shape), strides)

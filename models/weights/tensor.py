"""Stored floats as exact dyadic rationals, read from their bits.

A finite IEEE number with sign s, exponent field e and fraction field f of n bits is

    (-1)^s · (2^n + f) · 2^(e - bias - n)     for e > 0,
    (-1)^s · f · 2^(1 - bias - n)             for e = 0 (zero and the subnormal numbers),

so integers suffice: no floating-point operation takes part, and -0 is 0.
"""

from __future__ import annotations

import operator
from collections.abc import Iterable
from dataclasses import dataclass
from functools import reduce
from math import prod

import numpy as np

from .errors import BadName, BadShape, NoTensors, NotFinite, TooManyNumbers, UnsupportedDtype, axes_text

MAX_NUMBERS = 2**22
MAX_AXES = 8
MAX_NAME = 200


@dataclass(frozen=True)
class Layout:
    """The fields of one number: bytes in all, bits of the fraction; one sign bit, the rest is the exponent."""

    size: int
    fraction: int

    @property
    def exponent(self) -> int:
        return 8 * self.size - 1 - self.fraction

    @property
    def bias(self) -> int:
        return 2 ** (self.exponent - 1) - 1


LAYOUTS = {
    "float16": Layout(2, 10),
    "bfloat16": Layout(2, 7),
    "float32": Layout(4, 23),
    "float64": Layout(8, 52),
}


@dataclass(frozen=True)
class Header:
    """What a file says of a tensor before its numbers are looked at."""

    name: str
    dtype: str
    shape: tuple[int, ...]


@dataclass(frozen=True)
class RawTensor:
    """A tensor's bits: ``data`` holds the numbers row-major and little-endian, as ``dtype`` lays them out."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    data: bytes


@dataclass(frozen=True)
class StoredTensor:
    """The tensor whose entries are the reals ``numerators[i] * 2**exponent``, row-major.

    The form is canonical: some numerator is odd, or all are 0 and so is the exponent.  Hence tensors
    of one shape hold the same reals exactly when exponents and numerators agree, whatever their dtypes.

    >>> import numpy as np
    >>> raw = RawTensor("b", "float32", (2,), np.array([0.375, -3], "<f4").tobytes())
    >>> stored = decode("example", raw)
    >>> stored.exponent, stored.numerators
    (-3, (3, -24))
    """

    name: str
    dtype: str
    shape: tuple[int, ...]
    exponent: int
    numerators: tuple[int, ...]


def check_headers(file: str, headers: Iterable[Header]) -> None:
    """Refuse, before anything is allocated, tensors that cannot be read: a :class:`WeightsError` says which and why."""
    numbers = 0
    for header in headers:
        name, shape = header.name, header.shape
        if not 1 <= len(name) <= MAX_NAME:
            raise BadName(file, name[:40], f"{len(name)} characters")
        if header.dtype not in LAYOUTS:
            raise UnsupportedDtype(file, name, header.dtype[:40])
        if len(shape) > MAX_AXES:
            raise BadShape(file, name, f"at most {MAX_AXES} axes", f"{len(shape)}")
        if any(size < 1 for size in shape):
            raise BadShape(file, name, "axes of length 1 or more", f"shape {axes_text(shape)}")
        numbers += prod(shape)
        if numbers > MAX_NUMBERS:
            raise TooManyNumbers(file, MAX_NUMBERS, numbers)
    if numbers == 0:
        raise NoTensors(file)


def decode(file: str, raw: RawTensor) -> StoredTensor:
    """The exact values of a raw tensor whose header :func:`check_headers` accepted.

    Raises :class:`BadShape` when bytes and shape disagree, :class:`NotFinite` at the first NaN or infinity.
    """
    layout = LAYOUTS[raw.dtype]
    if len(raw.data) != layout.size * prod(raw.shape):
        expected = f"{layout.size * prod(raw.shape)} bytes for shape {axes_text(raw.shape)} of {raw.dtype}"
        raise BadShape(file, raw.name, expected, f"{len(raw.data)}")
    bits = np.frombuffer(raw.data, dtype=f"<u{layout.size}").astype(np.uint64)
    fractions = (bits & np.uint64(2**layout.fraction - 1)).astype(np.int64)
    fields = ((bits >> np.uint64(layout.fraction)) & np.uint64(2**layout.exponent - 1)).astype(np.int64)
    negative = (bits >> np.uint64(8 * layout.size - 1)).astype(bool)

    special = np.flatnonzero(fields == 2**layout.exponent - 1)
    if special.size:
        first = int(special[0])
        found = "NaN" if fractions[first] else "-infinity" if negative[first] else "infinity"
        index = tuple(int(i) for i in np.unravel_index(first, raw.shape))
        raise NotFinite(file, raw.name, index, found)

    significands = fractions + (fields > 0) * np.int64(2**layout.fraction)
    signed = np.where(negative, -significands, significands)
    shifts = np.maximum(fields, 1) - 1  # over the smallest subnormal number
    integers = [number << shift for number, shift in zip(signed.tolist(), shifts.tolist(), strict=True)]
    lowest = reduce(operator.or_, integers, 0)
    if lowest == 0:
        return StoredTensor(raw.name, raw.dtype, raw.shape, 0, tuple(integers))
    common = (lowest & -lowest).bit_length() - 1
    exponent = 1 - layout.bias - layout.fraction + common
    return StoredTensor(raw.name, raw.dtype, raw.shape, exponent, tuple(number >> common for number in integers))

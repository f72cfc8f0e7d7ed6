"""Tensors as they lie in a file: a name, a dtype, a shape, bytes. Bits become integers here; floats never occur."""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass

from .budget import MAX_MATRIX_BITS, within
from .errors import Code, Failure


@dataclass(frozen=True)
class Format:
    """A binary floating-point format: bytes of a word, its struct letter, stored significand bits, exponent bits."""

    size: int
    letter: str
    significand: int
    exponent: int


FORMATS = {
    "float16": Format(2, "H", 10, 5),
    "bfloat16": Format(2, "H", 7, 8),
    "float32": Format(4, "I", 23, 8),
    "float64": Format(8, "Q", 52, 11),
}

# Integers, as tables of tasks have them: the struct letter of a word. No weight is one.
INTEGERS = {"int8": "b", "int16": "h", "int32": "i", "int64": "q"}
INTEGERS |= {f"u{name}": letter.upper() for name, letter in INTEGERS.items()}
SIZES = {name: form.size for name, form in FORMATS.items()}
SIZES |= {name: struct.calcsize(f"<{letter}") for name, letter in INTEGERS.items()}


@dataclass(frozen=True)
class Stored:
    """One tensor of a file. ``payload`` gives its little-endian bytes; ``columns_first`` is Fortran order."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    payload: Callable[[], bytes]
    columns_first: bool = False


def dyadic_of_word(word: int, form: Format) -> tuple[int, int] | None:
    """The number stored in ``word`` as (M, E), M * 2**E with M odd or (0, 0); None for NaN and infinity.

    IEEE 754: sign, biased exponent, significand; exponent field zero means no hidden one.

    >>> dyadic_of_word(0xC0600000, FORMATS["float32"])
    (-7, -1)
    """
    fraction = word & ((1 << form.significand) - 1)
    field = word >> form.significand & ((1 << form.exponent) - 1)
    negative = word >> (form.significand + form.exponent)
    if field == (1 << form.exponent) - 1:
        return None
    if field:
        fraction |= 1 << form.significand
    if fraction == 0:
        return 0, 0
    bias = (1 << (form.exponent - 1)) - 1
    zeros_below = (fraction & -fraction).bit_length() - 1
    odd = fraction >> zeros_below
    return (-odd if negative else odd), max(field, 1) - bias - form.significand + zeros_below


def exact(file: str, tensor: Stored, count: int) -> tuple[tuple[int, ...], int]:
    """The ``count`` numbers as they lie, as integers over one power of two; E133 for NaN or infinity.

    The payload has the right length (the readers see to it).
    """
    form = FORMATS[tensor.dtype]
    numbers: list[tuple[int, int]] = []
    for entry, word in enumerate(struct.unpack(f"<{count}{form.letter}", tensor.payload())):
        number = dyadic_of_word(word, form)
        if number is None:
            raise Failure(Code.E133, file=file, name=tensor.name, entry=entry)
        numbers.append(number)
    unit = min((e for m, e in numbers if m), default=0)
    top = max((e for m, e in numbers if m), default=0)
    within("a matrix in bits", count * (top - unit + form.significand + 1), MAX_MATRIX_BITS)
    return tuple(m << (e - unit) if m else 0 for m, e in numbers), unit

"""Canonical texts of exact matrices and their hashes (docs/certificate.md §1.3).

>>> from .arithmetic.dyadic import DyadicMatrix
>>> print(tensor_text(DyadicMatrix.from_integers(1, 3, [6, 0, -1], exponent=-2), (3,)), end="")
mechproof-tensor/1 3
3p-1
0
-1p-2
"""

from __future__ import annotations

import hashlib
import json
from typing import Any

from .arithmetic.dyadic import DyadicMatrix
from .arithmetic.tensor import DyadicTensor


def number_text(numerator: int, exponent: int) -> str:
    """The number numerator·2^exponent: odd mantissa in hex, exponent in decimal, or 0.

    >>> number_text(-12, -3), number_text(0, 5)
    ('-3p-1', '0')
    """
    if numerator == 0:
        return "0"
    twos = (numerator & -numerator).bit_length() - 1
    return f"{numerator >> twos:x}p{exponent + twos}"


def tensor_text(tensor: DyadicMatrix | DyadicTensor, shape: tuple[int, ...] | None = None) -> str:
    """One line of shape, then one line an entry, row by row."""
    if isinstance(tensor, DyadicTensor):
        entries = tensor.numerators.reshape(-1).tolist()
    else:
        entries = [entry for row in tensor.integers() for entry in row]
    lines = ["mechproof-tensor/1 " + "x".join(map(str, shape or tensor.shape))]
    lines += [number_text(entry, tensor.exponent) for entry in entries]
    return "\n".join(lines) + "\n"


def tensor_digest(tensor: DyadicMatrix | DyadicTensor, shape: tuple[int, ...] | None = None) -> str:
    """Lower-case hex sha256 of :func:`tensor_text`."""
    return hashlib.sha256(tensor_text(tensor, shape).encode("ascii")).hexdigest()


def canonical_json(value: Any) -> str:
    """Compact ASCII JSON that keeps the order of keys; raises :class:`TypeError` unless all is str, int, list and
    dict."""
    _refuse_the_rest(value)
    return json.dumps(value, ensure_ascii=True, allow_nan=False, separators=(",", ":"))


def _refuse_the_rest(value: Any) -> None:
    if isinstance(value, dict):
        for key in value:
            if not isinstance(key, str):
                raise TypeError(f"a key of type {type(key).__name__} has no place in a certificate")
        value = value.values()
    elif not isinstance(value, list | tuple):
        if not isinstance(value, int | str) or isinstance(value, bool):
            raise TypeError(f"{type(value).__name__} has no place in a certificate")
        return
    for item in value:
        _refuse_the_rest(item)


def digest(value: Any) -> str:
    """Hash of a JSON-like value, for identities of claims."""
    return hashlib.sha256(canonical_json(value).encode("ascii")).hexdigest()

"""Stored tensors as the exact tensors of layers."""

from __future__ import annotations

from ...engine.arithmetic.tensor import DyadicTensor
from ..weights import StoredTensor


def exact(stored: StoredTensor) -> DyadicTensor:
    """The same numbers and shape."""
    return DyadicTensor.of(stored.shape, stored.numerators, stored.exponent)


def of_axes(stored: StoredTensor, axes: int) -> DyadicTensor:
    """The same numbers with leading axes of length 1 dropped until there are so many axes.

    A shape that does not allow it stays as it is; the layer then says what it expects.
    """
    tensor = exact(stored)
    while len(tensor.shape) > axes and tensor.shape[0] == 1:
        tensor = tensor[0]
    return tensor


def of_heads(stored: StoredTensor, axes: int) -> DyadicTensor:
    """The same for a tensor whose first axis counts heads: one head may stand without that axis."""
    tensor = of_axes(stored, axes)
    return tensor.rearranged(tensor.numerators[None]) if len(tensor.shape) == axes - 1 else tensor

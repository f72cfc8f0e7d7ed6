"""Singular values: a matrix norm is a claim about its matrix, and beside it stands the certified norm."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np
from flint import arb
from torch import Tensor

from ...engine.arithmetic.ball import precision
from ...engine.arithmetic.dyadic import DyadicMatrix
from ...engine.arithmetic.spectral import spectral_norm_up
from .twofold import Twofold

if TYPE_CHECKING:
    from .machine import Machine

# A norm is enclosed to about as many bits as doubles have, from a matrix rounded to this many behind the point.
NORM_BITS, PLACES = 50, 120


def _second(args: tuple[Any, ...], kwargs: dict) -> bool:
    matrix, *rest = args
    order = kwargs.get("ord", kwargs.get("p", rest[0] if rest else None))
    return isinstance(order, (int, float)) and order == 2 and matrix.dim() == 2


NORMS: Mapping[str, Callable[[tuple, dict], bool]] = {"linalg_matrix_norm": _second, "linalg_norm": _second}


def beside_norm(machine: Machine, func: Callable, args: tuple, kwargs: dict) -> Any:
    """The library's spectral norm, with the certified one beside it."""
    result = machine.quietly(func, args, kwargs)
    machine.record.operations["linalg_matrix_norm"] += 1
    machine.put(result, enclosed(machine, args[0]).reshape(tuple(result.shape)), "linalg_matrix_norm")
    return result


def enclosed(machine: Machine, matrix: Tensor) -> Any:
    numbers = machine.memory.read(matrix)
    low, high = spectral(numbers.mid(), numbers.radius())
    return machine.memory.kind.between(np.array(low), np.array(high))


def spectral(middles: np.ndarray, radii: np.ndarray) -> tuple[float, float]:
    """Doubles around the spectral norm of every matrix within radii: middles are rounded once, by at most an ulp.

    Below, the stretch of one vector; above, power traces; then what the rest of the matrix may add, its Frobenius norm.
    """
    rest = radii + np.abs(middles) * 2.0**-52
    with precision(256):
        if not np.isfinite(middles).all() or not np.isfinite(rest).all():
            return 0.0, float("inf")
        spare = sum((arb(float(value)) ** 2 for value in rest.ravel()), arb(0)).sqrt()
        vector = np.linalg.svd(middles)[2][0]
        length = sum((arb(float(value)) ** 2 for value in vector), arb(0)).sqrt()
        stretched = [
            sum((arb(float(a)) * arb(float(b)) for a, b in zip(row, vector, strict=True)), arb(0)) for row in middles
        ]
        below = sum((value**2 for value in stretched), arb(0)).sqrt() / length - spare
        rounded = [round(Fraction(value) * 2**PLACES) for value in middles.ravel().tolist()]
        dyadic = DyadicMatrix.from_integers(middles.shape[0], middles.shape[1], rounded, -PLACES)
        numerator, exponent = spectral_norm_up([dyadic], NORM_BITS)
        cut = arb(2) ** -PLACES * middles.size
        above = arb(int(numerator)) * arb(2) ** int(exponent) + cut + spare
        ends = Twofold.between(np.array(float(below.lower())), np.array(float(above.upper())))
        return max(0.0, float(ends.low())), float(ends.high())

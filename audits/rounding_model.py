"""What one float run's numbers say of every other run: the model of rounding, and the errors of stored numbers.

Model.  A format has unit u, least normal number λ and largest number Ω.  An elementary operation with real result r
gives r(1 + δ), |δ| <= u, as long as that is at most Ω; one below λ is rounded to what is left there, or to zero, when
it is stored or when it is read, which costs at most λ.  It may also be done in a wider format, of unit u' <= u² and
λ' <= λ, and rounded to the format before it is stored; products may be fused with additions.  exp and log err by at
most EXP_ULPS units in the last place, hence by 2·EXP_ULPS·u relatively.  softmax subtracts the largest score, then
divides by the sum, or multiplies by its rounded reciprocal, and may round the exponentials that it adds up, or those
that it divides, or both; mean likewise.  A spectral norm is the norm of a matrix that is off by at most 32(m + n)·u in
the Frobenius norm, relatively: an assumption about the library, for what LAPACK's users' guide calls "a modestly
growing function" (11(m + n)·u were seen in single precision, where singular values nearly coincide).  Not covered:
Strassen-like products, TF32, fused attention, accumulators that cut off, quotients by way of a rounded reciprocal.

Lemma 1.  m roundings, some of them wide, with the one for storing, change a number by a factor 1 + θ with |θ| <= γ_m =
m·u/(1 - m·u), if m·u < 1.  Proof.  If none is wide: Higham, lemma 3.1.  Else they are at most m - 1 of u, one of u' and
one of u for storing, and (1 + u')(1 + u) <= 1/(1 - u) as u' <= u²; more wide ones are less.

Lemma 2.  Let this run have v, another run v', the exact value be x, |v - x| <= e, |v' - x| <= e.  Then |x| <= |v| + e
and |v'| <= |v| + 2e.  (``true`` and ``any`` below.)

Source: N. Higham, *Accuracy and Stability of Numerical Algorithms*, chapters 2 and 3.

>>> Format.of(torch.float16).rounded(1, np.zeros(2), np.array([1.0, 70000.0]), tiny=0) > 2**-11
array([ True,  True])
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..engine.errors import MechproofError
from .outward import down, up


@dataclass(eq=False)
class NoErrorBound(MechproofError):
    """A verifier uses an operation that has no rule here."""

    operation: str
    sentence = "the float run uses {operation}, which has no bound of its rounding error here"


@dataclass(frozen=True)
class Format:
    """A float type: unit, least normal number, largest number."""

    unit: float
    least: float
    largest: float

    @staticmethod
    def of(dtype: torch.dtype) -> Format:
        kind = torch.finfo(dtype)
        return Format(kind.eps / 2, kind.tiny, kind.max)

    def gamma(self, roundings: int) -> np.ndarray:
        many = roundings * self.unit
        return up(many / (1 - many)) if many < 1 else np.asarray(np.inf)

    def rounded(self, roundings: int, moved: Any, size: Any, tiny: int = 1) -> np.ndarray:
        """``moved``, and what so many roundings do to terms of ``size`` together; infinite if they may overflow."""
        grown = up(1 + self.gamma(roundings))
        error = up(moved + up(self.gamma(roundings) * size) + grown * tiny * self.least)
        return np.where(up(size * grown) + error <= self.largest, error, np.inf)


@dataclass(frozen=True)
class Seen:
    """This run's values as doubles, and their errors."""

    value: np.ndarray
    error: np.ndarray

    @property
    def true(self) -> np.ndarray:
        """At least the exact sizes."""
        return up(np.abs(self.value) + self.error)

    @property
    def any(self) -> np.ndarray:
        """At least the sizes in any run."""
        return up(np.abs(self.value) + 2 * self.error)

    @property
    def no_less(self) -> np.ndarray:
        """At most the sizes in any run, and exactly."""
        return down(np.maximum(np.abs(self.value) - 2 * self.error, 0))

    def maxima(self, axis: int | None) -> np.ndarray:
        """The largest error among entries that may be largest along an axis, which stays with one place."""
        reach = up(2 * self.error + np.abs(self.value) * 2.0**-51)
        beaten = self.value + reach < np.max(self.value - reach, axis=axis, keepdims=True)
        return np.max(np.where(beaten, 0, self.error), axis=axis, keepdims=True)


def numbers_of(value: Tensor) -> np.ndarray:
    """All floats are doubles."""
    return value.detach().double().numpy()


def error_of(value: Tensor) -> np.ndarray:
    """The bound beside a tensor; one with nothing beside it is exact, but tiny numbers may be read as zero.

    Raises :class:`NoErrorBound` if the tensor changed since it has its bound.
    """
    found = getattr(value, "error", None)
    if found is None:
        numbers = np.abs(numbers_of(value))
        found = np.where(numbers < torch.finfo(value.dtype).tiny, numbers, 0.0) if value.is_floating_point() else None
        found = np.zeros(numbers.shape) if found is None else found
        carry(value, found)
    if getattr(value, "version", value._version) != value._version:
        raise NoErrorBound("a tensor that was written to under another name")
    return found


def carry(value: Tensor, error: np.ndarray) -> None:
    """From now on ``error`` is beside the tensor as it stands."""
    value.error, value.version = error, value._version  # type: ignore[attr-defined]


def distance(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """At least the distance; equal numbers, and what is none on purpose, have none."""
    with np.errstate(invalid="ignore"):  # of equal infinities
        return np.where((a == b) | (np.isnan(a) & np.isnan(b)), 0.0, up(np.abs(a - b)))


def operand(value: Any, dtype: torch.dtype) -> Seen:
    """An operand as an operation in this type reads it: numbers that it does not hold are rounded, tiny ones lost."""
    if isinstance(value, Tensor) and value.is_floating_point():
        found = Seen(numbers_of(value), error_of(value))
        if torch.promote_types(value.dtype, dtype) == dtype:
            return found
        return Seen(found.value, Format.of(dtype).rounded(1, found.error, found.any))
    given = value if isinstance(value, Tensor) else torch.tensor(value, dtype=torch.float64)
    numbers, rounded = numbers_of(given), numbers_of(given.to(dtype))
    held = value is given or not isinstance(value, int) or abs(value) <= 2**53
    sizes, error = np.abs(numbers), distance(numbers, rounded)
    error = np.where(sizes < Format.of(dtype).least, np.maximum(error, sizes), error)
    return Seen(numbers, error if held else np.asarray(np.inf))

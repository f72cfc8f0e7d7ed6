"""The directions in which a matrix stretches: its right singular vectors, to many bits.  Untrusted: what is concluded
from directions holds for any.

A decomposition in floats is refined by Newton steps.  With S = (M X)ᵀ(M X) and R = 1 - XᵀX, replacing X by X + X E,

    E[i,j] = (S[i,j] + S[j,j] R[i,j]) / (S[j,j] - S[i,i])  for i ≠ j,        E[i,i] = R[i,i]/2,

squares what is wrong in S and R.  Columns that are too close together for such a step are only made orthogonal, and
decomposed among themselves, where floats see them magnified; columns that are not stretched at all are left.

Source: Ogita and Aishima, Iterative refinement for symmetric eigenvalue decomposition (2018).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from flint import fmpz_mat

from ...engine.arithmetic.dyadic import DyadicMatrix

# What is carried beyond the bits asked for, and the most steps: each doubles the bits that are right.
GUARD = 24
STEPS = 40
# A step longer than 2^-NEAR is no Newton step.
NEAR = 6
# What a double holds of each entry, and more.
MANTISSA = 60

Rows = Sequence[Sequence[int]]


def principal_directions(matrix: DyadicMatrix, bits: int) -> DyadicMatrix:
    """For m × n with m >= n: n × n with nearly orthonormal columns in units of 2^-``bits``, the most stretched first
    (but for those that lie close together)."""
    work, size = bits + GUARD, matrix.shape[1]
    m = _shortened(matrix.numerators, work)
    x = _fixed(_turn(m), work)
    one, unit = _identity(size, work), _identity(size, 2 * work)
    for _ in range(STEPS):
        y = m * x
        stretched, skew = _rows(y.transpose() * y), _rows(unit - x.transpose() * x)
        step, close = _step(stretched, skew, bits, work)
        x = _halved(x * (one + fmpz_mat(step)), work)
        if close:
            x = _turned(m, x, close, work)
        elif all(abs(entry) >> GUARD == 0 for row in step for entry in row):
            break
    return DyadicMatrix(_halved(x, GUARD), -bits)


def coarse_directions(matrix: DyadicMatrix, bits: int) -> DyadicMatrix:
    """The same as floats see them, without refinement, in units of 2^-``bits``: for matrices with many columns."""
    return DyadicMatrix(_fixed(_turn(_shortened(matrix.numerators, bits)), bits), -bits)


def _step(stretched: Rows, skew: Rows, bits: int, work: int) -> tuple[list[list[int]], list[int]]:
    """E in units of 2^-``work``, and the columns between which it makes no Newton step though it should."""
    size = range(len(stretched))
    nothing = max(stretched[i][i] for i in size) >> 2 * bits
    step = [[skew[i][j] >> work + 1 for j in size] for i in size]
    close: set[int] = set()
    for i in size:
        for j in size:
            here, there = stretched[i][i], stretched[j][j]
            off = stretched[i][j] + (there * skew[i][j] >> 2 * work)
            if i == j or max(here, there) <= nothing:
                continue
            if abs(off) << NEAR < abs(there - here):
                step[i][j] = (off << work) // (there - here)
            elif abs(off) > nothing:
                close |= {i, j}
    return step, sorted(close)


def _turned(m: fmpz_mat, x: fmpz_mat, columns: Sequence[int], work: int) -> fmpz_mat:
    """These columns, decomposed among themselves."""
    rows = _rows(x)
    some = fmpz_mat([[row[j] for j in columns] for row in rows])
    better = _rows(_halved(some * _fixed(_turn(m * some), work), work))
    for row, new in zip(rows, better, strict=True):
        for j, entry in zip(columns, new, strict=True):
            row[j] = entry
    return fmpz_mat(rows)


def _turn(matrix: fmpz_mat) -> np.ndarray:
    """Right singular vectors as columns, in floats."""
    try:
        return np.linalg.svd(_floats(matrix), full_matrices=False)[2].T
    except np.linalg.LinAlgError:
        return np.eye(matrix.ncols())


def _floats(matrix: fmpz_mat) -> np.ndarray:
    """The matrix, scaled by a power of two so that its largest entry is about 1."""
    rows = _rows(matrix)
    bits = max(abs(entry) for row in rows for entry in row).bit_length()
    drop = max(bits - MANTISSA, 0)
    return np.array([[entry >> drop for entry in row] for row in rows], dtype=float) * 2.0 ** (drop - bits)


def _fixed(values: np.ndarray, work: int) -> fmpz_mat:
    """Numbers of at most 1 or so in units of 2^-``work``."""
    bits = min(work, MANTISSA)
    return fmpz_mat([[int(entry) << work - bits for entry in row] for row in np.rint(values * 2.0**bits)])


def _rows(matrix: fmpz_mat) -> list[list[int]]:
    return [[int(entry) for entry in row] for row in matrix.tolist()]


def _identity(size: int, exponent: int) -> fmpz_mat:
    return fmpz_mat(size, size, [(i == j) << exponent for i in range(size) for j in range(size)])


def _halved(matrix: fmpz_mat, times: int) -> fmpz_mat:
    """Divided by 2^``times`` and rounded."""
    half = 1 << times >> 1
    return fmpz_mat(*(matrix.nrows(), matrix.ncols()), [int(entry) + half >> times for entry in matrix.entries()])


def _shortened(matrix: fmpz_mat, bits: int) -> fmpz_mat:
    """With entries of at most so many bits."""
    drop = max(abs(int(entry)) for entry in matrix.entries()).bit_length() - bits
    return _halved(matrix, drop) if drop > 0 else matrix

"""A bound of the spectral norm of a b, from the weights alone: powers of small matrices, in integers; no advice.

G = a^T a, H_0 = b b^T and X_j = a H_j a^T; X >= Y says that X - Y is symmetric and x^T (X - Y) x >= 0 for every x.
If H_{j+1} >= H_j G H_j then X_j^2 = a H_j G H_j a^T <= X_{j+1}, and for |v| = 1 Cauchy-Schwarz gives
(v^T X_j v)^2 <= v^T X_j^2 v <= v^T X_{j+1} v. So |v^T a b|^2 = v^T X_0 v has a 2^j-th power of at most v^T X_j v, which
is at most trace X_j = trace G H_j. A larger G is that of an a with more rows, for which v^T a b may be larger only.
"""

from __future__ import annotations

from math import isqrt
from operator import mul

from .budget import Budget
from .dyadic import Matrix, matrix, product, transpose


def raised(a: Matrix, bits: int) -> Matrix:
    """A matrix >= a, for a symmetric matrix >= 0, with diagonal entries of some ``bits`` bits.

    Dropping digits below u subtracts a symmetric matrix with entries in [0, u), whose form is at most u (sum |x_i|)^2
    <= n u |x|^2; so n u is added to the diagonal.

    >>> raised(matrix([[7, 3], [3, 7]], 0), 2)
    Matrix(rows=((5, 1), (1, 5)), exponent=1)
    """
    size = len(a.rows)
    drop = max(a.rows[i][i] for i in range(size)).bit_length() - bits
    if drop <= 0:
        return a
    rows = ([(v >> drop) + size * (i == j) for j, v in enumerate(row)] for i, row in enumerate(a.rows))
    return matrix(rows, a.exponent + drop)


def root_up(numerator: int, exponent: int, bits: int) -> tuple[int, int]:
    """(n, e) with n * 2**e at least the square root of numerator * 2**exponent, above it by 2**-bits of it at most.

    >>> root_up(2, 0, 4)
    (23, -4)
    """
    shift = 2 * bits + exponent % 2
    root = isqrt(numerator << shift)
    return root + (root * root < numerator << shift), (exponent - shift) // 2


def squared_norm_up(a: Matrix, b: Matrix, bits: int, budget: Budget) -> tuple[int, int]:
    """(n, e) with |x^T a b|^2 <= n * 2**e * |x|^2 for every x, and for |a b x|^2; 2**-bits too large or so.

    The inner size d is the small one: 2 (bits + 2) products of d x d matrices.
    """
    working = 2 * bits + 64
    size = b.shape[0]
    g = raised(product(transpose(a), a, budget), working)
    h = raised(product(b, transpose(b), budget), working)
    steps = bits + size.bit_length().bit_length()
    for _ in range(steps):
        h = raised(product(product(h, g, budget), h, budget), working)
    # both are symmetric, so this is the trace of their product
    numerator, exponent = (
        sum(sum(map(mul, *rows)) for rows in zip(g.rows, h.rows, strict=True)),
        g.exponent + h.exponent,
    )
    for _ in range(steps):
        numerator, exponent = root_up(numerator, exponent, working)
    return numerator, exponent

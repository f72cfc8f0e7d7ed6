"""What a proof costs: operations of the verifier, as polynomials in the sizes of the network.

Advice is free (it is not part of the proof); everything a rule computes is charged.

>>> from sympy import symbols
>>> V, K = symbols("V K", positive=True, integer=True)
>>> cost = Cost(multiply=V**3 * K, compare=V**2) + Cost(add=5)
>>> print(cost.leading())
K*V**3
>>> cost.evaluate({"V": 64, "K": 4}).total
1052677
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields

import sympy
from sympy import Expr, S


@dataclass(frozen=True)
class Cost:
    """Numbers of multiplications, additions, exponentials and comparisons (sympy expressions)."""

    multiply: Expr | int = S.Zero
    add: Expr | int = S.Zero
    exp: Expr | int = S.Zero
    compare: Expr | int = S.Zero

    def __add__(self, other: Cost) -> Cost:
        return Cost(*(a + b for a, b in zip(self.terms(), other.terms(), strict=True)))

    def terms(self) -> tuple[Expr, ...]:
        return tuple(sympy.sympify(getattr(self, field.name)) for field in fields(self))

    @property
    def total(self) -> Expr:
        return sum(self.terms(), S.Zero)

    def leading(self) -> Expr:
        """The total's monomials of which no other is a multiple, coefficients dropped: what O(·) shows."""
        monomials = {term.as_coeff_Mul()[1] for term in sympy.Add.make_args(sympy.expand(self.total))}
        top = [m for m in monomials if not any(m != n and _divides(m, n) for n in monomials)]
        return sympy.powsimp(sympy.Add(*top))

    def evaluate(self, sizes: Mapping[str, int]) -> Cost:
        """The numbers for given sizes (by symbol name)."""
        return Cost(
            *(term.subs({s: sizes[str(s)] for s in term.free_symbols if str(s) in sizes}) for term in self.terms())
        )


def _divides(m: Expr, n: Expr) -> bool:
    """Whether n is known to be a multiple of m; exponents may be symbols, as in V^(K+1)."""
    powers = n.as_powers_dict()
    mine = [(base, power) for base, power in m.as_powers_dict().items() if base != 1]
    return all(sympy.sympify(powers[base] - power).is_nonnegative for base, power in mine)

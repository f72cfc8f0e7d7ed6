"""Whether neurons read both tokens in one way: how far l and r are apart.

Theorem.  Let l_i and r_i be what neuron i reads of the first and of the second token, both about their means over the
tokens.  The share Σ (l_i - r_i)² / (Σ l_i² + Σ r_i²) is 0 if and only if they are the same function, 1 if they are
orthogonal, and 2 if each is the negative of the other.

On a cyclic group l_i = A cos(2πf x/n + φ) and r_i = B cos(2πf y/n + ψ) have the share
1 - 2 A B cos(φ - ψ) / (A² + B²).  The reading of ReLU networks as quadrature (arXiv 2412.03773) needs the same
amplitude and phase on both sides, for then A cos(…x…) + A cos(…y…) = 2 A cos(πf(x - y)/n) cos(πf(x + y)/n + φ) for all
neurons of a frequency, and the first cosine is a factor that all share.  Where the phases of the two sides are
independent there is no such factor.

Proof.  [@distance-and-products] for columns about their means.  ∎

Source: arXiv 2412.03773; the MLPs of arXiv 2302.03025 on cyclic groups, where phases turn out to be independent.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from ...engine.arithmetic.printing import ceil_str, floor_str
from ...engine.claim import Claim
from ...engine.cost import Cost
from ...engine.digest import digest
from ...engine.formula import At, Num, Range, Total, Var
from ...engine.rule import Lemma, NotEstablished, Rule
from ...models.statement import Statement
from .separable_relu import SeparableRelu

DIGITS = 4
SAME = Fraction(1, 20)  # a share up to which two readings are called the same
_j, _k = Var("j"), Var("k")
_tokens = Range(Num(0), _k)


def _sum(of: Any) -> Total:
    return Total(_j, _tokens, of)


_l, _r = At("l", _j), At("r", _j)
APART = Lemma(
    label="distance-and-products",
    title="How far apart two functions are",
    given="For all reals $l_j$, $r_j$ with $j < k$:",
    statement=_sum((_l - _r) * (_l - _r)).equals(_sum(_l * _l) + _sum(_r * _r) - Num(2) * _sum(_l * _r)),
    proof="$(a - b)^2 = a^2 + b^2 - 2ab$.",
    source="arithmetic",
)


@dataclass(frozen=True, eq=False)
class SharedPhases(Claim):
    """``apart[i]``: the share of neuron i (0 where it reads nothing), ``whole``: that of all neurons together."""

    statement: Statement
    apart: tuple[Fraction, ...]
    whole: Fraction

    kind = "shared_phases"

    def conclusion(self) -> dict[str, Any]:
        return {"kind": self.kind}

    def identity(self) -> str:
        return digest([self.statement.sha256, [str(share) for share in (*self.apart, self.whole)]])

    def sentence(self) -> str:
        same = sum(share <= SAME for share in self.apart)
        low, high = floor_str(self.whole, DIGITS), ceil_str(self.whole, DIGITS)
        number = f"${low}$" if low == high else f"between ${low}$ and ${high}$"
        applies = same == len(self.apart)
        verdict = (
            "so both tokens are read in one way, as quadrature needs"
            if applies
            else "so the phases of the two sides are not shared, and the logits are no quadrature"
        )
        return (
            f"What neurons read of $x$ and of $y$ is apart by a share of {number} of its energy about the means (0: "
            f"the same function, 1: independent ones); ${same}$ of ${len(self.apart)}$ neurons are apart by at most "
            f"${ceil_str(SAME, 2)}$, {verdict}."
        )


class SharedPhasesRule(Rule):
    """No advice; refuses right answers that change with the order of the tokens."""

    name = "shared_phases"
    premises = (SeparableRelu,)
    lemmas = (APART,)
    derivation = "Sums of squares and products of exact numbers about their means, by [@distance-and-products]."
    cost = Cost()

    def conclude(self, premises: Sequence[Any], advice: Any) -> SharedPhases:
        form: SeparableRelu = premises[0]
        if form.left.shape != form.right.shape or not (form.answers == form.answers.T).all():
            raise NotEstablished(self.tag, "the right answers are not those of a commutative group")
        exponent = min(form.left.exponent, form.right.exponent)
        columns = [
            list(zip(*([int(v) for v in row] for row in table.at_exponent(exponent).tolist()), strict=True))
            for table in (form.left, form.right)
        ]
        pairs = [_apart(left, right) for left, right in zip(*columns, strict=True)]
        whole = sum(apart for apart, _ in pairs), sum(energy for _, energy in pairs)
        return SharedPhases(form.statement, tuple(_share(*pair) for pair in pairs), _share(*whole))


def _apart(left: Sequence[int], right: Sequence[int]) -> tuple[int, int]:
    """(n Σ (l - r)², n Σ l² + n Σ r²) about the means.

    >>> _apart([1, 2, 3], [2, 3, 4]), _apart([1, 0], [0, 1])
    ((0, 12), (4, 2))
    """
    n = len(left)
    squares = [n * sum(v * v for v in side) - sum(side) ** 2 for side in (left, right)]
    mixed = n * sum(a * b for a, b in zip(left, right, strict=True)) - sum(left) * sum(right)
    return sum(squares) - 2 * mixed, sum(squares)


def _share(apart: int, energy: int) -> Fraction:
    return Fraction(apart, energy) if energy else Fraction(0)

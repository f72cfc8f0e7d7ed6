"""A network of two tokens on integer grids, one grid a neuron, with the error of its logit differences.

Theorem.  Let σ_i > 0 be natural numbers and S = 2^T.  Round σ_i l_i(x), σ_i r_i(y), S u_i(z)/σ_i (less any integer
c_i), S a(x, z) and S b(y, z) to integers l', r', u', a', b', and put
F_z(x, y) = Σ_i u'_i(z) max(l'_i(x) + r'_i(y), 0) + a'(x, z) + b'(y, z).  Then every difference of two logits, times S,
is within ``slack`` of that of F.

The grids do two things at once.  They make all that follows exact integer arithmetic, and, as σ_i is advice, they
balance the neurons: a norm of rounded numbers is a weighted norm of the real ones, so the weights of the weighted
Cauchy-Schwarz inequality need no words of their own.

Proof.  [@grid-network] for each of the two outputs, with ζ_i = 1 + σ_i times the radius of what neuron i reads; a
constant c_i σ_i/S taken from u_i(z) for all z moves all logits alike; a' errs by a half, and so does b' unless it is
zero throughout.  Σ_i max(l' + r', 0) is at most the sum of the maxima.  ∎

Source: rounding; the cross terms ζ/2 are part of the bound.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from ...engine.arithmetic.dyadic import DyadicMatrix
from ...engine.claim import Claim
from ...engine.cost import Cost
from ...engine.formula import Absolute, Expr, ForAll, Larger, Num, Range, Total, Var, entry
from ...engine.rule import Lemma, NotEstablished, Rule
from ...models.statement import Statement
from .separable_relu import SeparableRelu

ENTRY_BITS = 48  # of an entry of a rounded table
MOST_BITS = 64
_i, _k, _s = Var("i"), Var("k"), Var("s")
_S, _d, _difference = Var("S"), Var("d"), Var("D")
_neurons = Range(Num(0), _k)
_half = Num(1).over(Num(2))


def relu(number: Expr) -> Expr:
    """max(number, 0)."""
    return Larger(number, Num(0))


_scaled_out = (_S * entry("u", _i)).over(entry("\\sigma", _i))
_known = entry("l'", _i) + entry("r'", _i)
GRID = Lemma(
    label="grid-network",
    title="A hidden layer on integer grids",
    given=(
        "For all reals $p_i$, $u_i$, $\\zeta_i$, integers $l'_i$, $r'_i$, $u'_i$, and $\\sigma_i, S > 0$ with $i < k$:"
    ),
    statement=ForAll(
        _i, _neurons, Absolute(entry("\\sigma", _i) * entry("p", _i) - _known) <= entry("\\zeta", _i)
    ).implies(
        ForAll(_i, _neurons, Absolute(_scaled_out - entry("u'", _i)) <= _half).implies(
            Absolute(
                _S * Total(_i, _neurons, entry("u", _i) * relu(entry("p", _i)))
                - Total(_i, _neurons, entry("u'", _i) * relu(_known))
            )
            <= Total(_i, _neurons, Absolute(entry("u'", _i)) * entry("\\zeta", _i))
            + Total(_i, _neurons, relu(_known) + entry("\\zeta", _i)).over(Num(2))
        )
    ),
    proof=(
        "Let $h_i = \\sigma_i \\max(p_i, 0) = \\max(\\sigma_i p_i, 0)$, $h'_i = \\max(l'_i + r'_i, 0)$ and "
        "$v_i = S u_i/\\sigma_i$. ReLU is 1-Lipschitz, so $|h_i - h'_i| \\le \\zeta_i$, and "
        "$h_i \\le h'_i + \\zeta_i$. "
        "$v_i h_i - u'_i h'_i = u'_i (h_i - h'_i) + (v_i - u'_i) h_i$ is at most "
        "$|u'_i| \\zeta_i + (h'_i + \\zeta_i)/2$ in size."
    ),
    source="ReLU is 1-Lipschitz",
)
GRID_MARGIN = Lemma(
    label="grid-margin",
    title="Deciding a sign from an integer that is near",
    given="For all reals $d$, $D$, $S > 0$ and $s$ (the real difference of two logits, and the integer one):",
    statement=(Absolute(_S * _d - _difference) <= _s).implies(
        (_difference > _s).implies(_d > Num(0)) & (_difference <= Num(0) - _s).implies(_d <= Num(0))
    ),
    proof="$S d \\ge D - s > 0$ in the first case, $S d \\le D + s \\le 0$ in the second.",
    source="the triangle inequality",
)


@dataclass(frozen=True)
class Grids:
    """Advice: ``bits`` T, and σ_i for every neuron."""

    bits: int
    scales: tuple[int, ...]


@dataclass(frozen=True, eq=False)
class GridNetwork(Claim):
    """``left`` (n × m), ``right`` (n' × m), ``out`` (m × C), ``left_out`` (n × C), ``right_out`` (n' × C), int64:
    S times a difference of two logits on (x, y) is within ``slack`` of that of
    Σ_i out[i, z]·max(left[x, i] + right[y, i], 0) + left_out[x, z] + right_out[y, z].

    ``exact``: whether that is so of the network itself, and not only of one near it.
    """

    statement: Statement
    grids: Grids
    left: np.ndarray
    right: np.ndarray
    out: np.ndarray
    left_out: np.ndarray
    right_out: np.ndarray
    slack: int
    answers: np.ndarray
    exact: bool

    kind = "grid_network"

    def conclusion(self) -> dict[str, Any]:
        return {"kind": self.kind}

    def identity(self) -> str:
        tables = (self.left, self.right, self.out, self.left_out, self.right_out)
        numbers = hashlib.sha256(b"".join(table.tobytes() for table in tables)).hexdigest()
        return f"{self.statement.sha256}:{self.grids.bits}:{self.slack}:{numbers}"

    def sentence(self) -> str:
        return (
            "With tables of integers in place of $l$, $r$, $u$ and $b$, every difference of two logits, times "
            f"$2^{{{self.grids.bits}}}$, is right up to ${self.slack}$."
        )

    @property
    def brute(self) -> int:
        """Multiply-adds of brute force: every input through every neuron to every output."""
        return self.left.shape[0] * self.right.shape[0] * self.out.shape[0] * self.out.shape[1]


class GridNetworkRule(Rule):
    """Advice: :class:`Grids`."""

    name = "grid_network"
    premises = (SeparableRelu,)
    lemmas = (GRID, GRID_MARGIN)
    derivation = (
        "The tables are rounded to grids, one a neuron, and each neuron's output weights are centred by an integer; by "
        "[@grid-network] the logits of the integers differ from the scaled real ones by no more than the slack's half, "
        "and [@grid-margin] is how a difference is decided."
    )
    cost = Cost()

    def conclude(self, premises: Sequence[Any], advice: Grids) -> GridNetwork:
        (form,) = premises
        neurons = form.left.shape[1]
        if not 0 <= advice.bits <= MOST_BITS or len(advice.scales) != neurons or min(advice.scales) < 1:
            raise NotEstablished(self.tag, f"{neurons} natural scales and at most {MOST_BITS} bits are needed")
        left, right = (rounded(self.tag, table, advice.scales) for table in (form.left, form.right))
        out = weights_on_grids(self.tag, form.out, advice)
        direct = [rounded(self.tag, t, (1 << advice.bits,) * out.shape[1]) for t in (form.left_out, form.right_out)]
        reach = [1 + self._ceil(form.radius.fraction(0, i) * s) for i, s in enumerate(advice.scales)]
        most = int((np.abs(out) * np.array(reach, dtype=np.int64)[:, None]).sum(axis=0).max())
        active = int(np.maximum(left.max(axis=0) + right.max(axis=0), 0).sum()) + sum(reach)
        besides = 2 * self._ceil(form.out_radius * (1 << advice.bits))
        besides += 1 + any(map(any, form.right_out.integers()))
        slack = 2 * most + active + besides
        a, b = direct
        return GridNetwork(form.statement, advice, left, right, out, a, b, slack, form.answers, form.exact)

    @staticmethod
    def _ceil(number: Fraction) -> int:
        return -(-number.numerator // number.denominator)

    def charge(self, premises: Sequence[Any], advice: Grids) -> Cost:
        (form,) = premises
        return Cost(multiply=sum(table.shape[0] * table.shape[1] for table in (form.left, form.right, form.out)))


def weights_on_grids(tag: str, out: DyadicMatrix, grids: Grids) -> np.ndarray:
    """S u_i(z) / σ_i, rounded and less an integer near the mean over z."""
    found = rounded(tag, out.T, (1 << grids.bits,) * out.shape[0], grids.scales).T
    return np.ascontiguousarray(found - (found.sum(axis=1) // found.shape[1])[:, None])


def rounded(tag: str, table: DyadicMatrix, scales: Sequence[int], divisors: Sequence[int] | None = None) -> np.ndarray:
    """The entries times their column's scale, over its divisor, rounded to the nearest integer.

    Raises :class:`NotEstablished` where one has more than ENTRY_BITS bits.
    """
    up, down = 1 << max(table.exponent, 0), 1 << max(-table.exponent, 0)
    below = [down * divisor for divisor in divisors or (1,) * len(scales)]
    rows = [
        [(2 * entry * s * up + d) // (2 * d) for entry, s, d in zip(row, scales, below, strict=True)]
        for row in table.integers()
    ]
    if any(abs(entry).bit_length() > ENTRY_BITS for row in rows for entry in row):
        raise NotEstablished(tag, f"a rounded table has an entry of more than {ENTRY_BITS} bits")
    return np.array(rows, dtype=np.int64)

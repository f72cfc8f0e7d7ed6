"""A head that takes a mean, of numbers, whose sign an MLP reads: what a network for running sums does, and how far that
alone goes.

Theorem.  At a read position with n tokens, let no weight be more than 1 + ε times another one for any query token.  Let
a table g(p, t) lie within d of a·val(t) + b and within G of b.  Then the mean of g over the tokens, as attention weighs
them, lies within d + ε G of a s/n + b, s the sum of the values of the tokens.

Proof.  Every weight α has |n α - 1| <= ε ([@equal-weights]); so Σ α (g - b) is within ε G of Σ (g - b)/n, and that is
within d of a s/n.  With such bounds for what every unit of a ReLU reads, and for the direct logits, the margin for a
query token and a sum s is bounded from below term by term, since ReLU is monotone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from ...engine.arithmetic.printing import ceil_str, floor_str
from ...engine.box import sums
from ...engine.claim import Claim
from ...engine.cost import Cost
from ...engine.digest import digest
from ...engine.domains.separable import NEVER, Weights
from ...engine.form import Form, Hidden
from ...engine.formula import Absolute, At, ForAll, Num, Range, Total, Var
from ...engine.rule import Lemma, NotEstablished, Rule
from ...models.statement import Statement
from ..boxes.answers import ReadPosition
from .box_rule import forms_of
from .network_function import NetworkFunction

MONOTONE = ("relu", "identity")

_p, _w, _l, _u = Var("p"), Var("w"), Var("l"), Var("u")
_n = Var("K")
_each = Range(Num(0), _n)
_share = At("w", _p).over(Total(Var("j"), _each, At("w", Var("j"))))
EQUAL = Lemma(
    label="equal-weights",
    title="Weights that are nearly equal",
    given="For all reals $l$, $u$ and $w_p > 0$ with $p < K$:",
    statement=ForAll(_p, _each, (_l <= At("w", _p)) & (At("w", _p) <= _u)).implies(
        ForAll(_p, _each, _l * Absolute(_n * _share - Num(1)) <= _u - _l)
    ),
    proof=(
        "For $l \\le 0$ the left side is at most $0$. Else the share of $w_p$ lies between $l/(K u)$ and $u/(K l)$, "
        "and $1 - l/u \\le u/l - 1$."
    ),
    source="counting",
)


@dataclass(frozen=True)
class RunningMean(Claim):
    """By read position: weights are within a factor of 1 + ``uneven`` of each other; d + ε G as a share of |a|, of the
    unit where it is least; how many inputs are right by this alone."""

    statement: Statement
    uneven: tuple[Fraction, ...]
    bent: tuple[Fraction, ...]
    right: tuple[int, ...]

    kind = "running_mean"

    @property
    def low(self) -> int:
        """So many inputs are right at every read position."""
        inputs = self.statement.inputs
        return max(0, inputs - sum(inputs - right for right in self.right))

    def conclusion(self) -> dict[str, Any]:
        return {"kind": self.kind, "uneven": [str(e) for e in self.uneven], "right": [hex(r) for r in self.right]}

    def identity(self) -> str:
        return digest([self.statement.sha256, self.conclusion(), [str(b) for b in self.bent]])

    def sentences(self) -> list[str]:
        """The story, sentence by sentence."""
        inputs = self.statement.inputs
        worst = max(self.uneven)
        return [
            f"The head takes a mean: at every read position no weight exceeds another by more than the factor "
            f"$1 + {ceil_str(worst, 7)}$, whatever the tokens.",
            f"What it takes the mean of is the number of each token: what the MLP reads is linear in the sum of the "
            f"numbers, up to ${ceil_str(max(self.bent), 5)}$ of one token's number, in its best unit at each position.",
            f"The MLP reads the sign: from these bounds alone at least ${self.low}$ of ${inputs}$ inputs are right at "
            f"every position (${floor_str(Fraction(self.low, inputs), 6)}$), and at single positions at least "
            f"${floor_str(Fraction(min(self.right), inputs), 6)}$.",
        ]

    def sentence(self) -> str:
        return " ".join(self.sentences())


class RunningMeanRule(Rule):
    """No advice: a and b are chosen by the tables."""

    name = "running_mean"
    premises = (NetworkFunction,)
    lemmas = (EQUAL,)
    derivation = (
        "[@equal-weights] bounds every attention weight; tables of what the units read, and of the direct logits, are "
        "compared with a line in the token's number. For each query token and each sum the units' intervals, through a "
        "map that is monotone, bound the margins; inputs with each sum are counted by convolution."
    )
    cost = Cost()

    def conclude(self, premises: Sequence[Any], advice: Any) -> RunningMean:
        (function,) = premises
        statement: Statement = function.statement
        found = [self._at(statement, index, form) for index, form in enumerate(forms_of(statement))]
        uneven, bent, right = zip(*found, strict=True)
        return RunningMean(statement, uneven, bent, right)

    def _at(self, statement: Statement, index: int, form: Form) -> tuple[Fraction, Fraction, int]:
        read = ReadPosition(statement.network, statement.task, index)
        hidden, values = form.hidden, read.labels
        if (
            values is None
            or hidden is None
            or hidden.function not in MONOTONE
            or form.heads > 1
            or form.kappa is not None
        ):
            raise NotEstablished(self.tag, "the story is of one head, running sums, and a ReLU without norms behind it")
        n, label = read.position + 1, np.array(values, dtype=object)
        uneven = _uneven(form.weights[0], sum(map(len, read.sets[:-1])) + 1)
        units = [
            _line(hidden.pre.tables[0][:, :, i], label, hidden.pre.error) for i in range(hidden.out.values.shape[0])
        ]
        outputs = range(statement.network.outputs)
        pairs = {
            (c, x): _line(form.logits.tables[0][:, :, c] - form.logits.tables[0][:, :, x], label, 2 * form.logits.error)
            for c in outputs for x in outputs if c != x
        }  # fmt: skip
        exponent = min(form.logits.exponent, hidden.pre.exponent + hidden.out.exponent)
        before = sums(tuple(tuple(values[t] for t in tokens) for tokens in read.sets[:-1]))
        error, direct = hidden.pre.error, 2 * form.logits.error
        total = 0
        for q in read.sets[-1]:
            own, logits = hidden.pre.constant[q].tolist(), form.logits.constant[q].tolist()
            for others, count in before.items():
                s = others + values[q]
                c = 1 + (s > 0) - (s < 0)
                z = [line.at(s, n, uneven, mine, error) for line, mine in zip(units, own, strict=True)]
                lows = {x: pairs[c, x].at(s, n, uneven, logits[c] - logits[x], direct)[0] for x in outputs if x != c}
                if all(_margin(form, hidden, low, z, c, x, exponent) > 0 for x, low in lows.items()):
                    total += count
        bent = [Fraction(line.off(uneven)) / Fraction(abs(line.slope)) for line in units if line.slope]
        if not bent:
            raise NotEstablished(self.tag, "no unit reads the numbers of the tokens")
        return uneven, min(bent), total * read.ignored


@dataclass(frozen=True)
class _Line:
    """g(p, t) lies within ``apart`` of slope·val(t) + middle, and within ``reach`` of middle; integers in one unit."""

    slope: int
    middle: int
    apart: int
    reach: int

    def off(self, uneven: Fraction) -> Fraction:
        """How far the mean that attention takes is from slope·s/n + middle, at most."""
        return self.apart + uneven * self.reach

    def at(self, s: int, n: int, uneven: Fraction, constant: int, error: int) -> tuple[int, int]:
        """Bounds of constant + the mean."""
        centre, off = constant + self.middle + Fraction(self.slope * s, n), self.off(uneven) + error
        low, high = centre - off, centre + off
        return low.numerator // low.denominator, -(-high.numerator // high.denominator)


def _line(table: np.ndarray, label: np.ndarray, error: int) -> _Line:
    """A line in the labels near the table (positions × tokens), by least squares."""
    g = table.astype(object)[:, : len(label)]
    square = sum(int(v) ** 2 for v in label) * len(g) - sum(int(v) for v in label) ** 2 * len(g) // len(label)
    mean = g.sum() // g.size
    slope = int(((g - mean) * label).sum() // max(square, 1))
    rest = g - slope * label
    middle = int(rest.max() + rest.min()) // 2
    apart = int(max(rest.max() - middle, middle - rest.min())) + error
    return _Line(slope, middle, apart, int(np.abs(g - middle).max()) + error)


def _uneven(weights: Weights, tokens: int) -> Fraction:
    """ε: over all query tokens the largest weight over the least, less 1; tokens that may stand nowhere have none."""
    worst = Fraction(0)
    for low, high, halvings in zip(weights.low, weights.high, weights.halvings, strict=True):
        held = halvings < NEVER
        if held.any():
            rows = list(zip(low[held].tolist(), high[held].tolist(), halvings[held].tolist(), strict=True))
            most = max(Fraction(u, 1 << h) for _, u, h in rows)
            least = min(Fraction(v, 1 << h) for v, _, h in rows)
            if least <= 0 or len(rows) < tokens:
                raise NotEstablished("running_mean/1", "some token has no attention that is told")
            worst = max(worst, most / Fraction(least) - 1)
    return worst


def _margin(
    form: Form, hidden: Hidden, direct: int, z: Sequence[tuple[int, int]], c: int, x: int, exponent: int
) -> Fraction:
    """The least margin in units of 2^exponent: each unit at the end that its coefficient makes smaller."""
    out = hidden.out
    total = Fraction(direct) * Fraction(2) ** (form.logits.exponent - exponent)
    scale = Fraction(2) ** (hidden.pre.exponent + out.exponent - exponent)
    for i, (low, high) in enumerate(z):
        if hidden.function == "relu":
            low, high = max(low, 0), max(high, 0)
        o = int(out.values[i, c]) - int(out.values[i, x])
        total += scale * (o * (low if o >= 0 else high) - 2 * out.error * max(abs(low), abs(high)))
    return total

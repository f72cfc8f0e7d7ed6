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
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import lru_cache
from typing import Any

import numpy as np

from ...engine.arithmetic.printing import ceil_str, floor_str
from ...engine.box import sums
from ...engine.cost import Cost
from ...engine.digest import digest
from ...engine.domains.separable import NEVER, Weights
from ...engine.form import Form, Hidden
from ...engine.formula import Absolute, At, ForAll, Num, Range, Total, Var
from ...engine.rule import Lemma, NotEstablished, Rule
from ...models.statement import Statement
from ..boxes.answers import ReadPosition
from .box_rule import forms_of
from .count import Count
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
class RunningMean(Count):
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

    @property
    def high(self) -> int:
        """Nothing is shown wrong."""
        return self.statement.inputs

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


@dataclass(frozen=True)
class StatedMean:
    """Advice: numbers that are no better than the true ones, for all read positions; None for the true ones.

    ``uneven``: ε; ``units`` and ``logits``: how far what a unit of the MLP reads of a token, and what a token adds
    directly to the difference of two logits, may lie from a line in the token's number.
    """

    uneven: Fraction | None = None
    units: Fraction | None = None
    logits: Fraction | None = None


NOTHING = StatedMean()


class RunningMeanRule(Rule):
    """Advice: :class:`StatedMean`, or None for the true numbers; the lines are chosen by the tables."""

    name = "running_mean"
    premises = (NetworkFunction,)
    lemmas = (EQUAL,)
    derivation = (
        "[@equal-weights] bounds every attention weight; tables of what the units read, and of the direct logits, are "
        "compared with a line in the token's number. For each query token and each sum the units' intervals, through a "
        "map that is monotone, bound the margins; inputs with each sum are counted by convolution."
    )
    cost = Cost()

    def conclude(self, premises: Sequence[Any], advice: StatedMean | None) -> RunningMean:
        (function,) = premises
        stated = advice or NOTHING
        means = means_of(function.statement)
        for name in ("uneven", "units", "logits"):
            number = getattr(stated, name)
            if number is not None and any(number < getattr(mean, name) for mean in means):
                raise NotEstablished(self.tag, f"the stated number {name} is smaller than the true one")
        return running_mean(function.statement, stated)

    def charge(self, premises: Sequence[Any], advice: StatedMean | None) -> Cost:
        operations = sum(mean.operations for mean in means_of(premises[0].statement))
        return Cost(multiply=operations, add=operations, compare=operations)


def running_mean(statement: Statement, stated: StatedMean) -> RunningMean:
    """What would follow from the stated numbers, and the true ones where there is none."""
    means = means_of(statement)
    unevens = tuple(mean.uneven if stated.uneven is None else stated.uneven for mean in means)
    lines = [(mean.at_most(mean.lines, stated.units), mean.at_most(mean.pairs, stated.logits)) for mean in means]
    bent = [
        min(Fraction(line.off(uneven)) / Fraction(abs(line.slope)) for line in units if line.slope)
        for uneven, (units, _) in zip(unevens, lines, strict=True)
    ]
    right = [mean.right(uneven, *each) for mean, uneven, each in zip(means, unevens, lines, strict=True)]
    return RunningMean(statement, unevens, tuple(bent), tuple(right))


@lru_cache(maxsize=4)
def means_of(statement: Statement) -> tuple[Mean, ...]:
    """By read position; raises :class:`~...engine.rule.NotEstablished` for a network that is not of this kind."""
    return tuple(Mean(statement, index, form) for index, form in enumerate(forms_of(statement)))


class Mean:
    """What one read position knows of: weights, lines of what units read and of logits, sums of the other tokens."""

    def __init__(self, statement: Statement, index: int, form: Form) -> None:
        read = ReadPosition(statement.network, statement.task, index)
        hidden, values = form.hidden, read.labels
        if (
            values is None
            or hidden is None
            or hidden.function not in MONOTONE
            or form.heads > 1
            or form.kappa is not None
        ):
            reason = "the story is of one head, running sums, and a ReLU without norms behind it"
            raise NotEstablished(RunningMeanRule().tag, reason)
        self._form, self._hidden, self._read, self._values = form, hidden, read, values
        label = np.array(values, dtype=object)
        self.uneven = _uneven(form.weights[0], sum(map(len, read.sets[:-1])) + 1)
        self.lines = [
            _line(hidden.pre.tables[0][:, :, i], label, hidden.pre.error) for i in range(hidden.out.values.shape[0])
        ]
        if not any(line.slope for line in self.lines):
            raise NotEstablished(RunningMeanRule().tag, "no unit reads the numbers of the tokens")
        self._outputs = range(statement.network.outputs)
        table, error = form.logits.tables[0], form.logits.error
        self._names = [(c, x) for c in self._outputs for x in self._outputs if c != x]
        self.pairs = [_line(table[:, :, c] - table[:, :, x], label, 2 * error) for c, x in self._names]
        self._before = sums(tuple(tuple(values[t] for t in tokens) for tokens in read.sets[:-1]))

    @property
    def units(self) -> Fraction:
        """How far what a unit reads of a token is from its line, at most."""
        return max(line.apart for line in self.lines) * Fraction(2) ** self._hidden.pre.exponent

    @property
    def logits(self) -> Fraction:
        """The same of what a token adds to the difference of two logits."""
        return max(line.apart for line in self.pairs) * Fraction(2) ** self._form.logits.exponent

    @property
    def operations(self) -> int:
        """Multiplications for the bounds of every query token and sum."""
        each = len(self.lines) * (2 + len(self._names)) + 2 * len(self._names)
        return len(self._read.sets[-1]) * len(self._before) * each

    def at_most(self, lines: Sequence[_Line], apart: Fraction | None) -> list[_Line]:
        """The lines with what is stated in place of their own distance, rounded up."""
        if apart is None:
            return list(lines)
        exponent = self._hidden.pre.exponent if lines is self.lines else self._form.logits.exponent
        steps = apart * Fraction(2) ** -exponent
        return [replace(line, apart=-(-steps.numerator // steps.denominator)) for line in lines]

    def right(self, uneven: Fraction, lines: Sequence[_Line], pairs: Sequence[_Line]) -> int:
        """How many inputs are right at this position by these bounds."""
        form, hidden, values = self._form, self._hidden, self._values
        n = self._read.position + 1
        between = dict(zip(self._names, pairs, strict=True))
        exponent = min(form.logits.exponent, hidden.pre.exponent + hidden.out.exponent)
        error, direct = hidden.pre.error, 2 * form.logits.error
        total = 0
        for q in self._read.sets[-1]:
            own, logits = hidden.pre.constant[q].tolist(), form.logits.constant[q].tolist()
            for others, count in self._before.items():
                s = others + values[q]
                c = 1 + (s > 0) - (s < 0)
                z = [line.at(s, n, uneven, mine, error) for line, mine in zip(lines, own, strict=True)]
                lows = {
                    x: between[c, x].at(s, n, uneven, logits[c] - logits[x], direct)[0] for x in self._outputs if x != c
                }
                if all(_margin(form, hidden, low, z, c, x, exponent) > 0 for x, low in lows.items()):
                    total += count
        return total * self._read.ignored


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

"""Exact signs where a network has at most one softmax layer: ties are decided, not guessed.

Without softmax and norms, and with relu, square and identity, every number is a dyadic rational. After one attention
layer that reads such numbers, every number is a *form*: g + sum over heads h and positions m of a_hm g_hm, with g and
g_hm dyadic, as long as what follows is linear, or a relu whose signs are decided. Multiplied by the denominators of the
heads that occur, it is a sum of dyadic numbers times exponentials of (a score of each head, added up, times c): its
sign is decided by ``sign_of_sum`` (Lindemann-Weierstrass: it is zero if and only if the coefficients of equal exponents
add up to zero).
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from math import prod
from operator import mul

from ..budget import Budget
from ..dyadic import Matrix, added, beside, in_units, matrix, product
from ..exponential import sign_of_sum
from .evaluator import scale_parts
from .folding import Plan, reading, row_of, writing
from .layers import Layer

MAX_TERMS = 1 << 12
MAX_BITS = 1 << 16

# The weight that a head (position, head) gives to a position.
Weight = tuple[int, int, int]


class NoTest(Exception):
    """No exact test is known for such a number."""


@dataclass(frozen=True)
class Form:
    """A vector of forms: the first row holds the g, row i + 1 those of ``weights[i]``."""

    weights: tuple[Weight, ...]
    rows: Matrix

    def times(self, m: Matrix, bias: Matrix | None, budget: Budget) -> Form:
        """Times a matrix, plus a bias."""
        rows = product(self.rows, m, budget)
        if rows.bits > MAX_BITS:
            raise NoTest
        return Form(self.weights, rows) if bias is None else Form((), bias).plus(Form(self.weights, rows))

    def over(self, weights: Sequence[Weight]) -> Matrix:
        """The rows for more weights."""
        own = dict(zip(self.weights, self.rows.rows[1:], strict=True))
        nothing = (0,) * len(self.rows.rows[0])
        return matrix([self.rows.rows[0], *(own.get(w, nothing) for w in weights)], self.rows.exponent)

    def plus(self, other: Form) -> Form:
        """The sum."""
        weights = tuple(
            dict.fromkeys(
                w for form in (self, other) for w, g in zip(form.weights, form.rows.rows[1:], strict=True) if any(g)
            )
        )
        return Form(weights, added(self.over(weights), other.over(weights)))

    def constants(self) -> Matrix:
        """The one row of numbers without weights; :class:`NoTest` when there are some with."""
        if self.weights:
            raise NoTest
        return self.rows


class Exact:
    """All numbers of one input, exactly."""

    def __init__(self, plan: Plan, tokens: Sequence[int], budget: Budget) -> None:
        self.layers, self.budget = plan.network.layers, budget
        self.scores: dict[tuple[int, int], list[int]] = {}
        self.exponent, self.root, self.factor = 0, 1, 1
        stream = [Form((), matrix([row], e)) for row, e in (plan.embedding(p, t) for p, t in enumerate(tokens))]
        for layer in self.layers[1:]:
            if layer.norm is not None:
                raise NoTest
            stream = self.after(layer, stream)
        self.logits = stream

    def after(self, layer: Layer, stream: list[Form]) -> list[Form]:
        """The stream after a layer; after the last, the logits."""
        if layer.kind == "sum":
            return [reduce(Form.plus, stream)]
        if layer.kind == "concat":
            weights = tuple(dict.fromkeys(w for form in stream for w in form.weights))
            return [Form(weights, beside([form.over(weights) for form in stream]))]
        if layer.kind == "attention":
            return self.attention(layer, stream)
        if layer.kind == "linear":
            w, bias = layer.tensors["W"].rows(), row_of(layer.tensors, "b")
            return [form.times(w, bias, self.budget) for form in stream]
        if layer.kind == "pointwise":
            return [self.pointwise(str(layer.settings["function"]), form) for form in stream]
        w, bias = reading(layer, len(stream[0].rows.rows[0]))
        read = [form.times(w, bias, self.budget) for form in stream]
        if layer.kind == "unembed":
            return read
        out, bias = writing(layer, self.budget)
        assert out is not None
        found = [self.hidden(layer, form).times(out, bias, self.budget) for form in read]
        return [x.plus(u) for x, u in zip(stream, found, strict=True)] if layer.settings["skip"] == "added" else found

    def hidden(self, layer: Layer, read: Form) -> Form:
        """phi of what an MLP reads, times the other half of it where it is gated."""
        function = str(layer.settings["function"])
        if not layer.settings["gated"]:
            return self.pointwise(function, read)
        rows, half = read.rows.rows, len(read.rows.rows[0]) // 2
        parts = ([row[:half] for row in rows], [row[half:] for row in rows])
        u, g = (Form(read.weights, matrix(part, read.rows.exponent)) for part in parts)
        return self.times(u, self.pointwise(function, g))

    @staticmethod
    def times(a: Form, b: Form) -> Form:
        """The products of the entries, where one of the two is constant."""
        factor, other = (b, a) if a.weights else (a, b)
        numbers = factor.constants()
        rows = ([x * y for x, y in zip(numbers.rows[0], row, strict=True)] for row in other.rows.rows)
        return Form(other.weights, matrix(rows, numbers.exponent + other.rows.exponent))

    def pointwise(self, function: str, form: Form) -> Form:
        """relu, identity, or the square of constants."""
        if function == "identity":
            return form
        if function == "square":
            return self.times(form, form)
        if function != "relu":
            raise NoTest
        keep = [self.sign(form.weights, column) > 0 for column in zip(*form.rows.rows, strict=True)]
        rows = ([v if k else 0 for v, k in zip(row, keep, strict=True)] for row in form.rows.rows)
        return Form(form.weights, matrix(rows, form.rows.exponent))

    def attention(self, layer: Layer, stream: list[Form]) -> list[Form]:
        """Attention to constant streams, whose scores are then the only ones that anything reads; a position that sees
        one other gives it the weight 1."""
        w, bias = reading(layer, len(stream[0].rows.rows[0]))
        out, b_o = writing(layer, self.budget)
        read = [Form((), form.constants()).times(w, bias, self.budget).rows for form in stream]
        unit = min(m.exponent for m in read)
        rows = [in_units(m, unit)[0] for m in read]
        heads, _, e = layer.tensors["W_Q"].shape
        f = layer.tensors["W_V"].shape[2]
        self.factor, self.root = scale_parts(layer.settings["scale"])
        self.exponent, self.scores = 2 * unit, {}
        found = []
        for at, x in enumerate(stream):
            seen = range(len(stream) if layer.settings["mask"] == "none" else at + 1)
            for h in range(heads):
                query = rows[at][h * e : (h + 1) * e]
                keys = [rows[m][(heads + h) * e : (heads + h + 1) * e] for m in seen]
                values = [rows[m][2 * heads * e + h * f : 2 * heads * e + (h + 1) * f] for m in seen]
                places = [[0] * (h * f) + list(v) + [0] * ((heads - 1 - h) * f) for v in values]
                if len(seen) == 1:
                    part = Form((), matrix(places, unit))
                else:
                    self.scores[at, h] = [self.factor * sum(map(mul, query, key)) for key in keys]
                    part = Form(tuple((at, h, m) for m in seen), matrix([[0] * (heads * f), *places], unit))
                assert out is not None
                x = x.plus(part.times(out, None, self.budget))
            found.append(x if b_o is None else x.plus(Form((), b_o)))
        return found

    def sign(self, weights: Sequence[Weight], column: Sequence[int]) -> int:
        """The sign of one form."""
        constant, parts = column[0], {w: g for w, g in zip(weights, column[1:], strict=True) if g}
        if not parts:
            return (constant > 0) - (constant < 0)
        heads = list(dict.fromkeys((p, h) for p, h, _ in parts))
        number = prod(len(self.scores[head]) for head in heads)
        if number > MAX_TERMS:
            raise NoTest
        self.budget.spend(number)
        choices = [[(score, parts.get((*head, m), 0)) for m, score in enumerate(self.scores[head])] for head in heads]
        terms = (
            (sum(s for s, _ in chosen), constant + sum(g for _, g in chosen)) for chosen in itertools.product(*choices)
        )
        return sign_of_sum(terms, self.exponent, self.root, self.budget)

    def above(self, place: int, right: int, other: int) -> bool:
        """Whether output ``right`` is strictly larger than ``other``."""
        form = self.logits[place]
        return self.sign(form.weights, [row[right] - row[other] for row in form.rows.rows]) > 0

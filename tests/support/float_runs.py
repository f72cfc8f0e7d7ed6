"""A float run of a network, a second time: every operation errs as it is told, and how far that is from a table of
errors.  Shares nothing with mechproof."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import combinations
from typing import Any

import mpmath

Rows = Sequence[Sequence[Fraction]]


def real(value: Fraction | int) -> Any:
    return mpmath.mpf(value.numerator) / value.denominator


def ways(rng: random.Random) -> list[Callable[[Fraction], Fraction]]:
    """Relative errors of a given size: random ends, all up, all down, none."""
    return [lambda size: size * rng.choice([-1, 1]), lambda size: size, lambda size: -size, lambda size: Fraction(0)]


@dataclass
class Run:
    """``choose(size)`` is the relative error of each operation, of at most that size; what is divided by errs the other
    way.  ``weights`` are rounded already; ``powers`` are the run's exponentials, before they underflow.  ``underflow``:
    every operation may err by so much besides.  Everything that may be stored is read as stored, or as computed, by
    each that reads it."""

    weights: Mapping[str, Rows]
    unit: Fraction
    storage: Fraction
    exp_ulps: int
    choose: Callable[[Fraction], Fraction]
    rng: random.Random
    underflow: Fraction = Fraction(0)
    powers: list[Any] = field(default_factory=list)

    def relative(self, value: Any, side: int = 1) -> Any:
        return value * (1 + side * real(self.choose(self.unit)))

    def once(self, value: Any, side: int = 1) -> Any:
        return self.relative(value, side) + real(self.choose(self.underflow))

    def read(self, value: Any, side: int = 1) -> Any:
        """As stored, mostly."""
        if self.rng.random() < 0.25:
            return value
        return value * (1 + side * real(self.choose(self.storage))) + real(self.choose(self.underflow))

    def row(self, values: Sequence[Any]) -> list[Any]:
        return [self.read(value) for value in values]

    def sum(self, terms: Sequence[Any], side: int = 1) -> Any:
        """In a random order, or one after the other."""
        parts, chain = list(terms), self.rng.random() < 0.5
        while len(parts) > 1:
            a = parts.pop(0 if chain else self.rng.randrange(len(parts)))
            b = parts.pop(0 if chain else self.rng.randrange(len(parts)))
            parts.insert(0, self.once(a + b, side))
        return parts[0]

    def tensor(self, name: str) -> list[list[Any]]:
        return [[real(value) for value in row] for row in self.weights[name]]

    def terms(self, row: Sequence[Any], weight: str) -> list[list[Any]]:
        """The rounded products of each inner product."""
        matrix = self.tensor(weight)
        return [[self.once(x * line[j]) for x, line in zip(row, matrix, strict=True)] for j in range(len(matrix[0]))]

    def product(self, row: Sequence[Any], weight: str, bias: str) -> list[Any]:
        """With its bias in the sum, or after it; not stored at the end."""
        terms, b = self.terms(self.row(row), weight), self.tensor(bias)[0]
        if not any(b):
            return [self.sum(part) for part in terms]
        if self.rng.random() < 0.5:
            return [self.sum([*part, own]) for part, own in zip(terms, b, strict=True)]
        return [self.once(self.read(self.sum(part)) + own) for part, own in zip(terms, b, strict=True)]

    def residual(self, x: Sequence[Any], z: Sequence[Any]) -> list[Any]:
        """x + z W_O + b_O: one sum that begins with x, or three terms, each sum stored; not stored at the end."""
        b = self.tensor("b_O")[0]
        own = [[one, bias] if any(b) else [one] for one, bias in zip(self.row(x), b, strict=True)]
        terms = self.terms(self.row(z), "W_O")
        if self.rng.random() < 0.5:
            return [self.sum([*one, *part]) for one, part in zip(own, terms, strict=True)]
        if any(b) and self.rng.random() < 0.5:
            return [self.sum([self.read(self.once(sum(one))), *part]) for one, part in zip(own, terms, strict=True)]
        found = []
        for one, part in zip(own, terms, strict=True):
            first, *others = self.rng.sample([*one, self.read(self.sum(part))], len(one) + 1)
            for term in others:
                first = self.once(self.read(first) + term)
            found.append(first)
        return found

    def scaled(self, values: Sequence[Any]) -> list[Any]:
        """Divided by a rounded root, or times its rounded reciprocal, as the largest score is taken of."""
        c = self.relative(self.relative(mpmath.sqrt(len(self.weights["W_O"])), -1), -1)
        if self.rng.random() < 0.5:
            scores = [self.once(self.read(value) / self.read(c, -1)) for value in values]
        else:
            turned = self.relative(1 / self.read(c, -1))
            scores = [self.once(self.read(value) * self.read(turned)) for value in values]
        return self.row(scores)

    def divided(self, value: Any, total: Any) -> Any:
        """By a sum, or times its rounded reciprocal."""
        if self.rng.random() < 0.5:
            return self.once(value / self.read(total, -1))
        return self.once(value * self.read(self.once(1 / self.read(total, -1))))

    def logits(self, tokens: Sequence[int]) -> list[Any]:
        e, pos = self.tensor("W_E"), self.tensor("W_pos")
        x = [[self.once(a + b) for a, b in zip(e[t], pos[p], strict=True)] for p, t in enumerate(tokens)]
        q = self.product(x[-1], "W_Q", "b_Q")
        keys = [self.product(row, "W_K", "b_K") for row in x]
        values = [self.product(row, "W_V", "b_V") for row in x]
        raw = [self.sum([self.once(a * b) for a, b in zip(self.row(q), self.row(key), strict=True)]) for key in keys]
        scores = self.scaled(raw)
        kappa = 2 * self.exp_ulps * self.unit
        top = max(scores)
        below = [self.read(self.once(score - top)) for score in scores]
        self.powers = [mpmath.exp(value) * (1 + real(self.choose(kappa))) for value in below]
        powers = [power + real(self.choose(self.underflow)) for power in self.powers]
        total = self.sum([self.read(power, -1) for power in powers], -1)
        last = self.rng.random() < 0.25
        attention = self.row(powers if last else [self.divided(self.read(power), total) for power in powers])
        z = [
            self.sum([self.once(a * self.read(value[j])) for a, value in zip(attention, values, strict=True)])
            for j in range(len(values[0]))
        ]
        if last:
            z = [self.divided(self.read(value), total) for value in z]
        return self.row(self.product(self.residual(x[-1], z), "W_U", "b_U"))


def share(run: Run, tokens: Sequence[int], exact: Mapping[str, Rows], errors: Mapping[str, Rows]) -> Any:
    """The largest error of the run over what the five tables of errors allow, for scores and for logits.

    Scores: |log w'_p - log w'_j - (score_p - score_j)| against both errors; logits: against their average by w'.
    """
    logits, q = run.logits(tokens), tokens[-1]
    exact, errors = (
        {name: [list(map(real, row)) for row in tables[name]] for name in tables} for tables in (exact, errors)
    )
    root = mpmath.sqrt(len(run.weights["W_O"]))

    def score(tables: Mapping[str, Any], p: int) -> Any:
        return (tables["EQKE"][q][tokens[p]] + tables["EQKP"][q][p]) / root

    places = range(len(tokens))
    off = [mpmath.log(run.powers[p]) - score(exact, p) for p in places]
    found = [abs(off[p] - off[j]) / (score(errors, p) + score(errors, j)) for p, j in combinations(places, 2)]
    weights = [power / sum(run.powers) for power in run.powers]
    for x, computed in enumerate(logits):
        value, room = (
            tables["UU"][q][x]
            + sum(
                a * (tables["EVOU"][t][x] + tables["PVOU"][p][x])
                for p, (a, t) in enumerate(zip(weights, tokens, strict=True))
            )
            for tables in (exact, errors)
        )
        found.append(abs(computed - value) / room)
    return max(found)

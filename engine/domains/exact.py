"""Exact values of one input: dyadic rationals, and quotients of sums of exponentials behind one layer of softmax.

An entry is N/D with N = Σ_e n_e·exp(e/√root), D alike and positive; n_e are dyadic, e rational, and all entries of a
row share D.  Networks of rational functions stay at D = 1 and the single exponent 0.

**Signs are decided.**  The numbers e/√root are algebraic and distinct for distinct e, so their exponentials are
linearly independent over the algebraic numbers (Lindemann-Weierstrass): N = 0 if and only if every n_e is 0.
Otherwise N has a sign, and balls of growing precision find it.

A second softmax over such numbers, a norm, or a function that is not rational has no such test:
:class:`NotDecidable`, as are a sum of more than ``TERMS`` exponentials and products of more than ``BITS`` bits.

>>> one = ExactDomain(()).constant(Known(DyadicMatrix.from_integers(1, 2, [1, -1], 0)))
>>> ExactDomain(()).pointwise(one, "relu").rational().fractions()
[[Fraction(1, 1), Fraction(0, 1)]]
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from flint import fmpz_mat

from ..arithmetic.ball import Ball, precision
from ..arithmetic.dyadic import DyadicMatrix
from ..errors import MechproofError
from ..interpret import Domain, Known

TERMS = 2000
BITS = 1 << 16
SIGN_BITS, SIGN_BITS_LIMIT = 128, 1 << 20
Weights = Mapping[Fraction, Fraction]  # Σ weights[e]·exp(e/√root)
ONE: Weights = {Fraction(0): Fraction(1)}


@dataclass(unsafe_hash=True)
class NotDecidable(MechproofError):
    """No exact test is known for a value."""

    what: str
    sentence = "no exact value: {what}"


@dataclass(frozen=True, eq=False)
class Quotients:
    """The row Σ_e numerators[e]·exp(e/√root), over the positive Σ_e denominator[e]·exp(e/√root)."""

    numerators: Mapping[Fraction, DyadicMatrix]
    denominator: Weights

    @property
    def width(self) -> int:
        return next(iter(self.numerators.values())).shape[1]

    def rational(self) -> DyadicMatrix:
        """The row, if no exponential occurs in it; raises :class:`NotDecidable` otherwise."""
        if self.denominator != ONE or set(self.numerators) != {Fraction(0)}:
            raise NotDecidable("a function of softmax weights that are themselves exponentials")
        return self.numerators[Fraction(0)]


class ExactDomain(Domain[Quotients]):
    """One input, given by its tokens."""

    def __init__(self, tokens: Sequence[int]) -> None:
        self._tokens = tokens
        self._root: int | None = None

    def constant(self, row: Known) -> Quotients:
        return Quotients({Fraction(0): row.exact}, ONE)

    def selected(self, position: int, table: Known) -> Quotients:
        return Quotients({Fraction(0): table.exact.row(self._tokens[position])}, ONE)

    def add(self, a: Quotients, b: Quotients) -> Quotients:
        if a.denominator == b.denominator:
            return Quotients(_sum(a.numerators, b.numerators), a.denominator)
        over_both = _sum(_scaled(a.numerators, b.denominator), _scaled(b.numerators, a.denominator))
        return Quotients(over_both, _times(a.denominator, b.denominator))

    def negative(self, a: Quotients) -> Quotients:
        return Quotients({e: -row for e, row in a.numerators.items()}, a.denominator)

    def linear(self, a: Quotients, matrix: Known) -> Quotients:
        return Quotients({e: row @ matrix.exact for e, row in a.numerators.items()}, a.denominator)

    def joined(self, rows: Sequence[Quotients]) -> Quotients:
        widths = [row.width for row in rows]
        total: Quotients | None = None
        for index, row in enumerate(rows):
            before, after = sum(widths[:index]), sum(widths[index + 1 :])
            padded = {e: _padded(part, before, after) for e, part in row.numerators.items()}
            wide = Quotients(padded, row.denominator)
            total = wide if total is None else self.add(total, wide)
        assert total is not None, "a join of no rows"
        return total

    def products(self, query: Quotients, keys: Sequence[Quotients]) -> Quotients:
        q = query.rational()
        scores = [(q @ key.rational().T).fraction(0, 0) for key in keys]
        return Quotients({Fraction(0): _dyadic_row(scores)}, ONE)

    def softmax(self, scores: Quotients, factor: Fraction, root: int) -> Quotients:
        if self._root not in (None, root):
            raise NotDecidable("softmax layers with different scales")
        self._root = root
        row = scores.rational()
        numerators: dict[Fraction, DyadicMatrix] = {}
        denominator: dict[Fraction, Fraction] = {}
        for m in range(row.shape[1]):
            e = row.fraction(0, m) * factor
            unit = DyadicMatrix.from_integers(1, row.shape[1], [int(j == m) for j in range(row.shape[1])], 0)
            numerators[e] = numerators[e] + unit if e in numerators else unit
            denominator[e] = denominator.get(e, Fraction(0)) + 1
        return Quotients(numerators, denominator)

    def mixed(self, weights: Quotients, rows: Sequence[Quotients]) -> Quotients:
        total: Quotients | None = None
        for m, row in enumerate(rows):
            entry = {e: part.fraction(0, m) for e, part in weights.numerators.items() if part.numerators[0, m]}
            share = Quotients(_scaled(row.numerators, entry or {Fraction(0): Fraction(0)}), row.denominator)
            total = share if total is None else self.add(total, share)
        assert total is not None, "a mix of no rows"
        return Quotients(total.numerators, _times(total.denominator, weights.denominator))

    def pointwise(self, a: Quotients, function: str) -> Quotients:
        match function:
            case "identity":
                return a
            case "square":
                return self.times(a, a)
            case "relu":
                keep = [self.sign(a, j) > 0 for j in range(a.width)]
                return Quotients({e: _kept(row, keep) for e, row in a.numerators.items()}, a.denominator)
        raise NotDecidable(f"{function} is not a rational function")

    def times(self, a: Quotients, b: Quotients) -> Quotients:
        _limited(len(a.numerators) * len(b.numerators))
        numerators: dict[Fraction, DyadicMatrix] = {}
        for e, x in a.numerators.items():
            for f, y in b.numerators.items():
                product = _entrywise(x, y)
                numerators[e + f] = numerators[e + f] + product if e + f in numerators else product
        return Quotients(numerators, _times(a.denominator, b.denominator))

    def normalised(self, a: Quotients, centred: bool, epsilon: Fraction) -> Quotients:
        raise NotDecidable("a norm")

    def sign(self, a: Quotients, entry: int) -> int:
        """-1, 0 or 1: the sign of an entry, exactly."""
        terms = {e: row.fraction(0, entry) for e, row in a.numerators.items() if row.numerators[0, entry]}
        if not terms:
            return 0
        if all(weight > 0 for weight in terms.values()) or all(weight < 0 for weight in terms.values()):
            return 1 if next(iter(terms.values())) > 0 else -1
        bits = SIGN_BITS
        while bits <= SIGN_BITS_LIMIT:
            with precision(bits):
                found = _enclosed(terms, self._root or 1).sign()
            if found:
                return found
            bits *= 2
        raise NotDecidable(f"a sum of exponentials that is not zero, but less than 2^-{SIGN_BITS_LIMIT}")


def _enclosed(terms: Weights, root: int) -> Ball:
    """Σ terms[e]·exp((e - top)/√root), top the largest e: it has the sign of the sum without the shift."""
    top, total = max(terms), Ball.dyadic(0, 0)
    for e, weight in terms.items():
        exponent = Ball.rational(e - top).over(Ball.sqrt(root))
        total = total + Ball.rational(weight) * exponent.exp()
    return total


def _sum(a: Mapping[Fraction, DyadicMatrix], b: Mapping[Fraction, DyadicMatrix]) -> dict[Fraction, DyadicMatrix]:
    total = dict(a)
    for e, row in b.items():
        total[e] = total[e] + row if e in total else row
    _limited(len(total))
    return total


def _scaled(rows: Mapping[Fraction, DyadicMatrix], weights: Weights) -> dict[Fraction, DyadicMatrix]:
    """(Σ_e rows[e]·exp e)(Σ_f weights[f]·exp f)."""
    _limited(len(rows) * len(weights))
    total: dict[Fraction, DyadicMatrix] = {}
    for e, row in rows.items():
        for f, weight in weights.items():
            scaled = _times_number(row, weight)
            total[e + f] = total[e + f] + scaled if e + f in total else scaled
    return total


def _times(a: Weights, b: Weights) -> Weights:
    _limited(len(a) * len(b))
    total: dict[Fraction, Fraction] = {}
    for e, x in a.items():
        for f, y in b.items():
            total[e + f] = total.get(e + f, Fraction(0)) + x * y
    return total


def _limited(terms: int) -> None:
    if terms > TERMS:
        raise NotDecidable(f"a sum of more than {TERMS} exponentials")


def _twos(number: Fraction) -> int:
    """k with number·2^k whole; the number is dyadic."""
    return number.denominator.bit_length() - 1


def _times_number(row: DyadicMatrix, number: Fraction) -> DyadicMatrix:
    return DyadicMatrix(row.numerators * number.numerator, row.exponent - _twos(number))


def _dyadic_row(numbers: Sequence[Fraction]) -> DyadicMatrix:
    twos = max(map(_twos, numbers))
    return DyadicMatrix.from_integers(1, len(numbers), [int(number * (1 << twos)) for number in numbers], -twos)


def _entries(row: DyadicMatrix) -> list[int]:
    return [int(row.numerators[0, j]) for j in range(row.shape[1])]


def _kept(row: DyadicMatrix, keep: Sequence[bool]) -> DyadicMatrix:
    entries = [entry if kept else 0 for entry, kept in zip(_entries(row), keep, strict=True)]
    return DyadicMatrix.from_integers(1, len(entries), entries, row.exponent)


def _entrywise(a: DyadicMatrix, b: DyadicMatrix) -> DyadicMatrix:
    sizes = [max(map(int.bit_length, _entries(row)), default=0) + abs(row.exponent) for row in (a, b)]
    if sum(sizes) > BITS:
        raise NotDecidable(f"numbers of more than {BITS} bits")
    entries = [x * y for x, y in zip(_entries(a), _entries(b), strict=True)]
    return DyadicMatrix.from_integers(1, len(entries), entries, a.exponent + b.exponent)


def _padded(row: DyadicMatrix, before: int, after: int) -> DyadicMatrix:
    entries = [0] * before + _entries(row) + [0] * after
    return DyadicMatrix(fmpz_mat(1, len(entries), entries), row.exponent)

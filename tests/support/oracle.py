"""The definition of the network read a second time, for tests: every sequence decided from docs/certificate.md §1.1.

Shares nothing with mechproof but the last step, which hands a network over as a :class:`Statement`.  Exact parts are
Python integers and fractions, exponentials are mpmath's, and a tie is decided by exact grouping.  No path tables:
scores and logits come from the residual stream as the definition writes them.
"""

from __future__ import annotations

import itertools
import random
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import mpmath
import numpy as np

from mechproof.engine.arithmetic.dyadic import DyadicMatrix
from mechproof.models.one_layer import with_weights
from mechproof.models.problem import stated
from mechproof.models.statement import Statement
from mechproof.rewrites.rules.additive_margin import AdditiveMargin, AdditiveMarginRule
from mechproof.rewrites.rules.path_decomposition import Paths

Rows = list[list[Fraction]]
Tokens = tuple[int, ...]
DIGITS = (60, 200, 1000)
ROOM = 256


class Tie(Exception):
    """Digits ran out on a sum that is not an exact tie; the oracle gives no answer rather than a guess."""


@dataclass(frozen=True, eq=False)
class Net:
    """A network as twelve tables of fractions; biases are one row."""

    V: int
    K: int
    d: int
    h: int
    tensors: dict[str, Rows]

    def replaced(self, **tensors: Rows) -> Net:
        return Net(self.V, self.K, self.d, self.h, self.tensors | tensors)

    @cached_property
    def sequences(self) -> list[Tokens]:
        return list(itertools.product(range(self.V), repeat=self.K))

    @cached_property
    def statement(self) -> Statement:
        """The network as mechproof takes it."""
        tensors = {}
        for name, rows in self.tensors.items():
            bits = max(_places(value) for row in rows for value in row)
            integers = [int(value * 2**bits) for row in rows for value in row]
            tensors[name] = DyadicMatrix.from_integers(len(rows), len(rows[0]), integers, -bits)
        return stated(with_weights(tensors))

    def margin(self) -> AdditiveMargin:
        """A fresh claim of the network's additive margins, with no caches filled."""
        return AdditiveMarginRule().conclude([Paths.of(self.statement)], None)

    @cached_property
    def truth(self) -> Truth:
        return Truth(self)


def _places(value: Fraction) -> int:
    places = value.denominator.bit_length() - 1
    assert value.denominator == 1 << places
    return places


def shapes(V: int, K: int, d: int, h: int) -> dict[str, tuple[int, int]]:
    """docs/certificate.md §1.1; a bias is one row."""
    return {
        "W_E": (V, d), "W_pos": (K, d), "W_Q": (d, h), "W_K": (d, h), "W_V": (d, h), "W_O": (h, d), "W_U": (d, V),
        "b_Q": (1, h), "b_K": (1, h), "b_V": (1, h), "b_O": (1, d), "b_U": (1, V),
    }  # fmt: skip


def net(V: int, K: int, d: int, h: int, **tensors: Any) -> Net:
    """A network with the given tensors (rows of numbers); the others are zero."""
    sizes = shapes(V, K, d, h)
    rows = {name: [[Fraction(0)] * columns for _ in range(count)] for name, (count, columns) in sizes.items()}
    for name, given in tensors.items():
        rows[name] = [[Fraction(value) for value in row] for row in given]
        assert (len(rows[name]), len(rows[name][0])) == sizes[name], name
    return Net(V, K, d, h, rows)


def stored(path: Path, prefix: str = "") -> Net:
    """A network without biases from an npz file."""
    with np.load(path) as arrays:
        names = ("W_E", "W_pos", "W_U", *(f"{prefix}W_{name}" for name in "QKVO"))
        found = {name.removeprefix(prefix): arrays[name].reshape(arrays[name].shape[-2:]) for name in names}
    rows = {name: [[Fraction(float(value)) for value in row] for row in array] for name, array in found.items()}
    (V, d), K, h = found["W_E"].shape, len(found["W_pos"]), found["W_Q"].shape[1]
    return net(V, K, d, h, **rows)


@lru_cache(maxsize=64)
def random_net(seed: int, flavour: str = "float16", V: int = 0, K: int = 0) -> Net:
    """A random network with biases, d != h as often as not; see ``FLAVOURS``.  Sizes that are not given are drawn."""
    rng = random.Random(f"{seed} {flavour} {V} {K}")
    V, K = V or rng.randint(2, 6), K or rng.randint(2, 4)
    while V**K > 700:
        K -= 1
    d, h = rng.randint(1, 4), rng.randint(1, 4)
    tensors = {
        name: [[FLAVOURS[flavour](rng, name) for _ in range(columns)] for _ in range(rows)]
        for name, (rows, columns) in shapes(V, K, d, h).items()
    }
    made = Net(V, K, d, h, tensors)
    return _engineered(made, flavour, rng)


def _float16(rng: random.Random, name: str) -> Fraction:
    return Fraction(rng.randint(-2047, 2047), 2 ** rng.randint(9, 13))


def _eighths(rng: random.Random, name: str) -> Fraction:
    return Fraction(rng.randint(-8, 8), 8)


def _denormal(rng: random.Random, name: str) -> Fraction:
    return Fraction(rng.randint(-3, 3), 2**1074) if rng.random() < 0.5 else _eighths(rng, name)


def _huge(rng: random.Random, name: str) -> Fraction:
    """Logits of any size, scores of some tens."""
    return _eighths(rng, name) * (2 ** rng.choice((0, 40, 200)) if name in ("W_U", "b_U") else 4)


def _tiny(rng: random.Random, name: str) -> Fraction:
    return _eighths(rng, name) / 2**140


FLAVOURS = {
    "float16": _float16,
    "eighths": _eighths,
    "denormal": _denormal,
    "huge": _huge,
    "tiny": _tiny,
    "twin outputs": _eighths,
    "twin tokens": _eighths,
    "uniform attention": _eighths,
    "no unembedding": _eighths,
    "nearly twin outputs": _eighths,
    "cancelling paths": _eighths,
}


def _engineered(made: Net, flavour: str, rng: random.Random) -> Net:
    """Exact ties and near-ties, planted by flavour."""
    t = {name: [list(row) for row in rows] for name, rows in made.tensors.items()}
    a, b = rng.sample(range(made.V), 2) if made.V > 1 else (0, 0)
    if flavour in ("twin outputs", "nearly twin outputs"):
        for row in (*t["W_U"], *t["b_U"]):
            row[a] = row[b]
        if flavour == "nearly twin outputs":
            t["b_U"][0][a] += Fraction(rng.choice((-1, 1)), 2 ** rng.choice((60, 100, 200)))
    if flavour == "twin tokens":
        t["W_E"][a] = list(t["W_E"][b])
    if flavour == "uniform attention":
        t["W_Q"] = [[Fraction(0)] * made.h for _ in range(made.d)]
        t["b_Q"] = [[Fraction(0)] * made.h]
        t["W_U"] = [[Fraction(rng.randint(-2, 2)) for _ in row] for row in t["W_U"]]
    if flavour == "no unembedding":
        t["W_U"] = [[Fraction(0)] * made.V for _ in range(made.d)]
        t["b_U"] = [[Fraction(rng.randint(-1, 1)) for _ in range(made.V)]]
    if flavour == "cancelling paths":
        # every logit is zero where all tokens are alike, though no path of it is: b_U undoes the other paths
        t["W_E"] = [list(t["W_E"][0]) for _ in t["W_E"]]
        t["W_pos"] = [[Fraction(0)] * made.d for _ in t["W_pos"]]
        t["b_U"] = [[Fraction(0)] * made.V]
        total = Truth(made.replaced(**t)).logits_of_token_zero()
        t["b_U"] = [[-value for value in total]]
        t["W_E"][-1] = [_eighths(rng, "W_E") for _ in range(made.d)]
    return made.replaced(**t)


def _times(left: Sequence[Sequence[Any]], right: Sequence[Sequence[Any]]) -> list[list[Any]]:
    columns = list(zip(*right, strict=True))
    return [[sum(a * b for a, b in zip(row, column, strict=True)) for column in columns] for row in left]


@dataclass
class Truth:
    """What the network does on every sequence, from the definition."""

    net: Net
    climbed: Counter[str] = field(default_factory=Counter)

    @cached_property
    def _exact(self) -> tuple[int, dict[str, Any]]:
        """Scores[q][p][t] (times sqrt h), values[p][t][x], direct[q][x]: integers in units of 2^-(4·places)."""
        n = self.net
        places = max(_places(value) for rows in n.tensors.values() for row in rows for value in row)
        w = {name: [[int(v * 2**places) for v in row] for row in rows] for name, rows in n.tensors.items()}

        def plus(rows: list[list[int]], row: list[int], shift: int) -> list[list[int]]:
            return [[a + (b << shift) for a, b in zip(r, row, strict=True)] for r in rows]

        residual = [plus(w["W_E"], w["W_pos"][p], 0) for p in range(n.K)]
        keys = [plus(_times(rows, w["W_K"]), w["b_K"][0], places) for rows in residual]
        values = [_times(plus(_times(rows, w["W_V"]), w["b_V"][0], places), w["W_O"]) for rows in residual]
        queries = plus(_times(residual[-1], w["W_Q"]), w["b_Q"][0], places)
        direct = plus(_times(plus(residual[-1], w["b_O"][0], 0), w["W_U"]), w["b_U"][0], places)
        return 4 * places, {
            "scores": [
                [[_times([query], [[k] for k in key])[0][0] for key in keys[p]] for p in range(n.K)]
                for query in queries
            ],
            "values": [_times(rows, w["W_U"]) for rows in values],
            "direct": [[value << 2 * places for value in row] for row in direct],
        }

    def score(self, q: int, p: int, t: int) -> int:
        """sqrt(h)·score of token t at position p for the query q, in units of 2^-places."""
        return self._exact[1]["scores"][q][p][t]

    @property
    def places(self) -> int:
        """Scores and logits are integers in units of 2^-places."""
        return self._exact[0]

    def difference(self, q: int, p: int, t: int, x: int, m: int) -> int:
        """logit_x - logit_m if all attention were on token t at position p, in units of 2^-places."""
        direct, value = self._exact[1]["direct"][q], self._exact[1]["values"][p][t]
        return direct[x] - direct[m] + value[x] - value[m]

    def logits_of_token_zero(self) -> list[Fraction]:
        """The logits when all attention is on token 0 at position 0, for the query 0."""
        direct, value = self._exact[1]["direct"][0], self._exact[1]["values"][0][0]
        return [Fraction(a + b, 1 << self.places) for a, b in zip(direct, value, strict=True)]

    def weight(self, q: int, p: int, t: int, digits: int) -> Any:
        """exp(score) to so many digits."""
        if (q, p, t, digits) not in self._weights:
            # the score itself may have many digits before the point
            with mpmath.workdps(digits + 20):
                score = mpmath.mpf(self.score(q, p, t)) / mpmath.mpf(2) ** self.places
                extra = max(0, int(mpmath.log10(abs(score) + 1)))
            with mpmath.workdps(digits + 20 + extra):
                score = mpmath.mpf(self.score(q, p, t)) / mpmath.mpf(2) ** self.places
                self._weights[q, p, t, digits] = mpmath.exp(score / mpmath.sqrt(self.net.h))
        return self._weights[q, p, t, digits]

    @cached_property
    def _weights(self) -> dict[tuple[int, int, int, int], Any]:
        return {}

    def _integer_weights(self, q: int) -> list[list[int]]:
        """exp(score) for the query q in units of 2^-180 of the largest: integers that are off by less than 2."""
        if q not in self._by_query:
            digits = DIGITS[0]
            with mpmath.workdps(digits + 20):
                weights = [[self.weight(q, p, t, digits) for t in range(self.net.V)] for p in range(self.net.K)]
                top = max(mpmath.mag(weight) for row in weights for weight in row)
                self._by_query[q] = [[int(mpmath.ldexp(weight, 180 - top)) for weight in row] for row in weights]
        return self._by_query[q]

    @cached_property
    def _by_query(self) -> dict[int, list[list[int]]]:
        return {}

    def margin(self, tokens: Tokens, x: int, digits: int = 60) -> tuple[Any, Any]:
        """Σ_p w_p·(difference) and Σ_p w_p·|difference|, in units of 2^-places."""
        q, m = tokens[-1], max(tokens)
        with mpmath.workdps(digits + 20):
            terms = [self.weight(q, p, t, digits) * self.difference(q, p, t, x, m) for p, t in enumerate(tokens)]
            return mpmath.fsum(terms), mpmath.fsum(map(abs, terms))

    def entry(self, q: int, m: int, x: int, p: int, t: int, digits: int) -> Any:
        """D_{q,m,x}(p,t) as a real number."""
        with mpmath.workdps(digits + 20):
            return self.weight(q, p, t, digits) * self.difference(q, p, t, x, m) / mpmath.mpf(2) ** self.places

    def sign(self, tokens: Tokens, x: int) -> int:
        """The sign of logit_x - logit_m, m the largest token."""
        q, m = tokens[-1], max(tokens)
        weights = self._integer_weights(q)
        terms = [(weights[p][t], self.difference(q, p, t, x, m)) for p, t in enumerate(tokens)]
        total = sum(weight * difference for weight, difference in terms)
        if abs(total) > 4 * sum(abs(difference) for _, difference in terms):
            self.climbed["integers"] += 1
            return 1 if total > 0 else -1
        for digits in DIGITS:
            total, size = self.margin(tokens, x, digits)
            if abs(total) * mpmath.mpf(10) ** (digits - 5) > size:
                self.climbed[f"{digits} digits"] += 1
                return 1 if total > 0 else -1
            groups: Counter[int] = Counter()
            for p, t in enumerate(tokens):
                groups[self.score(q, p, t)] += self.difference(q, p, t, x, m)
            if not any(groups.values()):
                self.climbed["tie"] += 1
                return 0
        raise Tie(tokens, x)

    def loss(self, tokens: Tokens, digits: int = 60) -> Any:
        """-log softmax(logits) at the largest token."""
        with mpmath.workdps(digits):
            total = mpmath.fsum(self.weight(tokens[-1], p, t, digits) for p, t in enumerate(tokens))
            others = [x for x in range(self.net.V) if x != max(tokens)]
            gaps = [mpmath.ldexp(self.margin(tokens, x, digits)[0] / total, -self.places) for x in others]
            top = max([mpmath.mpf(0), *gaps])
            return top + mpmath.log1p(mpmath.expm1(-top) + mpmath.fsum(mpmath.exp(gap - top) for gap in gaps))

    def winners(self, tokens: Tokens) -> list[int]:
        """The outputs at least as large as that of the largest token."""
        return [x for x in range(self.net.V) if x != max(tokens) and self.sign(tokens, x) >= 0]

    @cached_property
    def wrong(self) -> dict[Tokens, list[int]]:
        """Every wrong sequence with its winners."""
        found = ((tokens, self.winners(tokens)) for tokens in self.net.sequences)
        return {tokens: winners for tokens, winners in found if winners}

    @cached_property
    def cells(self) -> dict[tuple[int, int], tuple[int, int]]:
        """(query, maximum) -> (right, wrong), for all cells with sequences."""
        wrong, size = Counter[tuple[int, int]](), Counter[tuple[int, int]]()
        for tokens in self.net.sequences:
            cell = tokens[-1], max(tokens)
            size[cell] += 1
            wrong[cell] += tokens in self.wrong
        return {cell: (size[cell] - wrong[cell], wrong[cell]) for cell in size}

    @property
    def right(self) -> int:
        return len(self.net.sequences) - len(self.wrong)

    def members(self, q: int, m: int) -> Iterator[Tokens]:
        return (tokens for tokens in self.net.sequences if tokens[-1] == q and max(tokens) == m)


def encloses(count: Any, net: Net) -> bool:
    """Whether a RightCount is true of the network, cell by cell."""
    return (
        all(
            0 <= count.right[cell] <= right and 0 <= count.wrong[cell] <= wrong
            for cell, (right, wrong) in net.truth.cells.items()
        )
        and set(count.right) == set(count.wrong)
        and all(cell in net.truth.cells or (count.right[cell], count.wrong[cell]) == (0, 0) for cell in count.right)
    )


def is_exact(count: Any, net: Net) -> bool:
    """Whether a RightCount is true and leaves nothing open, cell by cell."""
    return encloses(count, net) and all(
        (count.right[cell], count.wrong[cell]) == truth for cell, truth in net.truth.cells.items()
    )


def enclosure_faults(margin: AdditiveMargin, net: Net, digits: int = 110) -> list[str]:
    """Every cell's table against D to so many digits: what is not enclosed, by which side, and what lacks its room.

    Entries whose paths all contribute zero must be exactly zero; every other bound must have ROOM units to spare.
    """
    faults = []
    truth = net.truth
    for q, m in truth.cells:
        table = margin.enclosure.cell(q, m)
        assert table.free.lower.shape == table.free.upper.shape == (net.K - 1, m + 1, net.V)
        assert table.base.lower.shape == table.base.upper.shape == (net.V,)
        for p in range(net.K):
            for t in range(m + 1) if p < net.K - 1 else [q]:
                for x in range(net.V):
                    bounds = table.free[p, t, x] if p < net.K - 1 else table.base[x]
                    low, high = int(bounds.lower), int(bounds.upper)
                    with mpmath.workdps(digits + 20):
                        value = mpmath.ldexp(truth.entry(q, m, x, p, t, digits), -table.unit)
                        if not low <= value <= high:
                            faults.append(f"outside: {(q, m, x, p, t)} {low} {value} {high}")
                        elif x == m and (low or high):
                            faults.append(f"margin of m over itself: {(q, m, x, p, t)}")
                        elif (low or high) and not low + ROOM <= value <= high - ROOM:
                            faults.append(f"no room: {(q, m, x, p, t)} {low} {value} {high}")
                    if net.K * max(abs(low), abs(high)) >= 1 << 62:
                        faults.append(f"too large: {(q, m, x, p, t)}")
    return faults

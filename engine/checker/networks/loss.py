"""``enumerated_loss/1``: bounds of the mean of -log softmax(logits)_c, c the right answer, over all inputs and read
positions.

With L the largest logit and S the sum of exp(l_z - L) over the others, a loss is (L - l_c) + log(1 + S): a distance,
and a factor of a product that takes one logarithm for many inputs. Products and sums are rounded outward.

*Radius.* Logits within r of the true ones give a loss between exp(-2r) and exp(2r) times the true one. For it is
log(1 + T) with T the sum of exp(l_z - l_c) over the other outputs, and T changes by such a factor; for a >= 1
Bernoulli's (1 + T)^a >= 1 + a T says that log(1 + a T) <= a log(1 + T), and for a <= 1 it is the other way round.

So every input takes the first pass whose radius widens a loss by no more than half of the stated width.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from functools import lru_cache

from ..exponential import exponential, shifted_down, shifted_up
from ..logarithm import UNIT_BITS, logarithm
from ..rule import Auditor, Derivation, check_enclosure
from .evaluator import Coarse
from .passes import Passes

# of sums and of the table, steps of the table and where it ends, what it is computed with besides, and how long a
# product may get
BITS = 60
ONE = 1 << BITS
STEP = 12
END = 40
_GUARD = 10
_PRODUCT_BITS = 1 << 11


@lru_cache(maxsize=1)
def _table() -> list[int]:
    """2**BITS exp(-i / 2**STEP) for i <= END 2**STEP, from below, off by less than 2; the first is exact."""

    def powers(exponent: int, count: int) -> list[int]:
        found = (exponential(-i, exponent, 1, BITS + _GUARD + 2) for i in range(1, count))
        return [ONE << _GUARD, *(shifted_down(low, e + BITS + _GUARD) for low, _, e in found)]

    fine, whole = powers(-STEP, 1 << STEP), powers(0, END + 1)
    return [a * b >> BITS + 2 * _GUARD for b in whole for a in fine][: (END << STEP) + 1]


def one_plus(logits: Sequence[int], grid: int) -> tuple[int, int]:
    """Bounds of 2**BITS (1 + S), of logits in units of 2**-grid, grid >= STEP.

    A distance i h + f, h = 2**-STEP and f < h, has exp(-f) in [1 - f, 1 - f + f^2 / 2]. With e of the table, e - floor
    (e f) is off by less than 1 below and less than 2 + e f^2 / 2 above; f^2 / 2 <= 2**-25, so together less than what
    they add up to times 2**-24. Distances of END and more have a term of at most the table's last.

    >>> low, high = one_plus([0, 3 << 20, (2 << 20) + 77777], 20)
    >>> low * 10**6 >> BITS, high - low < 1 << BITS - 24
    (1445991, True)
    """
    table, top, shift = _table(), max(logits), grid - STEP
    mask, cut = (1 << shift) - 1, top - (END << grid)
    near = [top - v for v in logits if v > cut]
    total = sum([(e := table[d >> shift]) - (e * (d & mask) >> grid) for d in near])
    off = 2 * len(near) + (total - ONE >> 24) + (len(logits) - len(near)) * (table[-1] + 2) + 1
    return max(total - len(near), ONE), total + off


class Losses:
    """Losses of inputs whose logits are in units of 2**-grid, added up."""

    def __init__(self, grid: int) -> None:
        self.up = max(STEP - grid, 0)
        self.grid = grid + self.up
        self.radius = self.distance = self.low = self.high = 0
        self.products = ONE, ONE

    def add(self, logits: Sequence[int], radius: int, right: int) -> None:
        """One more."""
        logits = [v << self.up for v in logits] if self.up else logits
        self.radius = max(self.radius, radius << self.up)
        self.distance += max(logits) - logits[right]
        (low, high), (below, above) = one_plus(logits, self.grid), self.products
        self.products = below * low >> BITS, -(-above * high >> BITS)
        if self.products[0].bit_length() > _PRODUCT_BITS:
            self.close()

    def close(self) -> None:
        """The products become logarithms."""
        below, above = self.products
        self.low += logarithm(below, BITS)[0]
        self.high += logarithm(above, BITS)[1]
        self.products = ONE, ONE

    def ends(self) -> tuple[int, int]:
        """Bounds of the sum, in units of 2**-BITS; the radius is at most 1/2.

        exp(-x) >= 1 - x, and exp(x) <= 1 + x + x^2 for x <= 1.
        """
        self.close()
        grid, x = self.grid, 2 * self.radius
        low = self.low + shifted_down(self.distance, BITS - grid)
        high = self.high + shifted_up(self.distance, BITS - grid)
        return max(low - (low * x >> grid) - 1, 0), high + (high * ((x << grid) + x * x) >> 2 * grid) + 1


def total(
    passes: Passes, derivation: Derivation, inputs: Iterable[tuple[Sequence[int], Sequence[int]]]
) -> tuple[int, int]:
    """Bounds of the sum of the losses of some inputs with their right answers, in units of 2**-BITS."""
    stated, found = derivation.conclusion, dict[int, Losses]()
    for tokens, answers in inputs:
        if passes.network.outputs == 1:
            continue  # the loss is 0
        for words in passes.words:
            with suppress(Coarse):
                logits, grid = passes.logits(words, tokens), passes.at(words).grid
                width = shifted_down(stated.high - stated.low, grid)
                if 8 * stated.high * max(radius for _, radius in logits) <= width:
                    break
        else:
            raise derivation.differs("high", stated.high, f"logits of {tokens} that are not known well enough")
        mine = found.setdefault(words, Losses(grid))
        for (values, radius), right in zip(logits, answers, strict=True):
            mine.add(values, radius, right)
    low, high = map(sum, zip((0, 0), *[losses.ends() for losses in found.values()], strict=True))
    return low, high


def check(auditor: Auditor, derivation: Derivation) -> None:
    """Holds when the bounds are no better than the checker's own."""
    passes = auditor.passes
    low, high = passes.summed(lambda inputs: total(passes, derivation, passes.visited(inputs)))
    pairs, up = passes.task.inputs.size() * len(passes.task.read), UNIT_BITS - BITS
    check_enclosure(derivation, low << up, high << up, pairs)

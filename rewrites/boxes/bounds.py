"""The tests of sets of inputs, in int64, every step rounded to the safe side.

All are about one query token, and about many sets at once.  The primitive: for tables w >= 0 and brackets x by position
and token, m[w x] from below is Σ min of w⁻x⁻ where x⁻ >= 0 and of w⁺x⁻ where it is negative, for w⁻ <= w <= w⁺ and
x⁻ <= x.  Weights have WEIGHT bits of the largest that a set holds, brackets BRACKET bits of the largest of their table;
a product has 61, and is cut by SPARE before it is summed.

Numbers of advice are integers in the units that a :class:`Units` declares.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np

from ...engine.domains.fixed_functions import bit_lengths
from ...engine.domains.separable import NEVER, WEIGHT_BITS
from ...engine.form import SIZE_BITS, Fixed, Form, ListTables, ProductTables
from .lines import moved, through_lines, unit_sizes

Sets = ProductTables | ListTables
WEIGHT, BRACKET, SPARE = 31, 30, 8
CODE_BITS = 12  # bits of a ratio behind its leading one
FACTOR_BITS = 22  # of κ, where σ is bounded
WIDE = 46  # bits of weights that are compared and not multiplied
ABOVE_BITS = 32  # behind the point of a threshold
ENTRIES = 1 << 20  # of tables that are tested together


@dataclass(frozen=True)
class Units:
    """Bits behind the point of pre-activations, of γ, and of slopes; ``above``: the threshold of margins, in 2^-32."""

    z: int
    gamma: int
    slope: int
    above: int = 0


@dataclass(frozen=True, eq=False)
class Facts:
    """What is known of each set.  ``low``, ``high``: pre-activations (sets × heads × units), ``slopes``: sets × units,
    of the functions that need them; ``ratios``: codes of bounds of D_0/D_h, sets × (heads - 1) × 2."""

    low: np.ndarray
    high: np.ndarray
    slopes: np.ndarray
    ratios: np.ndarray

    def take(self, index: np.ndarray) -> Facts:
        return Facts(self.low[index], self.high[index], self.slopes[index], self.ratios[index])


class Bounds:
    """The tests of one query token of a form."""

    def __init__(self, form: Form, query: int, units: Units) -> None:
        self._form, self._q, self._units = form, query, units

    def weights(self, sets: Sets, bits: int = WEIGHT) -> list[tuple[np.ndarray, np.ndarray, np.ndarray]]:
        """Of each head low and high weights (sets × positions × tokens) of so many bits or one more, and their unit: w
        is 2^unit times them, but for a power of two that is common to all heads and sets."""
        found = []
        allowed = sets.allowed
        for weights in self._form.weights:
            halvings = np.where(allowed, weights.halvings[self._q], NEVER)
            least = halvings.min(axis=(1, 2))
            up = max(bits - WEIGHT_BITS, 0)
            by = np.minimum(halvings - least[:, None, None] + (WEIGHT_BITS + up - bits), 62)
            low, high = weights.low[self._q] << up >> by, -(-(weights.high[self._q] << up) >> by)
            found.append((np.where(allowed, low, 0), np.where(allowed, high, 0), -least))
        return found

    def facts_hold(self, sets: Sets, facts: Facts) -> np.ndarray:
        """Whether all that is said of each set holds."""
        holds = np.ones(len(facts.low), dtype=np.bool_)
        if self._form.hidden is not None:
            holds &= self.pre_activations_hold(sets, facts)
        return holds & self.ratios_hold(sets, facts) if self._form.heads > 1 else holds

    def pre_activations_hold(self, sets: Sets, facts: Facts) -> np.ndarray:
        """X1: whether the bounds of every unit hold, for every set: m[w(g - low)] >= 0 and m[w(high - g)] >= 0."""
        hidden = self._form.hidden
        assert hidden is not None, "only an MLP has pre-activations"
        pre, holds = hidden.pre, np.ones(len(facts.low), dtype=np.bool_)
        lift = -self._units.z - pre.exponent
        n, units = len(facts.low), facts.low.shape[2]
        most = max(int(np.abs(ends).max(initial=0)) for ends in (facts.low, facts.high))
        if lift < 0 or most.bit_length() + lift > 61:
            return np.zeros_like(holds)
        rows = max(1, ENTRIES // (n * pre.tables[0][:, :, 0].size))
        for h, (low, high, _) in enumerate(self.weights(sets)):
            g = (pre.tables[h] + (pre.constant[self._q] if h == 0 else 0)).transpose(2, 0, 1)
            for first in range(0, units, rows):
                part = g[None, first : first + rows]
                again = sets.take(np.repeat(np.arange(n), part.shape[1]))
                for side, ends in ((1, facts.low), (-1, facts.high)):
                    bounds = (ends[:, h, first : first + rows] << lift)[:, :, None, None]
                    bracket = (side * (part - bounds) - 2 * pre.error).reshape(-1, *g.shape[1:])
                    v, w = (np.repeat(end, part.shape[1], axis=0) for end in (low, high))
                    found = again.least(_summand(v, w, bracket)).reshape(n, -1) >= 0
                    holds &= found.all(axis=1)
        return holds

    def ratios_hold(self, sets: Sets, facts: Facts) -> np.ndarray:
        """X3: whether lo <= D_0/D_h <= hi for every set: m[w_0 - lo w_h] >= 0 and m[hi w_h - w_0] >= 0."""
        holds = np.ones(len(facts.ratios), dtype=np.bool_)
        first, *others = self.weights(sets, WIDE)
        for h, other in enumerate(others):
            for end in (0, 1):
                (low, high), (own_low, own_high) = _wide(first, other, facts.ratios[:, h, end])
                difference = low - own_high if end == 0 else own_low - high
                holds &= sets.least(difference) >= 0
        return holds

    def margins_hold(
        self,
        sets: Sets,
        facts: Facts,
        winner: np.ndarray,
        loser: np.ndarray,
        pieces: list[tuple[np.ndarray, np.ndarray]],
        *,
        strictly: bool,
    ) -> np.ndarray:
        """X2 to X4: whether ``winner`` is above ``loser`` (by more than the threshold if ``strictly``, else at least as
        large) on the whole of each set, one triple a set.

        ``pieces``: for each piece of the range of the ratios (ratios, γ of the heads but the first), codes and units.
        """
        brackets, unit = self._brackets(facts, winner, loser, strictly=strictly)
        weights = self.weights(sets)
        holds = np.ones(len(winner), dtype=np.bool_)
        lift = -self._units.gamma - unit
        for ratios, gammas in pieces:
            if int(np.abs(gammas).sum(axis=1).max(initial=0)).bit_length() + lift > 61:
                return np.zeros_like(holds)
            own = brackets[0] + moved(gammas.sum(axis=1), lift)[:, None, None]
            others = [brackets[h + 1] + moved(-gammas[:, h], lift)[:, None, None] for h in range(gammas.shape[1])]
            for corner in itertools.product((0, 1), repeat=len(others)):
                codes = ratios[:, np.arange(len(others)), corner]
                least = sets.least(_combined(weights, [own, *others], codes))
                holds &= least > 0 if strictly else least >= 0
        return holds

    def _brackets(
        self, facts: Facts, winner: np.ndarray, loser: np.ndarray, *, strictly: bool
    ) -> tuple[list[np.ndarray], int]:
        """Lower ends of n_h(p, t), sets × positions × tokens, constants with the first head, and their unit."""
        form, q = self._form, self._q
        logits, above = form.logits, self._units.above if strictly else 0
        n = [_columns(table, winner) - _columns(table, loser) - 2 * logits.error for table in logits.tables]
        constant = logits.constant[q, winner] - logits.constant[q, loser] - 2 * logits.error
        unit = logits.exponent
        through = None
        if form.hidden is not None:
            low, high = facts.low.sum(axis=1), facts.high.sum(axis=1)
            units = self._units
            through = through_lines(form.hidden, q, winner, loser, low, high, facts.slopes, units.z, units.slope)
            unit = max(unit, through.exponent)
        n = [moved(part, logits.exponent - unit) for part in n]
        constant = moved(constant, logits.exponent - unit)
        if through is not None:
            n = [part + moved(more, through.exponent - unit) for part, more in zip(n, through.tables, strict=True)]
            constant = constant + through.constant(unit)
        if form.kappa is None:
            constant = constant - np.maximum(moved(np.array(above), -ABOVE_BITS - unit) + 1, 0) * (above > 0)
        elif form.size is not None:
            factor, finer = self._factor(form.kappa, winner, loser, above)
            sizes = (form.size.first[q], *form.size.others)
            n = [part + self._sized(factor, size[None], finer - unit) for part, size in zip(n, sizes, strict=True)]
            constant = constant + moved(factor * form.size.fixed, finer - SIZE_BITS - unit)
            if through is not None:
                constant = constant + self._written(factor, low, high, finer - unit)
        n[0] = n[0] + constant[:, None, None]
        return n, unit

    def _factor(self, kappa: Fixed, winner: np.ndarray, loser: np.ndarray, above: int) -> tuple[np.ndarray, int]:
        """min(κ - threshold, 0), rounded down to FACTOR_BITS, and its unit."""
        threshold = moved(np.array([-above]), -ABOVE_BITS - kappa.exponent)[0]
        row = kappa.values[0]
        factor = np.minimum(row[winner] - row[loser] - 2 * kappa.error + threshold, 0)
        cut = max(int(-factor.min(initial=0)).bit_length() - FACTOR_BITS, 0)
        return factor >> cut, kappa.exponent + cut

    @staticmethod
    def _sized(factor: np.ndarray, size: np.ndarray, shift: int) -> np.ndarray:
        """κ·size from below: factor <= 0, size rounded up to what leaves a product 61 bits."""
        cut = max(int(size.max(initial=0)).bit_length() - (61 - FACTOR_BITS), 0)
        return moved(factor[:, None, None] * -(-size >> cut), shift - SIZE_BITS + cut)

    def _written(self, factor: np.ndarray, low: np.ndarray, high: np.ndarray, shift: int) -> np.ndarray:
        """κ Σ_i max |φ(z_i)| |out_i|/√d from below (X4), by Python integers."""
        form = self._form
        assert form.hidden is not None and form.size is not None, "an MLP before a norm"
        sizes = unit_sizes(form.hidden.function, low, high)
        bits = 2 * self._units.z if form.hidden.function == "square" else self._units.z
        total = sizes.astype(object) @ form.size.out.astype(object)
        down = SIZE_BITS + bits - shift
        found = [
            int(f) * int(t) >> down if down >= 0 else int(f) * int(t) << -down
            for f, t in zip(factor, total, strict=True)
        ]
        return np.array(found, dtype=np.int64)


def _columns(table: np.ndarray, column: np.ndarray) -> np.ndarray:
    """One column of positions × tokens × columns for each set, as sets × positions × tokens."""
    return np.ascontiguousarray(table.transpose(2, 0, 1))[column]


def _summand(low: np.ndarray, high: np.ndarray, bracket: np.ndarray) -> np.ndarray:
    """w·x from below, in one unit for each set: the bracket is cut to BRACKET bits."""
    most = np.abs(bracket).max(axis=(1, 2))
    cut = np.maximum(bit_lengths(most) - BRACKET, 0)[:, None, None]
    kept = bracket >> cut
    return np.where(kept >= 0, low, high) * kept >> SPARE


Weight = tuple[np.ndarray, np.ndarray, np.ndarray]


def _aligned(
    first: Weight, other: Weight, codes: np.ndarray
) -> tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
    """(low, high) of w_0 and of ρ w_h in one unit, at most WEIGHT bits and one, ρ by its code."""
    factor = ((1 << CODE_BITS) + (codes & (1 << CODE_BITS) - 1))[:, None, None]
    # w_0 in units 2^cut_0; rho w_h = w_h factor in units 2^(cut_h + (code >> CODE_BITS) - CODE_BITS)
    exponent = other[2] + (codes >> CODE_BITS) - CODE_BITS
    unit = np.maximum(first[2], exponent + CODE_BITS + 1)
    down = np.minimum(unit - first[2], 62)[:, None, None]
    own_down = np.minimum(unit - exponent, 62)[:, None, None]
    low, high = first[0] >> down, -(-first[1] >> down)
    return (low, high), (other[0] * factor >> own_down, -(-(other[1] * factor) >> own_down))


def _wide(
    first: Weight, other: Weight, codes: np.ndarray
) -> tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
    """The same for weights of WIDE bits, in the finest unit that leaves both 60 bits: small weights keep theirs."""
    factor = ((1 << CODE_BITS) + (codes & (1 << CODE_BITS) - 1))[:, None, None]
    exponent = other[2] + (codes >> CODE_BITS) - CODE_BITS
    unit = np.maximum(first[2] - 13, exponent)
    down = (unit - first[2])[:, None, None]
    own_down = np.minimum(unit - exponent, 62)[:, None, None]
    lift, drop = np.maximum(-down, 0), np.clip(down, 0, 62)
    low, high = first[0] << lift >> drop, -(-(first[1] << lift) >> drop)
    return (low, high), (other[0] * factor >> own_down, -(-(other[1] * factor) >> own_down))


def _combined(weights: list[Weight], brackets: list[np.ndarray], codes: np.ndarray) -> np.ndarray:
    """w_0 x_0 + Σ_h ρ_h w_h x_h from below, in one unit for each set; codes: sets × heads but the first."""
    most = np.stack([np.abs(bracket).max(axis=(1, 2)) for bracket in brackets]).max(axis=0)
    cut = np.maximum(bit_lengths(most) - BRACKET, 0)[:, None, None]
    kept = [bracket >> cut for bracket in brackets]
    first, *others = weights
    aligned = [_aligned(first, other, codes[:, h]) for h, other in enumerate(others)]
    # each pair may have a unit of its own for w_0: the coarsest is taken, and the others moved to it
    if not aligned:
        return _product(first[0], first[1], kept[0])
    units = np.stack(
        [np.maximum(first[2], other[2] + (codes[:, h] >> CODE_BITS) + 1) for h, other in enumerate(others)]
    )
    unit = units.max(axis=0)
    down = np.minimum(unit - first[2], 62)[:, None, None]
    total = _product(first[0] >> down, -(-first[1] >> down), kept[0])
    for (_, (low, high)), own, bracket in zip(aligned, units, kept[1:], strict=True):
        more = np.minimum(unit - own, 62)[:, None, None]
        total = total + _product(low >> more, -(-high >> more), bracket)
    return total


def _product(low: np.ndarray, high: np.ndarray, bracket: np.ndarray) -> np.ndarray:
    return np.where(bracket >= 0, low, high) * bracket >> SPARE

"""The tests of sets of inputs, in int64, every step rounded to the safe side.

All are about many sets at once, each with its own query token.  The primitive: for tables w >= 0 and brackets x by
position and token, m[w x] from below is Σ min of w⁻x⁻ where x⁻ >= 0 and of w⁺x⁻ where it is negative, for w⁻ <= w <= w⁺
and x⁻ <= x.  Of margins, where several heads and many outputs of one set share its weights, it is Σ min w⁻x⁻, less
(w⁺ - w⁻) times the largest |x⁻| for each position.  Weights have WEIGHT bits of the largest that a set holds, brackets
BRACKET bits of the largest of their table (fewer where several heads are added up); a sum of products has 62, and is
cut by so many that sums over heads and positions stay in their words.

Numbers of advice are integers in the units that a :class:`Units` declares.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np

from ...engine.domains.fixed_functions import bit_lengths
from ...engine.domains.separable import NEVER, WEIGHT_BITS
from ...engine.errors import MagnitudeError
from ...engine.form import SIZE_BITS, Fixed, Form, ListTables, ProductTables
from .lines import Drawn, drawn, moved, through_lines, unit_sizes

Sets = ProductTables | ListTables
# Low and high weights of each set, and their unit; codes of ratios, and γ.
Weight = tuple[np.ndarray, np.ndarray, np.ndarray]
Piece = tuple[np.ndarray, np.ndarray]
WEIGHT, BRACKET = 31, 30
CODE_BITS = 12  # bits of a ratio behind its leading one
FACTOR_BITS = 22  # of κ, where σ is bounded
WIDE = 46  # bits of weights that are compared and not multiplied
ABOVE_BITS, FARTHEST = 32, 1 << 60  # of a threshold: bits behind its point, and what its units do not reach
ENTRIES = 1 << 20  # of tables that are tested together, pre-activations
TOGETHER = 1 << 17  # and margins: what is worked on at once stays near


@dataclass(frozen=True)
class Units:
    """Bits behind the point of pre-activations, of γ, and of slopes; ``above``: the threshold of margins, in 2^-32.

    Tests ask whether margins are above it, or at most it."""

    z: int
    gamma: int
    slope: int
    above: int = 0


@dataclass(frozen=True, eq=False)
class Facts:
    """What is known of each set.  ``query``: its query token; ``low``, ``high``: pre-activations (sets × heads ×
    units); ``slopes``: sets × units, of the functions that need them; ``ratios``: codes of bounds of D_0/D_h, sets ×
    (heads - 1) × 2."""

    query: np.ndarray
    low: np.ndarray
    high: np.ndarray
    slopes: np.ndarray
    ratios: np.ndarray

    def take(self, index: np.ndarray) -> Facts:
        return Facts(self.query[index], self.low[index], self.high[index], self.slopes[index], self.ratios[index])


class Bounds:
    """The tests of a form."""

    def __init__(self, form: Form, units: Units) -> None:
        self._form, self._units = form, units
        self._columns = [np.ascontiguousarray(table.transpose(2, 0, 1)) for table in form.logits.tables]

    def weights(self, sets: Sets, facts: Facts, bits: int = WEIGHT) -> list[Weight]:
        """Of each head low and high weights (sets × positions × tokens) of so many bits or one more, and their unit: w
        is 2^unit times them, but for a power of two that is common to all heads of a set."""
        found = []
        allowed = sets.allowed
        for weights in self._form.weights:
            halvings = np.where(allowed, weights.halvings[facts.query], NEVER)
            least = halvings.min(axis=(1, 2))
            up = max(bits - WEIGHT_BITS, 0)
            by = np.minimum(halvings - least[:, None, None] + (WEIGHT_BITS + up - bits), 62)
            low, high = weights.low[facts.query] << up >> by, -(-(weights.high[facts.query] << up) >> by)
            found.append((np.where(allowed, low, 0), np.where(allowed, high, 0), -least))
        return found

    def spare(self, sets: Sets) -> int:
        """By how much numbers of 62 bits are cut, so that what a set's least sum adds up stays below 2^59.

        It adds a number for each head and position, twice where a list's number stands in two places; with labels up
        to L, a multiplier times labels, and times their sum, at most 4 L as large (:func:`~...engine.form.slope`).
        """
        labels = sets.labels if isinstance(sets, ProductTables) else None
        most = 0 if labels is None else int(np.abs(labels).max())
        return (2 * self._form.heads * len(self._columns[0][0]) * (1 + 4 * most)).bit_length() + 3

    def facts_hold(self, sets: Sets, facts: Facts) -> np.ndarray:
        """Whether all that is said of each set holds."""
        holds = np.ones(len(facts.low), dtype=np.bool_)
        if self._form.hidden is not None:
            holds &= self.pre_activations_hold(sets, facts)
        return holds & self.ratios_hold(sets, facts) if self._form.heads > 1 else holds

    def pre_activations_hold(self, sets: Sets, facts: Facts) -> np.ndarray:
        """Whether the bounds of every unit hold, for every set: m[w(g - low)] >= 0 and m[w(high - g)] >= 0."""
        hidden = self._form.hidden
        assert hidden is not None, "only an MLP has pre-activations"
        pre, holds = hidden.pre, np.ones(len(facts.low), dtype=np.bool_)
        lift = -self._units.z - pre.exponent
        n, units = len(facts.low), facts.low.shape[2]
        most = max(int(np.abs(ends).max(initial=0)) for ends in (facts.low, facts.high))
        if lift < 0 or most.bit_length() + lift > 60:
            return np.zeros_like(holds)
        rows, spare = max(1, ENTRIES // (n * pre.tables[0][:, :, 0].size)), self.spare(sets)
        for h, (low, high, _) in enumerate(self.weights(sets, facts)):
            g = np.ascontiguousarray(pre.tables[h].transpose(2, 0, 1))
            own = pre.constant[facts.query] if h == 0 else np.zeros((n, units), dtype=np.int64)
            for first in range(0, units, rows):
                part = g[None, first : first + rows]
                again = sets.take(np.repeat(np.arange(n), part.shape[1]))
                v, w = (np.repeat(end, part.shape[1], axis=0) for end in (low, high))
                for side, ends in ((1, facts.low), (-1, facts.high)):
                    bounds = (ends[:, h, first : first + rows] << lift) - own[:, first : first + rows]
                    bracket = (side * (part - bounds[:, :, None, None]) - 2 * pre.error).reshape(-1, *g.shape[1:])
                    products = self._product(v, w, self._cut([bracket])[0], spare)
                    found = again.least(products).reshape(n, -1) >= 0
                    holds &= found.all(axis=1)
        return holds

    def ratios_hold(self, sets: Sets, facts: Facts) -> np.ndarray:
        """Whether lo <= D_0/D_h <= hi for every set: m[w_0 - lo w_h] >= 0 and m[hi w_h - w_0] >= 0."""
        holds = np.ones(len(facts.ratios), dtype=np.bool_)
        first, *others = self.weights(sets, facts, WIDE)
        for h, other in enumerate(others):
            for end in (0, 1):
                (low, high), (own_low, own_high) = _wide(first, other, facts.ratios[:, h, end])
                difference = low - own_high if end == 0 else own_low - high
                holds &= sets.least(difference >> self.spare(sets)) >= 0
        return holds

    def margins_hold(
        self, sets: Sets, facts: Facts, winner: np.ndarray, loser: np.ndarray, pieces: list[Piece], *, strictly: bool
    ) -> np.ndarray:
        """Whether ``winner`` is above ``loser`` by more than the threshold (if ``strictly``; else by at least
        minus the threshold) on the whole of a set: sets × outputs, one row a set.

        ``pieces``: for each piece of the range of the ratios (ratios: sets × heads but the first × 2; γ: sets × outputs
        × heads but the first), codes and units.
        """
        weights, lines = self.weights(sets, facts), None
        if self._form.hidden is not None:
            low, high = facts.low.sum(axis=1), facts.high.sum(axis=1)
            lines = drawn(self._form.hidden, low, high, facts.slopes, self._units.z, self._units.slope)
        winner, loser = np.broadcast_arrays(winner, loser)
        holds = np.ones(loser.shape, dtype=np.bool_)
        rows = max(1, TOGETHER // (sets.allowed[0].size * loser.shape[1]))
        for first in range(0, len(loser), rows):
            part = slice(first, first + rows)
            of = np.arange(len(loser))[part]
            brackets, unit = self._brackets(
                facts.take(of), None if lines is None else lines.take(of), winner[part], loser[part], strictly=strictly
            )
            own = [(low[part], high[part], scale[part]) for low, high, scale in weights]
            here = sets.take(np.repeat(of, loser.shape[1]))
            for ratios, gammas in pieces:
                least = self._least(here, own, brackets, unit, ratios[part], gammas[part])
                holds[part] &= least > 0 if strictly else least >= 0
        return holds

    def _least(
        self,
        sets: Sets,
        weights: list[Weight],
        brackets: list[np.ndarray],
        unit: int,
        ratios: np.ndarray,
        gammas: np.ndarray,
    ) -> np.ndarray:
        """The least over the corners of m[w_0(n_0 - γ_0) + Σ_h ρ_h w_h (n_h - γ_h)], in one unit for each set; -1 where
        γ would leave its words.

        With r_h <= ρ_h w_h <= r_h + d_h on the set, and n_h - γ_h at least the integers x_h, |x_h| <= X, the sum of the
        products is at least Σ_h r_h x_h - X Σ_h d_h at each position.  X has so few bits that Σ_h r_h x_h has 62.
        """
        n, each, others = gammas.shape
        lift = -self._units.gamma - unit
        if int(np.abs(gammas).sum(axis=2).max(initial=0)).bit_length() + lift > 61:
            return np.full((n, each), -1)
        shifts = [gammas.sum(axis=2), *(-gammas[:, :, h] for h in range(others))]
        kept, most = self._kept(brackets, [moved(shift, lift) for shift in shifts])
        spare, positions = self.spare(sets), brackets[0].shape[2]
        least = None
        for corner in itertools.product((0, 1), repeat=others):
            parts = self._in_one_unit(weights, [ratios[:, h, end] for h, end in enumerate(corner)])
            total = np.zeros_like(kept[0])
            apart: np.ndarray = np.zeros(n, dtype=np.int64)
            for (low, high), x in zip(parts, kept, strict=True):
                total += low[:, None] * x
                apart += (high - low).max(axis=(1, 2))
            total >>= spare
            value = sets.least(total.reshape(-1, *total.shape[2:])).reshape(n, each)
            value -= positions * ((apart[:, None] * most >> spare) + 1)
            least = value if least is None else np.minimum(least, value)
        assert least is not None, "there are corners"
        return least

    @staticmethod
    def _kept(brackets: list[np.ndarray], shifts: list[np.ndarray]) -> tuple[list[np.ndarray], np.ndarray]:
        """n_h + shift_h of each pair, in one unit that leaves them few enough bits, rounded down; and their size at
        most."""
        bits = BRACKET + 1 - len(brackets).bit_length()
        moved_ = [x + shift[:, :, None, None] for x, shift in zip(brackets, shifts, strict=True)]
        most = np.max([np.maximum(x.max(axis=(2, 3)), -x.min(axis=(2, 3))) for x in moved_], axis=0)
        cut = np.maximum(bit_lengths(most) - bits, 0)
        for x in moved_:
            x >>= cut[:, :, None, None]
        return moved_, (most >> cut) + 1

    @staticmethod
    def _in_one_unit(weights: list[Weight], codes: list[np.ndarray]) -> list[tuple[np.ndarray, np.ndarray]]:
        """Bounds of w_0 and of every ρ_h w_h, in the unit that leaves the largest WEIGHT bits: with ρ = m 2^E for m of
        CODE_BITS + 1 bits, m w has as many bits as w once it is cut by these."""
        first, *others = weights
        exponents = [first[2], *(w[2] + (code >> CODE_BITS) + 1 for w, code in zip(others, codes, strict=True))]
        unit = np.max(exponents, axis=0)
        found = []
        for h, (low, high, _) in enumerate(weights):
            down = (unit - exponents[h])[:, None, None]
            if h:
                factor = ((1 << CODE_BITS) + (codes[h - 1] & (1 << CODE_BITS) - 1))[:, None, None]
                low, high, down = low * factor, high * factor, down + CODE_BITS + 1
            down = np.minimum(down, 62)
            found.append((low >> down, -(-high >> down)))
        return found

    @staticmethod
    def _product(low: np.ndarray, high: np.ndarray, bracket: np.ndarray, spare: int) -> np.ndarray:
        """w x from below."""
        return np.where(bracket >= 0, low, high) * bracket >> spare

    @staticmethod
    def _cut(brackets: list[np.ndarray]) -> list[np.ndarray]:
        """The brackets of each set in one unit that leaves them BRACKET bits, rounded down."""
        most = np.max([np.abs(bracket).max(axis=(1, 2)) for bracket in brackets], axis=0)
        cut = np.maximum(bit_lengths(most) - BRACKET, 0)[:, None, None]
        return [bracket >> cut for bracket in brackets]

    def _brackets(
        self, facts: Facts, lines: Drawn | None, winner: np.ndarray, loser: np.ndarray, *, strictly: bool
    ) -> tuple[list[np.ndarray], int]:
        """Lower ends of n_h(p, t), sets × outputs × positions × tokens, constants with the first head, and their
        unit."""
        form, q = self._form, facts.query[:, None]
        logits, above = form.logits, self._units.above if strictly else -self._units.above
        n = [columns[winner] for columns in self._columns]
        for part, columns in zip(n, self._columns, strict=True):
            part -= columns[loser]
        constant = logits.constant[q, winner] - logits.constant[q, loser] - 2 * logits.error * (1 + form.heads)
        unit = logits.exponent
        through = None
        if form.hidden is not None and lines is not None:
            through = through_lines(form.hidden, facts.query, winner, loser, lines)
            unit = max(unit, through.exponent)
        if unit > logits.exponent:
            n = [moved(part, logits.exponent - unit) for part in n]
        constant = moved(constant, logits.exponent - unit)
        if through is not None:
            for part, more in zip(n, through.tables, strict=True):
                part += moved(more, through.exponent - unit)
            constant = constant + through.constant(unit)
        if form.kappa is None:
            constant = constant + _in_unit(-above, unit)
        elif form.size is not None:
            factor, finer = self._factor(form.kappa, winner, loser, above)
            if factor.any():
                sizes = (form.size.first[facts.query], *(size[None] for size in form.size.others))
                for part, size in zip(n, sizes, strict=True):
                    part += self._sized(factor, size, finer - unit)
            constant = constant + moved(factor * form.size.fixed, finer - SIZE_BITS - unit)
            if lines is not None:
                constant = constant + self._written(factor, lines, finer - unit)
        n[0] += constant[:, :, None, None]
        return n, unit

    def _factor(self, kappa: Fixed, winner: np.ndarray, loser: np.ndarray, above: int) -> tuple[np.ndarray, int]:
        """min(κ - threshold, 0), rounded down to FACTOR_BITS, and its unit."""
        row = kappa.values[0]
        factor = np.minimum(row[winner] - row[loser] - 2 * kappa.error + _in_unit(-above, kappa.exponent), 0)
        cut = max(int(-factor.min(initial=0)).bit_length() - FACTOR_BITS, 0)
        return factor >> cut, kappa.exponent + cut

    @staticmethod
    def _sized(factor: np.ndarray, size: np.ndarray, shift: int) -> np.ndarray:
        """κ·size from below: factor <= 0, size rounded up to what leaves a product 61 bits."""
        cut = max(int(size.max(initial=0)).bit_length() - (61 - FACTOR_BITS), 0)
        return moved(factor[:, :, None, None] * -(-size >> cut)[:, None], shift - SIZE_BITS + cut)

    def _written(self, factor: np.ndarray, lines: Drawn, shift: int) -> np.ndarray:
        """κ Σ_i max |φ(z_i)| |out_i|/√d from below, by Python integers."""
        form = self._form
        assert form.hidden is not None and form.size is not None, "an MLP before a norm"
        sizes = unit_sizes(form.hidden.function, lines.low, lines.high)
        bits = 2 * self._units.z if form.hidden.function == "square" else self._units.z
        total = sizes.astype(object) @ form.size.out.astype(object)
        down = SIZE_BITS + bits - shift
        found = [
            [int(f) * int(t) >> down if down >= 0 else int(f) * int(t) << -down for f in row]
            for row, t in zip(factor, total, strict=True)
        ]
        return np.array(found, dtype=np.int64)


def _in_unit(threshold: int, exponent: int) -> int:
    """A threshold in units of 2^exponent, rounded down."""
    shift = -ABOVE_BITS - exponent
    found = threshold << shift if shift >= 0 else threshold >> -shift
    if abs(found) >= FARTHEST:
        raise MagnitudeError("a threshold", f"{FARTHEST.bit_length() - 1} bits")
    return found


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

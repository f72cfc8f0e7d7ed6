"""Cross-entropies of many rows of logits at once, enclosed.

With M the largest logit, attained at j, the cross-entropy of output c is

    log Σ_z exp(l_z) - l_c = (M - l_c) + log(1 + S),    S = Σ_{z≠j} exp(l_z - M).

**S.**  A table holds e_i >= 2^BITS exp(-i h), rounded up, for steps h = 2^-STEP; a distance d = M - l_z in [i h, (i
+ 1) h) has exp(-h) e^-ih < exp(-d) <= e^-ih, and distances behind the table at most its last entry.  So S is at most
the sum of the e_i, and at least exp(-h) >= 1 - h times the sum less one unit (and the last entry) for each of its
terms.  ``fine``: d = i h + j f + δ in steps of f = 2^-FINE < h, 0 <= δ < f.  With 1 - x <= exp(-x) <= 1 - x + x²/2 and
x³/6 < f/2 for x < h, the whole number y_j = j - ⌊j² f/2⌋ - 1 (at least 0) is below (1 - exp(-j f))/f by at most 2.  So
exp(-d) is at most e_i (1 - y_j f), and at least exp(-i h)(1 - (y_j + 3) f): less by 5 units and a share of 2^-25.
**Logits that are known up to r** change every distance by at most 2r: S changes by a factor in [e^-2r, e^2r]
where c = j, and the whole cross-entropy by at most 2r in any case (its gradient has sum of sizes 2(1 - p_c)).
**log(1 + S)** lies in [S - S²/2, S - S²/2 + S³/3]; from S = 2^-SMALL on it comes from a table of the logarithm.
"""

from __future__ import annotations

from fractions import Fraction
from functools import cache

import numpy as np
from flint import arb

from ...engine.arithmetic.ball import precision
from ...engine.arithmetic.fixed_point import LOST, Table
from ...engine.arithmetic.function_table import INPUT, OUTPUT, logarithm
from ...engine.arithmetic.integer_product import CACHED_ENTRIES
from ...engine.domains.fixed_functions import bit_lengths
from ...engine.errors import MagnitudeError
from .outcome import EXTENT, Loss, end

BITS = 48
MOST_OUTPUTS = 1 << 12
STEP = 12
END = 32  # the table ends at exp(-END)
SMALL = 11
FINE = 27
_ONE = 1 << BITS


@cache
def _exponentials() -> np.ndarray:
    """⌈2^BITS exp(-i 2^-STEP)⌉ or one more, i = 0 … END 2^STEP, non-increasing."""
    count = (END << STEP) + 1
    # blocks of 2^STEP entries are products of one block with exp(-1), exp(-2), …; two roundings up, 60 bits each
    with precision(96):
        step = [_up((-arb((i, -STEP))).exp(), 60) for i in range(1 << STEP)]
        whole = [_up((-arb(k)).exp(), 60) for k in range(END + 1)]
    fine = [[a * b for a in step] for b in whole]
    entries = [-(-product >> 120 - BITS) for row in fine for product in row]
    return np.array(entries[:count], dtype=np.int64)


def _up(number: arb, bits: int) -> int:
    found = (number * arb((1, bits))).upper().ceil().unique_fmpz()
    assert found is not None, "96 bits hold 60"
    return int(found)


@cache
def _log_two() -> tuple[int, int]:
    """Bounds of 2^BITS log 2."""
    with precision(96):
        upper = _up(arb(2).log(), BITS)
    return upper - 1, upper


def well_known(logits: Table, *, fine: bool = False) -> np.ndarray:
    """Which rows' logits are known up to 1/8, or up to 2^-FINE; none, if some are so large that their differences are
    not said."""
    sayable = logits.exponent + logits.size.bit_length() + 32 <= EXTENT
    return (_radius(logits) < _ONE >> (FINE if fine else 3)) & sayable


def cross_entropy(logits: Table, answers: np.ndarray, *, fine: bool = False) -> Loss:
    """The sum over the rows, all of which must be :func:`well_known`."""
    excess, low, high = entropies(logits, answers, fine)
    least, most = (end(exact_sum(excess), logits.exponent, up=up) for up in (False, True))
    if least is None or most is None:
        raise MagnitudeError("a cross-entropy", f"{EXTENT} bits")
    return Loss(least + Fraction(exact_sum(low), _ONE), most + Fraction(exact_sum(high), _ONE))


def probability(logits: Table, answers: np.ndarray) -> Loss:
    """The sum over the rows of the right output's softmax, exp of minus the cross-entropy; rows as for that."""
    excess, low, high = entropies(logits, answers, fine=True)
    most = END << BITS  # from there on a probability is next to nothing
    least, whole = (_units(excess, logits.exponent + BITS, most, up=up) for up in (False, True))
    upper = _exponential(np.maximum(least + low, 0), 0)
    lower = _exponential(np.maximum(whole + high, 0), 0)
    lower = np.maximum(lower - (lower >> FINE - 2) - 6 - int(_exponentials()[-1]), 0)
    return Loss(Fraction(exact_sum(lower), _ONE), Fraction(exact_sum(np.minimum(upper, _ONE)), _ONE))


def entropies(logits: Table, answers: np.ndarray, fine: bool) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(e, l, h): each row's cross-entropy is e, in units of the logits, and between l and h, in units of 2^-BITS."""
    if logits.values.shape[1] > MOST_OUTPUTS:
        raise MagnitudeError("a cross-entropy", f"{MOST_OUTPUTS} outputs")
    values, rows = logits.values, np.arange(len(answers))
    top = values.max(axis=1)
    table = _exponentials()
    upper = _looked_up(values, top, logits.exponent, fine) - table[0]
    terms = values.shape[1] - 1
    # one unit of rounding a term, and for terms behind the table all of it
    lower = np.maximum(upper - terms * ((5 if fine else 2) + int(table[-1])), 0)
    lower -= (lower >> (FINE - 2 if fine else STEP)) + 1
    excess = top - values[rows, answers]
    twice = 2 * _radius(logits)
    right = excess == 0
    low_s = np.where(right, lower - _times(lower, twice) - 1, lower)
    # e^x <= 1 + x + x² for x <= 1
    high_s = np.where(right, upper + _times(upper, twice + _times(twice, twice) + 1) + 1, upper)
    low, _ = log_one_plus(np.maximum(low_s, 0))
    _, high = log_one_plus(high_s)
    return excess, np.where(right, low, low - twice), np.where(right, high, high + twice)


def _looked_up(values: np.ndarray, top: np.ndarray, exponent: int, fine: bool) -> np.ndarray:
    """Σ_z e_i of each row, or Σ_z e_i (1 - y_j f), for the distances from the row's largest value down to value z."""
    table = _exponentials()
    shift = -STEP - exponent
    sums = np.empty(len(values), dtype=np.int64)
    rows = max(CACHED_ENTRIES // values.shape[1], 1)
    for first in range(0, len(values), rows):
        part = slice(first, first + rows)
        steps = top[part, None] - values[part]
        if fine:
            sums[part] = _exponential(steps, exponent + BITS).sum(axis=1)
            continue
        if shift >= 0:
            steps >>= min(shift, 62)
        else:
            steps = np.minimum(steps, END << STEP) << min(-shift, 40)
        sums[part] = np.take(table, steps, mode="clip").sum(axis=1)
    return sums


def _exponential(distances: np.ndarray, exponent: int) -> np.ndarray:
    """e_i (1 - y_j f) for distances >= 0 in units of 2^(exponent - BITS); behind the table, its last entry."""
    steps = _units(distances, exponent - BITS + FINE, END << FINE, up=False)
    j = steps & ((1 << FINE - STEP) - 1)
    coarse = np.take(_exponentials(), steps >> FINE - STEP, mode="clip")
    return coarse - (coarse * np.maximum(j - (j * j >> FINE + 1) - 1, 0) >> FINE)


def _units(numbers: np.ndarray, shift: int, most: int, *, up: bool) -> np.ndarray:
    """numbers·2^shift for numbers >= 0, rounded down or up, and ``most`` for what is more than that."""
    if shift >= 0:
        shift = min(shift, 62)
        return np.where(numbers > most >> shift, most, numbers << shift)
    shift = min(-shift, 62)
    return np.minimum(-(-numbers >> shift) if up else numbers >> shift, most)


def _radius(logits: Table) -> np.ndarray:
    """At least the radius, in units of 2^-BITS; LOST for 2^10 and more."""
    shift = logits.exponent + BITS
    if shift >= 0:
        most = LOST >> min(shift, 61)
        return np.where(logits.radius >= most, LOST, np.minimum(logits.radius, most) << min(shift, 61))
    return np.where(logits.radius >= LOST, LOST, -(-logits.radius >> min(-shift, 62)))


def _times(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """At least a·b·2^-BITS, for 0 <= a < 2^60, 0 <= b <= 2^BITS: both rounded up to 30 bits at most."""
    bits = np.maximum(bit_lengths(np.maximum(a, 1)) - 30, 0)
    short = (a >> bits) + 1
    small = (b >> 20) + 1
    product = short * small + ((1 << BITS - 20) - 1) >> BITS - 20
    return product << bits


def log_one_plus(s: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(lower, upper) bounds of 2^BITS log(1 + 2^-BITS s), for 0 <= s < 2^60."""
    small = s < 1 << BITS - SMALL
    a = np.where(small, s, 0)  # the other rows are looked up below
    unit = BITS - SMALL - 30
    short = a >> unit
    # a² in [short², (short + 1)²]·4^unit
    square_low = short * short >> BITS + 1 - 2 * unit
    square_high = ((short + 1) * (short + 1) >> BITS + 1 - 2 * unit) + 1
    cube = ((short + 1) * ((square_high >> 12) + 1) >> BITS - unit - 12) + 1  # a³/2 >= a³/3
    low, high = a - square_high, a - square_low + cube
    w = s + _ONE
    length = bit_lengths(w)
    down = np.maximum(length - INPUT - 1, 0)
    log = logarithm().at((w << np.maximum(INPUT + 1 - length, 0)) >> down)
    halvings = length - 1 - BITS
    low_two, high_two = _log_two()
    error = logarithm().error + (1 << OUTPUT - INPUT)  # what is cut off w changes the logarithm by 2^-INPUT
    table_low = (log - error << BITS - OUTPUT) + halvings * low_two
    table_high = (log + error << BITS - OUTPUT) + halvings * high_two
    return np.where(small, low, table_low), np.where(small, high, table_high)


def exact_sum(numbers: np.ndarray) -> int:
    """The sum as a Python integer."""
    return (int((numbers >> 32).sum()) << 32) + int((numbers & 0xFFFFFFFF).sum())

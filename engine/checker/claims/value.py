"""The values of a claim's expressions on the auditor's network: names, functions, indices (section 10.2)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from itertools import repeat

from ..budget import ENTRY_BITS, within
from ..dyadic import matrix, plus_row, product
from ..errors import Code, Failure
from ..logarithm import UNIT_BITS
from ..networks.tensor import Tensor
from ..one_layer.counts import View
from ..one_layer.form import SIZES, OneLayer
from ..relations import Accuracy, Loss
from ..rule import Auditor
from .entries import ENTRIES, beside
from .functions import MATRIX_FUNCTIONS, absolute, transposed
from .matrix import (
    ONE,
    Arithmetic,
    Intervals,
    Rows,
    between,
    exactly,
    from_dyadic,
    number,
)
from .network import Sequences
from .spectrum import Spectrum
from .text import SPECTRAL
from .tree import Node

MAX_HELD_BITS = 1 << 31
MAX_CACHED = 1 << 12

Environment = Mapping[str, Intervals]

PATHS = {"EQKE": "EQKE", "EQKP": "EQKP", "EVOU": "EVOU", "PVOU": "PVOU", "UU": "UU", "EUPU": "UU"}
MEANS = frozenset({"EQKE_mean", "EQKP_mean"})
NETWORK_SIZES = {
    "V": "vocabulary",
    "K": "positions",
    "d_vocab": "vocabulary",
    "n_ctx": "positions",
    "d_model": "model",
    "d_head": "head",
}
MEASURES = frozenset({"accuracy", "loss"})
NAMES = frozenset({*SIZES, *PATHS, *MEANS, *NETWORK_SIZES, *MEASURES})


@dataclass(frozen=True)
class Known:
    """What the premises give: whether sequences may be run, and bounds of the accuracy and the loss; or tensors of a
    file, by their names as they are written."""

    sequences: bool
    accuracy: Accuracy | None
    loss: Loss | None
    stored: Mapping[str, Tensor] | None = None

    @property
    def names(self) -> frozenset[str]:
        """What has a meaning."""
        if self.stored is not None:
            return frozenset(self.stored)
        return NAMES if self.accuracy else NAMES - {"accuracy"}


@dataclass(frozen=True)
class Directions:
    """A rank, the bytes of an integer, and the integers."""

    rank: int
    width: int
    data: bytes

    def rows(self, size: int, index: int) -> Rows:
        """size x size integers, two's complement, the lowest byte first; E295."""
        if len(self.data) != size * size * self.width:
            found = f"{len(self.data)} bytes"
            raise Failure(Code.E295, index=index, found=found, expected=f"{size} x {size} x {self.width}")
        if not 0 <= self.rank <= size:
            raise Failure(Code.E295, index=index, found=f"rank {self.rank}", expected=f"0 to {size}")
        numbers = [
            int.from_bytes(self.data[at : at + self.width], "little", signed=True)
            for at in range(0, len(self.data), self.width)
        ]
        return tuple(tuple(numbers[i * size : (i + 1) * size]) for i in range(size))


def whole(value: Intervals) -> int:
    """The whole number that this is; E292."""
    if value.exact and value.shape == (1, 1):
        if value.scale is ONE:
            return value.lower[0][0]
        found = value.lower[0][0] * value.scale
        if found.denominator == 1:
            return found.numerator
    raise Failure(Code.E292, what="an index, a token or a condition's side", expected="an exact whole number")


class Values:
    """Values of expressions whose names are known (claim_names.py), those without variables remembered.

    ``spectra``: the directions of each argument of a singular value.
    """

    def __init__(self, auditor: Auditor, known: Known, bits: int, spectra: Mapping[Node, Directions]) -> None:
        self.auditor = auditor
        self.budget = auditor.budget
        self.premises = known
        self.arithmetic = Arithmetic(auditor.budget, bits)
        self.directions = dict(spectra)
        self.indices = {node: index for index, node in enumerate(spectra)}
        self.spectra: dict[Node, Spectrum] = {}
        self.remembered: dict[Node, Intervals] = {}
        self.wholes: dict[int, Intervals] = {}
        self.held = 0
        self.kinds: dict[str, Callable[[Node, Environment], Intervals]] = {
            "number": lambda node, _: number(node.data),
            "name": self._name,
            "neg": lambda node, variables: self.arithmetic.negate(self.value(node.parts[0], variables)),
            "sum": self._sum,
            "product": self._product,
            "^": lambda node, variables: self.arithmetic.power(self.value(node.parts[0], variables), node.data),
            "index": self._index,
            "call": self._call,
        }

    def whole_number(self, value: int) -> Intervals:
        """A whole number as a value."""
        if value not in self.wholes:
            if not 0 <= value < MAX_CACHED:
                return number(Fraction(value))
            self.wholes[value] = number(Fraction(value))
        return self.wholes[value]

    def value(self, node: Node, variables: Environment) -> Intervals:
        """The value of an expression; E252 to E299 when it has none."""
        found = self.remembered.get(node)
        if found is None:
            self.budget.spend(8)
            found = self.kinds[node.kind](node, variables)
            if not found.exact and found.lower == found.upper:
                found = exactly(found.lower, found.scale)
            if node.names.isdisjoint(variables):
                self.held += (
                    (1 if found.exact else 2) * len(found.lower) * len(found.lower[0]) * (found.bits + ENTRY_BITS)
                )
                within("the values of the claim in bits", self.held, MAX_HELD_BITS)
                self.remembered[node] = found
        return found

    @property
    def network(self) -> OneLayer:
        """The network that the names are about."""
        return self.auditor.of(View).network

    def tokens(self, values: Sequence[Intervals]) -> list[int]:
        """A whole sequence of tokens; E292."""
        tokens = [whole(value) for value in values]
        if len(tokens) != self.network.positions or not all(0 <= t < self.network.vocabulary for t in tokens):
            expected = f"{self.network.positions} tokens below {self.network.vocabulary}"
            raise Failure(Code.E292, what="a sequence", expected=expected)
        return tokens

    @cached_property
    def sequences(self) -> Sequences:
        """The network on sequences."""
        return Sequences(self.auditor, self.arithmetic.bits)

    def _name(self, node: Node, variables: Environment) -> Intervals:
        name = node.data
        if name in variables:
            return variables[name]
        if self.premises.stored is not None:
            return self._stored(self.premises.stored[name], ())
        if name in SIZES:
            return from_dyadic(self.network.tensors[name])
        if name in PATHS:
            return from_dyadic(getattr(self.auditor.of(View).paths, PATHS[name]))
        if name in MEANS:
            return self._mean_table(name)
        if name in NETWORK_SIZES:
            return self.whole_number(getattr(self.network, NETWORK_SIZES[name]))
        if name == "loss":
            return self._loss()
        found = self.premises.accuracy
        assert name == "accuracy" and found is not None
        low, high = (Fraction(right, found.inputs) for right in (found.right_low, found.right_high))
        return between(low, high)

    def _mean_table(self, name: str) -> Intervals:
        """Scores with the mean position m moved to the keys: (W_E + 1 m) W_K, or (W_pos - 1 m) W_K + 1 b_K."""
        arithmetic, w = self.arithmetic, self.network.tensors
        last = matrix(w["W_pos"].rows[-1:], w["W_pos"].exponent)
        query = plus_row(product(plus_row(w["W_E"], last), w["W_Q"], self.budget), w["b_Q"])
        mean_key = arithmetic.product(
            MATRIX_FUNCTIONS["mean_over_rows"](from_dyadic(w["W_pos"])), from_dyadic(w["W_K"])
        )
        if name == "EQKE_mean":
            keys = arithmetic.add(from_dyadic(product(w["W_E"], w["W_K"], self.budget)), mean_key)
        else:
            own = from_dyadic(plus_row(product(w["W_pos"], w["W_K"], self.budget), w["b_K"]))
            keys = arithmetic.subtract(own, mean_key)
        return arithmetic.product(from_dyadic(query), keys.each(transposed))

    def _loss(self) -> Intervals:
        if self.premises.loss:
            low, high, bits, inputs = self.premises.loss.low, self.premises.loss.high, UNIT_BITS, 1
        else:
            bits, inputs = self.arithmetic.bits, self.auditor.inputs
            low, high = self.sequences.loss()
        return between(Fraction(low, inputs << bits), Fraction(high, inputs << bits))

    def _sum(self, node: Node, variables: Environment) -> Intervals:
        found = self.value(node.parts[0], variables)
        for sign, part in zip(node.data, node.parts[1:], strict=True):
            operation = self.arithmetic.add if sign == "+" else self.arithmetic.subtract
            found = operation(found, self.value(part, variables))
        return found

    def _product(self, node: Node, variables: Environment) -> Intervals:
        arithmetic = self.arithmetic
        found = self.value(node.parts[0], variables)
        for sign, part in zip(node.data, node.parts[1:], strict=True):
            value = self.value(part, variables)
            if sign == "@":
                found = arithmetic.product(found, value)
            else:
                found = arithmetic.quotient(found, value) if sign == "/" else arithmetic.multiply(found, value)
        return found

    def _stored(self, tensor: Tensor, places: Sequence[int]) -> Intervals:
        """The matrix at these places of all axes but the last two; E292."""
        *axes, height, width = (1, 1, *tensor.shape)[min(len(tensor.shape), 2) :]
        if len(places) != len(axes) or not all(0 <= place < size for place, size in zip(places, axes, strict=True)):
            raise Failure(Code.E292, what="an index", expected=f"one for each of the axes {axes}")
        first = 0
        for place, size in zip(places, axes, strict=True):
            first = first * size + place
        entries = tensor.entries[first * height * width : (first + 1) * height * width]
        self.budget.spend(len(entries) // 8)
        return from_dyadic(Tensor((height, width), entries, tensor.exponent).rows())

    def _indexed(self, node: Node, variables: Environment) -> tuple[Intervals, tuple[str, ...], tuple[Node, ...]]:
        """What is indexed, and what is left of the index; a stored tensor takes its first places from it; E292."""
        (base, *parts), kinds, tensor = node.parts, node.data, None
        if self.premises.stored is not None and base.kind == "name" and base.data not in variables:
            tensor = self.premises.stored[base.data]
        if tensor is None or len(tensor.shape) <= 2:
            return self.value(base, variables), kinds, tuple(parts)
        axes = tensor.shape[:-2]
        if set(kinds[: len(axes)]) != {"at"}:
            raise Failure(Code.E292, what="an index", expected="a place on every axis but the last two")
        places = list(map(self._place, parts[: len(axes)], axes, repeat(variables)))
        return self._stored(tensor, places), kinds[len(axes) :], tuple(parts[len(axes) :])

    def _index(self, node: Node, variables: Environment) -> Intervals:
        base, kinds, parts = self._indexed(node, variables)
        if kinds == ("at", "at"):
            row, column = map(self._place, parts, base.shape, repeat(variables))
            return self._entry(base, row, column)
        if len(kinds) > 2:
            raise Failure(Code.E292, what="an index", expected="one of a row and one of a column")
        if not kinds:
            return base
        at = 0
        slices: list[slice] = []
        for kind, size in zip(kinds, base.shape, strict=False):
            count = 1 if kind == "at" else len(kind)
            ends = [self._place(part, size, variables) for part in parts[at : at + count]]
            at += count
            low = ends[0] if kind[:1] in ("a", "l") else 0
            high = low + 1 if kind == "at" else ends[-1] if kind[-1:] == "h" else size
            if not 0 <= low < high <= size:
                raise Failure(
                    Code.E292, what="an index", expected=f"a part of {size} rows or columns that is not empty"
                )
            slices.append(slice(low, high))
        rows, *columns = slices
        if not columns:
            return base.each(lambda entries: entries[rows])
        (across,) = columns
        self.budget.spend(len(range(*rows.indices(base.shape[0]))) * (across.stop - across.start) // 32)
        return base.each(lambda entries: [row[across] for row in entries[rows]])

    def _place(self, part: Node, size: int, variables: Environment) -> int:
        """An index: a number that is written with a sign counts from the end."""
        found = whole(self.value(part, variables))
        return found + size if part.kind == "neg" and part.parts[0].kind == "number" else found

    def _entry(self, base: Intervals, row: int, column: int) -> Intervals:
        height, width = base.shape
        if not (0 <= row < height and 0 <= column < width):
            raise Failure(Code.E292, what="an index", expected=f"one of {height} x {width}")
        lower = ((base.lower[row][column],),)
        return Intervals(lower, lower if base.exact else ((base.upper[row][column],),), base.scale)

    def _call(self, node: Node, variables: Environment) -> Intervals:
        name = node.data
        if name in SPECTRAL:
            return self._spectral(node, variables)
        arguments = list(map(self.value, node.parts, repeat(variables)))
        if name == "logits":
            digits = self.sequences.digits
            lower, upper = self.sequences.logits(self.tokens(arguments), digits)
            return Intervals(tuple((n,) for n in lower), tuple((n,) for n in upper), Fraction(1, 1 << digits))
        if name in ENTRIES:
            return ENTRIES[name](self.arithmetic, arguments)
        (value,) = arguments
        self.arithmetic.room(len(value.lower) * len(value.lower[0]), value.bits)
        if name == "sqrt":
            return self.arithmetic.root(value)
        if name == "frobenius":
            sizes = absolute(value)
            return self.arithmetic.root(MATRIX_FUNCTIONS["sum"](self.arithmetic.multiply(sizes, sizes)))
        return MATRIX_FUNCTIONS[name](value)

    def _spectral(self, node: Node, variables: Environment) -> Intervals:
        if node.data == "rank1" and 1 in (row := self.value(node.parts[0], variables)).shape:
            return row
        spectrum = self._spectrum(node.parts[0], variables)
        if node.data == "rank1":
            return spectrum.rank_one()
        if node.data == "singular_values":
            return beside([spectrum.sigma(i + 1) for i in range(spectrum.size)], self.arithmetic)
        return spectrum.sigma(whole(self.value(node.parts[1], variables)) if node.data == "sigma" else 1)

    def _spectrum(self, node: Node, variables: Environment) -> Spectrum:
        """What the directions of this argument prove; E292 for one with variables."""
        if not node.names.isdisjoint(variables):
            raise Failure(Code.E292, what="what singular values are of", expected="a matrix without variables")
        if node not in self.spectra:
            value = self.value(node, variables)
            index, given = self.indices[node], self.directions[node]
            rows = given.rows(min(value.shape), index)
            self.spectra[node] = Spectrum(self.arithmetic, value, given.rank, given.width, rows, index)
        return self.spectra[node]

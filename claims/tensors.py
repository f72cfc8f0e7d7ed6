"""What the names in statements denote where there are only tensors: those of a file, by their stored names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from math import prod
from typing import Any

from ..engine.arithmetic.dyadic import DyadicMatrix
from ..engine.cost import Cost
from ..engine.digest import digest, tensor_digest
from ..engine.rule import Rule
from ..models.weights import StoredTensor
from .intervals import IntervalMatrix
from .vocabulary import Meaning


@dataclass(frozen=True)
class StoredTensors(Meaning):
    """The tensors of these names have these exact values; nothing is said of a network."""

    tensors: Mapping[str, StoredTensor]
    memo: dict[tuple[str, tuple[int, bool]], IntervalMatrix] = field(default_factory=dict, compare=False, repr=False)

    kind = "stored_tensors"

    def conclusion(self) -> dict[str, Any]:
        return {"kind": self.kind, "tensors": [list(pair) for pair in self._hashes()]}

    def _hashes(self) -> list[tuple[str, str]]:
        return [
            (name, tensor_digest(DyadicMatrix.from_integers(1, prod(t.shape), t.numerators, t.exponent), t.shape))
            for name, t in sorted(self.tensors.items())
        ]

    def identity(self) -> str:
        return digest([list(pair) for pair in self._hashes()])

    def sentence(self) -> str:
        return "The names in the statement denote tensors of the file, whose numbers are read exactly."

    def matrix(self, name: str, at: Sequence[int] = ()) -> IntervalMatrix:
        """The matrix at these indices of all axes but the last two; one axis is a row, none a number."""
        tensor = self.tensors[name]
        rows, columns = (1, 1, *tensor.shape)[-2:]
        place = 0
        for index, size in zip(at, tensor.shape, strict=False):
            place = place * size + index
        first, size = place * rows * columns, rows * columns
        numerators = tensor.numerators[first : first + size]
        return IntervalMatrix.exactly((rows, columns), numerators, Fraction(2) ** tensor.exponent)


class NameTensors(Rule):
    """Advice: the tensors, by name."""

    name = "name_tensors"
    certifiable = True
    premises = ()
    lemmas = ()
    derivation = "The stored tensors, by their names."
    cost = Cost()

    def conclude(self, premises: Sequence[Any], advice: Mapping[str, StoredTensor]) -> StoredTensors:
        return StoredTensors(advice)

    def encode(self, advice: Mapping[str, StoredTensor]) -> dict[str, Any]:
        return {}


class NameTensorsOfSeveral(NameTensors):
    """The same of several files.  There is no certificate of what rests on it."""

    name = "name_tensors_of_several"
    certifiable = False

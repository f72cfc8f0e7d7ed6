"""``name_tensors/1``: claims about the tensors of any file, by their stored names; no network is needed.

The statement that such a certificate is about is the list of ``[name, hash of the tensor]`` for the tensors that the
claim names; its hash is that of the list as JSON without spaces. The auditor's file may hold others beside them.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from functools import cached_property
from math import prod
from typing import NoReturn

from ..budget import Budget
from ..certificate import Reader
from ..dyadic import matrix, tensor_hash
from ..errors import Code, Failure
from ..networks.tensor import Tensor, read_tensor
from ..relations import Relation
from ..rule import Auditor, Derivation
from ..weights_file import read_tensors

TENSORS = "stored_tensors"
MOST_NAMES = 1 << 10


def read_tensors_named(reader: Reader) -> list[tuple[str, str]]:
    """Names and hashes."""
    pair = lambda: reader.row(reader.word, reader.hash)  # noqa: E731
    return reader.object(kind=TENSORS, tensors=lambda: reader.items(pair, MOST_NAMES))[0]


class Tensors(Auditor):
    """The auditor's tensors of these names; E131 for one that the file does not hold."""

    def __init__(self, file: str, names: Sequence[str], budget: Budget) -> None:
        self.budget, self.jobs, self.found, self.known = budget, 1, {}, {}
        stored = {tensor.name: tensor for tensor in read_tensors(file)}
        for name in names:
            if name not in stored:
                raise Failure(Code.E131, file=file, name=name)
            budget.spend(4 * prod(stored[name].shape))
        self.tensors = {name: read_tensor(file, stored[name]) for name in names}

    @classmethod
    def named(cls, file: str, derivation: Derivation, budget: Budget) -> Tensors:
        """Those that a derivation names."""
        return cls(file, [name for name, _ in derivation.conclusion], budget)

    @cached_property
    def hashes(self) -> list[tuple[str, str]]:
        """Name and hash of each; a number has the shape 1 x 1."""
        return [
            (name, tensor_hash(matrix([t.entries], t.exponent), t.shape or (1, 1))) for name, t in self.tensors.items()
        ]

    @cached_property
    def statement(self) -> str:
        """The statement's hash."""
        return hashlib.sha256(json.dumps(self.hashes, separators=(",", ":")).encode("ascii")).hexdigest()

    @property
    def network(self) -> NoReturn:
        """There is none; E219."""
        raise Failure(Code.E219)

    task = network

    @property
    def inputs(self) -> int:
        """One file."""
        return 1

    def counted(self, relation: Relation) -> tuple[int, str]:
        """Nothing is."""
        return self.inputs, ""

    def told(self) -> tuple[str, str]:
        """The tensors with their shapes."""
        shapes = "".join(
            f"  {name} {' x '.join(map(str, t.shape)) or 'a number'}\n" for name, t in self.tensors.items()
        )
        return (
            f"Tensors, as they are stored:\n{shapes}",
            f"Statement: sha256:{self.statement} (names and exact tensors).\n",
        )


def check_tensors(auditor: Auditor, derivation: Derivation) -> None:
    """The auditor's tensors of these names are those; E219 where the certificate is about others."""
    if not isinstance(auditor, Tensors):
        raise Failure(Code.E219)
    if derivation.conclusion != auditor.hashes:
        raise derivation.differs("the tensors", derivation.conclusion, auditor.hashes)


def stored_of(auditor: Auditor, premise: Derivation) -> Mapping[str, Tensor] | None:
    """What names in a claim denote, with and without the marks around those of other signs; None for a network."""
    if premise.kind != TENSORS or not isinstance(auditor, Tensors):
        return None
    return {written: t for name, t in auditor.tensors.items() for written in (name, f"'{name}'")}

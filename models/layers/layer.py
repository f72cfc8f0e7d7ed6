"""What a layer is: exact tensors, settings, and how it changes the shape of the stream."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from ...engine.arithmetic.dyadic import DyadicMatrix
from ...engine.arithmetic.tensor import DyadicTensor
from ...engine.digest import tensor_digest
from ...engine.errors import MechproofError
from ...engine.term import Ones, Tensor, Term


@dataclass(frozen=True)
class Stream:
    """The shape of the residual stream: so many positions, each a vector of this width."""

    positions: int
    width: int


@dataclass(unsafe_hash=True)
class LayerError(MechproofError):
    """A layer's tensors or settings do not fit each other, or not the stream; ``where`` names layer and tensor."""

    where: str
    expected: str
    found: str
    sentence = "{where}: expected {expected}, found {found}"


class Layer(ABC):
    """One layer; ``axes`` gives each tensor's axes by letters, in the order of docs/statement.md §1.

    Subclasses are frozen dataclasses whose fields are tensors (None where absent), settings and perhaps a ``norm``.
    """

    kind: ClassVar[str]
    axes: ClassVar[Mapping[str, str]] = {}

    @property
    def tensors(self) -> dict[str, DyadicTensor]:
        """The tensors that are there, in canonical order; what says nothing (a bias of zeros) is absent."""
        found = ((name, getattr(self, name)) for name in self.axes)
        return {name: tensor for name, tensor in found if tensor is not None and not says_nothing(name, tensor)}

    def settings(self) -> dict[str, int | str]:
        """What the layer has besides tensors, as it stands in the statement."""
        return {}

    @property
    def inner_norm(self) -> Layer | None:
        """The norm of what the layer reads, where it has one."""
        return getattr(self, "norm", None)

    def describe(self) -> dict[str, Any]:
        """The LAYER object of docs/statement.md §3."""
        norm = self.inner_norm
        inner = {} if norm is None else {"norm": {key: v for key, v in norm.describe().items() if key != "kind"}}
        hashes = {name: tensor_digest(tensor) for name, tensor in self.tensors.items()}
        return {"kind": self.kind, **self.settings(), **inner, "tensors": hashes}

    @abstractmethod
    def after(self, stream: Stream, where: str) -> Stream:
        """The stream's shape behind the layer; raises :class:`LayerError` when the layer does not fit the stream."""

    @abstractmethod
    def definition(self, number: int) -> str:
        """What layer ``number`` (from 0) computes, for a transcript: prose with mathematics.

        The stream behind layer k is x^{(k)}, one row x^{(k)}_p a position; tensors carry the layer's number.
        """

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """The shape of every tensor, those of a norm inside the layer included."""
        norm = self.inner_norm
        inside = {} if norm is None or norm is self else norm.tensors
        return {name: tensor.shape for name, tensor in (*self.tensors.items(), *inside.items())}

    def reading(self, number: int) -> tuple[str, str]:
        """What layer ``number`` reads, in LaTeX, and what defines it where that is not the stream itself."""
        before = f"x^{{({number - 1})}}"
        norm = self.inner_norm
        if norm is None:
            return before, ""
        read = f"y^{{({number})}}"
        return read, f"{norm.definition(number)}\n\nLet ${read}_p = N_{{{number}}}({before}_p)$. "

    @abstractmethod
    def term(self, stream: Term, number: int) -> Term:
        """The stream behind the layer, as a function of the stream before it; ``number`` is the layer's, from 0."""

    def values(self, number: int) -> dict[str, DyadicMatrix]:
        """The matrices that :meth:`term` names: a vector is a matrix of one row."""
        own = {
            tensor_name(number, self.kind, name): tensor.matrix() if len(tensor.shape) == 2 else tensor.row_matrix()
            for name, tensor in self.tensors.items()
        }
        norm = self.inner_norm
        return own if norm is None else own | norm.values(number)

    def tensor(self, number: int, name: str) -> Tensor | None:
        """The tensor of this name in a term; None where it is absent."""
        found = self.tensors.get(name)
        if found is None:
            return None
        rows, columns = found.shape if len(found.shape) == 2 else (1, *found.shape)
        return named_tensor(number, self.kind, name, (rows, columns))

    def needed(self, number: int, name: str) -> Tensor:
        """The same for a tensor that is always there."""
        found = self.tensor(number, name)
        assert found is not None, f"a checked {self.kind} has {name}"
        return found

    def read(self, stream: Term, number: int) -> Term:
        """What the layer reads: the stream, through the layer's norm where it has one."""
        norm = self.inner_norm
        return stream if norm is None else norm.term(stream, number)

    def sizes(self, where: str, **known: int) -> dict[str, int]:
        """The length of every axis by its letter, from the tensors and what is known; raises :class:`LayerError`.

        A scalar's axes are "".
        """
        lengths = dict(known)
        for name, axes in self.axes.items():
            tensor = getattr(self, name)
            if tensor is None:
                continue
            expected = " × ".join(f"{axis}={lengths[axis]}" if axis in lengths else axis for axis in axes)
            fits = len(tensor.shape) == len(axes) and all(
                lengths.setdefault(axis, size) == size for axis, size in zip(axes, tensor.shape, strict=True)
            )
            if not fits:
                raise LayerError(f"{where}, tensor {name}", f"axes {expected}", "shape " + spelled(tensor.shape))
        return lengths


def tensor_name(number: int, kind: str, name: str, head: int | None = None) -> str:
    """A tensor's name in terms.

    >>> tensor_name(1, "attention", "W_Q", 3)
    '1.attention.W_Q.3'
    """
    return f"{number}.{kind}.{name}" + ("" if head is None else f".{head}")


def named_tensor(number: int, kind: str, name: str, shape: tuple[int, int], head: int | None = None) -> Tensor:
    """A tensor in terms, written with its layer's number, and its head's, on top.

    >>> print(named_tensor(1, "attention", "W_Q", (4, 2), 3), named_tensor(2, "mlp", "b_in", (1, 8)))
    W_{Q}^{(1,3)} b_{\\mathrm{in}}^{(2)}
    """
    letter, _, index = name.partition("_")
    written = index if len(index) == 1 else f"\\mathrm{{{index}}}"
    below = f"_{{{written}}}" if index else ""
    above = f"({number})" if head is None else f"({number},{head})"
    return Tensor(tensor_name(number, kind, name, head), shape, f"{letter}{below}^{{{above}}}")


def plus_rows(term: Term, row: Term | None) -> Term:
    """The row added to every row of the term; the term itself without one."""
    if row is None:
        return term
    return term + (row if term.shape[0] == 1 else Ones(term.shape[0]) @ row)


def says_nothing(name: str, tensor: DyadicTensor) -> bool:
    """Whether a tensor of this name could as well be absent: a bias or positions of zeros, a norm's weight of ones."""
    if name == "w":
        return tensor.is_one()
    return (name in ("b", "P") or name.startswith("b_")) and tensor.is_zero()


def spelled(shape: tuple[int, ...]) -> str:
    """A shape in words.

    >>> spelled((4, 32)), spelled(())
    ('4 × 32', 'of a single number')
    """
    return " × ".join(map(str, shape)) if shape else "of a single number"

"""Terms of networks: what layers do to the rows of a residual stream, beside sums and products of matrices.

An input enters as its tokens alone: ``Selection`` has one row a position, the indicator of the token there.  Everything
else is a function of matrices, so that a network's logits are one term over its tensors and the tokens.

>>> from .term import Tensor
>>> S = Selection((0, 1), 5)
>>> x = S @ Tensor("E", (5, 3))
>>> pattern = MaskedSoftmax(x @ x.T, Fraction(1), 3, causal=True)
>>> print(pattern @ x, (pattern @ x).shape)
\\operatorname{softmax}_{\\le}\\left(\\tfrac{1}{\\sqrt{3}}S E \\left(S E\\right)^{\\top}\\right) S E (2, 3)
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import Any

from .term import Expansion, Shape, Term, grouped, opaque


class _Function(Term):
    """A function of terms that path expansion does not look into."""

    def expansion(self) -> Expansion:
        return opaque(f"{type(self).__name__}{self.settings()}", *self.parts())


@dataclass(frozen=True)
class Selection(_Function):
    """Row i is the indicator of the token at ``positions[i]``, over a vocabulary of so many tokens."""

    positions: tuple[int, ...]
    vocabulary: int

    bare = True

    @cached_property
    def shape(self) -> Shape:
        return len(self.positions), self.vocabulary

    def evaluate(self, values: Mapping[str, Any]) -> Any:
        return values[str(self)]

    def __str__(self) -> str:
        if self.positions == tuple(range(len(self.positions))) and len(self.positions) > 1:
            return "S"
        return f"S[{', '.join(map(str, self.positions))}]"


@dataclass(frozen=True)
class MaskedSoftmax(_Function):
    """Row p: the softmax of factor/sqrt(root) times the body's row over the columns m <= p (causal), or over all.

    The columns that p does not see are 0.
    """

    body: Term
    factor: Fraction
    root: int
    causal: bool

    @cached_property
    def shape(self) -> Shape:
        return self.body.shape

    def seen(self, row: int) -> int:
        """How many of the first columns row ``row`` sees."""
        return row + 1 if self.causal else self.shape[1]

    def of(self, *values: Any) -> Any:
        return values[0].masked_softmax(self.factor, self.root, self.causal)

    def __str__(self) -> str:
        mask = "_{\\le}" if self.causal else ""
        scale = ""
        if (self.factor, self.root) != (1, 1):
            top, bottom = str(self.factor.numerator), str(self.factor.denominator)
            if self.root != 1:
                bottom = f"\\sqrt{{{self.root}}}" if bottom == "1" else f"{bottom}\\sqrt{{{self.root}}}"
            scale = top if bottom == "1" else f"\\tfrac{{{top}}}{{{bottom}}}"
        return f"\\operatorname{{softmax}}{mask}\\left({scale}{grouped(self.body) if scale else self.body}\\right)"


@dataclass(frozen=True)
class Pointwise(_Function):
    """φ of every entry; ``function`` is its name (docs/statement.md §1)."""

    body: Term
    function: str

    @cached_property
    def shape(self) -> Shape:
        return self.body.shape

    def of(self, *values: Any) -> Any:
        return values[0].pointwise(self.function)

    def __str__(self) -> str:
        name = self.function.replace("_", "\\_")
        return f"\\operatorname{{{name}}}\\left({self.body}\\right)"


@dataclass(frozen=True)
class Entrywise(_Function):
    """The product entry by entry."""

    left: Term
    right: Term

    def __post_init__(self) -> None:
        if self.left.shape != self.right.shape:
            raise ValueError(f"{self.left} is {self.left.shape} and {self.right} is {self.right.shape}")

    @cached_property
    def shape(self) -> Shape:
        return self.left.shape

    def of(self, *values: Any) -> Any:
        left, right = values
        return left.times(right)

    def __str__(self) -> str:
        return f"\\left({self.left}\\right) \\circ \\left({self.right}\\right)"


@dataclass(frozen=True)
class Normalised(_Function):
    """Row by row z/sqrt(|z|²/d + ε), z the row, or the row without its mean if ``centred``; d its width."""

    body: Term
    centred: bool
    epsilon: Fraction

    @cached_property
    def shape(self) -> Shape:
        return self.body.shape

    def of(self, *values: Any) -> Any:
        return values[0].normalised(self.centred, self.epsilon)

    def __str__(self) -> str:
        return f"\\operatorname{{{'LN' if self.centred else 'RMS'}}}\\left({self.body}\\right)"


@dataclass(frozen=True)
class Stacked(_Function):
    """The rows of ``top``, then those of ``bottom``."""

    top: Term
    bottom: Term

    def __post_init__(self) -> None:
        if self.top.shape[1] != self.bottom.shape[1]:
            raise ValueError(f"{self.top} is {self.top.shape} and {self.bottom} is {self.bottom.shape}")

    @cached_property
    def shape(self) -> Shape:
        return self.top.shape[0] + self.bottom.shape[0], self.top.shape[1]

    def of(self, *values: Any) -> Any:
        top, bottom = values
        return top.stacked(bottom)

    def __str__(self) -> str:
        return f"\\begin{{pmatrix}} {self.top} \\\\ {self.bottom} \\end{{pmatrix}}"


@dataclass(frozen=True)
class Joined(_Function):
    """All rows side by side, as one."""

    body: Term

    @cached_property
    def shape(self) -> Shape:
        return 1, self.body.shape[0] * self.body.shape[1]

    def of(self, *values: Any) -> Any:
        return values[0].joined()

    def __str__(self) -> str:
        return f"\\operatorname{{rows}}\\left({self.body}\\right)"


def stacked(terms: list[Term]) -> Term:
    """All rows of these terms, in order; at least one term."""
    *before, result = terms
    for term in reversed(before):
        result = Stacked(term, result)
    return result

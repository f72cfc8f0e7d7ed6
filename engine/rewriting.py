"""Rewriting terms by equations: patterns, rules with side conditions, and positions.

A rule says ``left = right`` for all terms in place of its metavariables, given the shapes it declares and the
conditions it names.  Rules read as a table (:mod:`mechproof.rewrites.equations`):

>>> A, B, C = metas("A B C")
>>> rule = Rewrite("distribute", "A: n×m, B: m×k, C: m×k", A @ (B + C), A @ B + A @ C)
>>> from .term import Tensor
>>> X, Y, Z = Tensor("X", (2, 3)), Tensor("Y", (3, 4)), Tensor("Z", (3, 4))
>>> print(rule.rewrite(X @ (Y + Z)).right)
X Y + X Z
>>> rule.rewrite(X @ Y) is None
True

A position is the tuple of part numbers that leads to a subterm; :func:`positions` lists them outermost first.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from .claim import Claim
from .term import (
    Difference,
    Equation,
    Ones,
    Product,
    Row,
    Shape,
    Softmax,
    Sum,
    Term,
    Transpose,
    Winner,
)

Position = tuple[int, ...]


class Pattern:
    """A term with metavariables; built with the operators of terms."""

    def __add__(self, other: Pattern) -> Pattern:
        return Shaped(Sum, (self, other))

    def __sub__(self, other: Pattern) -> Pattern:
        return Shaped(Difference, (self, other))

    def __matmul__(self, other: Pattern) -> Pattern:
        return Shaped(Product, (self, other))

    @property
    def T(self) -> Pattern:
        return Shaped(Transpose, (self,))


@dataclass(frozen=True)
class Meta(Pattern):
    """Stands for any term of the shape that the rule declares."""

    name: str


@dataclass(frozen=True)
class OnesOf(Pattern):
    """The column of ones; ``size`` is a size of the rule's shapes, or a number."""

    size: str


@dataclass(frozen=True)
class Shaped(Pattern):
    """A term former applied to patterns; other fields of the former (a row index, a scale) match anything."""

    former: type[Term]
    parts: tuple[Pattern, ...]


def metas(names: str) -> tuple[Meta, ...]:
    return tuple(Meta(name) for name in names.split())


def row(body: Pattern) -> Pattern:
    """Some row of the body, the same one wherever it occurs in a rule."""
    return Shaped(Row, (body,))


def softmax(body: Pattern) -> Pattern:
    return Shaped(Softmax, (body,))


def winner(body: Pattern) -> Pattern:
    return Shaped(Winner, (body,))


@dataclass(frozen=True)
class Fact(Claim):
    """A claim about one term: for the tensors of one statement, whose hash is ``about``, or, where that is empty, for
    all values that the term's tensors may have."""

    term: Term
    about: str = ""

    def conclusion(self) -> dict[str, Any]:
        return {"kind": self.kind, "term": str(self.term)}

    def identity(self) -> str:
        return f"{self.about}:{self.term.key}"


def of_which(about: str) -> str:
    """How a sentence says what it is about: the first digits of a statement's hash, or nothing.

    >>> of_which("0123456789abcdef"), of_which("")
    (' (for statement 01234567)', '')
    """
    return f" (for statement {about[:8]})" if about else ""


@dataclass(frozen=True)
class Condition:
    """``kind`` must hold of what the metavariable stands for; a rule fires only if that claim is proved."""

    kind: type[Fact]
    meta: Meta

    def claim(self, binding: Binding, about: str) -> Fact:
        return self.kind(binding.terms[self.meta.name], about)


@dataclass
class Binding:
    """What metavariables, sizes and the other fields of term formers stand for."""

    terms: dict[str, Term]
    sizes: dict[str, int]
    settings: dict[type[Term], tuple[object, ...]]


@dataclass(frozen=True)
class Rewrite:
    """``left = right`` under ``when``; ``shapes`` declares every metavariable as ``name: rows×columns``.

    Metavariables that only the right side has are advice: any term of their shape will do.
    """

    name: str
    shapes: str
    left: Pattern
    right: Pattern
    when: tuple[Condition, ...] = ()

    @property
    def declared(self) -> dict[str, tuple[str, str]]:
        """Sizes of each metavariable by name."""
        pairs = (entry.split(":") for entry in self.shapes.split(","))
        return {name.strip(): tuple(shape.strip().split("×")) for name, shape in pairs}  # type: ignore[misc]

    def rewrite(self, term: Term, advice: Mapping[str, Term] | None = None) -> Equation | None:
        """``term = rewritten`` if the left side matches ``term`` as a whole, None otherwise; conditions are not
        looked at."""
        found = self.match(term, advice)
        return None if found is None else Equation(self.name, term, build(self.right, found))

    def match(self, term: Term, advice: Mapping[str, Term] | None = None) -> Binding | None:
        """What the metavariables stand for when the left side is ``term``; None when it cannot be, or shapes
        disagree."""
        if isinstance(self.left, Shaped) and type(term) is not self.left.former:
            return None
        binding = Binding(dict(advice or {}), {}, {})
        if not _match(self.left, term, binding):
            return None
        fits = all(
            name in binding.terms and _fits(shape, binding.terms[name].shape, binding.sizes)
            for name, shape in self.declared.items()
        )
        fits = fits and _same_sizes(self.left, term, binding) and _determined(self.right, binding)
        return binding if fits else None

    @property
    def reversed(self) -> Rewrite:
        """The same rule read from right to left."""
        return Rewrite(self.name, self.shapes, self.right, self.left, self.when)

    def instance(self, terms: Mapping[str, Term], sizes: Mapping[str, int]) -> Equation:
        """The equation for given terms in place of all metavariables and given sizes, for display and for tests."""
        binding = Binding(dict(terms), dict(sizes), {Row: (0,), Softmax: ("",)})
        for name, shape in self.declared.items():
            if not _fits(shape, terms[name].shape, binding.sizes):
                raise ValueError(f"{self.name}: {name} is {terms[name].shape}, expected {shape} with {binding.sizes}")
        return Equation(self.name, build(self.left, binding), build(self.right, binding))


def build(pattern: Pattern, binding: Binding) -> Term:
    """The term that the pattern stands for; raises ValueError when shapes do not fit."""
    match pattern:
        case Meta(name):
            return binding.terms[name]
        case OnesOf(size):
            return Ones(binding.sizes[size] if size in binding.sizes else int(size))
        case Shaped(former, parts):
            return former(*(build(part, binding) for part in parts), *binding.settings.get(former, ()))
    raise TypeError(f"{type(pattern).__name__} is no pattern")


def _match(pattern: Pattern, term: Term, binding: Binding) -> bool:
    match pattern:
        case Meta(name):
            return binding.terms.setdefault(name, term) == term
        case OnesOf():
            return isinstance(term, Ones)
        case Shaped(former, parts):
            if type(term) is not former:
                return False
            settings = term.settings()
            same = binding.settings.setdefault(former, settings) == settings
            return same and all(_match(p, t, binding) for p, t in zip(parts, term.parts(), strict=True))
    raise TypeError(f"{type(pattern).__name__} is no pattern")


def _fits(shape: tuple[str, str], found: Shape, sizes: dict[str, int]) -> bool:
    return all(
        (int(name) if name.isdigit() else sizes.setdefault(name, size)) == size
        for name, size in zip(shape, found, strict=True)
    )


def _same_sizes(pattern: Pattern, term: Term, binding: Binding) -> bool:
    """Whether columns of ones in the left side have the sizes that the rule says."""
    match pattern:
        case OnesOf(size):
            return term.shape[0] == (int(size) if size.isdigit() else binding.sizes.get(size, term.shape[0]))
        case Shaped(_, parts):
            return all(_same_sizes(p, t, binding) for p, t in zip(parts, term.parts(), strict=True))
    return True


def _determined(pattern: Pattern, binding: Binding) -> bool:
    """Whether the binding says everything that building the pattern needs: sizes of ones, row indices, scales."""
    match pattern:
        case OnesOf(size):
            return size.isdigit() or size in binding.sizes
        case Shaped(former, parts):
            known = former in binding.settings or former not in (Row, Softmax)
            return known and all(_determined(part, binding) for part in parts)
    return True


def positions(term: Term) -> Iterator[tuple[Position, Term]]:
    """Every subterm with its position, outermost first, left to right."""
    yield (), term
    for index, part in enumerate(term.parts()):
        for rest, subterm in positions(part):
            yield (index, *rest), subterm


def subterm(term: Term, position: Position) -> Term:
    for index in position:
        term = term.parts()[index]
    return term


def replaced(term: Term, position: Position, new: Term) -> Term:
    """``term`` with the subterm at ``position`` replaced; raises ValueError when shapes no longer fit."""
    if not position:
        return new
    head, rest = position[0], position[1:]
    return term.with_part(head, replaced(term.parts()[head], rest, new))

"""Rewriting terms by equations: patterns, rules with side conditions, and positions.

A rule says ``left = right`` for all terms in place of its metavariables, given the shapes it declares and the
conditions it names.  Rules read as a table (:mod:`mechproof.rewrites.equations`):

>>> A, B, C = metas("A B C")
>>> rule = Rewrite("distribute", "A: n×m, B: m×k, C: m×k", A @ (B + C), A @ B + A @ C)
>>> from .term import Tensor
>>> X, Y, Z = Tensor("X", (2, 3)), Tensor("Y", (3, 4)), Tensor("Z", (3, 4))
>>> print(rule.rewrite(X @ (Y + Z)).term)
X Y + X Z
>>> rule.rewrite(X @ Y) is None
True

A position is the tuple of part numbers that leads to a subterm; :func:`positions` lists them outermost first.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import Any

from .claim import Claim
from .network_terms import Entrywise, MaskedSoftmax, Normalised, Pointwise
from .term import Difference, Equation, Named, Ones, Product, Row, Shape, Sum, Term, Transpose, Zeros, names_of

Position = tuple[int, ...]


class Pattern:
    """A term with metavariables; built with the operators of terms."""

    @property
    def former(self) -> type[Term] | None:
        """What every term that the pattern matches is; None for any."""
        return None

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
class ZerosOf(Pattern):
    """The matrix of zeros, by sizes of the rule's shapes."""

    rows: str
    columns: str


@dataclass(frozen=True)
class Shaped(Pattern):
    """A term former applied to patterns; of its settings (a row's index, a softmax's scale) those that ``fixed`` names
    must be as it says, the others match anything."""

    of: type[Term]
    parts: tuple[Pattern, ...]
    fixed: tuple[tuple[str, object], ...] = ()

    @property
    def former(self) -> type[Term]:
        return self.of

    @cached_property
    def settings(self) -> tuple[str, ...]:
        """The names of the former's settings, which come behind its parts."""
        return names_of(self.of)[len(self.parts) :]

    @cached_property
    def free(self) -> tuple[str, ...]:
        """The settings that are not fixed."""
        fixed = dict(self.fixed)
        return tuple(name for name in self.settings if name not in fixed)


@dataclass(frozen=True)
class Last(Pattern):
    """The last row of a term."""

    body: Pattern

    @property
    def former(self) -> type[Term]:
        return Row


def metas(names: str) -> tuple[Meta, ...]:
    return tuple(Meta(name) for name in names.split())


def row(body: Pattern) -> Pattern:
    """Some row of the body, the same one wherever it occurs in a rule."""
    return Shaped(Row, (body,))


def softmax(body: Pattern) -> Pattern:
    """Row by row, the softmax over all columns."""
    return Shaped(MaskedSoftmax, (body,), (("causal", False),))


def causal(body: Pattern) -> Pattern:
    """Row by row, the softmax over the columns up to the row's own."""
    return Shaped(MaskedSoftmax, (body,), (("causal", True),))


def pointwise(body: Pattern) -> Pattern:
    """Some function of every entry."""
    return Shaped(Pointwise, (body,))


def entrywise(left: Pattern, right: Pattern) -> Pattern:
    return Shaped(Entrywise, (left, right))


def normalised(body: Pattern) -> Pattern:
    """Row by row, a norm, with the mean or without."""
    return Shaped(Normalised, (body,))


def layernorm(body: Pattern) -> Pattern:
    """Row by row, the norm of what is left without the row's mean."""
    return Shaped(Normalised, (body,), (("centred", True),))


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
    """What metavariables, sizes and the free settings of term formers stand for."""

    terms: dict[str, Term]
    sizes: dict[str, int]
    settings: dict[tuple[type[Term], tuple[str, ...]], tuple[object, ...]]

    def size(self, name: str) -> int:
        """A size by its name, or a number."""
        return int(name) if name.isdigit() else self.sizes[name]


@dataclass(frozen=True)
class Rewritten:
    """What a term was rewritten to, and under which conditions on what."""

    term: Term
    when: tuple[Condition, ...] = ()
    binding: Binding | None = None

    def conditions(self, about: str) -> list[Fact]:
        """The claims that must be proved, for all tensors or for those of the statement ``about``."""
        return [] if self.binding is None else [condition.claim(self.binding, about) for condition in self.when]


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

    @cached_property
    def declared(self) -> dict[str, tuple[str, str]]:
        """Sizes of each metavariable by name."""
        pairs = (entry.split(":") for entry in self.shapes.split(",") if entry)
        return {name.strip(): tuple(shape.strip().split("×")) for name, shape in pairs}  # type: ignore[misc]

    @property
    def former(self) -> type[Term] | None:
        """What every term that the rule applies to is; None for any."""
        return self.left.former

    def rewrite(self, term: Term, advice: Mapping[str, Term] | None = None) -> Rewritten | None:
        """What ``term`` as a whole is rewritten to, None if the left side does not match it; the conditions are the
        caller's to look at."""
        found = self.match(term, advice)
        return None if found is None else Rewritten(build(self.right, found), self.when, found)

    def match(self, term: Term, advice: Mapping[str, Term] | None = None) -> Binding | None:
        """What the metavariables stand for when the left side is ``term``; None when it cannot be, or shapes
        disagree."""
        if self.former not in (None, type(term)):
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
        binding = Binding(dict(terms), dict(sizes), dict(EXAMPLES))
        for name, shape in self.declared.items():
            if not _fits(shape, terms[name].shape, binding.sizes):
                raise ValueError(f"{self.name}: {name} is {terms[name].shape}, expected {shape} with {binding.sizes}")
        return Equation(self.name, build(self.left, binding), build(self.right, binding))


# The settings with which :meth:`Rewrite.instance` writes a rule.
EXAMPLES: Mapping[tuple[type[Term], tuple[str, ...]], tuple[object, ...]] = {
    (Row, ("index",)): (0,),
    (MaskedSoftmax, ("factor", "root")): (Fraction(1), 1),
    (Pointwise, ("function",)): ("square",),
    (Normalised, ("centred", "epsilon")): (True, Fraction(1)),
    (Normalised, ("epsilon",)): (Fraction(1),),
}


@dataclass(frozen=True)
class Unfolding:
    """An abbreviation is what it abbreviates; with ``of_a_row``, a row of it is a row of that."""

    name: str
    of_a_row: bool = False
    when: tuple[Condition, ...] = ()

    @property
    def former(self) -> type[Term]:
        return Row if self.of_a_row else Named

    def rewrite(self, term: Term, advice: Mapping[str, Term] | None = None) -> Rewritten | None:
        """The term written out; None for a term that is no abbreviation, or no row of one."""
        match term:
            case Named() if not self.of_a_row:
                return Rewritten(term.body)
            case Row(body=Named() as short) if self.of_a_row:
                return Rewritten(Row(short.body, term.index))
        return None


def build(pattern: Pattern, binding: Binding) -> Term:
    """The term that the pattern stands for; raises ValueError when shapes do not fit."""
    match pattern:
        case Meta(name):
            return binding.terms[name]
        case OnesOf(size):
            return Ones(binding.size(size))
        case ZerosOf(rows, columns):
            return Zeros(binding.size(rows), binding.size(columns))
        case Shaped(former, parts, fixed):
            free = pattern.free
            settings = dict(fixed) | dict(zip(free, binding.settings.get((former, free), ()), strict=True))
            return former(*(build(part, binding) for part in parts), *(settings[name] for name in pattern.settings))
        case Last(body):
            whole = build(body, binding)
            return Row(whole, whole.shape[0] - 1)
    raise TypeError(f"{type(pattern).__name__} is no pattern")


def _match(pattern: Pattern, term: Term, binding: Binding) -> bool:
    match pattern:
        case Shaped(former, parts, fixed):
            if type(term) is not former:
                return False
            if free := pattern.free:
                found = tuple(getattr(term, name) for name in free)
                if binding.settings.setdefault((former, free), found) != found:
                    return False
            same = all(getattr(term, name) == value for name, value in fixed)
            return same and all(_match(p, t, binding) for p, t in zip(parts, term.parts(), strict=True))
        case Meta(name):
            known = binding.terms.setdefault(name, term)
            return known is term or known == term
        case OnesOf():
            return isinstance(term, Ones)
        case ZerosOf(rows, columns):
            return isinstance(term, Zeros) and _fits((rows, columns), term.shape, binding.sizes)
        case Last(body):
            return isinstance(term, Row) and term.index == term.body.shape[0] - 1 and _match(body, term.body, binding)
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
        case Shaped(parts=parts):
            return all(_same_sizes(p, t, binding) for p, t in zip(parts, term.parts(), strict=True))
        case Last(body):
            return _same_sizes(body, term.parts()[0], binding)
    return True


def _determined(pattern: Pattern, binding: Binding) -> bool:
    """Whether the binding says everything that building the pattern needs: sizes of ones, row indices, scales."""
    match pattern:
        case OnesOf(size):
            return size.isdigit() or size in binding.sizes
        case ZerosOf(rows, columns):
            return all(size.isdigit() or size in binding.sizes for size in (rows, columns))
        case Shaped(former, parts):
            known = not pattern.free or (former, pattern.free) in binding.settings
            return known and all(_determined(part, binding) for part in parts)
        case Last(body):
            return _determined(body, binding)
    return True


Entry = Rewrite | Unfolding


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


class Focus:
    """A place in a term at which it is changed, moved from place to place: what lies above is made anew only when the
    focus leaves it.

    >>> from .term import Tensor
    >>> X, Y, Z = (Tensor(name, (2, 2)) for name in "XYZ")
    >>> focus = Focus(X + Y)
    >>> print(focus.at((1,)))
    Y
    >>> focus.put(Z @ Z)
    >>> print(focus.at((1, 0)), focus.whole())
    Z X + Z Z
    """

    def __init__(self, term: Term) -> None:
        # The subterms from the outermost one to the focus, and which part of the one above each is.
        self._path = [term]
        self._position: list[int] = []

    def at(self, position: Position) -> Term:
        """The subterm at the position, which is in focus now; raises ValueError where shapes do not fit any more."""
        same = 0
        for mine, other in zip(self._position, position, strict=False):
            if mine != other:
                break
            same += 1
        while len(self._position) > same:
            below, index = self._path.pop(), self._position.pop()
            above = self._path[-1]
            if above.parts()[index] is not below:
                self._path[-1] = above.with_part(index, below)
        for index in position[same:]:
            self._path.append(self._path[-1].parts()[index])
            self._position.append(index)
        return self._path[-1]

    def put(self, term: Term) -> None:
        """The term in place of the subterm in focus."""
        self._path[-1] = term

    def whole(self) -> Term:
        """The term with all that was changed."""
        return self.at(())

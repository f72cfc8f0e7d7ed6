"""The definition runs: a term is evaluated over a domain, row by row, each row of a shared subterm once.

A *domain* says what a row vector is (exact numbers, balls, a block of inputs in fixed-point integers) and what sums,
linear maps, attention, pointwise maps and norms do to it.  Only the rows that the result needs are computed: a network
read at its last position computes that row of its last layer and no other.  What does not depend on the tokens is
computed exactly, once, whatever the domain.

>>> from .term import Tensor
>>> from .network_terms import Selection
>>> from .domains.exact import ExactDomain
>>> E = DyadicMatrix.from_integers(2, 2, [1, 2, 3, 4], 0)
>>> run = Interpreter(Selection((0, 1), 2) @ Tensor("E", (2, 2)) @ Tensor("W", (2, 1)), {"E": E, "W": E @ E.row(0).T})
>>> [row.rational().fractions() for row in run.rows(ExactDomain((1, 0)))]
[[[Fraction(59, 1)]], [[Fraction(27, 1)]]]
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from typing import Any, Generic, TypeVar

from .arithmetic.dyadic import DyadicMatrix
from .network_terms import Entrywise, Joined, MaskedSoftmax, Normalised, Pointwise, Selection, Stacked
from .term import Difference, Named, Ones, Product, Row, Sum, Tensor, Term, Transpose

Vector = TypeVar("Vector")


class Known:
    """An exact matrix that does not depend on the tokens, with what domains make of it, each made once."""

    def __init__(self, exact: DyadicMatrix) -> None:
        self.exact = exact
        self._views: dict[object, Any] = {}

    def view(self, key: object, make: Callable[[DyadicMatrix], Any]) -> Any:
        """``make(exact)``, remembered under ``key``."""
        if key not in self._views:
            self._views[key] = make(self.exact)
        return self._views[key]


class Domain(ABC, Generic[Vector]):
    """What a row vector is, and what can be done to it; every result holds for every input of the domain."""

    @abstractmethod
    def constant(self, row: Known) -> Vector:
        """A row (1 × k) that is the same for all inputs."""

    @abstractmethod
    def selected(self, position: int, table: Known) -> Vector:
        """The table's row of the token at ``position``."""

    @abstractmethod
    def add(self, a: Vector, b: Vector) -> Vector: ...

    @abstractmethod
    def negative(self, a: Vector) -> Vector: ...

    @abstractmethod
    def linear(self, a: Vector, matrix: Known) -> Vector:
        """a @ matrix."""

    @abstractmethod
    def joined(self, rows: Sequence[Vector]) -> Vector:
        """The rows side by side."""

    @abstractmethod
    def products(self, query: Vector, keys: Sequence[Vector]) -> Vector:
        """(query · key) for every key, as a row."""

    @abstractmethod
    def softmax(self, scores: Vector, factor: Fraction, root: int) -> Vector:
        """The softmax of factor/sqrt(root)·scores."""

    @abstractmethod
    def mixed(self, weights: Vector, rows: Sequence[Vector]) -> Vector:
        """Σ_m weights_m·rows_m."""

    @abstractmethod
    def pointwise(self, a: Vector, function: str) -> Vector: ...

    @abstractmethod
    def times(self, a: Vector, b: Vector) -> Vector:
        """The product entry by entry."""

    @abstractmethod
    def normalised(self, a: Vector, centred: bool, epsilon: Fraction) -> Vector: ...


class Interpreter:
    """A term with values of its tensors: matrices by name."""

    def __init__(self, term: Term, values: Mapping[str, DyadicMatrix]) -> None:
        self.term = term
        self._values = values
        self._constants: dict[int, DyadicMatrix | None] = {}
        self._known: dict[tuple[int, int | None, int | None], Known] = {}

    def rows(self, domain: Domain[Vector]) -> list[Vector]:
        """The rows of the term over this domain."""
        evaluation = _Evaluation(self, domain)
        return [evaluation.row(self.term, p) for p in range(self.term.shape[0])]

    def constant(self, term: Term) -> DyadicMatrix | None:
        """The term's exact value if it does not depend on the tokens, else None."""
        if id(term) not in self._constants:
            self._constants[id(term)] = self._evaluated(term)
        return self._constants[id(term)]

    def _evaluated(self, term: Term) -> DyadicMatrix | None:
        match term:
            case Named():
                return self.constant(term.body)
            case Ones():
                return DyadicMatrix.ones(*term.shape)
            case Tensor():
                return self._values[term.name]
            case Sum() | Difference() | Product() | Transpose() | Row():
                parts = [self.constant(part) for part in term.parts()]
                return None if any(part is None for part in parts) else term.of(*parts)
        return None

    def known(self, term: Term, row: int | None = None, columns: int | None = None) -> Known | None:
        """The constant term, or one row of it, or the first columns of that row, for use in a domain."""
        exact = self.constant(term)
        if exact is None:
            return None
        key = (id(term), row, columns)
        if key not in self._known:
            part = exact if row is None else exact.row(row)
            self._known[key] = Known(part if columns is None else _first_columns(part, columns))
        return self._known[key]


def _first_columns(row: DyadicMatrix, columns: int) -> DyadicMatrix:
    entries = [int(row.numerators[0, j]) for j in range(columns)]
    return DyadicMatrix.from_integers(1, columns, entries, row.exponent)


class _Evaluation(Generic[Vector]):
    """One evaluation over one domain; rows are remembered by the identity of their term."""

    def __init__(self, run: Interpreter, domain: Domain[Vector]) -> None:
        self._run = run
        self._domain = domain
        self._rows: dict[tuple[int, int], Vector] = {}

    def row(self, term: Term, p: int) -> Vector:
        """Row p of the term, without the columns of a softmax that it does not see."""
        key = (id(term), p)
        if key not in self._rows:
            self._rows[key] = self._computed(term, p)
        return self._rows[key]

    def _computed(self, term: Term, p: int) -> Vector:
        known = self._run.known(term, p)
        if known is not None:
            return self._domain.constant(known)
        match term:
            case Named():
                return self.row(term.body, p)
            case Sum():
                return self._domain.add(self.row(term.left, p), self.row(term.right, p))
            case Difference():
                return self._domain.add(self.row(term.left, p), self._domain.negative(self.row(term.right, p)))
            case Row():
                return self.row(term.body, term.index)
            case Stacked():
                above = term.top.shape[0]
                return self.row(term.top, p) if p < above else self.row(term.bottom, p - above)
            case Joined():
                return self._domain.joined([self.row(term.body, m) for m in range(term.body.shape[0])])
            case Pointwise():
                return self._domain.pointwise(self.row(term.body, p), term.function)
            case Entrywise():
                return self._domain.times(self.row(term.left, p), self.row(term.right, p))
            case Normalised():
                return self._domain.normalised(self.row(term.body, p), term.centred, term.epsilon)
            case MaskedSoftmax():
                return self._domain.softmax(self._entries(term.body, p, term.seen(p)), term.factor, term.root)
            case Product():
                return self._product(term, p)
        raise TypeError(f"no row of {type(term).__name__} can be evaluated: {term}")

    def _product(self, term: Product, p: int) -> Vector:
        left, right = term.left, term.right
        matrix = self._run.known(right)
        if matrix is not None:
            if isinstance(left, Selection):
                return self._domain.selected(left.positions[p], matrix)
            return self._domain.linear(self.row(left, p), matrix)
        if isinstance(right, Transpose):
            return self._entries(term, p, term.shape[1])
        weights = self._run.constant(left)
        if weights is not None:
            return self._combined([weights.fraction(p, m) for m in range(left.shape[1])], right)
        seen = left.seen(p) if isinstance(left, MaskedSoftmax) else left.shape[1]
        return self._domain.mixed(self.row(left, p), [self.row(right, m) for m in range(seen)])

    def _combined(self, weights: Sequence[Fraction], rows: Term) -> Vector:
        """Σ_m weights_m·(row m) for weights that are 0 or 1: positions added up."""
        if any(weight not in (0, 1) for weight in weights):
            raise TypeError(f"rows are only added up, not weighted: {rows}")
        total: Vector | None = None
        for m, weight in enumerate(weights):
            if weight:
                row = self.row(rows, m)
                total = row if total is None else self._domain.add(total, row)
        if total is None:
            raise TypeError(f"a sum of no rows: {rows}")
        return total

    def _entries(self, term: Term, p: int, columns: int) -> Vector:
        """The first columns of row p; the others are not computed."""
        known = self._run.known(term, p, columns)
        if known is not None:
            return self._domain.constant(known)
        match term:
            case Named():
                return self._entries(term.body, p, columns)
            case Sum():
                left, right = (self._entries(part, p, columns) for part in (term.left, term.right))
                return self._domain.add(left, right)
            case Product(right=Transpose()):
                keys = term.right.body  # type: ignore[attr-defined]
                return self._domain.products(self.row(term.left, p), [self.row(keys, m) for m in range(columns)])
        if columns == term.shape[1]:
            return self.row(term, p)
        raise TypeError(f"some columns of {type(term).__name__} cannot be evaluated: {term}")

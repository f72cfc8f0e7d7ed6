"""Terms: typed matrix expressions over named tensors, and equations between them.

A term has a shape and can be evaluated over anything that has ``+ - @ .T .row`` (exact dyadic
matrices in proofs, lists of fractions in tests).  An equation is decided by *expansion*: matrix
expressions built from +, -, @, transpose and rows are sums of words of atoms, and two terms with the
same expansion are equal for every value of their tensors.

>>> A, B = Tensor("A", (2, 3)), Tensor("B", (2, 3))
>>> C = Tensor("C", (3, 2))
>>> Equation("distribute", (A + B) @ C, A @ C + B @ C).holds()
True
>>> Equation("commute", A @ C, C @ A)
Traceback (most recent call last):
ValueError: commute: left side is 2 × 2, right side is 3 × 3
>>> print(((A + B) @ C).T)
\\left(\\left(A + B\\right) C\\right)^{\\top}
"""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cache, cached_property
from typing import Any, ClassVar

Shape = tuple[int, int]
# An atom is (tensor name, row index or None, transposed); a word is a product of atoms.
Atom = tuple[str, int | None, bool]
Word = tuple[Atom, ...]
Expansion = Counter[Word]


class Term(ABC):
    """A matrix expression; ``shape`` is (rows, columns) and ``str()`` is LaTeX."""

    # Whether it is written as one name, which needs no parentheses before a row's index or a transpose.
    bare: ClassVar[bool] = False

    @property
    @abstractmethod
    def shape(self) -> Shape: ...

    def evaluate(self, values: Mapping[str, Any]) -> Any:
        """The value under an assignment of matrices to tensor names."""
        return self.of(*(part.evaluate(values) for part in self.parts()))

    def of(self, *values: Any) -> Any:
        """The value, from those of the parts; a term without parts has the value that it is given."""
        raise TypeError(f"{self} has no parts")

    @abstractmethod
    def expansion(self) -> Expansion:
        """The term as a sum of words; zero coefficients are dropped."""

    @abstractmethod
    def __str__(self) -> str: ...

    def __add__(self, other: Term) -> Term:
        return Sum(self, other)

    def __sub__(self, other: Term) -> Term:
        return Difference(self, other)

    def __matmul__(self, other: Term) -> Term:
        return Product(self, other)

    @property
    def T(self) -> Term:
        return Transpose(self)

    def row(self, index: int) -> Term:
        return Row(self, index)

    @cached_property
    def key(self) -> str:
        """A digest of the whole term, abbreviations with what they abbreviate: equal terms, equal keys."""
        values = (getattr(self, name) for name in names_of(type(self)))
        inside = [value.key if isinstance(value, Term) else repr(value) for value in values]
        return hashlib.sha256("\x00".join([type(self).__name__, *inside]).encode()).hexdigest()

    @cached_property
    def words(self) -> str:
        """Shape and expansion, written so that equal ones are written alike."""
        return f"{self.shape}{sorted((repr(word), n) for word, n in self.expansion().items())}"

    def parts(self) -> tuple[Term, ...]:
        """The terms directly below this one."""
        return tuple([getattr(self, name) for name in part_names(type(self))])

    def settings(self) -> tuple[object, ...]:
        """What this term has besides its parts: a row's index, a softmax's scale."""
        parts = part_names(type(self))
        return tuple(getattr(self, name) for name in names_of(type(self)) if name not in parts)

    def with_part(self, index: int, part: Term) -> Term:
        """This term with its ``index``-th part replaced; raises ValueError when the shapes no longer fit."""
        changed = part_names(type(self))[index]
        return type(self)(*(part if name == changed else getattr(self, name) for name in names_of(type(self))))


@cache
def names_of(former: type[Term]) -> tuple[str, ...]:
    """The names of what a term of this kind is made of, parts and settings."""
    return tuple(field.name for field in fields(former))  # type: ignore[arg-type]


@cache
def part_names(former: type[Term]) -> tuple[str, ...]:
    """The names of its parts: the fields that are declared to be terms."""
    return tuple(field.name for field in fields(former) if field.type in ("Term", Term))  # type: ignore[arg-type]


def _same_shape(left: Term, right: Term) -> Shape:
    if left.shape != right.shape:
        raise ValueError(f"{left} is {left.shape} and {right} is {right.shape}: no sum")
    return left.shape


@dataclass(frozen=True)
class Tensor(Term):
    """A named matrix; ``latex`` is how it is written (default: its name)."""

    name: str
    size: Shape
    latex: str = ""

    bare = True

    def __post_init__(self) -> None:
        if _is_ones(self.name) and not isinstance(self, Ones):
            raise ValueError(f"{self.name} names a column of ones, which is Ones")

    @property
    def shape(self) -> Shape:
        return self.size

    def evaluate(self, values: Mapping[str, Any]) -> Any:
        return values[self.name]

    def expansion(self) -> Expansion:
        return Counter({((self.name, None, False),): 1})

    def __str__(self) -> str:
        return self.latex or self.name


ONE = "1"


@dataclass(frozen=True)
class Ones(Tensor):
    """The column of ``rows`` ones; every row of it is the 1 × 1 unit."""

    def __init__(self, rows: int) -> None:
        super().__init__(f"{ONE}_{int(rows)}", (rows, 1), "\\mathbf{1}")


@dataclass(frozen=True)
class Zeros(Tensor):
    """The rows × columns matrix of zeros, whose expansion has no words."""

    def __init__(self, rows: int, columns: int) -> None:
        super().__init__(f"0_{rows}_{columns}", (rows, columns), "\\mathbf{0}")

    def expansion(self) -> Expansion:
        return Counter()


@dataclass(frozen=True)
class Named(Term):
    """An abbreviation: written as ``name`` (LaTeX), equal to ``body`` in every other respect.

    It has no parts: who wants to rewrite inside it unfolds it first.
    """

    name: str
    body: Term

    bare = True

    def parts(self) -> tuple[Term, ...]:
        return ()

    @cached_property
    def shape(self) -> Shape:
        return self.body.shape

    def evaluate(self, values: Mapping[str, Any]) -> Any:
        return self.body.evaluate(values)

    def expansion(self) -> Expansion:
        return self.body.expansion()

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True)
class Sum(Term):
    left: Term
    right: Term

    def __post_init__(self) -> None:
        _same_shape(self.left, self.right)

    @cached_property
    def shape(self) -> Shape:
        return self.left.shape

    def of(self, *values: Any) -> Any:
        left, right = values
        return left + right

    def expansion(self) -> Expansion:
        return _combine(self.left.expansion(), self.right.expansion(), 1)

    def __str__(self) -> str:
        return f"{self.left} + {self.right}"


@dataclass(frozen=True)
class Difference(Term):
    left: Term
    right: Term

    def __post_init__(self) -> None:
        _same_shape(self.left, self.right)

    @cached_property
    def shape(self) -> Shape:
        return self.left.shape

    def of(self, *values: Any) -> Any:
        left, right = values
        return left - right

    def expansion(self) -> Expansion:
        return _combine(self.left.expansion(), self.right.expansion(), -1)

    def __str__(self) -> str:
        return f"{self.left} - {grouped(self.right)}"


@dataclass(frozen=True)
class Product(Term):
    left: Term
    right: Term

    def __post_init__(self) -> None:
        if self.left.shape[1] != self.right.shape[0]:
            raise ValueError(f"{self.left} is {self.left.shape} and {self.right} is {self.right.shape}: no product")

    @cached_property
    def shape(self) -> Shape:
        return self.left.shape[0], self.right.shape[1]

    def of(self, *values: Any) -> Any:
        left, right = values
        return left @ right

    def expansion(self) -> Expansion:
        words: Expansion = Counter()
        for a, m in self.left.expansion().items():
            for b, n in self.right.expansion().items():
                words[a + b] += m * n
        return Counter({word: n for word, n in words.items() if n})

    def __str__(self) -> str:
        return f"{grouped(self.left)} {grouped(self.right)}"


@dataclass(frozen=True)
class Transpose(Term):
    body: Term

    @cached_property
    def shape(self) -> Shape:
        return self.body.shape[1], self.body.shape[0]

    def of(self, *values: Any) -> Any:
        return values[0].T

    def expansion(self) -> Expansion:
        return Counter({_transposed(word): n for word, n in self.body.expansion().items()})

    def __str__(self) -> str:
        inner = _named(self.body)
        return f"\\left({inner}\\right)^{{\\top}}" if self.body.bare and "^" in inner else f"{inner}^{{\\top}}"


@dataclass(frozen=True)
class Row(Term):
    """Row ``index`` of a term, 1 × columns."""

    body: Term
    index: int

    def __post_init__(self) -> None:
        if not 0 <= self.index < self.body.shape[0]:
            raise ValueError(f"{self.body} has {self.body.shape[0]} rows, no row {self.index}")

    @cached_property
    def shape(self) -> Shape:
        return 1, self.body.shape[1]

    def of(self, *values: Any) -> Any:
        return values[0].row(self.index)

    def expansion(self) -> Expansion:
        words: Expansion = Counter()
        for word, n in self.body.expansion().items():
            words[_row_of(word, self.index)] += n
        return Counter({word: n for word, n in words.items() if n})

    def __str__(self) -> str:
        return f"{_named(self.body)}[{self.index}]"


class Size(int):
    """A number that formulas show by its name: sizes of a lemma that holds for all of them.

    >>> K = Size(2, "K")
    >>> f"{K}", f"{K - 1}", K - 1 == 1
    ('K', 'K-1', True)
    """

    name: str

    def __new__(cls, value: int, name: str) -> Size:
        size = super().__new__(cls, value)
        size.name = name
        return size

    def __str__(self) -> str:
        return self.name

    def __format__(self, spec: str) -> str:
        return self.name

    def __sub__(self, other: int) -> Size:
        return Size(int(self) - other, f"{self.name}-{other}")


def encoded(term: Term) -> list[Any]:
    """The term as a certificate writes it, in prefix form; abbreviations are written out.

    >>> encoded((Tensor("A", (2, 3)) - Ones(2) @ Tensor("r", (1, 3))).row(1))
    ['row', ['-', ['A'], ['@', ['ones', 2], ['r']]], 1]
    """
    match term:
        case Named():
            return encoded(term.body)
        case Ones():
            return ["ones", term.shape[0]]
        case Tensor():
            return [term.name]
        case Row():
            return ["row", encoded(term.body), term.index]
        case Transpose():
            return ["T", encoded(term.body)]
        case Sum() | Difference() | Product():
            sign = {Sum: "+", Difference: "-", Product: "@"}[type(term)]
            return [sign, encoded(term.left), encoded(term.right)]
    raise TypeError(f"{type(term).__name__} has no place in a certificate")


def factors(term: Term) -> tuple[Term, ...]:
    """The factors of a product, whatever its brackets."""
    return (*factors(term.left), *factors(term.right)) if isinstance(term, Product) else (term,)


def product(terms: Sequence[Term]) -> Term:
    """The product, bracketed to the left."""
    result = terms[0]
    for term in terms[1:]:
        result = result @ term
    return result


def opaque(function: str, *bodies: Term) -> Expansion:
    """A function of terms as one atom: equal when the arguments have equal expansions."""
    return Counter({((function + "".join(body.words for body in bodies), None, False),): 1})


@dataclass(frozen=True)
class Equation:
    """``left = right`` for every value of the tensors; shapes agree or it is refused."""

    name: str
    left: Term
    right: Term

    def __post_init__(self) -> None:
        if self.left.shape != self.right.shape:
            rows = " × ".join(map(str, self.left.shape)), " × ".join(map(str, self.right.shape))
            raise ValueError(f"{self.name}: left side is {rows[0]}, right side is {rows[1]}")

    def holds(self) -> bool:
        """Whether both sides have the same expansion (then they are equal; the converse is not claimed)."""
        return self.left.expansion() == self.right.expansion()

    def __str__(self) -> str:
        return f"{self.left} = {self.right}"


def _combine(a: Expansion, b: Expansion, sign: int) -> Expansion:
    words: Expansion = Counter(a)
    for word, n in b.items():
        words[word] += sign * n
    return Counter({word: n for word, n in words.items() if n})


def _transposed(word: Word) -> Word:
    return tuple((name, row, not transposed) for name, row, transposed in reversed(word))


def _row_of(word: Word, index: int) -> Word:
    """Row ``index`` of a product is that row of its first factor; a row of the ones column is 1."""
    if not word:  # the unit: its only row is itself
        return word
    (name, row, transposed), rest = word[0], word[1:]
    if transposed:
        # a row of Xᵀ is a column of X, and the only column of a row-atom or of the ones is itself
        if row is not None:
            raise ValueError(f"row {index} of a transposed row is a scalar, which is not a term here")
        raise ValueError(f"a row of {name} transposed is a column, which is not a term here")
    if row is not None:
        return word
    if _is_ones(name):
        return rest
    return ((name, index, False), *rest)


def _is_ones(name: str) -> bool:
    return name.startswith(f"{ONE}_")


def _named(term: Term) -> str:
    return str(term) if term.bare else f"\\left({term}\\right)"


def grouped(term: Term) -> str:
    """The term as a factor is written."""
    return f"\\left({term}\\right)" if isinstance(term, Sum | Difference) else str(term)

"""Terms and equations: what expands equally is equal, over a matrix class of plain fractions written here."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from fractions import Fraction
from random import Random

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from mechproof.engine.arithmetic.dyadic import DyadicMatrix
from mechproof.engine.network_terms import MaskedSoftmax, Normalised
from mechproof.engine.term import Equation, Named, Ones, Tensor, Term


@dataclass(frozen=True)
class Matrix:
    """A matrix of fractions with the operations that a term evaluates by."""

    rows: tuple[tuple[Fraction, ...], ...]

    def __add__(self, other):
        return Matrix(
            tuple(tuple(a + b for a, b in zip(*pair, strict=True)) for pair in zip(self.rows, other.rows, strict=True))
        )

    def __sub__(self, other):
        return Matrix(
            tuple(tuple(a - b for a, b in zip(*pair, strict=True)) for pair in zip(self.rows, other.rows, strict=True))
        )

    def __matmul__(self, other):
        return Matrix(
            tuple(
                tuple(sum((a * b for a, b in zip(r, c, strict=True)), Fraction(0)) for c in other.T.rows)
                for r in self.rows
            )
        )

    @property
    def T(self):
        return Matrix(tuple(zip(*self.rows, strict=True)))

    def row(self, index):
        return Matrix((self.rows[index],))

    def masked_softmax(self, factor, root, causal):
        """A rational stand-in: positive, each row sums to 1, and it depends on the scale."""
        powers = [[1 + (factor * x) ** 2 for x in row] for row in self.rows]
        return Matrix(tuple(tuple(x / sum(row) for x in row) for row in powers))

    def normalised(self, centred, epsilon):
        """A stand-in without the root."""
        return Matrix(tuple(tuple(x / (sum(y * y for y in row) + epsilon) for x in row) for row in self.rows))

    @property
    def shape(self):
        return len(self.rows), len(self.rows[0])


def softmax(body, factor=1):
    return MaskedSoftmax(body, Fraction(factor), 1, causal=False)


def norm(body):
    return Normalised(body, centred=False, epsilon=Fraction(1))


# Two tensors of each small shape, so that equal shapes do not mean equal tensors.
TENSORS = {
    f"{letter}_{rows}{columns}": (rows, columns) for letter in "AB" for rows in (1, 2, 3) for columns in (1, 2, 3)
}


def assignment(seed: int) -> dict[str, Matrix]:
    """Random small fractions for every tensor, and the columns of ones."""
    random = Random(seed)
    given = {f"1_{n}": Matrix(((Fraction(1),),) * n) for n in (1, 2, 3)}
    for name, (rows, columns) in TENSORS.items():
        given[name] = Matrix(
            tuple(
                tuple(Fraction(random.randint(-9, 9), random.randint(1, 3)) for _ in range(columns))
                for _ in range(rows)
            )
        )
    return given


values = st.integers(0, 1 << 32).map(assignment)


@st.composite
def terms(draw, shape=None, depth=4):
    """A random term of the shape, every constructor included."""
    rows, columns = shape or (draw(st.integers(1, 3)), draw(st.integers(1, 3)))

    def deeper(*wanted):
        return draw(terms(wanted, depth - 1))

    kinds = ["tensor"]
    if depth:
        kinds += ["sum", "difference", "product", "transpose", "named", "softmax", "norm"]
        if rows == 1:
            kinds += ["row", "row"]
    if columns == 1:
        kinds += ["ones"]
    match draw(st.sampled_from(kinds)):
        case "tensor":
            return Tensor(f"{draw(st.sampled_from('AB'))}_{rows}{columns}", (rows, columns))
        case "ones":
            return Ones(rows)
        case "sum":
            return deeper(rows, columns) + deeper(rows, columns)
        case "difference":
            return deeper(rows, columns) - deeper(rows, columns)
        case "product":
            inner = draw(st.integers(1, 3))
            return deeper(rows, inner) @ deeper(inner, columns)
        case "transpose":
            return deeper(columns, rows).T
        case "row":
            height = draw(st.integers(1, 3))
            return deeper(height, columns).row(draw(st.integers(0, height - 1)))
        case "softmax":
            return softmax(deeper(rows, columns), draw(st.sampled_from([1, 2])))
        case "norm":
            return norm(deeper(rows, columns))
        case "named":
            return Named("X", deeper(rows, columns))


def expanded(term: Term) -> Counter | None:
    """The expansion, or None where a row of a transpose keeps it from being written as words."""
    try:
        return term.expansion()
    except ValueError as error:
        assert "not a term here" in str(error)
        return None


def with_opaque(term: Term, given: dict[str, Matrix]) -> dict[str, Matrix]:
    """The assignment extended by softmaxes and norms under the names of their atoms; one name, one value."""
    for part in (term.body,) if isinstance(term, Named) else term.parts():
        given = with_opaque(part, given)
    if isinstance(term, MaskedSoftmax | Normalised):
        ((((name, _, _),), _),) = term.expansion().items()
        value = term.evaluate(given)
        assert given.get(name, value) == value
        given = given | {name: value}
    return given


def evaluated(expansion, shape, given) -> Matrix:
    """The sum of words with atoms looked up, which is what an expansion means."""
    rows, columns = shape
    total = Matrix(((Fraction(0),) * columns,) * rows)
    for word, coefficient in expansion.items():
        product = None
        for name, row, transposed in word:
            atom = given[name] if row is None else given[name].row(row)
            atom = atom.T if transposed else atom
            product = atom if product is None else product @ atom
        product = product or Matrix(((Fraction(1),),))
        for _ in range(abs(coefficient)):
            total = total + product if coefficient > 0 else total - product
    return total


@given(terms(), values)
def test_expansion_means_the_term(term, given):
    """The sum of words has the same value as the term, for every constructor and nesting."""
    expansion = expanded(term)
    assume(expansion is not None)
    value = term.evaluate(given)
    assert value.shape == term.shape
    assert evaluated(expansion, term.shape, with_opaque(term, given)) == value


@given(terms(shape=(2, 2)), terms(shape=(2, 2)), values)
def test_an_equation_that_holds_is_true(left, right, given):
    """Whatever two terms the expansion calls equal have equal values, so no false equation holds."""
    assume(None not in (expanded(left), expanded(right)))
    equation = Equation("random", left, right)
    if equation.holds():
        assert left.evaluate(given) == right.evaluate(given)
    false = Equation("off by one word", left, left + right)
    assert false.holds() == (not right.expansion())


A, B = Tensor("A_22", (2, 2)), Tensor("B_22", (2, 2))
C, r = Tensor("A_23", (2, 3)), Tensor("A_12", (1, 2))
TRUE = [
    ((A + B) @ C, B @ C + A @ C),
    ((A @ B).T, B.T @ A.T),
    ((A - B) @ (A + B), A @ A + A @ B - B @ A - B @ B),
    (A.T.T, A),
    ((A + B - A), B),
    ((A @ C).row(1), A.row(1) @ C),
    ((A + B).row(0), A.row(0) + B.row(0)),
    ((Ones(2) @ r).row(0), r),
    ((Ones(2) @ r).row(0), (Ones(2) @ r).row(1)),
    (A.row(1).row(0), A.row(1)),
    (Ones(3).row(2), Ones(2).row(0)),
    (Ones(3).row(2).row(0) @ r, r),
    ((A.row(0) @ B.T).T, B @ A.row(0).T),
    (Named("S", A + B), A + B),
    (softmax(A + B, 2) @ C, softmax(B + A, 2) @ C),
    (norm(A @ (B + A)), norm(A @ B + A @ A)),
    (A - A, B - B),
]
FALSE = [
    (A @ B, B @ A),
    ((A @ B).T, A.T @ B.T),
    (A - B, B - A),
    (A.row(0), A.row(1)),
    ((A @ B).row(0), A.row(0) @ B.T),
    (A + A, A),
    (A.T, A),
    (A - (B - A), A - B - A),
    (Ones(2) @ r, A),
    (softmax(A, 2), softmax(A)),
    (softmax(A + A), softmax(A) + softmax(A)),
    (softmax(A - A) @ softmax(A - A).T, softmax(C - C) @ softmax(C - C).T),
    (norm(A), softmax(A)),
    (norm(A).row(0), norm(A).row(1)),
    ((A + B) @ (A + B), A @ A + B @ B),
]


@pytest.mark.parametrize("n", range(len(TRUE)))
def test_identities_hold(n):
    """The steps that path decompositions are made of are recognised."""
    assert Equation("true", *TRUE[n]).holds()


@pytest.mark.parametrize("n", range(len(FALSE)))
def test_false_equations_do_not_hold(n):
    """Near misses (order, sign, transpose, another row, a lost term) are not equations."""
    assert not Equation("false", *FALSE[n]).holds()


@given(values)
def test_identities_are_true(given):
    """The identities above, evaluated: the list itself is right."""
    for left, right in TRUE:
        assert left.evaluate(given) == right.evaluate(given)


@pytest.mark.parametrize("n", range(len(FALSE)))
def test_false_equations_are_false(n):
    """The near misses, evaluated: each differs for some matrices."""
    left, right = FALSE[n]
    assert any(left.evaluate(given) != right.evaluate(given) for given in map(assignment, range(5)))


def test_terms_evaluate_over_exact_matrices():
    """The engine's own matrices have the operations a term needs."""
    given = {"A_22": DyadicMatrix.from_integers(2, 2, [1, 2, 3, 4], -1), "1_2": DyadicMatrix.ones(2, 1)}
    value = ((A @ A - A).T @ Ones(2)).row(1).evaluate(given)
    assert value.fractions() == [[Fraction(5)]]


def test_shapes_are_checked():
    """Ill-shaped sums, products, rows and equations are refused, with the shapes in the message."""
    for build in (lambda: A + C, lambda: A - C, lambda: C @ A, lambda: Equation("e", A, C)):
        with pytest.raises(ValueError, match=r"2.*3"):
            build()
    for index in (-1, 2):
        with pytest.raises(ValueError, match="2 rows"):
            A.row(index)


def test_a_row_of_a_transpose_is_refused_rather_than_guessed():
    """A row of a transpose is not a word; asking whether its equation holds is an error, not a yes."""
    for term in (A.T.row(0), A.row(0).T.row(0), (Ones(2).T @ A).row(0)):
        with pytest.raises(ValueError, match="not a term here"):
            Equation("e", term, term).holds()


def test_the_name_of_ones_is_reserved():
    """A tensor that took the name of a column of ones would be treated as one, and false equations would hold."""
    with pytest.raises(ValueError, match="Ones"):
        Tensor("1_2", (2, 2))


@pytest.mark.parametrize(
    ("term", "latex"),
    [
        (A - (B - A), "A_22 - \\left(B_22 - A_22\\right)"),
        ((A + B) @ C, "\\left(A_22 + B_22\\right) A_23"),
        ((A @ C).T, "\\left(A_22 A_23\\right)^{\\top}"),
        (A.T.T, "\\left(A_22^{\\top}\\right)^{\\top}"),
        (Tensor("W", (1, 1), "W^{(0)}").T, "\\left(W^{(0)}\\right)^{\\top}"),
        (A.row(1), "A_22[1]"),
        ((A + B).row(0) @ C, "\\left(A_22 + B_22\\right)[0] A_23"),
        (Ones(2) @ r, "\\mathbf{1} A_12"),
        (Named("S", A + B) @ C, "S A_23"),
        (softmax(A + B), "\\operatorname{softmax}\\left(A_22 + B_22\\right)"),
        (norm(A), "\\operatorname{RMS}\\left(A_22\\right)"),
        (softmax(A + B, 2), "\\operatorname{softmax}\\left(2\\left(A_22 + B_22\\right)\\right)"),
        (Tensor("W", (1, 1), "\\mathrm{W}"), "\\mathrm{W}"),
        (Equation("e", A, B), "A_22 = B_22"),
    ],
    ids=str,
)
def test_latex(term, latex):
    """Brackets stand exactly where the reading would change without them."""
    assert str(term) == latex

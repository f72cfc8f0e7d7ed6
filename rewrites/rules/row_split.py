"""A path table as a cheap table plus noise: what attention ranges and logit gaps start from.

Theorem.  Let T + c 1ᵀ = A + R with a column c, and let two entries of row q of R differ by at most d_q.  Then for all
q, i, j

    T[q,i] - T[q,j]  <=  A[q,i] - A[q,j] + d_q.

Proof.  The column c cancels within a row, and R[q,i] - R[q,j] <= d_q.

Only differences within a row of EQKE matter to attention, and of UU and EVOU to the logits' order; so "EQKE is rank
one up to noise" and "every query's direct path is the mean one up to noise" are claims of this one kind.

Source: arXiv 2406.11779 (noise after a low-rank approximation).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from ...engine.arithmetic.dyadic import DyadicMatrix
from ...engine.arithmetic.printing import ceil_str
from ...engine.claim import Claim
from ...engine.cost import Cost
from ...engine.digest import tensor_digest
from ...engine.formula import At, ForAll, Num, Range, Var
from ...engine.rule import Lemma, NotEstablished, Rule
from ...engine.term import Equation, Ones, Term
from ...models.one_layer import one_layer_of
from ...models.one_layer_terms import OneLayerTerms
from ...models.statement import Statement
from .known_matrices import KnownMatrices
from .notions import SPLIT_TABLE
from .path_decomposition import TABLE_COSTS, Paths
from .row_difference import RowDifference, multiplications, require_agreement

TABLES = ("EQKE", "UU", "EVOU")


@dataclass(frozen=True)
class RowSplit(Claim):
    """For all rows q and columns i, j: T[q,i] - T[q,j] <= A[q,i] - A[q,j] + bounds[q,j], T the path table ``name``.

    ``approximation`` A is V × V, or 1 × V when all its rows are equal; ``bounds`` is V × V, or V × 1 when it does not
    depend on j.
    """

    statement: Statement
    name: str
    approximation: DyadicMatrix
    bounds: DyadicMatrix
    # What rules have computed from this split, to be used again; not part of what is claimed.
    memory: dict[str, Any] = field(default_factory=dict, compare=False, repr=False)

    kind = "row_split"

    @property
    def largest(self) -> Fraction:
        """The noise that holds for every row."""
        return max(max(row) for row in self.bounds.fractions())

    @property
    def looseness(self) -> Fraction:
        """The sum of the rows' noise, averaged over the columns where it depends on them."""
        rows = self.bounds.fractions()
        return sum((sum(row, Fraction()) for row in rows), Fraction()) * Fraction(1, len(rows[0]))

    def conclusion(self) -> dict[str, Any]:
        approximation, bounds = tensor_digest(self.approximation), tensor_digest(self.bounds)
        return {"kind": self.kind, "table": self.name, "approximation": approximation, "bounds": bounds}

    def identity(self) -> str:
        digests = tensor_digest(self.approximation), tensor_digest(self.bounds)
        return ":".join((self.statement.sha256, self.name, *digests))

    def sentence(self) -> str:
        what = "one row for all queries" if self.approximation.shape[0] == 1 else "a table of low rank"
        if not self.largest:
            return f"$\\mathrm{{{self.name}}}$ is known exactly."
        noise = ceil_str(self.largest, 6)
        return f"Within its rows, $\\mathrm{{{self.name}}}$ is {what} up to differences of at most {noise}."


_q, _i, _j = Var("q"), Var("i"), Var("j")
_rows, _columns = Range(Num(0), Var("n")), Range(Num(0), Var("m"))


def row_gap(table: str) -> Any:
    """The difference of entries i and j of row q of a table."""
    return At(table, _q, _i) - At(table, _q, _j)


def everywhere(body: Any) -> ForAll:
    """For all rows q and columns i, j."""
    return ForAll(_q, _rows, ForAll(_i, _columns, ForAll(_j, _columns, body)))


SPLIT = Lemma(
    label="row-split",
    title="A table within its rows, up to noise",
    given=("For all $n \\times m$ tables $T$, $A$ and $R$ and all numbers $c(q)$ and $d(q)$, $q < n$:"),
    statement=(
        everywhere((At("T", _q, _i) + At("c", _q)).equals(At("A", _q, _i) + At("R", _q, _i)))
        & everywhere(row_gap("R") <= At("d", _q))
    ).implies(everywhere(row_gap("T") <= row_gap("A") + At("d", _q))),
    proof=(
        "The number $c(q)$ cancels in $T(q,i) - T(q,j)$, which is therefore $A(q,i) - A(q,j) + R(q,i) - R(q,j)$; the "
        "last difference is at most $d(q)$."
    ),
    source="arXiv 2406.11779 (noise after a low-rank approximation)",
)


def require_table(rule: Rule, name: str) -> None:
    """Raise NotEstablished unless splits of the table of this name are of use."""
    if name not in TABLES:
        raise NotEstablished(rule.tag, f"a split is of one of {TABLES}, not of {name!r}")


class TableItself(Rule):
    """From the paths.  Advice: the table's name; it is its own approximation, without noise."""

    name = "table_itself"
    premises = (Paths,)
    lemmas = ()
    notions = (SPLIT_TABLE,)
    derivation = "The table is multiplied out, and is its own split."
    cost = Cost()

    def conclude(self, premises: Sequence[Any], advice: str) -> RowSplit:
        (paths,) = premises
        require_table(self, advice)
        table = paths.tables[advice]
        return RowSplit(paths.statement, advice, table, DyadicMatrix.zero(table.shape[0], 1))

    def charge(self, premises: Sequence[Any], advice: str) -> Cost:
        return TABLE_COSTS[advice]


@dataclass(frozen=True)
class Split:
    """Advice: the table T's name, the terms A and c (None for zero); the premise's term is R.

    A is V × V, or a 1 × V row that stands for all rows.
    """

    name: str
    approximation: Term
    column: Term | None = None


class SplitAlong(Rule):
    """From known matrices and a bound for R.  Advice: :class:`Split`; T + c 1ᵀ = A + R is checked by expansion."""

    name = "split_along"
    premises = (KnownMatrices, RowDifference)
    lemmas = (SPLIT,)
    notions = (SPLIT_TABLE,)
    derivation = "[@row-split]; both sides of the equation expand to the same words of tensors."
    cost = Cost()

    def derived(self, premises: Sequence[Any], advice: Split) -> str:
        table = f"\\mathrm{{{advice.name}}}"
        column = "" if advice.column is None else f" + {advice.column}\\mathbf{{1}}^{{\\top}}"
        own = f"\\widehat{{{table}}}"
        common = advice.approximation.shape[0] == 1 and premises[0].values and premises[1].term.shape[0] > 1
        rows = f"\\mathbf{{1}}\\,{own}" if common else own
        return (
            f"[@row-split] with $R = {premises[1].term}$, whose row differences were bounded, and "
            f"$${own} = {advice.approximation}:$$ both sides of ${table}{column} = {rows} + R$ expand to the same "
            f"words of "
            "tensors."
        )

    def conclude(self, premises: Sequence[Any], advice: Split) -> RowSplit:
        known, noise = premises
        require_table(self, advice.name)
        require_agreement(self, known, noise)
        terms = OneLayerTerms.of(one_layer_of(known.statement))
        tokens = Ones(terms.d_vocab)
        table: Term = terms.tables[advice.name]
        self._check_shapes(table, noise.term, advice)
        if advice.column is not None:
            table = table + advice.column @ tokens.T
        # a table of one row is both a whole table and a row for all queries
        readings = [advice.approximation] if advice.approximation.shape == table.shape else []
        readings += [tokens @ advice.approximation] if advice.approximation.shape[0] == 1 else []
        if not any(Equation("split", table, whole + noise.term).holds() for whole in readings):
            raise NotEstablished(self.tag, f"{advice.name} does not expand to the same words as its parts")
        return RowSplit(known.statement, advice.name, advice.approximation.evaluate(known.values), noise.bounds)

    def _check_shapes(self, table: Term, noise: Term, advice: Split) -> None:
        rows, columns = table.shape
        fits = noise.shape == table.shape and advice.approximation.shape in ((rows, columns), (1, columns))
        if not fits or (advice.column is not None and advice.column.shape != (rows, 1)):
            raise NotEstablished(self.tag, f"the parts do not have the shapes of a split of {advice.name}")

    def charge(self, premises: Sequence[Any], advice: Split) -> Cost:
        rows, columns = advice.approximation.shape
        return Cost(multiply=multiplications(advice.approximation), add=rows * columns)

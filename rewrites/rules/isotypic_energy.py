"""In which irreducible representations of the group a table of its elements lies: shares of energy, exactly.

Theorem.  Let v be a function on a group of n elements (what a neuron reads of the first token, what it writes to the
outputs, a coordinate of the embedding), and let χ be an irreducible character of degree d, or one added to its
conjugate.  Of the sum of squares of v the part that lies in the component of χ is

    E_χ = d/n Σ_k χ(k) a(k),    a(k) = Σ_g v(g) v(g k),

and these parts add up to the whole.  The part of the trivial character is that of the mean of v; shares are of the
rest.  E_χ is exact where χ has integer values (all of S_n); elsewhere χ is a sum of cosines, known in 2^-96.

Proof.  P_χ = d/n Σ_k χ(k⁻¹) R_k, with (R_k v)(g) = v(g k), is the orthogonal projection onto the component, so
[@energy-of-a-projection] gives Σ_g v(g) (P_χ v)(g); χ(k⁻¹) is the conjugate of χ(k), and real here.  The projections of
all χ add up to the identity.  The characters are found as :mod:`~....models.tasks.characters` proves.  ∎

Source: arXiv 2302.03025 (irreps of embeddings and neurons), arXiv 2301.05217 (frequencies).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from flint import fmpz_mat

from ...engine.arithmetic.dyadic import DyadicMatrix
from ...engine.arithmetic.printing import floor_str
from ...engine.claim import Claim
from ...engine.cost import Cost
from ...engine.digest import digest
from ...engine.formula import At, ForAll, Num, Range, Total, Var
from ...engine.rule import Lemma, NotEstablished, Rule
from ...models.statement import Statement
from ...models.tasks.characters import BITS, Irrep, classes_of, irreps
from ...models.tasks.errors import TaskDoesNotFit
from ...models.tasks.group_tables import check_group
from .network_function import NetworkFunction
from .separable_relu import SeparableRelu, answers_of, embedded, free_positions

DIGITS = 4
TOLD = Fraction(1, 100)  # components with less of the whole are not told
MOSTLY = Fraction(9, 10)
TABLES = {"left": "what the neurons read of $x$", "right": "what they read of $y$", "out": "what they write"}
_i, _j, _l, _n = Var("i"), Var("j"), Var("l"), Var("n")
_i_range, _j_range, _l_range = (Range(Num(0), _n) for _ in range(3))


def _image(row: Any) -> Any:
    return Total(_j, _j_range, At("P", row, _j) * At("v", _j))


ENERGY = Lemma(
    label="energy-of-a-projection",
    title="The energy of an orthogonal projection",
    given="For all reals $P_{ij}$, $v_j$ with $i, j < n$:",
    statement=ForAll(_i, _i_range, ForAll(_j, _j_range, At("P", _i, _j).equals(At("P", _j, _i)))).implies(
        ForAll(
            _i,
            _i_range,
            ForAll(
                _l,
                _l_range,
                Total(_j, _j_range, At("P", _i, _j) * At("P", _j, _l)).equals(At("P", _i, _l)),
            ),
        ).implies(Total(_i, _i_range, _image(_i) * _image(_i)).equals(Total(_i, _i_range, At("v", _i) * _image(_i))))
    ),
    proof="$|P v|^2 = v^T P^T P v = v^T P P v = v^T P v$.",
    source="linear algebra",
)


@dataclass(frozen=True, eq=False)
class IsotypicEnergy(Claim):
    """Of the energy about the mean of column i of a table on the group, a share of ``shares[q][i]`` (between two
    fractions) lies in the component ``names[q]``, and ``whole[q]`` of that of all columns; the trivial one is left out.
    """

    statement: Statement
    of: str
    names: tuple[str, ...]
    shares: tuple[tuple[tuple[Fraction, Fraction], ...], ...]
    whole: tuple[tuple[Fraction, Fraction], ...]

    kind = "isotypic_energy"

    def conclusion(self) -> dict[str, Any]:
        return {"kind": self.kind}

    def identity(self) -> str:
        numbers = [[str(end) for pair in row for end in pair] for row in (*self.shares, self.whole)]
        return digest([self.statement.sha256, self.of, list(self.names), numbers])

    def largest(self, column: int) -> int:
        """The component that has most of a column."""
        return max(range(len(self.names)), key=lambda q: self.shares[q][column][0])

    def sentence(self) -> str:
        ranked = sorted(range(len(self.names)), key=lambda q: -self.whole[q][0])
        told = [q for q in ranked if self.whole[q][0] >= TOLD]
        parts = [f"${floor_str(self.whole[q][0], DIGITS)}$ in {self.names[q]}" for q in told]
        together = sum((self.whole[q][0] for q in told), Fraction(0))
        columns = range(len(self.shares[0]))
        mostly = [self.largest(i) for i in columns]
        pure = sum(self.shares[q][i][0] >= MOSTLY for i, q in zip(columns, mostly, strict=True))
        return (
            f"Of the energy of {self.of} about the mean at least {', '.join(parts) or 'nothing told'} lies, together "
            f"${floor_str(together, DIGITS)}$; ${pure}$ of ${len(columns)}$ columns have at least "
            f"${floor_str(MOSTLY, 2)}$ of theirs in one component."
        )


class NeuronEnergy(Rule):
    """Advice: ``left``, ``right`` or ``out``: what neurons read of x, of y, and what they write."""

    name = "neuron_energy"
    premises: tuple[type[Claim], ...] = (SeparableRelu,)
    lemmas = (ENERGY,)
    derivation = (
        "The characters of the group follow from its table; sums of products of exact numbers, added up by classes, "
        "give the energy in each component by [@energy-of-a-projection]."
    )
    cost = Cost()

    def conclude(self, premises: Sequence[Any], advice: str) -> IsotypicEnergy:
        form: SeparableRelu = premises[0]
        if advice not in TABLES:
            raise NotEstablished(self.tag, f"there is no table {advice}")
        table = {"left": form.left, "right": form.right, "out": form.out.T}[advice]
        return self._energies(form.statement, TABLES[advice], form.answers, table)

    def _energies(self, statement: Statement, of: str, group: np.ndarray, table: DyadicMatrix) -> IsotypicEnergy:
        try:
            check_group("answers", group)
            components = irreps(group)
        except TaskDoesNotFit as error:
            raise NotEstablished(self.tag, str(error)) from None
        if table.shape[0] != len(group) or len(group) < 2:
            raise NotEstablished(self.tag, f"the table has {table.shape[0]} rows, not one an element of the group")
        parts = energies(components[1:], products_by_class(group, table))
        wholes = [_about_mean(column) for column in zip(*table.integers(), strict=True)]
        unit = len(group) << BITS
        shares = tuple(
            tuple(_share(pair, whole * unit) for pair, whole in zip(row, wholes, strict=True)) for row in parts
        )
        total = sum(wholes, Fraction(0)) * unit
        whole = tuple(_share((sum(low for low, _ in row), sum(high for _, high in row)), total) for row in parts)
        return IsotypicEnergy(statement, of, names_of(group, components), shares, whole)


class EmbeddingEnergy(NeuronEnergy):
    """Advice: 0 or 1, the first or the second of the two tokens that vary."""

    name = "embedding_energy"
    premises = (NetworkFunction,)

    def conclude(self, premises: Sequence[Any], advice: int) -> IsotypicEnergy:
        statement: Statement = premises[0].statement
        free = free_positions(self.tag, statement.task)
        table = embedded(statement)[free[advice]]
        return self._energies(statement, f"the embedding of ${'xy'[advice]}$", answers_of(statement.task), table)


def products_by_class(group: np.ndarray, table: DyadicMatrix) -> list[list[int]]:
    """Σ over k in a class of Σ_g v(g) v(g k), class by class and column by column, of the numerators v."""
    classes = classes_of(group)
    rows = np.array(table.integers(), dtype=object)
    moved = np.zeros((len(classes.sizes), *rows.shape), dtype=object)
    for k, label in enumerate(classes.of.tolist()):
        moved[label] += rows[group[:, k]]
    return [[int(entry) for entry in (rows * by).sum(axis=0)] for by in moved]


def names_of(group: np.ndarray, components: Sequence[Irrep]) -> tuple[str, ...]:
    """How the components but the trivial one are called: the frequencies of a cyclic group, elsewhere numbers by degree
    and character.

    The frequency f of a cyclic group has the value e^(2πi f/n) at its first generator.
    """
    classes = classes_of(group)
    generator = next((c for c, powers in enumerate(classes.powers) if len(set(powers)) == len(group)), None)
    if generator is None:
        return tuple(f"irrep {number} (degree {irrep.degree})" for number, irrep in enumerate(components[1:], 1))
    turns = [irrep.roots[generator] for irrep in components[1:]]
    return tuple(f"frequency {row.index(max(row))}" for row in turns)


def energies(components: Sequence[Irrep], sums: Sequence[Sequence[int]]) -> list[list[tuple[int, int]]]:
    """n 2^BITS times the energy in each component, column by column, between two integers that are not negative."""
    known = [irrep.values() for irrep in components]
    low, high = (
        fmpz_mat([[one.dimension * pair[end] for pair in row] for one, row in zip(components, known, strict=True)])
        for end in (0, 1)
    )
    more, less = (fmpz_mat([[max(sign * a, 0) for a in row] for row in sums]) for sign in (1, -1))
    below, above = low * more - high * less, high * more - low * less
    return [
        [(max(int(a), 0), int(b)) for a, b in zip(*rows, strict=True)]
        for rows in zip(below.tolist(), above.tolist(), strict=True)
    ]


def _about_mean(numbers: Sequence[int]) -> Fraction:
    return sum(n * n for n in numbers) - Fraction(sum(numbers) ** 2, len(numbers))


def _share(energy: tuple[int, int], whole: Fraction) -> tuple[Fraction, Fraction]:
    if not whole:
        return Fraction(0), Fraction(0)
    low, high = (Fraction(end * whole.denominator, whole.numerator) for end in energy)
    return low, min(high, Fraction(1))

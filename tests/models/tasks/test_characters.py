"""Characters: known tables, orthogonality by floats, projections, and what is too large."""

from __future__ import annotations

import random
from fractions import Fraction

import numpy as np
import pytest

from mechproof.models.tasks.characters import BITS, classes_of, irreps
from mechproof.models.tasks.errors import TaskDoesNotFit
from mechproof.models.tasks.group_tables import built_in

KNOWN = {
    "S4": [[1, 1, 1, 1, 1], [-1, -1, 1, 1, 1], [0, 0, -1, 2, 2], [-1, 1, 0, -1, 3], [1, -1, 0, -1, 3]],
    "S3": [[1, 1, 1], [-1, 1, 1], [0, -1, 2]],
    "Z2": [[1, 1], [-1, 1]],
    "Z1": [[1]],
}
DEGREES = {"S5": [1, 1, 4, 4, 5, 5, 6], "A5": [1, 3, 3, 4, 5], "Z6": [1, 1, 2, 2], "D6": [1, 1, 1, 1, 2, 2]}


def table_of(name: str) -> np.ndarray:
    table = built_in(name)
    assert table is not None
    return table


@pytest.mark.parametrize("name", KNOWN)
def test_known_tables(name):
    """Values on classes, whatever the order of the classes is."""
    columns = zip(*(irrep.integers() or [] for irrep in irreps(table_of(name))), strict=True)
    known = zip(*KNOWN[name], strict=True)
    kinds = sorted(tuple(sorted(row)) for row in zip(*columns, strict=True))
    assert kinds == sorted(tuple(sorted(row)) for row in zip(*known, strict=True))


@pytest.mark.parametrize("name", ["S4", "A5", "Z7", "D5", "D6", "A4", "Z12", "S5"])
def test_projections_are_orthogonal_and_complete(name):
    """d/n χ(g⁻¹ h) are symmetric idempotents that add up to the identity: what an isotypic component is."""
    table = table_of(name)
    n, classes = len(table), classes_of(table)
    unit = int(np.flatnonzero((table == np.arange(n)).all(axis=1))[0])
    inverse = np.argmax(table == unit, axis=1)
    quotient = classes.of[table[inverse][:, :]]  # the class of g^-1 h
    total = np.zeros((n, n))
    for irrep in irreps(table):
        values = np.array([low / 2.0**BITS for low, _ in irrep.values()])
        assert all(low <= high <= low + 2 * n for low, high in irrep.values())
        projection = irrep.dimension / n * values[quotient]
        assert np.allclose(projection, projection.T) and np.allclose(projection @ projection, projection)
        assert round(float(np.trace(projection))) == irrep.degree * irrep.dimension
        total += projection
    assert np.allclose(total, np.eye(n))


@pytest.mark.parametrize("name", DEGREES)
def test_degrees(name):
    """The trivial one first, then by degree; numbered elsewhere, the group has the same."""
    table = table_of(name)
    assert [irrep.degree for irrep in irreps(table)] == DEGREES[name]
    order = list(range(len(table)))
    random.Random(1).shuffle(order)
    place = np.argsort(order)
    shuffled = np.array(order)[table[np.ix_(place, place)]]
    found = irreps(shuffled)
    assert [irrep.degree for irrep in found] == DEGREES[name]
    assert set(irreps(shuffled)[0].integers() or []) == {1}


def test_values_of_the_cyclic_group():
    """The pair of a frequency and its negative is twice a cosine."""
    for irrep in irreps(table_of("Z5"))[1:]:
        (low, high) = irrep.values()[1]
        x = Fraction(low + high, 2 << BITS)
        assert abs(x * x + x - 1) < Fraction(1, 10**20)  # 2 cos(2π/5) and 2 cos(4π/5) are its roots
        assert irrep.integers() is None and low < high


def test_too_many_classes_are_refused():
    """With the number of classes."""
    with pytest.raises(TaskDoesNotFit, match="150 classes"):
        irreps(table_of("Z151"))

"""Energy in irreducible components: the lemma over fractions, shares against projections, names, and refusals."""

from __future__ import annotations

import random
from fractions import Fraction

import numpy as np
import pytest
from two_token_network import ORDER, adding_network, form_of

from mechproof.engine.formula import Table
from mechproof.engine.oracle import examine
from mechproof.engine.rule import NotEstablished
from mechproof.models.tasks.group_tables import built_in
from mechproof.rewrites.rules.isotypic_energy import (
    ENERGY,
    EmbeddingEnergy,
    NeuronEnergy,
    energies,
    irreps,
    names_of,
    products_by_class,
)
from mechproof.rewrites.rules.network_function import NetworkFunctionDefinition

PROJECTIONS = (
    [[0, 0], [0, 0]],
    [[1, 0], [0, 1]],
    [[1, 0], [0, 0]],
    [[Fraction(1, 2), Fraction(1, 2)], [Fraction(1, 2), Fraction(1, 2)]],
    [[Fraction(4, 5), Fraction(2, 5)], [Fraction(2, 5), Fraction(1, 5)]],
    [[1, 1], [0, 0]],  # idempotent, not symmetric
    [[1, 2], [2, 0]],  # symmetric, not idempotent
)


def projection(rng: random.Random) -> dict:
    return {"n": 2, "P": Table(rng.choice(PROJECTIONS)), "v": Table([rng.randint(-2, 3) for _ in range(2)])}


def test_lemma_holds_and_its_mutants_do_not():
    """True of random projections, and false of what is none."""
    rng = random.Random(3)
    report = examine(ENERGY.statement, [projection(rng) for _ in range(400)])  # type: ignore[arg-type]
    assert report.holds, report.counterexample
    assert [mutant.change for mutant in report.mutants if mutant.required and not mutant.killed] == []


@pytest.mark.parametrize("name", ["Z7", "S4", "D5", "A5"])
def test_energies_add_up_and_are_those_of_projections(name):
    """Against floats, and exactly together: the whole sum of squares."""
    from mechproof.engine.arithmetic.dyadic import DyadicMatrix
    from mechproof.models.tasks.characters import BITS, classes_of

    table = built_in(name)
    assert table is not None
    n, rng = len(table), random.Random(5)
    v = [[rng.randint(-9, 9) for _ in range(3)] for _ in range(n)]
    rows = DyadicMatrix.from_integers(n, 3, [entry for row in v for entry in row], -3)
    components, classes = irreps(table), classes_of(table)
    found = energies(components, products_by_class(table, rows))
    inverse = np.argmax(table == int(np.flatnonzero((table == np.arange(n)).all(axis=1))[0]), axis=1)
    for column in range(3):
        v_column = np.array([row[column] for row in v], dtype=float)
        low, high = (sum(row[column][end] for row in found) for end in (0, 1))
        whole = n * (sum(row[column] ** 2 for row in v) << BITS)
        assert low <= whole <= high and high - low < whole >> 80
        for irrep, row in zip(components, found, strict=True):
            values = np.array([value / 2.0**BITS for value, _ in irrep.values()])
            image = irrep.dimension / n * values[classes.of[table[inverse]]] @ v_column
            assert np.isclose(row[column][0] / 2.0**BITS / n, image @ image, atol=1e-9)
        mean = sum(row[column] for row in v)
        assert found[0][column][0] == mean * mean << BITS  # the trivial part, exactly


def test_shares_of_a_network():
    """Neurons that are constant on classes modulo 2 and 3 lie in those frequencies of Z_6, without noise exactly."""
    graph, form = form_of(adding_network(1, 0))
    for table in ("left", "right", "out"):
        claim = graph.claim(graph.apply(NeuronEnergy(), [form], table))
        share = dict(zip(claim.names, claim.whole, strict=True))
        assert sorted(share) == ["frequency 1", "frequency 2", "frequency 3"]
        assert share["frequency 1"][0] == 0 and share["frequency 1"][1] < Fraction(1, 10**20)
        assert 1 - Fraction(1, 10**20) < share["frequency 2"][0] + share["frequency 3"][0] <= 1
        assert "in frequency 2" in claim.sentence() and "$13$ of $13$ columns" in claim.sentence()
    function = graph.apply(NetworkFunctionDefinition(), (), adding_network(1, 0))
    claim = graph.claim(graph.apply(EmbeddingEnergy(), [function], 1))
    assert "embedding of $y$" in claim.sentence()


def test_names():
    """Frequencies of a cyclic group by its generator, whatever its numbering; numbers elsewhere."""
    table = built_in("Z6")
    assert table is not None
    assert names_of(table, irreps(table)) == ("frequency 3", "frequency 1", "frequency 2")
    other = built_in("S3")
    assert other is not None
    assert names_of(other, irreps(other)) == ("irrep 1 (degree 1)", "irrep 2 (degree 2)")


def test_what_is_refused():
    """Answers that are no group's, and tables that there are not."""
    graph, form = form_of(adding_network(1))
    with pytest.raises(NotEstablished, match="no table middle"):
        graph.apply(NeuronEnergy(), [form], "middle")
    claim = graph.claim(form)
    claim.answers[0, 0] = 3
    with pytest.raises(NotEstablished, match="neuron_energy"):
        NeuronEnergy().conclude([claim], "left")
    assert ORDER == 6

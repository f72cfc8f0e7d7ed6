"""Two singular values: enclosed on matrices whose values are known, and refused without factors."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from gap_cells import leaning, tabled
from story_claims import bench_of

from mechproof.engine.rule import NotEstablished
from mechproof.rewrites.rules.leading_singular_values import LeadingSingularValuesRule


def test_known_singular_values(oracle):
    """EQKE = diag(3, 2, 0) has 3 and 2; as bounds they are below and above, and close."""
    net = tabled(oracle, 3, 2, EQKE=[[Fraction(3 - i) * (i == j < 2) for j in range(3)] for i in range(3)])
    bench = bench_of(net)
    w = bench.terms.weights
    factors = (bench.terms.query_side, (w["W_E"] @ w["W_K"]).T)
    claim = bench.graph.claim(bench.graph.apply(LeadingSingularValuesRule(), [bench.known], factors))
    assert 0 <= 3 - claim.first < Fraction(1, 1 << 20) and 0 <= claim.second - 2 < Fraction(1, 1 << 20)
    assert "at least 2.9999" in claim.sentence() or "at least 3.0000" in claim.sentence()


def test_against_floats(oracle):
    """A leaning network's EQKE, against numpy."""
    bench = bench_of(leaning(oracle, 1))
    table = bench.graph.claim(bench.paths).tables["EQKE"].fractions()
    first, second, *_ = np.linalg.svd(np.array([[float(entry) for entry in row] for row in table]))[1]
    term = bench.terms.tables["EQKE"]
    claim = bench.graph.claim(bench.graph.apply(LeadingSingularValuesRule(), [bench.known], (term,)))
    assert abs(float(claim.first) - first) < 1e-5 and abs(float(claim.second) - second) < 1e-5
    with pytest.raises(NotEstablished, match="no factors"):
        bench.graph.apply(LeadingSingularValuesRule(), [bench.known], ())

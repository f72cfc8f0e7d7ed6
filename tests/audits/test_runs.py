"""The same run in other orders and types: floats change, the truth and the advice do not."""

from __future__ import annotations

import torch

from mechproof.audits.program.verdict import auditing
from mechproof.audits.runs import ORDERS, Advised, Ordered


def test_orders_change_floats_and_not_truth():
    """Another summation order is another float result beside the same exact value."""
    a = torch.tensor([[1e8, 1.0, -1e8, 1.0]])
    ones = torch.ones(4, 1)
    found = {(a @ ones).item()}
    for order in ORDERS:
        with auditing() as run, Ordered(order):
            product = a @ ones
        found.add(product.item())
        low, high = run.bounds(product)
        assert low == high == 2
    assert len(found) > 1


def test_singular_vectors_are_handed_on():
    """The second run gets the first run's vectors, in its own float type."""
    matrix, advice = torch.tensor([[2.0, 1.0], [0.0, 1.0]]), []
    with Advised(advice):
        first = torch.linalg.svd(matrix)
    with Advised(advice):
        second = torch.linalg.svd(-matrix.double())
    assert (second[0] == first[0].double()).all()
    assert second[0].dtype == torch.float64

"""Exact values beside a float run: they are what the formula gives, and the run does not notice."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
import torch
from flint import arb, fmpq

from mechproof.audits.exact_shadow import ExactShadow, NoExactCounterpart, NumbersLeave, exact
from mechproof.audits.loss import audit_loss, published_bound
from mechproof.audits.runs import ORDERS, Advised, Ordered
from mechproof.engine.arithmetic.ball import precision
from mechproof.engine.arithmetic.dyadic import DyadicMatrix
from mechproof.engine.arithmetic.spectral import singular_values_of_product


def rational(value: Fraction) -> arb:
    with precision(256):
        return arb(fmpq(value.numerator, value.denominator))


def fractions(tensor: torch.Tensor) -> list[Fraction]:
    return [Fraction(entry) for entry in tensor.ravel().tolist()]


def test_a_product_is_exact():
    """Sums of products of floats are beside the float product, without any rounding."""
    generator = torch.Generator().manual_seed(1)
    a, b = torch.randn(3, 5, generator=generator), torch.randn(5, 2, generator=generator)
    with ExactShadow():
        product = a @ b
    left, right = fractions(a), fractions(b)
    for i in range(3):
        for j in range(2):
            truth = sum((left[5 * i + n] * right[2 * n + j] for n in range(5)), Fraction(0))
            assert exact(product)[i, j] == rational(truth)
    assert (product == a @ b).all()


@pytest.mark.parametrize(
    "formula",
    [
        lambda x: torch.softmax(x, dim=-1),
        lambda x: x.sort(dim=1).values,
        lambda x: x.cummax(dim=1).values - x.cummin(dim=0).values,
        lambda x: x.mean(dim=0, keepdim=True).abs() * x.amax(dim=1, keepdim=True),
        lambda x: torch.where(x < 0, 1 - x, x / 3),
        lambda x: torch.cat([x.T, x.max() - x[:, :1].T], dim=0),
        lambda x: torch.stack([x, 2 * x]).amin(dim=0)[torch.tensor([0, 2]), torch.tensor([1, 1])],
    ],
)
def test_operations_agree_with_doubles(formula):
    """Every operation's exact counterpart is what double precision gives, to double precision."""
    x = torch.randn(4, 4, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    with ExactShadow():
        found = formula(x)
    assert exact(found).shape == tuple(found.shape)
    near = np.array([float(entry.mid()) for entry in exact(found).ravel()])
    assert np.allclose(near, found.ravel().numpy(), rtol=1e-13, atol=1e-13)


def test_writing_into_a_tensor_writes_both():
    """Assignment carries the exact value along, and leaves other entries alone."""
    with ExactShadow():
        target = torch.full_like(torch.ones(3), 2)
        target[1] = torch.tensor(1.0) / 3
        target[1:] = target[1:] * 3
    assert [bool(entry.contains(value)) for entry, value in zip(exact(target), (2, 1, 6), strict=True)] == [True] * 3


def test_a_norm_is_certified():
    """Beside a float norm stands an enclosure of the true one, from singular values that are certified otherwise."""
    integers = [3, -1, 4, 1, -5, 9, 2, 6, -5, 3, 5, 8]
    matrix = torch.tensor(integers, dtype=torch.float32).reshape(4, 3)
    with ExactShadow():
        norm = torch.linalg.matrix_norm(matrix, 2)
    low, high = singular_values_of_product([DyadicMatrix.from_integers(4, 3, integers, 0)], 80)[0]
    with precision(256):
        assert exact(norm)[()].overlaps(rational(low).union(rational(high)))
    assert float(exact(norm)[()].rad()) < 1e-14


def test_flipped_comparisons_are_counted():
    """A comparison that rounding decides is counted as flipped, one that is right is not."""
    big = torch.tensor(2.0**24)
    with ExactShadow() as run:
        assert not bool(big < big + 1)
        assert bool(big < big + 4)
    assert (run.compared, run.flipped) == (2, 1)


def test_what_is_unknown_is_refused():
    """No operation is passed over: one without an exact counterpart is an error that names it."""
    with pytest.raises(NoExactCounterpart, match="cos"), ExactShadow():
        torch.ones(2).cos()


def test_orders_change_floats_and_not_truth():
    """Another summation order is another float result beside the same exact value."""
    a = torch.tensor([[1e8, 1.0, -1e8, 1.0]])
    ones = torch.ones(4, 1)
    found = {(a @ ones).item()}
    for order in ORDERS:
        with Ordered(order), ExactShadow():
            product = a @ ones
        found.add(product.item())
        assert exact(product)[0, 0] == 2
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


@pytest.mark.parametrize(("dtype", "gap"), [("float16", -11), ("bfloat16", -9), ("float32", -20), ("float64", -40)])
def test_a_loss_bound_of_zero_is_found(dtype, gap):
    """In every float type the published loss bound becomes 0.0 at some gap, and not before: it depends on the claim."""
    kind = getattr(torch, dtype)
    assert published_bound(torch.tensor(gap, dtype=kind), 26).item() == 0.0
    assert audit_loss(26, dtype, gap).verdict == "FALSE"
    before = audit_loss(26, dtype, gap + 1.0)
    assert before.verdict != "FALSE" and before.bound > 0
    assert before.verdict == ("HOLDS AFTER WIDENING" if before.missing else "HOLDS")


@pytest.mark.parametrize("leave", [torch.Tensor.item, float, int, bool, torch.Tensor.tolist, torch.Tensor.numpy])
def test_numbers_that_leave_are_refused(leave):
    """The sum of 1000 times 0.1 was called exact once it had gone through ``item``: its exact value was dropped."""
    with ExactShadow():
        total = torch.full_like(torch.ones(1000), 0.1).sum()
        with pytest.raises(NumbersLeave, match="takes numbers out of a tensor"):
            leave(total)


def test_underflow_beside_the_truth():
    """An exponential that underflows is counted, and its exact value is positive."""
    with ExactShadow() as run:
        value = torch.exp(torch.tensor([-200.0, -1.0]))
    assert run.vanished == 1
    assert exact(value)[0] > 0
    assert exact(value).shape == (2,)


def test_a_norm_of_enclosures_is_certified():
    """Entries that are known only to lie around an integer are rounded as well, and their norm is enclosed."""
    unit = torch.eye(2)
    with ExactShadow():
        norm = torch.linalg.matrix_norm(unit / 3 * 3, 2)
    assert exact(norm)[()].contains(1)
    assert float(exact(norm)[()].rad()) < 1e-14


def test_where_is_read_in_both_spellings():
    """As a function of a condition, and as a method of the value."""
    x = torch.tensor([1.0, 2.0])
    with ExactShadow():
        third = x / 3
        one, other = torch.where(x > 1, third, x), third.where(x > 1, x)
    for found in (one, other):
        assert exact(found)[0] == 1 and exact(found)[1].overlaps(rational(Fraction(2, 3)))
        assert exact(found)[1].rad() < 1e-60

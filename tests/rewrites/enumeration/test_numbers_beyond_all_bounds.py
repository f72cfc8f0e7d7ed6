"""Logits of every size: what cannot be said of a margin or a loss is not said, and nothing takes forever."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from mechproof.engine.arithmetic.fixed_point import LOST, Table
from mechproof.engine.arithmetic.tensor import DyadicTensor
from mechproof.models.layers.embed import Embed
from mechproof.models.layers.linear import Linear
from mechproof.models.layers.norm import Norm
from mechproof.models.layers.pointwise import Pointwise
from mechproof.models.layers.unembed import Unembed
from mechproof.models.network import Network
from mechproof.models.tasks import task_of
from mechproof.rewrites.enumeration import decide
from mechproof.rewrites.enumeration.block import Compared
from mechproof.rewrites.enumeration.outcome import UNDECIDED, Margin, least


def number(value: int, exponent: int) -> DyadicTensor:
    return DyadicTensor.of((1, 1), [value], exponent)


def network(*layers, sizes=(1, -1)) -> Network:
    embed = Embed((DyadicTensor.of((len(sizes), 1), sizes, 0),), number(0, 0))
    return Network("net", (embed, *layers, Unembed(DyadicTensor.of((1, 2), [1, 0], 0))))


@pytest.mark.parametrize("function", ["silu", "gelu", "gelu_new"])
@pytest.mark.parametrize("bits", [40, 200, 1000])
def test_an_activation_far_from_zero(function, bits):
    """phi(-2^1000) is no number that can be written down: its margin is bounded by 0, or by nothing, at once."""
    net = network(Linear(number(1, bits)), Pointwise(function))
    found = decide(net, task_of("expression: 0", net))
    assert found.right >= 1 and found.margin is not None
    # phi(-2^bits) < 0 is the margin of the second input, nearer to 0 than any margin that is said
    assert found.margin.lower is None or found.margin.lower <= 0
    assert found.margin.upper is None or found.margin.upper >= -(Fraction(1, 2) ** 4000)
    assert found.loss is None or found.loss.lower <= Fraction(34658, 10**5) <= found.loss.upper + Fraction(1, 10**4)


@pytest.mark.parametrize("exponent", [-500, 500])
@pytest.mark.parametrize(
    "end", [(), (Norm("rmsnorm", Fraction(1)),), (Linear(number(1, 0), DyadicTensor.of((1,), [1], 0)),)]
)
def test_squares_of_squares(exponent, end):
    """Forty squares make exponents of 2^49: no power of two of that size is ever written out."""
    net = network(Linear(number(1, exponent)), *[Pointwise("square") for _ in range(40)], *end)
    found = decide(net, task_of("expression: 0", net))
    assert found.right + found.undecided == 2 and not found.wrong
    margin = found.margin
    assert margin is not None and (margin.lower is None or margin.lower >= 0)
    if not end and exponent < 0:
        assert margin.upper is not None and 0 < margin.upper < Fraction(1, 1 << 4000)
    if not end and exponent > 0:
        assert margin.lower == 1 << 4096 and margin.upper is None
    if len(end) == 1 and isinstance(end[0], Norm) and exponent < 0:
        assert margin.upper is None or margin.upper > 0


def test_nothing_known_is_no_bound():
    """Rows whose radius is lost have no upper end of a margin, and take away the lower end of all."""
    compared = Compared(np.full(2, UNDECIDED), np.array([0, 5]), np.array([LOST, 1]), 0)
    tokens = np.array([[3], [4]])
    assert compared.least(np.array([True, True]), tokens, 0) == Margin(None, Fraction(6), (4,), 0)
    assert compared.least(np.array([True, False]), tokens, 0) == Margin(None, None, (3,), 0)
    one = Margin(Fraction(1), Fraction(2), (0,), 0)
    assert least(one, Margin(None, None, (3,), 0)) == Margin(None, Fraction(2), (0,), 0)
    assert least(Margin(None, None, (3,), 0), one) == Margin(None, Fraction(2), (0,), 0)


def test_a_table_of_zeros_in_any_unit():
    """Zeros have room in the finest unit; a radius does not."""
    table = Table(np.zeros((2, 1), dtype=np.int64), np.array([0, 1]), 0).at_exponent(-(1 << 40))
    assert table.values.tolist() == [[0], [0]] and table.radius.tolist() == [0, LOST]

"""Functions from tables are within their stated error everywhere, ends of cells and tails included."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable
from typing import Any

import mpmath
import numpy as np
import pytest

from mechproof.engine.arithmetic.activations import REMAINDERS
from mechproof.engine.arithmetic.function_table import (
    INPUT,
    OUTPUT,
    FallingTable,
    FunctionTable,
    exp_falling,
    function_table,
    inverse_root,
    logarithm,
)
from mechproof.engine.errors import MagnitudeError

TRUE: dict[str, tuple[Callable[[], FunctionTable | FallingTable], Callable[[Any], Any]]] = {
    "exp": (exp_falling, lambda x: mpmath.exp(-x)),
    "inverse root": (inverse_root, lambda x: 1 / mpmath.sqrt(x)),
    "logarithm": (logarithm, mpmath.log),
    "gelu": (REMAINDERS["gelu"], lambda y: y * mpmath.erfc(y / mpmath.sqrt(2)) / 2),
    "silu": (REMAINDERS["silu"], lambda y: y / (1 + mpmath.exp(y))),
    "gelu_new": (
        REMAINDERS["gelu_new"],
        lambda y: y / (1 + mpmath.exp(2 * mpmath.sqrt(2 / mpmath.pi) * (y + mpmath.mpf(44715) / 10**6 * y**3))),
    ),
}


def table_of(found: FunctionTable | FallingTable) -> FunctionTable:
    return found.table if isinstance(found, FallingTable) else found


def arguments(table: FunctionTable) -> list[int]:
    """Both ends of every eighth cell, the last argument, and some in between."""
    rng = random.Random(1)
    width = 1 << INPUT - table.cell_bits
    first, last = table.start << INPUT, (table.stop << INPUT) - 1
    ends = [x for start in range(first, last, 8 * width) for x in (start, start + width - 1)]
    return [*ends, last, *(rng.randint(first, last) for _ in range(500))]


@pytest.mark.parametrize("name", TRUE)
def test_values_are_within_the_error(name):
    """And the error is within a factor of some attained one, so that the statement is not idle."""
    make, true = TRUE[name]
    found = make()
    xs = arguments(table_of(found))
    values = found.at(np.array(xs)).tolist()
    with mpmath.workprec(120):
        errors = [
            abs(value - mpmath.ldexp(true(mpmath.ldexp(mpmath.mpf(x), -INPUT)), OUTPUT))
            for x, value in zip(xs, values, strict=True)
        ]
    assert max(errors) <= found.error
    assert max(errors) > mpmath.mpf(1) / 2


@pytest.mark.parametrize("name", ["exp", "gelu", "silu", "gelu_new"])
def test_tails(name):
    """Behind the table the value 0 is within the error, at its very end and far away."""
    make, true = TRUE[name]
    found = make()
    assert isinstance(found, FallingTable)
    stop = found.table.stop << INPUT
    assert found.at(np.array([stop, stop + 1, 1 << 61])).tolist() == [0, 0, 0]
    with mpmath.workprec(120):
        assert 0 <= mpmath.ldexp(true(mpmath.mpf(found.table.stop)), OUTPUT) <= found.tail <= found.error


@pytest.mark.parametrize("name", REMAINDERS)
def test_activations_rise_slowly(name):
    """The lemma about 5/4 needs a remainder that falls with a slope of at most 1/4: bounded, and nearly attained."""
    found = REMAINDERS[name]()
    _, true = TRUE[name]
    assert found.table.steepest_fall <= 1 << OUTPUT - 2
    with mpmath.workprec(120):
        steps = [mpmath.mpf(n) / 64 for n in range(64 * 4)]
        steepest = max((true(a) - true(b)) * 64 for a, b in itertools.pairwise(steps))
        assert mpmath.ldexp(steepest, OUTPUT) <= found.table.steepest_fall


def test_arguments_outside_are_refused():
    """Nothing is extrapolated."""
    for x in (0, (1 << INPUT) - 1, 4 << INPUT):
        with pytest.raises(ValueError, match="outside"):
            inverse_root().at(np.array([x]))


def test_tables_that_would_overflow_are_refused():
    """Coefficients too large for 62 bits, and functions with a pole, make no table."""
    with pytest.raises(MagnitudeError):
        function_table(lambda x: (x * 20).exp(), 0, 2, 6)
    with pytest.raises(MagnitudeError):
        function_table(lambda x: x.inv(), 0, 1, 4)

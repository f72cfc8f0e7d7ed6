"""What floats decide: whatever way a float takes to a decision, it is written down, and open where it is off."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from mechproof.audits.apriori import Apriori, stands_for
from mechproof.audits.decisions import Decided


def stored_as_places(x: Tensor) -> None:
    torch.zeros(2, dtype=torch.long)[0] = x[0]


WAYS = {
    "keyword": lambda x: torch.argmax(input=x),
    "compared by keyword": lambda x: x.lt(other=x.flip(0)),
    "both by keyword": lambda x: torch.gt(input=x, other=x.flip(0)),
    "array": np.asarray,
    "array by name": lambda x: x.__array__(),
    "shared memory": np.from_dlpack,
    "zero or not": lambda x: x[0].is_nonzero(),
    "contained": lambda x: 1.0 in x,
    "text": lambda x: f"{x[0]}",
    "representation": repr,
    "complex": lambda x: complex(x[0]),
    "an integer tensor written to": stored_as_places,
    "places by keyword": lambda x: torch.ones(3).gather(0, index=x.sort().indices),
    "end of a slice": lambda x: torch.ones(5)[: x.max(dim=0).indices],
    "truth": lambda x: bool(x[0]),
    "number": lambda x: x[0].item(),
    "integers": lambda x: x.long(),
}


@pytest.mark.parametrize("way", WAYS)
def test_no_way_to_a_decision_is_passed_over(way):
    """What leaves torch for Python, or becomes a place, counts as decided; as open where the floats may be off."""
    off, exact = torch.tensor([1.0, 2.0, 3.0]), torch.tensor([1.0, 2.0, 3.0])
    stands_for(off, torch.tensor([3.5, 2.0, 3.0]))
    with Apriori(torch.float32) as run:
        WAYS[way](off)
    assert len(run.made) == 1
    assert run.uncertain > 0
    with Apriori(torch.float32) as run:
        WAYS[way](exact)
    assert (len(run.made), run.uncertain) == (1, 0)


def test_two_runs_that_part_are_told_apart():
    """Two runs that write different integers have different decisions."""
    with Decided() as one:
        stored_as_places(torch.tensor([1.0]))
    with Decided() as other:
        stored_as_places(torch.tensor([2.0]))
    assert one.made != other.made


def test_shapes_decide_nothing():
    """What does not depend on entries is no decision."""
    value = torch.ones(2, 3)
    with Decided() as run:
        assert (value.shape, value.dim(), value.numel(), len(value), value.dtype) == ((2, 3), 2, 6, 2, torch.float32)
    assert run.made == []

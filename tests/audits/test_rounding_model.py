"""Errors stay with what they are errors of: through other names of a tensor, other calls, and numbers read as zero."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from mechproof.audits.apriori import Apriori, stands_for
from mechproof.audits.rounding_model import error_of
from mechproof.audits.rounding_rules import NoErrorBound

HALF = torch.float16


def third() -> Tensor:
    return torch.tensor(1.0) / 3


@pytest.mark.parametrize(
    "other", [lambda x: x[:1], lambda x: x.view(2), lambda x: x.reshape(1, 2), lambda x: x.expand(3, 2)]
)
def test_another_name_is_written_to(other):
    """A view that was taken before a write has other entries after it: its bound is not given any more."""
    with Apriori(torch.float32):
        whole = torch.ones(2) * 1
        part = other(whole)
        assert (error_of(part) < 2.0**-20).all()
        whole[0] = third()
        with pytest.raises(NoErrorBound, match="another name"):
            _ = part * 1
    with pytest.raises(NoErrorBound, match="another name"):
        error_of(part)
    assert error_of(whole)[0] > 2.0**-27


def test_writing_leaves_other_tensors_alone():
    """A copy keeps its error when what it was copied from is written to, however the errors lie in memory."""
    with Apriori(HALF):
        whole = torch.full_like(torch.ones(3, 2, dtype=HALF).T, 0.1)
        copied = whole.reshape(-1)
        assert copied._base is None
        whole[0, 0] = 1.0
    assert (error_of(copied) > 2.0**-16).all()
    assert error_of(whole)[0, 0] == 0


def test_tiny_numbers_of_python_may_be_read_as_zero():
    """A Python number below the least normal one is lost on a processor that flushes: the bound covers that."""
    large = torch.tensor([1e10])
    with Apriori(torch.float32):
        found = large * 1e-40
        constant = torch.full_like(large, 1e-40)
    try:
        assert torch.set_flush_denormal(True)
        flushed = (large * 1e-40).item()
    finally:
        torch.set_flush_denormal(False)
    assert flushed == 0
    assert error_of(found) >= 1e-30
    assert error_of(constant) >= 1e-40


def off() -> Tensor:
    found = torch.tensor([1.0, 2.0])
    stands_for(found, torch.tensor([1.5, 2.0]))
    return found


def test_keywords_carry_errors():
    """Parts that are passed by name keep their errors, and integers among them have none."""
    part = off()
    with Apriori(torch.float32):
        found = torch.cat(tensors=[part, torch.tensor([-3])], dim=0)
    assert error_of(found)[0] >= 0.5
    assert error_of(found)[1:].tolist() == [0, 0]


@pytest.mark.parametrize(
    "formula",
    [
        lambda x: x.where(torch.tensor([True, False]), torch.zeros(2)),
        lambda x: torch.tensor([x[0], 1.0]),
        lambda x: torch.arange(x[0]),
        lambda x: x.view(HALF),
        lambda x: torch.mul(x, 2.0, out=torch.zeros(2)),
        lambda x: torch.cat([x, x], dim=0, out=torch.zeros(4)),
    ],
)
def test_other_calls_are_refused(formula):
    """Calls whose errors would be those of other numbers have no bound, rather than a wrong one."""
    part = off()
    with pytest.raises(NoErrorBound), Apriori(torch.float32):
        formula(part)


def test_no_scores_at_all():
    """The softmax of nothing is nothing, as in torch."""
    with Apriori(torch.float32):
        found = torch.softmax(torch.zeros(2, 0), dim=-1)
    assert error_of(found).shape == (2, 0)

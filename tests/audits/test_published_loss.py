"""The last step of a published loss bound becomes 0.0."""

from __future__ import annotations

import pytest
import torch

from mechproof.audits.loss import audit_loss, published_bound


@pytest.mark.parametrize(("dtype", "gap"), [("float16", -11), ("bfloat16", -9), ("float32", -20), ("float64", -40)])
def test_a_loss_bound_of_zero_is_found(dtype, gap):
    """In every float type at some gap, and not before: it depends on the claim."""
    kind = getattr(torch, dtype)
    assert published_bound(torch.tensor(gap, dtype=kind), 26).item() == 0.0
    assert audit_loss(26, dtype, gap).verdict == "FALSE"
    before = audit_loss(26, dtype, gap + 1.0)
    assert before.verdict != "FALSE" and before.bound > 0
    assert before.verdict == ("HOLDS AFTER WIDENING" if before.missing else "HOLDS")

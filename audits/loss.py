"""The last step of a published loss bound, log(1 + (V - 1) exp(gap)), in floats, at the gap that a user claims.

``gap`` is the largest wrong logit minus the right one, everywhere: a claim about the network, which is not examined.
From some gap on, 1 + (V - 1) exp(gap) rounds to 1, and the bound becomes 0.0; but a cross-entropy of real logits is
positive (rule positive_loss).

Source: gbmi/exp_indhead of the published code.

>>> str(audit_loss(26, "float32", -20.0).verdict), str(audit_loss(26, "float64", -20.0).verdict)
('FALSE', 'HOLDS')
"""

from __future__ import annotations

import torch
from flint import arb
from torch import Tensor

from ..engine.arithmetic.ball import precision
from .ball_arrays import BITS
from .network_audit import LossAudit
from .runs import DTYPES


def published_bound(gap: Tensor, outputs: int) -> Tensor:
    """As published: no log1p."""
    return torch.log(torch.exp(gap) * (outputs - 1) + 1)


def audit_loss(outputs: int, dtype: str, gap: float) -> LossAudit:
    """The formula in a float type at the gap that someone claims, beside its exact value at that gap."""
    claimed = published_bound(torch.tensor(gap, dtype=DTYPES[dtype]), outputs)
    with precision(BITS):
        truth = (arb(gap).exp() * (outputs - 1) + 1).log()
        missing = truth - arb(claimed.double().item())
    return LossAudit(outputs, dtype, gap, claimed.double().item(), float(missing.upper()) if missing > 0 else 0.0)

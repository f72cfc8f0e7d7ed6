"""The last step of a published loss bound, log(1 + (V - 1) exp(gap)), in floats.

``gap`` is the largest wrong logit minus the right one.  From some gap on, 1 + (V - 1) exp(gap) rounds to 1, and the
bound becomes 0.0; but a cross-entropy of real logits is positive (rule positive_loss).

Source: gbmi/exp_indhead of the published code.

>>> audit_loss(26, "float32").zero_from
-20
"""

from __future__ import annotations

import torch
from flint import arb
from torch import Tensor

from .exact_shadow import ExactShadow, exact
from .findings import LossAudit
from .runs import DTYPES

LAST = 128


def published_bound(gap: Tensor, outputs: int) -> Tensor:
    """As published: no log1p."""
    return torch.log(torch.exp(gap) * (outputs - 1) + 1)


def audit_loss(outputs: int, dtype: str) -> LossAudit:
    """The formula at gaps -1, …, -LAST, which all float types hold exactly."""
    gaps = torch.arange(-1, -LAST - 1, -1).to(DTYPES[dtype])
    with ExactShadow():
        values = published_bound(gaps, outputs)
    claimed, truth = values.tolist(), exact(values).tolist()
    below = [place for place, pair in enumerate(zip(claimed, truth, strict=True)) if arb(pair[0]) < pair[1]]
    zeros = [place for place, value in enumerate(claimed) if value == 0]
    return LossAudit(
        outputs,
        dtype,
        LAST,
        -1 - zeros[0] if zeros else 0,
        -1 - below[0] if below else 0,
        len(below),
        max((float((1 - claimed[place] / truth[place]).upper()) for place in below), default=0.0),
    )

"""All rules and relations there are: the one place that knows what stands on top of the kernel."""

from __future__ import annotations

from collections.abc import Callable

from . import rules as kernel
from .boxes import rules as boxes
from .certificate import Reader
from .claims import rules as claims
from .floats import rules as floats
from .induction import rules as induction
from .one_layer import rules as one_layer
from .quotient import rules as quotient
from .relations import Accuracy, Loss, Margin, Relation
from .rule import Rule

RULES: dict[str, Rule] = {
    rule.name: rule
    for on_top in (kernel, one_layer, boxes, quotient, induction, floats, claims)
    for rule in on_top.RULES
}
# How a relation of each metric is read.
RELATIONS: dict[str, Callable[[Reader, str], Relation]] = {
    "accuracy": Accuracy.read,
    "loss": Loss.read,
    "margin": Margin.read,
    "float_accuracy": floats.FloatAccuracy.read,
    "claim": claims.Claim.read,
}

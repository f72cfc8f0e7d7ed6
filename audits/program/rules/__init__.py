"""What each operation of torch does to the enclosures beside its operands: a family of operations to a file."""

from __future__ import annotations

from . import choices, comparing, convolving, making, moving, pointwise, products, reducing, solving

FAMILIES = (pointwise, comparing, making, moving, reducing, choices, products, convolving, solving)
RULES = {name: rule for family in FAMILIES for name, rule in family.RULES.items()}

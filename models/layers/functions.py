"""The pointwise maps φ that layers may have, by name (docs/statement.md §1)."""

from __future__ import annotations

FUNCTIONS = ("relu", "identity", "square", "gelu", "gelu_new", "silu")
# Those that keep rational numbers rational: a network of these and of no softmax and no norm is decided exactly.
RATIONAL = frozenset({"relu", "identity", "square"})

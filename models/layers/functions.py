"""The pointwise maps φ that layers may have, by name, and as a transcript defines them (docs/statement.md §1)."""

from __future__ import annotations

FUNCTIONS = {
    "relu": "$\\varphi(z) = \\max(z, 0)$",
    "identity": "$\\varphi(z) = z$",
    "square": "$\\varphi(z) = z^2$",
    "gelu": "$\\varphi(z) = z \\, \\Phi(z)$, $\\Phi$ the distribution function of the standard normal law",
    "gelu_new": (
        "$\\varphi(z) = \\tfrac{z}{2} "
        "\\left(1 + \\tanh\\left(\\sqrt{2/\\pi} \\, (z + 0.044715 \\, z^3)\\right)\\right)$"
    ),
    "silu": "$\\varphi(z) = z / (1 + \\exp(-z))$",
}
# Those that keep rational numbers rational: a network of these and of no softmax and no norm is decided exactly.
RATIONAL = frozenset({"relu", "identity", "square"})

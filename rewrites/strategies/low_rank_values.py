"""A proof without any V × V product: every table of the network is approximated, EVOU by low rank.

A configuration is direct/error/tokens: mean, svdq or md for the direct path, md, mmd, svd, len or a split of the four
factors for the noise of EQKE (see :mod:`.subcubic`), and r6 … r16 for the rank that EVOU is cut to.  The verifier takes
V² (K² + r) + V d² operations; this is the row that the slides of the compact-proofs work leave open.
"""

from __future__ import annotations

import itertools

from ...engine.graph import ProofGraph
from . import Options, Progress
from .splits import attention, direct, tokens
from .subcubic import TIGHTENINGS, Parts, gap_loss_proof, gap_proof

SUMMARY = "lower bound without multiplying out any V × V table: V² (K² + r) + V d² steps"
# The largest rank on offer: it shows most on every network tried, and the rank is a small part of the price.
DEFAULT_VARIANT = "svdq/len/r16"
_ERRORS = tuple(name for name in attention.OPTIONS if name not in ("EQKE", "mdx"))
_TOKENS = tuple(name for name in tokens.OPTIONS if name != "EVOU")
VARIANTS = tuple("/".join(parts) for parts in itertools.product(("mean", "svdq", "md"), _ERRORS, _TOKENS))
PARTS = (("direct path", direct.TOLD), ("attention", attention.TOLD), ("copying", tokens.TOLD))

__all__ = ["DEFAULT_VARIANT", "PARTS", "SUMMARY", "TIGHTENINGS", "VARIANTS", "derive", "derive_loss"]


def derive(graph: ProofGraph, margin: int, options: Options, progress: Progress) -> int:
    return gap_proof(graph, margin, options, progress, _parts(options))


def derive_loss(graph: ProofGraph, paths: int, options: Options, progress: Progress) -> int:
    return gap_loss_proof(graph, paths, options, progress, _parts(options))


def _parts(options: Options) -> Parts:
    direct_name, error, values = (options.variant or DEFAULT_VARIANT).split("/")
    return direct_name, "chord", error, values

"""The default: branch and bound by token order.  Exact where the input set is small enough to be settled.

Source: :mod:`..rules.token_order_tree`; for the loss :mod:`..rules.loss_tree`.
"""

from __future__ import annotations

from functools import partial

from ...engine.graph import ProofGraph
from ..advice import loss_tree_search
from ..advice.token_order_search import Limits, search
from ..rules.loss_tree import LossTree
from ..rules.token_order_tree import TokenOrderTree
from . import Options, Progress

SUMMARY = "exact count by branching over tokens from the heaviest down; a certificate of a few kB"
EXACT_INPUTS = 1 << 32
GIVEN_UP_SHARE = 10**9


def derive(graph: ProofGraph, margin: int, options: Options, progress: Progress) -> int:
    claim = graph.claim(margin)
    inputs = claim.paths.statement.inputs
    automatic = 0 if inputs <= EXACT_INPUTS else inputs // GIVEN_UP_SHARE
    limits = Limits(automatic if options.cut is None else options.cut, options.seconds)
    tree = search(claim, limits, partial(progress, "searching for a tree"))
    return graph.apply(TokenOrderTree(), [margin], tree)


def derive_loss(graph: ProofGraph, paths: int, options: Options, progress: Progress) -> int:
    shape = loss_tree_search.search(graph.claim(paths), options.seconds, partial(progress, "searching for a tree"))
    return graph.apply(LossTree(), [paths], shape)

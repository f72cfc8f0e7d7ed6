"""What a proof holds in memory at least, from the sizes of its network, so that what cannot fit is not begun.

The exact tables EQKE, EVOU and UU have V² entries each: a pointer, and an integer of at least two words with its
header and what the allocator adds.  Strategies that go by the margins of cells hold besides the attention weights of
every query (two ends and an exponent for K V numbers each), and for the largest cell two ends of (K - 1) V² products.
What else they hold depends on the weights; the watch of :mod:`.allowance` sees to that.
"""

from __future__ import annotations

from dataclasses import dataclass

from ...models.one_layer import OneLayer
from .allowance import GIB, Spent, memory_limit

ENTRY, WORD = 48, 8  # bytes
# Strategies that look at splits and gaps alone; the others compute margins.
BY_GAPS = ("low_rank_values", "story", "subcubic")


@dataclass(unsafe_hash=True)
class MemoryTooSmall(Spent):
    """``needed`` and ``limit`` in GiB, as text."""

    strategy: str
    needed: str
    limit: str
    instead: str
    sentence = (
        "{strategy} on this network needs at least {needed} GiB of memory, and the limit is {limit} GiB: raise it with "
        "--memory{instead}"
    )
    exit_code = 2


def needed(network: OneLayer, strategy: str) -> int:
    """Bytes that a proof by this strategy holds at least.

    >>> from types import SimpleNamespace
    >>> sizes = SimpleNamespace(d_vocab=2000, n_ctx=6)
    >>> needed(sizes, "subcubic/exact/chord/EQKE") >> 20, needed(sizes, "branch_and_bound") >> 20
    (549, 1403)
    """
    pairs = network.d_vocab**2
    tables = 3 * pairs * ENTRY
    if strategy.partition("/")[0] in BY_GAPS:
        return tables
    return tables + pairs * (3 * network.n_ctx + 2 * (network.n_ctx - 1)) * WORD


def require_memory(network: OneLayer, strategy: str) -> None:
    """Raises :class:`MemoryTooSmall` where the open allowances do not give what the strategy needs."""
    limit, least = memory_limit(), needed(network, strategy)
    if limit is None or least <= limit:
        return
    fits = needed(network, BY_GAPS[-1]) <= limit
    instead = f", or use --strategy {BY_GAPS[-1]}, which needs less" if fits else ", or prove a smaller network"
    raise MemoryTooSmall(strategy, f"{least / GIB:.1f}", f"{limit / GIB:.1f}", instead)

"""Names under which TransformerLens stores what is no weight."""

from __future__ import annotations

import re

_BUFFER = re.compile(r"blocks\.[0-9]+\.attn\.(mask|IGNORE)")


def is_ignored(name: str) -> bool:
    """Whether ``name`` is the causal mask or the mask's filling (booleans, an infinity), not a weight.

    >>> is_ignored("blocks.0.attn.mask"), is_ignored("blocks.0.attn.W_Q")
    (True, False)
    """
    return _BUFFER.fullmatch(name) is not None

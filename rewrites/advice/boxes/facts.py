"""Facts about sets: bounds of pre-activations and of the ratios of heads' denominators, a little too wide."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from ...boxes.bounds import Sets, Units
from ...boxes.lines import NEEDS_SLOPE
from .extremes import code_of, least_ratio, widest
from .floats import Tables, values_of
from .nodes import Node

ENTRIES = 1 << 20  # of the tables that are looked at together
# Where weights that differ by many powers of two make rounding wide, ends are as far as certificates can say.
FARTHEST = (1 << 31) - 1
PRE_ROOM, RATIO_ROOM = 2.0**-26, 2.0**-40  # of the largest entry of a table, for rounding


def note_facts(tables: Tables, units: Units, nodes: Sequence[Node], sets: Sets, query: np.ndarray) -> None:
    """Finds what the tests of these sets rest on, and notes it in their nodes."""
    if tables.form.hidden is not None:
        _note_pre_activations(tables, units, nodes, sets, query)
    if tables.form.heads > 1:
        _note_ratios(tables, nodes, sets, query)


def _note_pre_activations(tables: Tables, bits: Units, nodes: Sequence[Node], sets: Sets, query: np.ndarray) -> None:
    unit, n = 2.0**-bits.z, len(nodes)
    assert tables.form.hidden is not None, "an MLP is there"
    units, function = tables.out.shape[0], tables.form.hidden.function
    ends = np.zeros((n, tables.form.heads, units, 2), dtype=np.int64)
    rows = max(1, ENTRIES // (n * tables.weights[0][0].size))
    for h, (weights, pre) in enumerate(zip(tables.weights, tables.pre, strict=True)):
        w = weights[query]
        own = tables.pre_constant[query] if h == 0 else np.zeros((n, units))
        for first in range(0, units, rows):
            part = slice(first, first + rows)
            g = w[:, None] * (pre[None, part] + own[:, part, None, None])
            count = g.shape[1]
            again = sets.take(np.tile(np.repeat(np.arange(n), count), 2))
            both = np.concatenate([g, -g]).reshape(-1, *g.shape[2:])
            every = np.tile(np.repeat(w, count, axis=0), (2, 1, 1))
            both = both - PRE_ROOM * (widest(again, np.abs(both)) + widest(again, every))
            found = least_ratio(again, every, both).reshape(2, n, count)
            ends[:, h, part, 0] = np.clip(np.floor(found[0] / unit) - 1, -FARTHEST, FARTHEST)
            ends[:, h, part, 1] = np.clip(np.ceil(-found[1] / unit) + 1, -FARTHEST, FARTHEST)
    low, high = ends[..., 0].sum(axis=1) * unit, ends[..., 1].sum(axis=1) * unit
    slopes = np.zeros((n, units), dtype=np.int64)
    if function in NEEDS_SLOPE:
        chord = (values_of(function, high) - values_of(function, low)) / np.maximum(high - low, unit)
        slopes = np.round(chord * 2.0**bits.slope).astype(np.int64)
    for row, node in enumerate(nodes):
        node.note("Z", (), [*ends[row].reshape(-1).tolist(), *(slopes[row] if function in NEEDS_SLOPE else ())])
        node.state = replace(node.state, low=ends[row, :, :, 0], high=ends[row, :, :, 1], slopes=slopes[row])


def _note_ratios(tables: Tables, nodes: Sequence[Node], sets: Sets, query: np.ndarray) -> None:
    first, *others = (weights[query] for weights in tables.weights)
    low = [least_ratio(sets, other, first - RATIO_ROOM * widest(sets, first)) for other in others]
    high = [1 / least_ratio(sets, first, other - RATIO_ROOM * widest(sets, other)) for other in others]
    for row, node in enumerate(nodes):
        codes = [[code_of(a[row], up=False), code_of(b[row], up=True)] for a, b in zip(low, high, strict=True)]
        node.note("O", (), [c for pair in codes for c in pair])
        node.state = replace(node.state, ratios=np.array(codes))

"""What cannot fit is refused before it is begun, with how much it needs, the limit, and what to do."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from mechproof.engine.arithmetic.dyadic import DyadicMatrix
from mechproof.engine.errors import describe
from mechproof.models.one_layer import one_layer_of
from mechproof.rewrites.advice.allowance import GIB, Allowance
from mechproof.rewrites.advice.memory import MemoryTooSmall, needed, require_memory
from mechproof.rewrites.proof import prove
from mechproof.rewrites.rules.margin_enclosure import MarginEnclosure
from mechproof.rewrites.strategies import Options


def sizes(d_vocab: int, n_ctx: int) -> Any:
    return SimpleNamespace(d_vocab=d_vocab, n_ctx=n_ctx)


def test_the_sentence_says_what_to_do():
    """How much, the limit, and a strategy that fits; where none does, that the network is too large."""
    with Allowance(memory=GIB):
        require_memory(sizes(64, 10), "branch_and_bound")
        with pytest.raises(MemoryTooSmall) as raised:
            require_memory(sizes(2000, 6), "branch_and_bound")
        assert describe(raised.value) == (
            "branch_and_bound on this network needs at least 1.4 GiB of memory, and the limit is 1.0 GiB: raise it "
            "with --memory, or use --strategy subcubic, which needs less"
        )
        assert raised.value.exit_code == 2
        require_memory(sizes(2000, 6), "subcubic/exact/chord/EQKE")
        with pytest.raises(MemoryTooSmall, match="prove a smaller network"):
            require_memory(sizes(20_000, 4), "subcubic")


def test_without_a_limit_nothing_is_refused():
    """The library sets none by itself."""
    require_memory(sizes(10**6, 100), "branch_and_bound")


def test_nothing_is_multiplied_out_first(oracle, monkeypatch):
    """A proof that cannot fit ends before its first exact product."""
    monkeypatch.setattr(DyadicMatrix, "__matmul__", lambda *_: pytest.fail("a table was begun"))
    statement = oracle.random_net(0, "eighths").statement
    with pytest.raises(MemoryTooSmall):
        prove(statement, "net", options=Options(memory=100))


def test_the_estimate_is_below_what_is_held(oracle):
    """The arrays of a network's margins alone take at least what is counted for them, and little more."""
    margin = oracle.random_net(0, "eighths", 8, 4).margin()
    enclosure: MarginEnclosure = margin.enclosure
    q = m = 7
    table, weights = enclosure.cell(q, m), enclosure._weights
    held = sum(array.nbytes for array in (table.free.lower, table.free.upper))
    held += sum(part.nbytes for w in weights for part in (w.mantissa.lower, w.mantissa.upper, w.exponent))
    network = one_layer_of(margin.statement)
    counted = needed(network, "branch_and_bound") - needed(network, "subcubic")
    assert np.dtype(np.int64).itemsize == 8
    assert counted == held

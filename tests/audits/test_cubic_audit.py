"""Audits of the published cubic verifier: what decides is the argument's own exact bound, cell by cell."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import product

import pytest
import torch
from flint import arb
from float_networks import small

from mechproof.audits.corpus import entry
from mechproof.audits.findings import Verdict
from mechproof.audits.session import Session, UnknownCells
from mechproof.audits.verifiers import Verifier, published
from mechproof.rewrites.published.cubic import Replay
from mechproof.rewrites.published.network import FloatNetwork

ONE = ("float32",)
HONEST = published("cubic")


def disguised(change: Callable[[Replay, FloatNetwork], Replay]) -> Verifier:
    """The same verifier under a name that says nothing, with something done to what it returns."""

    def verify(network: FloatNetwork, gaps: torch.Tensor) -> Replay:
        run = HONEST.verify(network, gaps)
        assert isinstance(run, Replay)
        return change(run, network)

    return Verifier("harmless", HONEST.search, verify)


def everywhere(run: Replay, network: FloatNetwork) -> Replay:
    """Every cell certified."""
    return replace(run, worst=torch.full_like(run.worst, -1))


def test_it_holds_where_averaging_is_wrong(data):
    """On the network whose sub-cubic bound is false, all certified cells of the cubic one follow."""
    (bound,) = Session(data / "unsound_averaging" / "total_v8_k4.npz").audit(HONEST, ONE).bounds
    assert (bound.verdict, bound.findings, bound.strays) == (Verdict.holds, (), ())
    assert 0 < bound.count <= (bound.truth or 0)


def test_cells_that_follow_hold_no_wrong_sequence(tmp_path, oracle):
    """The exact bound, and it alone: good tokens, mixed in any way, give right sequences; and it is the formula's."""
    decided = 0
    for seed in range(6):
        path = small(tmp_path, seed, 0.5, 2, size=4)
        session, wrong = Session(path), oracle.stored(path).truth.wrong
        run = HONEST.verify(session.network("float64"), torch.empty(0))
        assert isinstance(run, Replay)
        bounds = session.cubic.bounds(run.cells.numpy())
        for bound, worst in zip(bounds, run.worst.tolist(), strict=True):
            assert abs(bound - arb(worst)) < 1e-12
        exact = replace(run, worst=torch.tensor([-1.0 if bound < 0 else 1.0 for bound in bounds]))
        tokens = torch.tensor(list(product(range(4), repeat=3)))
        certified = set(map(tuple, tokens[exact.claims(tokens) < 0].tolist()))
        decided += len(certified)
        assert certified.isdisjoint(wrong), seed
    assert decided > 50


def test_names_do_not_matter(tmp_path):
    """The same computation, wrapped and renamed, gets the same findings."""
    session = Session(small(tmp_path, 3, 0.5, 2))
    plain, hidden = (
        session.audit(one, ("bfloat16", "float32")).bounds for one in (HONEST, disguised(lambda run, _: run))
    )
    assert plain == tuple(replace(bound, verifier="cubic") for bound in hidden)


def test_cells_that_do_not_follow_are_found(tmp_path, oracle):
    """A verifier that certifies all cells: FALSE, each witness in its cell and wrong by the definition."""
    path = small(tmp_path, 0, 0.5, 1, size=4)
    session, wrong = Session(path), oracle.stored(path).truth.wrong
    (bound,) = session.audit(disguised(everywhere), ONE).bounds
    assert bound.verdict is Verdict.false
    assert bound.not_implied
    for found in bound.false:
        q, m, k, c = found.cell
        assert found.witness is not None
        tokens = found.witness.tokens
        assert tokens in wrong
        assert (tokens[-1], max(tokens), sum(token < m for token in tokens[:-1])) == (q, m, c)
        assert not c or k in tokens[:-1]
        assert found.claimed == -1 < 0 <= found.excess
    assert str(bound.false[0].cell) in bound.sentence()
    assert "query" in entry("x.npz", bound)["claim"]


def test_a_wrong_formula_without_a_wrong_sequence_is_not_implied(tmp_path):
    """The bug that was mended: attention to k replaced by that to the query.  Its cells do not follow."""

    def forgetful(run: Replay, network: FloatNetwork) -> Replay:
        worst = torch.where(run.cells[:, 3] > 0, run.worst - 0.5, run.worst)
        return replace(run, worst=worst)

    verdicts = [
        Session(small(tmp_path, seed, 0.5, 2)).audit(disguised(forgetful), ONE).bounds[0].verdict for seed in range(6)
    ]
    assert Verdict.not_implied in verdicts


def test_a_step_that_is_another_quantity_is_found(tmp_path):
    """A direct path taken from the mean position is named, whatever cells it leads to; the others are not."""

    def from_mean(run: Replay, network: FloatNetwork) -> Replay:
        return replace(run, steps=run.steps | {"UU": network.mean_position @ network.W_U})

    (bound,) = Session(small(tmp_path, 3, 0.5, 2)).audit(disguised(from_mean), ONE).bounds
    assert [(stray.step, stray.differing) for stray in bound.strays] == [("UU", 9)]
    assert bound.strays[0].amount > 0.01
    assert bound.verdict in (Verdict.not_implied, Verdict.false)
    assert "step UU" in bound.sentence()


def test_float_error_alone_is_widened(tmp_path):
    """A cell that bfloat16 certifies is not below zero in exact arithmetic: after widening none is left."""
    session = Session(small(tmp_path, 13, 0.3, 1, size=6))
    (bound,) = session.audit(HONEST, ("bfloat16",)).bounds
    assert bound.verdict is Verdict.widened
    assert [found.cell for found in bound.by_floats] == [(3, 3, 0, 1)]
    run = HONEST.verify(session.network("bfloat16"), torch.empty(0))
    assert isinstance(run, Replay)
    kept = replace(run, worst=run.worst.double() + bound.widening)
    assert kept.count() == bound.widened_count < bound.count
    assert all(one < 0 for one in session.cubic.bounds(kept.cells[kept.certified].numpy()))


def test_unknown_cells_are_refused(tmp_path):
    """A run whose cells audits do not know is an error that names its kind, not a verdict."""

    class Foreign:
        def __init__(self, run: Replay) -> None:
            self.steps, self.worst, self.certified = run.steps, run.worst, run.certified

        def count(self) -> int:
            return 0

        def claims(self, tokens: torch.Tensor) -> torch.Tensor:
            return torch.zeros(len(tokens))

    session = Session(small(tmp_path, 0))
    with pytest.raises(UnknownCells, match="Foreign"):
        session.audit(disguised(lambda run, _: Foreign(run)), ONE)  # type: ignore[arg-type, return-value]


def test_one_position(tmp_path):
    """With a single position there is nothing to attend to, and every cell is one sequence."""
    (bound,) = Session(small(tmp_path, 1, positions=1)).audit(HONEST, ONE).bounds
    assert bound.count == bound.truth == bound.cells

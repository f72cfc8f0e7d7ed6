"""Ways past an audit that were found by trying: each was silent, or called exact what was not."""

from __future__ import annotations

import copy
import threading

import pytest
import torch
import torch.nn.functional as F

from mechproof.audits.program.memory import NotReal
from mechproof.audits.program.record import Kind, UnknownOperation
from mechproof.audits.program.verdict import Verdict, audit, auditing

X = torch.tensor([1.0, 2.0, 5.0])
MASK = torch.tensor([True, False, True])


def around(program, truth):
    with auditing() as run:
        low, high = run.bounds(program(X / 3 * 3))
    assert (low <= truth.numpy()).all() and (truth.numpy() <= high).all() and (high - low < 1e-6).all()


@pytest.mark.parametrize(
    "program",
    [
        lambda x: x.masked_fill(MASK, 1),
        lambda x: torch.where(MASK, x, 2),
        lambda x: F.pad(x, (1, 1), value=3),
        lambda x: x.clone().fill_(4),
        lambda x: x.index_fill(0, torch.tensor([1]), 1),
        lambda x: x.scatter(0, torch.tensor([0]), 2),
        lambda x: torch.full_like(x, 1) + x,
    ],
)
def test_whole_literals_are_numbers(program):
    """They were read as addresses of other numbers."""
    around(program, program(X))


def test_a_deep_copy_keeps_its_enclosures():
    """torch copies the storage behind its dispatcher."""
    with auditing() as run:
        third = torch.tensor([1.0]) / 3
        low, high = run.bounds(copy.deepcopy(third))
    assert low <= 1 / 3 <= high and not low <= third.item() <= high


def test_scatter_with_a_reduction_is_refused():
    """On addresses it would add addresses."""
    with pytest.raises(UnknownOperation, match="reduce"), auditing():
        X.scatter(0, torch.tensor([0]), X[:1] / 3, reduce="add")


def test_a_thread_is_an_escape():
    """Modes belong to one thread."""

    def program():
        found = []
        worker = threading.Thread(target=lambda: found.append((X / 3).sum()))
        worker.start()
        worker.join()
        return found[0]

    report = audit(program, lower="")
    assert report.verdict is Verdict.not_implied and "a thread" in report.sentence()
    assert threading.Thread.start.__module__ == "threading"


def test_compiled_functions_run_eagerly():
    """Else kernels would write into memory that nothing watches."""
    compiled = torch.compile(lambda x: (x / 3).sum())
    with auditing() as run:
        low, high = run.bounds(compiled(X))
    assert high - low < 1e-14 and low <= 8 / 3 <= high


def test_second_outputs_are_not_exact():
    """An output that a rule says nothing of is unknown."""
    with auditing() as run:
        values, places = F.max_pool2d(X.reshape(1, 1, 1, 3), (1, 3), return_indices=True)
        low, high = run.bounds(places)
        assert run.bounds(values)[0] == 5
    assert low == -float("inf") and high == float("inf")


def test_numbers_that_equal_a_literal():
    """Which is which cannot be told."""
    report = audit(lambda: X.clamp(X[0].item(), 1.0).sum(), lower="")
    assert report.verdict is Verdict.not_implied


def test_large_whole_numbers_are_not_rounded_silently():
    """2^53 + 1 is no double."""
    big = torch.tensor([2**53 + 1])
    with auditing() as run:
        low, high = run.bounds(big)
    assert low <= 2**53 < 2**53 + 1 < high


def test_numbers_that_are_not_real():
    """Their parts would be dropped."""
    with pytest.raises((NotReal, UnknownOperation)), auditing():
        (torch.tensor([1 + 2j]) * 2).abs()


def test_open_masks_that_leave_are_escapes():
    """As a list, or as numpy has them."""
    for leave in (lambda m: m.tolist(), lambda m: m.numpy().tolist()):

        def program(w, leave=leave):
            return torch.tensor(sum(leave(w.double().sqrt() ** 2 <= w)))

        report = audit(program, torch.tensor([2.0, 3.0]), lower="")
        assert report.verdict is Verdict.not_implied and "escape" in report.sentence()


def test_values_of_an_open_order_are_enclosed():
    """Only who reads the places has to know the order."""
    near = torch.tensor([2.0, 3.0], dtype=torch.float64)

    def values(w):
        return torch.cat([w.sqrt() ** 2, w]).sort().values.sum()

    def places(w):
        return w.repeat(2)[torch.cat([w.sqrt() ** 2, w]).sort().indices][0]

    assert audit(values, near, lower="").verdict in (Verdict.holds, Verdict.widened)
    report = audit(places, near, lower="")
    assert report.verdict is Verdict.not_implied and any(one.kind is Kind.choice for one in report.findings)


def test_softplus_beyond_its_threshold_is_the_identity():
    """As torch defines it."""
    with auditing() as run:
        low, high = run.bounds(F.softplus(torch.tensor([25.0])))
    assert low == high == 25.0


def test_bits_read_as_another_type_are_refused():
    """Reinterpreted floats are whole numbers that nothing stands beside."""
    with pytest.raises(UnknownOperation, match="view"), auditing():
        (X / 3).view(torch.int32)

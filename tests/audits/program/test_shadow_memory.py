"""What stands beside tensors: through views, overlaps, writes in place, and storages that are used again."""

from __future__ import annotations

import gc

import pytest
import torch

from mechproof.audits.program.verdict import auditing

THIRD = torch.tensor([1.0, 2.0, 4.0, 5.0, 7.0, 8.0], dtype=torch.float64)


def checked(program):
    """The enclosures of what a program returns are around its values in double precision from thirds."""
    with auditing() as run:
        found = program(THIRD / 3)
        low, high = run.bounds(found)
    truth = program(THIRD / 3)
    assert (low - 1e-14 <= truth.numpy()).all() and (truth.numpy() <= high + 1e-14).all()
    assert (high - low < 1e-14).all()
    return low, high


def stepped(x):
    x = x.clone()
    x[::2] -= x[0].clone()
    return x


def transposed(x):
    x = x.clone().reshape(2, 3)
    x.T.mul_(3).add_(1)
    return x


def overlapping(x):
    x = x.clone()
    windows = x.as_strided((3, 2), (1, 1))
    x[1] += 1
    return windows * 2


def out(x):
    target = torch.zeros(6, dtype=torch.float64)
    torch.add(x, 1, out=target[:6])
    return target


def accumulated(x):
    target = torch.zeros(3, dtype=torch.float64)
    target.index_put_((torch.tensor([0, 2, 0, 1, 2, 2]),), x, accumulate=True)
    return target


def shrunk(x):
    x = x.clone().reshape(1, 2, 3).transpose_(1, 2).squeeze_(0)
    x[0] = 0
    return x


@pytest.mark.parametrize(
    "program", [stepped, transposed, overlapping, out, accumulated, shrunk], ids=lambda p: p.__name__
)
def test_writes(program):
    """Writes through any view are seen through every other."""
    checked(program)


def test_what_is_freed_is_forgotten():
    """A storage at the same address is another storage."""
    with auditing() as run:
        for turn in range(50):
            x = torch.full((7,), float(turn)) / 3
            del x
            gc.collect(0)
            fresh = torch.zeros(7)
            low, high = run.bounds(fresh)
            assert (low == 0).all() and (high == 0).all()


def test_a_tensor_that_is_not_written_stays_exact():
    """Reading weights leaves nothing beside them."""
    with auditing() as run:
        (THIRD * 2).sum()
        assert not run.machine.memory.has(THIRD)


def test_part_of_a_storage():
    """The rest of a storage is as it stands when a part of it is written."""
    with auditing() as run:
        x = torch.tensor([0.1, 0.2, 0.3])
        x[1] = x[1] / 3
        low, high = run.bounds(x)
    assert low[0] <= 0.1 <= high[0] and high[1] - low[1] < 1e-16 and low[2] == high[2] == 0.3

"""Programs by one who wants a false verdict: each is followed, or refused or left open by name; none is believed."""

from __future__ import annotations

import random
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.pool import ThreadPool

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch.utils import dlpack

from mechproof.audits.program.record import Kind
from mechproof.audits.program.verdict import Verdict, audit

W = torch.tensor([0.1, 0.7, 1.3])
THIRD = 0.6999999806284904  # a third of the exact sum of W
BIG = torch.tensor([2.0**24])
NEAR = torch.tensor([2.0, 3.0], dtype=torch.float64)
IMAGE = torch.randn(1, 1, 5, 5, generator=torch.Generator().manual_seed(0)) * 0.3


def third(w):
    return (w / 3).sum()


def root_squared_minus(w):
    """Zero, which no precision shows."""
    return w.sqrt() ** 2 - w


def answers_in_place(w):
    found = w * 3
    torch.gt(w, 0.5, out=found)
    return found.sum()


def item_in_place(w):
    found = w.clone()
    found[0] = third(w).item()
    return found.sum()


def item_at_a_mask(w):
    found = w.clone()
    found[w > 0.5] = third(w).item()
    return found.sum()


def through_data(w):
    found = w / 3
    found.data.mul_(3)
    return found.sum()


def as_data(w):
    found = torch.zeros(3)
    found.data = w / 3
    return found.sum()


class Thirds(torch.autograd.Function):
    """A function with a backward that lies."""

    @staticmethod
    def forward(ctx, x):
        return x / 3

    @staticmethod
    def backward(ctx, gradient):
        return gradient * 100


def gradient(w):
    x = w.clone().requires_grad_()
    (x * x / 3).sum().backward()
    return x.grad.sum()


# Program and exact value, to within 1e-13.
FOLLOWED = {
    "answers in place of floats": (lambda w: (w * 3).gt_(1.0).sum(), 2),
    "answers as floats": (answers_in_place, 2),
    "no in place": (lambda w: (w / 3).logical_not_().sum(), 0),
    "a number for where": (lambda w: torch.where(w > 0.5, w, third(w).item())[0], THIRD),
    "a literal for where": (lambda w: torch.where(w > 5, w, 0.1)[0], 0.1),
    "a number into a tensor": (item_in_place, THIRD + float(W.double()[1:].sum())),
    "a number at a mask": (item_at_a_mask, 2 * THIRD + float(W.double()[0])),
    "a number in a list": (lambda w: w.new_tensor([third(w).item()])[0], THIRD),
    "a grid to a number": (lambda w: torch.linspace(0, third(w).item(), 3)[2], THIRD),
    "a grid of literals": (lambda w: torch.linspace(0, 1, 11)[3], 0.3),
    "a range of literals": (lambda w: torch.arange(0, 1, 0.1)[3], 3 * 0.1),
    "a range to a number": (lambda w: torch.arange(0, 2, third(w).item())[1], THIRD),
    "whole numbers divided": (lambda w: (w > 0.5).sum() / 3, 2 / 3),
    "mean of a mask": (lambda w: (w > 0.5).float().mean(), 2 / 3),
    "data written": (through_data, 3 * THIRD),
    "data set": (as_data, THIRD),
    "autograd function": (lambda w: Thirds.apply(w).sum(), THIRD),
    "gradient": (gradient, 2 * THIRD),
    "transformed function": (lambda w: torch.func.grad(lambda v: (v * v / 3).sum())(w).sum(), 2 * THIRD),
    "vectorised function": (lambda w: torch.func.vmap(lambda v: v / 3)(w).sum(), THIRD),
    "a stride of 0": (lambda w: (w / 3)[:1].expand(3).contiguous().add_(1).sum(), 3 + float(W.double()[0])),
    "unsorted triangles": (lambda w: torch.linalg.cholesky(torch.tensor([[4.0, 2], [-9, 5]]), upper=True).sum(), 5),
    "first of equals": (lambda w: torch.cat([BIG + 1 - 1, BIG]).argmax(), 0),
    "first of equals along an axis": (lambda w: torch.cat([BIG + 1 - 1, BIG]).max(0).indices, 0),
    "last of equals": (lambda w: torch.cat([BIG, BIG + 1 - 1]).cummax(0).indices[1], 1),
    "equals in order": (lambda w: torch.cat([BIG + 1 - 1, BIG]).sort(descending=True, stable=True).indices[0], 0),
    "other shapes": (lambda w: torch.tensor(int(torch.equal(w[:1] / 3, (w[:1] / 3).expand(3)))), 0),
    "near throughout": (lambda w: torch.tensor(1.0 if torch.allclose(w / 3 * 3, w) else 0.0), 1),
    "a type of rms_norm": (lambda w: F.rms_norm(w * 0 + 1e-3, (3,)).sum(), 3e-3 / (1e-6 + 2.0**-23) ** 0.5),
}


@pytest.mark.parametrize("name", FOLLOWED)
def test_followed(name):
    """The enclosure holds the exact value, whatever the floats say."""
    program, truth = FOLLOWED[name]
    report = audit(program, W, lower="")
    assert report.verdict in (Verdict.holds, Verdict.widened), report.sentence()
    if name == "a type of rms_norm":
        assert abs(report.low - truth) < 1e-8  # 1e-3 is not quite w * 0 + 1e-3 in floats
    else:
        assert report.low - 1e-13 <= truth <= report.high + 1e-13 and report.high - report.low < 1e-13


def test_enclosures_reach_both_sides():
    """An open sign: a slope above 1 on either side, and the value at a step."""
    slope = torch.tensor(2.0, dtype=torch.float64)
    prelu = audit(lambda w: F.prelu(root_squared_minus(w) * 1e15, slope).sum(), NEAR, lower="")
    assert prelu.low <= -2 * (prelu.high / 2) and prelu.low < 0 < prelu.high
    step = audit(lambda w: torch.heaviside(root_squared_minus(w), slope * 2.5)[0], NEAR, lower="")
    assert step.low <= 0 and step.high >= 5


@torch.library.custom_op("mechproof_tests::exp", mutates_args=())
def named_like_exp(x: torch.Tensor) -> torch.Tensor:
    return x + 100


def swallowed(w):
    try:
        torch.special.zeta(w + 2, 2.0)
    except Exception:  # the refusal must survive it
        return torch.tensor(1.0)
    return torch.tensor(1.0)


def overlapping(w):
    found = w / 3
    found.as_strided((2, 2), (1, 1)).mul_(2)
    return found.sum()


def flushing(w):
    torch.set_flush_denormal(True)
    return (w * 1e-40).sum() * 1e38


def statistics(w):
    layer = torch.nn.BatchNorm2d(1)
    layer(IMAGE.expand(2, 1, 5, 5))
    kept = layer.running_mean
    assert kept is not None
    return kept.sum()


REFUSED = {
    "round.decimals": lambda w: torch.round(w / 3, decimals=1).sum(),
    "sum.default of floats as whole numbers": lambda w: w.sum(dtype=torch.int64),
    "cumsum.default of floats as whole numbers": lambda w: w.cumsum(0, dtype=torch.int64)[2],
    "Tensor.apply_": lambda w: (w / 3).apply_(lambda value: value + 1).sum(),
    "Tensor.map_": lambda w: (w / 3).map_(w, lambda a, b: a + b).sum(),
    "hann_window": lambda w: torch.hann_window(10)[3],
    "logspace": lambda w: torch.logspace(0, 1, 5)[2],
    "distances of order 3": lambda w: torch.cdist(w[:, None], w[:, None] * 2, p=3.0).sum(),
    "avg_pool2d": lambda w: F.avg_pool2d(IMAGE, 2, 2, 1, count_include_pad=False).sum(),
    "max_pool2d": lambda w: F.max_pool2d(IMAGE, 2, 2, ceil_mode=True).sum(),
    "batch_norm": statistics,
    "mechproof_tests.exp": lambda w: named_like_exp(w / 3).sum(),
    "special_zeta": swallowed,
    "mul_": overlapping,
    "set_flush_denormal": flushing,
    "float.is_integer": lambda w: w.sum() if third(w).item().is_integer() else w.sum() * 0,
    "elements of 1 bytes": lambda w: (found := w / 3, found.untyped_storage().fill_(0), found.sum())[2],
    "complex": lambda w: torch.complex(w, w).abs().sum(),
    "_to_sparse": lambda w: torch.sparse.mm((w[None] / 3).to_sparse(), w[:, None]).sum(),
    "quantize": lambda w: torch.quantize_per_tensor(w, 0.1, 0, torch.qint8).dequantize().sum(),
    "set_": lambda w: torch.zeros(3).set_(w / 3).sum(),
    "resize_": lambda w: (w / 3).resize_(2).sum(),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name):
    """By name and line, also where the program catches what is raised."""
    try:
        report = audit(REFUSED[name], W, lower="")
    finally:
        torch.set_flush_denormal(False)
    assert report.verdict is Verdict.refused, report.sentence()
    assert name in report.sentence()
    assert "test_ways_around.py:" in report.sentence()


ESCAPES = {
    "a capsule": lambda w: dlpack.from_dlpack(torch.to_dlpack(w / 3)).sum(),
    "numpy's capsule": lambda w: torch.from_numpy(np.multiply(np.from_dlpack(w / 3), 3)).sum(),
    "text": lambda w: torch.tensor(float(f"{third(w).item():.20g}")),
    "text of a tensor": lambda w: torch.tensor(float(f"{third(w)}")),
    "Python's functions": lambda w: torch.tensor(sum(float(value) ** 0.5 for value in w.tolist())),
    "a legacy constructor": lambda w: torch.Tensor([third(w).item()])[0],
    "a list of tensors": lambda w: torch.tensor([third(w), 1.0]).sum(),
    "wrapped whole numbers": lambda w: (w * 1e10).int().sum(),
    "a literal beyond doubles": lambda w: torch.tensor(0.0) + (third(w).item() * 0 + (2**60 + 1)),
    "a number in a script": lambda w: scripted(w),
}


@torch.jit.script
def scripted(x: torch.Tensor) -> torch.Tensor:
    return x.sum() * (x.sum().item() + 1.0)


@pytest.mark.parametrize("name", ESCAPES)
def test_escapes(name):
    """Numbers that are not followed leave the result open."""
    report = audit(ESCAPES[name], W, lower="")
    assert report.verdict is Verdict.not_implied, report.sentence()


def test_pools_that_were_there_before():
    """Their threads start no more, and modes do not reach them."""
    with ThreadPoolExecutor(1) as pool, ThreadPool(1) as workers:
        pool.submit(int).result()
        for program in (lambda w: pool.submit(third, w).result(), lambda w: workers.apply(third, (w,))):
            assert audit(program, W, lower="").verdict is Verdict.not_implied


def test_results_of_an_earlier_run_are_not_read_as_numbers():
    """The pass that decides is the first one, or what it keeps is noticed."""
    kept: dict[str, torch.Tensor] = {}

    def cached(w):
        if "third" not in kept:
            kept["third"] = third(w)
        return kept["third"]

    report = audit(cached, W, lower="")
    assert report.low <= THIRD <= report.high and report.verdict is Verdict.widened

    def flipped(w):
        if "count" not in kept:
            kept["count"] = (BIG + 1 - BIG < 0.5).sum()
        return kept["count"]

    report = audit(flipped, W, lower="")
    assert report.verdict is Verdict.not_implied and "keeps results" in report.sentence()


def test_inputs_that_a_run_writes():
    """A second pass would start from other numbers."""

    def program(w):
        w.div_(w.norm())
        return (BIG + 1 - BIG < 0.5).sum() + w.sum()

    report = audit(program, W.clone(), lower="")
    assert report.verdict is Verdict.not_implied


def test_random_numbers_are_those_of_the_run():
    """Of torch, numpy and Python: each pass gets the same."""
    report = audit(lambda w: (w * random.random() * np.random.rand() + torch.rand(3)).sum(), W, lower="")
    assert report.verdict in (Verdict.holds, Verdict.widened)


def test_equals_among_the_first():
    """Which of several equals topk takes, torch leaves open."""

    def program(w):
        equal = torch.cat([BIG + 1 - 1, BIG, BIG - 8])
        return w[equal.topk(1).indices[0]]

    report = audit(program, W, lower="")
    assert report.verdict is Verdict.not_implied and any(one.kind is Kind.condition for one in report.findings)

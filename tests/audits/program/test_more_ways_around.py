"""Programs by one who wants a false verdict, second round: what Python, numpy and torch decide or round unseen."""

from __future__ import annotations

import _thread
import math
import struct
from fractions import Fraction

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from mechproof.audits.program.markers import heuristic
from mechproof.audits.program.verdict import Verdict, audit

W = torch.tensor([0.1, 0.7, 1.3])
THIRD = 0.6999999806284904  # a third of the exact sum of W
BIG = torch.tensor(2.0**24)
DOUBLE = torch.float64
TWO = torch.tensor(2.0, dtype=DOUBLE)
UNIT = torch.ones(1, 1, dtype=DOUBLE)


def one():
    """0 in float32, exactly 1."""
    return BIG + 1 - BIG


def none():
    """2 in float32, exactly 0."""
    return BIG + 3 - 3 - BIG


def numpy_memory(w):
    array = np.zeros(3)
    torch.from_numpy(array).add_(w / 3)
    return torch.tensor(array.sum())


def numpy_memory_as_tensor(w):
    array = np.zeros(3, dtype=np.float32)
    torch.as_tensor(array).copy_(w / 3)
    return torch.tensor(array.tolist()).sum()


def numpy_memory_by_index(w):
    array = np.zeros(3, dtype=np.float32)
    torch.from_numpy(array)[:] = w / 3
    return torch.tensor(array.tolist()).sum()


def numpy_memory_as_out(w):
    array = np.zeros(3, dtype=np.float32)
    torch.div(w, 3, out=torch.from_numpy(array))
    return torch.from_numpy(array.copy()).sum()


def buffer(w):
    held = bytearray(12)
    torch.frombuffer(held, dtype=torch.float32).copy_(w / 3)
    return torch.tensor(sum(struct.unpack("3f", held)))


def whole_into_place(w):
    found = torch.zeros(1)
    found[0] = 16777217
    return found[0] - 16777216


def square(corner):
    return torch.stack([torch.stack([BIG * 0 + 1, corner]), torch.stack([corner, BIG * 0 + 1])])


def succeeds(function, *operands):
    """Whether a float factorisation goes through, as verifiers ask it."""
    try:
        function(*operands)
    except (RuntimeError, ArithmeticError):
        return torch.tensor(0.0)
    return torch.tensor(1.0)


def low_level_thread(w):
    found, done = [], _thread.allocate_lock()
    done.acquire()

    def work():
        found.append((w / 3).sum())
        done.release()

    _thread.start_new_thread(work, ())
    done.acquire()
    return found[0]


def lists_in_a_search(w):
    found = w * 0 + 1
    with heuristic():
        torch._foreach_mul_([found], 0.5)  # pyright: ignore[reportPrivateImportUsage]
    return found.sum()


def without_functions(w):
    with torch._C.DisableTorchFunction():
        return torch.tensor((w / 3).numpy().sum().item())


class Logarithms(torch.Tensor):
    """A class of tensors that multiplies by adding."""

    held: torch.Tensor

    @staticmethod
    def __new__(cls, held):
        return torch.Tensor._make_wrapper_subclass(cls, held.shape, dtype=held.dtype)  # type: ignore[attr-defined]

    def __init__(self, held):
        self.held = held

    @classmethod
    def __torch_dispatch__(cls, func, types, args=(), kwargs=None):
        plain = [one.held if isinstance(one, Logarithms) else one for one in args]
        return Logarithms(plain[0] + plain[1]) if func is torch.ops.aten.mul.Tensor else func(*plain, **(kwargs or {}))


MADE_BEFORE = Logarithms(W / 3)
TENTHS = np.full(10, 0.1)

# Program and exact value.  The float run returns another number, which was called exact.
PROGRAMS = {
    "numpy's memory": (numpy_memory, THIRD),
    "numpy's memory as a tensor": (numpy_memory_as_tensor, THIRD),
    "numpy's memory by an index": (numpy_memory_by_index, THIRD),
    "numpy's memory as out": (numpy_memory_as_out, THIRD),
    "a buffer's memory": (buffer, THIRD),
    "log of a far sigmoid": (lambda w: F.logsigmoid(-25 * UNIT).sum() + 25, -math.exp(-25)),
    "a legacy constructor": (lambda w: torch.Tensor([0.1] * 10).sum(), 1.0),
    "a constructor of a type": (lambda w: torch.FloatTensor([0.1] * 10).sum(), 1.0),
    "a method that constructs": (lambda w: w.new([0.1] * 10).sum(), 1.0),
    "an array in another type": (lambda w: torch.tensor(TENTHS, dtype=torch.float32).sum(), 1.0),
    "an array as a tensor": (lambda w: torch.as_tensor(TENTHS, dtype=torch.float32).sum(), 1.0),
    "an array by name": (lambda w: torch.tensor(data=TENTHS, dtype=torch.float32).sum(), 1.0),
    "a new tensor of an array": (lambda w: w.new_tensor(TENTHS).sum(), 1.0),
    "numbers of numpy": (
        lambda w: torch.tensor([np.float32(0.1)] * 8, dtype=torch.float16).double().sum(),
        8 * float(np.float32(0.1)),
    ),
    "a whole number in float32": (lambda w: torch.tensor([16777217], dtype=torch.float32)[0] - 16777216, 1),
    "a whole number that fills": (lambda w: torch.full((), 2**53 + 1, dtype=DOUBLE) - 2.0**53, 1),
    "a whole number beyond doubles": (lambda w: torch.tensor([2**53 + 1], dtype=DOUBLE)[0] - 2.0**53, 1),
    "a whole number into a place": (whole_into_place, 1),
    "a number made whole": (lambda w: torch.tensor(one().item(), dtype=torch.int64), 1),
    "a sample about a mean": (lambda w: torch.normal(w / 3, 0.0).sum(), THIRD),
    "a sample of tensors": (lambda w: torch.normal(w / 3, torch.zeros(3)).sum(), THIRD),
    "a coin": (lambda w: torch.bernoulli(one()), 1),
    "a coin in place": (lambda w: torch.zeros(1).bernoulli_(one().reshape(1)).sum(), 1),
    "a factor in floats only": (lambda w: succeeds(torch.linalg.cholesky, square(none() - 2 + one() * 2)), 0),
    "a factor not in floats": (lambda w: succeeds(torch.linalg.cholesky, square(none() / 2)), 1),
    "what a factor says": (lambda w: torch.linalg.cholesky_ex(square(2 * one())).info + 0, 2),
    "an inverse in floats only": (lambda w: succeeds(torch.linalg.inv, square(one())), 0),
    "a solution not in floats": (lambda w: succeeds(torch.linalg.solve, one().reshape(1, 1), torch.ones(1)), 1),
    "what an inverse says": (lambda w: torch.linalg.inv_ex(one().reshape(1, 1)).info.sum(), 0),
    "a division in exact numbers only": (lambda w: succeeds(lambda: 1 / one().item()), 1),
    "a division in floats only": (lambda w: succeeds(lambda: 1 / none().item()), 0),
    "a remainder": (lambda w: succeeds(lambda: 1 % one().item()), 1),
    "a rounded quotient": (lambda w: succeeds(lambda: 1 // one().item()), 1),
    "a power": (lambda w: succeeds(lambda: one().item() ** -1), 1),
    "a power beyond floats": (lambda w: succeeds(lambda: 10.0 ** (1000 - 999 * one().item())), 1),
    "a root": (lambda w: torch.tensor(1.0 if isinstance((one().item() - 0.5) ** 0.5, complex) else 0.0), 0),
    "three digits": (lambda w: torch.tensor(float(f"{(one() * 0.5).item():.1f}")), 0.5),
    "three digits of a tensor": (lambda w: torch.tensor(float(f"{one() * 0.5:.1f}")), 0.5),
    "text": (lambda w: torch.tensor(float(str((one() * 0.5).item()))), 0.5),
    "text of a tensor": (lambda w: torch.tensor(float(str(one() * 0.5)[7:-1])), 0.5),
    "an exponent near 2": (lambda w: 3 * UNIT ** (TWO + 1e-20) - 3 + 3 ** (TWO + 1e-20) - 9, 9e-20 * math.log(3)),
    "an exponent that was a number": (lambda w: TWO ** (TWO + 1e-20).item() - 4, 4e-20 * math.log(2)),
    "a factor near 1": (
        lambda w: torch.addmm(0 * UNIT, UNIT, UNIT, alpha=(TWO - 1 + 1e-20).item()).sum() - 1,
        1e-20,
    ),
    "a thread below threads": (low_level_thread, THIRD),
    "lists in a search": (lists_in_a_search, 1.5),
    "a class with its own dispatch": (lambda w: torch.ops.aten.sum.default(Logarithms(w) * MADE_BEFORE), THIRD + 2.1),
    "functions unseen": (without_functions, THIRD),
    "a variance of too few": (lambda w: torch.isinf(w.double().var(correction=5)).sum(), 1),
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_none_is_believed(name):
    """Refused, open, or enclosed."""
    program, truth = PROGRAMS[name]
    report = audit(program, W, lower="")
    if report.verdict not in (Verdict.refused, Verdict.not_implied):
        room = 1e-22 + 1e-15 * abs(truth)
        assert report.low - room <= truth <= report.high + room, report.exactly()


def test_text_that_all_ends_share_is_no_escape():
    """What an exact run would print, it would read again."""

    def program(w):
        print(f"{w.sum().item():.3f}", w / 3)
        return torch.tensor(float(f"{third(w):.2f}")) + torch.tensor(float(str((w * 2)[1:2].item() * 0 + 0.5)))

    report = audit(program, W, lower="")
    assert report.verdict in (Verdict.holds, Verdict.widened) and abs(report.low - 1.2) < 1e-15


def third(w):
    return (w / 3).sum()


def test_arrays_and_whole_numbers_that_fit_stay_exact():
    """Nothing stands beside what torch takes bit for bit."""

    def program(w):
        exact = torch.tensor(np.arange(3.0)) + torch.tensor([1, 2, 3]).double() + torch.from_numpy(np.ones(3))
        exact[0] = 5
        return exact.sum()

    report = audit(program, W, lower="")
    assert (report.verdict, report.low, report.high) == (Verdict.holds, 15.0, 15.0)


def test_factors_that_are_certain_are_no_conditions():
    """A matrix that is positive definite with room."""
    report = audit(lambda w: torch.linalg.cholesky(torch.diag(w.double())).sum(), W, lower="")
    assert report.verdict in (Verdict.holds, Verdict.widened)


class Bounded(torch.Tensor):
    """A class of tensors with functions of its own, which are off inside, as auto_LiRPA's are."""

    @classmethod
    def __torch_function__(cls, func, types, args=(), kwargs=None):
        with torch._C.DisableTorchFunction():
            found = func(*args, **(kwargs or {}))
        return found.as_subclass(cls) if isinstance(found, torch.Tensor) else found


def test_classes_of_tensors_with_their_own_functions_are_followed():
    """They are off inside, and the audit is not."""
    report = audit(lambda w: (w.as_subclass(Bounded).double() * 2).sum(), W, lower="")
    assert report.verdict in (Verdict.holds, Verdict.widened)
    truth = sum(2 * Fraction(one) for one in W.tolist())
    assert Fraction(report.low) <= truth <= Fraction(report.high) and report.high - report.low < 1e-14

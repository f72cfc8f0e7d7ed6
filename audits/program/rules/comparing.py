"""Comparisons and answers: true, false, or open."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from ..call import Call
from ..record import Kind
from ..twofold import ABOVE, BELOW, EQUAL, OPEN, UNORDERED
from .applying import Rule, along, computed, whole

HOLDS = {
    "lt": (BELOW,),
    "le": (BELOW, EQUAL),
    "gt": (ABOVE,),
    "ge": (ABOVE, EQUAL),
    "eq": (EQUAL,),
    "ne": (BELOW, ABOVE, UNORDERED),
}


def _comparison(signs: tuple[int, ...]) -> Rule:
    def rule(call: Call) -> None:
        left, right = (_numbers(call, value) for value in call.args[:2])
        sign = left.compare(right)
        if (sign == UNORDERED).any():
            call.machine.record.note(
                Kind.advice, f"{call.operation.name} of the program's own NaN", int((sign == UNORDERED).sum())
            )

        def example(place: tuple[int, ...]) -> str:
            a, b = (
                _shown(value, numbers, place, sign.shape)
                for value, numbers in zip(call.args, (left, right), strict=False)
            )
            return f"{a} {call.operation.name} {b}" + (f" at {place}" if place else "")

        truth = np.isin(sign, signs)
        open_ = sign == OPEN
        if call.operation.name in ("lt", "le", "gt", "ge", "eq", "ne"):
            open_ = open_ & ~_decided_by_range(call.operation.name, left, right, sign, truth)
        if open_.any():
            unknown = open_ & (np.isinf(left.radius()) | np.isinf(right.radius()))
            if unknown.any():
                place = tuple(np.argwhere(unknown)[0].tolist())
                call.machine.record.note(Kind.nan_polarity, call.operation.name, int(unknown.sum()), example(place))
        (output,) = call.outputs
        call.machine.decided(output, truth, open_, call.operation.name, example)

    return rule


def _decided_by_range(name: str, left: Any, right: Any, sign: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Open signs that settle the answer: x <= y where the ranges only touch.  Writes those answers."""
    places = sign == OPEN
    if not places.any():
        return places
    with np.errstate(invalid="ignore"):
        below = np.broadcast_to(left.high(), sign.shape) <= np.broadcast_to(right.low(), sign.shape)
        above = np.broadcast_to(left.low(), sign.shape) >= np.broadcast_to(right.high(), sign.shape)
    yes = {"le": below, "ge": above}.get(name, np.zeros_like(places)) & places
    no = {"lt": above, "gt": below}.get(name, np.zeros_like(places)) & places
    truth[yes], truth[no] = True, False
    return yes | no


def _numbers(call: Call, value: Any) -> Any:
    found = call.numbers(value)
    return call.machine.memory.kind.of(float(found)) if isinstance(found, (int, bool)) else found


def _shown(value: Any, numbers: Any, place: tuple[int, ...], shape: tuple[int, ...]) -> str:
    """A float of the run, with what it is exactly."""
    at = numbers.spread(shape)[place]
    found = value if not isinstance(value, torch.Tensor) else value.expand(shape)[place].item()
    low, high = float(at.low()), float(at.high())
    exact = f"{float(at.mid()):.17g}" if high - low <= abs(float(at.mid())) * 1e-15 else f"{low:.17g} to {high:.17g}"
    return f"{found:.9g} (exactly {exact})" if isinstance(found, float) else str(found)


def _finite(test: Callable[[np.ndarray, np.ndarray], np.ndarray]) -> Rule:
    """What is known of being a number: the program's own constants; nothing of what is unknown."""

    def rule(call: Call) -> None:
        numbers = call.numbers(call.args[0])
        middle = np.where(numbers.special(), numbers.mid(), 0.0)
        with np.errstate(invalid="ignore"):
            open_ = np.isinf(numbers.radius())
        (output,) = call.outputs
        call.machine.decided(output, test(middle, open_), open_, call.operation.name, lambda place: f"at {place}")

    return rule


def _scalar(call: Call) -> None:
    """A number for Python: a condition or size where it is a mask's or count's, an escape where it is a float."""
    tensor = call.args[0]
    if tensor.is_floating_point() or tensor.is_complex():
        call.machine.record.note(Kind.escape, "a number taken out by torch")
    elif call.machine.open_entries(tensor) is not None:
        call.machine.record.note(Kind.condition, "a condition" if tensor.dtype == torch.bool else "a count")


def _sizes(call: Call) -> None:
    """The places of a mask."""
    value = call.args[0]
    if value.is_floating_point():
        sign = call.numbers(value).compare(0.0)
        found = value.detach().numpy() != 0
        if (sign == OPEN).any() or ((sign != EQUAL) != found).any():
            call.machine.record.note(Kind.shape, "places of numbers that are not zero")
    elif call.machine.open_entries(value) is not None:
        call.machine.record.note(Kind.shape, call.operation.name)


def _answers(formula: Callable[..., Any]) -> Rule:
    """Answers as the numbers 0 and 1; an open one lies between."""

    def rule(call: Call) -> None:
        operands = [call.numbers(value) for value in call.args]
        for place, value in enumerate(call.args):
            if isinstance(value, torch.Tensor) and value.dtype != torch.bool:
                operands[place] = _nonzero(operands[place])
                if call.operation.name.startswith("bitwise"):
                    call.machine.record.note(Kind.choice, "bits of open whole numbers")
        (output,) = call.outputs
        found = formula(*operands, **{k: v for k, v in call.kwargs.items() if k == "keepdim"})
        low, high = (np.broadcast_to(end, tuple(output.shape)) for end in (found.low(), found.high()))
        whole(call, output, low, high)

    return rule


def _nonzero(x: Any) -> Any:
    sign = x.compare(0.0)
    low = np.where((sign == OPEN) | (sign == EQUAL), 0.0, 1.0)
    return type(x).between(low, np.where(sign == EQUAL, 0.0, 1.0))


def _equal(call: Call) -> None:
    """All entries of two tensors are the same."""
    left, right = call.args
    if left.shape == right.shape:
        sign = call.numbers(left).compare(call.numbers(right))
        _throughout(call, sign == EQUAL, sign == OPEN)


def _close(call: Call) -> None:
    """All entries are near each other: |a - b| <= atol + rtol |b|."""
    left, right, *room = call.args
    rtol, atol = (call.numbers(value) for value in (*room, *(1e-5, 1e-8)[len(room) :])[:2])
    a, b = call.numbers(left), call.numbers(right)
    sign = abs(a - b).compare(abs(b) * rtol + atol)
    _throughout(call, sign <= EQUAL, sign == OPEN)


def _throughout(call: Call, yes: np.ndarray, open_: np.ndarray) -> None:
    """One answer for Python, about all entries."""
    record, name = call.machine.record, call.operation.name
    record.compared += yes.size
    if open_.any() and (yes | open_).all():
        record.undecided += int(open_.sum())
        record.note(Kind.undecided, name, int(open_.sum()))
        record.note(Kind.condition, name)
    elif call.result != bool(yes.all()):
        record.flipped += 1
        record.note(Kind.flip, name)
        if call.machine.follows:
            call.result = bool(yes.all())


RULES: dict[str, Rule] = {name: _comparison(signs) for name, signs in HOLDS.items()} | {
    "isnan": _finite(lambda middle, _: np.isnan(middle)),
    "isinf": _finite(lambda middle, _: np.isinf(middle)),
    "isfinite": _finite(lambda middle, _: np.isfinite(middle)),
    "isposinf": _finite(lambda middle, _: middle == np.inf),
    "isneginf": _finite(lambda middle, _: middle == -np.inf),
    "_local_scalar_dense": _scalar,
    "nonzero": _sizes,
    "is_same_size": lambda call: None,
    "equal": _equal,
    "allclose": _close,
    "logical_and": _answers(lambda a, b: a * b),
    "bitwise_and": _answers(lambda a, b: a * b),
    "logical_or": _answers(lambda a, b: a.larger(b)),
    "bitwise_or": _answers(lambda a, b: a.larger(b)),
    "logical_xor": _answers(lambda a, b: abs(a - b)),
    "bitwise_xor": _answers(lambda a, b: abs(a - b)),
    "logical_not": _answers(lambda a: 1.0 - a),
    "bitwise_not": _answers(lambda a: 1.0 - a),
    "any": _answers(along(lambda x, axis: x.largest(axis))),
    "all": _answers(along(lambda x, axis: -((-x).largest(axis)))),
    "count_nonzero": computed(along(lambda x, axis: _nonzero(x).total(axis))),
}

"""Operations that choose: the place of an extreme, an order, the first k.  Values are enclosed; places are decided."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from torch import Tensor

from ..call import Call
from ..record import Kind
from ..twofold import ABOVE, BELOW, EQUAL, OPEN
from .applying import Rule
from .reducing import running


def _axis(call: Call, dim: Any, keepdim: Any) -> tuple[Any, int, bool]:
    """Numbers, the axis (all of them as one where there is none), and whether it stays."""
    x = call.numbers(call.args[0])
    if dim is None or not x.shape:
        return x.reshape((-1,)), 0, False
    return x, dim % len(x.shape), bool(keepdim)


def _places(call: Call, output: Tensor, x: Any, axis: int, keep: bool, name: str) -> None:
    """Sees to it that ``output`` holds the first places of largest entries, which torch promises."""
    middle = x.mid()
    best = np.where(np.isnan(middle), -np.inf, middle).argmax(axis=axis)
    signs = _against(x, best, axis)
    while (signs == ABOVE).any():  # beyond the precision of middles
        best = np.where((signs == ABOVE).any(axis=0), (signs == ABOVE).argmax(axis=0), best)
        signs = _against(x, best, axis)
    truth = (signs == EQUAL).argmax(axis=0)
    claimed = np.asarray(output.numpy()).reshape(truth.shape)
    open_ = np.asarray((signs > EQUAL).any(axis=0))
    wrong, certain = claimed != truth, ~open_
    _note(call, wrong & certain, open_, name, lambda place: f"place {claimed[place]}, exactly {truth[place]}")
    if call.machine.follows:
        changed = np.where(wrong & certain, truth, claimed)
        np.copyto(output.numpy(), np.expand_dims(changed, axis) if keep else changed.reshape(tuple(output.shape)))
    _reopen(call, output, np.expand_dims(open_, axis) if keep else open_.reshape(tuple(output.shape)), x.shape[axis])


def _against(x: Any, places: np.ndarray, axis: int) -> np.ndarray:
    """Signs of all entries beside those at ``places``; the axis comes first."""
    return np.moveaxis(x.compare(x.take(np.expand_dims(places, axis), axis)), axis, 0)


def _note(call: Call, flipped: np.ndarray, open_: np.ndarray, name: str, example: Callable[[Any], str]) -> None:
    record = call.machine.record
    record.compared += flipped.size
    if flipped.any():
        record.flipped += int(flipped.sum())
        record.note(Kind.flip, name, int(flipped.sum()), example(tuple(np.argwhere(flipped)[0].tolist())))
    if open_.any():
        record.undecided += int(open_.sum())
        record.note(Kind.undecided, name, int(open_.sum()), example(tuple(np.argwhere(open_)[0].tolist())))


def _reopen(call: Call, output: Tensor, open_: np.ndarray, size: int) -> None:
    """Places that are open: any of them, for whoever reads them."""
    memory = call.machine.memory
    if call.machine.follows and open_.any():
        found = output.numpy().astype(float)
        open_ = np.broadcast_to(open_, found.shape)
        memory.write(output, memory.kind.between(np.where(open_, 0.0, found), np.where(open_, size - 1.0, found)))
    elif memory.has(output):
        memory.forget(output)


def _argument(sign: int) -> Rule:
    def rule(call: Call) -> None:
        dim = call.args[1] if len(call.args) > 1 else call.kwargs.get("dim")
        keep = call.args[2] if len(call.args) > 2 else call.kwargs.get("keepdim", False)
        x, axis, stays = _axis(call, dim, keep)
        _places(call, call.outputs[0], x if sign > 0 else -x, axis, stays, call.operation.name)

    return rule


def _extreme(sign: int) -> Rule:
    """max and min: of everything, along an axis with places, or of two tensors."""

    def rule(call: Call) -> None:
        if len(call.args) > 1 and isinstance(call.args[1], Tensor):
            a, b = (call.numbers(value) for value in call.args[:2])
            call.put(call.outputs[0], a.larger(b) if sign > 0 else -((-a).larger(-b)))
            return
        dim = call.args[1] if len(call.args) > 1 else call.kwargs.get("dim")
        keep = call.args[2] if len(call.args) > 2 else call.kwargs.get("keepdim", False)
        x, axis, stays = _axis(call, dim, keep)
        turned = x if sign > 0 else -x
        found = turned.largest(axis)
        values = call.outputs[0]
        call.put(values, (found if sign > 0 else -found).reshape(tuple(values.shape)))
        if len(call.outputs) > 1:
            _places(call, call.outputs[1], turned, axis, stays, call.operation.name)

    return rule


def _running_extreme(sign: int) -> Rule:
    """Among equals the place is the last one, as torch has it."""

    def rule(call: Call) -> None:
        x = call.numbers(call.args[0])
        dim = call.args[1] if len(call.args) > 1 else call.kwargs["dim"]
        turned = x if sign > 0 else -x
        found = running(lambda new, old: new.larger(old))(turned, dim)
        call.put(call.outputs[0], found if sign > 0 else -found)
        if len(call.outputs) > 1 and x.shape:
            places = call.outputs[1].numpy()
            signs = np.moveaxis(turned.compare(found), dim, -1)
            number = np.arange(signs.shape[-1])
            record = np.maximum.accumulate(np.where(signs == EQUAL, number, -1), axis=-1)
            doubt = np.maximum.accumulate(np.where(signs > EQUAL, number, -1), axis=-1)
            truth, open_ = (np.moveaxis(one, -1, dim) for one in (record, doubt > record))
            wrong = (truth != places) & ~open_
            _note(
                call, wrong, open_, call.operation.name, lambda place: f"place {places[place]}, exactly {truth[place]}"
            )
            if call.machine.follows:
                np.copyto(places, truth, where=wrong)
            _reopen(call, call.outputs[1], open_, x.shape[dim])

    return rule


def _ordered(call: Call, x: Any, order: np.ndarray, axis: int, descending: bool) -> tuple[Any, np.ndarray, np.ndarray]:
    """Values in true order, the order (equals as they came, as torch has it on the CPU), and which rows are open."""
    axis %= len(x.shape)
    values = x.take(order, axis)
    signs = _steps(values, axis)
    wrong = (signs == (BELOW if descending else ABOVE)) | (signs == EQUAL) & (np.diff(order, axis=axis) < 0)
    open_ = signs > EQUAL
    if wrong.any() or open_.any():
        middle = -x.mid() if descending else x.mid()
        better = np.argsort(middle, axis=axis, kind="stable")
        values = x.take(better, axis)
        signs = _steps(values, axis)
        open_ = ~np.isin(signs, (EQUAL, ABOVE if descending else BELOW))
        order = np.where(np.expand_dims(np.moveaxis(wrong, axis, -1).any(axis=-1), axis), better, order)
        if open_.any():
            low, high = np.sort(x.low(), axis=axis), np.sort(x.high(), axis=axis)
            if descending:
                low, high = np.flip(low, axis), np.flip(high, axis)
            values = type(x).between(low, high)
    _note(call, wrong, open_, call.operation.name, lambda place: f"at {place}")
    return values, order, np.expand_dims(np.moveaxis(open_, axis, -1).any(axis=-1), axis)


def _steps(values: Any, axis: int) -> np.ndarray:
    front = values.moved(axis, 0)
    return np.moveaxis(front[:-1].compare(front[1:]), 0, axis)


def _sort(call: Call) -> None:
    kwargs = {"dim": -1, "descending": False} | call.kwargs
    for name, value in zip(("dim", "descending"), call.args[1:], strict=False):
        kwargs[name] = value
    x = call.numbers(call.args[0])
    if not x.shape:
        call.put(call.outputs[0], x)
        return
    places = call.outputs[-1]
    values, order, open_ = _ordered(call, x, places.numpy().copy(), kwargs["dim"], bool(kwargs["descending"]))
    if len(call.outputs) > 1:
        call.put(call.outputs[0], values)
    if call.machine.follows:
        np.copyto(places.numpy(), order)
    _reopen(call, places, open_, x.shape[kwargs["dim"]])


def _topk(call: Call) -> None:
    """The first k of the whole order; the run's choice among equals stays."""
    k, dim, descending, _ = (*call.args[1:], *(None,) * 4)[:4]
    dim = call.kwargs.get("dim", -1) if dim is None else dim
    descending = call.kwargs.get("largest", True) if descending is None else descending
    x = call.numbers(call.args[0])
    axis = dim % len(x.shape)
    middle = -x.mid() if descending else x.mid()
    claimed = call.outputs[1].numpy()
    rank = middle.copy()
    np.put_along_axis(rank, claimed, np.take_along_axis(middle, claimed, axis), axis)
    order = np.argsort(rank, axis=axis, kind="stable")
    every, order, open_ = _ordered(call, x, order, axis, bool(descending))
    first = (slice(None),) * axis + (slice(0, k),)
    values = every[first]
    signs = x.take(claimed, axis).compare(values)
    wrong = (signs == BELOW) | (signs == ABOVE)
    among = (signs == EQUAL) & (claimed != order[first])  # any of equals
    _note(call, wrong, among, "topk", lambda place: f"at {place}")
    call.put(call.outputs[0], values)
    if call.machine.follows and wrong.any():
        np.copyto(claimed, order[first])
    _reopen(call, call.outputs[1], open_ | among.any(axis=axis, keepdims=True), x.shape[axis])


def _middle(call: Call) -> None:
    """The lower median: the place in the whole order."""
    dim = call.args[1] if len(call.args) > 1 else call.kwargs.get("dim")
    x, axis, _ = _axis(call, dim, False)
    low, high = np.sort(x.low(), axis=axis), np.sort(x.high(), axis=axis)
    place = (x.shape[axis] - 1) // 2
    found = type(x).between(np.take(low, place, axis), np.take(high, place, axis))
    call.put(call.outputs[0], found.reshape(tuple(call.outputs[0].shape)))
    if len(call.outputs) > 1:
        chosen = x.take(call.outputs[1].numpy().reshape(np.expand_dims(np.take(low, place, axis), axis).shape), axis)
        signs = chosen.compare(found.reshape(chosen.shape))
        several = (x.compare(chosen) == EQUAL).sum(axis=axis, keepdims=True) > 1
        _note(call, np.isin(signs, (BELOW, ABOVE)), (signs == OPEN) | several, "median", lambda place: f"at {place}")
        _reopen(
            call, call.outputs[1], ((signs != EQUAL) | several).reshape(tuple(call.outputs[1].shape)), x.shape[axis]
        )


RULES: dict[str, Rule] = {
    "argmax": _argument(1),
    "argmin": _argument(-1),
    "max": _extreme(1),
    "min": _extreme(-1),
    "cummax": _running_extreme(1),
    "cummin": _running_extreme(-1),
    "sort": _sort,
    "argsort": _sort,
    "topk": _topk,
    "median": _middle,
}

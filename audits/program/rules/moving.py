"""Operations that move entries and compute nothing: done once more on the addresses of the entries.

Every number among the operands (tensors, and floats such as what a mask is filled with) gets an address; the operation
itself, on addresses, says which number is where.  Address 0 is the zero that padding and triangles put in.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..call import Call, Pass
from ..memory import Numbers
from ..record import Kind
from .applying import KEPT, Rule, settle

# The arguments that are places or masks, not numbers.
PLACES: dict[str, tuple[int, ...]] = {
    **dict.fromkeys(
        ("clone", "copy", "cat", "stack", "_unsafe_view", "_reshape_alias", "flip", "roll", "repeat", "tril"), ()
    ),
    **dict.fromkeys(
        ("triu", "constant_pad_nd", "diag_embed", "diag", "fill", "zero", "full", "full_like", "new_full"), ()
    ),
    **dict.fromkeys(
        ("slice_scatter", "select_scatter", "diagonal_scatter", "as_strided_scatter", "im2col", "rot90"), ()
    ),
    **dict.fromkeys(
        ("reflection_pad1d", "reflection_pad2d", "replication_pad1d", "replication_pad2d", "pixel_shuffle"), ()
    ),
    **dict.fromkeys(("pixel_unshuffle", "channel_shuffle", "contiguous", "lift_fresh_copy", "permute_copy"), ()),
    **dict.fromkeys(("expand_copy", "select_copy", "slice_copy", "transpose_copy", "view_copy", "unsqueeze_copy"), ()),
    **dict.fromkeys(("detach_copy", "squeeze_copy", "t_copy", "alias_copy", "upsample_nearest2d", "block_diag"), ()),
    **dict.fromkeys(
        ("_pad_circular", "select_backward", "slice_backward", "unfold_copy", "split_copy", "unbind_copy"), ()
    ),
    **dict.fromkeys(
        ("index", "index_put", "_index_put_impl", "_unsafe_index", "_unsafe_index_put", "unsafe_index"), (1,)
    ),
    **dict.fromkeys(("masked_fill", "masked_scatter", "masked_select", "take"), (1,)),
    **dict.fromkeys(("gather", "scatter", "index_select", "index_copy", "index_fill", "take_along_dim"), (2,)),
    **dict.fromkeys(("embedding",), (1,)),
    "where": (0,),
    "scalar_tensor": (),
    "repeat_interleave": (1,),
}
# The types of arguments that are numbers to put somewhere.
NUMBERS = {"number", "Optional[number]"}
# Of these an open mask chooses between two numbers that are both known.
CHOOSING = {"where", "masked_fill"}
FACTORIES = {"full", "full_like", "new_full", "scalar_tensor"}
NO_SKIP = {"copy", "_to_copy", *FACTORIES}


class _Addresses:
    """Of all numbers of a call, behind one another."""

    def __init__(self, call: Call) -> None:
        self.call, self.parts, self.end = call, [call.machine.memory.kind.of(np.zeros(1))], 1

    def of(self, value: Any) -> Any:
        if isinstance(value, (list, tuple)):
            return [self.of(one) for one in value]
        if not isinstance(value, Tensor):
            return value
        numbers = self.call.numbers(value)
        count = int(np.prod(numbers.shape, dtype=np.int64))
        places = torch.arange(self.end, self.end + count, dtype=torch.float64).reshape(value.shape)
        self.parts.append(numbers.reshape((count,)))
        self.end += count
        return places

    def number(self, value: Any) -> Any:
        """What torch calls a Scalar: a number to put somewhere."""
        if not isinstance(value, (int, float)):
            return value
        large = isinstance(value, int) and abs(value) > 2**53
        self.parts.append(self.call.numbers(value if large else float(value)).reshape((1,)))
        self.end += 1
        return float(self.end - 1)

    def numbers(self, places: Tensor) -> Numbers:
        every = type(self.parts[0]).joined(self.parts)  # type: ignore[arg-type]
        return every.gather(places.detach().long().numpy())


def moved(call: Call) -> None:
    """The rule of every operation in ``PLACES``."""
    kept = PLACES[call.operation.name]
    if "reduce" in call.kwargs or call.func._overloadname == "dtype":
        call.machine.refuse(f"{call.func} with {'reduce' if 'reduce' in call.kwargs else 'another type'}")
    if call.operation.name.endswith("index_put") and (call.kwargs.get("accumulate") or call.args[3:4] == (True,)):
        _accumulated(call)
        return
    masks = [value for place in kept if place < len(call.args) for value in _tensors(call.args[place])]
    open_masks = [mask for mask in masks if call.machine.open_entries(mask) is not None]
    if _as_it_stands(call, kept) and not open_masks:
        return
    single = call.operation.name.endswith("index_put") and call.args[2].numel() == 1
    if len(open_masks) == 1 and (single or call.operation.name in CHOOSING) and call.machine.part is not Pass.observe:
        (mask,) = open_masks
        entries = call.machine.open_entries(mask)
        ends = []
        for answer in (False, True):
            changed = mask.clone()
            changed.numpy()[entries] = answer
            ends.append(_found(call, kept, {id(mask): changed}))
        for output, one, other in zip(call.outputs, *ends, strict=True):
            settle(call, output, one.hull(other))
        return
    if open_masks:
        booleans = any(mask.dtype == torch.bool for mask in open_masks)
        call.machine.record.note(Kind.shape if booleans else Kind.choice, call.operation.name)
    for output, numbers in zip(call.outputs, _found(call, kept, {}), strict=True):
        settle(call, output, numbers)


def _tensors(value: Any) -> list[Tensor]:
    if isinstance(value, (list, tuple)):
        return [tensor for one in value for tensor in _tensors(one)]
    return [value] if isinstance(value, Tensor) else []


def _as_it_stands(call: Call, kept: tuple[int, ...]) -> bool:
    """Floats that were exact and are moved whole stay so; nothing stands beside them."""
    name = call.operation.name
    if name in FACTORIES:
        return False
    values = [value for place, arg in enumerate(call.args) if place not in kept for value in _leaves(arg)]
    if any(isinstance(value, float) for value in [*values, *call.kwargs.values()]):
        return False
    if any(isinstance(value, int) and abs(value) >= 2**11 for value in values):  # may not fit the run's type
        return False
    given = [value for value in values if isinstance(value, Tensor)]
    if any(call.held(value) for value in [*given, *call.outputs]):
        return False
    outputs = call.outputs
    return all(
        not value.is_floating_point()
        or not outputs
        or not outputs[0].is_floating_point()
        or (
            torch.finfo(value.dtype).bits <= torch.finfo(outputs[0].dtype).bits
            and not (value.dtype == torch.float16) ^ (outputs[0].dtype == torch.float16)
        )
        for value in given
    ) and not (outputs and outputs[0].is_floating_point() and any(not value.is_floating_point() for value in given))


def _leaves(value: Any) -> list[Any]:
    return [leaf for one in value for leaf in _leaves(one)] if isinstance(value, (list, tuple)) else [value]


def _found(call: Call, kept: tuple[int, ...], masks: dict[int, Tensor]) -> list[Numbers]:
    addresses = _Addresses(call)
    numeric = [str(argument.type) in NUMBERS for argument in call.func._schema.arguments]
    args = [
        _replaced(value, masks) if place in kept else (addresses.number if numeric[place] else addresses.of)(value)
        for place, value in enumerate(call.args)
    ]
    kwargs = {name: addresses.of(value) for name, value in call.kwargs.items() if name not in KEPT}
    if call.operation.name in FACTORIES or "dtype" in call.kwargs:
        kwargs["dtype"] = torch.float64
    if "out" in call.kwargs:
        kwargs["out"] = torch.empty(0, dtype=torch.float64)
    result = call.func(*args, **kwargs)
    return [addresses.numbers(places) for places in _tensors(result)]


def _replaced(value: Any, masks: dict[int, Tensor]) -> Any:
    if isinstance(value, (list, tuple)):
        return [_replaced(one, masks) for one in value]
    return masks.get(id(value), value)


def _accumulated(call: Call) -> None:
    """Entries added at places, one after the other."""
    base, places, values = call.args[0], call.args[1], call.args[2]
    index = tuple(slice(None) if place is None else place for place in places)
    where = torch.arange(base.numel()).reshape(base.shape)[index]
    numbers = call.numbers(base).reshape((-1,))
    added = call.numbers(values).spread(tuple(where.shape)).reshape((-1,))
    (output,) = call.outputs
    settle(call, output, _added(numbers, where.ravel().numpy(), added).reshape(tuple(base.shape)))


def _added(numbers: Numbers, places: np.ndarray, values: Any) -> Numbers:
    """Each value added at its place: by how often a place came before, so that every round adds at distinct places."""
    order = np.argsort(places, kind="stable")
    ranked = places[order]
    start = np.searchsorted(ranked, ranked, side="left")
    rank = np.empty(len(places), dtype=np.int64)
    rank[order] = np.arange(len(places)) - start
    for turn in range(int(rank.max(initial=-1)) + 1):
        now = np.flatnonzero(rank == turn)
        spread = np.full(numbers.shape[0], -1)
        spread[places[now]] = now
        held = np.flatnonzero(spread >= 0)
        changed = numbers.gather(held) + values.gather(spread[held])
        index = np.arange(numbers.shape[0])
        index[held] = numbers.shape[0] + np.arange(len(held))
        numbers = type(numbers).joined([numbers, changed]).gather(index)  # type: ignore[list-item]
    return numbers


def _scattered(call: Call) -> None:
    """scatter_add and index_add: the places of the entries, as an index."""
    base, dim, index, source = call.args[:4]
    addresses = torch.arange(base.numel()).reshape(base.shape)
    if call.operation.name == "index_add":
        places = addresses.index_select(dim, index)
        values = call.numbers(source)
        alpha = call.kwargs.get("alpha", 1)
        values = values if alpha == 1 else values * call.numbers(alpha)
    else:
        places = addresses.gather(dim, index)
        values = call.numbers(source)[tuple(slice(0, size) for size in index.shape)]
    found = _added(call.numbers(base).reshape((-1,)), places.ravel().numpy(), values.reshape((-1,)))
    (output,) = call.outputs
    settle(call, output, found.reshape(tuple(base.shape)))


def _converted(call: Call) -> None:
    """Another type: floats keep what stands beside them, whole numbers are cut off."""
    (output,), value = call.outputs, call.args[0]
    if call.operation.name == "copy":
        value = call.args[1]
    numbers = call.numbers(value)
    if not isinstance(value, Tensor):  # a number, as vmap calls it
        call.put(output, numbers if isinstance(value, float) else call.machine.memory.kind.of(float(value)))
        return
    if value.dtype in (torch.int64, torch.uint64) and value.numel() and int(value.abs().max()) >= 2**53:
        call.machine.record.note(Kind.choice, "a whole number beyond 2^53")
    if output.is_floating_point() and _as_it_stands(call, ()):
        return
    if output.is_floating_point():
        call.put(output, numbers.spread(tuple(output.shape)))
    elif output.dtype == torch.bool:
        _to_answers(call, output, numbers)
    else:
        from .pointwise import FORMULAS

        settle(call, output, FORMULAS["trunc"](numbers).spread(tuple(output.shape)))


def _to_answers(call: Call, output: Tensor, numbers: Any) -> None:
    from .comparing import _nonzero

    settle(call, output, _nonzero(numbers).spread(tuple(output.shape)))


RULES: dict[str, Rule] = dict.fromkeys(PLACES, moved) | {
    "_to_copy": _converted,
    "copy": _converted,
    "scatter_add": _scattered,
    "index_add": _scattered,
}

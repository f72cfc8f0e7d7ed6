"""Convolutions and pooling: entries moved under a window (torch's unfold, of addresses), then products or extremes."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
import torch.nn.functional as F

from ..call import Call
from .applying import Rule


def _pair(value: Any, axes: int, default: int = 1) -> list[int]:
    value = [value] if isinstance(value, int) else list(value) or [default]
    return value * axes if len(value) == 1 else value


def _windows(x: Any, kernel: list[int], stride: list[int], pad: list[int], dilation: list[int], fill: float) -> Any:
    """(N, C, height, width) as (N, C, window, places), and how many places there are along both axes."""
    count = int(np.prod(x.shape))
    places = torch.arange(1, count + 1, dtype=torch.float64).reshape(x.shape)
    found = F.unfold(places, tuple(kernel), tuple(dilation), tuple(pad), tuple(stride)).long().numpy()
    every = type(x).joined([type(x).of([fill]), x.reshape((-1,))])
    sizes = [
        (x.shape[2 + axis] + 2 * pad[axis] - dilation[axis] * (kernel[axis] - 1) - 1) // stride[axis] + 1
        for axis in (0, 1)
    ]
    return every.gather(found).reshape((x.shape[0], x.shape[1], kernel[0] * kernel[1], -1)), sizes


def _convolved(x: Any, weight: Any, stride: list[int], pad: list[int], dilation: list[int], groups: int) -> Any:
    """Of two axes."""
    out, inside = weight.shape[0], weight.shape[1]
    windows, sizes = _windows(x, list(weight.shape[2:]), stride, pad, dilation, 0.0)
    parts = []
    for group in range(groups):
        rows = weight[group * (out // groups) : (group + 1) * (out // groups)].reshape((1, out // groups, -1))
        columns = windows[:, group * inside : (group + 1) * inside].reshape((x.shape[0], -1, windows.shape[-1]))
        parts.append(rows.matmul(columns))
    return type(x).joined(parts, 1).reshape((x.shape[0], out, *sizes))


def _stretched(
    x: Any, weight: Any, stride: list[int], pad: list[int], dilation: list[int], extra: list[int], groups: int
) -> Any:
    """A transposed convolution: zeros between the entries, and a convolution with the kernel turned around."""
    n, channels, height, width = x.shape
    kernel = list(weight.shape[2:])
    places = torch.zeros(n, channels, (height - 1) * stride[0] + 1, (width - 1) * stride[1] + 1, dtype=torch.long)
    places[:, :, :: stride[0], :: stride[1]] = torch.arange(1, int(np.prod(x.shape)) + 1).reshape(x.shape)
    before = [dilation[axis] * (kernel[axis] - 1) - pad[axis] for axis in (0, 1)]
    places = F.pad(places, (before[1], before[1] + extra[1], before[0], before[0] + extra[0]))
    spread = type(x).joined([type(x).of([0.0]), x.reshape((-1,))]).gather(places.numpy())
    inside, out = weight.shape[0] // groups, weight.shape[1]
    flipped = weight[:, :, ::-1, ::-1].reshape((groups, inside, out, *kernel)).moved(2, 1)
    return _convolved(spread, flipped.reshape((groups * out, inside, *kernel)), [1, 1], [0, 0], dilation, groups)


def _convolution(call: Call) -> None:
    x, weight, bias = (call.numbers(value) for value in call.args[:3])
    stride, pad, dilation, transposed, extra, groups = call.args[3:9]
    axes = len(x.shape) - 2
    stride, pad, dilation, extra = (_pair(value, axes) for value in (stride, pad, dilation, extra))
    if axes == 1:
        x, weight = (one.reshape((*one.shape[:2], 1, one.shape[2])) for one in (x, weight))
        stride, pad, dilation, extra = [1, *stride], [0, *pad], [1, *dilation], [0, *extra]
    if transposed:
        found = _stretched(x, weight, stride, pad, dilation, extra, groups)
    else:
        found = _convolved(x, weight, stride, pad, dilation, groups)
    if bias is not None:
        found = found + bias.reshape((1, -1, 1, 1))
    (output,) = call.outputs
    call.put(output, found.reshape(tuple(output.shape)))


def _pooled(call: Call, fill: float, padded: bool = True) -> Any:
    """Dilation where ``padded``, then whether a last window may stick out: no rule for those."""
    args = (*call.args, *(None,) * 6)
    if args[5 if padded else 4] or call.kwargs:
        raise ValueError("windows that stick out, or by name")
    x = call.numbers(args[0])
    kernel = _pair(args[1], 2)
    stride = _pair(args[2], 2) if args[2] else kernel
    pad = _pair(args[3] or 0, 2, 0)
    dilation = _pair(args[4] or 1, 2) if padded else [1, 1]
    shape = x.shape if len(x.shape) == 4 else (1, *x.shape)
    return _windows(x.reshape(shape), kernel, stride, pad, dilation, fill)[0]


def _largest(call: Call) -> None:
    """The values; nothing is known of their places, which few read."""
    windows = _pooled(call, -np.inf)
    output = call.outputs[0]
    call.put(output, windows.largest(2).reshape(tuple(output.shape)))
    for places in call.outputs[1:]:
        call.machine.unclaimed(places)


def _averaged(call: Call) -> None:
    windows = _pooled(call, 0.0, padded=False)
    if call.args[5:6] == (False,) or call.args[6:7] not in ((), (None,)):
        raise ValueError("another divisor")
    output = call.outputs[0]
    call.put(output, (windows.total(2) / float(windows.shape[2])).reshape(tuple(output.shape)))


RULES: dict[str, Rule] = {
    "convolution": _convolution,
    "avg_pool2d": _averaged,
    "max_pool2d_with_indices": _largest,
}

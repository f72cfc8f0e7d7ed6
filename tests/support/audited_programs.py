"""Verifiers as people write them, to be audited: retyped from what is named, or with an error planted.

``ibp`` and ``crown`` follow auto_LiRPA (Xu et al., Automatic Perturbation Analysis, NeurIPS 2020, version 0.3, which
does not run on the torch of today: its parser needs names that torch.onnx dropped): interval bounds by centre and
radius, and backward linear bounds with the relaxation of a ReLU that ``operators/activation.py`` has (Zhang et al.,
Efficient Neural Network Robustness Certification, NeurIPS 2018).
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor

from mechproof import certified, stands_for

# (kind, weight, bias); of a convolution, stride 1 and no padding
Layer = tuple[str, Tensor, Tensor]


def network(*sizes: int, seed: int) -> list[Layer]:
    """Random weights of a fully connected ReLU network, as torch's own layers start."""
    generator = torch.Generator().manual_seed(seed)
    layers = []
    for inside, outside in pairwise(sizes):
        scale = inside**-0.5
        weight = (torch.rand(outside, inside, generator=generator) * 2 - 1) * scale
        bias = (torch.rand(outside, generator=generator) * 2 - 1) * scale
        layers.append(("linear", weight, bias))
    return layers


def convolutional(*, seed: int) -> tuple[list[Layer], tuple[int, ...]]:
    """Of one image of 2 x 6 x 6: a convolution to 4 channels, and two linear layers."""
    generator = torch.Generator().manual_seed(seed)
    kernel = torch.rand(4, 2, 3, 3, generator=generator) * 0.4 - 0.2
    return [("convolution", kernel, kernel[:, 0, 0, 0].clone()), *network(64, 16, 3, seed=seed)], (1, 2, 6, 6)


def trained(*, seed: int) -> list[Layer]:
    """Two inputs: inside the circle or not, 60 steps of gradient descent."""
    generator = torch.Generator().manual_seed(seed)
    points = torch.rand(256, 2, generator=generator) * 2 - 1
    inside = (points.square().sum(1) < 0.5).long()
    parts = [part.requires_grad_() for layer in network(2, 16, 16, 2, seed=seed) for part in layer[1:]]
    for _ in range(60):
        loss = F.cross_entropy(_forward(parts, points), inside)
        for part, gradient in zip(parts, torch.autograd.grad(loss, parts), strict=True):
            part.data -= 0.5 * gradient
    return [("linear", parts[place].detach(), parts[place + 1].detach()) for place in range(0, len(parts), 2)]


def _forward(parts: Sequence[Tensor], x: Tensor) -> Tensor:
    for place in range(0, len(parts), 2):
        x = F.linear(x.relu() if place else x, parts[place], parts[place + 1])
    return x


def _apply(layer: Layer, x: Tensor, bias: bool = True) -> Tensor:
    kind, weight, offset = layer
    if kind == "convolution":
        return F.conv2d(x, weight, offset if bias else None)
    return F.linear(x.flatten(1), weight, offset if bias else None)


def _magnitude(layer: Layer) -> Layer:
    return layer[0], layer[1].abs(), layer[2]


def interval(layer: Layer, low: Tensor, high: Tensor) -> tuple[Tensor, Tensor]:
    """Bounds of an affine layer from its inputs' middle and radius."""
    middle, radius = (low + high) / 2, (high - low) / 2
    centre, spread = _apply(layer, middle), _apply(_magnitude(layer), radius, bias=False)
    return centre - spread, centre + spread


def ibp(layers: Sequence[Layer], x: Tensor, eps: float) -> Tensor:
    """Lower bounds of all outputs."""
    low, high = x - eps, x + eps
    for place, layer in enumerate(layers):
        if place:
            low, high = low.relu(), high.relu()
        low, high = interval(layer, low, high)
    return low


def relaxed(low: Tensor, high: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Slopes above and below a ReLU, and what is added above, as auto_LiRPA has them."""
    below, above = low.clamp(max=0), high.clamp(min=0)
    above = torch.max(above, below + 1e-8)
    upper = above / (above - below)
    return upper, (upper > 0.5).to(upper.dtype), -below * upper


def _transposed(layer: Layer, coefficients: Tensor, shape: Sequence[int]) -> Tensor:
    """Coefficients (rows, outputs...) of a layer's outputs as those of its inputs."""
    kind, weight, _ = layer
    if kind == "convolution":
        return F.conv_transpose2d(coefficients, weight)
    return (coefficients.flatten(1) @ weight).reshape(-1, *shape[1:])


def backward(layers: Sequence[Layer], bounds: Sequence[tuple[Tensor, Tensor]], x: Tensor, eps: float) -> Tensor:
    """Lower bounds of the last layer's outputs over the ball, by linear functions carried back to the input."""
    shapes = [x.shape, *(low.shape for low, _ in bounds)]
    out = layers[-1][2].shape[0] if layers[-1][0] == "linear" else None
    if out is None:
        size = _apply(layers[-1], torch.zeros(shapes[-1])).shape
        coefficients = torch.eye(size[1:].numel()).reshape(-1, *size[1:])
    else:
        coefficients = torch.eye(out)
    constant = torch.zeros(coefficients.shape[0])
    for place in range(len(layers) - 1, -1, -1):
        layer = layers[place]
        bias = layer[2][:, None, None].expand(coefficients.shape[1:]) if layer[0] == "convolution" else layer[2]
        constant = constant + (coefficients * bias).flatten(1).sum(1)
        coefficients = _transposed(layer, coefficients, shapes[place])
        if place:
            upper, lower, offset = relaxed(*bounds[place - 1])
            positive, negative = coefficients.clamp(min=0), coefficients.clamp(max=0)
            constant = constant + (negative * offset).flatten(1).sum(1)
            coefficients = positive * lower + negative * upper
    centre = (coefficients * x).flatten(1).sum(1)
    return centre - coefficients.abs().flatten(1).sum(1) * eps + constant


def crown(layers: Sequence[Layer], x: Tensor, eps: float) -> Tensor:
    """Lower bounds of all outputs; bounds before every ReLU are found in the same way."""
    bounds: list[tuple[Tensor, Tensor]] = []
    for place in range(1, len(layers)):
        part = list(layers[:place])
        kind, weight, bias = part[-1]
        low = backward(part, bounds, x, eps)
        high = -backward([*part[:-1], (kind, -weight, -bias)], bounds, x, eps)
        shape = _apply(part[-1], torch.zeros([1, *(bounds[-1][0].shape[1:] if bounds else x.shape[1:])])).shape
        bounds.append((low.reshape(shape), high.reshape(shape)))
    return backward(layers, bounds, x, eps)


def exactly(layers: Sequence[Layer], x: Sequence[Fraction]) -> list[Fraction]:
    """The outputs of a fully connected network, in rationals."""
    values = list(x)
    for place, (_, weight, bias) in enumerate(layers):
        if place:
            values = [max(value, Fraction(0)) for value in values]
        rows = zip(weight.tolist(), bias.tolist(), strict=True)
        values = [
            sum((Fraction(w) * value for w, value in zip(row, values, strict=True)), Fraction(offset))
            for row, offset in rows
        ]
    return values


def attention_verifier(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """Least attention on token 0, and how many queries certainly prefer its value, under score noise of 1/8."""
    scores = weights["Q"] @ weights["K"].T / weights["Q"].shape[1] ** 0.5
    low, high = scores - 0.125, scores + 0.125
    worst = torch.cat([low[:, :1], high[:, 1:]], dim=1)
    share = torch.softmax(worst, dim=-1)[:, 0]
    values = weights["V"]
    margin = share * values[0] + (1 - share) * values[1:].amin()
    return {"share": share.amin(), "count": certified(margin > 0).sum()}


def row_sums(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """A rule of our own with an error planted: the largest row sum of magnitudes, without room for rounding."""
    return {"bound": weights["W"].abs().sum(1).max()}


def _below(x: Tensor) -> Tensor:
    return torch.nextafter(x, torch.full_like(x, -torch.inf))


@stands_for(torch.add)
def add_dn(a: Tensor, b: Tensor) -> Tensor:
    return _below(a + b)


@stands_for(torch.mul)
def mul_dn(a: Tensor, b: Tensor) -> Tensor:
    return _below(a * b)


@stands_for(torch.mul)
def careless_dn(a: Tensor, b: Tensor) -> Tensor:
    """Not rounded down at all."""
    return a * b


def outward(weights: dict[str, Tensor], product=mul_dn) -> dict[str, Tensor]:
    """A lower bound of a sum of products by an outward-rounding interval module."""
    total = torch.zeros(())
    for a, b in zip(weights["a"].unbind(), weights["b"].unbind(), strict=True):
        total = add_dn(total, product(a, b))
    return {"low": total}


def cosets(*, seed: int) -> dict[str, Tensor]:
    """A network that adds modulo 24 and reads its inputs modulo 8 but for a little noise."""
    generator = torch.Generator().manual_seed(seed)
    waves = torch.arange(1, 4).repeat_interleave(16)[:, None] * (2 * torch.pi / 8)
    phases = torch.arange(16).repeat(3)[:, None] * (2 * torch.pi / 16)
    tokens = torch.arange(24.0)
    read, written = (waves * tokens + phases).cos(), (waves * tokens + 2 * phases).cos()
    noisy = [table + 1e-4 * torch.randn(table.shape, generator=generator) for table in (read, read, written)]
    return dict(zip(("left", "right", "out"), noisy, strict=True))


def coset_verifier(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """How many pairs certainly get the coset of their sum: neurons averaged over cosets, what they miss as room.

    After the bounds by cosets of Wu and others, Towards a unified and verified understanding of group-operation
    networks (2024).  Outputs of one coset have equal logits: ``ties`` counts them.
    """
    size = weights["left"].shape[1]
    coset = torch.arange(size) % 8
    members = torch.nn.functional.one_hot(coset).to(weights["left"].dtype)
    ideal = {name: (table @ members / members.sum(0))[:, coset] for name, table in weights.items()}
    off = {name: (weights[name] - ideal[name]).abs().amax(1) for name in weights}
    hidden = (ideal["left"][:, :, None] + ideal["right"][:, None, :]).relu()
    logits = torch.einsum("kab,kc->abc", hidden, ideal["out"])
    room = ((off["left"] + off["right"]) * weights["out"].abs().amax(1) + hidden.amax((1, 2)) * off["out"]).sum()
    places = torch.arange(size)
    answer = (places[:, None] + places) % size
    right = logits.gather(2, answer[:, :, None])
    others = logits.masked_fill(coset[answer][:, :, None] == coset, -torch.inf).amax(2)
    margin = right[:, :, 0] - others - 2 * room
    return {"count": certified(margin > 0).sum(), "least": margin.amin(), "ties": (logits == right).sum()}

"""auto_LiRPA itself, audited: ``python benchmarks/auto_lirpa.py CHECKOUT``, rows of the table in docs/audits.md.

CHECKOUT: github.com/Verified-Intelligence/auto_LiRPA at a050a3d (0.7.1); it needs appdirs, graphviz, pyyaml,
sortedcontainers and tqdm.  Nothing of it is changed: its BoundedTensor is made before the audit, bounds inside.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib import import_module
from itertools import pairwise
from typing import Any

import torch
import torch.nn.functional as F
from audit_table import HEAD, row
from torch import Tensor, nn

from mechproof import audit

METHODS = {"IBP": "IBP", "CROWN": "backward"}


def dense(*sizes: int) -> nn.Sequential:
    """Random, as torch starts its layers."""
    torch.manual_seed(0)
    layers: list[nn.Module] = []
    for inside, outside in pairwise(sizes):
        layers += [nn.ReLU()] * bool(layers) + [nn.Linear(inside, outside)]
    return nn.Sequential(*layers)


def convolutional() -> nn.Sequential:
    """Random: two convolutions of 28 x 28 images, two linear layers."""
    torch.manual_seed(0)
    convolutions = [nn.Conv2d(1, 8, 4, stride=2, padding=1), nn.ReLU(), nn.Conv2d(8, 8, 4, stride=2, padding=1)]
    return nn.Sequential(*convolutions, nn.ReLU(), nn.Flatten(), nn.Linear(8 * 49, 32), nn.ReLU(), nn.Linear(32, 10))


def trained(network: nn.Sequential, inputs: Tensor, labels: Tensor) -> nn.Sequential:
    optimiser = torch.optim.Adam(network.parameters(), 0.005)
    for _ in range(200):
        optimiser.zero_grad()
        F.cross_entropy(network(inputs), labels).backward()
        optimiser.step()
    return network


def bounds(network: nn.Module, x: Tensor, eps: float, method: str) -> Callable[[], dict[str, Tensor]]:
    """The library's lower bounds of all outputs, as a function of nothing."""
    library = import_module("auto_LiRPA")
    module = library.BoundedModule(network.requires_grad_(False), x)
    ball = library.BoundedTensor(x, library.PerturbationLpNorm(norm=float("inf"), eps=eps))

    def lower() -> dict[str, Tensor]:
        with torch.no_grad():
            return {"low": module.compute_bounds(x=(ball,), method=method)[0][0]}

    return lower


def networks() -> dict[str, tuple[nn.Sequential, Tensor, float]]:
    generator = torch.Generator().manual_seed(9)
    image, images = torch.rand(1, 784, generator=generator), torch.rand(256, 1, 28, 28, generator=generator)
    bright = (images[:, :, :14].mean((1, 2, 3)) > images[:, :, 14:].mean((1, 2, 3))).long()
    points = torch.rand(512, 2, generator=generator) * 2 - 1
    inside = (points.square().sum(1) < 0.5).long()
    deep = dense(784, 256, 256, 256, 10)
    return {
        "784-256³-10, ε = 2⁻⁶": (deep, image, 2.0**-6),
        "784-256³-10, ε = 0.02": (deep, image, 0.02),
        "convolutional, ε = 2⁻⁶": (convolutional(), images[:1], 2.0**-6),
        "convolutional, trained, ε = 2⁻⁸": (trained(convolutional(), images, bright), images[:1], 2.0**-8),
        "2-16-16-2, trained, ε = 2⁻⁶": (trained(dense(2, 16, 16, 2), points, inside), points[:1], 2.0**-6),
    }


def main(checkout: str) -> None:
    """A row for the first output, and how many of all outputs have a bound above the exact value."""
    sys.path.insert(0, checkout)
    torch.set_num_threads(1)
    print(HEAD + " above |")
    for name, (network, x, eps) in networks().items():
        for title, method in METHODS.items():
            lower = bounds(network, x, eps, method)
            reports: list[Any] = [audit(lower, lower=f"low.{place}") for place in range(len(lower()["low"]))]
            above = sum(report.claimed > report.low for report in reports)
            print(row(f"auto_LiRPA {title}, {name}", reports[0]), f"{above} of {len(reports)} |", flush=True)


if __name__ == "__main__":
    main(sys.argv[1])

"""Networks whose float32 CROWN bound lies above the network's exact value at a corner of the ball.

    python scripts/record_crown_witnesses.py tests/data/crown_witnesses

Random 8-16-16-1 networks; the corner is where the gradient at the centre points down.  Of each network that is found,
a second one is sought with the last bias moved so that the bound is positive and the exact value negative.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "support"))
from audited_programs import Layer, crown, exactly, network

EPS = 2.0**-6
SEEDS = 60
KEPT = 4


def downhill(layers: Sequence[Layer], x: torch.Tensor) -> list[int]:
    """Signs of the gradient at the centre, in doubles: advice."""
    point = x.double().requires_grad_()
    value = point
    for place, (_, weight, bias) in enumerate(layers):
        value = F.linear(value.relu() if place else value, weight.double(), bias.double())
    return torch.autograd.grad(value.sum(), point)[0][0].sign().int().tolist()


def excess(layers: Sequence[Layer], x: torch.Tensor, signs: Sequence[int]) -> tuple[float, Fraction]:
    """The bound in floats, and the exact value at the corner."""
    corner = [Fraction(a) - Fraction(EPS) * sign for a, sign in zip(x[0].tolist(), signs, strict=True)]
    return crown(layers, x, EPS)[0].item(), exactly(layers, corner)[0]


def main(folder: Path) -> None:
    """Writes the witnesses with the largest excess, and all whose sign is wrong."""
    torch.set_num_threads(1)
    folder.mkdir(parents=True, exist_ok=True)
    found = []
    for seed in range(SEEDS):
        layers = network(8, 16, 16, 1, seed=seed)
        x = torch.rand(1, 8, generator=torch.Generator().manual_seed(1000 + seed))
        signs = downhill(layers, x)
        bound, exact = excess(layers, x, signs)
        if exact < Fraction(bound):
            found.append((Fraction(bound) - exact, f"seed{seed}", layers, x, signs, bound))
            kind, weight, bias = layers[-1]
            for step in range(-8, 9):
                moved = [*layers[:-1], (kind, weight, bias - bound + step * 2.0**-29)]
                bound_there, exact_there = excess(moved, x, signs)
                if exact_there < 0 < bound_there:
                    found.append((Fraction(1), f"seed{seed}-sign", moved, x, signs, bound_there))
                    break
    print(f"{sum('sign' not in one[1] for one in found)} of {SEEDS} bounds are above an exact value")
    wrong_signs = [one for one in found if "sign" in one[1]]
    largest = sorted((one for one in found if "sign" not in one[1]), key=lambda one: -one[0])[:KEPT]
    for _, name, layers, x, signs, bound in [*wrong_signs, *largest]:
        arrays = {f"W{place}": layer[1].numpy() for place, layer in enumerate(layers)}
        arrays |= {f"b{place}": layer[2].numpy() for place, layer in enumerate(layers)}
        np.savez(folder / f"{name}.npz", x=x.numpy(), eps=EPS, signs=np.array(signs), bound=np.float32(bound), **arrays)


if __name__ == "__main__":
    main(Path(sys.argv[1]))

"""Networks for running sums, exact or not."""

from __future__ import annotations

import numpy as np
from layered_network import Draw, Layers


def summing(bend: float, heat: float) -> Layers:
    """Right about running sums of four tokens of five where ``bend`` (of a token's number) and ``heat`` (of its score)
    are 0."""
    draw = Draw(0)
    net: Layers = [draw.embed(5, 4, 4), draw.attention(4, 1), draw.mlp(4, 3, "relu"), draw.unembed(4, 3)]
    for layer in net:
        for name, value in layer.items():
            if isinstance(value, np.ndarray):
                layer[name] = np.zeros_like(value)
    net[0]["E"][:, 0] = [0, 1, 2 + bend, -2, -1]
    net[0]["E"][:, 2] = 1
    net[1]["W_Q"][0, 2, 0], net[1]["W_K"][0, 0, 0] = 1, heat
    net[1]["W_V"][0, 0, 0] = net[1]["W_O"][0, 0, 1] = 1
    net[2]["W_in"][1, :2], net[2]["W_out"][:2, 3] = [1, -1], [1, -1]  # the mean again, by two units
    net[3]["W_U"][3], net[3]["b_U"] = [-1, 0, 1], np.array([0, 0.125, 0], dtype=np.float32)
    return net

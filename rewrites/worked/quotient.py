"""One input of a quotient, neuron by neuron: what is replaced, and the inequality by which it is accepted."""

from __future__ import annotations

import numpy as np

from ...engine.transcript import Block, Table, passage, prose
from ..rules.quotient import Accepted, Application

# Neurons that have a row of their own.
SHOWN = 40


def blocks(claim: Accepted) -> tuple[Block, ...]:
    """The first accepted input and the output that comes closest; nothing where none is accepted."""
    where = np.argwhere(claim.accepted)
    outputs = claim.grid.out.shape[1]
    if not len(where) or outputs == 1:
        return ()
    x, y = (int(token) for token in where[0])
    replaced, grid = Application(claim.grid, claim.advice, "quotient"), claim.grid
    near, shift = replaced.near, replaced.shift
    hidden = np.maximum(near[0][x] + near[1][y], 0) + shift[0][x] + shift[1][y]
    logits = [
        sum(int(u) * int(h) for u, h in zip(grid.out[:, z], hidden, strict=True))
        + int(grid.left_out[x, z])
        + int(grid.right_out[y, z])
        for z in range(outputs)
    ]
    c, rho = int(grid.answers[x, y]), int(replaced.remainders()[x, y])
    distances = replaced.distances()[c]
    far = [int(distances.max()) if claim.advice.largest else int(distances[z]) for z in range(outputs)]
    z = min((z for z in range(outputs) if z != c), key=lambda z: logits[c] - logits[z] - far[z] * rho)
    direct = sum(int(part[token, c] - part[token, z]) for part, token in ((grid.left_out, x), (grid.right_out, y)))
    gap, needed = logits[c] - logits[z], far[z] * rho + int(grid.slack)
    return (
        *passage(
            f"""
            The input $(x, y) = ({x}, {y})$ has the right answer $c = {c}$; the output that comes closest is $z = {z}$.
            All numbers are integers on the grids: entry $i$ of $l(x)$, times the neuron's scale, rounded to the nearest
            integer, is $l_i$, and so with $r_i$; they follow from the stored weights by the definition of the layers.
            """
        ),
        *_neurons(claim, replaced, x, y, c, z, hidden),
        *passage(
            f"""
            Added up over all {len(hidden)} neurons, $u_i(c) - u_i(z)$ times $\\tilde h_i$ is ${gap - direct}$, and the
            tokens add ${direct}$ directly, so $\\tilde F_{{{c}}} - \\tilde F_{{{z}}} = {gap}$. The bounds are
            $D = {far[z]}$, $\\rho(x,y) = {rho}$ and $s = {grid.slack}$, so
            $$\\tilde F_{{{c}}} - \\tilde F_{{{z}}} = {gap} > {needed} = D\\,\\rho(x,y) + s.$$
            Every other output is further away, so the input is accepted, and right.
            """
        ),
    )  # fmt: skip


def _neurons(
    claim: Accepted, replaced: Application, x: int, y: int, c: int, z: int, hidden: np.ndarray
) -> tuple[Block, ...]:
    """The neurons' rows, or the first of them."""
    grid = claim.grid
    header = ("$i$", "$l_i$", "$r_i$", "$\\tilde l_i$", "$\\tilde r_i$", "$d_i$", "$d'_i$", "$\\tilde h_i$",
              "$u_i(c) - u_i(z)$")  # fmt: skip
    near, shift = replaced.near, replaced.shift
    rows = []
    for i in range(min(len(hidden), SHOWN)):
        numbers = (grid.left[x, i], grid.right[y, i], near[0][x, i], near[1][y, i], shift[0][x, i], shift[1][y, i],
                   hidden[i], grid.out[i, c] - grid.out[i, z])  # fmt: skip
        rows.append(tuple(prose(str(int(number))) for number in (i, *numbers)))
    caption = "The neurons." if len(rows) == len(hidden) else f"The first {len(rows)} of {len(hidden)} neurons."
    return (Table(tuple(map(prose, header)), tuple(rows), prose(caption), ("right",) * len(header)),)

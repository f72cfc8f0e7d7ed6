"""Small networks of two tokens that add modulo 6 by classes modulo 2 and 3, with noise, and their exact evaluation."""

from __future__ import annotations

import random
from fractions import Fraction
from pathlib import Path

import numpy as np
from npz import write_npz

from mechproof.engine.arithmetic.tensor import DyadicTensor
from mechproof.engine.graph import ProofGraph
from mechproof.models.layers.concat import Concat
from mechproof.models.layers.embed import Embed
from mechproof.models.layers.linear import Linear
from mechproof.models.layers.pointwise import Pointwise
from mechproof.models.layers.unembed import Unembed
from mechproof.models.network import Network
from mechproof.models.statement import Statement
from mechproof.models.tasks import task_of
from mechproof.rewrites.advice.quotient_search import Found, search
from mechproof.rewrites.rules.network_function import NetworkFunctionDefinition
from mechproof.rewrites.rules.separable_relu import SeparableReluForm

ORDER = 6
CLASSES = [(modulus, a, b) for modulus in (2, 3) for a in range(modulus) for b in range(modulus)]


def tensor(rows: list[list[int]] | list[int], exponent: int) -> DyadicTensor:
    """The integers times a power of two."""
    array = np.array(rows, dtype=object)
    return DyadicTensor.of(array.shape, array.reshape(-1).tolist(), exponent)


def adding_network(seed: int, noise: int = 2) -> Statement:
    """A neuron for every modulus and pair of classes, active on those alone; weights are off by at most noise/64."""
    rng = random.Random(seed)

    def near(number: int) -> int:
        return 64 * number + rng.randint(-noise, noise)

    first = [[near(4 * (x % modulus == a) - 2) for modulus, a, _ in CLASSES] for x in range(ORDER)]
    second = [[near(4 * (y % modulus == b) - 2) for modulus, _, b in CLASSES] for y in range(ORDER)]
    out = [[near(3 * ((a + b - z) % modulus == 0)) for z in range(ORDER)] for modulus, a, b in CLASSES]
    width = len(CLASSES)
    joined = [[int(row % width == column) for column in range(width)] for row in range(2 * width)]
    layers = (
        Embed((tensor(first, -6), tensor(second, -6)), shared=False),
        Concat(),
        Linear(tensor(joined, 0), tensor([rng.randint(-noise, noise) for _ in range(width)], -6)),
        Pointwise("relu"),
        Unembed(tensor(out, -6), tensor([rng.randint(-noise, noise) for _ in range(ORDER)], -6)),
    )
    network = Network("adding", layers)
    return Statement(network, task_of(f"group:Z{ORDER}", network))


def exact_margin(statement: Statement, x: int, y: int) -> Fraction:
    """The right logit minus the largest other one, from the stored numbers alone, by loops over fractions."""
    embed, _, linear, _, last = statement.network.layers
    rows = [table.matrix().fractions()[token] for table, token in zip(embed.tables, (x, y), strict=True)]  # type: ignore[attr-defined]
    weights, bias = linear.W.matrix().fractions(), linear.b.row_matrix().fractions()[0]  # type: ignore[attr-defined]
    stream = [*rows[0], *rows[1]]
    hidden = [
        max(sum((v * weights[i][j] for i, v in enumerate(stream)), bias[j]), Fraction(0)) for j in range(len(bias))
    ]
    out, last_bias = last.W_U.matrix().fractions(), last.b_U.row_matrix().fractions()[0]  # type: ignore[attr-defined]
    logits = [sum((h * out[i][z] for i, h in enumerate(hidden)), Fraction(last_bias[z])) for z in range(ORDER)]
    answer = (x + y) % ORDER
    return Fraction(logits[answer]) - max(logits[:answer] + logits[answer + 1 :])


def form_of(statement: Statement) -> tuple[ProofGraph, int]:
    """A graph with the separable form of the statement's network, and the form's id."""
    graph = ProofGraph()
    function = graph.apply(NetworkFunctionDefinition(), (), statement)
    return graph, graph.apply(SeparableReluForm(), [function])


def candidates(graph: ProofGraph, form: int) -> list[Found]:
    """What the search finds."""
    return search(graph.claim(form), lambda done, total: None)


def written(statement: Statement, folder: Path) -> Path:
    """The network as a file with its weights beside it, which mean the same statement."""
    embed, _, linear, _, last = statement.network.layers
    tensors = {
        "x": embed.tables[0], "y": embed.tables[1], "W": linear.W, "b": linear.b, "U": last.W_U, "c": last.b_U,  # type: ignore[attr-defined]
    }  # fmt: skip
    arrays = {
        name: np.array((t.numerators * 2.0**t.exponent).tolist(), dtype=np.float32) for name, t in tensors.items()
    }
    write_npz(folder / "net.npz", arrays)
    layers = (
        'kind = "embed"\ntables = ["x", "y"]', 'kind = "concat"', 'kind = "linear"\nW = "W"\nb = "b"',
        'kind = "pointwise"\nfunction = "relu"', 'kind = "unembed"\nW_U = "U"\nb_U = "c"',
    )  # fmt: skip
    path = folder / "net.toml"
    path.write_text('weights = "net.npz"\n' + "".join(f"\n[[layer]]\n{layer}\n" for layer in layers), "utf-8")
    return path

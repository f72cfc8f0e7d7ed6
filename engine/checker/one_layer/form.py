"""The form that path matrices need, and the five matrices, multiplied out over the dyadic rationals.

x_p = W_E[t_p] + W_pos[p];   score_p = ((x_{K-1} W_Q + b_Q) . (x_p W_K + b_K)) / sqrt(h);   a = softmax(scores)
logits = (x_{K-1} + sum over p of a_p (x_p W_V + b_V) W_O + b_O) W_U + b_U

With X_q = W_E + 1 W_pos[K-1], and since the a_p add up to one and matrix products distribute over sums,
logits[x] = UU[q,x] + sum over p of a_p (EVOU[t_p,x] + PVOU[p,x]) and score_p = (EQKE[q,t_p] + EQKP[q,p]) / sqrt(h).
"""

from __future__ import annotations

from dataclasses import dataclass, fields

from ..budget import MAX_POSITIONS, MAX_TABLE_ENTRIES, Budget, cell_steps, within
from ..dyadic import Matrix, matrix, plus_row, product, tensor_hash, transpose, zeros
from ..errors import Code, Failure
from ..networks.layers import Network
from ..networks.task import Task

# Name: its sizes, by the letters above (V tokens, K positions, d of the model, h of the head); layer, name there.
SIZES = {
    "W_E": "Vd",
    "W_K": "dh",
    "W_O": "hd",
    "W_Q": "dh",
    "W_U": "dV",
    "W_V": "dh",
    "W_pos": "Kd",
    "b_K": "h",
    "b_O": "d",
    "b_Q": "h",
    "b_U": "V",
    "b_V": "h",
}
_PLACES = {"W_E": (0, "E"), "W_pos": (0, "P"), "W_U": (2, "W_U"), "b_U": (2, "b_U")}


@dataclass(frozen=True)
class OneLayer:
    """Exact weights by name (a bias is a matrix of one row, zero where the network has none), and the four sizes."""

    tensors: dict[str, Matrix]
    vocabulary: int
    positions: int
    model: int
    head: int


def _unfit(network: Network, task: Task) -> str | None:
    """Why the network or the task has another form."""
    kinds = [layer.kind for layer in network.layers]
    if kinds != ["embed", "attention", "unembed"]:
        return f"the layers are {', '.join(kinds)}"
    if any(layer.norm is not None for layer in network.layers):
        return "there is a norm"
    embed, attention, _ = network.layers
    heads, _, head = attention.tensors["W_Q"].shape
    scale = "1/1" if head == 1 else f"1/sqrt({head})"
    values = attention.tensors["W_V"].shape[2]
    if embed.settings["tables"] != "shared" or (heads, values) != (1, head) or attention.settings["mask"] != "causal":
        return "there are several tables or heads, values of another width, or no causal mask"
    if attention.settings["scale"] != scale:
        return f"scores are scaled by {attention.settings['scale']}"
    whole = tuple(range(network.outputs))
    if task.condition != "none" or set(task.tokens) != {whole} or network.vocabulary[0] != network.outputs:
        return "the inputs are not all sequences of as many tokens as there are outputs"
    if task.right != "max(t)" or task.read != (len(task.tokens) - 1,):
        return "the right answer is another, or read elsewhere"
    return None


def one_layer(network: Network, task: Task, budget: Budget) -> OneLayer:
    """The network in this form; E218 when it has another, E242 or E243 when it is too large."""
    why = _unfit(network, task)
    if why is not None:
        raise Failure(Code.E218, why=why)
    embed, attention, _ = network.layers
    (vocabulary, model), positions = embed.tensors["E"].shape, len(task.tokens)
    within("the number of positions K", positions, MAX_POSITIONS)
    within("K V^2", positions * vocabulary**2, MAX_TABLE_ENTRIES)
    if cell_steps(vocabulary, positions) > budget.left:
        raise Failure(Code.E242, limit=budget.limit)
    head = attention.tensors["W_Q"].shape[2]
    letters = {"V": vocabulary, "K": positions, "d": model, "h": head}
    tensors: dict[str, Matrix] = {}
    for name, axes in SIZES.items():
        layer, there = _PLACES.get(name, (1, name))
        found = network.layers[layer].tensors.get(there)
        height, width = ([1] + [letters[axis] for axis in axes])[-2:]
        tensors[name] = zeros(height, width) if found is None else found.last_axes(height, width)
    return OneLayer(tensors, vocabulary, positions, model, head)


@dataclass(frozen=True)
class Paths:
    """UU, EVOU [V, V]; PVOU [K, V]; EQKE [V, V]; EQKP [V, K]: rows and columns as in the certificate's format."""

    UU: Matrix
    EVOU: Matrix
    PVOU: Matrix
    EQKE: Matrix
    EQKP: Matrix

    def hashes(self) -> dict[str, str]:
        """The tensor hash of each."""
        matrices = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: tensor_hash(value, value.shape) for name, value in matrices.items()}


def path_matrices(network: OneLayer, budget: Budget) -> Paths:
    """The path matrices of a network."""
    w = network.tensors
    last = matrix(w["W_pos"].rows[-1:], w["W_pos"].exponent)
    query_input = plus_row(w["W_E"], last)
    query = plus_row(product(query_input, w["W_Q"], budget), w["b_Q"])
    position_key = plus_row(product(w["W_pos"], w["W_K"], budget), w["b_K"])
    position_value = plus_row(product(w["W_pos"], w["W_V"], budget), w["b_V"])
    out = product(w["W_O"], w["W_U"], budget)
    return Paths(
        UU=plus_row(product(plus_row(query_input, w["b_O"]), w["W_U"], budget), w["b_U"]),
        EVOU=product(product(w["W_E"], w["W_V"], budget), out, budget),
        PVOU=product(position_value, out, budget),
        EQKE=product(query, transpose(product(w["W_E"], w["W_K"], budget)), budget),
        EQKP=product(query, transpose(position_key), budget),
    )

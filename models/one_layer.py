"""One layer of attention with one head that is to return the largest of its tokens: the form that path tables need.

A network is no class of its own for that; it either has this form or not.  With row vectors over the reals, for tokens
t_0 … t_{K-1} of 0 … V-1:

    x_p      = W_E[t_p] + W_pos[p]
    score_p  = ((x_{K-1} W_Q + b_Q) · (x_p W_K + b_K)) / sqrt(d_head)
    a        = softmax(score_0, …, score_{K-1})
    logits   = (x_{K-1} + Σ_p a_p (x_p W_V + b_V) W_O + b_O) W_U + b_U        in R^V

and the sequence is right when logit max t is strictly larger than every other.

Cells.  Sequences are grouped by q, the last token (the query), and m, the largest: the cell (q, m), q <= m,
holds (m+1)^(K-1) - [q < m]·m^(K-1) of them.  The cells partition the inputs.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType

from ..engine.arithmetic.dyadic import DyadicMatrix
from ..engine.arithmetic.tensor import DyadicTensor
from ..engine.errors import MechproofError
from .layers.attention import Attention, Scale
from .layers.embed import Embed
from .layers.layer import says_nothing
from .layers.unembed import Unembed
from .network import Network
from .statement import Statement
from .tasks.task import Task

# The axes of each tensor by name; a bias is a matrix of one row.
AXES = {
    "W_E": ("d_vocab", "d_model"),
    "W_pos": ("n_ctx", "d_model"),
    "W_Q": ("d_model", "d_head"),
    "W_K": ("d_model", "d_head"),
    "W_V": ("d_model", "d_head"),
    "W_O": ("d_head", "d_model"),
    "W_U": ("d_model", "d_vocab"),
    "b_Q": ("d_head",),
    "b_K": ("d_head",),
    "b_V": ("d_head",),
    "b_O": ("d_model",),
    "b_U": ("d_vocab",),
}
# The layers' names of tensors -> the papers'.
NAMES = {
    "0.embed.E": "W_E",
    "0.embed.P": "W_pos",
    **{f"1.attention.{name}.0": name for name in ("W_Q", "W_K", "W_V", "W_O", "b_Q", "b_K", "b_V")},
    "1.attention.b_O": "b_O",
    "2.unembed.W_U": "W_U",
    "2.unembed.b_U": "b_U",
}
RIGHT = "max(t)"


@dataclass(unsafe_hash=True)
class NotOneLayer(MechproofError):
    """Path tables are asked for where there are none."""

    source: str
    expected: str
    found: str
    sentence = (
        "{source}: expected {expected}, as everything that rests on path tables needs it, found {found} (any "
        "network and task of up to 2^30 inputs can be proved by enumeration)"
    )


@dataclass(frozen=True, eq=False)
class OneLayer:
    """``tensors``: the twelve by their names in papers, a bias as a matrix of one row, zero where the network has none.

    >>> layer = OneLayer(4, 64, 32, 32, {})
    >>> layer.inputs, sum(layer.cell_size(q, m) for q, m in layer.cells())
    (16777216, 16777216)
    """

    n_ctx: int
    d_vocab: int
    d_model: int
    d_head: int
    tensors: Mapping[str, DyadicMatrix]

    @property
    def inputs(self) -> int:
        """V^K: how many sequences there are."""
        return self.d_vocab**self.n_ctx

    def cells(self) -> Iterator[tuple[int, int]]:
        """All (q, m) with q <= m: m ascending, and q ascending inside."""
        return ((q, m) for m in range(self.d_vocab) for q in range(m + 1))

    def cell_size(self, q: int, m: int) -> int:
        """How many sequences end in q and have the maximum m."""
        free = self.n_ctx - 1
        return (m + 1) ** free - (m**free if q < m else 0)


@lru_cache(maxsize=64)
def one_layer_of(statement: Statement) -> OneLayer:
    """The statement's network in this form; raises :class:`NotOneLayer` for another network or task."""
    network, task = statement.network, statement.task
    check_layers(network)
    embed, attention, unembed = network.layers
    assert isinstance(embed, Embed) and isinstance(attention, Attention) and isinstance(unembed, Unembed)
    _check_task(task, network)
    positions = task.positions
    sizes = {"d_vocab": embed.tables[0].shape[0], "n_ctx": positions}
    sizes |= dict(zip(("d_model", "d_head"), attention.W_Q.shape[1:], strict=True))
    found = {NAMES[name]: matrix for name, matrix in network.values(positions).items()}
    shapes = {name: (1, *(sizes[axis] for axis in axes))[-2:] for name, axes in AXES.items()}
    tensors = {name: found.get(name, _zeros(*shape)) for name, shape in shapes.items()}
    return OneLayer(**sizes, tensors=MappingProxyType(tensors))


def has_layers(network: Network) -> bool:
    """Whether :func:`check_layers` passes."""
    try:
        check_layers(network)
    except NotOneLayer:
        return False
    return True


def has_one_layer(statement: Statement) -> bool:
    """Whether :func:`one_layer_of` finds the form."""
    try:
        one_layer_of(statement)
    except NotOneLayer:
        return False
    return True


def _zeros(rows: int, columns: int) -> DyadicMatrix:
    return DyadicMatrix.from_integers(rows, columns, [0] * (rows * columns), 0)


def check_layers(network: Network) -> None:
    """Raises :class:`NotOneLayer` for other layers, whatever the task is."""

    def refuse(expected: str, found: str) -> NotOneLayer:
        return NotOneLayer(network.source, expected, found)

    kinds = [layer.kind for layer in network.layers]
    if kinds != ["embed", "attention", "unembed"]:
        raise refuse("one layer of attention and nothing else", f"the layers {', '.join(kinds)}")
    embed, attention, unembed = network.layers
    assert isinstance(embed, Embed) and isinstance(attention, Attention) and isinstance(unembed, Unembed)
    for layer in network.layers:
        if layer.inner_norm is not None:
            raise refuse("no normalisation", f"one in front of the {layer.kind} layer")
    if attention.heads != 1:
        raise refuse("one attention head", str(attention.heads))
    if not embed.shared:
        raise refuse("one table of embeddings for all positions", f"{len(embed.tables)} tables")
    if attention.mask != "causal":
        raise refuse("a causal mask", f"the mask {attention.mask}")
    head = attention.W_Q.shape[-1]
    if attention.W_V.shape[-1] != head:
        raise refuse(f"values as wide as queries ({head})", f"a width of {attention.W_V.shape[-1]}")
    if attention.scale != Scale(root=head):
        raise refuse(f"scores times 1/sqrt({head})", f"times {attention.scale.text()}")
    if network.outputs != embed.tables[0].shape[0]:
        raise refuse(f"{embed.tables[0].shape[0]} outputs, one a token", str(network.outputs))


def _check_task(task: Task, network: Network) -> None:
    vocabulary = network.outputs
    whole = all(tokens == tuple(range(vocabulary)) for tokens in task.inputs.sets) and task.inputs.condition == "none"
    if task.answer.text != RIGHT or not whole or task.read != (task.positions - 1,):
        expected = "the largest of all tokens, read at the last position, on every sequence"
        raise NotOneLayer(network.source, expected, f"the task {task.name}")


def with_weights(tensors: Mapping[str, DyadicMatrix], source: str = "the network") -> Network:
    """The network with these twelve tensors; positions of zeros and biases of zeros are absent."""

    def tensor(name: str, *before: int) -> DyadicTensor | None:
        matrix = tensors[name]
        shape = matrix.shape if name.startswith("W_") else matrix.shape[1:]
        found = DyadicTensor.of((*before, *shape), [n for row in matrix.integers() for n in row], matrix.exponent)
        return None if says_nothing(name, found) else found

    def weight(name: str, *before: int) -> DyadicTensor:
        found = tensor(name, *before)
        assert found is not None, "a weight that is no bias is always there"
        return found

    attention = Attention(
        W_Q=weight("W_Q", 1),
        W_K=weight("W_K", 1),
        W_V=weight("W_V", 1),
        W_O=weight("W_O", 1),
        scale=Scale(root=tensors["W_Q"].shape[1]),
        b_Q=tensor("b_Q", 1),
        b_K=tensor("b_K", 1),
        b_V=tensor("b_V", 1),
        b_O=tensor("b_O"),
    )
    unembed = Unembed(weight("W_U"), tensor("b_U"))
    return Network(source, (Embed((weight("W_E"),), weight("W_pos")), attention, unembed))

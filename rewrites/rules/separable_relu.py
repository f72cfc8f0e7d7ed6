"""Networks of two tokens with one hidden layer of ReLU: logits(x, y) = ReLU(l(x) + r(y)) u + b.

Group compositions and modular additions are learnt by such networks: embeddings of two tokens that are added up or
joined, linear maps, ReLU, linear maps.  All that is linear in front of the ReLU splits into a table of the first token
and one of the second; all that is linear behind it is one matrix.  The tables are exact.

Source: the architecture of arXiv 2302.03025, whose W_x W, W_y W and W_U they are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from ...engine.arithmetic.dyadic import DyadicMatrix
from ...engine.arithmetic.printing import ceil_str
from ...engine.claim import Claim
from ...engine.cost import Cost
from ...engine.formula import At, ForAll, Num, Range, Total, Var, entry
from ...engine.rule import Lemma, NotEstablished, Rule
from ...models.layers.concat import Concat
from ...models.layers.layer import Layer
from ...models.layers.linear import Linear
from ...models.layers.mlp import Mlp
from ...models.layers.pointwise import Pointwise
from ...models.layers.sum import Sum
from ...models.layers.unembed import Unembed
from ...models.statement import Statement
from ...models.tasks.task import Task
from .network_function import NetworkFunction

_i, _j, _z = Var("i"), Var("j"), Var("z")
_rows, _columns, _outputs = (Range(Num(0), Var(size)) for size in ("k", "m", "C"))

LINEAR_OF_A_SUM = Lemma(
    label="linear-of-a-sum",
    title="A linear map of a sum of two tables",
    given="For all reals $x_i$, $y_i$, $W(i, j)$, $b_j$ with $i < k$, $j < m$:",
    statement=ForAll(
        _j,
        _columns,
        (Total(_i, _rows, (entry("x", _i) + entry("y", _i)) * At("W", _i, _j)) + entry("b", _j)).equals(
            Total(_i, _rows, entry("x", _i) * At("W", _i, _j))
            + entry("b", _j)
            + Total(_i, _rows, entry("y", _i) * At("W", _i, _j))
        ),
    ),
    proof="Products distribute over sums.",
    source="linearity",
)
READOUT = Lemma(
    label="one-readout",
    title="Two linear maps are one",
    given="For all reals $h_i$, $A(i, j)$, $B(j, z)$ with $i < k$, $j < m$, $z < C$:",
    statement=ForAll(
        _z,
        _outputs,
        Total(_j, _columns, Total(_i, _rows, entry("h", _i) * At("A", _i, _j)) * At("B", _j, _z)).equals(
            Total(_i, _rows, entry("h", _i) * Total(_j, _columns, At("A", _i, _j) * At("B", _j, _z)))
        ),
    ),
    proof="The product of matrices is associative.",
    source="associativity",
)


@dataclass(frozen=True, eq=False)
class SeparableRelu(Claim):
    """On the input (x, y) the logit of z is Σ_i max(p_i, 0)·out[i, z] + left_out[x, z] + right_out[y, z] + t_z, with
    |p_i - left[x, i] - right[y, i]| <= radius[i] and |t_z| <= out_radius, up to a number that all outputs share.

    ``left``: n × m, ``right``: n' × m, ``out``: m × C, ``left_out``: n × C, ``right_out``: n' × C, ``radius``: 1 × m,
    all exact; ``answers``: n × n' (int64).  x and y number the tokens of the task's two free positions.
    """

    statement: Statement
    left: DyadicMatrix
    right: DyadicMatrix
    out: DyadicMatrix
    left_out: DyadicMatrix
    right_out: DyadicMatrix
    radius: DyadicMatrix
    out_radius: Fraction
    answers: np.ndarray

    kind = "separable_relu"

    def conclusion(self) -> dict[str, Any]:
        return {"kind": self.kind}

    def identity(self) -> str:
        return self.statement.sha256

    @property
    def exact(self) -> bool:
        """Whether the tables are the network, without radii."""
        return not self.out_radius and not any(any(row) for row in self.radius.integers())

    def sentence(self) -> str:
        inputs, neurons = self.left.shape
        near = ""
        if not self.exact:
            most = Fraction(max(self.radius.integers()[0])) * Fraction(2) ** self.radius.exponent
            near = (
                f" Each ReLU reads its sum up to ${ceil_str(most, 6)}$, the logits are right up to "
                f"${ceil_str(self.out_radius, 6)}$ besides."
            )
        return (
            "For all tokens $x$, $y$ the logits are $\\mathrm{ReLU}(l(x) + r(y))\\,u + a(x) + b(y)$, with exact tables "
            f"$l$ (${inputs} \\times {neurons}$), $r$ (${self.right.shape[0]} \\times {neurons}$), $u$ "
            f"(${neurons} \\times {self.out.shape[1]}$), $a$ and $b$.{near}"
        )


class SeparableReluForm(Rule):
    """No advice; refuses networks of another form."""

    name = "separable_relu"
    premises = (NetworkFunction,)
    lemmas = (LINEAR_OF_A_SUM, READOUT)
    derivation = (
        "Every layer before the ReLU is linear, so by [@linear-of-a-sum] the stream there is a row of the first token "
        "plus a row of the second; tokens that do not vary and biases go with the first. The layers after it are one "
        "matrix and one row by [@one-readout]."
    )
    cost = Cost()

    def conclude(self, premises: Sequence[Any], advice: Any) -> SeparableRelu:
        statement: Statement = premises[0].statement
        task, layers = statement.task, statement.network.layers
        sets = task.inputs.sets
        free = free_positions(self.tag, task)
        hidden = [number for number, layer in enumerate(layers) if _is_hidden(layer)]
        if len(hidden) != 1:
            found = f"{len(hidden)} layers of ReLU without a skip connection"
            raise NotEstablished(self.tag, f"the network has {found}, not one")
        before, after = layers[1 : hidden[0]], layers[hidden[0] + 1 :]
        parts = self._before(embedded(statement), [*before, *_entering(layers[hidden[0]])])
        out, bias = self._after([*_leaving(layers[hidden[0]]), *after])
        left, right = parts[free[0]], parts[free[1]]
        for p in set(range(len(sets))) - set(free):
            left += repeated(parts[p], left.shape[0])
        nothing = DyadicMatrix.zero(right.shape[0], out.shape[1]), DyadicMatrix.zero(1, out.shape[0]), Fraction(0)
        return SeparableRelu(statement, left, right, out, repeated(bias, left.shape[0]), *nothing, answers_of(task))

    def _before(self, parts: list[DyadicMatrix], layers: Sequence[Layer]) -> list[DyadicMatrix]:
        """The rows, by token, that each position adds to what the ReLU reads."""
        joined = False
        for layer in layers:
            if isinstance(layer, Sum | Concat) and not joined:
                joined = True
                parts = parts if isinstance(layer, Sum) else _side_by_side(parts)
            elif isinstance(layer, Linear):
                parts = [part @ layer.W.matrix() for part in parts]
                if layer.b is not None:
                    bias = layer.b.row_matrix()
                    for p in range(1 if joined else len(parts)):
                        parts[p] += repeated(bias, parts[p].shape[0])
            else:
                raise NotEstablished(self.tag, f"the layer {layer.kind} before the ReLU does not split over the tokens")
        if not joined:
            raise NotEstablished(self.tag, "the positions are not added up or joined before the ReLU")
        return parts

    def _after(self, layers: Sequence[Layer]) -> tuple[DyadicMatrix, DyadicMatrix]:
        """The matrix and the row of what follows the ReLU."""
        out = bias = None
        for layer in layers:
            if not isinstance(layer, Linear | Unembed) or (isinstance(layer, Unembed) and layer.norm is not None):
                raise NotEstablished(self.tag, f"the layer {layer.kind} behind the ReLU is not linear")
            matrix, shift = (layer.W, layer.b) if isinstance(layer, Linear) else (layer.W_U, layer.b_U)
            out = matrix.matrix() if out is None else out @ matrix.matrix()
            moved = None if bias is None else bias @ matrix.matrix()
            own = None if shift is None else shift.row_matrix()
            bias = own if moved is None else moved if own is None else moved + own
        assert out is not None, "a checked network ends with its unembedding"
        return out, DyadicMatrix.zero(1, out.shape[1]) if bias is None else bias

    def charge(self, premises: Sequence[Any], advice: Any) -> Cost:
        layers = premises[0].statement.network.layers
        shapes = [tensor.shape for layer in layers[1:-1] for tensor in layer.tensors.values() if len(tensor.shape) == 2]
        rows = sum(len(tokens) for tokens in premises[0].statement.task.inputs.sets)
        return Cost(multiply=sum(rows * width * neurons for width, neurons in shapes))


def _is_hidden(layer: Layer) -> bool:
    if isinstance(layer, Mlp):
        return layer.function == "relu" and not layer.gated and layer.skip == "none" and layer.norm is None
    return isinstance(layer, Pointwise) and layer.function == "relu"


def _entering(hidden: Layer) -> list[Layer]:
    """What the hidden layer does before its ReLU, as a layer."""
    return [Linear(hidden.W_in, hidden.b_in)] if isinstance(hidden, Mlp) else []


def _leaving(hidden: Layer) -> list[Layer]:
    """The same behind its ReLU."""
    return [Linear(hidden.W_out, hidden.b_out)] if isinstance(hidden, Mlp) else []


def free_positions(tag: str, task: Task) -> list[int]:
    """The two positions whose tokens vary; raises :class:`NotEstablished` for a task of another kind."""
    free = [p for p, tokens in enumerate(task.inputs.sets) if len(tokens) > 1]
    if len(free) != 2 or task.inputs.condition != "none" or len(task.read) != 1:
        raise NotEstablished(tag, "the task has not two tokens that vary freely and one position to read")
    return free


def answers_of(task: Task) -> np.ndarray:
    """The right answers, by the numbers of the two tokens that vary."""
    sets = task.inputs.sets
    first, second = (np.array(tokens, dtype=np.int64) for tokens in sets if len(tokens) > 1)
    tokens = np.array([[tokens[0] for tokens in sets]], dtype=np.int64).repeat(len(first) * len(second), axis=0)
    places = [p for p, tokens in enumerate(sets) if len(tokens) > 1]
    tokens[:, places[0]], tokens[:, places[1]] = np.repeat(first, len(second)), np.tile(second, len(first))
    return task.answer(tokens).reshape(len(first), len(second))


def embedded(statement: Statement) -> list[DyadicMatrix]:
    """For each position, one row for each of its tokens in the task."""
    embed, found = statement.network.embed, []
    for p, tokens in enumerate(statement.task.inputs.sets):
        table = embed.table(p)
        rows = table.rearranged(table.numerators[list(tokens)]).matrix()
        found.append(rows if embed.P is None else rows + repeated(embed.P[p].row_matrix(), len(tokens)))
    return found


def _side_by_side(parts: Sequence[DyadicMatrix]) -> list[DyadicMatrix]:
    """Each part in its own columns of a row of all, zeros elsewhere."""
    width = parts[0].shape[1]
    placed = []
    for p, part in enumerate(parts):
        ones = [int(column == p * width + row) for row in range(width) for column in range(len(parts) * width)]
        placed.append(part @ DyadicMatrix.from_integers(width, len(parts) * width, ones, 0))
    return placed


def repeated(row: DyadicMatrix, times: int) -> DyadicMatrix:
    """The row, so many times."""
    return DyadicMatrix.ones(times, 1) @ row

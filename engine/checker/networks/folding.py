"""Linear maps folded into what reads them: which numbers each layer reads, and what every writer adds to them.

The stream x_p is only ever read through matrices: attention reads x [W_Q | W_K | W_V], an MLP x [W_in | W_gate], the
end x W_U. A *reader* is such a matrix; a *path* from layer i to reader j is (what i writes) (the linear layers between)
(the matrix of j), so that nobody needs the stream itself. ``linear``, ``sum`` and ``concat`` are only part of paths.

A reader behind a norm also reads the vector y whose length divides: LayerNorm is d (x - mean x) over the root of its
mean square plus d^2 epsilon, with d (x - mean x) = x C, C = d I - (all ones); RMSNorm has C = I, and epsilon. So
it reads x [C diag(w) M | C], its first part times tau = 1/sqrt(mean square of the second + epsilon) is N(x) M without
the norm's bias, and ``bias`` = b M + (its own bias) is added afterwards. Everything is exact. A layer ``norm`` that
only the end reads is such a norm.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from math import isqrt

from ..budget import Budget
from ..dyadic import Matrix, added, beside, identity, matrix, product, stacked, zeros
from ..exponential import shifted_up
from .layers import Layer, Network, Norm
from .tensor import Tensor

Place = tuple[int, int]
# Bounds are integers in units of 2**-UNIT_BITS, below products of a few denormal float64s.
UNIT_BITS = 4400


@dataclass(frozen=True)
class Reader:
    """What layer ``layer`` reads: ``width`` numbers, and behind a norm ``extra`` more, those of y.

    ``epsilon`` (M, E) is what is added to y's mean square, ``bias`` one row; both are None without a norm. The numbers
    and y are ``stretch`` times those of the norm.
    """

    layer: int
    width: int
    extra: int = 0
    stretch: int = 1
    epsilon: tuple[int, int] | None = None
    bias: Matrix | None = None
    caps: tuple[int, ...] = ()


@dataclass
class Plan:
    """Readers by layer; the places (layer, position) at which there is one; paths from (layer, position) to places.

    ``constants``: what a place reads whatever the tokens are, by the first position that leads to it.
    """

    network: Network
    readers: dict[int, Reader] = field(default_factory=dict)
    live: dict[int, list[int]] = field(default_factory=dict)
    paths: dict[Place, list[tuple[Place, Matrix]]] = field(default_factory=dict)
    constants: dict[int, dict[Place, Matrix]] = field(default_factory=dict)

    @property
    def last(self) -> int:
        """The number of the last layer."""
        return len(self.network.layers) - 1

    @cached_property
    def embedding_bits(self) -> int:
        """The bits before the point of the largest number that is embedded, or more."""
        tensors = self.network.layers[0].tensors.values()
        return max(max(map(int.bit_length, tensor.entries)) + tensor.exponent for tensor in tensors) + 1

    def embedding(self, p: int, t: int) -> tuple[tuple[int, ...], int]:
        """E_p[t] + P[p], as integers over one power of two."""
        tensors = self.network.layers[0].tensors
        table = tensors.get("E") or tensors[f"E_{p}"]
        places = tensors.get("P")
        width = table.shape[1]
        row = table.entries[t * width : (t + 1) * width]
        if places is None:
            return row, table.exponent
        unit = min(table.exponent, places.exponent)
        place = places.entries[p * width : (p + 1) * width]
        up, other = table.exponent - unit, places.exponent - unit
        return tuple((a << up) + (b << other) for a, b in zip(row, place, strict=True)), unit


def reading(layer: Layer, width: int) -> tuple[Matrix, Matrix | None]:
    """The matrix through which a layer reads the stream, and the bias of what it reads."""
    t = layer.tensors
    if layer.kind == "attention":
        matrices: list[Matrix] = []
        rows: list[Matrix] = []
        for name in "QKV":
            parts = t[f"W_{name}"].parts()
            matrices += parts
            rows += t[f"b_{name}"].parts() if f"b_{name}" in t else [zeros(1, part.shape[1]) for part in parts]
        return beside(matrices), beside(rows) if any(f"b_{name}" in t for name in "QKV") else None
    if layer.kind == "mlp":
        matrices = [t[name].rows() for name in ("W_in", "W_gate") if name in t]
        return beside(matrices), row_of(t, "b_in") if len(matrices) == 1 else None
    if layer.kind == "unembed":
        return t["W_U"].rows(), row_of(t, "b_U")
    return identity(width), None


def row_of(tensors: Mapping[str, Tensor], name: str) -> Matrix | None:
    """A bias as a matrix of one row, where there is one."""
    return tensors[name].rows() if name in tensors else None


def writing(layer: Layer, budget: Budget) -> tuple[Matrix | None, Matrix | None]:
    """The matrix through which a layer writes what it computed (None for the identity), and the bias it adds."""
    t = layer.tensors
    if layer.kind == "attention":
        return stacked(t["W_O"].parts()), row_of(t, "b_O")
    if layer.kind == "mlp":
        out, bias = t["W_out"].rows(), row_of(t, "b_out")
        if "W_gate" in t and "b_in" in t:
            hidden = product(t["b_in"].rows(), out, budget)
            bias = added(bias, hidden) if bias else hidden
        return out, bias
    return None, None


def centred(m: Matrix) -> Matrix:
    """C m for C = d I - (all ones): each row times d, less the sum of all rows."""
    total = [sum(column) for column in zip(*m.rows, strict=True)]
    d = len(m.rows)
    return matrix(([d * v - s for v, s in zip(row, total, strict=True)] for row in m.rows), m.exponent)


def scaled(m: Matrix, gains: Matrix) -> Matrix:
    """diag(gains) m."""
    return matrix(
        ([g * v for v in row] for g, row in zip(gains.rows[0], m.rows, strict=True)), m.exponent + gains.exponent
    )


def behind_norm(layer: int, norm: Norm, m: Matrix, bias: Matrix | None, budget: Budget) -> tuple[Reader, Matrix]:
    """The reader of N(x) m + bias, and the matrix through which it reads x.

    The length of y / sqrt(mean square) is at most sqrt(d); so is |N(x) column|, times the column's length (``caps``).
    """
    d, width = m.shape
    rows = scaled(m, norm.tensors["w"].rows()) if "w" in norm.tensors else m
    part, y, stretch = (rows, identity(d), 1)
    if norm.function == "layernorm":
        part, y, stretch = centred(rows), centred(y), d
    mantissa, exponent = norm.epsilon
    epsilon = (mantissa * stretch * stretch, exponent)
    own = bias or zeros(1, width)
    if "b" in norm.tensors:
        own = added(own, product(norm.tensors["b"].rows(), m, budget))
    roots = [isqrt(d * sum(v * v for v in column)) + 1 for column in zip(*rows.rows, strict=True)]
    units = [exponent + UNIT_BITS for exponent in (rows.exponent, own.exponent)]
    pairs = zip(roots, own.rows[0], strict=True)
    caps = tuple(shifted_up(root, units[0]) + shifted_up(abs(b), units[1]) for root, b in pairs)
    return Reader(layer, width, d, stretch, epsilon, own, caps), beside([part, y])


class _Folding:
    """Walks the layers backwards; ``pending`` leads from the stream of each position to the readers after it."""

    def __init__(self, network: Network, budget: Budget) -> None:
        self.plan, self.budget = Plan(network), budget
        self.pending: dict[int, list[tuple[Place, Matrix]]] = {}
        self.known: dict[tuple[int, int], tuple[Matrix, Matrix, Matrix]] = {}

    def times(self, a: Matrix | None, b: Matrix) -> Matrix:
        """a b; the same two matrices are multiplied once."""
        if a is None:
            return b
        key = id(a), id(b)
        if key not in self.known:
            self.known[key] = a, b, product(a, b, self.budget)
        return self.known[key][2]

    def constant(self, p: int, place: Place, row: Matrix) -> None:
        """Add a row to what a place reads of position ``p``."""
        mine = self.plan.constants.setdefault(p, {})
        mine[place] = added(mine[place], row) if place in mine else row

    def bias(self, row: Matrix | None) -> None:
        """The stream of every position moves by ``row``."""
        if row is not None:
            for p, paths in self.pending.items():
                for place, m in paths:
                    self.constant(p, place, self.times(row, m))

    def normed_end(self, norm: Norm | None) -> bool:
        """Whether ``norm`` acts on the streams that the end reads, and on nothing else: then the end is behind it."""
        end, (m, *others) = self.plan.last, [m for paths in self.pending.values() for _, m in paths]
        ends = [[(end, p)] for p in self.pending] == [[place for place, _ in paths] for paths in self.pending.values()]
        if norm is None or not ends or self.plan.readers[end].epsilon or any(other is not m for other in others):
            return False
        bias, *_ = [self.plan.constants.pop(p, {}).get((end, p)) for p in self.pending]
        self.plan.readers[end], m = behind_norm(end, norm, m, bias, self.budget)
        self.pending = {p: [((end, p), m)] for p in self.pending}
        return True

    def read(self, i: int, layer: Layer, width: int, live: list[int]) -> None:
        """Layer ``i`` reads the streams of the positions ``live``."""
        m, bias = reading(layer, width)
        reader = Reader(i, m.shape[1])
        if layer.norm is not None:
            reader, m = behind_norm(i, layer.norm, m, bias, self.budget)
        self.plan.readers[i], self.plan.live[i] = reader, live
        for p in live:
            self.pending.setdefault(p, []).append(((i, p), m))
            if bias is not None and layer.norm is None:
                self.constant(p, (i, p), bias)

    def write(self, i: int, layer: Layer) -> None:
        """Layer ``i`` writes to the streams of all positions that are read later."""
        m, bias = writing(layer, self.budget)
        self.bias(bias)
        for p, paths in self.pending.items():
            self.plan.paths[i, p] = [(place, self.times(m, other)) for place, other in paths]

    def mix(self, kind: str, width: int, positions: int) -> None:
        """``sum`` and ``concat``: one stream is that of all positions."""

        def part(m: Matrix, p: int) -> Matrix:
            return matrix(m.rows[p * width : (p + 1) * width], m.exponent) if kind == "concat" else m

        (paths,) = self.pending.values()
        self.pending = {p: [(place, part(m, p)) for place, m in paths] for p in range(positions)}

    def fold(self, read: tuple[int, ...]) -> Plan:
        """All layers, from the last to the first."""
        network = self.plan.network
        widths, mixed_at = _widths(network)
        positions = len(network.vocabulary)
        live = [0] if mixed_at else sorted(set(read))
        for i in range(len(network.layers) - 1, 0, -1):
            layer, width = network.layers[i], widths[i]
            if layer.kind in ("sum", "concat"):
                self.mix(layer.kind, width, positions if i == mixed_at else 1)
                live = list(self.pending)
            elif layer.kind == "linear":
                self.bias(row_of(layer.tensors, "b"))
                w = layer.tensors["W"].rows()
                for p, paths in self.pending.items():
                    self.pending[p] = [(place, self.times(w, m)) for place, m in paths]
            elif layer.kind != "norm" or not self.normed_end(layer.norm):
                if layer.kind != "unembed":
                    self.write(i, layer)
                if layer.kind in ("norm", "pointwise") or layer.settings.get("skip") == "none":
                    self.pending = {}
                if layer.kind == "attention":
                    everywhere = layer.settings["mask"] == "none" and not 0 < mixed_at < i
                    live = list(range(positions if everywhere else live[-1] + 1))
                self.read(i, layer, width, live)
        self.plan.paths.update({(0, p): paths for p, paths in self.pending.items()})
        return self.plan


def _widths(network: Network) -> tuple[list[int], int]:
    """The width of the stream before each layer, and the number of the first layer that leaves one position (or 0)."""
    width, positions, mixed_at = 0, len(network.vocabulary), 0
    widths, shown_by = [], {"linear": "W", "mlp": "W_out"}
    for i, layer in enumerate(network.layers):
        widths.append(width)
        if layer.kind == "embed":
            width = next(iter(layer.tensors.values())).shape[1]
        elif layer.kind in shown_by:
            width = layer.tensors[shown_by[layer.kind]].shape[1]
        elif layer.kind in ("sum", "concat"):
            width *= positions if layer.kind == "concat" else 1
            positions, mixed_at = 1, mixed_at or i
    return widths, mixed_at


def fold(network: Network, read: tuple[int, ...], budget: Budget) -> Plan:
    """The plan of a network that is read at these positions (after ``sum`` or ``concat`` only one is left)."""
    return _Folding(network, budget).fold(read)

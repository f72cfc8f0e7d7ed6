"""Linear maps folded into what reads them: which numbers each layer reads, and what every writer adds to them.

The stream x_p is only ever read through matrices: attention reads x [W_Q | W_K | W_V], an MLP x [W_in | W_gate], the
end x W_U. A *reader* is such a matrix; a *path* from layer i to reader j is (what i writes) (the linear layers between)
(the matrix of j), so that nobody needs the stream itself. ``linear``, ``sum`` and ``concat`` are only part of paths.

A reader behind a norm also reads the vector y whose length divides: LayerNorm is d (x - mean x) over the root of its
mean square plus d^2 epsilon, with d (x - mean x) = x C, C = d I - (all ones); RMSNorm has C = I, and epsilon. So
it reads x [C diag(w) M | C], its first part times tau = 1/sqrt(mean square of the second + epsilon) is N(x) M without
the norm's bias, and ``bias`` = b M + (its own bias) is added afterwards. Everything is exact.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from math import isqrt

from ..budget import Budget
from ..dyadic import Matrix, added, beside, identity, matrix, product, stacked, zeros
from .layers import Layer, Network, Norm

Place = tuple[int, int]


@dataclass(frozen=True)
class Reader:
    """What layer ``layer`` reads: ``width`` numbers, and behind a norm ``extra`` more, those of y.

    ``epsilon`` (M, E) is what is added to y's mean square, ``bias`` one row; both are None without a norm.
    """

    layer: int
    width: int
    extra: int = 0
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
        matrices = [part for name in ("W_Q", "W_K", "W_V") for part in t[name].parts()]
        heads = len(matrices) // 3
        names = ("b_Q", "b_K", "b_V")
        if not any(name in t for name in names):
            return beside(matrices), None
        rows = [
            row
            for i, name in enumerate(names)
            for row in (t[name].parts() if name in t else [zeros(1, matrices[i * heads].shape[1])] * heads)
        ]
        return beside(matrices), beside(rows)
    if layer.kind == "mlp":
        parts = [t[name].rows() for name in ("W_in", "W_gate") if name in t]
        bias = None if "b_in" not in t or len(parts) == 2 else t["b_in"].rows()
        return beside(parts), bias
    if layer.kind == "unembed":
        return t["W_U"].rows(), t["b_U"].rows() if "b_U" in t else None
    return identity(width), None


def writing(layer: Layer, budget: Budget) -> tuple[Matrix | None, Matrix | None]:
    """The matrix through which a layer writes what it computed (None for the identity), and the bias it adds."""
    t = layer.tensors
    if layer.kind == "attention":
        return stacked(t["W_O"].parts()), t["b_O"].rows() if "b_O" in t else None
    if layer.kind == "mlp":
        out = t["W_out"].rows()
        biases = [t["b_out"].rows()] if "b_out" in t else []
        if "W_gate" in t and "b_in" in t:
            biases.append(product(t["b_in"].rows(), out, budget))
        return out, added(*biases) if len(biases) == 2 else biases[0] if biases else None
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
    part, y = (centred(rows), centred(identity(d))) if norm.function == "layernorm" else (rows, identity(d))
    mantissa, exponent = norm.epsilon
    epsilon = (mantissa * d * d if norm.function == "layernorm" else mantissa, exponent)
    own = bias or zeros(1, width)
    if "b" in norm.tensors:
        own = added(own, product(norm.tensors["b"].rows(), m, budget))
    squares = [d * sum(v * v for v in column) for column in zip(*rows.rows, strict=True)]
    caps = tuple(
        _units(isqrt(s) + 1, rows.exponent) + _units(abs(b), own.exponent)
        for s, b in zip(squares, own.rows[0], strict=True)
    )
    return Reader(layer, width, d, epsilon, own, caps), beside([part, y])


UNIT_BITS = 32


def _units(value: int, exponent: int) -> int:
    """value * 2**exponent in units of 2**-32, rounded up."""
    shift = exponent + UNIT_BITS
    return value << shift if shift >= 0 else -(-value >> -shift)


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
        (paths,) = self.pending.values()
        parts = {
            p: [(place, self.cut(m, p * width, width) if kind == "concat" else m) for place, m in paths]
            for p in range(positions)
        }
        self.pending = parts

    @staticmethod
    def cut(m: Matrix, start: int, height: int) -> Matrix:
        return matrix(m.rows[start : start + height], m.exponent)

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
                bias = layer.tensors["b"].rows() if "b" in layer.tensors else None
                self.bias(bias)
                w = layer.tensors["W"].rows()
                self.pending = {
                    p: [(place, self.times(w, m)) for place, m in paths] for p, paths in self.pending.items()
                }
            else:
                if layer.kind != "unembed":
                    self.write(i, layer)
                if layer.kind in ("norm", "pointwise") or layer.settings.get("skip") == "none":
                    self.pending = {}
                if layer.kind == "attention":
                    live = list(
                        range(
                            positions if layer.settings["mask"] == "none" and not _after(i, mixed_at) else live[-1] + 1
                        )
                    )
                self.read(i, layer, width, live)
        self.plan.paths.update({(0, p): paths for p, paths in self.pending.items()})
        return self.plan


def _after(i: int, mixed_at: int) -> bool:
    return 0 < mixed_at < i


def _widths(network: Network) -> tuple[list[int], int]:
    """The width of the stream before each layer, and the number of the first layer that leaves one position (or 0)."""
    width, positions, mixed_at = 0, len(network.vocabulary), 0
    widths = []
    for i, layer in enumerate(network.layers):
        widths.append(width)
        t = layer.tensors
        if layer.kind == "embed":
            width = next(iter(t.values())).shape[1]
        elif layer.kind == "linear":
            width = t["W"].shape[1]
        elif layer.kind == "mlp":
            width = t["W_out"].shape[1]
        elif layer.kind in ("sum", "concat"):
            width *= positions if layer.kind == "concat" else 1
            positions, mixed_at = 1, mixed_at or i
    return widths, mixed_at


def fold(network: Network, read: tuple[int, ...], budget: Budget) -> Plan:
    """The plan of a network that is read at these positions (after ``sum`` or ``concat`` only one is left)."""
    return _Folding(network, budget).fold(read)

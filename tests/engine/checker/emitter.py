"""A second reading of docs/certificate.md, for tests: emits certificates and counts by brute force.

It shares nothing with the checker: numpy object integers for exact parts, numpy floats as advice for trees, mpmath for
everything that floats do not decide.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import struct
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property
from pathlib import Path
from typing import Any

import mpmath
import numpy as np

TREE = "token_order_tree/1"
TRIPLES = "generating_function_count/2"
ROOM = 1e-9


def integers(array: np.ndarray) -> tuple[np.ndarray, int]:
    """An array of floats as integers in units of 2**exponent, exactly."""
    ratios = [float(v).as_integer_ratio() for v in array.ravel()]
    bits = max(d.bit_length() - 1 for _, d in ratios)
    values = np.empty(len(ratios), dtype=object)
    values[:] = [(n << bits) // d for n, d in ratios]
    return values.reshape(array.shape), -bits


Exact = tuple[np.ndarray, int]


def add(a: Exact, b: Exact) -> Exact:
    """a + b with numpy's broadcasting."""
    unit = min(a[1], b[1])
    return a[0] * 2 ** (a[1] - unit) + b[0] * 2 ** (b[1] - unit), unit


def times(a: Exact, b: Exact) -> Exact:
    """The matrix product a b."""
    return a[0].dot(b[0]), a[1] + b[1]


def fraction(value: int, exponent: int) -> Fraction:
    """value * 2**exponent."""
    return Fraction(value) * Fraction(2) ** exponent


def entry(value: Fraction) -> str:
    """One line of the canonical text of a tensor."""
    if value == 0:
        return "0\n"
    exponent = 1 - value.denominator.bit_length()
    odd = value.numerator
    while odd % 2 == 0:
        odd //= 2
        exponent += 1
    return f"{'-' if odd < 0 else ''}{abs(odd):x}p{exponent}\n"


def tensor_hash(a: Exact, sizes: tuple[int, ...]) -> str:
    """The hash of certificate.md, section 1.3."""
    text = "mechproof-tensor/1 " + "x".join(map(str, sizes)) + "\n"
    return hashlib.sha256((text + "".join(entry(fraction(v, a[1])) for v in a[0].ravel())).encode()).hexdigest()


@dataclass
class Model:
    """Weights by plain name; missing biases are zero."""

    tensors: dict[str, np.ndarray]
    signs: dict[Any, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.V, self.d = self.tensors["W_E"].shape
        self.K = self.tensors["W_pos"].shape[0]
        self.h = self.tensors["W_Q"].shape[1]
        sizes = {"b_Q": self.h, "b_K": self.h, "b_V": self.h, "b_O": self.d, "b_U": self.V}
        full = {name: np.zeros(size, dtype=np.float32) for name, size in sizes.items()} | self.tensors
        self.exact = {name: integers(full[name]) for name in full}

    def hashes(self, *tensors: str) -> str:
        """The ``tensors`` of a layer, by the statement's names; biases and positions of zeros are absent."""
        found = []
        for name in tensors:
            own = {"E": "W_E", "P": "W_pos"}.get(name, name)
            values, exponent = self.exact[own]
            per_head = own[2:] in ("Q", "K", "V") or own == "W_O"
            if values.any() or (own.startswith("W_") and own != "W_pos"):
                shape = (1, *values.shape) if per_head else values.shape
                found.append(f'"{name}":"{tensor_hash((values, exponent), shape)}"')
        return '"tensors":{' + ",".join(found) + "}"

    @cached_property
    def statement(self) -> str:
        """The hash of docs/statement.md, section 3, from its text."""
        scale = f"1/sqrt({self.h})" if self.h > 1 else "1/1"
        every, vocabulary = (",".join([each] * self.K) for each in (f"[0,{self.V - 1}]", str(self.V)))
        attention = self.hashes("W_Q", "W_K", "W_V", "W_O", "b_Q", "b_K", "b_V", "b_O")
        text = (
            f'{{"schema":"mechproof-statement/2","network":{{"vocabulary":[{vocabulary}],"outputs":{self.V},"layers":['
            f'{{"kind":"embed","tables":"shared",{self.hashes("E", "P")}}},'
            f'{{"kind":"attention","heads":1,"scale":"{scale}","mask":"causal",{attention}}},'
            f'{{"kind":"unembed",{self.hashes("W_U", "b_U")}}}]}},'
            f'"task":{{"name":"max-of-k","tokens":[{every}],"condition":"none","read":[{self.K - 1}],'
            '"counted":"inputs","right":"max(t)","tie":"wrong","tensors":{}}}'
        )
        return hashlib.sha256(text.encode()).hexdigest()

    @cached_property
    def paths(self) -> dict[str, Exact]:
        """The five matrices of section 2.1."""
        w = self.exact
        x_q = add(w["W_E"], (w["W_pos"][0][-1:], w["W_pos"][1]))
        query = add(times(x_q, w["W_Q"]), w["b_Q"])
        keys = times(w["W_E"], w["W_K"])
        place_keys = add(times(w["W_pos"], w["W_K"]), w["b_K"])
        place_values = add(times(w["W_pos"], w["W_V"]), w["b_V"])
        return {
            "UU": add(times(add(x_q, w["b_O"]), w["W_U"]), w["b_U"]),
            "EVOU": times(times(times(w["W_E"], w["W_V"]), w["W_O"]), w["W_U"]),
            "PVOU": times(times(place_values, w["W_O"]), w["W_U"]),
            "EQKE": times(query, (keys[0].T, keys[1])),
            "EQKP": times(query, (place_keys[0].T, place_keys[1])),
        }

    @cached_property
    def parts(self) -> dict[str, Any]:
        """The path matrices as Fractions, and as floats under a lower-case name."""
        exact: dict[str, Any] = {}
        for name, (values, exponent) in self.paths.items():
            exact[name] = [[fraction(v, exponent) for v in row] for row in values]
            exact[name.lower()] = np.array([[float(v) for v in row] for row in exact[name]])
        return exact

    def gap(self, q: int, m: int, x: int, p: int, t: int) -> Fraction:
        """The exact difference of logit parts of x and m."""
        u, e, o = self.parts["UU"][q], self.parts["EVOU"][t], self.parts["PVOU"][p]
        return u[x] - u[m] + e[x] - e[m] + o[x] - o[m]

    def score(self, q: int, p: int, t: int) -> Fraction:
        """The exact score before the division by sqrt(h)."""
        return self.parts["EQKE"][q][t] + self.parts["EQKP"][q][p]

    def margin(self, q: int, m: int, x: int, p: int, t: int) -> Any:
        """D_{q,m,x}(p,t), to mpmath's precision; exactly zero when its difference is."""
        gap, score = self.gap(q, m, x, p, t), self.score(q, p, t)
        power = mpmath.exp(mpmath.mpf(score.numerator) / score.denominator / mpmath.sqrt(self.h))
        return power * gap.numerator / gap.denominator

    def sign(self, q: int, m: int, x: int, free: tuple[int, ...]) -> int:
        """The sign of the sum of margins on one sequence, exactly."""
        key = (q, m, x, free)
        if key not in self.signs:
            self.signs[key] = self._sign(q, m, x, (*free, q))
        return self.signs[key]

    def _sign(self, q: int, m: int, x: int, sequence: tuple[int, ...]) -> int:
        groups: dict[Fraction, Fraction] = {}
        for p, t in enumerate(sequence):
            score = self.score(q, p, t)
            groups[score] = groups.get(score, Fraction(0)) + self.gap(q, m, x, p, t)
        if not any(groups.values()):
            return 0
        digits = 60
        while True:
            with mpmath.workdps(digits):
                terms = [self.margin(q, m, x, p, t) for p, t in enumerate(sequence)]
                total = mpmath.fsum(terms)
                if abs(total) > max(map(abs, terms)) * mpmath.mpf(10) ** (20 - digits):
                    return int(mpmath.sign(total))
            digits *= 2

    def right(self, sequence: tuple[int, ...]) -> bool:
        """Whether the network is right, from the definition of section 1.1; only ties use the margins."""
        with mpmath.workdps(60):
            w = {
                n: mpmath.matrix(v[0].reshape(-1, v[0].shape[-1]).tolist()) * mpmath.mpf(2) ** v[1]
                for n, v in self.exact.items()
            }
            xs = [w["W_E"][t, :] + w["W_pos"][p, :] for p, t in enumerate(sequence)]
            query = xs[-1] * w["W_Q"] + w["b_Q"]
            scores = [(query * (x * w["W_K"] + w["b_K"]).T)[0] / mpmath.sqrt(self.h) for x in xs]
            weights = [mpmath.exp(s) for s in scores]
            residual = xs[-1] + w["b_O"]
            for weight, x in zip(weights, xs, strict=True):
                residual += (weight / mpmath.fsum(weights)) * ((x * w["W_V"] + w["b_V"]) * w["W_O"])
            logits = residual * w["W_U"] + w["b_U"]
            m = max(sequence)
            for x in range(self.V):
                difference = logits[x] - logits[m]
                if x != m and abs(difference) < mpmath.mpf(10) ** -40:
                    difference = self.sign(sequence[-1], m, x, sequence[:-1])
                if x != m and difference >= 0:
                    return False
            return True

    def truth(self) -> int:
        """The number of right sequences, by enumeration."""
        return sum(self.right(s) for s in itertools.product(range(self.V), repeat=self.K))

    def cells(self) -> list[tuple[int, int]]:
        """The cells with sequences, in the order of section 3."""
        return [(q, m) for m in range(self.V) for q in range(m + 1) if self.size(q, m)]

    def size(self, q: int, m: int) -> int:
        """The number of sequences of a cell."""
        return (m + 1) ** (self.K - 1) - (q < m) * m ** (self.K - 1)

    def sequences(self, q: int, m: int) -> list[tuple[int, ...]]:
        """The free tokens of the sequences of a cell."""
        every = itertools.product(range(m + 1), repeat=self.K - 1)
        return [s for s in every if max((*s, q)) == m]


class TreeEmitter:
    """Emits one tree, with floats as advice; what is closer than ``ROOM`` is split down to single sequences.

    ``blind`` lists cells of which nothing is to be proved.
    """

    def __init__(self, model: Model, blind: frozenset[tuple[int, int]] = frozenset()) -> None:
        self.model = model
        self.symbols: list[str] = []
        self.right = self.wrong = 0
        self.log: list[tuple[int, int, str, list[tuple[int, ...]]]] = []
        self.digits = len(f"{model.V - 1:x}")
        for q, m in model.cells():
            self.cell(q, m, (q, m) in blind)

    def cell(self, q: int, m: int, blind: bool) -> None:
        """The symbols of one cell."""
        model, f = self.model, self.model.parts
        free = model.K - 1
        scores = (f["eqke"][q, None, : m + 1] + f["eqkp"][q, :, None]) / np.sqrt(model.h)
        gaps = f["uu"][q] - f["uu"][q, m] + (f["evou"] - f["evou"][:, m : m + 1])[None, : m + 1]
        gaps = gaps + (f["pvou"] - f["pvou"][:, m : m + 1])[:, None]
        margins = np.exp(scores - scores.max())[..., None] * gaps
        self.order = [m, *sorted(range(m), key=lambda t: (-model.parts["EQKE"][q][t], t))]
        self.q, self.m = q, m
        self.others = [x for x in range(model.V) if x != m]
        self.last = margins[free, q]
        self.table = margins[:free][:, self.order]
        self.room = ROOM * abs(margins).max()
        everywhere = tuple(range(free))
        whole = [(0, (), everywhere, {})]
        if q < m:
            whole = [(0, everywhere[:p], everywhere[p + 1 :], {p: 0}) for p in range(free)]
        if blind:
            self.emit("U", whole)
        elif not self.decided(whole):
            self.symbols.append("S")
            for node in whole:
                self.node(*node)

    def extreme(self, node: Any, function: Any) -> np.ndarray:
        """The bound of section 3, as floats."""
        level, lo, hi, fixed = node
        total = self.last + sum(self.table[p, a] for p, a in fixed.items())
        total = total + sum(function(self.table[p, level:], axis=0) for p in hi)
        return total + sum(function(self.table[p, level + 1 :], axis=0) for p in lo)

    def sequences(self, node: Any) -> list[tuple[int, ...]]:
        """The sequences of a node."""
        level, lo, _, fixed = node
        choices = []
        for p in range(self.model.K - 1):
            if p in fixed:
                choices.append([self.order[fixed[p]]])
            else:
                choices.append(self.order[level + (p in lo) :])
        return list(itertools.product(*choices))

    def size(self, node: Any) -> int:
        """The number of sequences of a node."""
        level, lo, hi, _ = node
        return (self.m - level) ** len(lo) * (self.m + 1 - level) ** len(hi)

    def emit(self, symbol: str, nodes: list[Any]) -> None:
        """A leaf."""
        self.symbols.append(symbol)
        size = sum(map(self.size, nodes))
        self.right += size * (symbol == "R")
        self.wrong += size * (symbol[0] == "W")
        few = [s for n in nodes for s in self.sequences(n)] if self.model.V <= 8 else []
        self.log.append((self.q, self.m, symbol, few))

    def decided(self, nodes: list[Any]) -> bool:
        """Emit R or W when it holds."""
        if all((self.extreme(n, np.max)[self.others] < -self.room).all() for n in nodes):
            self.emit("R", nodes)
            return True
        least = np.min([self.extreme(n, np.min) for n in nodes], axis=0)
        for x in self.others:
            if least[x] > self.room:
                self.emit(f"W{x:0{self.digits}x}", nodes)
                return True
        if sum(map(self.size, nodes)) == 1:
            node = nodes[0]
            (free,) = self.sequences(node)
            wrong = [x for x in self.others if self.model.sign(self.q, self.m, x, free) >= 0]
            self.emit(f"W{wrong[0]:0{self.digits}x}" if wrong else "R", nodes)
            return True
        return False

    def node(self, level: int, lo: tuple[int, ...], hi: tuple[int, ...], fixed: dict[int, int]) -> None:
        """The symbols of a node and what is below it."""
        if lo and not hi:
            level, lo, hi = level + 1, (), lo
        node = (level, lo, hi, fixed)
        if self.size(node) == 0 or self.decided([node]):
            return
        self.symbols.append("S")
        j, rest = hi[0], hi[1:]
        self.node(level, lo, rest, fixed | {j: level})
        self.node(level, (*lo, j), rest, fixed)


def tree_advice(model: Model, tree: str) -> dict[str, Any]:
    """The advice of the tree rule."""
    return {"order": "descending-score", "tree": tree}


def emit_triples(model: Model, grid: int = 64) -> tuple[dict[str, Any], int, int]:
    """The advice of the counting rule with the counts it proves, by enumeration with enclosures 2**-59 wide."""
    triples: list[Any] = []
    least = most = 0
    with mpmath.workdps(60):
        for q, m in model.cells():
            lowest, highest = 0, 0
            for x in (x for x in range(model.V) if x != m):
                margins = [[model.margin(q, m, x, p, t) for t in range(m + 1)] for p in range(model.K)]
                scale = max(max(abs(v) for v in row) for row in margins)
                if scale == 0:
                    scale = mpmath.mpf(1)
                exponent = int(mpmath.floor(mpmath.log(scale, 2))) - 40
                room = scale * mpmath.mpf(2) ** -59
                unit = mpmath.mpf(2) ** exponent
                up = [[v and (v + room) / unit for v in row] for row in margins]
                down = [[v and (v - room) / unit for v in row] for row in margins]
                sequences = model.sequences(q, m)
                bound = max(sum(up[p][t] for p, t in enumerate((*s, q))) for s in sequences)
                if bound < 0:
                    continue
                free = range(model.K - 1)
                span = sum(max(up[p]) - min(down[p]) for p in free)
                step = int(mpmath.floor(mpmath.log(max(1, span / grid), 2)))

                def floors(v: Any, step: int = step) -> int:
                    return int(mpmath.floor(mpmath.ldexp(v, -step)))

                steps_up = [[-floors(-v) for v in up[p]] for p in free]
                steps_down = [[floors(v) for v in down[p]] for p in free]
                last_up, last_down = floors(up[-1][q]), floors(down[-1][q])
                highest += sum(sum(steps_up[p][t] for p, t in enumerate(s)) + last_up >= 0 for s in sequences)
                count = sum(sum(steps_down[p][t] for p, t in enumerate(s)) + last_down >= 0 for s in sequences)
                lowest = max(lowest, count)
                triples.append([q, m, x, exponent + step])
            least += lowest
            most += min(highest, model.size(q, m))
    triples.sort(key=lambda t: (t[1], t[0], t[2]))
    inputs = model.V**model.K
    return {"triples": triples}, inputs - most, inputs - least


def certificate(model: Model, rule: str, advice: dict[str, Any], low: int, high: int) -> dict[str, Any]:
    """The certificate as an object."""
    inputs = hex(model.V**model.K)
    counts = {"right_low": hex(low), "right_high": hex(high)}
    hashes = {name: tensor_hash(value, value[0].shape) for name, value in model.paths.items()}
    conclusions: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
        ("network_definition/2", {}, {"kind": "network", "statement": model.statement}),
        ("path_decomposition/1", {}, {"kind": "paths", **hashes}),
        ("additive_margin/1", {}, {"kind": "additive_margin"}),
        (rule, advice, {"kind": "right_count", **counts}),
        ("accuracy/1", {}, {"kind": "accuracy", **counts, "inputs": inputs}),
    ]
    return {
        "schema": "mechproof-certificate/2",
        "relation": {"metric": "accuracy", **counts, "inputs": inputs},
        "statement": model.statement,
        "derivations": [
            {"id": i, "rule": name, "premises": [i - 1] if i else [], "advice": given, "conclusion": conclusion}
            for i, (name, given, conclusion) in enumerate(conclusions)
        ],
    }


def tree_certificate(model: Model, blind: frozenset[tuple[int, int]] = frozenset()) -> dict[str, Any]:
    """A certificate by a tree."""
    emitted = TreeEmitter(model, blind)
    high = model.V**model.K - emitted.wrong
    return certificate(model, TREE, tree_advice(model, "".join(emitted.symbols)), emitted.right, high)


def triples_certificate(model: Model, grid: int = 64) -> dict[str, Any]:
    """A certificate by triples."""
    return certificate(model, TRIPLES, *emit_triples(model, grid))


def step(certificate: dict[str, Any], rule: str, n: int = 0) -> dict[str, Any]:
    """The n-th derivation by a rule; negative n count from the end."""
    return [d for d in certificate["derivations"] if d["rule"] == rule][n]


def text(value: dict[str, Any]) -> bytes:
    """The canonical bytes."""
    return (json.dumps(value, separators=(",", ":"), ensure_ascii=True) + "\n").encode("ascii")


def random_model(seed: int, V: int, K: int, d: int, h: int, biases: bool, dtype: Any = np.float32) -> Model:
    """Random weights: mostly wrong."""
    rng = np.random.default_rng(seed)
    shapes = {"W_E": (V, d), "W_pos": (K, d), "W_Q": (d, h), "W_K": (d, h), "W_V": (d, h), "W_O": (h, d), "W_U": (d, V)}
    if biases:
        shapes |= {"b_Q": (h,), "b_K": (h,), "b_V": (h,), "b_O": (d,), "b_U": (V,)}
    return Model({name: rng.normal(size=shape).astype(dtype) for name, shape in shapes.items()})


def pulled_model(seed: int, V: int, K: int, noise: float) -> Model:
    """Attends to large tokens and copies what it attends to; with noise it is wrong now and then."""
    rng = np.random.default_rng(seed)
    onehot, size = np.eye(V), np.arange(V)[:, None]
    nothing = np.zeros((V, 1))
    exact = {
        "W_E": np.hstack([onehot, size, nothing + 1]),
        "W_pos": np.zeros((K, V + 2)),
        "W_Q": np.vstack([nothing, [[0]], [[2]]]) @ np.ones((1, V)),
        "W_K": np.vstack([nothing, [[1]], [[0]]]) @ np.eye(1, V),
        "W_V": np.vstack([onehot, np.zeros((2, V))]) * 2,
        "W_O": np.hstack([onehot, np.zeros((V, 2))]) * 2,
        "W_U": np.vstack([onehot * 2, np.zeros((2, V))]),
    }
    noisy = {n: (a + noise * rng.normal(size=a.shape)).astype(np.float32) for n, a in exact.items()}
    return Model(noisy | {"b_U": (noise * rng.normal(size=V)).astype(np.float32)})


def tied_model(seed: int, V: int, K: int) -> Model:
    """Small integers, so that many scores and many logits are equal."""
    rng = np.random.default_rng(seed)
    shapes = {"W_E": (V, 2), "W_pos": (K, 2), "W_Q": (2, 2), "W_K": (2, 2), "W_V": (2, 2), "W_O": (2, 2), "W_U": (2, V)}
    return Model({n: rng.integers(-1, 2, size=s).astype(np.float64) / 2 for n, s in shapes.items()})


def safetensors(tensors: dict[str, tuple[str, tuple[int, ...], bytes]], metadata: Any = None) -> bytes:
    """A safetensors file of (dtype, shape, bytes) by name."""
    header: dict[str, Any] = {} if metadata is None else {"__metadata__": metadata}
    at = 0
    for name, (dtype, shape, payload) in tensors.items():
        header[name] = {"dtype": dtype, "shape": list(shape), "data_offsets": [at, at + len(payload)]}
        at += len(payload)
    encoded = json.dumps(header).encode()
    return struct.pack("<Q", len(encoded)) + encoded + b"".join(p for _, _, p in tensors.values())


def write(model: Model, folder: Path, names: dict[str, str] | None = None) -> Path:
    """The model as a safetensors file."""
    dtypes = {"float16": "F16", "float32": "F32", "float64": "F64"}
    stored = {
        (names or {}).get(name, name): (dtypes[str(a.dtype)], a.shape, np.ascontiguousarray(a).tobytes())
        for name, a in model.tensors.items()
    }
    path = folder / "weights.safetensors"
    path.write_bytes(safetensors(stored))
    return path

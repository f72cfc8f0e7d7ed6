"""Certificates of boxes found in floats, for tests of the checker: a search of its own, that shares only the shapes of
sets with the checker. What it finds may be false where margins are tiny; that is what the checker is for.

Networks are lists of layers as in layered_network.
"""

from __future__ import annotations

import base64
import itertools
import json
from array import array
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from math import erf, exp, floor, frexp, pi, sqrt, tanh
from typing import Any

import numpy as np

from mechproof.engine.checker.boxes.sets import Box, Label, Lists

Z_BITS, GAMMA_BITS, SLOPE_BITS = 16, 20, 10
ROOM = 1e-7
GATED = ("gelu", "gelu_new", "silu")


def phi(function: str, z: float) -> float:
    """One value of a pointwise map."""
    if function == "relu":
        return max(z, 0.0)
    if function == "square":
        return z * z
    if function == "gelu":
        return z * (1 + erf(z / sqrt(2))) / 2
    if function == "silu":
        return z / (1 + exp(-z))
    if function == "gelu_new":
        return z / 2 * (1 + tanh(sqrt(2 / pi) * (z + 0.044715 * z**3)))
    return z


def normed(norm: dict[str, Any] | None, x: np.ndarray) -> np.ndarray:
    """N(x) of rows."""
    if norm is None:
        return x
    y = x - x.mean(-1, keepdims=True) if norm["function"] == "layernorm" else x
    y = y / np.sqrt((y * y).mean(-1, keepdims=True) + float(norm["epsilon"]))
    return y * norm.get("w", 1.0) + norm.get("b", 0.0)


def least(node: Any, rows: Sequence[Sequence[float]]) -> float:
    """The least sum of floats, by whole numbers (slopes of labels are floored)."""
    return node.least([[int(v * 2.0**64) for v in row] for row in rows]) / 2.0**64


def encoded(value: float, up: bool) -> int:
    """The code of a positive number, rounded down or up."""
    mantissa, e = frexp(value)
    n = floor(mantissa * 8192)
    code = (e - 1) * 4096 + n - 4096
    return code + 1 if up and n < mantissa * 8192 else code


def decoded(code: int) -> float:
    return (4096 + code % 4096) * 2.0 ** (code // 4096 - 12)


class Floats:
    """The tables of a network for one query."""

    def __init__(self, layers: list[dict[str, Any]], r: int, q: int, tokens: Sequence[Sequence[int]]) -> None:
        embed, attention = layers[0], layers[1]
        self.mlp = layers[2] if len(layers) == 4 else None
        self.end = layers[-1]
        streams = [np.asarray(embed["E"], float) + (embed["P"][p] if "P" in embed else 0) for p in range(len(tokens))]
        self.heads = len(attention["W_Q"])
        scale = attention["scale"]
        c = (
            1 / sqrt(float(scale[7:-1]))
            if scale.startswith("1/sqrt")
            else float(np.prod([float(x) ** s for x, s in zip(scale.split("/"), (1, -1), strict=False)]))
        )
        y = [normed(attention.get("norm"), x) for x in streams]
        bias = lambda name, h: attention[name][h] if name in attention else 0.0  # noqa: E731
        self.w, self.o = [], []
        for h in range(self.heads):
            query = y[r][q] @ attention["W_Q"][h] + bias("b_Q", h)
            scores = [c * ((x @ attention["W_K"][h] + bias("b_K", h)) @ query) for x in y]
            seen = [list(tokens[p]) if p != r else [q] for p in range(len(tokens))]
            top = max(scores[p][t] for p in range(len(tokens)) for t in seen[p])
            self.w.append([np.exp(s - top) for s in scores])
            self.o.append([(x @ attention["W_V"][h] + bias("b_V", h)) @ attention["W_O"][h] for x in y])
        own = streams[r][q] + attention.get("b_O", 0.0)
        self.o[0] = [o + own for o in self.o[0]]
        if self.mlp is not None:
            self.g = [
                [o @ self.mlp["W_in"] + (0 if h else self.mlp.get("b_in", 0.0)) for o in self.o[h]]
                for h in range(self.heads)
            ]
            self.o[0] = [o + self.mlp.get("b_out", 0.0) for o in self.o[0]]
        self.norm = self.end.get("norm")
        d = own.shape[-1]
        self.project = np.eye(d) - 1 / d if self.norm and self.norm["function"] == "layernorm" else np.eye(d)
        if self.norm:
            self.sizes = [[np.linalg.norm(o @ self.project, axis=1) / sqrt(d) for o in by] for by in self.o]
        self.d = d

    def reader(self, y: int, x: int) -> tuple[np.ndarray, float]:
        """u and kappa."""
        step = self.end["W_U"][:, y] - self.end["W_U"][:, x]
        bias = self.end.get("b_U", np.zeros(self.end["W_U"].shape[1]))
        kappa = bias[y] - bias[x]
        if self.norm:
            kappa += step @ np.broadcast_to(self.norm.get("b", 0.0), step.shape)
            step = self.project @ (step * self.norm.get("w", 1.0))
        return step.astype(float), float(kappa)


@dataclass
class Facts:
    open: tuple[int, ...] | None = None
    right: int | None = None
    z: list[tuple[float, float]] | None = None
    slopes: list[float] | None = None
    rho: list[tuple[int, int]] | None = None


class Emitter:
    """One tree."""

    def __init__(
        self,
        layers: list[dict[str, Any]],
        r: int,
        tokens: Sequence[Sequence[int]],
        answer: Callable[[Any], int | None],
        each: int = 4,
        cuts: int = 1,
        room: float = ROOM,
        stop: int = 0,
    ) -> None:
        self.layers, self.r, self.tokens, self.answer, self.each, self.cuts, self.room, self.stop = (
            layers,
            r,
            tokens,
            answer,
            each,
            cuts,
            room,
            stop,
        )
        self.symbols: list[str] = []
        self.places: list[int] = []
        self.numbers: list[int] = []
        self.floats: dict[int, Floats] = {}
        self.leaves: list[tuple[str, Any, Facts, int]] = []
        self.outputs = layers[-1]["W_U"].shape[1]

    def at(self, q: int, seen: int) -> Floats:
        if q not in self.floats:
            self.floats = {q: Floats(self.layers, self.r, q, self.tokens[:seen])}
        return self.floats[q]

    def rows(self, table: Any, support: Any) -> list[list[float]]:
        return [[float(table[m][t]) for t in ts] for m, ts in support]

    def ratio(self, node: Any, w: list[list[float]], v: list[list[float]]) -> float:
        """A lower bound of sum w v / sum w, found by steps from below."""
        most = -least(node, [[-a for a in row] for row in w])
        smallest = least(node, w)
        found = min(min(row) for row in v)
        for _ in range(12):
            f = least(node, [[a * (b - found) for a, b in zip(x, y, strict=True)] for x, y in zip(w, v, strict=True)])
            found += f / most if f > 0 else f / max(smallest, 1e-300)
        return found

    def facts(self, node: Any, table: Floats, state: Facts) -> Facts | None:
        support = node.support()
        ws = [self.rows(w, support) for w in table.w]
        if table.mlp is not None:
            ends = []
            for h in range(table.heads):
                for i in range(table.mlp["W_in"].shape[1]):
                    g = self.rows([x[:, i] for x in table.g[h]], support)
                    low = self.ratio(node, ws[h], g)
                    high = -self.ratio(node, ws[h], [[-a for a in row] for row in g])
                    wide = 1e-6 * (1 + abs(low) + abs(high))
                    ends.append((floor((low - wide) * 2**Z_BITS), -floor(-(high + wide) * 2**Z_BITS)))
            k = table.mlp["W_in"].shape[1]
            by_head = [ends[h * k : (h + 1) * k] for h in range(table.heads)]
            sums = [
                [sum(pair[side] for pair in pairs) / 2**Z_BITS for pairs in zip(*by_head, strict=True)]
                for side in (0, 1)
            ]
            state.z = z = list(zip(*sums, strict=True))
            if table.mlp["function"] in GATED and any(high - low > 60 for low, high in z):
                return None
            self.symbols.append("Z")
            self.numbers += [n for pair in ends for n in pair]
            if table.mlp["function"] in GATED:
                state.slopes = []
                for low, high in z:
                    a = floor(
                        (phi(table.mlp["function"], high) - phi(table.mlp["function"], low))
                        / (high - low)
                        * 2**SLOPE_BITS
                    )
                    self.numbers.append(a)
                    state.slopes.append(a / 2**SLOPE_BITS)
        if table.heads > 1:
            self.symbols.append("O")
            state.rho = []
            for h in range(1, table.heads):
                v = [[a / b for a, b in zip(x, y, strict=True)] for x, y in zip(ws[0], ws[h], strict=True)]
                low = self.ratio(node, ws[h], v) * (1 - 1e-6)
                high = -self.ratio(node, ws[h], [[-a for a in row] for row in v]) * (1 + 1e-6)
                state.rho.append((encoded(low, False), encoded(high, True)))
                self.numbers += state.rho[-1]
        return state

    def lines(self, table: Floats, state: Facts) -> list[tuple[float, float, float, float]]:
        """Slope and intercept below, and above."""
        assert table.mlp is not None and state.z is not None
        function, found = table.mlp["function"], []
        for i, (low, high) in enumerate(state.z):
            if function == "relu":
                if low >= 0:
                    below = above = 1.0
                elif high <= 0:
                    below = above = 0.0
                else:
                    below, above = float(high > -low), floor(high / (high - low) * 2**SLOPE_BITS) / 2**SLOPE_BITS
            elif function == "square":
                below = above = low + high
            elif function == "identity":
                below = above = 1.0
            else:
                assert state.slopes is not None
                below = above = state.slopes[i]
            points = np.linspace(low, high, 80)
            values = np.array([phi(function, z) for z in points])
            off = 3e-4 + (high - low) ** 2 / 2e4 if function in GATED else 0.0
            if function == "square":
                b = -(((low + high) / 2) ** 2)
            else:
                b = float(np.min(np.append(values - below * points, 0 if low < 0 < high else 9e99)))
            found.append((below, b - off, above, float(np.max(values - above * points)) + off))
        return found

    def form(self, node: Any, table: Floats, state: Facts, y: int, x: int) -> list[list[list[float]]]:
        """w_h and n_h rows."""
        support = node.support()
        u, kappa = table.reader(y, x)
        constant, extra = 0.0, [np.zeros(1)] * 0
        n = [[o @ u for o in by] for by in table.o]
        part = 0.0
        if table.mlp is not None:
            c = table.mlp["W_out"] @ u
            lines = self.lines(table, state)
            a = np.array([line[0] if ci >= 0 else line[2] for ci, line in zip(c, lines, strict=True)])
            b = np.array([line[1] if ci >= 0 else line[3] for ci, line in zip(c, lines, strict=True)])
            n = [[row + g @ (c * a) for row, g in zip(by, gs, strict=True)] for by, gs in zip(n, table.g, strict=True)]
            constant += float(c @ b)
            if table.norm:
                assert state.z is not None
                sizes = [
                    max(abs(low), abs(high)) ** (2 if table.mlp["function"] == "square" else 1) for low, high in state.z
                ]
                part = float(np.dot(sizes, np.linalg.norm(table.mlp["W_out"] @ table.project, axis=1))) / sqrt(table.d)
        if not table.norm:
            constant += kappa
        elif kappa < 0:
            constant += kappa * (sqrt(float(table.norm["epsilon"])) + part)
            n = [
                [row + kappa * s for row, s in zip(by, ss, strict=True)] for by, ss in zip(n, table.sizes, strict=True)
            ]
        n[0] = [row + constant for row in n[0]]
        del extra
        return [self.rows(by, support) for by in n]

    def beats(self, node: Any, table: Floats, state: Facts, y: int, x: int) -> list[list[int]] | None:
        """The numbers gamma of each piece if y is seen to beat x; the pieces are those of ``self.pieces``."""
        support = node.support()
        ws, n = [self.rows(w, support) for w in table.w], self.form(node, table, state, y, x)
        if table.heads == 1:
            rows = [
                [a * (b - self.room * (1 + abs(b))) for a, b in zip(p, q, strict=True)]
                for p, q in zip(ws[0], n[0], strict=True)
            ]
            return [[]] if least(node, rows) > 0 else None
        if table.heads > 2:
            gammas = [self.ratio(node, ws[h], n[h]) for h in range(table.heads)]
            gap = sum(gammas) / table.heads
            numbers = [round((g - gap) * 2**GAMMA_BITS) for g in gammas[1:]]
            return (
                [numbers]
                if all(
                    self.corner(node, ws, n, ratios, numbers)
                    for ratios in itertools.product(*(map(decoded, ends) for ends in state.rho or []))
                )
                else None
            )
        found = []
        for low, high in self.pieces(state):
            left, right = -(2.0**9), 2.0**9
            start = self.ratio(node, ws[1], n[1]) - (self.ratio(node, ws[0], n[0]) + self.ratio(node, ws[1], n[1])) / 2
            gamma = start
            for _ in range(14):
                number = round(gamma * 2**GAMMA_BITS)
                a, b = (self.corner(node, ws, n, (decoded(end),), [number]) for end in (low, high))
                if a and b:
                    found.append([number])
                    break
                if not a and not b:
                    return None
                # at the low end larger numbers for head 0 help less: D_1 - rho D_2 >= 0 there
                if not a:
                    right = gamma
                else:
                    left = gamma
                gamma = (left + right) / 2
            else:
                return None
        return found

    def corner(self, node: Any, ws: Any, n: Any, ratios: Sequence[float], numbers: Sequence[int]) -> bool:
        shifts = [g / 2**GAMMA_BITS for g in numbers]
        shifts = [-sum(shifts), *shifts]
        rows = []
        for k in range(len(ws[0])):
            rows.append(
                [
                    sum(
                        rho
                        * ws[h][k][j]
                        * (n[h][k][j] - shifts[h] - self.room * (1 + abs(n[h][k][j]) + abs(shifts[h])))
                        for h, rho in enumerate((1.0, *ratios))
                    )
                    for j in range(len(ws[0][k]))
                ]
            )
        return least(node, rows) > 0

    def pieces(self, state: Facts) -> list[tuple[int, int]]:
        assert state.rho is not None
        low, high = state.rho[0]
        count = max(1, min(self.cuts, high - low))
        ends = [low + (high - low) * i // count for i in range(count + 1)]
        return list(itertools.pairwise(ends))

    def cut(self, state: Facts) -> None:
        if state.rho is not None and len(state.rho) == 1 and self.cuts > 1:
            pieces = self.pieces(state)
            if len(pieces) > 1:
                self.symbols.append("C")
                self.places.append(len(pieces) - 1)
                self.numbers += [low for low, _ in pieces[1:]]

    def node(self, inputs: Any, state: Facts | None = None) -> None:
        """The subtree of a set whose query is known."""
        size = inputs.size()
        if not size:
            return
        state = replace(state) if state else Facts()
        table = self.at(
            inputs.query(),
            len(inputs.tokens)
            if isinstance(inputs, Box) and inputs.seen > len(self.tokens)
            else inputs.seen
            if isinstance(inputs, Box)
            else inputs.read + 1,
        )
        right = state.right if state.right is not None else self.answer(inputs)
        if right is None:
            self.split(inputs, table, state)
            return
        if state.right is None:
            state.right, state.open = right, tuple(x for x in range(self.outputs) if x != right)
        if isinstance(inputs, Box) and size <= self.each:
            self.symbols.append("E")
            self.leaves.append(("E", inputs, state, -1))
            return
        known = self.facts(inputs, table, state)
        if known is None:
            self.split(inputs, table, state)
            return
        state = known
        assert state.open is not None
        found = {x: self.beats(inputs, table, state, right, x) for x in state.open}
        failing = [x for x in state.open if found[x] is None]
        tested = [x for x in state.open if found[x] is not None]
        self.cut(state)
        self.symbols.append("K" if failing else "R")
        if failing:
            self.places += [len(failing), *failing]
        self.numbers += [g for x in tested for piece in found[x] or [] for g in piece]
        if not failing:
            self.leaves.append(("R", inputs, state, -1))
            return
        state.open = tuple(failing)
        for x in failing:
            wrong = self.beats(inputs, table, state, x, right)
            if wrong is not None:
                self.cut(state)
                self.symbols.append("W")
                self.places.append(x)
                self.numbers += [g for piece in wrong for g in piece]
                self.leaves.append(("W", inputs, state, x))
                return
        self.split(inputs, table, state)

    def split(self, inputs: Any, table: Floats, state: Facts) -> None:
        if inputs.size() <= self.stop:
            self.symbols.append("U")
            return
        if isinstance(inputs, Lists):
            below, above, *_ = inputs.pools()
            free = [t for t in (*below, *above) if t not in inputs.inside]
            weight = {t: sum(table.w[h][0][t] for h in range(table.heads)) for t in free}
            if not free:
                self.symbols.append("U")
                return
            t = max(free, key=lambda u: (weight[u], -u))
            self.symbols.append("I")
            self.places.append(t)
            self.node(replace(inputs, inside=inputs.inside | {t}), state)
            self.node(replace(inputs, outside=inputs.outside | {t}), state)
            return
        p = max(range(inputs.seen), key=lambda p: len(inputs.tokens[p]))
        if len(inputs.tokens[p]) == 1:
            self.symbols.append("U" if inputs.label is None else "E")
            return
        t = max(inputs.tokens[p], key=lambda u: table.w[0][p][u])
        self.symbols.append("S")
        self.places += [p, t]
        self.node(inputs.holding(p, (t,)), state)
        self.node(inputs.holding(p, [u for u in inputs.tokens[p] if u != t]), state)

    def tree(self) -> dict[str, str]:
        def text(kind: str, values: Sequence[int]) -> str:
            data = array(kind, values)
            data.byteswap()
            return base64.b64encode(data.tobytes()).decode("ascii")

        return {"symbols": "".join(self.symbols), "places": text("H", self.places), "numbers": text("i", self.numbers)}


def maximum_tree(
    layers: list[dict[str, Any]], tokens: Sequence[Sequence[int]], queries: Sequence[int] | None = None, **options: Any
) -> Emitter:
    """The tree of max-of-k, read at the last position; it says nothing of last tokens not among ``queries``."""
    n = len(tokens)

    def answer(box: Box) -> int | None:
        low, high = (max(end(ts) for ts in box.tokens) for end in (min, max))
        return low if low == high else None

    emitter = Emitter(layers, n - 1, tokens, answer, **options)
    root = Box(tuple(map(tuple, tokens)), n - 1, n)
    emitter.symbols.append("Q")
    emitter.places.append(n - 1)
    for t in tokens[n - 1]:
        if queries is not None and t not in queries:
            emitter.symbols.append("U")
            continue
        emitter.symbols.append("M")
        for child in root.holding(n - 1, (t,)).maxima():
            emitter.node(child)
    return emitter


def running_tree(layers: list[dict[str, Any]], r: int, tokens: Sequence[Sequence[int]], **options: Any) -> Emitter:
    """The tree of running-sum-sign read at r: by the query's token, then by the sum."""
    size = len(layers[0]["E"])
    value = tuple(t if 2 * t <= size else t - size for t in range(size))

    def ends(box: Box) -> tuple[int, int]:
        low, high = (sum(end(value[t] for t in ts) for ts in box.tokens) for end in (min, max))
        return (max(low, box.label.low), min(high, box.label.high)) if box.label else (low, high)

    def answer(box: Box) -> int | None:
        signs = {1 + (s > 0) - (s < 0) for s in ends(box)}
        return signs.pop() if len(signs) == 1 else None

    emitter = Emitter(layers, r, tokens, answer, **options)
    root = Box(tuple(map(tuple, tokens[: r + 1])), r, r + 1)
    emitter.symbols.append("Q")
    emitter.places.append(r)

    def by_sum(box: Box, cuts: list[int]) -> None:
        """Cuts at these sums, the least first."""
        if not box.size():
            return
        if not cuts:
            emitter.node(box)
            return
        low, high = ends(box)
        middle = cuts[len(cuts) // 2]
        emitter.symbols.append("B")
        emitter.numbers.append(middle)
        by_sum(replace(box, label=Label(value, low, min(middle - 1, high))), cuts[: len(cuts) // 2])
        by_sum(replace(box, label=Label(value, max(low, middle), high)), cuts[len(cuts) // 2 + 1 :])

    for t in tokens[r]:
        by_sum(root.holding(r, (t,)), [-40, -20, -10, -6, -4, -3, -2, -1, 0, 1, 2, 3, 4, 6, 10, 20, 40])
    return emitter


def lists_tree(layers: list[dict[str, Any]], step: int, tokens: Sequence[Sequence[int]], **options: Any) -> Emitter:
    """The tree of sorted-list at one step."""
    length = len(tokens) // 2
    root = Lists(length, tokens[length][0], step)
    emitter = Emitter(layers, length + step, tokens, lambda node: node.after, **options)
    emitter.symbols.append("A")
    for child in root.pairs():
        emitter.node(child)
    return emitter


def certificate(statement: str, low: int, high: int, inputs: int, trees: Sequence[dict[str, str]]) -> bytes:
    """The certificate of schema 2 that states these bounds."""
    bounds = {"right_low": hex(low), "right_high": hex(high)}
    bits = {"z": Z_BITS, "gamma": GAMMA_BITS, "slope": SLOPE_BITS}
    steps: list[tuple[str, list[int], Any, Any]] = [
        ("network_definition/2", [], {}, {"kind": "network", "statement": statement}),
        ("boxes/1", [0], {"threshold": "0x0", "bits": bits, "trees": trees}, {"kind": "right_count", **bounds}),
        ("accuracy/1", [1], {}, {"kind": "accuracy", **bounds, "inputs": hex(inputs)}),
    ]
    text = {
        "schema": "mechproof-certificate/2",
        "relation": {"metric": "accuracy", **bounds, "inputs": hex(inputs)},
        "statement": statement,
        "derivations": [
            {"id": n, "rule": rule, "premises": premises, "advice": advice, "conclusion": conclusion}
            for n, (rule, premises, advice, conclusion) in enumerate(steps)
        ],
    }
    return (json.dumps(text, separators=(",", ":")) + "\n").encode("ascii")

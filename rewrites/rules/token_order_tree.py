"""Counting right sequences by a tree over tokens, from the heaviest down.

Fix a cell (q, m) and order its tokens τ_0 = m, τ_1, …, τ_m.  A *node* (ℓ, i, M, fixed) is the set of sequences in
which the positions outside M hold fixed tokens, positions of M below i ("lo") hold one of τ_{ℓ+1} … τ_m and the
others ("hi") one of τ_ℓ … τ_m.

Theorem.  (Partition) With j = min hi the node is the disjoint union of (ℓ, j+1, M∖j, fixed with t_j = τ_ℓ) and (ℓ,
j+1, M, fixed); if hi is empty it equals (ℓ+1, 0, M, fixed).  The roots partition the cell: for q = m all free
positions are hi at ℓ = 0; for q < m the p-th root holds the sequences whose first position with m is p. (Bound) For
every sequence of a node, Σ_p min D <= Σ_p D(p, t_p) <= Σ_p max D over its allowed tokens, with equality somewhere.
So if the right-hand side is negative for every x != m, all of its (m-ℓ)^|lo|·(m+1-ℓ)^|hi| sequences are right; if
the left-hand side is >= 0 for one x, all are wrong.

Proof.  Position j either holds τ_ℓ or does not; the first position that holds m is unique.  The sum is separable,
so its extremes over a product of sets are the sums of the extremes.  A tie is wrong, hence >= 0.

Nothing in the tree needs trust: any tree, with any order, gives true counts.

Intervals instead of a tolerance, so that exact zeros count at inner nodes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from sympy import Symbol

from ...engine.arithmetic.interval import IntervalTable
from ...engine.cost import Cost
from ...engine.formula import At, Count, Exists, ForAll, Formula, Num, Range, Sequences, Total, Var
from ...engine.ledger import Ledger, ranges
from ...engine.rule import Lemma, NotEstablished, Rule
from ...models.one_layer import one_layer_of
from .additive_margin import MARGIN_COST, AdditiveMargin
from .box_extremes import BOX, Cell
from .margin_enclosure import MarginEnclosure
from .notions import NODE
from .parts import cells
from .path_decomposition import K, V
from .right_count import RightCount

ORDER = "descending-score"
VERDICTS = {"R": "right", "W": "wrong", "U": "open"}
LEDGER = (
    "Each row is a leaf, or a cell that was not parted (the free positions then read cell). On a leaf, position by "
    "position, the tokens that each of the $K - 1$ free positions may hold are given (4-7 stands for 4, 5, 6 and 7), "
    "so "
    "that it has as many sequences as the product of their numbers. Every sequence lies in exactly one row; those of "
    "the rows that are right, and wrong, add up to the count."
)

_p, _t, _i, _j, _a = (Var(name) for name in "ptija")
_positions = Range(Num(0), Var("K"))
_all = Sequences("T", Var("K"))


def _holds(position: Var) -> Formula:
    return At("t", position, subscript=True).equals(_a)


def _lacks(position: Var) -> Formula:
    return At("t", position, subscript=True).differs(_a)


def _such(condition: Formula) -> Count:
    return Count(_t, _all, condition)


PARTITION = Lemma(
    label="token-order-partition",
    title="Parting a product of sets by one token",
    given=(
        "For all $K \\ge 1$, finite sets $T_0, \\dots, T_{K-1}$ of tokens, every token $a$ and every position $j < K$, "
        "where $\\#$ is the number of members of a set:"
    ),
    statement=(_such(_holds(_j)) + _such(_lacks(_j))).equals(Count(_t, _all))
    & Total(_p, _positions, _such(ForAll(_i, Range(Num(0), _p), _lacks(_i)) & _holds(_p))).equals(
        _such(Exists(_i, _positions, _holds(_i)))
    ),
    proof=(
        "Position $j$ holds $a$ or it does not. A sequence that holds $a$ somewhere has a unique first position $p$ "
        "with it. So the parts are disjoint, and each is a product of sets again: a tree that parts a set in these "
        "two ways, as often and wherever it likes, has leaves that partition the set, and their sizes add up to its "
        "own."
    ),
    source="counting by the first position that holds a token",
)


@dataclass(frozen=True)
class Tree:
    """Advice: one symbol a node, all cells in order (docs/certificate.md §3)."""

    symbols: str


@dataclass(frozen=True)
class Node:
    """A set of sequences of one cell, with packed bounds of the sums for every column."""

    level: int
    start: int
    positions: tuple[int, ...]
    upper: int
    lower: int
    tokens: tuple[int, ...]  # the token fixed at each position, -1 where free


class Levels(dict[int, list[int]]):
    """A positions × levels × columns table, level by level: at each position its columns packed into one integer.

    A level is packed when a tree first comes to it; most trees never come to most levels.
    """

    def __init__(self, values: np.ndarray, bias: int) -> None:
        super().__init__()
        self._values, self._bias = values, bias

    def __missing__(self, level: int) -> list[int]:
        values = np.ascontiguousarray(self._values[:, level], dtype="<i8")
        width, raw = 8 * values.shape[1], (values.view("<u8") ^ np.uint64(1 << 63)).tobytes()
        pieces = (raw[width * p : width * (p + 1)] for p in range(len(values)))
        self[level] = [int.from_bytes(piece, "little") - self._bias for piece in pieces]
        return self[level]


class BoxTree:
    """The nodes of one cell: roots, children, sizes, and bounds of separable sums over each.

    Tables come in the token order, ``free`` as (K-1) × (m+1) × columns, ``base`` for the last position.  A vector over
    the columns is one Python integer Σ value_k·2^(64k) with signed values; adding 2^63 to every field makes the top bit
    of field k say value_k >= 0, so "all negative" is one AND.  |value| < 2^62 is guaranteed by the enclosure.
    """

    def __init__(self, q: int, m: int, order: Sequence[int], base: IntervalTable, free: IntervalTable) -> None:
        self.q, self.m, self.order = q, m, order
        positions, _, self.columns = free.lower.shape
        self._everywhere = tuple(range(positions))
        self._bias = sum(1 << (64 * k + 63) for k in range(self.columns))
        (upper,), (lower,) = (Levels(end[None, None], self._bias)[0] for end in (base.upper, base.lower))
        self._base = upper, lower
        self._value = Levels(free.upper, self._bias), Levels(free.lower, self._bias)
        suffix_max = np.maximum.accumulate(free.upper[:, ::-1], axis=1)[:, ::-1]
        suffix_min = np.minimum.accumulate(free.lower[:, ::-1], axis=1)[:, ::-1]
        self._best = Levels(suffix_max, self._bias), Levels(suffix_min, self._bias)

    def roots(self) -> list[Node]:
        """The boxes that partition the cell (see :mod:`.box_extremes`)."""
        upper, lower = self._base
        for p in self._everywhere:
            upper, lower = upper + self._best[0][0][p], lower + self._best[1][0][p]
        start = Node(0, 0, self._everywhere, upper, lower, (-1,) * len(self._everywhere))
        if self.q == self.m:
            return [start]
        nodes = []
        for _ in self._everywhere:
            first, start = self.split(start)
            nodes.append(first)
        return nodes

    def settled(self, node: Node) -> Node | None:
        """The node, one level on when no position is hi; None when it holds no sequence."""
        if not node.positions:
            return node
        some_low, no_high = node.positions[0] < node.start, node.positions[-1] < node.start
        if some_low and node.level == self.m:
            return None
        if no_high:
            return Node(node.level + 1, 0, node.positions, node.upper, node.lower, node.tokens)
        return node

    def size(self, node: Node) -> int:
        low = sum(1 for p in node.positions if p < node.start)
        return (self.m - node.level) ** low * (self.m + 1 - node.level) ** (len(node.positions) - low)

    def held(self, node: Node, position: int) -> Sequence[int]:
        """The tokens that a free position may hold on the node."""
        if position not in node.positions:
            return (node.tokens[position],)
        return self.order[node.level + (position < node.start) :]

    def split(self, node: Node) -> tuple[Node, Node]:
        """The two children of a settled node that is not a single sequence; either may hold no sequence."""
        j = next(p for p in node.positions if p >= node.start)
        level = node.level
        best_upper, best_lower = self._best[0][level][j], self._best[1][level][j]
        rest = tuple(p for p in node.positions if p != j)
        tokens = (*node.tokens[:j], self.order[level], *node.tokens[j + 1 :])
        include = Node(
            level,
            j + 1,
            rest,
            node.upper + self._value[0][level][j] - best_upper,
            node.lower + self._value[1][level][j] - best_lower,
            tokens,
        )
        # Past the last token the exclude child is empty; its bounds are never read.
        following = min(level + 1, self.m)
        exclude = Node(
            level,
            j + 1,
            node.positions,
            node.upper + self._best[0][following][j] - best_upper,
            node.lower + self._best[1][following][j] - best_lower,
            node.tokens,
        )
        return include, exclude

    def fields(self, packed: int) -> np.ndarray:
        """The columns of a node's packed bounds, int64."""
        raw = (packed + self._bias).to_bytes(8 * self.columns, "little")
        return (np.frombuffer(raw, dtype="<u8") ^ np.uint64(1 << 63)).view("<i8")


class CellTree(BoxTree):
    """The margins of one cell's active x, and the tests of a node."""

    def __init__(self, margin: AdditiveMargin, cell: Cell) -> None:
        self.margin, self.active = margin, cell.active
        order = token_order(margin, cell.q, cell.m)
        base, free = cell.table.base[self.active], cell.table.free[:, list(order), :][:, :, self.active]
        super().__init__(cell.q, cell.m, order, base, free)

    def is_right(self, node: Node) -> bool:
        """Whether every sequence of the node is right (for a single sequence: decided exactly)."""
        undecided = (node.upper + self._bias) & self._bias
        if not undecided:
            return True
        if node.positions:
            return False
        return all(self._exact_sign(node, x) == -1 for k, x in enumerate(self.active) if undecided >> (64 * k + 63) & 1)

    def is_wrong_by(self, node: Node, x: int) -> bool:
        """Whether x is at least as large as m on every sequence of the node (single sequence: exactly)."""
        if x not in self.active:
            return False
        k = self.active.index(x)
        if (node.lower + self._bias) >> (64 * k + 63) & 1:
            return True
        return not node.positions and self._exact_sign(node, x) in (0, 1)

    def wrong_witness(self, node: Node) -> int | None:
        """Some x that makes the whole node wrong, if the bounds (for a single sequence: exact signs) show one."""
        shown = (node.lower + self._bias) & self._bias
        if shown:
            return self.active[((shown & -shown).bit_length() - 1) // 64]
        if node.positions:
            return None
        possible = (node.upper + self._bias) & self._bias
        candidates = (x for k, x in enumerate(self.active) if possible >> (64 * k + 63) & 1)
        return next((x for x in candidates if self._exact_sign(node, x) in (0, 1)), None)

    def _exact_sign(self, node: Node, x: int) -> int | None:
        return self.margin.sign(self.q, self.m, x, (*node.tokens, self.q))


def token_order(margin: AdditiveMargin | MarginEnclosure, q: int, m: int) -> tuple[int, ...]:
    """τ_0 = m, then the other tokens below m by descending exact EQKE[q, t], equal ones ascending."""
    return (m, *sorted(range(m), key=lambda t: (-margin.paths.token_score(q, t), t)))


def token_digits(d_vocab: int) -> int:
    """Hex digits that a token takes after W."""
    return max(1, ((d_vocab - 1).bit_length() + 3) // 4)


class TokenOrderTree(Rule):
    """Advice: a :class:`Tree`.  Every symbol is tested; a false one refuses the whole tree."""

    name = "token_order_tree"
    certifiable = True
    premises = (AdditiveMargin,)
    lemmas = (BOX, PARTITION)
    notions = (NODE,)
    derivation = (
        "Every cell is parted along a tree of nodes, whose leaves partition it by [@token-order-partition]. Let $T_p$ "
        "be the "
        "tokens that position $p$ may hold on a leaf ($T_{K-1} = \\{q\\}$). By [@box-extremes] all sequences of the "
        "leaf are "
        "right when $$\\sum_{0 \\le p < K} \\max_{t \\in T_p} D_{q,m,x}(p, t) < 0 \\quad \\text{for every } x \\ne "
        "m,$$ and all are wrong "
        "when $$\\sum_{0 \\le p < K} \\min_{t \\in T_p} D_{q,m,x}(p, t) \\ge 0 \\quad \\text{for one } x \\ne m.$$ A "
        "leaf that is one "
        "sequence is decided exactly. The sizes of the leaves of both kinds are added up; any other leaf counts "
        "neither as "
        "right nor as wrong. The certificate holds the tree, one symbol a node; any tree gives true counts."
    )
    cost = MARGIN_COST + Cost(
        multiply=V**3 * (V + 1) / 2 * K / 2 * 2,
        compare=V**3 * (V + 1) / 2 * K / 2 + V * Symbol("n", positive=True, integer=True),
        add=V**3 * K + 2 * V * Symbol("n", positive=True, integer=True),
    )

    def conclude(self, premises: Sequence[Any], advice: Tree) -> RightCount:
        (margin,) = premises
        layer = one_layer_of(margin.statement)
        reader = TreeReader(advice.symbols, token_digits(layer.d_vocab), self.name)
        right, wrong = {}, {}
        for q, m in layer.cells():
            right[q, m], wrong[q, m] = 0, 0
            if layer.cell_size(q, m):
                right[q, m], wrong[q, m] = self._cell(margin, Cell(margin.enclosure, q, m), reader)
        reader.finish()
        return RightCount(cells(margin.statement), right, wrong)

    def ledger(self, premises: Sequence[Any], advice: Tree) -> Ledger:
        (margin,) = premises
        layer = one_layer_of(margin.statement)
        reader = TreeReader(advice.symbols, token_digits(layer.d_vocab), self.name)
        rows: list[tuple[int | str, ...]] = []
        for q, m in layer.cells():
            if not layer.cell_size(q, m):
                continue
            tree = None if reader.peek() != "S" else CellTree(margin, Cell(margin.enclosure, q, m))
            symbol = reader.symbol()
            if symbol == "W":
                reader.token()
            if tree is None:
                rows.append((q, m, VERDICTS[symbol], "cell", layer.cell_size(q, m)))
            else:
                for symbol, node in leaves(tree, reader):
                    held = " | ".join(ranges(sorted(tree.held(node, p))) for p in range(len(node.tokens)))
                    rows.append((q, m, VERDICTS[symbol], held, tree.size(node)))
        return Ledger("count.csv", ("q", "m", "verdict", "free positions", "sequences"), tuple(rows), LEDGER)

    def encode(self, advice: Tree) -> dict[str, Any]:
        return {"order": ORDER, "tree": advice.symbols}

    def _cell(self, margin: AdditiveMargin, cell: Cell, reader: TreeReader) -> tuple[int, int]:
        """At least how many of the cell's sequences are right, and wrong."""
        size = one_layer_of(margin.statement).cell_size(cell.q, cell.m)
        match reader.symbol():
            case "R":
                require(self, not cell.active, cell, "not every sequence of the cell is shown right")
                return size, 0
            case "W":
                x = reader.token()
                require(self, x in cell.wins_everywhere(), cell, f"output {x} is not shown to win on the whole cell")
                return 0, size
            case "S":
                return self._tree(CellTree(margin, cell), cell, reader)
        return 0, 0

    def _tree(self, tree: CellTree, cell: Cell, reader: TreeReader) -> tuple[int, int]:
        stack = tree.roots()[::-1]
        right = wrong = 0
        while stack:
            node = tree.settled(stack.pop())
            if node is None:
                continue
            match reader.symbol():
                case "R":
                    require(self, tree.is_right(node), cell, "a node is not shown right")
                    right += tree.size(node)
                case "W":
                    x = reader.token()
                    require(self, tree.is_wrong_by(node, x), cell, f"output {x} is not shown to win on a node")
                    wrong += tree.size(node)
                case "S":
                    require(self, bool(node.positions), cell, "a single sequence cannot be split")
                    stack.extend(reversed(tree.split(node)))
        return right, wrong


def leaves(tree: BoxTree, reader: TreeReader) -> Iterator[tuple[str, Node]]:
    """The symbol and the node of each leaf of a cell whose first symbol, S, is read already."""
    stack = tree.roots()[::-1]
    while stack:
        node = tree.settled(stack.pop())
        if node is None:
            continue
        symbol = reader.symbol()
        if symbol == "S":
            stack.extend(reversed(tree.split(node)))
            continue
        if symbol == "W":
            reader.token()
        yield symbol, node


class Placed(Protocol):
    """Anything that knows its query and its maximum."""

    q: int
    m: int


def require(rule: Rule, condition: bool, cell: Placed, reason: str) -> None:
    """Raise NotEstablished, naming the cell, unless the condition holds."""
    if not condition:
        raise NotEstablished(rule.tag, f"cell q = {cell.q}, m = {cell.m}: {reason}")


class TreeReader:
    """Reads symbols one by one and refuses a tree that is too short, too long or misspelt."""

    def __init__(self, symbols: str, digits: int, rule: str) -> None:
        self._symbols, self._digits, self._rule, self._at = symbols, digits, rule, 0

    def symbol(self) -> str:
        symbol = self._symbols[self._at : self._at + 1]
        if symbol not in ("R", "W", "S", "U"):
            raise NotEstablished(self._rule, f"symbol {self._at} of the tree is {symbol!r}, not one of R, W, S, U")
        self._at += 1
        return symbol

    def peek(self) -> str:
        """The next symbol, which stays the next."""
        return self._symbols[self._at : self._at + 1]

    def token(self) -> int:
        text = self._symbols[self._at : self._at + self._digits]
        if len(text) != self._digits or any(c not in "0123456789abcdef" for c in text):
            raise NotEstablished(self._rule, f"no token after symbol {self._at - 1} of the tree")
        self._at += self._digits
        return int(text, 16)

    def finish(self) -> None:
        if self._at != len(self._symbols):
            raise NotEstablished(
                self._rule, f"{len(self._symbols) - self._at} symbols are left over at the end of the tree"
            )

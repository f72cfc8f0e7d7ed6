"""Trees over tokens: the partition lemma, and trees found or made up against a second reading of the format (§3)."""

from __future__ import annotations

import itertools
import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from shares import halved

from mechproof.engine.formula import Num
from mechproof.engine.oracle import examine
from mechproof.engine.rule import NotEstablished
from mechproof.rewrites.advice.token_order_search import Limits, search
from mechproof.rewrites.rules import additive_margin
from mechproof.rewrites.rules.box_extremes import Cell
from mechproof.rewrites.rules.token_order_tree import (
    PARTITION,
    CellTree,
    TokenOrderTree,
    Tree,
    token_digits,
    token_order,
)

RULE = TokenOrderTree()
FLAVOURS = [
    "float16", "eighths", "denormal", "huge", "tiny", "twin outputs", "twin tokens", "uniform attention",
    "no unembedding", "nearly twin outputs", "cancelling paths",
]  # fmt: skip
STATEMENT: Any = PARTITION.statement


def instances(seed: int, count: int) -> Iterator[dict[str, Any]]:
    """Products of sets, some of them empty, with a token that may be in none of them."""
    rng = random.Random(seed)
    for _ in range(count):
        sets = [rng.sample(range(4), rng.randint(0, 3)) for _ in range(rng.randint(1, 4))]
        yield {"K": len(sets), "T": sets.__getitem__, "a": rng.randrange(4), "j": rng.randrange(len(sets))}


def test_lemma():
    """The printed identities hold, and count what the proof says: sequences by the first position that holds a."""
    for env in instances(1, 300):
        assert STATEMENT.value(env)
        sequences = itertools.product(*(env["T"](p) for p in range(env["K"])))
        first = Counter(tokens.index(env["a"]) for tokens in sequences if env["a"] in tokens)
        by_first = STATEMENT.right.left
        assert [first[p] for p in range(env["K"])] == [by_first.body.value({**env, "p": p}) for p in range(env["K"])]


def test_mutants_are_false():
    """Each change of the identities, also one sequence more, is refuted by small sets."""
    many = list(instances(2, 300))
    report = examine(STATEMENT, many)
    assert [mutant.change for mutant in report.mutants if mutant.required and not mutant.killed] == []
    for part in ("left", "right"):
        identity = getattr(STATEMENT, part)
        more = replace(STATEMENT, **{part: replace(identity, right=identity.right + Num(1))})
        assert not all(more.value(env) for env in many)


class Malformed(Exception):
    """The tree does not follow the grammar."""


class Reading:
    """docs/certificate.md §3 read a second time: which sequences each leaf holds, by enumeration."""

    def __init__(self, net: Any, symbols: str) -> None:
        self.net, self.symbols, self.at = net, symbols, 0
        self.digits = len(f"{net.V - 1:x}")

    def order(self, q: int, m: int) -> list[int]:
        return [m, *sorted(range(m), key=lambda t: (-self.net.truth.score(q, 0, t), t))]

    def symbol(self, sequences: list[tuple[int, ...]], splittable: bool) -> tuple[str, int | None]:
        """The next symbol, which is about these sequences, with the winner after W."""
        symbol = self.symbols[self.at : self.at + 1]
        self.at += 1
        if symbol == "W":
            text = self.symbols[self.at : self.at + self.digits]
            self.at += self.digits
            if len(text) < self.digits or set(text) - set("0123456789abcdef"):
                raise Malformed
            return symbol, int(text, 16)
        if not symbol or symbol not in "RSU":
            raise Malformed
        return symbol, None

    def leaves(self) -> Iterator[tuple[tuple[int, int], str, int | None, list[tuple[int, ...]]]]:
        """(cell, symbol, winner, its sequences) for every leaf in order."""
        for q, m in sorted(self.net.truth.cells, key=lambda cell: cell[::-1]):
            members = list(self.net.truth.members(q, m))
            symbol, x = self.symbol(members, True)
            if symbol != "S":
                yield (q, m), symbol, x, members
                continue
            order, free = self.order(q, m), self.net.K - 1
            stack = [(0, 0, tuple(range(free)), ())]
            if q < m:
                stack = [(0, p + 1, tuple(r for r in range(free) if r != p), ((p, m),)) for p in range(free)]
            while stack:
                level, start, free_positions, fixed = stack.pop(0)
                allowed = {p: order[level + (p < start) :] for p in free_positions} | {p: [t] for p, t in fixed}
                sequences = [(*chosen, q) for chosen in itertools.product(*(allowed[p] for p in range(free)))]
                if not sequences:
                    continue
                if free_positions and all(p < start for p in free_positions):
                    level, start = level + 1, 0
                symbol, x = self.symbol(sequences, bool(free_positions))
                if symbol != "S":
                    yield (q, m), symbol, x, sequences
                    continue
                if not free_positions:
                    raise Malformed
                j = min(p for p in free_positions if p >= start)
                rest = tuple(p for p in free_positions if p != j)
                stack[:0] = [(level, j + 1, rest, (*fixed, (j, order[level]))), (level, j + 1, free_positions, fixed)]
        if self.at != len(self.symbols):
            raise Malformed


def judged(net: Any, symbols: str) -> tuple[dict[tuple[int, int], int], dict[tuple[int, int], int]] | None:
    """What the tree says of each cell, or None when it is malformed or says something false."""
    right = {(q, m): 0 for m in range(net.V) for q in range(m + 1)}
    wrong = dict(right)
    try:
        for cell, symbol, x, sequences in Reading(net, symbols).leaves():
            if symbol == "R":
                right[cell] += len(sequences)
                if any(tokens in net.truth.wrong for tokens in sequences):
                    return None
            if symbol == "W":
                wrong[cell] += len(sequences)
                if not all(x in net.truth.wrong.get(tokens, ()) for tokens in sequences):
                    return None
    except Malformed:
        return None
    return right, wrong


def accepted(margin: Any, symbols: str) -> Any:
    """The rule's conclusion, or None when it refuses."""
    try:
        return RULE.conclude([margin], Tree(symbols))
    except NotEstablished:
        return None


def never_false(net: Any, margin: Any, symbols: str) -> bool:
    """Whether the rule accepts the tree; if so, what it concludes must be what the tree says, and true."""
    count = accepted(margin, symbols)
    if count is None:
        return False
    said = judged(net, symbols)
    assert said is not None, symbols
    assert (dict(count.right), dict(count.wrong)) == said, symbols
    return True


@pytest.mark.parametrize("flavour", halved(FLAVOURS, 1))
def test_the_search_finds_exact_trees(oracle, flavour):
    """The found tree gives the definition's counts cell by cell, and its leaves hold every sequence once."""
    for seed in range(10):
        net = oracle.random_net(seed, flavour)
        margin = net.margin()
        tree = search(margin)
        assert oracle.is_exact(RULE.conclude([margin], tree), net), seed
        held = Counter(tokens for _, _, _, sequences in Reading(net, tree.symbols).leaves() for tokens in sequences)
        assert held == Counter(net.sequences)


@pytest.mark.parametrize(("V", "K"), [(1, 1), (1, 2), (1, 4), (2, 1), (6, 1), (6, 2), (2, 9), (20, 2)])
def test_edge_sizes(oracle, V, K):
    """One token, one position, two positions, many positions, and tokens of two digits."""
    for seed in range(2):
        net = oracle.random_net(seed, "eighths", V, K)
        margin = net.margin()
        tree = search(margin)
        assert oracle.is_exact(RULE.conclude([margin], tree), net)
        assert never_false(net, margin, tree.symbols)


@pytest.mark.parametrize(("seed", "flavour"), [(1, "eighths"), (2, "twin outputs"), (0, "cancelling paths")])
def test_every_single_edit(oracle, seed, flavour):
    """Each symbol of a found tree replaced, doubled or left out: refused, or still exactly what the new tree says."""
    net = oracle.random_net(seed, flavour, 3, 3)
    margin = net.margin()
    symbols = search(margin).symbols
    taken = 0
    for n in range(len(symbols) + 1):
        for new in ("", "R", "S", "U", "W0", "W1", "W2", "W", "x", "0", "f"):
            taken += never_false(net, margin, symbols[:n] + new + symbols[n + 1 :])
            taken += never_false(net, margin, symbols[:n] + new + symbols[n:])
    assert taken > len(symbols)  # the unchanged tree, and leaves given up


class Growing(Reading):
    """A random tree that follows the grammar; its marks are random, or true with some leaves given up."""

    def __init__(self, net: Any, rng: random.Random, truly: bool) -> None:
        super().__init__(net, "")
        self.rng, self.truly = rng, truly

    def symbol(self, sequences: list[tuple[int, ...]], splittable: bool) -> tuple[str, int | None]:
        if splittable and self.rng.random() < 0.5:
            self.symbols += "S"
        elif not self.truly:
            self.symbols += self.rng.choice(["R", "U", f"W{self.rng.randrange(self.net.V):x}"])
        else:
            common = set.intersection(*(set(self.net.truth.wrong.get(tokens, ())) for tokens in sequences))
            doubtful = any(tokens in self.net.truth.wrong for tokens in sequences) or self.rng.random() < 0.2
            self.symbols += f"W{min(common):x}" if common else "U" if doubtful else "R"
        return super().symbol(sequences, splittable)

    def grown(self) -> str:
        """The symbols of the whole tree."""
        assert list(self.leaves())
        return self.symbols


@pytest.mark.parametrize(
    "flavour", ["eighths", "twin outputs", "uniform attention", "nearly twin outputs", "cancelling paths"]
)
def test_random_trees(oracle, flavour):
    """Random trees never give a false count; true marks are mostly accepted, unless paths cancel on whole boxes."""
    rng = random.Random(flavour)
    taken = tried = 0
    for seed in range(5):
        net = oracle.random_net(seed, flavour, rng.choice((2, 3)), 3)
        margin = net.margin()
        for _ in range(40):
            never_false(net, margin, Growing(net, rng, truly=False).grown())
            tried += 1
            taken += never_false(net, margin, Growing(net, rng, truly=True).grown())
    assert taken * 2 > tried or (flavour == "cancelling paths" and taken > 0)


def test_random_streams(oracle):
    """Thousands of streams of symbols, most of them misspelt, too short or too long, never give a false count."""
    rng = random.Random(11)
    nets = [
        oracle.random_net(seed, "eighths", V, K) for seed, (V, K) in enumerate([(2, 2), (2, 3), (3, 2), (3, 1), (1, 3)])
    ]
    margins = [net.margin() for net in nets]
    accepted_streams = 0
    for _ in range(4000):
        n = rng.randrange(len(nets))
        pieces = (
            ["R", "S", "U", "W0", "W1", "W2", "W", "r", " ", "W-", "\n", "Wé"]
            if rng.random() < 0.2
            else ["R", "S", "U", "W0", "W1", "W2"]
        )
        symbols = "".join(rng.choices(pieces, k=rng.randint(0, 12)))
        accepted_streams += never_false(nets[n], margins[n], symbols)
    assert accepted_streams > 20


@pytest.mark.parametrize(
    ("symbols", "reason"),
    [
        ("", "symbol 0 of the tree is ''"),
        ("UU", "symbol 2 of the tree is ''"),
        ("UUUU", "1 symbols are left over"),
        ("UUx", "symbol 2 of the tree is 'x'"),
        ("UUW", "no token after symbol 2"),
        ("UUWg", "no token after symbol 2"),
        ("UUWA", "no token after symbol 2"),
        ("SSSUU", "a single sequence cannot be split"),
        ("UUW7", "output 7 is not shown to win"),
        ("UUW1", "output 1 is not shown to win"),
    ],
)
def test_reasons(oracle, symbols, reason):
    """What is wrong with a tree is said, and where."""
    margin = oracle.random_net(0, "twin outputs", 2, 2).margin()
    with pytest.raises(NotEstablished) as caught:
        RULE.conclude([margin], Tree(symbols))
    assert reason in str(caught.value)


def test_a_cell_that_is_right_may_still_be_split(oracle):
    """A whole cell without rivals may be split: the tree is longer than it need be, and true."""
    net = oracle.net(2, 3, 2, 2, W_E=[[1, 0], [0, 1]], W_U=[[1, 0], [0, 1]], W_V=[[1, 0], [0, 1]], W_O=[[9, 0], [0, 9]])
    margin = net.margin()
    assert not Cell(margin.enclosure, 0, 0).active
    assert never_false(net, margin, "SR" + "U" + "U")
    assert never_false(net, margin, "SSSR" + "U" + "U")
    assert accepted(margin, "SW0UU") is None


@pytest.mark.parametrize("flavour", ["eighths", "huge", "twin outputs"])
def test_node_bounds_are_exact(oracle, flavour):
    """The packed bounds of a node are, field by field, the extremes over its sequences of sums of the table's ends."""
    for seed in range(4):
        net = oracle.random_net(seed, flavour, 3, 4)
        margin = net.margin()
        for q, m in net.truth.cells:
            cell = Cell(margin.enclosure, q, m)
            if not cell.active:
                continue
            tree, table, nodes = CellTree(margin, cell), cell.table, 0
            stack = tree.roots()
            while stack and nodes < 40:
                node = tree.settled(stack.pop())
                if node is None:
                    continue
                nodes += 1
                allowed = [
                    [token] if token >= 0 else list(tree.order[node.level + (p < node.start) :])
                    for p, token in enumerate(node.tokens)
                ]
                chosen = list(itertools.product(*allowed))
                assert len(chosen) == tree.size(node)
                for k, x in enumerate(cell.active):
                    upper, lower = (
                        [int(base[x]) + sum(int(free[p, t, x]) for p, t in enumerate(tokens)) for tokens in chosen]
                        for base, free in ((table.base.upper, table.free.upper), (table.base.lower, table.free.lower))
                    )
                    fields = [(packed + tree._bias >> 64 * k) & (1 << 64) - 1 for packed in (node.upper, node.lower)]
                    assert [field - (1 << 63) for field in fields] == [max(upper), min(lower)]
                if node.positions:
                    stack.extend(tree.split(node))


def test_the_order_is_exact(oracle):
    """m first, then descending exact scores, equal ones ascending; scores 2^-1074 apart are not equal."""
    one = oracle.Fraction(1)
    least = one / 2**1074
    net = oracle.net(
        5, 2, 1, 1, W_E=[[one], [one - least], [one + least], [one], [-one]], W_K=[[one]], b_Q=[[one]]
    )  # fmt: skip
    margin = net.margin()
    assert token_order(margin, 0, 4) == (4, 2, 0, 3, 1)
    assert token_order(margin, 2, 3) == (3, 2, 0, 1)
    assert token_order(margin, 0, 0) == (0,)


def test_digits_of_a_token():
    """Tokens take as many hex digits as the largest needs."""
    assert [token_digits(V) for V in (1, 2, 16, 17, 256, 257, 4096, 4097)] == [1, 1, 1, 2, 2, 3, 3, 4]
    assert all(token_digits(V) == len(f"{V - 1:x}") for V in range(1, 5000))


def test_undecided_signs_stay_open(oracle, monkeypatch):
    """Where the ladder ends early, single sequences are marked U, and claims about them are refused."""
    monkeypatch.setattr(additive_margin, "LADDER", (2,))
    opened = 0
    for seed in range(6):
        net = oracle.random_net(seed, "nearly twin outputs")
        margin = net.margin()
        tree = search(margin)
        count = RULE.conclude([margin], tree)
        assert oracle.encloses(count, net)
        opened += count.high - count.low
        if count.high > count.low:
            assert accepted(margin, tree.symbols.replace("U", "R")) is None
    assert opened > 0


def test_the_certificate_form(oracle):
    """Advice is written as docs/certificate.md §2.1 says."""
    assert RULE.encode(Tree("RSU")) == {"order": "descending-score", "tree": "RSU"}


def test_cuts_weaken_only(oracle):
    """A search with a cut or without time leaves sequences open, and what remains is true."""
    net = oracle.random_net(0, "cancelling paths", 4, 4)
    margin = net.margin()
    widths = []
    for limits in (Limits(0), Limits(1), Limits(4), Limits(1000), Limits(0, seconds=0)):
        tree = search(margin, limits)
        count = RULE.conclude([margin], tree)
        assert oracle.encloses(count, net)
        widths.append(count.high - count.low)
    assert widths[0] == 0
    assert widths[1:4] == sorted(widths[1:4])
    assert widths[3] > 0
    assert widths[4] > 0

"""Looks for blocks, partitions and shares with which a quotient certifies much at little cost.  Untrusted, in floats.

Neuron by neuron and pair of partitions by pair, E = |u_i|² (|l_i - its class means|² + |r_i - its class means|²) is the
energy that a quotient leaves to the remainder.  For a threshold τ a pair may serve a neuron when E <= τ times the mean
energy of neurons; among those a greedy cover minimises Σ (rows of the neuron's table) + λ (blocks).  Each τ and λ is
tried on a sample of first tokens.

Source: greedy selection by what a class saves, for pairs of partitions in place of one-sided ones.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from ...engine.arithmetic.dyadic import DyadicMatrix
from ...models.tasks.errors import TaskDoesNotFit
from ...models.tasks.group_tables import check_group
from ..rules.grid_network import Grids
from ..rules.quotient import SHARES, Block, QuotientAdvice, Side
from ..rules.separable_relu import SeparableRelu
from .partitions import partitions

THRESHOLDS = (0.1, 0.07, 0.05, 0.04, 0.03, 0.06, 0.14, 0.02, 0.015, 0.01, 3e-3, 1e-3)
BLOCK_PRICES = (0.3, 0.7, 1.5)
SAMPLE = 1 << 18  # so many logits are looked at for each candidate
FULL = 1 << 23  # the same for those that are promising
DOUBT = 0.05
BITS = 40  # S = 2^BITS, where the tables then fit
FIELD = 51  # bits of the logits on the grids


@dataclass(frozen=True)
class Found:
    """Advice, with what it should cost (of brute force) and certify (a share of the inputs), and what evaluating the
    rivals that it leaves open should cost."""

    grids: Grids
    advice: QuotientAdvice
    cost: float
    share: float
    rest: float

    @property
    def cascade(self) -> float:
        """The cost of an exact count."""
        return self.cost + self.rest


@dataclass(frozen=True, eq=False)
class Plan:
    """Blocks and their tree, with l̃ and r̃ (``near``), d and d' (``shift``), the neurons that are ``moved``, and the
    costs of the variants."""

    near: list[np.ndarray]
    shift: list[np.ndarray]
    moved: np.ndarray
    grids: Grids
    blocks: tuple[Block, ...]
    merges: tuple[tuple[int, int], ...]
    costs: dict[tuple[bool, bool], float]

    @property
    def scale(self) -> np.ndarray:
        """The weights of the neurons."""
        return np.array(self.grids.scales) / 2.0 ** (self.grids.bits / 2)

    def advice(self, exact_remainder: bool, largest: bool, cut: int = 0) -> QuotientAdvice:
        """The advice of a variant."""
        return QuotientAdvice(self.blocks, self.merges, exact_remainder, largest, cut)


class Search:
    """One network of two tokens on a group."""

    def __init__(self, form: SeparableRelu) -> None:
        self.left, self.right, self.out = (_floats(table) for table in (form.left, form.right, form.out))
        self.out = self.out - self.out.mean(axis=1, keepdims=True)
        self.direct = _floats(form.left_out), _floats(form.right_out)
        radius = np.abs(self.out) * _floats(form.radius)[0][:, None]
        self.slack = 2 * float(radius.sum(axis=0).max()) + 2 * float(form.out_radius)
        self.answers = form.answers
        known = partitions(form.answers) if _is_group(form.answers) else ([], [])
        self.candidates = tuple(_best(side, table) for side, table in zip(known, (self.left, self.right), strict=True))
        weight = (self.out**2).sum(axis=1)
        self.energies = [
            np.vstack([*(_outside(labels, table) * weight for labels in side), np.zeros(len(weight))])
            for side, table in zip(self.candidates, (self.left, self.right), strict=True)
        ]
        self.counts = [
            np.array([*(labels.max() + 1 for labels in side), len(table)])
            for side, table in zip(self.candidates, (self.left, self.right), strict=True)
        ]
        self.usual = float((weight * ((self.left**2).sum(axis=0) + (self.right**2).sum(axis=0))).mean())

    def __iter__(self) -> Iterator[Found]:
        """Candidates: each assignment in the variants of the theorem, unless it costs more than an exact count does."""
        seen: set[tuple[tuple[int, int], ...]] = set()
        best = float("inf")
        for threshold in THRESHOLDS:
            useful, prices = self.prices(threshold * self.usual)
            for price in BLOCK_PRICES:
                chosen = self.assignment(useful, prices, price)
                if tuple(chosen) not in seen:
                    seen.add(tuple(chosen))
                    for found in self.variants(chosen, best):
                        best = min(best, found.cascade)
                        yield found
                    if self.hopeless():
                        return

    def hopeless(self) -> bool:
        """Whether the slack alone is more than the margins of some inputs, so that no quotient accepts any."""
        tokens = np.random.default_rng(0).permutation(len(self.left))[:8]
        hidden = np.maximum(self.left[tokens][:, None] + self.right, 0)
        logits = hidden @ self.out + self.direct[0][tokens][:, None] + self.direct[1]
        here = (*np.indices(logits.shape[:2]), self.answers[tokens])
        own = logits[here]
        logits[here] = -np.inf
        return bool((own - logits.max(axis=2)).max() <= self.slack)

    def __len__(self) -> int:
        return len(THRESHOLDS) * len(BLOCK_PRICES)

    def prices(self, threshold: float) -> tuple[np.ndarray, np.ndarray]:
        """Pairs of partitions that some neuron may use, as one number each, and the rows of its table, of n n', for
        every such pair and neuron; infinite where the pair leaves too much."""
        first, second = self.energies
        n, other = self.answers.shape
        fits = (first[:, None] <= threshold - second).reshape(-1, first.shape[1])
        rows = (self.counts[0][:, None] * self.counts[1] / (n * other)).reshape(-1)
        useful = np.flatnonzero(fits.any(axis=1))
        return useful, np.where(fits[useful], rows[useful, None], np.inf)

    def assignment(self, useful: np.ndarray, prices: np.ndarray, price: float) -> list[tuple[int, int]]:
        """A pair of partitions for every neuron; the last one of a side is the finest."""
        first, second = self.energies
        best, taken = np.ones(prices.shape[1]), []
        while True:
            gains = np.maximum(best - prices, 0).sum(axis=1) - price
            if gains.max() <= 0:
                break
            taken.append(int(gains.argmax()))
            best = np.minimum(best, prices[taken[-1]])
        for candidate in list(taken):
            rest = [other for other in taken if other != candidate]
            without = np.minimum(prices[rest].min(axis=0), 1) if rest else np.ones(len(best))
            if without.sum() - best.sum() < price:
                taken, best = rest, without
        finest = len(first) - 1, len(second) - 1
        chosen = [finest] * prices.shape[1]
        for neuron in range(prices.shape[1]):
            pairs = [k for k in taken if prices[k, neuron] <= 1]
            if pairs:
                k = min(pairs, key=lambda k: (prices[k, neuron], k))
                chosen[neuron] = divmod(int(useful[k]), len(second))
        return chosen

    def variants(self, chosen: list[tuple[int, int]], most: float) -> Iterator[Found]:
        """The variants of one assignment, with costs and certified shares on a sample; nothing if all cost more."""
        plan = self.plan(chosen)
        if min(plan.costs.values()) > most:
            return
        for logits in (SAMPLE, FULL):
            certified = self._certified(plan, logits)
            if min(plan.costs[variant] + rest for variant, (_, rest) in certified.items()) > most + DOUBT:
                return
        for variant, (share, rest) in certified.items():
            yield Found(plan.grids, plan.advice(*variant), plan.costs[variant], share, rest)

    def plan(self, chosen: list[tuple[int, int]]) -> Plan:
        """What one assignment makes of the network."""
        near = [self.left.copy(), self.right.copy()]
        for side, table in enumerate(near):
            for neuron, pair in enumerate(chosen):
                if pair[side] < len(self.candidates[side]):
                    labels = self.candidates[side][pair[side]]
                    table[:, neuron] = _means(labels, table[:, [neuron]])[labels][:, 0]
        shares = [self._shares(near, side) for side in (0, 1)]
        exact = (self.left, self.right)
        shift = [share / SHARES * (e - n) for share, e, n in zip(shares, exact, near, strict=True)]
        moved = np.flatnonzero((near[0] != self.left).any(axis=0) | (near[1] != self.right).any(axis=0))
        blocks = self._blocks(chosen, shares)
        merges, adds = self._merges(blocks)
        n, other = self.answers.shape
        m, outputs = self.out.shape
        tables = sum(self.counts[0][first] * self.counts[1][second] for first, second in chosen)
        used = sum(len(table) * int(s.any(axis=0).sum()) for table, s in zip(near, shift, strict=True))
        common = (
            tables * (outputs + 2) + used * (outputs + 2) + adds * outputs + outputs * (outputs - 1) // 2 * len(moved)
        )
        costs = {}
        for remainders in (False, True):
            for largest in (False, True):
                remainder = 3 * n * other * len(moved) if remainders else 3 * (n + other) * len(moved) + 2 * n * other
                comparing = n * other * (outputs + 1 if largest else 2 * outputs)
                costs[remainders, largest] = float(common + remainder + comparing) / (n * other * m * outputs)
        return Plan(near, shift, moved, self._grids(near), blocks, merges, costs)

    def _shares(self, near: list[np.ndarray], side: int) -> np.ndarray:
        """For every token and neuron: how often the neuron is active there, in sixteenths."""
        one, other = near[side], near[1 - side]
        found = np.empty(one.shape)
        for neuron in range(one.shape[1]):
            places = np.searchsorted(np.sort(other[:, neuron]), -one[:, neuron], side="right")
            found[:, neuron] = np.round(SHARES * (1 - places / len(other)))
        return found

    def _grids(self, near: list[np.ndarray]) -> Grids:
        """Scales that balance every neuron's error with its output weights, as fine as 53 bits allow."""
        error = np.sqrt(((self.left - near[0]) ** 2).mean(axis=0) + ((self.right - near[1]) ** 2).mean(axis=0))
        out = np.sqrt((self.out**2).mean(axis=1))
        ratio = np.ones(len(out))
        moved = (error > 0) & (out > 0)
        if moved.any():
            ratio[moved] = np.sqrt(out[moved] / error[moved])
            ratio[moved] /= np.median(ratio[moved])
        ratio = np.clip(ratio, 2.0**-6, 2.0**6)
        hidden = np.maximum(self.left.max(axis=0) + self.right.max(axis=0), 0) * ratio
        weights = np.abs(self.out) / ratio[:, None]
        column = weights.sum(axis=0).max()
        most = max(hidden.max(initial=1e-9), weights.max()) * column + 1e-9  # logits, and products of two outputs
        bits = max(0, int(min(BITS, FIELD - np.ceil(np.log2(most)))))
        return Grids(bits, tuple(max(1, round(float(r) * 2.0 ** (bits / 2))) for r in ratio))

    def _blocks(self, chosen: list[tuple[int, int]], shares: list[np.ndarray]) -> tuple[Block, ...]:
        groups: dict[tuple[int, int], list[int]] = {}
        for neuron, pair in enumerate(chosen):
            groups.setdefault(pair, []).append(neuron)
        blocks = []
        for pair, neurons in sorted(groups.items()):
            sides = []
            for side in (0, 1):
                if pair[side] == len(self.candidates[side]):
                    sides.append(None)
                    continue
                labels = self.candidates[side][pair[side]]
                first = np.unique(labels, return_index=True)[1]
                rows = shares[side][first][:, neurons].astype(int)
                sides.append(Side(tuple(labels.tolist()), tuple(map(tuple, rows.tolist()))))
            blocks.append(Block(tuple(neurons), *sides))
        return tuple(blocks)

    def _merges(self, blocks: tuple[Block, ...]) -> tuple[tuple[tuple[int, int], ...], int]:
        """A greedy tree of joins, smallest first, and how many rows are added."""
        n, other = self.answers.shape
        finest = np.arange(n), np.arange(other)
        items = [
            tuple(
                finest[side] if part is None else np.array(part.labels)
                for side, part in enumerate((block.left, block.right))
            )
            for block in blocks
        ]
        items += [(finest[0], np.zeros(other, dtype=int)), (np.zeros(n, dtype=int), finest[1])]
        waiting, merges, rows = list(range(len(items))), [], 0
        known: dict[tuple[int, int], tuple[int, tuple[np.ndarray, ...]]] = {}
        while len(waiting) > 1:
            for a, i in enumerate(waiting):
                for j in waiting[a + 1 :]:
                    if (i, j) not in known:
                        both = tuple(_join(one, two) for one, two in zip(items[i], items[j], strict=True))
                        known[i, j] = (int(both[0].max() + 1) * int(both[1].max() + 1), both)
            i, j = min(((i, j) for a, i in enumerate(waiting) for j in waiting[a + 1 :]), key=lambda p: known[p][0])
            rows += known[i, j][0]
            items.append(known[i, j][1])
            merges.append((i, j))
            waiting = [k for k in waiting if k not in (i, j)] + [len(items) - 1]
        return tuple(merges), rows

    def _certified(self, plan: Plan, looked_at: int) -> dict[tuple[bool, bool], tuple[float, float]]:
        """(exact remainder, largest): the certified share, and the cost of evaluating what is left open, on a sample of
        first tokens."""
        other, outputs = self.answers.shape[1], self.out.shape[1]
        sample = self.sample(looked_at)
        distance = self.distances(plan)
        passed = {(e, largest): np.zeros(2) for e in (False, True) for largest in (False, True)}
        columns = np.arange(other)
        for x, hidden, remainders in self.hidden(plan, sample):
            logits = hidden @ self.out + self.direct[0][x] + self.direct[1]
            right = self.answers[x]
            margins = logits[columns, right][:, None] - logits - self.slack
            margins[columns, right] = np.inf
            for exact, rho in zip((False, True), remainders, strict=True):
                for largest, away in ((False, distance[right]), (True, distance[right].max(axis=1)[:, None])):
                    rivals = (margins <= away * rho[:, None]).sum(axis=1)
                    left = np.count_nonzero(rivals)
                    passed[exact, largest] += other - left, rivals.sum() + 3 * left
        each = len(sample) * other
        return {variant: (right / each, rest / (each * outputs)) for variant, (right, rest) in passed.items()}

    def sample(self, looked_at: int) -> np.ndarray:
        """First tokens of which all inputs have about so many logits together."""
        n, other = self.answers.shape
        return np.random.default_rng(0).permutation(n)[: min(n, max(8, looked_at // (other * self.out.shape[1])))]

    def distances(self, plan: Plan) -> np.ndarray:
        """D(c, z)."""
        out = self.out[plan.moved] / plan.scale[plan.moved, None]
        products = out.T @ out
        own = np.diag(products)
        return np.sqrt(np.maximum(own[:, None] + own - 2 * products, 0))

    def hidden(self, plan: Plan, sample: np.ndarray) -> Iterator[tuple[int, np.ndarray, tuple[np.ndarray, np.ndarray]]]:
        """(x, the quotient's neurons for every y, ρ bounded and ρ exact) for the first tokens x of a sample."""
        near, shift, moved, scale = plan.near, plan.shift, plan.moved, plan.scale
        errors = [
            np.maximum(np.abs(d), np.abs(exact - n_ - d))[:, moved] * scale[moved]
            for exact, n_, d in zip((self.left, self.right), near, shift, strict=True)
        ]
        both = errors[0].any(axis=0) & errors[1].any(axis=0)
        norms = [((e**2).sum(axis=1), np.sqrt((e[:, both] ** 2).sum(axis=1))) for e in errors]
        for x in sample.tolist():
            hidden = np.maximum(near[0][x] + near[1], 0) + shift[0][x] + shift[1]
            exact = (np.maximum(self.left[x] + self.right, 0) - hidden)[:, moved] * scale[moved]
            bounded = norms[0][0][x] + norms[1][0] + 2 * norms[0][1][x] * norms[1][1]
            yield x, hidden, (np.sqrt(bounded), np.sqrt((exact**2).sum(axis=1)))


def search(form: SeparableRelu, progress: Callable[[int, int], None]) -> list[Found]:
    """All candidates that no other one beats in both cost and share, and the cheapest for an exact count; cheapest
    first."""
    found: list[Found] = []
    looking = Search(form)
    for done, candidate in enumerate(looking):
        progress(min(done // 4, len(looking)), len(looking))
        found.append(candidate)
    found.sort(key=lambda one: (one.cost, -one.share))
    exact = min(found, key=lambda one: one.cascade)
    front: list[Found] = []
    for candidate in found:
        if not front or candidate.share > front[-1].share or candidate is exact:
            front.append(candidate)
    return front


def _floats(table: DyadicMatrix) -> np.ndarray:
    return np.array([[float(entry) for entry in row] for row in table.fractions()])


def _is_group(answers: np.ndarray) -> bool:
    try:
        check_group("answers", answers)
    except TaskDoesNotFit:
        return False
    return True


def _best(side: list[np.ndarray], table: np.ndarray) -> list[np.ndarray]:
    """The partitions that leave less of some neuron than all others with as many classes do."""
    if not side:
        return []
    left = np.array([_outside(labels, table) for labels in side])
    counts = np.array([labels.max() for labels in side])
    chosen = set()
    for count in np.unique(counts):
        same = np.flatnonzero(counts == count)
        chosen |= set(same[left[same].argmin(axis=0)].tolist())
    return [side[k] for k in sorted(chosen)]


def _means(labels: np.ndarray, table: np.ndarray) -> np.ndarray:
    sums = np.zeros((int(labels.max()) + 1, table.shape[1]))
    np.add.at(sums, labels, table)
    return sums / np.bincount(labels)[:, None]


def _outside(labels: np.ndarray, table: np.ndarray) -> np.ndarray:
    """The energy of each column that class means leave out."""
    means = _means(labels, table)
    return np.maximum((table**2).sum(axis=0) - (np.bincount(labels)[:, None] * means**2).sum(axis=0), 0)


def _join(one: np.ndarray, two: np.ndarray) -> np.ndarray:
    return np.unique(one * (int(two.max()) + 1) + two, return_inverse=True)[1].reshape(-1)

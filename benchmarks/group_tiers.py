"""The proof-length/tightness curves of networks on groups, beside the literature's tiers on the same weights.

    python benchmarks/group_tiers.py OUT WEIGHTS=TASK [WEIGHTS=TASK …]

prints a table, and writes it with a figure to the folder OUT.  All counts are exact integers on the grids of
``rewrites/rules/grid_network.py``; costs are shares of brute force, m n³ multiply-adds.

*Quotients*: the theorem of ``rewrites/rules/quotient.py``, the advice of the shipped search, each point proved.
*T½*: a readout of rank r, the rest of u bounded by one Cauchy-Schwarz inequality, with h as it is or centred by its row
and column means (``rewrites/rules/low_rank_readout.py`` has the theorem, centred by a constant).
*V_G* (arXiv 2410.07476, as far as it can be read): the margin Γ of one function F(x⁻¹zy⁻¹) against a bound of how far
the network is from its idealised neurons.  Where the paper's explanation would have to be completed it is in favour of
the tier: Γ is the lead of the F that is nearest to the logits (``rewrites/rules/bi_equivariance.py``), whatever its
neurons are; these have class means for l and r, and for u its best approximation of rank r (a G-set's is one of such a
rank); of three partitions and all ranks the best is taken.  (a), Hölder: |l - l̃| and |r - r̃| by the range of u, and the
range of u - ũ by the largest activation.  (b): the latter by Cauchy-Schwarz with the true activations.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np

from mechproof.engine.arithmetic.integer_root import ceil_sqrt
from mechproof.engine.explain import price
from mechproof.engine.graph import ProofGraph
from mechproof.models.problem import statement_of
from mechproof.rewrites.advice.quotient_search import Found, Search
from mechproof.rewrites.rules.bi_equivariance import BiEquivariance
from mechproof.rewrites.rules.grid_network import GridNetwork, GridNetworkRule, Grids
from mechproof.rewrites.rules.network_function import NetworkFunctionDefinition
from mechproof.rewrites.rules.quotient import Application, Quotient
from mechproof.rewrites.rules.separable_relu import SeparableReluForm

RANKS = (4, 8, 12, 16, 24, 32, 48)
MODEL = 16  # ranks of u in V_G: one irrep of degree 4, eight frequencies; with many more nothing is idealised
BITS = 8
GRID = 28  # bits of the grids of all but the quotients


@dataclass(frozen=True)
class Point:
    """What a tier accepts by itself, and what that costs."""

    tier: str
    accepted: int
    cost: float


class Comparison:
    """One network; ``inputs`` is n², ``lead`` the Γ of V_G in units of the grids."""

    def __init__(self, weights: str, task: str) -> None:
        self.name = Path(weights).stem
        self.graph = ProofGraph()
        function = self.graph.apply(NetworkFunctionDefinition(), (), statement_of(weights, task))
        self.form = self.graph.apply(SeparableReluForm(), [function])
        self.search = Search(self.graph.claim(self.form))
        self.found = self._front(list(self.search))
        best = min(self.found, key=lambda one: one.cascade)
        scales = tuple(max(1, s >> (best.grids.bits - GRID) // 2) for s in best.grids.scales)
        at = self.graph.apply(GridNetworkRule(), [self.form], Grids(GRID, scales))
        self.grid: GridNetwork = self.graph.claim(at)
        self.lead = int(self.graph.claim(self.graph.apply(BiEquivariance(), [at])).lead * (1 << GRID))
        self.inputs = self.grid.answers.size

    def _front(self, found: list[Found]) -> list[Found]:
        found.sort(key=lambda one: (one.cost, -one.share))
        front: list[Found] = []
        for one in found:
            if not front or one.share > front[-1].share:
                front.append(one)
        return front

    def points(self) -> Iterator[Point]:
        yield from self.quotients()
        yield from self.readouts()
        yield from self.models()

    def quotients(self) -> Iterator[Point]:
        for one in self.found:
            grid = self.graph.apply(GridNetworkRule(), [self.form], one.grids)
            accepted = self.graph.apply(Quotient(), [grid], one.advice)
            cost = price(self.graph, self.graph.derivations_of(accepted)[-1], {})
            yield Point("quotient", self.graph.claim(accepted).count, float(Fraction(cost, self.grid.brute)))

    def _rest(self, rank: int) -> tuple[np.ndarray, np.ndarray]:
        """2^BITS u as A B and a rest, integers."""
        first, values, last = np.linalg.svd(self.grid.out.astype(float), full_matrices=False)
        down, up = np.rint(first[:, :rank] * 2**BITS), np.rint(values[:rank, None] * last[:rank])
        near = down.astype(np.int64) @ up.astype(np.int64)
        return near, (self.grid.out << BITS) - near

    def readouts(self) -> Iterator[Point]:
        grid, (m, outputs) = self.grid, self.grid.out.shape
        n = len(grid.answers)
        hidden = [np.maximum(grid.left[x] + grid.right, 0) for x in range(n)]
        rows = np.stack([h.mean(axis=0) for h in hidden])
        columns = np.mean(hidden, axis=0)
        alpha = np.rint(rows).astype(np.int64)
        beta = np.rint(columns - columns.mean(axis=0)).astype(np.int64)
        for rank in (r for r in RANKS if r < min(m, outputs)):
            near, rest = self._rest(rank)
            distance = ceil_sqrt(_squares(rest))
            for centred in (False, True):
                accepted = 0
                for x in range(n):
                    away = hidden[x] - (alpha[x] + beta if centred else 0)
                    logits = hidden[x] @ near + ((alpha[x] + beta) @ rest if centred else 0)
                    logits = logits + (grid.left_out[x] + grid.right_out << BITS)
                    rho = ceil_sqrt((away * away).sum(axis=1))
                    accepted += _accepted(logits, grid.answers[x], distance, rho, grid.slack << BITS)
                each = m * rank + rank * outputs + (4 if centred else 3) * m + (4 if centred else 2) * outputs
                once = m * rank * outputs + outputs**2 * m // 2 + 2 * n * m * outputs * centred
                cost = (self.inputs * each + once) / grid.brute
                yield Point(f"T½, rank {rank}{', centred' * centred}", accepted, cost)

    def models(self) -> Iterator[Point]:
        """V_G (a) and (b), each with the advice that accepts most."""
        grid, m = self.grid, len(self.grid.out)
        n = len(grid.answers)
        reach = _range(grid.out)
        hidden = [np.maximum(grid.left[x] + grid.right, 0) for x in range(n)]
        norms = ceil_sqrt(np.stack([(h * h).sum(axis=1) for h in hidden])).astype(object)
        accepted = {"a": 0, "b": 0}
        for threshold in (0.1, 0.01, 1e-3):
            chosen = self.search.assignment(*self.search.prices(threshold * self.search.usual), 0.7)
            left, right = Application(grid, self.search.plan(chosen).advice(False, False), "V_G").near
            near = [np.abs(e - c) @ reach for e, c in zip((grid.left, grid.right), (left, right), strict=True)]
            error = (near[0][:, None] + near[1]).astype(object) << BITS
            active = np.maximum(left.max(axis=0) + right.max(axis=0), 0)
            for rank in (r for r in RANKS if r <= MODEL and r < min(grid.out.shape)):
                rest = self._rest(rank)[1]
                holder = int(_range(rest) @ active)
                cauchy = int(ceil_sqrt(_squares(rest)).max()) * norms
                for kind, more in (("a", holder), ("b", cauchy)):
                    accepted[kind] = max(accepted[kind], int((error + more < self.lead << BITS).sum()))
        yield Point("V_G (a)", accepted["a"], (4 * n * m + n * n) / grid.brute)
        yield Point("V_G (b)", accepted["b"], 4 * n * n * m / grid.brute)


def _range(rows: np.ndarray) -> np.ndarray:
    return rows.max(axis=1) - rows.min(axis=1)


def _squares(rest: np.ndarray) -> np.ndarray:
    """Σ_i (δ_i(c) - δ_i(z))²; on grids of GRID bits they fit the words."""
    assert 4 * int(np.abs(rest).max()) ** 2 * len(rest) < 1 << 62
    products = rest.T @ rest
    own = np.diag(products)
    return own[:, None] + own - 2 * products


def _accepted(logits: np.ndarray, right: np.ndarray, distance: np.ndarray, rho: np.ndarray, slack: int) -> int:
    here = np.arange(len(right)), right
    needed = logits[here] - slack
    assert int(np.abs(logits).max()) + int(distance.max()) * int(rho.max()) < 1 << 62
    rivals = logits + distance[right] * rho[:, None]
    rivals[here] = -(1 << 62)
    return int((needed > rivals.max(axis=1)).sum())


def main(out: Path, networks: list[str]) -> None:
    """Table and figure."""
    from matplotlib.figure import Figure

    out.mkdir(parents=True, exist_ok=True)
    figure = Figure(figsize=(4 * min(4, len(networks)), 3.2 * -(-len(networks) // 4)), layout="constrained")
    lines = ["| network | tier | accepted | cost |", "|---|---|---|---|"]
    for place, given in enumerate(networks):
        compared = Comparison(*given.split("=", 1))
        points = list(compared.points())
        for point in points:
            lines.append(
                f"| {compared.name} | {point.tier} | {point.accepted} of {compared.inputs} | {point.cost:.4f} |"
            )
            print(lines[-1], flush=True)
        axes = figure.add_subplot(-(-len(networks) // 4), min(4, len(networks)), place + 1)
        for kind, marker in (("quotient", "o-"), ("T½", "s"), ("V_G (a)", "v"), ("V_G (b)", "^")):
            of = sorted((p.cost, p.accepted / compared.inputs) for p in points if p.tier.startswith(kind))
            if of:
                axes.plot(*zip(*of, strict=True), marker, label=kind, markersize=4)
        axes.set(title=compared.name, xscale="log", ylim=(-0.04, 1.04), xlabel="cost, of brute force")
        axes.set_ylabel("accepted, of all inputs")
        axes.grid(alpha=0.3)
        axes.legend(fontsize="x-small")
    (out / "tiers.md").write_text("\n".join(lines) + "\n", "utf-8")
    figure.savefig(out / "tiers.svg", metadata={"Date": None})
    figure.savefig(out / "tiers.png", dpi=130)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])

"""The published cubic verifier in floats, as its reference implementation computes it.

Each token k below the maximum m is judged on its own, by (q, m, k, c): c copies of k at positions other than the
query's, the others m, and the attention of either end, m where it is attended to least and where it is most.

Its formula is sound; its defects are those of floats, kept as they are: the tables are centred at one maximum after
another in place, so that rounding accumulates; attention is a float softmax, which may saturate; and L < 0 is compared
without a tolerance.

Source: arXiv 2406.11779 and its code,
JasonGross/guarantees-based-mechanistic-interpretability at commit fb5b181.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import comb, inf, nan

import torch
from torch import Tensor

from .network import FloatNetwork


@dataclass
class Replay:
    """All intermediate values of one run, by name, and what it certifies.

    ``cells`` are the rows (q, m, k, c) for which ``worst`` has L; with c = 0, which needs no k, k is m.
    """

    steps: dict[str, Tensor]
    cells: Tensor
    worst: Tensor

    @property
    def certified(self) -> Tensor:
        return self.worst < 0

    def good(self) -> Tensor:
        """How many k are good, by (q, m, c)."""
        size, positions = self.steps["EQKP"].shape
        q, m, _, c = self.cells[self.certified].T
        found = torch.zeros(size, size, positions, dtype=torch.long)
        return found.index_put_((q, m, c), torch.ones_like(q), accumulate=True)

    def count(self) -> int:
        """The sequences that the published count gives."""
        good, positions, total = self.good(), self.steps["EQKP"].shape[1], 0
        for c in range(positions):
            numbers, times = good[:, :, c].unique(return_counts=True)
            mixtures = zip(numbers.tolist(), times.tolist(), strict=True)
            total += comb(positions - 1, c) * sum(often * number ** max(c, 1) for number, often in mixtures)
        return total

    def claims(self, tokens: Tensor) -> Tensor:
        """The largest L of the tokens that a sequence mixes."""
        size, positions = self.steps["EQKP"].shape
        by_cell = torch.full((size, size, size, positions), nan, dtype=self.worst.dtype)
        by_cell[tuple(self.cells.T)] = self.worst
        q, m, free = tokens[:, -1:], tokens.amax(dim=1, keepdim=True), tokens[:, :-1]
        smaller = free < m
        c = smaller.sum(dim=1, keepdim=True)
        several = by_cell[q, m, free, c].where(smaller, -inf)
        alone = by_cell[q, m, m, c].where(c == 0, -inf)
        return torch.cat([several, alone], dim=1).amax(dim=1)


def replay(network: FloatNetwork) -> Replay:
    """The published verification; there is nothing to search for."""
    query, core = network.last, network.W_Q @ network.W_K.T
    steps = {
        "EQKE": query @ core @ network.W_E.T,
        "EQKP": query @ core @ network.W_pos.T,
        **network.values(),
        "UU": query @ network.W_U,
    }
    tables = steps["UU"], steps["EVOU"], steps["PVOU"]
    order = steps["EQKP"][:, :-1].sort(dim=1).values
    parts = []
    for m in range(network.d_vocab):
        tables = direct, tokens, places = tuple(table - table[:, m : m + 1] for table in tables)
        at = Centred(m, direct[: m + 1], tokens[: m + 1], places.amax(dim=0))
        parts += [_alone(network, steps, order, at), _mixed(network, steps, order, at)]
    cells, worst, least, most = zip(*parts, strict=True)
    steps["least attention"], steps["largest attention"] = torch.cat(least, dim=0), torch.cat(most, dim=0)
    return Replay(steps, torch.cat(cells, dim=0), torch.cat(worst, dim=0))


# cells, L, and the least and the largest attention on the maximum
Part = tuple[Tensor, Tensor, Tensor, Tensor]


@dataclass(frozen=True)
class Centred:
    """The logit tables of the queries and tokens up to m, minus their column m; ``raised`` is PVOU's largest."""

    m: int
    direct: Tensor
    tokens: Tensor
    raised: Tensor

    @property
    def wrong(self) -> Tensor:
        return torch.arange(self.direct.shape[1]) != self.m


def _alone(network: FloatNetwork, steps: dict[str, Tensor], order: Tensor, at: Centred) -> Part:
    """c = 0: the maximum everywhere but perhaps at the query, all outputs jointly."""
    m, direct, tokens, raised, wrong = at.m, at.direct, at.tokens, at.raised, at.wrong
    every = (direct[m] + tokens[m] + raised)[wrong].max()
    count = m * (network.n_ctx > 1)
    q = torch.arange(count)
    own = steps["EQKE"][q, q] + steps["EQKP"][:count, -1]
    scores = torch.cat([order[:count] + steps["EQKE"][:count, m : m + 1], own[:, None]], dim=1)
    share = torch.softmax(scores / network.scale, dim=-1)
    right, other = share[:, :-1].sum(dim=1), share[:, -1:]
    logits = direct[:count] + raised + right[:, None] * tokens[m] + other * tokens[:count]
    worst = torch.cat([logits[:, wrong].amax(dim=1), every.reshape(1)], dim=0)
    right = torch.cat([right, torch.ones(1, dtype=right.dtype)], dim=0)
    q = torch.arange(m + 1)[m - count :]
    return torch.stack([q, *(torch.full_like(q, value) for value in (m, m, 0))], dim=1), worst, right, right


def _mixed(network: FloatNetwork, steps: dict[str, Tensor], order: Tensor, at: Centred) -> Part:
    """c >= 1 copies of k: at each end of the attention, one sum of the largest wrong logits of m, q and k."""
    m, free = at.m, network.n_ctx - 1
    q, k, c = torch.meshgrid(torch.arange(m + 1), torch.arange(m), torch.arange(1, free + 1), indexing="ij")
    exists = (q == m) | (c < free)
    q, k, c = q[exists], k[exists], c[exists]
    straight, most = at.direct[:, at.wrong].amax(dim=1), (at.tokens + at.raised)[:, at.wrong].amax(dim=1)
    table = steps["EQKE"]
    own = (table[q, q] + steps["EQKP"][q, -1])[:, None]
    place, found, shares = torch.arange(free), [], []
    for holds in (place < free - c[:, None], place >= c[:, None]):
        scores = order[q] + torch.where(holds, table[q, m][:, None], table[q, k][:, None])
        share = torch.softmax(torch.cat([scores, own], dim=1) / network.scale, dim=-1)
        right, other = (share[:, :-1] * holds).sum(dim=1), (share[:, :-1] * ~holds).sum(dim=1)
        found.append(right * most[m] + share[:, -1] * most[q] + other * most[k])
        shares.append(right + share[:, -1] * (q == m))
    worst = straight[q] + torch.stack(found).amax(dim=0)
    return torch.stack([q, torch.full_like(q, m), k, c], dim=1), worst, shares[0], shares[1]

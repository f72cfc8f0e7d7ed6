"""The published sub-cubic verifier in floats, as its reference implementation computes it.

Kept with its defects, because audits are about them:

* attention ``mean`` averages over queries with a rule that is not sound;
* the rank-one split drops the two cross terms that vanish for exact singular vectors only;
* ``svd`` takes a float singular value for an upper bound;
* sequences are counted with m - G instead of m - G + 1 choices, which is sound;
* the gap search looks at the direct path of the mean position, the verification at the last one's.

On the network of shared data whose results were published configuration by configuration it gives the same counts
and the same numbers of certified cells.

Source: arXiv 2406.11779 and its code,
JasonGross/guarantees-based-mechanistic-interpretability at commit fb5b181.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from math import comb, nan

import torch
from torch import Tensor

from .network import FloatNetwork

DIRECTS = ("exact", "glob", "mean", "svdq", "md")
ATTENTIONS = ("mean", "drop")


@dataclass(frozen=True)
class Configuration:
    """direct/attention/error in the short names of the published results."""

    direct: str
    attention: str
    error: str

    @staticmethod
    def of(name: str) -> Configuration:
        return Configuration(*name.split("/"))


@dataclass
class Replay:
    """All intermediate values of one run, by name, and what it certifies.

    ``gaps`` G and ``worst`` L are V × V × K over (q, m, c); L is not a number where nothing is claimed.
    """

    steps: dict[str, Tensor] = field(default_factory=dict)
    gaps: Tensor = field(default_factory=lambda: torch.empty(0))
    worst: Tensor = field(default_factory=lambda: torch.empty(0))

    @property
    def certified(self) -> Tensor:
        return self.worst < 0

    def count(self, *, all_choices: bool = False) -> int:
        """The sequences that the published count gives, or with all m - G + 1 choices."""
        positions, total = self.worst.shape[2], 0
        for (q, m, c), gap in zip(self.certified.nonzero().tolist(), self.gaps[self.certified].tolist(), strict=True):
            if c and not m:
                continue
            free = c if q == m else c - 1
            choices = max(0, m - gap) + all_choices
            total += comb(positions - 1, free) * choices**free if free else 1
        return total

    def claims(self, tokens: Tensor) -> Tensor:
        """L of the cell that a sequence is in, where its other tokens are at most m - G."""
        q, m, others = tokens[:, -1], tokens.amax(dim=1), tokens != tokens.amax(dim=1, keepdim=True)
        c = others.sum(dim=1)
        reach = torch.where(others, tokens, -1).amax(dim=1)
        within = (reach <= m - self.gaps[q, m, c]) | (c == 0)
        return self.worst[q, m, c].where(within, nan)


def spread(matrix: Tensor) -> Tensor:
    """Largest minus least entry of each row."""
    return matrix.amax(dim=1) - matrix.amin(dim=1)


def _projected(direction: Tensor, matrix: Tensor) -> Tensor:
    """The part of the rows' space along a direction (a column): P_w M with P_w = w wᵀ / wᵀ w."""
    return direction @ ((direction.T @ matrix) / (direction.T @ direction))


def _first(matrix: Tensor) -> tuple[Tensor, Tensor]:
    """First left and right singular vectors, as columns."""
    wide = matrix if matrix.dtype in (torch.float32, torch.float64) else matrix.float()
    left, _, right = torch.linalg.svd(wide, full_matrices=False)
    return left[:, :1].to(matrix.dtype), right[:1].T.to(matrix.dtype)


def _rank_one(network: FloatNetwork, query: Tensor) -> tuple[Tensor, list[Tensor]]:
    left, right = query @ network.W_Q @ network.W_K.T, network.mean_position.T
    u, v = _first(left @ right)
    main, across = _projected(u, left), _projected(v, right.T).T
    return main @ across, [left - main, right - across]


def _four_factors(network: FloatNetwork, query: Tensor) -> tuple[Tensor, list[Tensor]]:
    core, keys = network.W_Q @ network.W_K.T, network.mean_position
    q1, k1 = _first(query @ core @ keys.T)
    parts: list[tuple[Tensor, Tensor]] = []
    for matrix, direction in ((query, q1), (keys, k1)):
        first = _projected(direction, matrix)
        rest = matrix - first
        second = _projected(_first(rest)[0], rest)
        parts += [(first, rest), (second, rest - second)]
    (q_one, q_rest), (q_two, q_left), (k_one, k_rest), (k_two, k_left) = parts
    main_q, main_k = (_projected(_first(w)[0], w) for w in (network.W_Q, network.W_K))
    rest_q, rest_k = network.W_Q - main_q, network.W_K - main_k
    table = q_one @ core @ k_one.T + q_one @ core @ k_rest.T + q_rest @ core @ k_one.T
    table = table + q_two @ core @ k_two.T + q_two @ core @ k_left.T + q_left @ core @ k_two.T
    table = table + q_left @ (main_q @ main_k.T + main_q @ rest_k.T + rest_q @ main_k.T) @ k_left.T
    return table, [q_left, rest_q, rest_k.T, k_left.T]


def _by_product(left: Tensor, right: Tensor) -> Tensor:
    return left.abs() @ spread(right)


def _by_mean(left: Tensor, right: Tensor) -> Tensor:
    mean = left.mean(dim=0, keepdim=True)
    return spread(mean @ right) + (left - mean).abs() @ spread(right)


def _at_breaks(factors: list[Tensor], bound: Callable[[Tensor, Tensor], Tensor]) -> Tensor:
    m1, m2, m3, m4 = factors
    breaks = ((m1, m2 @ m3 @ m4), (m1 @ m2, m3 @ m4), (m1 @ m2 @ m3, m4))
    return torch.stack([bound(left, right) for left, right in breaks]).amin(dim=0)


def _recursive(factors: list[Tensor], means: int) -> Tensor:
    *others, last = factors
    bound, product = spread(last), last
    for number in reversed(range(len(others))):
        factor = others[number]
        if number < means:
            mean = factor.mean(dim=0, keepdim=True)
            bound = spread(mean @ product) + (factor - mean).abs() @ bound
        else:
            bound = factor.abs() @ bound
        product = factor @ product
    return bound


def _norm(factors: list[Tensor]) -> Tensor:
    rest = factors[0] @ factors[1]
    wide = rest if rest.dtype in (torch.float32, torch.float64) else rest.float()
    largest = torch.linalg.matrix_norm(wide, 2).to(rest.dtype)
    return (largest * torch.tensor(2, dtype=rest.dtype).sqrt()).expand(rest.shape[0])


ERRORS: Mapping[str, tuple[Callable[..., tuple[Tensor, list[Tensor]]] | None, Callable[[list[Tensor]], Tensor] | None]]
ERRORS = {
    "EQKE": (None, None),
    "mdx": (_rank_one, lambda factors: spread(factors[0] @ factors[1])),
    "md": (_rank_one, lambda factors: _by_product(*factors)),
    "mmd": (_rank_one, lambda factors: _by_mean(*factors)),
    "svd": (_rank_one, _norm),
    "sub": (_four_factors, lambda factors: _at_breaks(factors, _by_product)),
    "msub": (_four_factors, lambda factors: _at_breaks(factors, _by_mean)),
    "rec": (_four_factors, lambda factors: _recursive(factors, 0)),
    "mrec": (_four_factors, lambda factors: _recursive(factors, 1)),
    "mmrec": (_four_factors, lambda factors: _recursive(factors, 3)),
}


def names() -> tuple[str, ...]:
    """All hundred configurations."""
    return tuple(f"{direct}/{att}/{error}" for direct in DIRECTS for att in ATTENTIONS for error in ERRORS)


def _tables(network: FloatNetwork, configuration: Configuration, direct_query: Tensor) -> dict[str, Tensor]:
    """Everything that does not depend on the gaps; ``direct_query`` is what the direct path is taken from."""
    query = network.last
    split, bound = ERRORS[configuration.error]
    core = network.W_Q @ network.W_K.T
    steps = {
        "EQKE": query @ core @ network.mean_position.T,
        "EQKP": query @ core @ (network.W_pos - network.W_pos.mean(dim=0)).T,
        **network.values(),
        "UU": direct_query @ network.W_U,
    }
    if split is None or bound is None:
        steps["score table"] = steps["EQKE"]
        steps["score noise"] = torch.zeros(network.d_vocab, dtype=query.dtype)
    else:
        steps["score table"], factors = split(network, query)
        steps["score noise"] = bound(factors)
    steps["common row"], steps["direct noise"] = _direct(network, configuration.direct, direct_query, steps["UU"])
    return steps


def _direct(network: FloatNetwork, option: str, query: Tensor, table: Tensor) -> tuple[Tensor, Tensor]:
    nothing = torch.zeros(network.d_vocab, dtype=query.dtype)
    if option == "exact":
        return nothing, spread(table)
    if option == "glob":
        return nothing, (table.max() - table.min()).expand(network.d_vocab)
    ranges = spread(network.W_U)
    if option == "md":
        return nothing, query.abs() @ ranges
    centre = query.mean(dim=0) if option == "mean" else (_first(table)[0].T @ query)[0]
    if option == "svdq" and (query @ centre).mean() < 0:
        centre = -centre
    return centre @ network.W_U, (query - centre).abs() @ ranges


def _attention(network: FloatNetwork, steps: dict[str, Tensor], gaps: Tensor) -> tuple[Tensor, Tensor]:
    """The extreme attention on the maximum, least and largest, by (q, m, c); not a number where undefined."""
    size, positions = network.d_vocab, network.n_ctx
    q, m, c = (index.reshape(shape) for index, shape in _indices(size, positions))
    table, noise = steps["score table"], steps["score noise"]
    reach = m - gaps
    defined = (q <= m) & (c >= 1) & (reach >= 0) & ((q == m) | (q <= reach))
    queries, reach = q.expand_as(gaps), reach.clamp(min=0)
    own = table[:, :, None].expand_as(gaps)
    most = own - table.cummin(dim=1).values[queries, reach] + noise[:, None, None]
    least = own - table.cummax(dim=1).values[queries, reach] - noise[:, None, None]
    offsets = (steps["EQKP"][:, :-1] - steps["EQKP"][:, -1:]).sort(dim=1).values
    offsets = torch.cat([offsets, torch.zeros_like(offsets[:, :1])], dim=1)
    place = torch.arange(positions)
    slots = (positions - c - (q == m).int())[..., None]
    found = []
    for difference, lowest in ((least, True), (most, False)):
        holds = place < slots if lowest else place >= positions - 1 - slots
        holds = (holds & (place < positions - 1)) | ((place == positions - 1) & (q == m)[..., None])
        zero = torch.zeros((), dtype=table.dtype)
        scores = (offsets[:, None, None, :] + torch.where(holds, difference[..., None], zero)) / network.scale
        share = (torch.softmax(scores, dim=-1) * holds).sum(dim=-1)
        found.append(torch.where(defined, share, torch.full_like(share, nan)))
    return found[0], found[1]


def _indices(size: int, positions: int) -> list[tuple[Tensor, tuple[int, int, int]]]:
    tokens = torch.arange(size)
    return [(tokens, (size, 1, 1)), (tokens, (1, size, 1)), (torch.arange(positions), (1, 1, positions))]


def _largest_wrong(
    network: FloatNetwork, configuration: Configuration, steps: dict[str, Tensor], gaps: Tensor
) -> Tensor:
    """The published bound of the largest wrong logit by (q, m, c)."""
    size, positions = network.d_vocab, network.n_ctx
    least, most = _attention(network, steps, gaps)
    steps["least attention"], steps["largest attention"] = least, most
    worst = torch.full_like(least, nan)
    if size == 1:
        return worst
    wrong = ~torch.eye(size, dtype=torch.bool)

    def against(table: Tensor) -> Tensor:
        """Entries at the wrong outputs (second axis) minus the entry at m (first axis)."""
        return (table - table.diagonal()[:, None])[wrong].reshape(size, size - 1)

    tokens, common = against(steps["EVOU"]), steps["common row"]
    places = (steps["PVOU"] - steps["PVOU"].T[:, :, None]).amax(dim=1)[wrong].reshape(size, size - 1)
    every = torch.arange(size)
    worst[every, every, 0] = (against(steps["UU"]) + tokens + places).amax(dim=1)

    narrowest = torch.where(every[:, None, None] <= every[:, None], gaps, size).amin(dim=0)
    m, c = ((every[:, None] >= narrowest) & (torch.arange(positions) >= 1)).nonzero(as_tuple=True)
    top, wide = tokens.amax(dim=1)[m], spread(steps["EVOU"]).cummax(dim=0).values[m - narrowest[m, c]]
    share = torch.where(top < wide, least[:, m, c], most[:, m, c])
    defined = ~share.isnan()
    some = defined.any(dim=0)
    m, c, top, wide, share, defined = m[some], c[some], top[some], wide[some], share[:, some], defined[:, some]
    anchor = torch.zeros(len(m), dtype=share.dtype)
    if configuration.attention == "mean" and len(m):  # in the published order of summation
        anchor = torch.stack([share[defined[:, cell], cell].mean() for cell in range(len(m))])
    base = against(common.expand(size, size)) + places
    start = (base[m] + anchor[:, None] * tokens[m]).amax(dim=1) + (1 - anchor) * wide
    worst[:, m, c] = start + steps["direct noise"][:, None] + (share - anchor) * (top - wide)
    return worst


def search(network: FloatNetwork, configuration: Configuration) -> Tensor:
    """The gaps that the published search finds: for each cell the least gap that works when all cells have it."""
    size, positions = network.d_vocab, network.n_ctx
    steps = _tables(network, configuration, network.mean_position)
    gaps = torch.ones(size, size, positions, dtype=torch.long)
    for gap in range(size - 1, 0, -1):
        same = torch.full_like(gaps, gap)
        gaps[_largest_wrong(network, configuration, steps, same) < 0] = gap
    return gaps


def replay(network: FloatNetwork, configuration: Configuration, gaps: Tensor) -> Replay:
    """The published verification with these gaps."""
    steps = _tables(network, configuration, network.last)
    worst = _largest_wrong(network, configuration, steps, gaps)
    return Replay(steps, gaps, worst)

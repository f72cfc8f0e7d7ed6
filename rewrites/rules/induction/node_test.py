"""One test that settles all inputs of a node.

For each pair of tokens (t_k, t_{k-1}) of a distractor, what the key may take away from the margin is at most its
penalty π_k = e^{-g} max(0, -(v + d - γ)), with the lower bounds of the gap g and of the values v + d for that very
pair.  The worst input of the node is a chain t_0 … t_{f-1}, and the largest sum of penalties along a chain is found
position by position (Viterbi).  Tokens that are two positions apart may be equal there, even where the task forbids
it.

A key's penalty is bounded a second time whatever the token before it is; the smaller bound counts.  Where the sum of
the largest of these is small enough, nothing is computed for pairs: a group costs V n mixtures in place of V² n.

Nothing in this asks that the winner be the right answer, or the reference the key behind the earlier token: with
another output as winner, the right one as rival and any key whose token is known, it shows that all inputs of a node
are wrong.  Close to the key that the head looks at there the falls of the others are small.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from ....engine.formula import ForAll, Larger, Num, Range, Total, Var, entry
from ....engine.rule import Lemma
from .distractor_row import box_floor, share_ends
from .grid import DIFFERENCE_BITS, ROUNDING, Grid, penalties
from .ratio import Choice, least_ratio

_k = Var("k")
_keys = Range(Num(0), Var("n"))


def _shortfall(values: str) -> Larger:
    """max(0, -x_k)."""
    return Larger(Num(0), Num(0) - entry(values, _k))


NODE_TEST = Lemma(
    label="node-test",
    title="What distractors can take away from a margin",
    given=(
        "For all reals $e_k$, $x_k$, $E_k$, $X_k$ with $k < n$ (falls $e^{-g_k}$ for score gaps $g_k$, and values of "
        "the keys but the "
        "reference, and their bounds), $y$ and $Y$ (the reference key and its bound):"
    ),
    statement=ForAll(
        _k, _keys, (entry("e", _k) >= Num(0)) & (entry("e", _k) <= entry("E", _k)) & (entry("X", _k) <= entry("x", _k))
    ).implies(
        (Var("Y") <= Var("y")).implies(
            (Var("Y") - Total(_k, _keys, entry("E", _k) * _shortfall("X")) > Num(0)).implies(
                Var("y") + Total(_k, _keys, entry("e", _k) * entry("x", _k)) > Num(0)
            )
        )
    ),
    proof=(
        "$e_k x_k \\ge -e_k \\max(0, -x_k) \\ge -E_k \\max(0, -X_k)$, because $\\max(0, -x)$ falls with $x$. The left "
        "side of the conclusion is at least the left side of the premise. With the largest sum of penalties over all "
        "chains of tokens of a node in place of the sum, the premise holds for every input of the node; by "
        "[@sign-form] its margin over the output exceeds $\\gamma$."
    ),
    source="Viterbi recursion over pairs of neighbouring tokens",
)


class Distractors:
    """Bounds of the distractor rows for the keys of a query q whose tokens are taken from ``tokens[m]`` at position m.

    For every key k < f and each of its tokens, paired with each token before it or (not ``paired``) with any of them:
    the shares' ends, and upper bounds of Φ_k from all atoms.  They hold for every node with the query q whose tokens
    are among these.  What is asked for twice is computed once.
    """

    def __init__(self, grid: Grid, q: int, tokens: Sequence[np.ndarray]) -> None:
        self.grid, self.q, self.tokens = grid, q, tokens
        self.stream = grid.query_stream[q] + grid.atom_stream  # Φ's parts [m, s, k, t]
        self.written = grid.query_written[q] + grid.atom_written
        self.places = np.cumsum([0, *map(len, tokens)])
        at = np.repeat(np.arange(len(tokens)), [len(some) for some in tokens])
        self.atoms = at, np.concatenate(tokens)
        self._shares: dict[tuple[int, bool], tuple[np.ndarray, np.ndarray]] = {}
        self._scores: dict[tuple[int, bool], np.ndarray] = {}

    def shares(self, k: int, paired: bool) -> tuple[np.ndarray, np.ndarray]:
        """The ends of A_km for each pair, [t, p, m] (one p where it is any)."""
        if (k, paired) not in self._shares:
            mine, before = self.tokens[k], self.tokens[k - 1]
            ends = []
            for weights, extreme in ((self.grid.least, np.min), (self.grid.most, np.max)):
                rows = weights[k][mine]
                table = np.empty((len(mine), len(before) if paired else 1, k + 1), dtype=np.int64)
                for m in range(k):
                    table[:, :, m] = extreme(rows[:, m][:, self.tokens[m]], axis=-1)[:, None]
                if paired:
                    table[:, :, k - 1] = rows[:, k - 1][:, before]
                table[:, :, k] = rows[np.arange(len(mine)), k, mine][:, None]
                ends.append(table)
            self._shares[k, paired] = share_ends(*ends)
        return self._shares[k, paired]

    @cached_property
    def _highest(self) -> list[np.ndarray]:
        """The most that what is written at each position m < f scores from each atom, [atom]: its own token's at m."""
        at, token = self.atoms
        found = []
        for m, some in enumerate(self.tokens[:-1]):
            found.append(self.written[at, token, m][:, some].max(axis=1))
            found[-1][self.places[m] : self.places[m + 1]] = self.written[m, some, m, some]
        return found

    def scores(self, k: int, paired: bool) -> np.ndarray:
        """Upper bounds of Φ_k from each atom for each pair, [t, p, atom] (one p for k = 0, and where it is any)."""
        if (k, paired) not in self._scores:
            self._scores[k, paired] = self._scored(k, paired)
        return self._scores[k, paired]

    def _scored(self, k: int, paired: bool) -> np.ndarray:
        at, token = self.atoms
        stream = self.stream[at, token, k][:, self.tokens[k]].T[:, None]
        own = -self.written[at, token, k][:, self.tokens[k]].T[:, None]
        if k == 0:
            return stream - own
        before = self.written[at, token, k - 1][:, self.tokens[k - 1]].T if paired else self._highest[k - 1][None]
        members = [-self._highest[m] for m in range(k - 1)]
        return stream - self._mixed(k, paired, -before[None], members, own)

    def values(self, k: int, margins: np.ndarray, paired: bool) -> np.ndarray:
        """Lower bounds of Σ_m A_km margins[m, t_m, b] for each pair, [t, p, b] (one p for k = 0, or for any)."""
        own = margins[k, self.tokens[k]][:, None]
        if k == 0:
            return own
        before = margins[k - 1, self.tokens[k - 1]]
        members = [margins[m, self.tokens[m]].min(axis=0) for m in range(k - 1)]
        return self._mixed(k, paired, (before if paired else before.min(axis=0, keepdims=True))[None], members, own)

    def _mixed(
        self, k: int, paired: bool, around: np.ndarray, members: Sequence[np.ndarray], own: np.ndarray
    ) -> np.ndarray:
        """At least what row k mixes of numbers: those at k - 1, at least those at m < k - 1, and those of k itself."""
        lowest, highest = self.shares(k, paired)
        off = [own - around, *(member - around for member in members)]
        ends = [(lowest[:, :, m, None], highest[:, :, m, None]) for m in (k, *range(k - 1))]
        wide = np.broadcast_to(around, (len(own), *around.shape[1:]))
        return box_floor(wide, [(low, high, h) for (low, high), h in zip(ends, off, strict=True)])


@dataclass(frozen=True, eq=False)
class NodeTest:
    """The test of one node: whether ``winner`` is ahead of the ``rivals`` by a margin, on all of its inputs.

    ``reference``: a key whose token is fixed; ``tokens``: those of the node at each position, which are among the
    distractors'.  With the right answer a, the key behind the earlier token and all other outputs it shows inputs
    right; with another output, a alone as rival, and the key that the head looks at there, it shows them wrong.
    """

    distractors: Distractors
    reference: int
    winner: int
    rivals: np.ndarray
    tokens: Sequence[np.ndarray]
    _known: dict[tuple[int, bool], tuple[np.ndarray, np.ndarray]] = field(default_factory=dict)

    @property
    def grid(self) -> Grid:
        return self.distractors.grid

    @property
    def last(self) -> int:
        """f, the query's position."""
        return len(self.tokens) - 1

    @property
    def own(self) -> int:
        """The token of the reference key."""
        (token,) = self.tokens[self.reference].tolist()
        return token

    def against(self, table: np.ndarray) -> np.ndarray:
        """Differences of a table [..., output]: the winner minus b, for each rival b."""
        return table[..., self.winner, None] - table[..., self.rivals]

    def choices(self, k: int, own: int, values: np.ndarray) -> list[Choice]:
        """Row k with t_k = own mixes ``values[m, t, b]``: one choice a position, [b, t]."""
        least, most = self.grid.least[k, own], self.grid.most[k, own]
        return [Choice(least[m, some], most[m, some], values[m, some].T) for m, some in enumerate(self.tokens[: k + 1])]

    @cached_property
    def written(self) -> np.ndarray:
        """What a written value gives the margins, [m, t, b]."""
        return self.against(self.grid.written_values)

    @cached_property
    def direct(self) -> np.ndarray:
        """Lower bounds of d - rounding, [b]."""
        grid, q = self.grid, self.distractors.q
        read = least_ratio(self.choices(self.last, q, self.against(grid.written_direct)))
        return self.against(grid.direct[q]) + read - ROUNDING

    def value(self, k: int, own: int) -> np.ndarray:
        """Lower bounds of v_k for a key whose row is a known mixture (the reference, the query), [b]."""
        return self.against(self.grid.values[k, own]) + least_ratio(self.choices(k, own, self.written))

    def seen(self, k: int, own: int, sign: int) -> list[np.ndarray]:
        """Lower bounds of sign·Φ_k from each atom, for a key whose row is a known mixture: one array a position."""
        grid, held = self.grid, self.distractors
        least, most = grid.least[k, own], grid.most[k, own]
        found = []
        for m, atoms in enumerate(self.tokens):
            given = sign * held.written[m, atoms]
            choices = []
            for j, some in enumerate(self.tokens[: k + 1]):
                if j == m:
                    mine = np.arange(len(atoms))
                    choices.append(Choice(least[m, atoms, None], most[m, atoms, None], given[mine, m, atoms][:, None]))
                else:
                    choices.append(Choice(least[j, some], most[j, some], given[:, j][:, some]))
            found.append(sign * held.stream[m, atoms, k, own] + least_ratio(choices))
        return found

    @cached_property
    def looked_at(self) -> list[np.ndarray]:
        """Lower bounds of the reference key's Φ from each atom."""
        return self.seen(self.reference, self.own, 1)

    def _gap_of_query(self) -> np.ndarray:
        q, f = self.distractors.q, self.last
        sums = [a + b for a, b in zip(self.looked_at, self.seen(f, q, -1), strict=True)]
        least, most = self.grid.least[f, q], self.grid.most[f, q]
        return least_ratio([Choice(least[m, some], most[m, some], sums[m]) for m, some in enumerate(self.tokens)])

    def pairs(self, k: int, paired: bool) -> tuple[np.ndarray, np.ndarray]:
        """Where this node's tokens of k and of k - 1 stand among the distractors' (one place for any token)."""
        held = self.distractors.tokens
        before = np.searchsorted(held[k - 1], self.tokens[k - 1]) if k and paired else np.zeros(1, dtype=np.int64)
        return np.searchsorted(held[k], self.tokens[k])[:, None], before[None]

    def key(self, k: int, paired: bool) -> tuple[np.ndarray, np.ndarray]:
        """Lower bounds of a distractor's gap [t, p] and values [t, p, b], for each pair (one p where it is any)."""
        if (k, paired) not in self._known:
            self._known[k, paired] = self._gaps(k, paired), self._values(k, paired)
        return self._known[k, paired]

    @cached_property
    def of_query(self) -> tuple[np.ndarray, np.ndarray]:
        """The same of the query, [1] and [1, b]."""
        return self._gap_of_query()[None], self.value(self.last, self.distractors.q)[None]

    @cached_property
    def of_reference(self) -> np.ndarray:
        """Lower bounds of the reference key's v, [b]."""
        return self.value(self.reference, self.own)

    def _gaps(self, k: int, paired: bool) -> np.ndarray:
        held, f, q = self.distractors, self.last, self.distractors.q
        scores = held.scores(k, paired)[self.pairs(k, paired)]
        least, most = self.grid.least[f, q], self.grid.most[f, q]
        choices = []
        for m, some in enumerate(self.tokens):
            places = held.places[m] + np.searchsorted(held.tokens[m], some)
            gap = self.looked_at[m] - scores[:, :, places]
            one, other = least[m, some], most[m, some]
            if m == k:
                mine = np.arange(len(some))
                choices.append(Choice(one[:, None, None], other[:, None, None], gap[mine, :, mine][..., None]))
            elif m == k - 1 and paired:
                mine = np.arange(len(some))
                choices.append(Choice(one[:, None], other[:, None], gap[:, mine, mine][..., None]))
            else:
                choices.append(Choice(one, other, gap))
        return least_ratio(choices)

    def _values(self, k: int, paired: bool) -> np.ndarray:
        read = self.distractors.values(k, self.written, paired)[self.pairs(k, paired)]
        return self.against(self.grid.values[k, self.tokens[k]])[:, None] + read

    def alone(self, k: int, margin: int) -> np.ndarray:
        """π_k of a distractor for each of its tokens and rival, whatever the token before is, [t, 1, b]."""
        return self._penalty(k, margin, False)

    def penalty(self, k: int, margin: int) -> np.ndarray:
        """π_k of a distractor for each pair and rival, [t, p, b]: the smaller of both bounds."""
        return np.minimum(self._penalty(k, margin, True), self.alone(k, margin))

    def penalties(self, margin: int) -> dict[int, np.ndarray]:
        """Those of every distractor but the query."""
        return {k: self.penalty(k, margin) for k in range(self.last) if k != self.reference}

    def _penalty(self, k: int, margin: int, paired: bool) -> np.ndarray:
        gaps, values = self.key(k, paired)
        return penalties(gaps, margin - self.direct - values, self.grid.bits)

    def room(self, margin: int) -> np.ndarray:
        """What the reference key leaves for the penalties of the keys before the query, [b]."""
        room = self.of_reference + self.direct - margin
        if self.reference == self.last:
            return room
        gap, values = self.of_query
        return room - penalties(gap, margin - self.direct - values, self.grid.bits)[0]

    def worst_chain(self, found: dict[int, np.ndarray]) -> np.ndarray:
        """The largest sum of penalties along a chain of tokens, [b]."""
        state = np.zeros((len(self.rivals), 1), dtype=np.int64)  # best sums of the chains that end with a token
        for k in range(self.last):
            mine = self.tokens[k]
            step = np.zeros((1, 1, 1), dtype=np.int64) if k == self.reference else found[k].transpose(2, 0, 1)
            sums = state[:, None] + step
            if k and self.grid.form.distinct:
                sums = np.where(mine[:, None] == self.tokens[k - 1][None], -1, sums)
            state = np.broadcast_to(sums.max(axis=-1), (len(self.rivals), len(mine)))
        return state.max(axis=-1)

    def ceiling(self) -> np.ndarray:
        """Upper bounds of the winner's logit minus each rival's, [b]: a mixture is at most its largest member v_k + d.

        v_k is at most what the key's own tokens, and the best that it may read, give; d is a ratio from above.
        """
        grid, q = self.grid, self.distractors.q
        read = -least_ratio(self.choices(self.last, q, -self.against(grid.written_direct)))
        own = [self.against(grid.values[k, some]).max(axis=0) for k, some in enumerate(self.tokens)]
        best = np.maximum.accumulate([self.written[m, some].max(axis=0) for m, some in enumerate(self.tokens)])
        return self.against(grid.direct[q]) + read + (np.array(own) + best).max(axis=0) + ROUNDING

    def holds(self, margin: int) -> bool:
        """Whether on every input of the node the winner's logit is more than margin·2^-bits above every rival's.

        No difference of logits reaches 2^DIFFERENCE_BITS units, and numbers beyond would leave the words.
        """
        if margin >= 1 << DIFFERENCE_BITS:
            return False
        room = self.room(margin)
        found = {k: self.alone(k, margin) for k in range(self.last) if k != self.reference}
        if (room > sum(table.max(axis=(0, 1)) for table in found.values())).all():
            return True
        small = room // len(self.tokens)
        found = {k: table if (table <= small).all() else self.penalty(k, margin) for k, table in found.items()}
        return bool((room > self.worst_chain(found)).all() or (room > self.worst_chain(self.penalties(margin))).all())

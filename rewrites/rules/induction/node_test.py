"""One test that settles all inputs of a node.

For each pair of tokens (t_k, t_{k-1}) of a distractor, what the key may take away from the margin is at most its
penalty π_k = e^{-g} max(0, -(v + d - γ)), with the lower bounds of the gap g and of the values v + d for that very
pair.  The worst input of the node is a chain t_0 … t_{f-1}, and the largest sum of penalties along a chain is found
position by position (Viterbi).  Tokens that are two positions apart may be equal there, even where the task forbids
it.

Nothing in this asks that the winner be the right answer, or the reference the key behind the earlier token: with
another output as winner, the right one as rival and any key whose token is known, it shows that all inputs of a node
are wrong.  Close to the key that the head looks at there the falls of the others are small.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
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

    For every key k (but ``skipped``) and pair of tokens: upper bounds of Φ_k from all atoms, and the shares' ends.
    They hold for every node with the query q whose tokens are among these.
    """

    def __init__(self, grid: Grid, q: int, tokens: Sequence[np.ndarray], skipped: int) -> None:
        self.grid, self.q, self.tokens = grid, q, tokens
        self.stream = grid.query_stream[q] + grid.atom_stream  # Φ's parts [m, s, k, t]
        self.written = grid.query_written[q] + grid.atom_written
        self.places = np.cumsum([0, *map(len, tokens)])
        at = np.repeat(np.arange(len(tokens)), [len(some) for some in tokens])
        self.atoms = at, np.concatenate(tokens)
        keys = [k for k in range(len(tokens) - 1) if k != skipped]
        self.shares = {k: self._shares(k) for k in keys if k}
        self.scores = {k: self._scores(k) for k in keys}

    def _shares(self, k: int) -> tuple[np.ndarray, np.ndarray]:
        """The ends of A_km for each pair, [t, p, m]."""
        mine, before = self.tokens[k], self.tokens[k - 1]
        ends = []
        for weights, extreme in ((self.grid.least, np.min), (self.grid.most, np.max)):
            rows = weights[k][mine]
            table = np.empty((len(mine), len(before), k + 1), dtype=np.int64)
            for m in range(k - 1):
                table[:, :, m] = extreme(rows[:, m][:, self.tokens[m]], axis=-1)[:, None]
            table[:, :, k - 1] = rows[:, k - 1][:, before]
            table[:, :, k] = rows[np.arange(len(mine)), k, mine][:, None]
            ends.append(table)
        return share_ends(*ends)

    def _scores(self, k: int) -> np.ndarray:
        """Upper bounds of Φ_k from each atom for each pair, [t, p, atom] (one p for k = 0)."""
        at, token = self.atoms
        stream = self.stream[at, token, k][:, self.tokens[k]].T[:, None]
        own = -self.written[at, token, k][:, self.tokens[k]].T[:, None]
        if k == 0:
            return stream - own
        lowest, highest = self.shares[k]
        around = -self.written[at, token, k - 1][:, self.tokens[k - 1]].T[None]
        members = [(lowest[:, :, k, None], highest[:, :, k, None], own - around)]
        for m in range(k - 1):
            highest_written = self.written[at, token, m][:, self.tokens[m]].max(axis=1)
            mine = slice(self.places[m], self.places[m + 1])
            highest_written[mine] = self.written[m, self.tokens[m], m, self.tokens[m]]
            members.append((lowest[:, :, m, None], highest[:, :, m, None], -highest_written - around))
        around = np.broadcast_to(around, (len(self.tokens[k]), *around.shape[1:]))
        return stream - box_floor(around, members)

    def values(self, k: int, margins: np.ndarray) -> np.ndarray:
        """Lower bounds of Σ_m A_km margins[m, t_m, b] for each pair, [t, p, b] (one p for k = 0)."""
        own = margins[k, self.tokens[k]][:, None]
        if k == 0:
            return own
        lowest, highest = self.shares[k]
        around = margins[k - 1, self.tokens[k - 1]][None]
        members = [(lowest[:, :, k, None], highest[:, :, k, None], own - around)]
        for m in range(k - 1):
            least = margins[m, self.tokens[m]].min(axis=0)
            members.append((lowest[:, :, m, None], highest[:, :, m, None], least - around))
        return box_floor(np.broadcast_to(around, (len(own), *around.shape[1:])), members)


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

    def pairs(self, k: int) -> tuple[np.ndarray, np.ndarray]:
        """Where this node's tokens of k and of k - 1 stand among the distractors' (one place for k = 0)."""
        held = self.distractors.tokens
        before = np.searchsorted(held[k - 1], self.tokens[k - 1]) if k else np.zeros(1, dtype=np.int64)
        return np.searchsorted(held[k], self.tokens[k])[:, None], before[None]

    @cached_property
    def keys(self) -> dict[int, tuple[np.ndarray, np.ndarray]]:
        """Of every distractor but the query: lower bounds of its gap [t, p] and its values [t, p, b], for each pair."""
        return {k: (self._gaps(k), self._values(k)) for k in range(self.last) if k != self.reference}

    @cached_property
    def of_query(self) -> tuple[np.ndarray, np.ndarray]:
        """The same of the query, [1] and [1, b]."""
        return self._gap_of_query()[None], self.value(self.last, self.distractors.q)[None]

    @cached_property
    def of_reference(self) -> np.ndarray:
        """Lower bounds of the reference key's v, [b]."""
        return self.value(self.reference, self.own)

    def _gaps(self, k: int) -> np.ndarray:
        held, f, q = self.distractors, self.last, self.distractors.q
        scores = held.scores[k][self.pairs(k)]
        least, most = self.grid.least[f, q], self.grid.most[f, q]
        choices = []
        for m, some in enumerate(self.tokens):
            places = held.places[m] + np.searchsorted(held.tokens[m], some)
            gap = self.looked_at[m] - scores[:, :, places]
            one, other = least[m, some], most[m, some]
            if m == k:
                mine = np.arange(len(some))
                choices.append(Choice(one[:, None, None], other[:, None, None], gap[mine, :, mine][..., None]))
            elif m == k - 1:
                mine = np.arange(len(some))
                choices.append(Choice(one[:, None], other[:, None], gap[:, mine, mine][..., None]))
            else:
                choices.append(Choice(one, other, gap))
        return least_ratio(choices)

    def _values(self, k: int) -> np.ndarray:
        read = self.distractors.values(k, self.written)[self.pairs(k)]
        return self.against(self.grid.values[k, self.tokens[k]])[:, None] + read

    def penalties(self, margin: int) -> dict[int, np.ndarray]:
        """π_k of every distractor but the query for each pair and rival, [t, p, b]."""
        return {
            k: penalties(gaps, margin - self.direct - values, self.grid.bits) for k, (gaps, values) in self.keys.items()
        }

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
        return bool((self.room(margin) > self.worst_chain(self.penalties(margin))).all())

"""The first mix by tables: what comes before it depends on one position and its token only.

Up to the first attention, sum or concat every stream is a function of (position, token); it is computed once for each,
in words of 128 bits. For sum and concat that is all: what the later layers read of an input is the sum of one table
entry a position. Of the first attention, every score is an entry of a table by two tokens, and every head's value,
pushed through all paths that lead on, is a packed table entry: an input takes a softmax a head, and some combinations.
"""

from __future__ import annotations

from collections.abc import Sequence
from operator import mul

from ..budget import Budget, within
from ..exponential import shifted_down, shifted_up
from ..packing import combining_steps, pack, unpack
from .evaluator import Evaluator, Reach, State, reach, softmax
from .folding import UNIT_BITS, Place, Plan
from .gates import TABLE_BITS

MAX_TABLE = 1 << 22
_MIXES = ("attention", "sum", "concat")

# Fields of every place, and their radius.
Fields = dict[Place, tuple[list[int], int]]


def first_mix(plan: Plan) -> int:
    """The first layer that mixes positions; the last one, if none does."""
    kinds = [layer.kind for layer in plan.network.layers]
    return next((i for i, kind in enumerate(kinds) if kind in _MIXES), plan.last)


class Tables:
    """The logits of all inputs with these tokens; ``logits(t)`` is as :meth:`Evaluator.logits`."""

    def __init__(self, plan: Plan, tokens: Sequence[Sequence[int]], budget: Budget) -> None:
        self.plan, self.budget, self.mix = plan, budget, first_mix(plan)
        self.layer = plan.network.layers[self.mix]
        attention = self.layer.kind == "attention"
        self.fine = Evaluator(plan, reach(plan, tokens, budget), 2, budget)
        self.positions = [p for layer, p in plan.paths if layer == 0]
        self.queries = [p for layer, p in plan.paths if layer == self.mix] if attention else []
        self.size = 0
        reads = [(len(tokens[p]), m.shape[1]) for (i, p), paths in plan.paths.items() if i == 0 for _, m in paths]
        within("the number of table entries", sum(count * width for count, width in reads), MAX_TABLE)
        states = {p: {t: self.before(p, t) for t in tokens[p]} for p in self.positions}
        heads = (
            {p: {t: self.fine.read(s, self.mix, p) for t, s in by.items()} for p, by in states.items()}
            if attention
            else {}
        )
        entries = {p: {t: self.fields(state) for t, state in by.items()} for p, by in states.items()}
        values = {q: self.valued(q, heads) for q in self.queries}
        bounds = self.bounds(list(entries.values()), [by for parts in values.values() for by in parts.values()])
        self.start = self.mix + attention
        self.coarse = Evaluator(plan, Reach(plan, bounds, self.start, budget), 1, budget)
        self.places = list(bounds)
        self.entries = {p: {t: self.packed(found, 0) for t, found in by.items()} for p, by in entries.items()}
        self.radii = {
            place: sum(self.off(place, list(by.values()), 0)[0] for by in entries.values()) for place in self.places
        }
        self.seen = {
            q: [m for m in self.positions if m <= q or self.layer.settings["mask"] == "none"] for q in self.queries
        }
        self.scores = {q: self.scored(q, heads) for q in self.queries}
        self.heads = self.layer.tensors["W_O"].shape[0] if attention else 0
        self.values = {
            q: [
                [{t: self.packed(found, TABLE_BITS) for t, found in parts[h, m].items()} for m in self.seen[q]]
                for h in range(self.heads)
            ]
            for q, parts in values.items()
        }
        for q, parts in values.items():
            self.widen(q, parts)
        later = self.coarse.steps_from(self.start)
        combined = sum(len(b) for b in bounds.values()) * (1 + len(self.positions) * (self.heads or 1))
        self.steps = (
            8 + later + combining_steps(1, combined, 64) + 2 * len(self.queries) * self.heads * len(self.positions)
        )

    def before(self, p: int, t: int) -> State:
        """What the mix and everything after it reads of one token."""
        state = self.fine.start(p, t)
        for i in range(1, self.mix):
            if i in self.plan.readers:
                self.fine.local(state, i, p)
        return state

    def fields(self, state: State) -> Fields:
        """What the layers after the first attention read, or after the other kinds of mixes."""
        found: Fields = {}
        for place, (packed, radius) in state.items():
            reader = self.plan.readers[place[0]]
            count = reader.width + reader.extra
            self.size += count
            within("the number of table entries", self.size, MAX_TABLE)
            self.budget.spend(1 + count // 4)
            found[place] = unpack(packed, count, self.fine.width, self.fine.offsets[place[0]]), radius
        return found

    def valued(
        self, q: int, heads: dict[int, dict[int, tuple[list[int], int]]]
    ) -> dict[tuple[int, int], dict[int, Fields]]:
        """What all places read of a head's value that query q takes whole, by head, position and token."""
        found: dict[tuple[int, int], dict[int, Fields]] = {}
        for p, by_token in heads.items():
            for t, (numbers, radius) in by_token.items():
                for h, state in enumerate(self.fine.taken(self.mix, q, numbers, radius)):
                    found.setdefault((h, p), {})[t] = self.fields(state)
        return found

    def bounds(self, entries: list[dict[int, Fields]], values: list[dict[int, Fields]]) -> dict[Place, list[int]]:
        """Bounds of what every place reads before the layers after the mix: one entry a position, and every value.

        (A head's weights add up to at most 1; adding up the largest values of all positions is more than enough.)
        """
        found: dict[Place, list[int]] = {}
        for by_token in (*entries, *values):
            for place in next(iter(by_token.values())):
                columns = zip(*(fields[place][0] for fields in by_token.values()), strict=True)
                off = max(fields[place][1] for fields in by_token.values())
                shift = UNIT_BITS - self.fine.grid[place[0]]
                mine = [shifted_up(max(map(abs, column)) + off, shift) for column in columns]
                found[place] = [a + b for a, b in zip(found[place], mine, strict=True)] if place in found else mine
        return found

    def packed(self, fields: Fields, bits: int) -> tuple[int, ...]:
        """The fields in the coarse grid, less ``bits`` bits, floored, by ``places``; 0 where there are none."""
        found = []
        for place in self.places:
            shift = self.coarse.grid[place[0]] - bits - self.fine.grid[place[0]]
            values = fields.get(place, ([0], 0))[0]
            found.append(pack([shifted_down(v, shift) for v in values], self.coarse.width))
        return tuple(found)

    def off(self, place: Place, entries: Sequence[Fields], bits: int) -> tuple[int, int]:
        """The largest radius of such packed fields, and the largest size."""
        shift = self.coarse.grid[place[0]] - bits - self.fine.grid[place[0]]
        given = [fields[place] for fields in entries if place in fields]
        radius = max((shifted_up(r, shift) + 1 for _, r in given), default=0)
        return radius, max((shifted_up(max(map(abs, v)), shift) + 1 for v, _ in given), default=0)

    def scored(
        self, q: int, heads: dict[int, dict[int, tuple[list[int], int]]]
    ) -> tuple[list[list[dict[int, dict[int, int]]]], int]:
        """The scores by head, position, token of q and token of the position, in units of 2**-30; and their radius."""
        split = {p: {t: (*self.fine.heads(self.layer, v), r) for t, (v, r) in by.items()} for p, by in heads.items()}
        down = self.fine.scalar - TABLE_BITS
        worst = 0
        found: list[list[dict[int, dict[int, int]]]] = []
        for h in range(self.layer.tensors["W_O"].shape[0]):
            found.append([])
            for m in self.seen[q]:
                table: dict[int, dict[int, int]] = {}
                self.size += len(split[q]) * len(split[m])
                within("the number of table entries", self.size, MAX_TABLE)
                self.budget.spend(len(split[q]) * len(split[m]) * (4 + len(split[q][next(iter(split[q]))][0][h]) // 8))
                for t, (queries, _, _, r) in split[q].items():
                    row = table[t] = {}
                    for u, (_, keys, _, s) in split[m].items():
                        score, radius = self.fine.score(self.mix, queries[h], keys[h], max(r, s))
                        row[u] = score >> down
                        worst = max(worst, radius)
                found[-1].append(table)
        return found, (worst >> down) + 2

    def widen(self, q: int, parts: dict[tuple[int, int], dict[int, Fields]]) -> None:
        """The radii grow by those of the values, and by what the weights are off times the largest value.

        Weights are in units of 2**-30, at most 1 together; so a head's part is off by its values' radius and by what
        its weights are off together, times the largest value.
        """
        _, apart = softmax([0] * len(self.seen[q]), self.scores[q][1], TABLE_BITS)
        for place in self.places:
            for h in range(self.heads):
                offs = [self.off(place, list(parts[h, m].values()), TABLE_BITS) for m in self.seen[q]]
                radius, size = max(r for r, _ in offs), max(s for _, s in offs)
                self.radii[place] += (radius << TABLE_BITS) + apart * size

    def logits(self, t: Sequence[int]) -> list[tuple[list[int], int]]:
        """The logits at every position that is read, with their radii."""
        totals = list(map(sum, zip(*[self.entries[p][t[p]] for p in self.positions], strict=True)))
        for q in self.queries:
            weights: list[int] = []
            rows: list[tuple[int, ...]] = []
            seen = [t[m] for m in self.seen[q]]
            for tables, values in zip(self.scores[q][0], self.values[q], strict=True):
                scores = [table[t[q]][u] for table, u in zip(tables, seen, strict=True)]
                weights += softmax(scores, 0, TABLE_BITS)[0]
                rows += [by_token[u] for by_token, u in zip(values, seen, strict=True)]
            totals = [
                sum(map(mul, weights, column), total)
                for total, column in zip(totals, zip(*rows, strict=True), strict=True)
            ]
        state = {place: (total, self.radii[place]) for place, total in zip(self.places, totals, strict=True)}
        return self.coarse.run(state, self.start)

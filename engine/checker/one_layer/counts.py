"""``token_order_tree/1`` and ``right_cells/1``: sets of sequences that are right, or wrong, and their sizes added up.

On a set the network is right if for every x != m the largest sum of D_x (S0, margins.py) is negative, and wrong if for
one x the least is not: tested exactly (sets.py). An x that is negative on the whole cell is negative on the set (T1).
About float runs the first is about the sums of D+, the second about those of D- (S0').

A tree's leaves partition each cell, its tokens ordered from the largest score down. Sets n among N stand by themselves;
of two with the same q, m and n the one with fewer tokens is part of the other when its N is, so at most one is given,
and they show nothing wrong. How the prover found any of them is not asked.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property, partial
from typing import NamedTuple

from ..certificate import Reader
from ..errors import Code, Failure
from ..rule import Auditor, Count, Derivation, Rule, check_count, read_count
from ..shards import in_shards
from .form import Paths, one_layer, path_matrices
from .margins import Margins
from .sets import Among, Box, Leaf, Sums, Symbols, roots


class View:
    """What rules about one layer share, computed from the auditor's network and task; E218 when these are others."""

    def __init__(self, auditor: Auditor) -> None:
        self.budget = auditor.budget
        self.network = one_layer(auditor.network, auditor.task, self.budget)

    @cached_property
    def paths(self) -> Paths:
        """The path matrices."""
        return path_matrices(self.network, self.budget)

    @cached_property
    def margins(self) -> Margins:
        """The additive margins."""
        return Margins(self.paths, self.network.head, self.budget)


def margins_of(auditor: Auditor, premise: Derivation) -> Margins:
    """The margins of the real function, or of float runs."""
    return auditor.found[premise.id] if premise.kind == "float_margin" else auditor.of(View).margins


class Cell:
    """One cell, and which outputs x may reach the logit of m on its sets: first by rounded bounds of all outputs at
    once, then by bounds of all digits, and what is open then exactly. Sums are made when they are first asked for."""

    def __init__(self, margins: Margins, q: int, m: int, order: Sequence[int] = ()) -> None:
        self.margins, self.q, self.m, self.free = margins, q, m, margins.positions - 1
        self.order = order or [m, *range(m)]
        self.made: dict[tuple[bool, int], Sums] = {}

    def sums(self, sharp: bool, side: int = 1) -> Sums:
        """Bounds of D+ or -D-, packed over x."""
        if (sharp, side) not in self.made:
            packed = self.margins.sharp if sharp else self.margins.coarse
            if sharp or side < 0:
                self.margins.budget.spend(self.margins.positions * (self.m + 1) * (2 + 2 * packed.words))
            self.made[sharp, side] = packed.sums(self.q, self.m, self.order, side)
        return self.made[sharp, side]

    def reaching(self, extreme: Callable[[Sums], int], among: Sequence[int] | None = None) -> list[int]:
        """The x (of ``among``) whose largest sum of D+ is not shown to be negative by bounds."""
        for sharp, packed in ((False, self.margins.coarse), (True, self.margins.sharp)):
            found = packed.reaching(extreme(self.sums(sharp)), self.m)
            among = found if among is None else [x for x in among if x in found]
            if not among:
                break
        return list(among or ())

    @cached_property
    def open(self) -> list[int]:
        """The x that are not known to be negative on the whole cell."""
        return self.reaching(lambda sums: sums.cell(roots(self.q == self.m, self.free)))

    def reached_on(self, part: Box | Among) -> int | None:
        """An x whose sum of D+ is not negative on all of a set; None if there is none."""
        left = self.open and self.reaching(lambda sums: sums.over(part), self.open)
        signs = ((x, self.margins.largest_sign(self.q, self.m, x, part, self.order)) for x in left)
        return next((x for x, sign in signs if sign >= 0), None)

    def reaches_on(self, part: Box | Among, x: int) -> bool:
        """Whether the sum of D- is at least zero on all of a set."""
        place = x - (x > self.m)
        for sharp, packed in ((False, self.margins.coarse), (True, self.margins.sharp)):
            if packed.fields(self.sums(sharp, -1).over(part), self.m)[place] <= 0:
                return True
        return self.margins.largest_sign(self.q, self.m, x, part, self.order, -1) <= 0


def read_tree(reader: Reader) -> str:
    """The tree."""
    return reader.object(order="descending-score", tree=reader.tree)[0]


def over_leaves(
    auditor: Auditor, margins: Margins, tree: str, of: Callable[[int, int], Callable[[Leaf], tuple[int, int]]]
) -> tuple[int, int]:
    """The sums over all leaves; ``of`` makes what is called for those of a cell. E221 for symbols left over."""
    symbols, free = Symbols(tree, margins.vocabulary), margins.positions - 1
    begin: list[int] = []
    for q, m in margins.cells:
        begin.append(symbols.at)
        for _ in symbols.leaves(q, m, free):
            margins.budget.spend(2)
    if symbols.at != len(tree):
        raise Failure(Code.E221, extra=len(tree) - symbols.at)

    def cell(index: int) -> tuple[int, int]:
        (q, m), first, second = margins.cells[index], 0, 0
        each = of(q, m)
        for found in Symbols(tree, margins.vocabulary, begin[index]).leaves(q, m, free):
            one, other = each(found)
            first, second = first + one, second + other
        return first, second

    return in_shards(cell, len(begin), auditor.jobs)


def judged(margins: Margins, q: int, m: int) -> Callable[[Leaf], tuple[int, int]]:
    """How many sequences of a cell's leaf are right, and wrong; E224, E225, E226 where its symbol does not hold."""
    cell = Cell(margins, q, m, margins.order(q, m))

    def judge(leaf: Leaf) -> tuple[int, int]:
        margins.budget.spend(4 + len(leaf.boxes) * (1 + cell.free))
        size, where, x = sum(box.size(m) for box in leaf.boxes), {"cell": (q, m), "symbol": leaf.index}, leaf.wrong
        if leaf.symbol == "R":
            for box in leaf.boxes:
                if (reached := cell.reached_on(box)) is not None:
                    raise Failure(Code.E224, **where, x=reached)
            return size, 0
        if leaf.symbol == "W":
            if x >= margins.vocabulary or x == m:
                raise Failure(Code.E226, **where, x=x)
            if not all(cell.reaches_on(box, x) for box in leaf.boxes):
                raise Failure(Code.E225, **where, x=x)
            return 0, size
        return 0, 0

    return judge


def check_tree(auditor: Auditor, derivation: Derivation) -> None:
    """Adds up the sizes: right_low counts R, right_high everything but W."""
    margins = margins_of(auditor, derivation.premises[0])
    right, wrong = over_leaves(auditor, margins, derivation.advice, partial(judged, margins))
    check_count(derivation, Count(right, auditor.inputs - wrong))


class Sets(NamedTuple):
    """Sets of one m: |N| by q and n where N are the tokens 0, 1, ... (1 for n = 0, and 0 where there is no set);
    and sets (q, n, N) of other tokens, N as bits."""

    reaches: Sequence[int]
    others: list[tuple[int, int, int]]


def read_sets(reader: Reader) -> list[Sets]:
    """``[["base64",[[q,n,"0x.."],...]],...]``, by m."""
    other = partial(reader.row, reader.small, reader.small, reader.mask)
    return reader.items(lambda: Sets(*reader.row(reader.table, lambda: reader.items(other))))


def sets_of(derivation: Derivation, margins: Margins, given: Sequence[Sets], m: int) -> list[list[Among]]:
    """The sets of one m by q, of an order in which the tokens after m ascend, at most one for each n; E216, E236."""
    positions = margins.positions
    if len(given) != margins.vocabulary:
        raise derivation.differs("the number of tables", len(given), margins.vocabulary)
    reaches, others = given[m]
    if len(reaches) != (m + 1) * positions:
        raise derivation.differs(f"the size of table {m}", len(reaches), (m + 1) * positions)
    margins.budget.spend(len(reaches) + (1 + m // 8) * len(others))
    found: list[list[Among]] = [[] for _ in range(m + 1)]

    def add(q: int, n: int, places: Sequence[int]) -> None:
        if not 0 <= n < positions - (q < m) or places[-1] > (m if n else 1):
            raise Failure(Code.E236, id=derivation.id, rule=derivation.rule.name, cell=(q, m), number=n)
        found[q].append(Among(positions - 1, n, places))

    for index, size in enumerate(reaches):
        if size:
            add(*divmod(index, positions), range(1, size + 1))
    before = (-1, -1)
    for q, n, bits in others:
        if not (before < (q, n) and 0 <= q <= m and 0 < n < positions and bits) or reaches[q * positions + n]:
            raise Failure(Code.E236, id=derivation.id, rule=derivation.rule.name, cell=(q, m), number=n)
        add(q, n, [t + 1 for t in range(bits.bit_length()) if bits >> t & 1])
        before = q, n
    return found


def check_sets(auditor: Auditor, derivation: Derivation) -> None:
    """Holds when every set is right (E237) and has sequences (E236), and they are as many as is said."""
    margins = auditor.of(View).margins

    def count(m: int) -> tuple[int, int]:
        right = 0
        for q, sets in enumerate(sets_of(derivation, margins, derivation.advice, m)):
            cell = Cell(margins, q, m)
            for part in sets:
                if cell.open:
                    entries = margins.positions * (8 + part.n**2 + len(part.places))
                    margins.budget.spend(1 + (entries * margins.sharp.words >> 3))
                if (x := cell.reached_on(part)) is not None:
                    where = {"id": derivation.id, "rule": derivation.rule.name, "cell": (q, m)}
                    raise Failure(Code.E237, **where, number=part.n, x=x)
                right += part.size(m)
        return right, 0

    right, _ = in_shards(count, margins.vocabulary, auditor.jobs)
    check_count(derivation, Count(right, auditor.inputs))


FLOATS = ((("float_margin",), "float_count"),)
RULES = (
    Rule("token_order_tree/1", ("additive_margin",), "right_count", read_tree, read_count, check_tree, FLOATS),
    Rule(
        "right_cells/1",
        ("paths",),
        "right_count",
        lambda reader: reader.object(sets=lambda: read_sets(reader))[0],
        read_count,
        check_sets,
    ),
)

"""A cell (q, m): which outputs x may reach the logit of m on a set of its sequences (S0 in margins.py, sums.py).

First by rounded bounds of all outputs at once, then by bounds of all digits, and what is open then exactly: so an
answer is never wrong, and never left open.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property

from .margins import Margins
from .sums import Sums
from .walk import Node

Extreme = Callable[[Sums], int]


class Cell:
    """One cell, and what is known of its outputs; sums of -D- (side -1) are made when they are first asked for."""

    def __init__(self, margins: Margins, q: int, m: int) -> None:
        self.margins, self.q, self.m = margins, q, m
        self.free = margins.positions - 1
        self.made: dict[tuple[bool, int], Sums] = {}

    @cached_property
    def order(self) -> list[int]:
        """The tokens by their places in trees."""
        return self.margins.token_order(self.q, self.m)

    def sums(self, sharp: bool, side: int = 1) -> Sums:
        """Bounds of D+ or -D-, packed over x."""
        if (sharp, side) not in self.made:
            packed = self.margins.sharp if sharp else self.margins.coarse
            if sharp or side < 0:
                self.margins.budget.spend(self.margins.positions * (self.m + 1) * (2 + 2 * packed.words))
            self.made[sharp, side] = packed.sums(self.q, self.m, side)
        return self.made[sharp, side]

    def reaching(self, extreme: Extreme, among: Sequence[int] | None = None) -> list[int]:
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
        return self.reaching(Sums.whole)

    def right_on(self, node: Node) -> int | None:
        """An x whose sum of D+ is not negative on all of a node; None if there is none."""
        left = self.open and self.reaching(lambda sums: sums.node(node, self.order), self.open)
        reach = (x for x in left if self.margins.largest_sign(self.q, self.m, x, self.allowed(node)) >= 0)
        return next(reach, None)

    def reaches_on(self, node: Node, x: int) -> bool:
        """Whether the sum of D- is at least zero on all of a node."""
        place = x - (x > self.m)
        for sharp, packed in ((False, self.margins.coarse), (True, self.margins.sharp)):
            if packed.fields(self.sums(sharp, -1).node(node, self.order), self.m)[place] <= 0:
                return True
        return self.margins.largest_sign(self.q, self.m, x, self.allowed(node), -1) <= 0

    def allowed(self, node: Node) -> list[list[int]]:
        """The tokens that each free position may hold on a node."""
        places = dict(node.fixed)
        first = {p: node.level + (p in node.lo) for p in range(self.free)}
        return [[self.order[places[p]]] if p in places else self.order[first[p] :] for p in range(self.free)]

"""Groups and nodes, their sizes, and how they part.

A node fixes the tokens of some positions; a free position holds any token that may stand there.  Fixing one more
position to each of its tokens parts the node; the sizes follow from counting, and every walk checks that they add up.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import product
from math import perm

import numpy as np

from ....engine.formula import At, Count, ForAll, Members, Range, Sequences, Total, Var, Where
from ....engine.formula import Num as N
from ....engine.rule import Lemma
from ....models.tasks.inputs import InputSet

_t, _s, _p, _j, _l = Var("t"), Var("s"), Var("p"), Var("j"), Var("l")
_rows = Range(N(0), Var("K"))
_every = Sequences("T", Var("K"))
_differ = ForAll(
    _j, _rows, ForAll(_l, Range(N(0), _j), At("t", _j, subscript=True).differs(At("t", _l, subscript=True)))
)

PARTITION = Lemma(
    label="partition",
    title="Fixing one position parts a set of inputs",
    given="For all finite non-empty sets $T_j$ with $j < K$, $K \\ge 1$, and a position $p < K$:",
    statement=Count(_t, _every, _differ).equals(
        Total(
            _s,
            Members(At("T", _p, subscript=True)),
            Count(_t, Where(_every, At("t", _p, subscript=True).equals(_s), _t), _differ),
        )
    ),
    proof="Every input has exactly one token at $p$. The same holds without the condition that tokens differ.",
    source="a disjoint union",
)


@dataclass(frozen=True)
class Node:
    """The inputs with t_f = t_i = q and t_{i+1} = a whose tokens are ``fixed`` (None where free).

    ``distinct``: the tokens before the last differ; else every token but those at i and f differs from q.
    """

    i: int
    vocabulary: int
    distinct: bool
    fixed: tuple[int | None, ...]

    @property
    def q(self) -> int:
        found = self.fixed[self.i]
        assert found is not None, "the query's token is fixed"
        return found

    @property
    def a(self) -> int:
        found = self.fixed[self.i + 1]
        assert found is not None, "the answer is fixed"
        return found

    @property
    def free(self) -> list[int]:
        """The positions that are not fixed."""
        return [m for m, token in enumerate(self.fixed) if token is None]

    @cached_property
    def rest(self) -> list[int]:
        """The tokens that a free position may hold, ascending."""
        used = set(self.fixed) if self.distinct else {self.q}
        return [token for token in range(self.vocabulary) if token not in used]

    @cached_property
    def tokens(self) -> list[np.ndarray]:
        """The tokens of every position."""
        rest = np.array(self.rest, dtype=np.int64)
        return [rest if token is None else np.array([token], dtype=np.int64) for token in self.fixed]

    @property
    def size(self) -> int:
        """How many inputs the node has, by a formula."""
        many, places = len(self.rest), len(self.free)
        return perm(many, places) if self.distinct else many**places

    def holds(self, row: tuple[int, ...]) -> bool:
        """Whether an input is one of the node's."""
        among = len(row) == len(self.fixed) and all(t in tokens for t, tokens in zip(row, self.tokens, strict=True))
        return among and (not self.distinct or len(set(row)) == len(row) - 1)

    def children(self, position: int) -> Iterator[Node]:
        """The node parted at a free position: one child a token, ascending."""
        for token in self.rest:
            yield replace(self, fixed=(*self.fixed[:position], token, *self.fixed[position + 1 :]))

    def inputs(self) -> np.ndarray:
        """All inputs, one a row; their number is compared with :attr:`size`."""
        rows = [
            row
            for row in product(*(tokens.tolist() for tokens in self.tokens))
            if not self.distinct or len(set(row)) == len(row) - 1
        ]
        if len(rows) != self.size:
            raise AssertionError(f"{len(rows)} inputs of a node of {self.size}")
        return np.array(rows, dtype=np.int64).reshape(len(rows), len(self.fixed))


def groups(inputs: InputSet) -> list[Node]:
    """The groups (q, i, a) of a task of induction, in this order; they part the inputs."""
    n, vocabulary, distinct = inputs.positions, len(inputs.sets[0]), inputs.condition == "repeated"
    found = [
        Node(i, vocabulary, distinct, (*[None] * i, q, a, *[None] * (n - i - 3), q))
        for q in range(vocabulary)
        for i in range(0 if distinct else 1, n - 2)
        for a in range(vocabulary)
        if a != q
    ]
    if sum(node.size for node in found) != inputs.size:
        raise AssertionError(f"the groups have {sum(node.size for node in found)} inputs, the task {inputs.size}")
    return found

"""A diagonal table by numbers that are no better than the true ones: what follows from an explanation's own numbers.

Theorem.  What is at least o is at least every o' <= o.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from ...engine.arithmetic.dyadic import DyadicMatrix
from ...engine.cost import Cost
from ...engine.formula import At, ForAll, Num, Range, Var
from ...engine.rule import Lemma, NotEstablished, Rule
from .diagonal import Diagonal
from .path_decomposition import V

_m = Var("m")
_each = Range(Num(0), Var("n"))

LESS = Lemma(
    label="stated-diagonal",
    title="Margins that are stated lower",
    given="For all numbers $x(m)$, $o(m)$ and $p(m)$ ($m < n$):",
    statement=ForAll(_m, _each, (At("o", _m) <= At("x", _m)) & (At("p", _m) <= At("o", _m))).implies(
        ForAll(_m, _each, At("p", _m) <= At("x", _m))
    ),
    proof="$p(m) \\le o(m) \\le x(m)$.",
    source="a smaller bound holds too",
)


@dataclass(frozen=True)
class Margins:
    """Advice: ``own`` (V × 1) and ``others`` (V × V), no larger than those of the premise."""

    own: DyadicMatrix
    others: DyadicMatrix


class StatedDiagonal(Rule):
    """From a diagonal table.  Advice: :class:`Margins`."""

    name = "stated_diagonal"
    premises = (Diagonal,)
    lemmas = (LESS,)
    derivation = "[@stated-diagonal]: every stated margin is compared with the one that was shown."
    cost = Cost(compare=V**2 + V)

    def conclude(self, premises: Sequence[Any], advice: Margins) -> Diagonal:
        (known,) = premises
        for mine, theirs in ((advice.own, known.own), (advice.others, known.others)):
            if mine.shape != theirs.shape:
                raise NotEstablished(self.tag, f"there are {mine.shape} margins, not {theirs.shape}")
            rows = zip(mine.fractions(), theirs.fractions(), strict=True)
            if not all(p <= o for pair in rows for p, o in zip(*pair, strict=True)):
                raise NotEstablished(self.tag, "a stated margin is larger than the true one")
        return replace(known, own=advice.own, others=advice.others)

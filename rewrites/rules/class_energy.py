"""Neurons that are nearly constant on classes of tokens: how much of their energy lies within the classes.

Theorem.  Let l_i(x) be what neuron i reads of a token, on its grid.  With any partition into classes the sum of squares
about the mean of all tokens is that of the class means plus that within the classes; the share within is the claim's.

Proof.  [@within-and-between].  ∎

Source: the analysis of variance; "coset-constant" neurons of arXiv 2302.03025 and 2410.07476.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from ...engine.arithmetic.printing import ceil_str
from ...engine.claim import Claim
from ...engine.cost import Cost
from ...engine.digest import digest
from ...engine.formula import At, Num, Range, Total, Var
from ...engine.rule import Lemma, NotEstablished, Rule
from ...models.statement import Statement
from .grid_network import GridNetwork

DIGITS = 4
_j, _c, _k = Var("j"), Var("c"), Var("k")
_class = Range(Num(0), _k)
_mean = Total(_j, _class, At("v", _j))


def _square(of: Any) -> Any:
    return of * of


WITHIN = Lemma(
    label="within-and-between",
    title="Squares about a number and about the mean",
    given="For all reals $v_j$ with $j < k$, $m$ with $k m = \\sum v_j$, and $c$:",
    statement=(_k * Var("m"))
    .equals(_mean)
    .implies(
        Total(_j, _class, _square(At("v", _j) - _c)).equals(
            Total(_j, _class, _square(At("v", _j) - Var("m"))) + _k * _square(Var("m") - _c)
        )
    ),
    proof="The mixed terms are $2 (m - c) \\sum (v_j - m) = 0$. It is used for every class, with $c$ the mean of all.",
    source="the analysis of variance",
)


@dataclass(frozen=True)
class Classes:
    """Advice: neurons, the side (0: first tokens, 1: second) and the label of each of its tokens."""

    neurons: tuple[int, ...]
    side: int
    labels: tuple[int, ...]


@dataclass(frozen=True, eq=False)
class ClassEnergy(Claim):
    """Of the neurons' energy, ``within[k]`` of neuron ``classes.neurons[k]`` lies within the classes."""

    statement: Statement
    classes: Classes
    within: tuple[Fraction, ...]

    kind = "class_energy"

    def conclusion(self) -> dict[str, Any]:
        return {"kind": self.kind}

    def identity(self) -> str:
        given = [list(self.classes.neurons), self.classes.side, list(self.classes.labels)]
        return digest([self.statement.sha256, given, [str(share) for share in self.within]])

    def sentence(self) -> str:
        token = "xy"[self.classes.side]
        count = len(set(self.classes.labels))
        return (
            f"What ${len(self.within)}$ neurons read of ${token}$ (neurons {_listed(self.classes.neurons)}) is "
            f"constant on ${count}$ classes of tokens but for at most ${ceil_str(max(self.within), DIGITS)}$ of its "
            "energy, on their grids."
        )


class ClassEnergyRule(Rule):
    """Advice: :class:`Classes`."""

    name = "class_energy"
    premises = (GridNetwork,)
    lemmas = (WITHIN,)
    derivation = (
        "Sums of squares of integers, about the means of all tokens and of the classes, by [@within-and-between]."
    )
    cost = Cost()

    def conclude(self, premises: Sequence[Any], advice: Classes) -> ClassEnergy:
        (grid,) = premises
        table = (grid.left, grid.right)[advice.side]
        if len(advice.labels) != len(table) or not advice.neurons:
            raise NotEstablished(self.tag, f"{len(table)} labels and some neurons are needed")
        members: dict[int, list[int]] = {}
        for token, label in enumerate(advice.labels):
            members.setdefault(label, []).append(token)
        shares = []
        for neuron in advice.neurons:
            column = [int(v) for v in table[:, neuron]]
            inside = sum((about_mean([column[t] for t in tokens]) for tokens in members.values()), Fraction(0))
            whole = about_mean(column)
            shares.append(inside * Fraction(whole.denominator, whole.numerator) if whole else Fraction(0))
        return ClassEnergy(grid.statement, advice, tuple(shares))


def about_mean(numbers: Sequence[int]) -> Fraction:
    """The sum of squares about the mean.

    >>> about_mean([1, 2, 3, 6])
    Fraction(14, 1)
    """
    return sum(n * n for n in numbers) - Fraction(sum(numbers) ** 2, len(numbers))


def _listed(neurons: Sequence[int]) -> str:
    shown = ", ".join(map(str, neurons[:8]))
    return shown if len(neurons) <= 8 else f"{shown}, …"

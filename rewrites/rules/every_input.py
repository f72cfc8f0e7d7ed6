"""Every input decided: the counts of any network on any task that can be enumerated.

Theorem.  The network's term, evaluated for blocks of inputs in fixed-point integers, gives for every input and read
position numbers v_z and a radius r with |logit_z - v_z| <= r for all outputs z.  The input is right there if
v_c - v_z > 2r for all z ≠ c, and wrong if v_z - v_c >= 2r for some z ≠ c.  The others are decided one by one, by balls
of growing precision and by exact tests of ties; what stays open counts on neither side.

The radius is carried through the layers by the lemmas below and by those that stand, with their proofs, at the
functions that use them: the softmax moves in sum by no more than its scores do, a norm is Lipschitz away from zero
(engine/domains), tables of exp, 1/√ and the activation functions have Taylor remainders that Arb bounds
(engine/arithmetic/function_table.py), and integer products in float64 are exact (engine/arithmetic/integer_product.py).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from sympy import symbols

from ...engine.arithmetic.printing import ceil_str, floor_str
from ...engine.cost import Cost
from ...engine.digest import digest
from ...engine.formula import Absolute, Exists, ForAll, Num, Range, Total, Var, Where, entry
from ...engine.network_terms import Entrywise, MaskedSoftmax, Normalised, Pointwise
from ...engine.rule import Lemma, Rule
from ...engine.term import Named, Ones, Product, Term
from ...models.statement import Statement
from ..enumeration import Decision, decide
from .count import Count
from .enclosed_number import digits_of
from .network_function import NetworkFunction

_z, _i = Var("z"), Var("i")
_r, _k, _eta, _c, _s, _w = Var("r"), Var("k"), Var("\\eta"), Var("c"), Var("s"), Var("w")
_outputs = Where(Range(Num(0), Var("C")), _z.differs(_c), _z)
_entries = Range(Num(0), _k)


def _near(true: str, known: str, index: Var, radius: Var) -> Any:
    return Absolute(entry(true, index) - entry(known, index)) <= radius


DECIDED_BY_RADIUS = Lemma(
    label="decided-by-radius",
    title="Deciding one input from logits up to a radius",
    given="For all reals $x_z$, $v_z$ for outputs $z < C$, an output $c < C$ and $r \\ge 0$:",
    statement=ForAll(_z, Range(Num(0), Var("C")), _near("x", "v", _z, _r)).implies(
        ForAll(_z, _outputs, entry("v", _c) - entry("v", _z) > Num(2) * _r).implies(
            ForAll(_z, _outputs, entry("x", _c) > entry("x", _z))
        )
        & Exists(_z, _outputs, entry("v", _z) - entry("v", _c) >= Num(2) * _r).implies(
            Exists(_z, _outputs, entry("x", _z) >= entry("x", _c))
        )
    ),
    proof="$x_c - x_z$ differs from $v_c - v_z$ by at most $|x_c - v_c| + |x_z - v_z| \\le 2r$.",
    source="the definition of a right answer",
)
PRODUCT_RADIUS = Lemma(
    label="product-radius",
    title="A linear map of numbers up to a radius",
    given="For all reals $x_i$, $v_i$, $M_i$, $N_i$ with $i < k$, and $r, \\eta \\ge 0$:",
    statement=ForAll(_i, _entries, _near("x", "v", _i, _r)).implies(
        ForAll(_i, _entries, _near("M", "N", _i, _eta)).implies(
            Absolute(
                Total(_i, _entries, entry("x", _i) * entry("M", _i))
                - Total(_i, _entries, entry("v", _i) * entry("N", _i))
            )
            <= _r * (Total(_i, _entries, Absolute(entry("N", _i))) + _k * _eta)
            + _eta * Total(_i, _entries, Absolute(entry("v", _i)))
        )
    ),
    proof=(
        "$\\sum x_i M_i - \\sum v_i N_i = \\sum (x_i - v_i) M_i + \\sum v_i (M_i - N_i)$, and "
        "$|M_i| \\le |N_i| + \\eta$."
    ),
    source="linearity, for each column of a matrix",
)
MIXTURE_RADIUS = Lemma(
    label="mixture-radius",
    title="A mixture of numbers up to a radius",
    given=(
        "For all reals $x_i$, $v_i$, $a_i \\ge 0$, $b_i$ with $i < k$, $k \\ge 1$, $\\sum_i a_i = 1$ and "
        "$|v_i| \\le s$, and all $r$, $w$:"
    ),
    statement=ForAll(_i, _entries, _near("x", "v", _i, _r)).implies(
        (Total(_i, _entries, Absolute(entry("a", _i) - entry("b", _i))) <= _w).implies(
            Absolute(
                Total(_i, _entries, entry("a", _i) * entry("x", _i))
                - Total(_i, _entries, entry("b", _i) * entry("v", _i))
            )
            <= _r + _w * _s
        )
    ),
    proof=(
        "$\\sum a_i x_i - \\sum b_i v_i = \\sum a_i (x_i - v_i) + \\sum (a_i - b_i) v_i$; the first sum is at most $r$ "
        "in size, since $a_i \\ge 0$ and $\\sum a_i = 1$, the second at most $w s$."
    ),
    source="convexity",
)
QUOTIENT_RADIUS = Lemma(
    label="quotient-radius",
    title="An entry of a normalised row up to a radius",
    given=(
        "For all reals $z$, $y$, $\\sigma > 0$, $\\tau$ and $a, b \\ge 0$ with $b < \\tau$ (a row with the entry $z$ "
        "and the scale $\\sigma$, of which $y \\tau$ and $\\tau$ are known):"
    ),
    statement=(Absolute(Var("z") - Var("y") * Var("\\tau")) <= Var("a")).implies(
        (Absolute(Var("\\tau") - Var("\\sigma")) <= Var("b")).implies(
            Absolute(Var("z").over(Var("\\sigma")) - Var("y"))
            <= (Var("a") + Absolute(Var("y")) * Var("b")).over(Var("\\tau") - Var("b"))
        )
    ),
    proof=(
        "$z/\\sigma - y = (z - y\\tau)/\\sigma + y(\\tau - \\sigma)/\\sigma$, and $\\sigma \\ge \\tau - b > 0$. A row "
        "that is known up to $r$ in every entry has $a = 2r$ and $b = r$, because the scale of a row $z$ of $k$ "
        "numbers, "
        "$\\sqrt{|z|^2/k + \\varepsilon}$ with the norm's $\\varepsilon$, is a length over $\\sqrt{k}$, and centring "
        "does not lengthen differences."
    ),
    source="the norm of a vector is 1-Lipschitz",
)
N, M, E, C, R = symbols("N M E C R", positive=True, integer=True)


@dataclass(frozen=True, eq=False)
class DecidedInputs(Count):
    """Of the inputs (or pairs of input and read position, as the task counts) so many are right, wrong, undecided;
    with the least margin and the mean loss, where they are known."""

    statement: Statement
    decision: Decision

    @property
    def low(self) -> int:
        return self.decision.right

    @property
    def high(self) -> int:
        return self.decision.right + self.decision.undecided

    def identity(self) -> str:
        found = self.decision
        margin = found.margin
        ends = [] if margin is None else [str(margin.lower), str(margin.upper), *margin.tokens, margin.position]
        means = [mean for mean in (found.loss, found.probability) if mean is not None]
        loss = [str(end) for mean in means for end in (mean.lower, mean.upper)]
        counts = [hex(number) for number in (found.right, found.wrong, found.undecided)]
        return digest([self.statement.sha256, counts, ends, loss])

    def sentence(self) -> str:
        total, what = self.statement.inputs, self.statement.unit
        if self.decision.undecided:
            counted = f"Of ${total}$ {what} at least ${self.low}$ and at most ${self.high}$ are right"
        else:
            counted = f"Of ${total}$ {what} exactly ${self.low}$ are right"
        if self.decision.loss is None:
            return f"{counted}."
        low, high = self.decision.loss.lower, self.decision.loss.upper
        digits = digits_of(high - low)
        return f"{counted}, and the mean loss is between ${floor_str(low, digits)}$ and ${ceil_str(high, digits)}$."


class EveryInput(Rule):
    """No advice.  ``jobs``, ``progress``, ``loss``, ``fine``, ``probability`` and ``resume`` as in
    :func:`~..enumeration.decide.decide`."""

    name = "enumeration"
    certifiable = True
    premises = (NetworkFunction,)
    lemmas = (DECIDED_BY_RADIUS, PRODUCT_RADIUS, MIXTURE_RADIUS, QUOTIENT_RADIUS)
    derivation = (
        "The network's definition is evaluated on every input, in blocks of fixed-point integers with radii that "
        "follow from [@product-radius], [@mixture-radius] and [@quotient-radius], and every input is decided by "
        "[@decided-by-radius]; inputs that the radius leaves open are decided by balls and exact tests of ties."
    )
    cost = Cost(multiply=N * M, add=N * M, exp=N * E, compare=N * R * C)

    def __init__(
        self,
        jobs: int = 1,
        progress: Callable[[int, int], None] | None = None,
        *,
        loss: bool = True,
        fine: bool = False,
        probability: bool = False,
        resume: str | os.PathLike[str] | None = None,
    ) -> None:
        asked = {"loss": loss, "fine": fine, "probability": probability}
        self._given: dict[str, Any] = {"jobs": jobs, "progress": progress, "resume": resume, **asked}

    def conclude(self, premises: Sequence[Any], advice: Any) -> DecidedInputs:
        (function,) = premises
        network, task = function.statement.network, function.statement.task
        found = decide(network, task, **self._given)
        return DecidedInputs(function.statement, found)

    def charge(self, premises: Sequence[Any], advice: Any) -> Cost:
        (function,) = premises
        network, task = function.statement.network, function.statement.task
        products, functions = operations(network.term(task.positions, task.read))
        sizes = {N: task.inputs.size, M: products, E: functions, C: network.outputs, R: len(task.read)}
        return Cost(*(term.subs(sizes) for term in self.cost.terms()))


def operations(term: Term) -> tuple[int, int]:
    """(multiplications, values of exp, square roots and activation functions) of one evaluation, every row of every
    subterm once and nothing folded: at most what the interpreter does for one input."""
    products = functions = 0
    seen: set[int] = set()
    waiting = [term]
    while waiting:
        here = waiting.pop()
        if id(here) in seen:
            continue
        seen.add(id(here))
        rows, columns = here.shape
        match here:
            case Named():
                waiting.append(here.body)
            case Product() if not isinstance(here.left, Ones):
                products += rows * here.left.shape[1] * columns
            case Entrywise():
                products += rows * columns
            case Normalised():
                products += 2 * rows * columns
                functions += rows
            case MaskedSoftmax() | Pointwise():
                functions += rows * columns
        waiting.extend(here.parts())
    return products, functions

"""The accuracy of every float run, beside the accuracy of the real function.

From a count of the sequences on which every float run is right (or wrong), and the accuracy of the real function of the
stored weights.  The inputs in between are those on which neither holds of every run.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ...engine.arithmetic.printing import count_str, floor_str
from ...engine.certificate import hex_integer
from ...engine.cost import Cost
from ...engine.rule import NotEstablished, Rule
from ...models.float_statement import FloatStatement
from .accuracy import DIGITS, Accuracy
from .path_decomposition import V
from .right_count import RightCount


@dataclass(frozen=True)
class FloatAccuracy(Accuracy):
    """Every float run is right on at least ``low`` and at most ``high`` inputs, the same ones in every run; ``real`` is
    the theorem about real numbers."""

    statement: FloatStatement
    real: Accuracy

    kind = "accuracy"
    meaning = (
        "Call every run *right* on a sequence $t$ when each of them computes a strictly larger logit for $\\max t$ "
        "than for any other token."
    )

    @property
    def between(self) -> int:
        """On so many inputs runs are neither all shown right nor all shown wrong."""
        return self.high - self.low

    def identity(self) -> str:
        return f"{super().identity()}:{self.real.identity()}"

    def conclusion(self) -> dict[str, Any]:
        return {
            "kind": "float_accuracy",
            "right_low": hex_integer(self.low),
            "right_high": hex_integer(self.high),
            "inputs": hex_integer(self.inputs),
            "semantics": self.statement.format.name,
            "exp_ulps": self.statement.exp_ulps,
            "real_low": hex_integer(self.real.low),
            "real_high": hex_integer(self.real.high),
        }

    def relation(self) -> str:
        real = self.real.relation().removeprefix("accuracy ")
        name = self.statement.format.name
        return f"accuracy of every {name} run >= {count_str(self.low, self.inputs)} (real: {real})"

    def decimals(self) -> str:
        return f"runs: {floor_str(self.bounds[0], DIGITS)}, real: {self.real.decimals()}"

    def sentence(self) -> str:
        form = self.statement.format.name
        low, high = count_str(self.low, self.inputs), count_str(self.high, self.inputs)
        if self.between:
            found = (
                f"On at least ${low}$ of the inputs every {form} run is right, and on all but at most ${high}$ every "
                f"one "
                f"is wrong: every run has an accuracy between ${low}$ and ${high}$. On the {self.between} inputs in "
                "between the proof leaves open what runs return."
            )
        else:
            found = f"Exactly on ${low}$ of the inputs every {form} run is right, and on all others every one is wrong."
        return (
            f"{found} About the real function of the stored weights, whose "
            f"exponentials and square root are exact, the same graph proves: {self.real.sentence()}"
        )

    def data(self) -> dict[str, Any]:
        return super().data() | {
            "semantics": self.statement.format.name,
            "exp_ulps": self.statement.exp_ulps,
            "between": self.between,
            "real": self.real.data() | {"sha256": self.real.statement.sha256},
        }


class FloatAccuracyFromCounts(Rule):
    """From the count about float runs and the accuracy about real numbers; no advice."""

    name = "float_accuracy"
    certifiable = True
    premises = (RightCount, Accuracy)
    lemmas = ()
    derivation = "The counts of all cells, which partition the inputs, are added up."
    cost = Cost(add=V**2)

    def conclude(self, premises: Sequence[Any], advice: Any) -> FloatAccuracy:
        count, real = premises
        statement = count.statement
        if not isinstance(statement, FloatStatement):
            raise NotEstablished(self.tag, "the count is not about float runs")
        if real.statement.sha256 != statement.stored.sha256:
            raise NotEstablished(self.tag, "the two theorems are about different networks")
        return FloatAccuracy(statement, count.low, count.high, real)

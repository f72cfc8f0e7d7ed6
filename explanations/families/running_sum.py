"""Sentences about one head and a ReLU behind it that answer with the sign of a running sum.

What follows from them is what :mod:`~mechproof.rewrites.rules.running_mean` concludes, with the numbers that they state
in place of the true ones.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction

from ...engine.graph import ProofGraph
from ...engine.rule import NotEstablished
from ...engine.whatif import Assumption
from ...models.statement import Statement
from ...rewrites.rules.accuracy import AccuracyFromCount
from ...rewrites.rules.network_function import NetworkFunctionDefinition
from ...rewrites.rules.running_mean import RunningMeanRule, StatedMean, means_of, running_mean
from ..reading import Following, Truth
from ..sentence import AT_MOST, Kind, Number, Sentence

FAMILY = "running-sum-sign"
# Each kind, and what its number is called in the rule's advice.
NAMES = {"mean(attention)": "uneven", "linear(units)": "units", "linear(logits)": "logits"}
KINDS = (
    Kind(
        "mean(attention)",
        "no weight of a query exceeds another by more than this part of it",
        (Number("uneven", AT_MOST),),
    ),
    Kind(
        "linear(units)",
        "what every unit of the MLP reads of a token is linear in the token's number",
        (Number("apart", AT_MOST),),
    ),
    Kind(
        "linear(logits)",
        "what a token adds directly to logits is linear in the token's number",
        (Number("apart", AT_MOST),),
    ),
)


def read(statement: Statement, common_rows: bool) -> RunningSum:
    """Raises NotEstablished for another network or task."""
    return RunningSum(statement)


class RunningSum:
    """The claims of one network, in one graph."""

    kinds: Mapping[str, Kind] = {kind.key: kind for kind in KINDS}

    def __init__(self, statement: Statement) -> None:
        if statement.task.name.partition(":")[0] != FAMILY:
            raise NotEstablished(FAMILY, f"the task is {statement.task.name}")
        self.statement, self.graph = statement, ProofGraph()
        self._function = self.graph.apply(NetworkFunctionDefinition(), (), statement)
        self._means = means_of(statement)

    def truth(self, sentence: Sentence) -> Truth:
        """The largest of all read positions."""
        (number,) = sentence.kind.numbers
        return Truth(True, {number.name: max(getattr(mean, NAMES[sentence.kind.key]) for mean in self._means)})

    def ideal(self, kind: Kind) -> Mapping[str, Fraction]:
        """Equal weights, exact lines."""
        return {kind.numbers[0].name: Fraction(0)}

    def follows(self, said: Mapping[str, Sentence], *, assumed: bool = False) -> Following:
        """All three sentences are needed."""
        missing = tuple(key for key in NAMES if key not in said)
        if missing:
            return Following(0, self.graph, missing=missing)
        numbers = {NAMES[key]: next(iter(sentence.numbers.values()), None) for key, sentence in said.items()}
        stated = StatedMean(**numbers)
        try:
            mean = self.graph.apply(RunningMeanRule(), [self._function], stated)
        except NotEstablished:
            if not assumed:
                raise
            mean = self.graph.apply(Assumption(), (), running_mean(self.statement, stated))
        goal = self.graph.apply(AccuracyFromCount(), [mean])
        return Following(self.graph.claim(goal).low, self.graph, goal)

"""What is asked of a network over its inputs, proved by strategies: cheapest first, then finer."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from ..engine.errors import MechproofError
from ..engine.graph import ProofGraph
from ..engine.rule import NotEstablished
from ..models.statement import Statement as Problem
from ..rewrites.enumeration.decide import MOST_INPUTS, TooManyInputs
from ..rewrites.rules.accuracy import Accuracy, AccuracyFromCount
from ..rewrites.rules.enumerated_loss import LossOfEveryInput
from ..rewrites.rules.every_input import EveryInput
from ..rewrites.rules.least_margin import MarginOfEveryInput
from ..rewrites.rules.mean_probability import ProbabilityOfEveryInput
from ..rewrites.rules.network_function import NetworkFunctionDefinition
from ..rewrites.strategies import Options, silent
from ..rewrites.strategies.networks import past_enumeration, strategy
from ..rewrites.strategies.networks.induction import missing
from .network_words import USUAL, AnyAccuracy
from .restriction import WRONG

CONCLUSIONS = {
    "accuracy": AccuracyFromCount,
    "loss": LossOfEveryInput,
    "probability": ProbabilityOfEveryInput,
    "least_margin": MarginOfEveryInput,
}
METRICS = {"accuracy": "accuracy", "loss": "loss", "least_margin": "margin"}
# Next to nothing: less than 2^-NEARLY_ALL of the inputs.
NEARLY_ALL = 20
# From so many inputs on, bounds for sets of inputs come before enumeration.
MANY = 1 << 16


@dataclass
class NetworkProofs:
    """Proofs in one graph; ``seconds``: what the user gives, None for no limit."""

    graph: ProofGraph
    seconds: int | None = None
    _decided: dict[tuple[str, bool, bool], int] = field(default_factory=dict)
    _functions: dict[str, int] = field(default_factory=dict)

    def function(self, problem: Problem) -> int:
        """The claim that the network is defined, on these inputs."""
        if problem.sha256 not in self._functions:
            self._functions[problem.sha256] = self.graph.apply(NetworkFunctionDefinition(), (), problem)
        return self._functions[problem.sha256]

    def claims(self, problem: Problem, name: str) -> Iterator[int]:
        """Claims on a word over the problem's inputs, from cheap to fine.

        Raises a :class:`~mechproof.engine.errors.MechproofError` where there is none.
        """
        found = 0
        last: MechproofError | None = None
        for make in self._ways(problem, name):
            try:
                yield make()
                found += 1
            except NotEstablished as error:
                last = error
        if not found:
            size = problem.task.inputs.size
            raise last or TooManyInputs(size, self._most)

    @property
    def _most(self) -> int:
        return USUAL if self.seconds is None else MOST_INPUTS

    def _ways(self, problem: Problem, name: str) -> Iterator[Callable[[], int]]:
        size = problem.task.inputs.size
        if name == "accuracy" and size > self._most:
            yield lambda: self.graph.apply(AnyAccuracy(), [self.function(problem)])
        by_induction = name in METRICS and size > MANY and not missing(problem)
        if by_induction:
            yield lambda: self._by("induction", problem, name)
        if size <= self._most:
            if name == WRONG:
                yield lambda: self._every_input(problem, loss=False, fine=False)
            elif name == "accuracy":
                yield lambda: self._concluded(problem, name, loss=size <= MANY, fine=False)
            else:
                yield lambda: self._concluded(problem, name, loss=True, fine=False)
                yield lambda: self._concluded(problem, name, loss=True, fine=True)
        elif name == "accuracy" and not by_induction:
            other, _ = past_enumeration(problem)
            if other:
                yield lambda: self._by_sets(other, problem, name)

    def _by_sets(self, strategy: str, problem: Problem, word: str) -> int:
        """By sets of inputs; where these leave next to nothing open, they are split until nothing is."""
        found = self._by(strategy, problem, word)
        accuracy: Accuracy = self.graph.claim(found)
        if 0 < accuracy.high - accuracy.low < accuracy.inputs >> NEARLY_ALL:
            return self._by(strategy, problem, word, cut=0)
        return found

    def _by(self, name: str, problem: Problem, word: str, cut: int | None = None) -> int:
        options = Options(seconds=self.seconds, cut=cut)
        return strategy(name).derive(self.graph, self.function(problem), METRICS[word], options, silent)

    def _concluded(self, problem: Problem, name: str, *, loss: bool, fine: bool) -> int:
        return self.graph.apply(CONCLUSIONS[name](), [self._every_input(problem, loss=loss, fine=fine)])

    def _every_input(self, problem: Problem, *, loss: bool, fine: bool) -> int:
        """All inputs decided; what is known with losses is known without."""
        for key in ((problem.sha256, loss, fine), (problem.sha256, True, fine)):
            if key in self._decided:
                return self._decided[key]
        rule = EveryInput(loss=loss, fine=fine, probability=loss)
        found = self.graph.apply(rule, [self.function(problem)])
        self._decided[problem.sha256, loss, fine] = found
        return found

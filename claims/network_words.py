"""Words about any network, as claims: what it does over its inputs, or over some of them, and on single ones.

| name | is |
|---|---|
| `accuracy`, `loss`, `probability`, `least_margin` | over all inputs, or over those that a condition leaves |
| `wrong` | the set of inputs that are not right |
| `V`, `K`, `d_vocab`, `n_ctx`, `d_model`, `d_head` | sizes |

What such a word is was proved by a strategy, and the claim is a premise here.  An evaluation that meets one without its
claim raises :class:`Needed`, and whoever asked gets it proved and asks again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property
from typing import Any

from ..engine.claim import Claim
from ..engine.cost import Cost
from ..engine.digest import digest
from ..engine.errors import MechproofError
from ..engine.rule import NotEstablished, Rule
from ..models.layers.attention import Attention
from ..models.statement import Statement as Problem
from ..rewrites.enumeration.decide import Decision
from ..rewrites.rules.accuracy import Accuracy
from ..rewrites.rules.enclosed_number import EnclosedNumber
from ..rewrites.rules.every_input import DecidedInputs
from ..rewrites.rules.least_margin import LeastMargin
from ..rewrites.rules.loss import Loss
from ..rewrites.rules.mean_probability import MeanProbability
from ..rewrites.rules.network_function import NetworkFunction
from .activations import Activation, Activations
from .conditions import Conditions
from .intervals import IntervalMatrix
from .restriction import WRONG
from .tree import Statement
from .vocabulary import SIZES, Meaning, Vocabulary

KINDS: Mapping[str, type[Claim]] = {
    "accuracy": Accuracy,
    "loss": Loss,
    "probability": MeanProbability,
    "least_margin": LeastMargin,
    WRONG: DecidedInputs,
}

# Up to so many inputs are enumerated unless the user gives a time; more than this take minutes.
USUAL = 1 << 24

Tokens = tuple[int, ...]


@dataclass(frozen=True)
class Wanted:
    """A word over the inputs that satisfy a condition (None: all), with the values of variables in it."""

    name: str
    condition: Statement | None = None
    binding: tuple[tuple[str, int], ...] = ()

    @staticmethod
    def of(name: str, condition: Statement | None, binding: Mapping[str, int]) -> Wanted:
        inside = frozenset() if condition is None else condition.names
        return Wanted(name, condition, tuple(sorted((n, v) for n, v in binding.items() if n in inside)))

    @cached_property
    def key(self) -> str:
        condition = "" if self.condition is None else self.condition.key
        return digest([self.name, condition, [list(pair) for pair in self.binding]])


@dataclass(unsafe_hash=True)
class NoTable(MechproofError):
    """A word that this network gives no meaning."""

    name: str
    sentence = "{name} has no meaning in this network: it has no such table, or sizes that differ from place to place"


class Needed(Exception):
    """The claim on this word is not among the premises yet."""

    def __init__(self, wanted: Wanted) -> None:
        super().__init__(wanted)
        self.wanted = wanted


@dataclass(frozen=True)
class About:
    """What the words of one network rest on, found once and shared."""

    conditions: Conditions
    activations: Activations
    tables: Vocabulary | None


@dataclass(frozen=True)
class NetworkWords(Meaning):
    """Words denote what this network does on the inputs of its task; ``known``: the claims that say so, by what they
    are on."""

    statement: Problem
    about: About = field(compare=False, repr=False)
    known: Mapping[str, Claim]
    memo: dict[tuple[str, tuple[int, bool]], IntervalMatrix] = field(default_factory=dict, compare=False, repr=False)
    activations: dict[tuple[str, Tokens, int], Activation] = field(default_factory=dict, compare=False, repr=False)

    kind = "network_words"

    def conclusion(self) -> dict[str, Any]:
        return {"kind": self.kind}

    def identity(self) -> str:
        claims = sorted([key, claim.kind, claim.identity()] for key, claim in self.known.items())
        return digest([self.statement.sha256, claims])

    def sentence(self) -> str:
        return "The words in the statements denote what this network does, by its definition and by what was proved."

    @property
    def accuracy(self) -> Accuracy | None:
        found = self.known.get(Wanted("accuracy").key)
        return found if isinstance(found, Accuracy) else None

    @property
    def loss(self) -> Loss | None:
        found = self.known.get(Wanted("loss").key)
        return found if isinstance(found, Loss) else None

    def claim(self, wanted: Wanted) -> Any:
        """Raises :class:`Needed`."""
        found = self.known.get(wanted.key)
        if found is None:
            raise Needed(wanted)
        return found

    def number(self, wanted: Wanted) -> IntervalMatrix:
        """Bounds of a number over inputs."""
        found: Accuracy | EnclosedNumber = self.claim(wanted)
        return IntervalMatrix.interval(*found.bounds)

    def sets(self, wanted: Wanted) -> tuple[frozenset[Tokens], frozenset[Tokens]]:
        """The inputs that are wrong, and those of which it is not known."""
        decision: Decision = self.claim(wanted).decision
        wrong = frozenset(tokens for tokens, _ in decision.wrong_inputs())
        undecided = decision.undecided_inputs() if decision.undecided else ()
        return wrong, frozenset(tokens for tokens, _ in undecided) - wrong

    def count_wrong(self, wanted: Wanted) -> IntervalMatrix:
        """How many inputs are wrong."""
        wrong, open_inputs = self.sets(wanted)
        return IntervalMatrix.interval(Fraction(len(wrong)), Fraction(len(wrong) + len(open_inputs)))

    def matrix(self, name: str) -> IntervalMatrix:
        if name in SIZES:
            size = sizes(self.statement).get(SIZES[name])
            if size is not None:
                return IntervalMatrix.number(Fraction(size))
        if self.about.tables is None:
            raise NoTable(name)
        return self.about.tables.matrix(name)


def sizes(problem: Problem) -> dict[str, int]:
    """The sizes that are the same everywhere in the network."""
    network, positions = problem.network, problem.task.positions
    vocabulary = set(network.vocabulary(positions))
    heads = {layer.W_Q.shape[2] for layer in network.layers if isinstance(layer, Attention)}
    found = {"n_ctx": network.most_positions or positions, "d_model": network.embed.tables[0].shape[1]}
    for name, values in (("d_vocab", vocabulary), ("d_head", heads)):
        if len(values) == 1:
            found[name] = values.pop()
    return found


class AnyAccuracy(Rule):
    """From the network's definition: at least no input is right, and at most all are.  No advice."""

    name = "any_accuracy"
    premises = (NetworkFunction,)
    lemmas = ()
    derivation = "A count of some of the inputs is at least 0 and at most that of all."
    cost = Cost()

    def conclude(self, premises: Sequence[Any], advice: Any) -> Accuracy:
        (function,) = premises
        return Accuracy(function.statement, 0, function.statement.inputs)


class NameNetwork(Rule):
    """From the network's definition: its words on single inputs.  Advice: the :class:`About`."""

    name = "name_network"
    premises = (NetworkFunction,)
    lemmas = ()
    derivation = "The definition of the network."
    cost = Cost()

    def conclude(self, premises: Sequence[Any], advice: About) -> NetworkWords:
        (function,) = premises
        if advice.conditions.problem.sha256 != function.statement.sha256:
            raise NotEstablished(self.tag, "the conditions are on another network's inputs")
        return NetworkWords(function.statement, advice, {})


class NameMeasured(Rule):
    """From words and a claim on one more: the words with that one.  Advice: what the claim is on."""

    name = "name_measured"
    premises = (NetworkWords, Claim)
    lemmas = ()
    derivation = "What was proved of the network over the inputs of its task, or over some."
    cost = Cost()

    def conclude(self, premises: Sequence[Any], advice: Wanted) -> NetworkWords:
        words: NetworkWords = premises[0]
        claim: Any = premises[1]
        on = words.about.conditions.on(advice.condition, dict(advice.binding))
        if not issubclass(type(claim), KINDS[advice.name]) or claim.statement.sha256 != on.sha256:
            raise NotEstablished(self.tag, f"the claim is not on {advice.name} over these inputs")
        return NetworkWords(words.statement, words.about, {**words.known, advice.key: claim})

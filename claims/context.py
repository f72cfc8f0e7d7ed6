"""What an evaluation rests on and may spend: the meaning of the names, a precision, a budget, and advice."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from ..models.statement import Statement as Problem
from ..rewrites.rules.additive_margin import AdditiveMargin
from .intervals import IntervalMatrix
from .network_words import NetworkWords
from .restriction import is_hook
from .singular import Spectrum
from .tensors import StoredTensors
from .tree import Call, Node
from .vocabulary import Meaning, Vocabulary

SPECTRAL = (
    *("sigma", "spectral_norm", "rank1"),
    *("singular_values", "rank_k", "right_singular_vectors", "left_singular_vectors"),
)

Binding = Mapping[str, int]
# Called with what an expression means (and the values of its variables) and its value.
Advisor = Callable[[str, IntervalMatrix], Spectrum]


class Open(Exception):
    """The statement cannot be decided here; ``reason`` says why, ``hopeless`` that more bits would not help."""

    def __init__(self, reason: str, *, hopeless: bool = False) -> None:
        super().__init__(reason)
        self.reason, self.hopeless = reason, hopeless


@dataclass(frozen=True)
class Budget:
    """What one statement may cost: instances of a quantifier, and sequences that a loss looks at one by one."""

    instances: int = 1 << 18
    sequences: int = 20_000

    def limit(self, body: Node, variables: frozenset[str]) -> int:
        """How many instances a quantifier over this body may have: fewer where each one is expensive."""
        if isinstance(body, Call) and not variables.isdisjoint(body.names):
            if body.function in SPECTRAL:
                return self.instances >> 10
            if body.function in ("correct", "logits") or is_hook(body.function):
                return min(self.instances, self.sequences)
        return min((self.limit(node, variables) for node in body.nodes()), default=self.instances)


# What is remembered of exact values belongs to no stage.
EXACT = (0, False)


@dataclass(frozen=True)
class Context:
    """``advisor`` gives directions for singular values, None where there are none; it is ``ranked`` if ranks come with
    them."""

    vocabulary: Meaning
    bits: int
    budget: Budget = field(default_factory=Budget)
    advisor: Advisor | None = None
    ranked: bool = False

    @property
    def stage(self) -> tuple[int, bool]:
        """Tells apart what is remembered of values that are not exact."""
        return self.bits, self.ranked

    @property
    def statement(self) -> Problem:
        """The network and its task."""
        if not isinstance(self.vocabulary, Vocabulary | NetworkWords):
            raise Open("tokens, positions and sequences need a network, not only tensors", hopeless=True)
        return self.vocabulary.statement

    @property
    def words(self) -> NetworkWords:
        """What the network does on its inputs."""
        if not isinstance(self.vocabulary, NetworkWords):
            raise Open("what the network does on its inputs is not among the premises", hopeless=True)
        return self.vocabulary

    @property
    def stored(self) -> StoredTensors:
        """The tensors of a file."""
        if not isinstance(self.vocabulary, StoredTensors):
            raise Open("the stored tensors are not among the premises", hopeless=True)
        return self.vocabulary

    @property
    def margin(self) -> AdditiveMargin:
        """What the logits are."""
        if self.vocabulary.margin is None:
            raise Open("the logits are not among the premises", hopeless=True)
        return self.vocabulary.margin

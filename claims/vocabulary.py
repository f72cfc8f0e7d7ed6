"""What the names in statements denote, as claims: the tensors, the standard path products, accuracy.

| name | is |
|---|---|
| `W_E`, `W_pos`, `W_Q`, …, `b_U` | the stored tensors; biases are rows |
| `EQKE`, `EQKP`, `EVOU`, `PVOU`, `EUPU` (or `UU`) | the path tables, without 1/√d_head |
| `EQKE_mean`, `EQKP_mean` | the same with the mean position in the keys |
| `V`, `K`, `d_vocab`, `n_ctx`, `d_model`, `d_head` | sizes |
| `accuracy`, `loss`, `probability`, `least_margin`, `wrong` | over all inputs |
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property
from typing import Any

from ..engine.claim import Claim
from ..engine.cost import Cost
from ..engine.rule import Rule
from ..engine.term import Term
from ..models.one_layer import AXES, one_layer_of
from ..models.one_layer_terms import OneLayerTerms
from ..models.statement import Statement
from ..rewrites.rules.accuracy import Accuracy
from ..rewrites.rules.additive_margin import AdditiveMargin
from ..rewrites.rules.known_matrices import KnownMatrices
from ..rewrites.rules.loss import Loss
from .intervals import IntervalMatrix
from .kind import Kind
from .restriction import MEASURES

TABLES = ("EQKE", "EQKP", "EVOU", "PVOU", "EUPU", "UU", "EQKE_mean", "EQKP_mean")
SIZES = {"V": "d_vocab", "K": "n_ctx", **{size: size for size in ("d_vocab", "n_ctx", "d_model", "d_head")}}
WHOLE_NETWORK = MEASURES
NAMES = frozenset((*AXES, *TABLES, *SIZES, *WHOLE_NETWORK))

# Biases have one axis.
KINDS = {
    **{name: Kind(len(axes), "row" if len(axes) == 1 else "") for name, axes in AXES.items()},
    **dict.fromkeys(TABLES, Kind(2)),
    **dict.fromkeys((*SIZES, *WHOLE_NETWORK), Kind(0)),
}


class Meaning(Claim):
    """What the names in statements denote; what the claim does not say of a network is None."""

    margin: AdditiveMargin | None = None
    accuracy: Accuracy | None = None
    loss: Loss | None = None
    # Values of closed expressions by meaning and stage (Context.stage); not part of what is claimed.
    memo: dict[tuple[str, tuple[int, bool]], IntervalMatrix]

    @abstractmethod
    def matrix(self, name: str) -> IntervalMatrix:
        """The value of a name."""


@dataclass(frozen=True)
class Vocabulary(Meaning):
    """Names of tensors and path products denote these exact matrices of the network; where a statement needs them,
    ``margin`` says what its logits are, ``accuracy`` how often it is right, ``loss`` bounds its mean cross-entropy."""

    statement: Statement
    margin: AdditiveMargin | None = None
    accuracy: Accuracy | None = None
    loss: Loss | None = None
    memo: dict[tuple[str, tuple[int, bool]], IntervalMatrix] = field(default_factory=dict, compare=False, repr=False)

    kind = "vocabulary"

    def conclusion(self) -> dict[str, Any]:
        return {"kind": self.kind}

    def identity(self) -> str:
        known = [claim for claim in (self.margin, self.accuracy, self.loss) if claim is not None]
        return ":".join([self.statement.sha256, *(f"{claim.kind}:{claim.identity()}" for claim in known)])

    def sentence(self) -> str:
        return "The names in the statements denote exact matrices of this network, by the definitions of its paths."

    @cached_property
    def _values(self) -> Mapping[str, IntervalMatrix]:
        """The tensors and ones as exact matrices, and the mean position, which need not be dyadic."""
        network = one_layer_of(self.statement)
        values = {name: IntervalMatrix.of(matrix) for name, matrix in network.tensors.items()}
        ones = {
            f"1_{n}": IntervalMatrix.exactly((n, 1), [1] * n, Fraction(1)) for n in (network.d_vocab, network.n_ctx)
        }
        share = IntervalMatrix.number(Fraction(1, network.n_ctx))
        return values | ones | {"mean": values["W_pos"].T.rowwise(sum).T * share}

    @cached_property
    def _terms(self) -> Mapping[str, Term]:
        terms = OneLayerTerms.of(one_layer_of(self.statement))
        return {**terms.tables, **terms.mean_tables, "EUPU": terms.tables["UU"]}

    def matrix(self, name: str) -> IntervalMatrix:
        """The value of a tensor, table or size."""
        if name in SIZES:
            return IntervalMatrix.number(Fraction(getattr(one_layer_of(self.statement), SIZES[name])))
        if name in AXES:
            return self._values[name]
        return self._terms[name].evaluate(self._values)


class NameMatrices(Rule):
    """From known matrices; no advice."""

    name = "name_matrices"
    certifiable = True
    premises: tuple[type[Claim], ...] = (KnownMatrices,)
    lemmas = ()
    derivation = "The definitions of the path products, applied to the stored weights."
    cost = Cost()

    def conclude(self, premises: Sequence[Any], advice: Any) -> Vocabulary:
        known, *others = premises
        if any(_statement(other).sha256 != known.statement.sha256 for other in others):
            raise ValueError("the premises are about different networks")
        given = {claim.kind: claim for claim in others}
        return Vocabulary(known.statement, given.get("additive_margin"), given.get("accuracy"), given.get("loss"))


class NameLogits(NameMatrices):
    """From known matrices and the logits; no advice."""

    name = "name_logits"
    certifiable = True
    premises = (KnownMatrices, AdditiveMargin)


class NameAccuracy(NameMatrices):
    """From known matrices, the logits and the accuracy; no advice."""

    name = "name_accuracy"
    certifiable = True
    premises = (KnownMatrices, AdditiveMargin, Accuracy)


class NameLoss(NameMatrices):
    """From known matrices, the logits and bounds of the loss; no advice."""

    name = "name_loss"
    certifiable = True
    premises = (KnownMatrices, AdditiveMargin, Loss)


class NameAccuracyAndLoss(NameMatrices):
    """From known matrices, the logits, the accuracy and bounds of the loss; no advice."""

    name = "name_accuracy_and_loss"
    certifiable = True
    premises = (KnownMatrices, AdditiveMargin, Accuracy, Loss)


def _statement(claim: AdditiveMargin | Accuracy | Loss) -> Statement:
    return claim.paths.statement if isinstance(claim, AdditiveMargin) else claim.statement

"""Theorem.  A term over the stored weights is zero if its exact value is.

Decides conditions such as "the biases are zero", which are facts about one network and not about all.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flint import fmpz_mat

from ...engine.cost import Cost
from ...engine.rule import NotEstablished, Rule
from ...engine.term import Term
from ...models.one_layer import one_layer_of
from ..equations import Zero
from .known_matrices import tensor_names
from .network_function import NetworkFunction
from .path_decomposition import values_of


class ZeroByValue(Rule):
    """From the network.  Advice: a term over its weights."""

    name = "zero_by_value"
    premises = (NetworkFunction,)
    lemmas = ()
    derivation = "The term's exact value on the stored weights is zero in every entry."
    cost = Cost()

    def conclude(self, premises: Sequence[Any], advice: Term) -> Zero:
        statement = premises[0].statement
        values = values_of(one_layer_of(statement))
        strangers = sorted(tensor_names(advice) - values.keys())
        if strangers:
            raise NotEstablished(self.tag, f"{', '.join(strangers)} is no weight of the network")
        value = advice.evaluate(values)
        if value.numerators != fmpz_mat(*value.shape):
            raise NotEstablished(self.tag, f"{advice} has an entry that is not zero")
        return Zero(advice, statement.sha256)

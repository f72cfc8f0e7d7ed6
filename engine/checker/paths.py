"""The five path matrices: the network as a sum of paths, multiplied out over the dyadic rationals.

With X_q = W_E + 1 W_pos[K-1] and softmax weights that add up to one, the network of the theorem satisfies
logits[x] = UU[q,x] + sum_p a_p (EVOU[t_p,x] + PVOU[p,x]) and
score_p = (EQKE[q,t_p] + EQKP[q,p]) / sqrt(h), because matrix products distribute over sums.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

from .budget import Budget
from .dyadic import Matrix, matrix, plus_row, product, tensor_hash, transpose
from .one_layer import OneLayer


@dataclass(frozen=True)
class Paths:
    """UU, EVOU [V, V]; PVOU [K, V]; EQKE [V, V]; EQKP [V, K]: rows and columns as in the certificate's format."""

    UU: Matrix
    EVOU: Matrix
    PVOU: Matrix
    EQKE: Matrix
    EQKP: Matrix

    def hashes(self) -> dict[str, str]:
        """The tensor hash of each."""
        matrices = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: tensor_hash(value, value.shape) for name, value in matrices.items()}


def path_matrices(network: OneLayer, budget: Budget) -> Paths:
    """The path matrices of a network."""
    w = network.tensors
    last = matrix(w["W_pos"].rows[-1:], w["W_pos"].exponent)
    query_input = plus_row(w["W_E"], last)
    query = plus_row(product(query_input, w["W_Q"], budget), w["b_Q"])
    position_key = plus_row(product(w["W_pos"], w["W_K"], budget), w["b_K"])
    position_value = plus_row(product(w["W_pos"], w["W_V"], budget), w["b_V"])
    out = product(w["W_O"], w["W_U"], budget)
    return Paths(
        UU=plus_row(product(plus_row(query_input, w["b_O"]), w["W_U"], budget), w["b_U"]),
        EVOU=product(product(w["W_E"], w["W_V"], budget), out, budget),
        PVOU=product(position_value, out, budget),
        EQKE=product(query, transpose(product(w["W_E"], w["W_K"], budget)), budget),
        EQKP=product(query, transpose(position_key), budget),
    )

"""What a network on a group does, as claims with proved numbers: the command ``story`` for such networks."""

from __future__ import annotations

from ..engine.graph import ProofGraph
from ..models.statement import Statement
from ..models.tasks.characters import MOST_CLASSES, classes_of
from .network_story import NetworkStory
from .proof import prove
from .quotient_account import account
from .rules.attention_mixture import AttentionMixtureRule
from .rules.bi_equivariance import BiEquivariance
from .rules.class_energy import ClassEnergyRule, Classes
from .rules.isotypic_energy import TABLES, EmbeddingEnergy, NeuronEnergy
from .rules.near_constant_attention import NearConstantAttention
from .rules.network_function import NetworkFunctionDefinition
from .rules.quotient import Accepted
from .rules.separable_relu import SeparableRelu
from .rules.shared_phases import SharedPhasesRule

# The tasks whose networks have such a story.
TASKS = ("group", "modular-addition")


def tell(statement: Statement, name: str) -> NetworkStory:
    """The story of a network on a group.

    Raises :class:`~mechproof.engine.rule.NotEstablished` for another network or task.
    """
    proof = prove(statement, name, "quotient")
    graph = proof.graph
    found = account(graph, proof.goal)
    assert found is not None, "the proof is one by quotients"
    function = graph.apply(NetworkFunctionDefinition(), (), statement)
    form = next(step.claim for step in graph.derivations() if isinstance(graph.claim(step.claim), SeparableRelu))
    group = graph.claim(form).answers
    attention = NearConstantAttention | AttentionMixtureRule
    claims = [step.claim for step in graph.proof(proof.goal) if isinstance(step.rule, attention)]
    if len(group) > 1 and len(classes_of(group).sizes) <= MOST_CLASSES:
        claims.append(graph.apply(EmbeddingEnergy(), [function], 0))
        claims += [graph.apply(NeuronEnergy(), [form], table) for table in TABLES]
    if (group == group.T).all():
        claims.append(graph.apply(SharedPhasesRule(), [form]))
    accepted = graph.find(found.accepted)
    assert accepted is not None, "it is in the graph"
    claims += _of_quotient(graph, accepted) if isinstance(found.accepted, Accepted) else [accepted]
    return NetworkStory(proof, tuple(claims))


def _of_quotient(graph: ProofGraph, accepted: int) -> list[int]:
    """Classes of tokens that blocks of neurons are nearly constant on, and the function of x⁻¹ z y⁻¹."""
    (grid,) = graph.derivations_of(accepted)[0].premises
    claims = []
    for block in graph.claim(accepted).advice.blocks:
        for side, part in enumerate((block.left, block.right)):
            if part is not None:
                claims.append(graph.apply(ClassEnergyRule(), [grid], Classes(block.neurons, side, part.labels)))
    return [*claims, graph.apply(BiEquivariance(), [grid])]

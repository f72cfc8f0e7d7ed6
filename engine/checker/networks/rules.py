"""Certificates of schema 2 (docs/certificate.md §12): about the accuracy, the mean loss or the least margin.

The certificate states what comes of all inputs; the checker evaluates them again. Nothing else is needed, and nothing
in it is believed.
"""

from __future__ import annotations

from functools import cached_property

from .. import rule_accuracy, rule_loss
from ..boxes import rules as boxes
from ..budget import Budget
from ..certificate import Reader
from ..errors import Code, Failure
from ..proof import Certificate, check_relation, check_use, read_derivation
from ..rule import Count, Derivation, Rule, check_count, no_advice, read_count
from ..rule_network import check as check_statement
from ..rule_network import read_conclusion as read_statement
from . import induction_tree, loss, margin, quotient
from .enumeration import counted
from .layers import Network
from .passes import Passes
from .statement import statement_hash
from .task import Task

# How a relation of each metric is read.
RELATIONS = {"accuracy": rule_accuracy.read_bounds, "loss": rule_loss.read_bounds, "margin": margin.read_bounds}
SCHEMA = '{"schema":"mechproof-certificate/2",'


class NetworkAuditor:
    """The auditor's side: network and task as they were read, and what is computed from them."""

    def __init__(self, network: Network, task: Task, budget: Budget, jobs: int) -> None:
        self.network, self.task, self.budget, self.jobs = network, task, budget, jobs

    @cached_property
    def statement(self) -> str:
        """The statement's hash."""
        numbers = sum(len(t.entries) for layer in self.network.layers for t in layer.tensors.values())
        self.budget.spend(2 * numbers)
        return statement_hash(self.network, self.task)

    @property
    def inputs(self) -> int:
        """The number of inputs, or of pairs of input and position."""
        return self.task.size

    @cached_property
    def passes(self) -> Passes:
        """The ways to evaluate an input."""
        return Passes(self.network, self.task, self.budget, self.jobs)

    @cached_property
    def count(self) -> Count:
        """How many are right."""
        return counted(self.passes)


def check_enumeration(auditor: NetworkAuditor, derivation: Derivation) -> None:
    """Holds when the stated bounds are no better than the checker's own count."""
    check_count(derivation, auditor.count)


RULES: dict[str, Rule] = {
    rule.name: rule
    for rule in (
        Rule("network_definition/2", (), "network", no_advice, read_statement, check_statement),
        Rule("enumeration/1", ("network",), "right_count", no_advice, read_count, check_enumeration),  # type: ignore[arg-type]
        Rule("enumerated_loss/1", ("network",), "loss", no_advice, rule_loss.read_conclusion, loss.check),  # type: ignore[arg-type]
        Rule("least_margin/1", ("network",), "margin", no_advice, margin.read_conclusion, margin.check),  # type: ignore[arg-type]
        Rule("quotient/1", ("network",), "right_count", quotient.read_advice, read_count, quotient.check),  # type: ignore[arg-type]
        induction_tree.RULE,
        *boxes.RULES,
        rule_accuracy.RULE,
    )
}


def read_certificate(text: bytes) -> Certificate:
    """The certificate of this text; E110, E111, E112 when it is none."""
    reader = Reader(text)
    reader.literal(SCHEMA + '"relation":{"metric":')
    metric = next((name for name in RELATIONS if reader.text.startswith(f'"{name}",'.encode(), reader.at)), "accuracy")
    reader.literal(f'"{metric}",')
    relation = RELATIONS[metric](reader)
    reader.literal(',"statement":')
    statement = reader.hash()
    reader.literal(',"derivations":')
    derivations: list[Derivation] = []
    reader.items(lambda: derivations.append(read_derivation(reader, derivations, RULES)))
    reader.literal("}")
    reader.end()
    return Certificate(relation, statement, derivations)


def check_certificate(certificate: Certificate, auditor: NetworkAuditor) -> None:
    """Raises Failure unless the certificate proves its relation about the auditor's network and task.

    What can be compared without counting comes first.
    """
    if certificate.statement != auditor.statement:
        raise Failure(Code.E201, where="header", stated=certificate.statement, own=auditor.statement)
    check_use(certificate.derivations)
    check_relation(certificate, auditor.inputs)
    for derivation in certificate.derivations:
        derivation.rule.check(auditor, derivation)  # type: ignore[arg-type]

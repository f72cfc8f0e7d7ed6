"""The rules of the kernel that say what a certificate is about, that visit inputs one by one, and that conclude."""

from __future__ import annotations

from .errors import Code, Failure
from .networks import loss, margin
from .networks.enumeration import counted
from .relations import Accuracy, Loss, Margin
from .rule import Auditor, Derivation, Rule, check_count, no_advice, read_count


def check_network(auditor: Auditor, derivation: Derivation) -> None:
    """Holds when the hash is that of the auditor's own statement; equal hashes, equal statements (sha256)."""
    if derivation.conclusion != (auditor.statement,):
        where, (stated,) = f"derivation {derivation.id}", derivation.conclusion
        raise Failure(Code.E201, where=where, stated=stated, own=auditor.statement)


def check_enumeration(auditor: Auditor, derivation: Derivation) -> None:
    """Holds when the stated bounds are no better than the checker's own count."""
    check_count(derivation, counted(auditor.passes))


def check_accuracy(auditor: Auditor, derivation: Derivation) -> None:
    """Holds when the bounds are no better than the premise's, and about all inputs."""
    check_count(derivation, derivation.premises[0].conclusion)
    if derivation.conclusion.inputs != auditor.inputs:
        raise derivation.differs("inputs", derivation.conclusion.inputs, auditor.inputs)


RULES = (
    Rule(
        "network_definition/2",
        (),
        "network",
        no_advice,
        lambda reader: reader.object(kind="network", statement=reader.hash),
        check_network,
    ),
    Rule("enumeration/1", ("network",), "right_count", no_advice, read_count, check_enumeration),
    Rule("enumerated_loss/1", ("network",), "loss", no_advice, Loss.read, loss.check),
    Rule("least_margin/1", ("network",), "margin", no_advice, Margin.read, margin.check),
    Rule("accuracy/1", ("right_count",), "accuracy", no_advice, Accuracy.read, check_accuracy),
)

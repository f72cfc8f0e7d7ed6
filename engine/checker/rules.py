"""The rules of the kernel that say what a certificate is about, that count inputs one by one, and that conclude."""

from __future__ import annotations

from functools import partial

from .certificate import Reader
from .errors import Code, Failure
from .networks import loss, margin, quotient
from .networks.enumeration import counted
from .relations import Accuracy, Loss, Margin
from .rule import Auditor, Derivation, Rule, check_count, check_enclosure, no_advice, read_count

PATHS = ("UU", "EVOU", "PVOU", "EQKE", "EQKP")


def check_network(auditor: Auditor, derivation: Derivation) -> None:
    """Holds when the hash is that of the auditor's own statement; equal hashes, equal statements (sha256)."""
    if derivation.conclusion != (auditor.statement,):
        where, (stated,) = f"derivation {derivation.id}", derivation.conclusion
        raise Failure(Code.E201, where=where, stated=stated, own=auditor.statement)


def read_hashes(reader: Reader, kind: str = "paths") -> dict[str, str]:
    """The hashes of five tables like the path matrices."""
    return dict(zip(PATHS, reader.object(kind=kind, **dict.fromkeys(PATHS, reader.hash)), strict=True))


def check_paths(auditor: Auditor, derivation: Derivation) -> None:
    """Holds when each hash is that of the auditor's own matrix, multiplied out exactly (one_layer/form.py)."""
    for name, own in auditor.paths.hashes().items():
        if derivation.conclusion[name] != own:
            raise derivation.differs(f"the hash of {name}", derivation.conclusion[name], own)


def check_margin(auditor: Auditor, derivation: Derivation) -> None:
    """Holds for every network of the family: a sequence is right if and only if every sum of margins is negative (S0 in
    one_layer/margins.py). The conclusion has no numbers."""


def check_enumeration(auditor: Auditor, derivation: Derivation) -> None:
    """Holds when the stated bounds are no better than the checker's own count."""
    check_count(derivation, counted(auditor.passes))


def check_accuracy(auditor: Auditor, derivation: Derivation) -> None:
    """Holds when the bounds are no better than the premise's, and about all inputs."""
    check_count(derivation, derivation.premises[0].conclusion)
    if derivation.conclusion.inputs != auditor.inputs:
        raise derivation.differs("inputs", derivation.conclusion.inputs, auditor.inputs)


def check_loss(auditor: Auditor, derivation: Derivation) -> None:
    """Holds when as many times the bounds as there are inputs are no better than the premise's."""
    total = derivation.premises[0].conclusion
    check_enclosure(derivation, total.low, total.high, auditor.inputs)


def kind(name: str) -> partial[tuple[()]]:
    """The reader of a conclusion that says its kind alone."""
    return partial(Reader.object, kind=name)


RULES = (
    Rule(
        "network_definition/2",
        (),
        "network",
        no_advice,
        lambda reader: reader.object(kind="network", statement=reader.hash),
        check_network,
    ),
    Rule("path_decomposition/1", ("network",), "paths", no_advice, read_hashes, check_paths),
    Rule("additive_margin/1", ("paths",), "additive_margin", no_advice, kind("additive_margin"), check_margin),
    Rule("enumeration/1", ("network",), "right_count", no_advice, read_count, check_enumeration),
    Rule("quotient/1", ("network",), "right_count", quotient.read_advice, read_count, quotient.check),
    Rule("enumerated_loss/1", ("network",), "loss", no_advice, Loss.read, loss.check),
    Rule("least_margin/1", ("network",), "margin", no_advice, Margin.read, margin.check),
    Rule("accuracy/1", ("right_count",), "accuracy", no_advice, Accuracy.read, check_accuracy),
    Rule("loss/1", ("loss_sum",), "loss", no_advice, Loss.read, check_loss),
)

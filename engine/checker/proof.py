"""Reading and replaying a certificate: the rules, the chain of derivations, the relation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from .certificate import Reader
from .errors import Code, Failure
from .networks.statement import statement_hash
from .registry import RELATIONS, RULES
from .relations import Relation
from .rule import Auditor, Derivation, Rule


@dataclass(frozen=True)
class Certificate:
    """What is to be proved, of which statement, and the derivations in order."""

    relation: Relation
    statement: str
    derivations: list[Derivation]


def read_derivation(reader: Reader, earlier: list[Derivation], rules: Mapping[str, Rule] = RULES) -> Derivation:
    """One derivation; E210, E211, E212 and E214 when it cannot be one, before its texts are read."""
    reader.literal('{"id":')
    number = reader.small()
    if number != len(earlier):
        raise Failure(Code.E214, found=number, expected=len(earlier))
    reader.literal(',"rule":')
    name = reader.word()
    if name not in rules:
        raise Failure(Code.E210, id=number, rule=name)
    rule = rules[name]
    reader.literal(',"premises":')
    ids = reader.items(reader.small)
    for premise in ids:
        if not 0 <= premise < number:
            raise Failure(Code.E212, id=number, rule=name, premise=premise)
    premises = tuple(earlier[premise] for premise in ids)
    kinds = tuple(premise.kind for premise in premises)
    if kinds not in rule.kinds:
        raise Failure(Code.E211, id=number, rule=name, expected=rule.premises, found=kinds)
    reader.literal(',"advice":')
    advice = rule.read_advice(reader)
    reader.literal(',"conclusion":')
    conclusion = rule.read_conclusion(reader)
    reader.literal("}")
    return Derivation(number, rule, premises, advice, conclusion)


def read_relation(reader: Reader) -> Relation:
    """The metric's name and its bounds, or a claim's outcome and text."""
    starts = {name: f'{{"metric":"{name}",'.encode("ascii") for name in RELATIONS}
    metric = next((name for name, start in starts.items() if reader.text.startswith(start, reader.at)), "accuracy")
    return RELATIONS[metric](reader, "metric")


def with_own(own: Sequence[Rule]) -> Mapping[str, Rule]:
    """The built-in rules and the auditor's own; E100 for one that would replace a built-in rule."""
    for rule in own:
        if rule.name in RULES:
            raise Failure(Code.E100, problem=f"a check of your own cannot replace the built-in rule {rule.name}")
    return {**RULES, **{rule.name: rule for rule in own}}


def read_certificate(text: bytes, rules: Mapping[str, Rule] = RULES) -> Certificate:
    """The certificate of this text; E110, E111, E112 when it is none."""
    reader = Reader(text)
    reader.literal('{"schema":"mechproof-certificate/2","relation":')
    relation = read_relation(reader)
    reader.literal(',"statement":')
    statement = reader.hash()
    reader.literal(',"derivations":')
    derivations: list[Derivation] = []
    reader.items(lambda: derivations.append(read_derivation(reader, derivations, rules)))
    reader.literal("}")
    reader.end()
    return Certificate(relation, statement, derivations)


def check_use(derivations: list[Derivation]) -> None:
    """The last derivation must reach every one of them; E213, E215."""
    if not derivations:
        raise Failure(Code.E215)
    used = {derivations[-1].id}
    for derivation in reversed(derivations):
        if derivation.id not in used:
            raise Failure(Code.E213, id=derivation.id)
        used.update(premise.id for premise in derivation.premises)


def check_relation(certificate: Certificate, inputs: int) -> None:
    """The relation must make sense for so many inputs, and follow from the last conclusion; E202, E203, E204, E205."""
    certificate.relation.check_sense(inputs)
    if not certificate.relation.follows_from(certificate.derivations[-1].conclusion):
        raise Failure(Code.E204)


def check_proof(certificate: Certificate, auditor: Auditor) -> None:
    """Raises Failure unless the certificate proves its relation about the auditor's network and task."""
    relation, own = certificate.relation, auditor.statement
    if relation.semantics is not None:
        own = statement_hash(auditor.network, auditor.task, relation.semantics)
    if certificate.statement != own:
        raise Failure(Code.E201, where="header", stated=certificate.statement, own=own)
    check_use(certificate.derivations)
    check_relation(certificate, auditor.inputs)
    for derivation in certificate.derivations:
        derivation.rule.check(auditor, derivation)

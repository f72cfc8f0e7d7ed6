"""The verdict: what the checker found, as a value and as text."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from os import PathLike

from .budget import DEFAULT_STEPS, Budget
from .certificate import MAX_CERTIFICATE
from .errors import Code, Failure, describe
from .files import read_bytes
from .network import Network, read_network
from .proof import check_proof, read_certificate
from .rule import Auditor
from .rule_accuracy import Accuracy
from .statement import TASK, statement_hash

MAX_JOBS = 256


@dataclass(frozen=True)
class Verdict:
    """``status`` is VERIFIED, REFUSED or MALFORMED; ``line`` is the first line to print, ``text`` all of them.

    The counts, sizes and ``sha256`` are set when the certificate is verified, ``code`` and ``message`` otherwise.
    """

    status: str
    exit_code: int
    line: str
    relation: str | None = None
    right_low: int | None = None
    right_high: int | None = None
    inputs: int | None = None
    sha256: str | None = None
    code: str | None = None
    message: str | None = None
    explanation: str = ""

    @cached_property
    def text(self) -> str:
        """The verdict line and the theorem in words."""
        return f"{self.line}\n{self.explanation}"

    def as_json(self) -> dict[str, str | int | None]:
        """The fields that are set, in one flat object."""
        names = ("status", "exit_code", "line", "relation", "right_low", "right_high", "inputs", "sha256")
        fields = {name: getattr(self, name) for name in (*names, "code", "message")}
        return {name: value for name, value in fields.items() if value is not None}


def relation_text(relation: Accuracy) -> str:
    """The relation as the verdict line prints it.

    >>> relation_text(Accuracy(3, 4, 4)), relation_text(Accuracy(4, 4, 4)), relation_text(Accuracy(2, 3, 4))
    ('accuracy >= 3/4', 'accuracy = 4/4', 'accuracy in [2/4, 3/4]')
    """
    low, high, inputs = relation.right_low, relation.right_high, relation.inputs
    if low == high:
        return f"accuracy = {low}/{inputs}"
    if high == inputs:
        return f"accuracy >= {low}/{inputs}"
    return f"accuracy in [{low}/{inputs}, {high}/{inputs}]"


def theorem_text(network: Network, relation: Accuracy, sha256: str) -> str:
    """The theorem in words, from the checker's own numbers."""
    vocabulary, positions = network.vocabulary, network.positions
    low, high = relation.right_low, relation.right_high
    count = f"exactly {low}" if low == high else f"at least {low} and at most {high}"
    return (
        f"Network: one-layer attention-only transformer without normalisation, one head, the weights given:\n"
        f"  V = {vocabulary} tokens, K = {positions} positions, d_model = {network.model}, d_head = {network.head}.\n"
        f"Task: {TASK}: the largest token of the sequence must get the strictly largest logit (a tie is wrong).\n"
        f"Theorem: over the real numbers, of all {vocabulary}^{positions} = {relation.inputs} sequences, {count}\n"
        f"  are answered right.\n"
        f"Statement: sha256:{sha256} (architecture, task and exact weights).\n"
    )


def failed(code: Code, data: dict[str, object]) -> Verdict:
    """The verdict for a failure."""
    message = describe(code, data)
    status, exit_code = ("MALFORMED", 2) if code.name < "E2" else ("REFUSED", 1)
    return Verdict(status, exit_code, f"s {status} {code.name} {message}", code=code.name, message=message)


def proved(network: Network, relation: Accuracy, sha256: str) -> Verdict:
    """The verdict for a certificate whose every step was checked."""
    return Verdict(
        status="VERIFIED",
        exit_code=0,
        line=f"s VERIFIED {relation_text(relation)} sha256:{sha256}",
        relation=relation_text(relation),
        right_low=relation.right_low,
        right_high=relation.right_high,
        inputs=relation.inputs,
        sha256=sha256,
        explanation=theorem_text(network, relation, sha256),
    )


def check(
    certificate_path: str | PathLike[str],
    weights_path: str | PathLike[str],
    task: str = TASK,
    jobs: int = 1,
    budget: int = DEFAULT_STEPS,
) -> Verdict:
    """Check a certificate against the auditor's own weights and task. Every failure is a verdict, never an exception.

    ``jobs`` processes share the cells; ``budget`` is the number of steps (about a microsecond each) a process may take.
    """
    try:
        if task != TASK:
            raise Failure(Code.E103, task=task, known=TASK)
        if not 1 <= jobs <= MAX_JOBS or budget < 1:
            raise Failure(Code.E100, problem=f"the jobs must be 1 to {MAX_JOBS}, and the budget positive")
        text = read_bytes(str(certificate_path), MAX_CERTIFICATE)
        certificate = read_certificate(text)
        steps = Budget(budget)
        network = read_network(str(weights_path), steps)
        auditor = Auditor(network, statement_hash(network), steps, jobs)
        check_proof(certificate, auditor)
    except Failure as failure:
        return failed(failure.code, failure.data)
    return proved(network, certificate.relation, auditor.statement)

"""The verdict: what the checker found, as a value and as text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from os import PathLike

from .budget import DEFAULT_STEPS, Budget
from .certificate import MAX_CERTIFICATE
from .errors import Code, Failure, describe, fault
from .files import read_bytes
from .networks.network_file import read_description
from .networks.task import read_task
from .proof import Certificate, check_proof, read_certificate, with_own
from .rule import Auditor, Rule

MAX_JOBS = 256
# of who names none
TASK = "max-of-k"
# of a certificate, as it is read
BYTES_A_STEP = 3


@dataclass(frozen=True)
class Verdict:
    """``status`` is VERIFIED, REFUSED or MALFORMED; ``line`` is the first line to print, ``text`` all of them.

    What was proved, and ``sha256``, are set when the certificate is verified, ``code`` and ``message`` otherwise.
    """

    status: str
    exit_code: int
    line: str
    relation: str | None = None
    right_low: int | None = None
    right_high: int | None = None
    loss_low: str | None = None
    loss_high: str | None = None
    margin_low: str | None = None
    margin_high: str | None = None
    outcome: str | None = None
    claim: str | None = None
    inputs: int | None = None
    semantics: str | None = None
    exp_ulps: int | None = None
    real_low: int | None = None
    real_high: int | None = None
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
        values = {field.name: getattr(self, field.name) for field in fields(self) if field.name != "explanation"}
        values["text"] = values.pop("claim")
        return {name: value for name, value in values.items() if value is not None}


def failed(code: Code, data: dict[str, object]) -> Verdict:
    """The verdict for a failure."""
    message = describe(code, data)
    status, exit_code = ("MALFORMED", 2) if code.name < "E2" else ("REFUSED", 1)
    return Verdict(status, exit_code, f"s {status} {code.name} {message}", code=code.name, message=message)


def broken_off(error: BaseException) -> Verdict:
    """The verdict for an exception that no check raises."""
    return failed(Code.E245, {"error": fault(error)})


def auditor_of(
    certificate: Certificate, weights: str, task: str, config: str | PathLike[str] | None, steps: Budget, jobs: int
) -> Auditor:
    """The auditor's network and task, or whatever else the certificate is about."""
    for derivation in certificate.derivations:
        if derivation.rule.subject is not None:
            return derivation.rule.subject(weights, derivation, steps)
    description = read_description(weights, None if config is None else str(config))
    return Auditor(*read_task(task, description), steps, jobs)


def proved(auditor: Auditor, certificate: Certificate, own: Sequence[str] = ()) -> Verdict:
    """The verdict for a certificate whose every step was checked; ``own``: rules that the auditor's checks decided."""
    relation, sha256 = certificate.relation, certificate.statement
    (before, after), (inputs, counted) = auditor.told(), auditor.counted(relation)
    resting = f"It rests on checks of your own: {', '.join(own)}.\n" if own else ""
    return Verdict(
        status="VERIFIED",
        exit_code=0,
        line=f"s VERIFIED {relation.text()} sha256:{sha256}",
        relation=relation.text(),
        sha256=sha256,
        explanation=before + relation.words(str(inputs), counted) + after + resting,
        **relation.fields(auditor.inputs),  # type: ignore[arg-type]
    )


def check(
    certificate_path: str | PathLike[str],
    weights_path: str | PathLike[str],
    task: str = TASK,
    jobs: int = 1,
    budget: int = DEFAULT_STEPS,
    own_rules: Sequence[Rule] = (),
    config: str | PathLike[str] | None = None,
) -> Verdict:
    """Check a certificate against the auditor's own weights and task. Every failure is a verdict, never an exception.

    ``weights_path`` is a network file or a checkpoint (``config``: its TransformerLens configuration).

    A fault of the checker itself, no memory or no stack left included, is E245 (but an interrupt from the keyboard is
    one). ``jobs`` processes share the cells; ``budget`` is the number of steps (about a microsecond each) a process may
    take. ``own_rules`` are checks of the auditor's own for rules that are not built in; the verdict names those used.
    """
    try:
        return _checked(certificate_path, weights_path, task, jobs, budget, own_rules, config)
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        return broken_off(error)


def _checked(
    certificate_path: str | PathLike[str],
    weights_path: str | PathLike[str],
    task: str,
    jobs: int,
    budget: int,
    own_rules: Sequence[Rule],
    config: str | PathLike[str] | None,
) -> Verdict:
    """The verdict, where nothing is raised but what a check raises."""
    try:
        if not 1 <= jobs <= MAX_JOBS or budget < 1:
            raise Failure(Code.E100, problem=f"the jobs must be 1 to {MAX_JOBS}, and the budget positive")
        text = read_bytes(str(certificate_path), MAX_CERTIFICATE)
        steps = Budget(budget)
        steps.spend(len(text) // BYTES_A_STEP)
        certificate = read_certificate(text, with_own(own_rules))
        auditor = auditor_of(certificate, str(weights_path), task, config, steps, jobs)
        check_proof(certificate, auditor)
    except Failure as failure:
        return failed(failure.code, failure.data)
    names = {rule.name for rule in own_rules} & {derivation.rule.name for derivation in certificate.derivations}
    return proved(auditor, certificate, sorted(names))

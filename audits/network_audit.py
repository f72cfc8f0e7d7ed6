"""Everything that was audited of one network, as data."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from math import isfinite
from typing import Any

from ..rewrites.provenance import Provenance
from .findings import BoundAudit, Verdict, VerifierAudit


@dataclass(frozen=True)
class LossAudit:
    """log(1 + (V - 1) exp(gap)) in one float type as an upper bound of a loss, at a claimed gap.

    ``bound``: what the float type gives; ``missing``: by how much it is below the exact value, 0 where it is not.
    """

    outputs: int
    dtype: str
    gap: float
    bound: float
    missing: float

    @property
    def verdict(self) -> Verdict:
        if self.bound == 0:
            return Verdict.false
        return Verdict.widened if self.missing else Verdict.holds

    def sentence(self) -> str:
        formula = f"log(1 + {self.outputs - 1} exp({self.gap:g}))"
        says = f"{self.verdict}: loss bound {formula} is {self.bound:.9g} ({self.dtype})"
        match self.verdict:
            case Verdict.false:
                return f"{says}; a cross-entropy over {self.outputs} outputs with real logits is positive"
            case Verdict.widened:
                return f"{says}, below the exact value by at most {self.missing:.3g}"
            case _:
                return f"{says}, an upper bound of the exact value"

    def as_json(self) -> dict[str, Any]:
        return asdict(self) | {"verdict": str(self.verdict), "sentence": self.sentence()}


@dataclass(frozen=True)
class Audit:
    """All audited verifiers of one network."""

    network: str
    audits: tuple[VerifierAudit, ...]
    skipped: tuple[str, ...] = ()
    losses: tuple[LossAudit, ...] = ()
    provenance: Provenance | None = None

    @property
    def bounds(self) -> tuple[BoundAudit, ...]:
        return tuple(bound for audit in self.audits for bound in audit.bounds)

    @property
    def holds(self) -> bool:
        """Every bound does; a verifier that returned none does not."""
        return not self.without and all(verdict is Verdict.holds for verdict in self.verdicts)

    @property
    def verdicts(self) -> tuple[Verdict, ...]:
        return tuple(one.verdict for one in (*self.bounds, *self.losses))

    @property
    def without(self) -> tuple[str, ...]:
        """The verifiers that returned no bound, with the reason."""
        empty = [one for one in self.audits if not one.bounds]
        reasons = [next((run.skipped for run in one.runs if run.skipped), "it was not run") for one in empty]
        return tuple(f"{one.verifier} gave none: {reason}" for one, reason in zip(empty, reasons, strict=True))

    def as_json(self) -> dict[str, Any]:
        found = {
            "network": self.network,
            "provenance": self.provenance and self.provenance.as_json(),
            "holds": self.holds,
            "skipped": list(self.skipped),
            "verifiers": [audit.as_json() for audit in self.audits],
            "losses": [loss.as_json() for loss in self.losses],
        }
        return _finite(found)


def _finite(data: Any) -> Any:
    """None for what is no number, which JSON cannot write."""
    match data:
        case dict():
            return {key: _finite(value) for key, value in data.items()}
        case list() | tuple():
            return [_finite(value) for value in data]
        case float():
            return data if isfinite(data) else None
    return data

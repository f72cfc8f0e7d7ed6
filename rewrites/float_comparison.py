"""What a theorem about float runs says beside what actual runs did: for the command line; no premise of anything."""

from __future__ import annotations

import json
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from ..engine.arithmetic.printing import floor_str
from ..engine.errors import describe
from ..engine.files import atomic_write, make_folder
from ..models.training import TorchMissing
from .advice.allowance import last_allowance
from .advice.float_runs import Contradiction, Observation, observe
from .float_exposition import arithmetic
from .proof import Proof
from .rules.float_accuracy import FloatAccuracy
from .rules.float_error import rounded_up
from .undecided_inputs import LISTED, float_margin, undecided_inputs


@dataclass(frozen=True)
class Comparison:
    """A proof about float runs, and the runs that were tried (None: none were, for the reason given)."""

    proof: Proof
    open_inputs: list[tuple[int, ...]]
    runs: Observation | None
    reason: str

    @staticmethod
    def of(proof: Proof, sample: int, *, compiled: bool = False) -> Comparison:
        """Runs on ``sample`` inputs and on those in between that are listed; none for a sample of 0."""
        margin, listed = float_margin(proof.graph), undecided_inputs(proof.graph) or []
        assert margin is not None, "a theorem about float runs rests on their margin"
        if not sample:
            return Comparison(proof, listed, None, "none were asked for")
        seen = Observation()
        try:
            with last_allowance() as allowance:
                observe(margin, listed, sample, compiled=compiled, seen=seen)
        except TorchMissing as error:
            return Comparison(proof, listed, None, describe(error))
        ended = "the budget ended before them" if allowance.spent else ""
        return Comparison(proof, listed, seen if seen.programs else None, ended)

    @property
    def _bound(self) -> Any:
        margin = float_margin(self.proof.graph)
        assert margin is not None, "a theorem about float runs rests on their margin"
        return margin.error.logit_difference

    @property
    def contradiction(self) -> Contradiction | None:
        """The first of what was seen and cannot be, if the theorem is true."""
        return self.runs.broken[0] if self.runs and self.runs.broken else None

    @property
    def verdict(self) -> str:
        """The line for a theorem that is contradicted."""
        assert self.runs is not None and self.contradiction is not None, "nothing contradicts the theorem"
        more = f" ({len(self.runs.broken)} contradictions seen)" if len(self.runs.broken) > 1 else ""
        theorem = self.proof.theorem
        return (
            f"s CONTRADICTED {theorem.relation()} sha256:{theorem.statement.sha256}: {self.contradiction}{more}; "
            "this is an error of mechproof or a program outside the model: please report it"
        )

    def write_contradiction(self, directory: Path) -> list[Path]:
        """A report in place of the proof, of which nothing is left there: theorem, runs, and what contradicts it."""
        folder, theorem = make_folder(directory), self.proof.theorem
        certificate = folder / "certificate.json"
        if certificate.exists() and theorem.statement.sha256.encode() in certificate.read_bytes():
            for path in (certificate, *folder.glob("transcript.*")):
                path.unlink()
        report = {"status": "CONTRADICTED", "line": self.verdict} | theorem.data() | {"runs": self.as_json()}
        target = folder / "contradiction.json"
        atomic_write(target, (json.dumps(report, indent=1) + "\n").encode())
        return [target]

    def lines(self) -> list[str]:
        """For people."""
        theorem = self.proof.theorem
        assert isinstance(theorem, FloatAccuracy)
        form = theorem.statement.format.name
        told = [
            f"every {form} run: {arithmetic(theorem).replace('$', '')}",
            f"right in every run: {theorem.low}; right over the reals: {_range(theorem.real.low, theorem.real.high)}; "
            f"in between (neither right in every run nor wrong in every run, as far as shown): {theorem.between}",
        ]
        if self.open_inputs:
            shown = " ".join(",".join(map(str, tokens)) for tokens in self.open_inputs)
            told.append(f"{f'the first {LISTED} in between' if theorem.between > LISTED else 'in between'}: {shown}")
        told.append(f"error of a logit difference, proved: at most {rounded_up(self._bound)}")
        if self.runs is None:
            return [*told, f"no torch runs: {self.reason}"]
        seen = self.runs
        told += [f"programs not run: {self.reason}"] if self.reason else []
        told += [f"contradiction: {one}" for one in seen.broken[:LISTED]]
        told += [f"skipped: {name}: {reason}" for name, reason in seen.skipped.items()]
        if seen.programs:
            times = f", {floor_str(self._bound / Fraction(seen.largest), 0)} times less" if seen.largest else ""
            told.append(
                f"error of a logit difference, observed: {seen.largest:.3g}{times} ({len(seen.programs)} torch "
                f"programs, {seen.inputs} inputs); contradictions: {len(seen.broken)}"
            )
            if seen.open_wrong:
                told.append(
                    f"of the {len(seen.open_wrong)} inputs in between that were tried, runs return something else "
                    f"than the real function of the rounded weights on {seen.flipped}"
                )
        return told

    def as_json(self) -> dict[str, Any]:
        """For programs."""
        return {
            "error_bound": rounded_up(self._bound),
            "between_listed": [list(tokens) for tokens in self.open_inputs],
            "observed": None if self.runs is None else self.runs.as_json(),
            "not_run": self.reason,
        }


def _range(low: int, high: int) -> str:
    return str(low) if low == high else f"{low} to {high}"

"""Float runs: ``float_error/2``, ``float_margin/1``, ``float_accuracy/1``.

Everything about them has kinds of its own, so that no rule about the real function can take it for its premise. The
counting rules take margins of either kind (S0' in margins.py).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from ..certificate import Reader
from ..one_layer.counts import View
from ..one_layer.form import path_matrices
from ..one_layer.margins import Margins
from ..one_layer.rules import PATHS, kind, read_hashes
from ..relations import Accuracy, Relation
from ..rule import Auditor, Derivation, Rule, check_count, no_advice
from .error import Analysis, moved
from .format import Runs, of_runs, rounded, rounded_twice

TABLES = PATHS
BOUNDS = ("right_low", "right_high", "inputs")

PROGRAM = """\
A {name} run rounds every weight to the nearest {name} number (ties to even{twice}) and computes, in this order:
  x_p = W_E[t_p] + W_pos[p]; q = x_(K-1) W_Q + b_Q, k_p = x_p W_K + b_K, v_p = x_p W_V + b_V;
  s_p = (q . k_p)/c, or times a rounded 1/c, with c within 2^-{scale} of sqrt(d_head), relatively;
  e_p = exp(s_p - max s), a_p = e_p / sum e, or times a rounded reciprocal of the sum;
  z = sum a_p v_p, or (sum e_p v_p) / sum e likewise; r = x_(K-1) + z W_O + b_O; logits = r W_U + b_U.
Assumed of a run: sums are taken in any order (each of q, k, v, r and the logits with its bias is one sum); every
  addition, multiplication (fused or not) and division has a relative error of at most 2^-{bits};{storing}
  what falls below 2^{least} may be kept, rounded or flushed to zero, also of operands; exp errs by at most
  {ulps} units in the last place of {bits} bits. Any step may be computed with less error. Not covered: weights left
  unrounded (autocast); Strassen-like products; operands cut to fewer bits (TF32); accumulators that cut off instead of
  rounding (tensor cores); products or partial sums stored with fewer bits than they are added up with; scores scaled
  before the product; a softmax that rescales as it goes or adds up other exponentials than it divides (flash
  attention); matrices multiplied together first.
"""
STORING = """
  storing one of these has one of at most 2^-{stored}, and what reads it (max reads what it is subtracted from) reads
  it as stored or as computed: x; q, k, v, before their biases and after; q . k; c; 1/c; s; s - max s; e; sum e;
  1/sum e; a; sum e v; z; z W_O and sums of any two of x, b_O, z W_O; r; the logits, before b_U and after;"""


@dataclass(frozen=True)
class FloatAccuracy(Relation):
    """``runs``: counts of sequences on which every run is right, and not every one wrong; ``real``: the accuracy."""

    runs: Accuracy
    which: Runs
    real: Accuracy

    @classmethod
    def read(cls, reader: Reader, name: str = "kind") -> FloatAccuracy:
        runs, real = (dict.fromkeys(names, reader.big) for names in (BOUNDS, ("real_low", "real_high")))
        found = reader.object(**{name: "float_accuracy"}, **runs, **of_runs(reader), **real)
        low, high, inputs, arithmetic, ulps, real_low, real_high = found
        return cls(Accuracy(low, high, inputs), Runs(arithmetic, ulps), Accuracy(real_low, real_high, inputs))

    @property
    def semantics(self) -> dict[str, object]:
        return self.which.semantics

    def check_sense(self, inputs: int) -> None:
        """E202, E203."""
        self.runs.check_sense(inputs)
        self.real.check_sense(inputs)

    def follows_from(self, found: object) -> bool:
        """Whether another conclusion implies this one."""
        return (
            isinstance(found, FloatAccuracy)
            and found.which == self.which
            and self.runs.follows_from(found.runs)
            and self.real.follows_from(found.real)
        )

    def text(self) -> str:
        """The relation as the verdict line prints it."""
        real = self.real.text().removeprefix("accuracy ")
        name = self.which.arithmetic.name
        return f"accuracy of every {name} run >= {self.runs.right_low}/{self.runs.inputs} (real: {real})"

    def fields(self, inputs: int) -> dict[str, str | int]:
        """What the verdict says in JSON."""
        which = {"semantics": self.which.arithmetic.name, "exp_ulps": self.which.exp_ulps}
        real = {"real_low": self.real.right_low, "real_high": self.real.right_high}
        return self.runs.fields(inputs) | which | real

    def words(self, inputs: str, counted: str) -> str:
        """The theorem in words, with what is assumed of a run."""
        arithmetic = self.which.arithmetic
        right, wrong = self.runs.right_low, self.runs.inputs - self.runs.right_high
        short = bool(arithmetic.storage)
        program = PROGRAM.format(
            name=arithmetic.name,
            scale=arithmetic.accumulated - 1,
            bits=arithmetic.accumulated,
            storing=STORING.format(stored=arithmetic.stored) if short else "",
            twice=f"; at once or by way of {arithmetic.accumulated} bits" if short else "",
            least=arithmetic.least,
            ulps=self.which.exp_ulps,
        )
        return (
            f"Theorem: of all {inputs} {counted} there are at least {right} on each of which\n"
            f"  every {arithmetic.name} run answers right, and at least {wrong} on each of which every one is wrong.\n"
            f"{self.real.words(inputs, counted)}{program}"
        )


def check_error(auditor: Auditor, derivation: Derivation) -> None:
    """Holds when each hash is that of the auditor's own table (error.py), of its own rounded weights."""
    runs: Runs = derivation.advice
    network, twice = (of(auditor.of(View).network, runs.arithmetic, auditor.budget) for of in (rounded, rounded_twice))
    paths = path_matrices(network, auditor.budget)
    errors = Analysis(network, twice, paths, runs, auditor.budget).tables()
    for name, own in errors.hashes().items():
        if derivation.conclusion[name] != own:
            raise derivation.differs(f"the hash of the errors of {name}", derivation.conclusion[name], own)
    auditor.found[derivation.id] = paths, errors


def check_margin(auditor: Auditor, derivation: Derivation) -> None:
    """Holds for every network of the family: S0'. The ends of the tables are kept."""
    paths, errors = auditor.found[derivation.premises[0].id]
    low, high = (moved(paths, errors, side) for side in (-1, 1))
    auditor.found[derivation.id] = Margins(low, auditor.of(View).network.head, auditor.budget, high)


def check_accuracy(auditor: Auditor, derivation: Derivation) -> None:
    """Holds when the counts are no better than those of the premises, and the runs are those counted."""
    count, real = derivation.premises
    stated: FloatAccuracy = derivation.conclusion
    check_count(derivation, count.conclusion, stated.runs)
    check_count(derivation, real.conclusion, stated.real)
    which: Runs = count.premises[0].premises[0].advice
    if stated.which != which:
        raise derivation.differs("the runs are", stated.which, which)
    stated.check_sense(auditor.inputs)


READ_TABLES = partial(read_hashes, kind="float_error")


def read_advice(reader: Reader) -> Runs:
    """Which runs."""
    return Runs(*reader.object(**of_runs(reader)))


RULES = (
    Rule(
        "float_error/2", ("network",), "float_error", read_advice, partial(read_hashes, kind="float_error"), check_error
    ),
    Rule("float_margin/1", ("float_error",), "float_margin", no_advice, kind("float_margin"), check_margin),
    Rule(
        "float_accuracy/1",
        ("float_count", "accuracy"),
        "float_accuracy",
        no_advice,
        FloatAccuracy.read,
        check_accuracy,
    ),
)

"""mechproof: exact proofs about trained networks.

    import mechproof
    proof = mechproof.prove("model.safetensors")     # or a live HookedTransformer
    print(proof.verdict)                             # s PROVED accuracy = 16772964/16777216 sha256:…
    proof.write("proofs")                            # certificate.json, transcript.md, .html, .tex
    print(mechproof.check("proofs/certificate.json", "model.safetensors").line)

Everything else lives in the sub-packages: :mod:`mechproof.engine` (the logic), :mod:`mechproof.rewrites` (rules
and strategies) and :mod:`mechproof.models` (weights, architectures, tasks).
"""

from __future__ import annotations

from collections.abc import Sequence
from os import PathLike
from pathlib import Path
from typing import Any

from .engine.checker import Verdict as CheckVerdict
from .engine.checker import check as _check
from .engine.checker.rule import Rule
from .models.float_statement import EXP_ULPS
from .models.problem import problem
from .models.weights import from_live, load
from .rewrites.proof import Proof
from .rewrites.proof import prove as _prove
from .rewrites.strategies import DEFAULT, DEFAULTS, Options, Progress, silent

__all__ = ["CheckVerdict", "Options", "Proof", "check", "prove"]
__version__ = "0.1.0"


def prove(
    model: str | PathLike[str] | Any,
    *,
    task: str = "max-of-k",
    strategy: str = DEFAULT,
    options: Options = DEFAULTS,
    config: str | PathLike[str] | None = None,
    progress: Progress = silent,
    metric: str = "accuracy",
    semantics: str = "real",
    exp_ulps: int = EXP_ULPS,
) -> Proof:
    """Prove bounds of a network's accuracy: a weights file (safetensors, npz, pt) or a live HookedTransformer.

    With ``metric="loss"`` the theorem encloses the mean cross-entropy (natural logarithm) instead.
    With ``semantics`` float32, float64 or bfloat16 it is about every such float run (docs/float_semantics.md).
    ``config`` is a JSON file with TransformerLens configuration keys that settle what weights leave open.
    Raises a :class:`~mechproof.engine.errors.MechproofError` with one sentence for anything unusable.
    """
    if isinstance(model, str | PathLike):
        checkpoint, name = load(Path(model), config=None if config is None else Path(config)), Path(model).name
    else:
        checkpoint, name = from_live(model), type(model).__name__
    return _prove(problem(checkpoint, task), name, strategy, options, progress, metric, semantics, exp_ulps)


def check(
    certificate: str | PathLike[str],
    weights: str | PathLike[str],
    *,
    task: str = "max-of-k",
    jobs: int = 1,
    checks: Sequence[Rule] = (),
) -> CheckVerdict:
    """Re-check a certificate against your own weights with the independent checker.

    ``checks``: your own, for rules that are not built in (see docs/add_a_lemma.md).
    """
    return _check(Path(certificate), Path(weights), task=task, jobs=jobs, own_rules=checks)

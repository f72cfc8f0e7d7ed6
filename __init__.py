"""Exact proofs about trained networks.

::

    import mechproof
    proof = mechproof.prove("model.safetensors")     # or a live TransformerLens model
    print(proof.verdict)                             # s PROVED accuracy = 16772964/16777216 sha256:…
    proof.write("proofs")                            # certificate.json, transcript.md, .html, .tex
    print(mechproof.check("proofs/certificate.json", "model.safetensors").line)

Everything else lives in the sub-packages: :mod:`mechproof.engine` (the logic), :mod:`mechproof.rewrites` (rules
and strategies), :mod:`mechproof.models` (weights, networks, tasks), and what people do with them:
:mod:`mechproof.audits`, :mod:`mechproof.claims`, :mod:`mechproof.stages` (of a training) and :mod:`mechproof.sweeps`.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .engine.errors import MechproofError
from .models import DEFAULT_TASK

if TYPE_CHECKING:
    from .audits.program.markers import advice, certified, heuristic, norm_claim, stands_for
    from .audits.program.verdict import assert_bound_holds, audit, auditing
    from .engine.checker import Verdict as CheckVerdict
    from .engine.checker.rule import Rule
    from .explanations.score import Score
    from .models.weights.convert import convert
    from .rewrites.proof import Proof
    from .rewrites.strategies import Options, Progress

__all__ = [
    "CheckVerdict",
    "MechproofError",
    "Options",
    "Proof",
    "advice",
    "assert_bound_holds",
    "audit",
    "auditing",
    "certified",
    "check",
    "convert",
    "heuristic",
    "norm_claim",
    "prove",
    "score",
    "stands_for",
]
__version__ = "0.1.0"

# Imported when they are asked for: `import mechproof` alone, and with it `mechproof --version`, takes no time.
_LATER = {
    "CheckVerdict": ("engine.checker", "Verdict"),
    "Options": ("rewrites.strategies", "Options"),
    "Proof": ("rewrites.proof", "Proof"),
    **{name: ("audits.program.verdict", name) for name in ("assert_bound_holds", "audit", "auditing")},
    **{
        name: ("audits.program.markers", name)
        for name in ("advice", "certified", "heuristic", "norm_claim", "stands_for")
    },
    "convert": ("models.weights.convert", "convert"),
}


def __getattr__(name: str) -> Any:
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module, attribute = _LATER[name]
    return getattr(import_module(f".{module}", __name__), attribute)


def prove(
    model: str | PathLike[str] | Any,
    *,
    task: str = DEFAULT_TASK,
    strategy: str | None = None,
    options: Options | None = None,
    config: str | PathLike[str] | None = None,
    progress: Progress | None = None,
    metric: str = "accuracy",
    semantics: str = "real",
    exp_ulps: int | None = None,
) -> Proof:
    """Prove bounds of a network's accuracy: a weights file (safetensors, npz, pt), a network file or a live model.

    Live models are a HookedTransformer (TransformerLens 2.16.1 to 3.9.0) or TransformerBridge.boot_native (3.5.1 to
    4.3.0); :func:`convert` writes one's weights for the checker.

    With ``metric="loss"`` the theorem encloses the mean cross-entropy (natural logarithm) instead, with
    ``metric="margin"`` the least margin over all inputs, which are enumerated for that.
    With ``semantics`` float32, float64 or bfloat16 it is about every such float run (docs/float_semantics.md), whose
    exponential errs by at most ``exp_ulps`` units in the last place (default 4).
    ``config`` is a JSON file with TransformerLens configuration keys that settle what weights leave open.
    Raises a :class:`MechproofError` with one sentence for anything unusable.
    """
    from .models.float_statement import EXP_ULPS
    from .models.problem import statement_of
    from .rewrites.proof import prove
    from .rewrites.strategies import DEFAULTS, silent

    return prove(
        statement_of(model, task, config),
        Path(model).name if isinstance(model, str | PathLike) else type(model).__name__,
        strategy,
        options or DEFAULTS,
        progress or silent,
        metric,
        semantics,
        EXP_ULPS if exp_ulps is None else exp_ulps,
    )


def score(
    explanation: str | PathLike[str],
    model: str | PathLike[str] | Any,
    *,
    task: str | None = None,
    config: str | PathLike[str] | None = None,
) -> Score:
    """The accuracy that follows from the sentences of a file alone, and what each of them costs (docs/score.md).

    ``task`` is that of the file where none is given.  Raises a :class:`MechproofError` with one sentence for anything
    unusable.
    """
    from .explanations.file import load
    from .explanations.score import score
    from .models.problem import statement_of

    read = load(explanation)
    statement = statement_of(model, task or read.task or DEFAULT_TASK, config)
    return score(statement, read, Path(model).name if isinstance(model, str | PathLike) else type(model).__name__)


def check(
    certificate: str | PathLike[str],
    weights: str | PathLike[str],
    *,
    task: str = DEFAULT_TASK,
    jobs: int = 1,
    checks: Sequence[Rule] = (),
    config: str | PathLike[str] | None = None,
) -> CheckVerdict:
    """Re-check a certificate against your own weights with the independent checker.

    ``weights``: a checkpoint (``config``: its TransformerLens configuration, where it has one) or a network file.
    ``checks``: your own, for rules that are not built in (see docs/add_a_lemma.md).
    """
    from .engine.checker import check

    return check(Path(certificate), Path(weights), task=task, jobs=jobs, own_rules=checks, config=config)

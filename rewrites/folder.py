"""Where a proof goes by default: folders whose names tell proofs apart, so that none replaces another."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

from .proof import Proof
from .strategies import DEFAULTS, Options

ROOT = Path("mechproof-out")
HASH_DIGITS = 8
# Longer names of weights are cut: file systems take 255 bytes, and the hash tells files apart.
LONGEST = 60


def default_folder(
    weights: Path, proof: Proof, strategy: str, options: Options, semantics: str = "real", detail: str = "appendix"
) -> Path:
    """``mechproof-out/WEIGHTS-STRATEGY-…-HASH``: in between, everything that was not left at its default.

    The hash is the beginning of the statement's, so that two files of one name have two folders. A configuration's
    slashes become dots, as in ``subcubic.exact.chord.EQKE``.
    """
    changed = [value for value, usual in ((proof.theorem.kind, "accuracy"), (semantics, "real")) if value != usual]
    changed += [f"{name}={value}" for name, value in _settings(options, strategy) if value]
    changed += [detail] if detail != "appendix" else []
    parts = [weights.stem[:LONGEST], strategy.replace("/", "."), *changed, proof.theorem.statement.sha256[:HASH_DIGITS]]
    return ROOT.joinpath("-".join(parts))


def _settings(options: Options, strategy: str) -> list[tuple[str, str]]:
    """The options that are not at their default, in words that any file system takes."""
    found = []
    for field in fields(options):
        value = getattr(options, field.name)
        # the share that is asked for shapes the proofs of auto only; others prove what they can
        shapes = field.name != "at_least" or strategy == "auto"
        if shapes and value != getattr(DEFAULTS, field.name):
            text = "+".join(value) if isinstance(value, tuple) else str(value)
            found.append((field.name, text.replace("/", ".")))
    return found

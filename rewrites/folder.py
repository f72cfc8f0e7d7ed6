"""Where results go by default: folders whose names tell them apart, so that none replaces another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path

from .proof import Proof
from .strategies import DEFAULTS, Options

ROOT = Path("mechproof-out")
HASH_DIGITS = 8
# Longer names of weights are cut: file systems take 255 bytes, and the hash tells files apart.
LONGEST = 60


def folder_of(file: str, words: Sequence[str], sha256: str) -> Path:
    """``mechproof-out/FILE-WORD-…-HASH`` with the first digits of a hash, of whatever makes the result what it is.

    >>> folder_of("model", ["cubic"], "1a2b3c4d5e6f").as_posix()
    'mechproof-out/model-cubic-1a2b3c4d'
    """
    return ROOT.joinpath("-".join([file[:LONGEST], *words, sha256[:HASH_DIGITS]]))


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
    return folder_of(weights.stem, [strategy.replace("/", "."), *changed], proof.theorem.statement.sha256)


def _settings(options: Options, strategy: str) -> list[tuple[str, str]]:
    """The options that are not at their default, in words that any file system takes."""
    found = []
    for field in fields(options):
        value = getattr(options, field.name)
        # the share that is asked for shapes the proofs of auto only; others prove what they can
        shapes = field.name not in ("jobs", "resume") and (field.name != "at_least" or strategy == "auto")
        if shapes and value != getattr(DEFAULTS, field.name):
            text = "+".join(value) if isinstance(value, tuple) else str(value)
            found.append((field.name, text.replace("/", ".")))
    return found

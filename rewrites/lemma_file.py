"""Lemmas in a user's own file: loading, and testing on the instances that the file gives.

The file is Python and is executed.  It defines one or more :class:`~mechproof.engine.rule.Lemma` objects and a function
``instances(seed)`` that yields environments (see :mod:`mechproof.engine.oracle`).
"""

from __future__ import annotations

import importlib.util
import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from ..engine.errors import MechproofError
from ..engine.files import read_bytes
from ..engine.formula import Formula
from ..engine.oracle import Report, examine
from ..engine.rule import Lemma

LIMIT = 1 << 20


@dataclass(unsafe_hash=True)
class NotALemmaFile(MechproofError):
    file: str
    expected: str
    found: str
    sentence = "{file}: expected {expected}, found {found}"


def executed(path: Path) -> ModuleType:
    """The module in a user's file, which is executed; raises :class:`NotALemmaFile` when it is none or does not run."""
    read_bytes(path, LIMIT)
    spec = importlib.util.spec_from_file_location("mechproof_user_file", path)
    if spec is None or spec.loader is None:
        raise NotALemmaFile(str(path), "a Python file (.py)", "another kind of file")
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise NotALemmaFile(str(path), "a file that runs", f"{type(error).__name__}: {error}") from error
    return module


def load_lemmas(path: Path) -> tuple[ModuleType, list[Lemma]]:
    """The module in a file, which is executed, and the lemmas it defines."""
    module = executed(path)
    lemmas = [value for value in vars(module).values() if isinstance(value, Lemma)]
    if not lemmas:
        raise NotALemmaFile(str(path), "a Lemma at the top level", "none")
    if not callable(getattr(module, "instances", None)):
        raise NotALemmaFile(str(path), "a function instances(seed)", "none")
    return module, lemmas


def examine_file(path: Path, count: int, seed: int) -> Iterator[tuple[Lemma, Report]]:
    """Each lemma of the file with its report on the first ``count`` instances for this seed."""
    module, lemmas = load_lemmas(path)
    for lemma in lemmas:
        if not isinstance(lemma.statement, Formula):
            raise NotALemmaFile(str(path), f"a formula as the statement of {lemma.label}", "equations")
        try:
            instances = list(itertools.islice(module.instances(seed), count))
            report = examine(lemma.statement, instances)
        except (LookupError, TypeError, ValueError, ArithmeticError) as error:
            problem = f"{type(error).__name__}: {error}"
            raise NotALemmaFile(str(path), f"instances on which {lemma.label} can be evaluated", problem) from error
        if not instances:
            raise NotALemmaFile(str(path), "instances(seed) to yield environments", "none")
        yield lemma, report

"""An auditor's own checks for rules that the checker does not have, from a Python file that is executed.

The file defines ``RULE`` or ``RULES``: objects of :class:`mechproof.engine.checker.rule.Rule`.  A built-in rule cannot
be replaced, and a verdict that rests on such a check says so.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path

from ..engine.checker.rule import Rule
from ..engine.files import read_bytes
from .lemma_file import LIMIT, NotALemmaFile


def load_checks(path: Path) -> list[Rule]:
    """The checks that a file defines; raises :class:`NotALemmaFile` with what is missing."""
    read_bytes(path, LIMIT)
    spec = importlib.util.spec_from_file_location("mechproof_check_file", path)
    if spec is None or spec.loader is None:
        raise NotALemmaFile(str(path), "a Python file (.py)", "another kind of file")
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise NotALemmaFile(str(path), "a file that runs", f"{type(error).__name__}: {error}") from error
    found = [*getattr(module, "RULES", ()), *([module.RULE] if hasattr(module, "RULE") else [])]
    if not found or not all(isinstance(rule, Rule) for rule in found):
        raise NotALemmaFile(str(path), "RULE or RULES with checks of the checker's type Rule", "none")
    return found

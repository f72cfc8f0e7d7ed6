"""An auditor's own checks for rules that the checker does not have, from a Python file that is executed.

The file defines ``RULE`` or ``RULES``: objects of :class:`mechproof.engine.checker.rule.Rule`.  A built-in rule cannot
be replaced, and a verdict that rests on such a check says so.
"""

from __future__ import annotations

from pathlib import Path

from ..engine.checker.rule import Rule
from .lemma_file import NotALemmaFile, executed


def load_checks(path: Path) -> list[Rule]:
    """The checks that a file defines; raises :class:`NotALemmaFile` with what is missing."""
    module = executed(path)
    found = [*getattr(module, "RULES", ()), *([module.RULE] if hasattr(module, "RULE") else [])]
    if not found or not all(isinstance(rule, Rule) for rule in found):
        raise NotALemmaFile(str(path), "RULE or RULES with checks of the checker's type Rule", "none")
    return found

"""What a certificate may say is what the checker checks: rules that call themselves certifiable have a check."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator

import mechproof.claims
import mechproof.rewrites.rules
from mechproof.engine.checker.proof import RULES
from mechproof.engine.rule import Rule

# The checks of sets, which show what many rules conclude, and those of what is known of every input.
SHOWN = {"right_cells/1", "cell_losses/1", "enumerated_loss/1", "least_margin/1", "quotient/1", "quotient_loss/1"}


def subclasses(kind: type[Rule]) -> Iterator[type[Rule]]:
    """All classes below."""
    for below in kind.__subclasses__():
        yield below
        yield from subclasses(below)


def test_certifiable_rules_are_those_with_a_check() -> None:
    """No shipped rule is written into a certificate that the checker refuses as unknown, and no check is left over."""
    for package in (mechproof.rewrites.rules, mechproof.claims):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            importlib.import_module(module.name)
    shipped = [rule for rule in subclasses(Rule) if rule.__module__.startswith("mechproof.") and rule.certifiable]
    assert {f"{rule.name}/{rule.version}" for rule in shipped} == RULES.keys() - SHOWN

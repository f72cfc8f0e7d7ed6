"""No lemma without an oracle test: a new file in rewrites/rules needs its test file, with mutants."""

from __future__ import annotations

import ast
import importlib
import pkgutil
from pathlib import Path

import pytest

from mechproof.engine.rule import Lemma, Rule
from mechproof.rewrites import rules

HERE = Path(__file__).parent
MODULES = {
    info.name: importlib.import_module(f"{rules.__name__}.{info.name}") for info in pkgutil.iter_modules(rules.__path__)
}
LEMMAS = {
    name: (module, lemma)
    for module, code in MODULES.items()
    for name, lemma in vars(code).items()
    if isinstance(lemma, Lemma) and f"\n{name} = Lemma(" in Path(code.__file__ or "").read_text()
}


@pytest.mark.parametrize("name", LEMMAS)
def test_every_lemma_is_evaluated_and_mutated(name):
    """The test file of its module imports the lemma, and has a test of the statement and one of mutants."""
    module, lemma = LEMMAS[name]
    tree = ast.parse((HERE / f"test_{module}.py").read_text())
    imported = {alias.name for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) for alias in node.names}
    tests = [
        node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    ]
    assert name in imported
    assert any("lemma" in test for test in tests)
    assert any("mutant" in test or "mutated" in test for test in tests)
    assert lemma.given and lemma.proof and lemma.source


def test_labels_are_unique_and_derivations_cite_them():
    """A citation [@label] in a rule's derivation is the label of one of the rule's own lemmas."""
    labels = [lemma.label for _, lemma in LEMMAS.values()]
    assert len(set(labels)) == len(labels) >= 6
    found = [
        rule
        for code in MODULES.values()
        for rule in vars(code).values()
        if isinstance(rule, type) and issubclass(rule, Rule) and rule.__module__ == code.__name__
    ]
    assert len(found) >= 7
    for rule in found:
        cited = {part.split("]")[0] for part in rule.derivation.split("[@")[1:]}
        assert cited == {lemma.label for lemma in rule.lemmas}, rule.name

"""The examples in docstrings are run: by walking the installed package, so that each module is imported once."""

from __future__ import annotations

import doctest
import importlib
import importlib.util
import linecache
import pkgutil

import pytest

import mechproof

# Importing these runs a program or changes the interpreter; they hold no examples.
PROGRAMS = {"mechproof.engine.checker.__main__"}


def modules() -> list[str]:
    found = [module.name for module in pkgutil.walk_packages(mechproof.__path__, "mechproof.")]
    inside = ("mechproof.engine", "mechproof.models", "mechproof.rewrites", "mechproof.__main__")
    return [name for name in found if name.startswith(inside) and name not in PROGRAMS]


def examples(name: str) -> int:
    return sum(len(test.examples) for test in doctest.DocTestFinder().find(importlib.import_module(name)))


@pytest.mark.parametrize("name", modules())
def test_examples_of(name, monkeypatch):
    """Every example of this module says what the code does."""
    # doctest makes a debugger for each docstring, which looks whether any source file has changed
    monkeypatch.setattr(linecache, "checkcache", lambda filename=None: None)
    assert doctest.testmod(importlib.import_module(name)).failed == 0


def test_there_are_examples():
    """The walk finds the modules and their examples; a walk that found none would pass for nothing."""
    by_module = {name: examples(name) for name in modules()}
    assert {"mechproof.engine.arithmetic.ball", "mechproof.engine.term", "mechproof.engine.formula"} <= by_module.keys()
    assert by_module["mechproof.engine.arithmetic.ball"] >= 3
    assert sum(by_module.values()) >= 30


def test_programs_hold_no_examples():
    """What is not imported here loses nothing: its source has no example."""
    for name in PROGRAMS:
        spec = importlib.util.find_spec(name)
        assert spec is not None and spec.origin is not None
        with open(spec.origin, encoding="utf-8") as source:
            assert ">>>" not in source.read()

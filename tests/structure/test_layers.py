"""Arrows point down only: who may import whom."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import networkx as nx
import pytest

ROOT = Path(__file__).parents[2]
# What modules below a folder may import of the package, by prefix.  Everything else is a layer above.
ALLOWED = {
    "engine/arithmetic": ("engine.arithmetic", "engine.errors"),
    "engine/checker": ("engine.checker",),
    "engine": ("engine",),
    "models": ("engine", "models"),
    "rewrites": ("engine", "models", "rewrites"),
    "audits": ("engine", "models", "rewrites", "audits"),
    "claims": ("engine", "models", "rewrites", "claims"),
    "explanations": ("engine", "models", "rewrites", "explanations"),
    "stages": ("engine", "models", "rewrites", "stages"),
    "sweeps": ("engine", "models", "rewrites", "sweeps"),
}
# Parts of the standard library that reach memory, processes, the network or run what they read.
UNSAFE = {"ctypes", "http", "marshal", "pickle", "shelve", "socket", "subprocess", "urllib"}


def imported(path: Path, source: str, *, for_types: bool = True) -> set[str]:
    """Everything this file imports, as absolute dotted names; relative imports are resolved.

    Without ``for_types``, only what is imported when the program runs.
    """
    package = ["mechproof", *path.relative_to(ROOT).parts[:-1]]
    names: set[str] = set()
    tree = ast.parse(source)
    if not for_types:
        tree.body = [
            node for node in tree.body if not (isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test))
        ]
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            base = base + (node.module.split(".") if node.module else [])
            names |= {".".join([*base, alias.name]) for alias in node.names}
    return names


def files(folder: str) -> list[Path]:
    return sorted((ROOT / folder).rglob("*.py"))


def above(folder: str, names: set[str]) -> set[str]:
    """The names of the package that a module of this folder must not import."""
    inside = {name.removeprefix("mechproof.") for name in names if name == "mechproof" or name.startswith("mechproof.")}
    return {name for name in inside if not any(name == top or name.startswith(f"{top}.") for top in ALLOWED[folder])}


@pytest.mark.parametrize("folder", ALLOWED)
def test_imports_point_down(folder):
    """No module below this folder imports a layer above it."""
    assert files(folder)
    for path in files(folder):
        assert above(folder, imported(path, path.read_text("utf-8"))) == set(), path.relative_to(ROOT)


def module(name: str) -> Path | None:
    """The file of the module that a dotted name is, or is in."""
    parts = name.split(".")[1:]
    for n in range(len(parts), 0, -1):
        path = ROOT.joinpath(*parts[:n])
        for file in (path.with_suffix(".py"), path / "__init__.py"):
            if file.is_file():
                return file
    return None


def reached(start: list[Path]) -> set[Path]:
    """All files of the package that these files need, directly or not."""
    found: set[Path] = set()
    waiting = list(start)
    while waiting:
        path = waiting.pop()
        if path not in found:
            found.add(path)
            names = imported(path, path.read_text("utf-8"))
            waiting += [file for name in names if name.startswith("mechproof.") and (file := module(name))]
    return found


def circles(sources: dict[Path, str]) -> list[set[str]]:
    """The groups of files that need each other when the program runs; imports inside functions count."""
    arrows = nx.DiGraph()
    for path, source in sources.items():
        names = imported(path, source, for_types=False)
        needed = {file for name in names if name.startswith("mechproof.") and (file := module(name))}
        arrows.add_edges_from((path, file) for file in needed - {path})
    groups = nx.strongly_connected_components(arrows)
    return [{path.relative_to(ROOT).as_posix() for path in group} for group in groups if len(group) > 1]


def test_imports_form_no_circle():
    """Every module can be read, and tested, after those that it needs."""
    paths = [path for folder in ALLOWED for path in files(folder)] + list(ROOT.glob("*.py"))
    assert circles({path: path.read_text("utf-8") for path in paths}) == []


def test_a_circle_is_seen():
    """Also by way of a third file and of an import inside a function; not by an import for types alone."""
    here = ROOT / "engine"
    sources = {
        here / "claim.py": "from .rule import Rule",
        here / "rule.py": "from . import graph",
        here / "graph.py": "def shown():\n    from .claim import Claim",
    }
    assert circles(sources) == [{"engine/claim.py", "engine/rule.py", "engine/graph.py"}]
    sources[here / "graph.py"] = "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from .claim import Claim"
    assert circles(sources) == []


def test_rules_rest_on_no_search():
    """A stored graph replays from the rules alone: nothing they need comes from strategies or advice."""
    needed = {path.relative_to(ROOT).as_posix() for path in reached(files("rewrites/rules"))}
    assert {"engine/rule.py", "engine/arithmetic/ball.py", "models/statement.py"} <= needed
    assert [
        path for path in needed if path.startswith(("rewrites/strategies", "rewrites/advice", "rewrites/published"))
    ] == []


def test_the_checker_needs_the_standard_library_only():
    """An auditor can run the checker with Python alone: everything it imports is itself or Python's own."""
    for path in files("engine/checker"):
        foreign = {name for name in imported(path, path.read_text("utf-8")) if not name.startswith("mechproof.")}
        assert {name.split(".")[0] for name in foreign} <= sys.stdlib_module_names - UNSAFE, path.name


def test_the_checker_imports_nothing_by_name_at_run_time():
    """importlib would slip through the test above; only the checker's own start uses it, on its own folder."""
    users = {path.name for path in files("engine/checker") if "importlib" in path.read_text("utf-8")}
    assert users <= {"__main__.py"}
    assert "__import__" not in "".join(path.read_text("utf-8") for path in files("engine/checker"))


@pytest.mark.parametrize(
    ("folder", "source", "found"),
    [
        ("engine/arithmetic", "from ..graph import ProofGraph", {"engine.graph.ProofGraph"}),
        ("engine/arithmetic", "from .. import term", {"engine.term"}),
        ("engine/arithmetic", "from ..errors import MagnitudeError", set()),
        ("engine/checker", "from ..arithmetic.ball import Ball", {"engine.arithmetic.ball.Ball"}),
        ("engine/checker", "from . import budget", set()),
        ("engine", "from ..models import zoo", {"models.zoo"}),
        ("engine", "import mechproof.rewrites", {"rewrites"}),
        ("engine", "import mechproof", {"mechproof"}),
        ("engine", "from mechproof import rewrites", {"rewrites"}),
        ("models", "def f():\n    from mechproof.rewrites import proof", {"rewrites.proof"}),
        ("models", "from ..rewrites import proof", {"rewrites.proof"}),
        ("rewrites", "from ..engine.rule import Rule", set()),
        ("rewrites", "from ..claims import run", {"claims.run"}),
        ("audits", "from ..sweeps.storage import Row", {"sweeps.storage.Row"}),
        ("engine", "import json, numpy", set()),
    ],
)
def test_the_walker_resolves_imports(folder, source, found):
    """Relative, absolute and local imports are all seen, and what is below is let pass."""
    path = ROOT / folder / "module.py"
    assert above(folder, imported(path, source)) == found

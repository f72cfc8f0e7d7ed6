"""The checker is small enough to be read: its kernel and each family on top of it have so many lines, and no more."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

CHECKER = Path(__file__).parents[2] / "engine" / "checker"
# Lines of all modules, docstrings included. Whoever needs more says so here; what can go, goes first.
LINES = {
    "": 5745,
    "one_layer": 1300,
    "boxes": 1175,
    "quotient": 580,
    "induction": 725,
    "claims": 2320,
    "floats": 525,
}
KERNEL = ("", "networks")


def modules(part: str) -> list[Path]:
    """The modules of a family, or of the kernel."""
    folders = KERNEL if not part else (part,)
    return [path for folder in folders for path in sorted((CHECKER / folder).glob("*.py"))]


@pytest.mark.parametrize("part", LINES)
def test_no_part_grows_unseen(part):
    """The sum of its lines is the number stated here, or up to 100 fewer."""
    found = sum(len(path.read_text("utf-8").splitlines()) for path in modules(part))
    assert LINES[part] - 100 <= found <= LINES[part], f"{part or 'the kernel'} has {found} lines"


def test_every_folder_is_counted():
    """A new family is a new entry."""
    folders = {path.parent.relative_to(CHECKER).as_posix() for path in CHECKER.rglob("*.py")}
    assert folders == {".", "networks", *LINES} - {""}


def test_the_kernel_knows_families_by_the_registry_alone():
    """Whoever audits a certificate of one family need not read the others."""
    for path in modules(""):
        if path.name in ("registry.py", "__main__.py"):
            continue
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.ImportFrom):
                first = (node.module or "").partition(".")[0]
                assert first not in LINES or not first, f"{path.name} imports {first}"

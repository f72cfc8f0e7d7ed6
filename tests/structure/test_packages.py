"""What ships: every module is in a listed package, every data pattern matches, nothing stray."""

from __future__ import annotations

from collections import Counter
from configparser import ConfigParser
from pathlib import Path

ROOT = Path(__file__).parents[2]
SHIPPED = ("engine", "models", "rewrites", "audits", "claims", "explanations", "stages", "sweeps")


def setup() -> ConfigParser:
    parser = ConfigParser()
    parser.read(ROOT / "setup.cfg", "utf-8")
    return parser


def folder(package: str) -> Path:
    return ROOT.joinpath(*package.split(".")[1:])


def packages() -> list[str]:
    return setup()["options"]["packages"].split()


def test_every_folder_with_modules_is_listed():
    """A sub-package that is not listed in setup.cfg is missing from the wheel, and works in the checkout only."""
    with_modules = {path.parent for top in SHIPPED for path in (ROOT / top).rglob("*.py")}
    assert {folder(package) for package in packages()} == with_modules | {ROOT}
    assert all((path / "__init__.py").is_file() for path in with_modules)


def test_every_data_pattern_matches():
    """A pattern that matches nothing is a leftover or a misspelling."""
    for package, patterns in setup()["options.package_data"].items():
        assert package in packages()
        for pattern in patterns.replace(",", " ").split():
            assert list(folder(package).glob(pattern)), f"{package}: {pattern}"


def test_every_data_file_is_listed():
    """A template, network or document inside a package that no pattern names would be missing from the wheel."""
    listed = {
        path
        for package, patterns in setup()["options.package_data"].items()
        for pattern in patterns.replace(",", " ").split()
        for path in folder(package).glob(pattern)
    }
    files = {
        path
        for top in SHIPPED
        for path in (ROOT / top).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert {path.relative_to(ROOT).as_posix() for path in files - listed if path.suffix != ".py"} == set()


def test_no_stray_modules_in_the_root():
    """The root is the package: any other module there would ship."""
    assert {path.name for path in ROOT.glob("*.py")} == {"__init__.py", "__main__.py"}


def test_tests_and_docs_are_no_packages():
    """An __init__.py there would make pytest and pyright import files under two names."""
    assert [path for top in ("tests", "docs") for path in (ROOT / top).rglob("__init__.py")] == []


def test_names_of_test_files_are_unique():
    """Two test files of one name are one module to some tools."""
    names = Counter(path.name for path in (ROOT / "tests").rglob("*.py") if path.name != "conftest.py")
    assert [name for name, count in names.items() if count > 1] == []


def test_tests_are_collected():
    """Every module under tests is a test file, a conftest, or is imported by one; nothing there is dead."""
    modules = [
        path
        for path in (ROOT / "tests").rglob("*.py")
        if not path.name.startswith("test_") and path.name != "conftest.py"
    ]
    for module in modules:
        others = [path for path in (ROOT / "tests").rglob("*.py") if path != module]
        assert any(module.stem in path.read_text("utf-8") for path in others), module.name

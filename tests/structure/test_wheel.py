"""The wheel: what a user installs is complete, and proves and checks without torch."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

pytestmark = pytest.mark.ci
ROOT = Path(__file__).parents[2]
SHIPPED = ("engine", "models", "rewrites", "audits", "claims", "explanations", "stages", "sweeps")
LEFT_BEHIND = shutil.ignore_patterns(
    ".*", "__pycache__", "build", "dist", "*.egg-info", "tests", "docs", "proofs_out", "mechproof-out"
)


def run(*command: str | Path, cwd: Path, expect: int = 0) -> str:
    """Standard output (standard error, for wrong usage) of a command that sees nothing of this checkout."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    done = subprocess.run(
        list(map(str, command)), cwd=cwd, env=environment, capture_output=True, text=True, timeout=280
    )
    assert done.returncode == expect, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stderr if expect == 2 else done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    """Built from a copy of the sources, so that no build folder is left in or taken from the checkout."""
    folder = tmp_path_factory.mktemp("wheel")
    source = shutil.copytree(ROOT, folder / "source", ignore=LEFT_BEHIND)
    run(
        sys.executable,
        "-m",
        "pip",
        "wheel",
        "--quiet",
        "--no-deps",
        "--no-build-isolation",
        "--wheel-dir",
        folder,
        source,
        cwd=folder,
    )
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory) -> Path:
    """A fresh environment with the wheel and what it asks for; its folder of programs."""
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, with_pip=True)
    programs = folder / ("Scripts" if os.name == "nt" else "bin")
    constraints = ROOT / "constraints.txt"
    run(
        programs / "python",
        "-m",
        "pip",
        "install",
        "--quiet",
        "--no-compile",
        "--constraint",
        constraints,
        wheel,
        cwd=folder,
    )
    return programs


def test_wheel_holds_the_tree(wheel):
    """Every module, template and network is in the wheel under the package's name, and nothing else is."""
    files = [ROOT / "__init__.py", ROOT / "__main__.py", ROOT / "py.typed"]
    files += [
        path
        for top in SHIPPED
        for path in (ROOT / top).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    ]
    with zipfile.ZipFile(wheel) as archive:
        found = {name for name in archive.namelist() if not re.match(r"mechproof-[^/]*\.dist-info/", name)}
        changed = [
            path
            for path in files
            if archive.read(f"mechproof/{path.relative_to(ROOT).as_posix()}") != path.read_bytes()
        ]
    assert found == {f"mechproof/{path.relative_to(ROOT).as_posix()}" for path in files}
    assert changed == []


def test_wheel_carries_its_licence(wheel):
    """The licence travels with the package, and the metadata asks for no torch."""
    with zipfile.ZipFile(wheel) as archive:
        (metadata,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        text = archive.read(metadata).decode("utf-8")
        assert any(name.endswith("/LICENSE") for name in archive.namelist())
    required = [line for line in text.splitlines() if line.startswith("Requires-Dist:") and "extra ==" not in line]
    assert required and not any("torch" in line for line in required)


def test_installed_wheel_proves_and_checks_without_torch(installed, tmp_path):
    """In a fresh environment: find a shipped network, prove it, re-check the certificate; torch is not there."""
    mechproof = installed / "mechproof"
    run(installed / "python", "-c", "import torch", cwd=tmp_path, expect=1)
    networks = [Path(line) for line in run(mechproof, "zoo", cwd=tmp_path).splitlines()]
    assert networks and all(ROOT not in path.parents and path.is_file() for path in networks)
    smallest = min(networks, key=lambda path: path.stat().st_size)
    verdict = run(mechproof, "prove", smallest, "--out", tmp_path / "out", "--quiet", cwd=tmp_path).splitlines()[-1]
    assert verdict.startswith("s PROVED accuracy ")
    theorem, decimals = verdict.removeprefix("s PROVED ").split(" (")
    assert decimals.strip("[])").replace(".", "").replace(", ", "").isdecimal()
    certificate = tmp_path / "out" / "certificate.json"
    assert (
        run(mechproof, "check", certificate, "--weights", smallest, cwd=tmp_path).splitlines()[0]
        == f"s VERIFIED {theorem}"
    )
    other = max(networks, key=lambda path: path.stat().st_size)
    assert run(mechproof, "check", certificate, "--weights", other, cwd=tmp_path, expect=1).startswith("s REFUSED ")
    assert run(mechproof, "audit", smallest, cwd=tmp_path, expect=2) == (
        "mechproof: this needs torch, which is not installed: pip install 'mechproof[torch]'\n"
    )

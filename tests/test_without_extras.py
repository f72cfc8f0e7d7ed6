"""Every command where only what ``pip install mechproof`` brings is there: it works, or says what it needs."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import zipfile
from configparser import ConfigParser
from importlib.metadata import PackageNotFoundError, packages_distributions, requires
from pathlib import Path
from typing import Any

import pytest

from mechproof.__main__ import COMMANDS

ROOT = Path(__file__).parents[1]
WEIGHTS = ROOT / "tests" / "data" / "unsound_averaging" / "cell_v3_k3.npz"
LEMMA = ROOT / "docs" / "examples" / "position_mixture.py"
SENTENCE = re.compile(r"mechproof: .*[tT]orch.* not installed.*pip install '?mechproof\[torch\]'?")

# command -> minimal arguments; what needs torch is marked
CALLS: dict[str, list[list[str]]] = {
    "prove": [["model.npz"], ["model.npz", "--semantics", "float32"]],
    "check": [["CERTIFICATE", "--weights", "model.npz"]],
    "show": [["CERTIFICATE"]],
    "transcript": [["model.npz"]],
    "graph": [["model.npz"]],
    "story": [["model.npz"]],
    "search": [["model.npz", "UU"]],
    "strategies": [[]],
    "train": [["--steps", "1", "TORCH"]],
    "convert": [["model.npz", "model.safetensors"], ["model.pt", "other.safetensors", "TORCH"]],
    "zoo": [[]],
    "claims": [["claims.toml"]],
    "audit": [["model.npz", "TORCH"], ["model.npz", "--all", "TORCH"], ["--attack", "TORCH"]],
    "sweep": [["model.npz", "--strategies", "cubic", "--jobs", "1"]],
    "compare": [["model.npz", "--jobs", "1"]],
    "diff": [["model.npz", "model.npz", "--strategy-b", "cubic"]],
    "stages": [["model_step0.npz"]],
    "score": [["explanation.toml", "model.npz"]],
    "lemma": [["test", str(LEMMA), "--instances", "200"]],
}

# Stands before everything that Python imports: modules that extras bring are not there.
FINDER = """
import json, sys
class Absent:
    names = frozenset(json.loads({names!r}))
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in self.names:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
sys.meta_path.insert(0, Absent())
"""
PROGRAM = """
import contextlib, io, json, sys
from mechproof.__main__ import main
results = []
for call in json.loads(sys.argv[1]):
    sys.argv, out, err = ["mechproof", *call], io.StringIO(), io.StringIO()
    code = None
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            main()
            code = 0
        except SystemExit as stop:
            code = stop.code or 0
        except BaseException as error:
            err.write(f"Traceback: {error!r}")
    results.append([code, out.getvalue(), err.getvalue()])
print(json.dumps(results))
"""


def canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def required() -> set[str]:
    """The distributions that an installation without extras brings."""
    setup = ConfigParser()
    setup.read(ROOT / "setup.cfg", "utf-8")
    waiting = setup["options"]["install_requires"].split("\n")
    found: set[str] = set()
    while waiting:
        requirement = waiting.pop()
        name = re.match(r"[\w.-]*", requirement)
        if name and name[0] and "extra ==" not in requirement and canonical(name[0]) not in found:
            found.add(canonical(name[0]))
            try:
                waiting += requires(name[0]) or []
            except PackageNotFoundError:  # for another system
                continue
    return found


def absent() -> set[str]:
    """Top-level modules of this environment that such an installation does not have."""
    there = required() | {"mechproof"}
    return {module for module, owners in packages_distributions().items() if not there & {canonical(o) for o in owners}}


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory) -> list[tuple[list[str], list[Any]]]:
    """Every call with its exit code, output and errors, all in one process that has the required packages only."""
    pytest.importorskip("torch")
    names = absent()
    assert {"torch", "pytest"} <= names and not {"numpy", "typer", "rich", "mechproof"} & names
    folder = tmp_path_factory.mktemp("plain")
    (folder / "sitecustomize.py").write_text(FINDER.format(names=json.dumps(sorted(names))), "utf-8")
    for name in ("model.npz", "model_step0.npz"):
        (folder / name).write_bytes(WEIGHTS.read_bytes())
    claim = '[[claim]]\nid = "all"\nstatement = "accuracy > 0"\n'
    (folder / "claims.toml").write_text(f'model = "model.npz"\n{claim}', "utf-8")
    sentence = '[[claim]]\nid = "direction"\nstatement = "rank_one(EQKE)"\n'
    (folder / "explanation.toml").write_text(sentence, "utf-8")
    # a torch file is recognised by its members, before torch is asked for
    with zipfile.ZipFile(folder / "model.pt", "w") as archive:
        archive.writestr("model/data.pkl", b"\\x80\\x02}.")
    listed = [[name, *arguments] for name, calls in CALLS.items() for arguments in calls]
    environment = os.environ | {"PYTHONPATH": str(folder), "COLUMNS": "200"}

    def run(calls: list[list[str]]) -> list[list[Any]]:
        line = [sys.executable, "-c", PROGRAM, json.dumps(calls)]
        done = subprocess.run(line, cwd=folder, env=environment, capture_output=True, text=True, timeout=280)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    ((code, out, err),) = run([["prove", "model.npz", "--json", "--quiet"]])
    assert code == 0, err
    certificate = json.loads(out)["files"][0]
    plain = [[certificate if a == "CERTIFICATE" else a for a in call if a != "TORCH"] for call in listed]
    return list(zip(listed, run(plain), strict=True))


def test_every_command_is_called():
    """A new command is added to the calls above, or this fails."""
    assert set(CALLS) == set(COMMANDS)


@pytest.mark.ci
def test_what_needs_torch_says_so(outcomes):
    """One sentence that names the extra, exit code 2, nothing on standard output."""
    told = [(call, found) for call, found in outcomes if "TORCH" in call]
    assert len(told) == 5
    for call, (code, out, err) in told:
        assert (code, out) == (2, ""), (call, err)
        assert len(err.strip().splitlines()) == 1 and SENTENCE.fullmatch(err.strip()), (call, err)


@pytest.mark.ci
def test_everything_else_works(outcomes):
    """What only extras need is not asked of others."""
    for call, (code, out, err) in outcomes:
        if "TORCH" not in call:
            assert (code, "Traceback" in err) == (0, False), (call, err)
            assert out, call

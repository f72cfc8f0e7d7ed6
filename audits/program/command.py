"""``mechproof audit FILE.py:function WEIGHTS``: a program in a file, on tensors in another."""

from __future__ import annotations

import importlib.util
import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
import typer
from torch import Tensor

from ...engine.errors import MechproofError
from ...engine.files import FileMissing, atomic_write, make_folder
from ...engine.transcript import write as transcript_files
from ...models.weights.checkpoint import read_raw
from . import report as reports
from .naming import program_named
from .sarif import sarif as as_sarif
from .verdict import audit

DTYPES = {
    "float16": torch.float16,
    "bfloat16": torch.bfloat16,
    "float32": torch.float32,
    "float64": torch.float64,
}


@dataclass(eq=False)
class NoSuchFunction(MechproofError):
    """A file without the function that was asked for."""

    file: str
    function: str
    sentence = "{file}: expected a function {function}, found none"


@dataclass(eq=False)
class ProgramStops(MechproofError):
    """The program does not run, floats or not."""

    where: str
    error: str
    sentence = "{where} stops with {error}"


def function_in(file: Path, name: str) -> Callable[..., Any]:
    """Runs the file; raises :class:`NoSuchFunction` and :class:`~...engine.files.FileMissing`."""
    if not file.is_file():
        raise FileMissing(str(file))
    spec = importlib.util.spec_from_file_location(file.stem, file)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules.setdefault(file.stem, module)
    sys.path.insert(0, str(file.parent))
    try:
        spec.loader.exec_module(module)
    except Exception as stopped:
        raise ProgramStops(str(file), f"{type(stopped).__name__}: {stopped}") from None
    finally:
        sys.path.remove(str(file.parent))
    found = getattr(module, name, None)
    if not callable(found):
        raise NoSuchFunction(str(file), name)
    return found


def tensors_in(path: Path) -> dict[str, Tensor]:
    """The tensors of a weights file, bit for bit."""
    raw = read_raw(path).tensors
    return {
        one.name: torch.frombuffer(bytearray(one.data), dtype=DTYPES[one.dtype]).reshape(one.shape).clone()
        for one in raw
    }


def audit_program(
    program: tuple[Path, str],
    weights: Path | None,
    *,
    lower: str | None,
    upper: str | None,
    truth: str | None,
    blame: bool,
    out: Path | None,
    sarif: Path | None,
    as_json: bool,
) -> int:
    """Prints the report, writes what was asked for, and returns the exit code: 0 where the bound holds, else 1."""
    file, name = program
    function = function_in(file, name)
    inputs = () if weights is None else (tensors_in(weights),)
    other = program_named(truth) if truth else None
    if truth and other is None:
        raise typer.BadParameter(f"expected FILE.py:function, found {truth}", param_hint="--truth")
    try:
        found = audit(
            function,
            *inputs,
            lower=lower,
            upper=upper,
            truth=function_in(*other) if other else None,
            name=f"{file.name}:{name}",
            blame=blame,
        )
    except MechproofError:
        raise
    except Exception as stopped:
        raise ProgramStops(f"{file}:{name}", f"{type(stopped).__name__}: {stopped}") from None
    files = transcript_files(reports.document(found), make_folder(out), f"{file.stem}-{name}") if out else []
    if sarif is not None:
        atomic_write(sarif, json.dumps(as_sarif(found, version("mechproof")), indent=1).encode())
        files = [*files, sarif]
    if as_json:
        typer.echo(json.dumps(reports.as_json(found) | {"files": list(map(str, files))}))
    else:
        for line in (*reports.lines(found)[:-1], *(f"{path.suffix[1:]:>5}  {path}" for path in files)):
            typer.echo(line)
        typer.echo(f"s {found.sentence()}")
    return 0 if found.implied else 1

"""What the machine refuses (memory, room on a device) ends in one sentence and exit code 2, never in 1."""

from __future__ import annotations

import os
import re
import resource
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from shares import halved

import mechproof.rewrites.proof as proof_module
from mechproof.__main__ import main

WEIGHTS = Path(__file__).parent / "data" / "unsound_averaging" / "total_v8_k4.npz"
FULL = Path("/dev/full")
MEMORY = "mechproof: this takes more memory than there is: use a smaller network, or a machine or a limit with more\n"
needs_full = pytest.mark.skipif(not FULL.is_char_device(), reason="no /dev/full on this system")


def mechproof(
    *arguments: object, cwd: Path, stdout: int | None = subprocess.PIPE, limit: tuple[int, int] | None = None
) -> tuple[int, str]:
    """Exit code and standard error of a process under a limit of the system."""
    done = subprocess.run(
        [sys.executable, "-m", "mechproof", *map(str, arguments)],
        cwd=cwd,
        stdout=stdout,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=None if limit is None else lambda: resource.setrlimit(limit[0], (limit[1], limit[1])),
    )
    return done.returncode, done.stderr


def large(path: Path, vocabulary: int) -> Path:
    """A network with many tokens in a small file."""
    shapes = {"W_E": (vocabulary, 1), "W_pos": (2, 1), "W_U": (1, vocabulary), **dict.fromkeys(("W_Q", "W_K"), (1, 1))}
    shapes |= dict.fromkeys(("W_V", "W_O"), (1, 1))
    np.savez(path, allow_pickle=False, **{name: np.ones(shape, np.float16) for name, shape in shapes.items()})
    return path


def test_memory_that_does_not_suffice(tmp_path):
    """V = 20,000 under a limit of one gigabyte: a sentence, before anything large is allocated."""
    weights = large(tmp_path / "large.npz", 20_000)
    code, told = mechproof("prove", weights, "--quiet", cwd=tmp_path, limit=(resource.RLIMIT_AS, 1 << 30))
    assert code == 2 and re.fullmatch(r"mechproof: .*GiB of memory, and the limit is 0\.5 GiB: .*\n", told)
    assert os.listdir(tmp_path) == ["large.npz"]


def test_memory_is_given_up_before_a_library_aborts(tmp_path):
    """Libraries in C end the process without a word where an allocation fails; half of the limit is ours."""
    weights = large(tmp_path / "large.npz", 2_500)
    code, told = mechproof(
        "prove", weights, "--quiet", "--strategy", "cubic", cwd=tmp_path, limit=(resource.RLIMIT_AS, 700 << 20)
    )
    assert code == 2 and re.fullmatch(r"mechproof: .*GiB of memory.* the limit is 0\.3 GiB.*\n", told)


@pytest.mark.parametrize(
    "error",
    [MemoryError(), RuntimeError("[enforce fail at alloc_cpu.cpp:127] DefaultCPUAllocator: can't allocate memory")],
)
def test_every_way_to_say_that_memory_is_short(monkeypatch, capsys, tmp_path, error):
    """Python's and torch's."""

    def fail(*_):
        raise error

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(proof_module, "prove", fail)
    monkeypatch.setattr(sys, "argv", ["mechproof", "prove", str(WEIGHTS), "--quiet"])
    with pytest.raises(SystemExit) as stop:
        main()
    assert (stop.value.code, capsys.readouterr().err.replace("\n", " ")) == (2, MEMORY.replace("\n", " "))


def test_other_errors_of_ours_are_not_hidden(monkeypatch, tmp_path):
    """A programming error stays one: nothing unknown passes as a sentence about the machine."""

    def fail(*_):
        raise RuntimeError("a bug")

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(proof_module, "prove", fail)
    monkeypatch.setattr(sys, "argv", ["mechproof", "prove", str(WEIGHTS), "--quiet"])
    with pytest.raises(RuntimeError, match="a bug"):
        main()


@pytest.mark.parametrize("option", ["--d-model", "--vocab", "--k", "--d-head"])
def test_a_network_too_large_to_be_read_is_not_trained(monkeypatch, capsys, tmp_path, option):
    """One sentence at once, not an allocation of terabytes."""
    pytest.importorskip("torch")
    monkeypatch.setattr(sys, "argv", ["mechproof", "train", option, str(10**8), "--steps", "1", "--out", str(tmp_path)])
    with pytest.raises(SystemExit) as stop:
        main()
    told = capsys.readouterr().err
    assert stop.value.code == 2 and "size must be at most 4194304 numbers in all tensors" in told.replace("\n", " ")
    assert os.listdir(tmp_path) == []


TOLD = [("--version",), ("--help",), ("zoo",), ("prove", WEIGHTS, "--quiet"), ("prove", WEIGHTS, "--json", "--quiet")]


@needs_full
@pytest.mark.parametrize("arguments", halved(TOLD))
def test_standard_output_on_a_full_device(tmp_path, arguments):
    """A result that could not be told is neither success nor a statement that was not established."""
    with FULL.open("w") as full:
        found = mechproof(*arguments, cwd=tmp_path, stdout=full.fileno())
    assert found == (2, "mechproof: standard output: No space left on device\n")


def test_a_reader_that_has_gone(tmp_path):
    """Whoever closes the pipe wants no sentence; but nothing was established by what he did not read."""
    reading, writing = os.pipe()
    os.close(reading)
    found = mechproof("zoo", cwd=tmp_path, stdout=writing)
    os.close(writing)
    assert found == (2, "")


@pytest.mark.parametrize("limit", [1000, 20_000])
def test_files_on_a_device_without_room(tmp_path, limit):
    """The first file or a later one does not fit: one sentence that names it, and none of them is there."""
    code, told = mechproof(
        "prove", WEIGHTS, "--quiet", "--out", "out", cwd=tmp_path, limit=(resource.RLIMIT_FSIZE, limit)
    )
    assert code == 2 and told.startswith("mechproof: out/") and told.endswith(": cannot be written: File too large\n")
    assert os.listdir(tmp_path / "out") == []


def test_convert_writes_safetensors_only(tmp_path):
    """A name that says otherwise is refused before anything is written."""
    code, told = mechproof("convert", WEIGHTS, "copy.npz", cwd=tmp_path)
    assert code == 2 and ".safetensors" in told and "copy.npz" in told
    assert os.listdir(tmp_path) == []

"""The manual's quick start is what happens: its commands run in order and print what the page says they print."""

from __future__ import annotations

import re
import shlex
import sys
from pathlib import Path

import pytest

from mechproof.__main__ import main
from mechproof.models import zoo

PAGE = Path(__file__).parents[1] / "docs" / "quick_start.md"
NETWORK = re.compile(r"\$\(mechproof zoo \| grep (\w+)\)")
BLOCK = re.compile(r"^```(\w+)\n([\s\S]*?)^```$|((?:^ {4}.*\n)+)", re.MULTILINE)


def matches(shown: str, printed: str) -> bool:
    """Whether a line of the page is printed, with anything for its …"""
    pattern = ".*".join(map(re.escape, shown.strip().split("…")))
    return any(re.fullmatch(pattern, line.strip()) for line in printed.splitlines())


@pytest.mark.ci
def test_the_quick_start_runs_as_it_is_printed(tmp_path, monkeypatch, capsys):
    """A newcomer who types it sees what is written there, with exit code 0 each time."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "model.safetensors").write_bytes(zoo.path("max_of_4_v64_d32_seed50").read_bytes())
    shipped = {**{n: zoo.path(n) for n in zoo.names()}, **{n: zoo.stack(n) for n in zoo.stacks()}}
    printed, commands, shown = "", 0, 0
    for kind, code, output in BLOCK.findall(PAGE.read_text("utf-8")):
        if output:
            for line in output.splitlines():
                shown += 1
                assert matches(line, printed), line
        elif kind == "toml":
            (tmp_path / "claims.toml").write_text(code, "utf-8")
        elif kind == "python":
            exec(code, {})
            printed = capsys.readouterr().out
            assert "s PROVED accuracy = " in printed and "s VERIFIED accuracy = " in printed
        for line in code.splitlines() if kind == "sh" else ():
            words = shlex.split(NETWORK.sub(lambda found: str(shipped[found[1]]), line))
            if words[0] == "mechproof":
                commands += 1
                monkeypatch.setattr(sys, "argv", words)
                with pytest.raises(SystemExit) as stop:
                    main()
                assert not stop.value.code, line
                printed = capsys.readouterr().out
            else:  # installing, and copying a network, which is done above
                assert words[0] in ("pip", "cp")
    assert commands >= 6 and shown >= 8

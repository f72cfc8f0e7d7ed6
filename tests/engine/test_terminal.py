"""What commands print goes where it belongs, also while bars are drawn."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from mechproof.engine import terminal


@pytest.mark.parametrize("seen", [False, True])
def test_bars_on_a_terminal_leave_standard_output_alone(monkeypatch, seen):
    """A file or a pipe gets what is printed while bars are drawn; a terminal gets it above the bars."""
    out, shown = io.StringIO(), io.StringIO()
    monkeypatch.setattr(out, "isatty", lambda: seen)
    monkeypatch.setattr(terminal, "errors", Console(file=shown, force_terminal=True))
    monkeypatch.setattr(terminal.sys, "stdout", out)
    with terminal.progress_bars(quiet=False) as report:
        report("settling claims", 1, 2)
        print("PROVED  a", flush=True)
    assert ("PROVED  a" in out.getvalue(), "PROVED  a" in shown.getvalue()) == (not seen, seen)

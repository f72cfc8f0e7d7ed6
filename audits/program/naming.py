"""How a command names a program."""

from __future__ import annotations

from pathlib import Path


def program_named(text: str) -> tuple[Path, str] | None:
    """FILE.py:function, or None for anything else.

    >>> program_named("verify.py:bound") == (Path("verify.py"), "bound"), program_named("weights.npz")
    (True, None)
    """
    file, colon, function = text.rpartition(":")
    return (Path(file), function) if colon and file.endswith(".py") and function.isidentifier() else None

"""A transcript on disk: Markdown, HTML and LaTeX side by side, all of them or none."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from ..files import write_together
from .document import Document
from .html import html
from .latex import latex
from .markdown import markdown


def write(document: Document, directory: Path, stem: str, beside: Mapping[Path, bytes] = {}) -> list[Path]:
    """Write ``stem.md``, ``stem.html`` and ``stem.tex`` after the files ``beside`` them: all of them or none.

    Raises what :func:`.document.numbered` and :func:`mechproof.engine.files.write_together` raise.
    """
    texts = {".md": markdown(document), ".html": html(document), ".tex": latex(document)}
    files = {**beside, **{directory.joinpath(stem + suffix): text.encode() for suffix, text in texts.items()}}
    write_together(files)
    return list(files)

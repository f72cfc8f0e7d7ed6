"""A transcript on disk: Markdown, HTML and LaTeX side by side, each file whole or not there."""

from __future__ import annotations

from pathlib import Path

from ..files import atomic_write
from .document import Document
from .html import html
from .latex import latex
from .markdown import markdown


def write(document: Document, directory: Path, stem: str) -> list[Path]:
    """Write ``stem.md``, ``stem.html`` and ``stem.tex``; all are rendered before the first is written.

    Raises what :func:`.document.numbered` and :func:`mechproof.engine.files.atomic_write` raise.
    """
    texts = {".md": markdown(document), ".html": html(document), ".tex": latex(document)}
    paths = []
    for suffix, text in texts.items():
        path = directory.joinpath(stem + suffix)
        atomic_write(path, text.encode())
        paths.append(path)
    return paths

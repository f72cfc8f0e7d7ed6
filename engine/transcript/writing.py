"""A transcript on disk: Markdown, HTML and LaTeX side by side, all of them or none."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

from ..files import write_together
from .body import PACKAGE, body, style_file
from .document import Document
from .html import html
from .latex import latex
from .markdown import markdown


def write(
    document: Document, directory: Path, stem: str, beside: Mapping[Path, bytes] = {}, *, for_paper: bool = False
) -> list[Path]:
    """Write ``stem.md``, ``stem.html``, ``stem.tex`` and the document's files after those ``beside`` them: all or none.

    With ``for_paper`` also ``stem-body.tex``, for a paper to take in, and the style file that the paper needs.
    Raises what :func:`.document.numbered` and :func:`mechproof.engine.files.write_together` raise.
    """
    texts = {".md": markdown(document), ".html": html(document), ".tex": latex(document)}
    if for_paper:
        name = hashlib.sha256(texts[".md"].encode()).hexdigest()[:8]  # so that bodies in one paper share no labels
        texts |= {"-body.tex": body(document, name)}
    files = {**beside, **{directory.joinpath(stem + suffix): text.encode() for suffix, text in texts.items()}}
    files |= {directory.joinpath(name): text.encode() for name, text in document.files}
    if for_paper:
        files[directory / f"{PACKAGE}.sty"] = style_file().encode()
    write_together(files)
    return list(files)

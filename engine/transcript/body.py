r"""A document as a body that a paper takes in with ``\input``, and the style file that the paper needs for it.

Sections start at ``\section{title}``, numbers are the paper's own, theorem environments that the paper defines are used
as they are, labels are ``mechproof:NAME:…``, so that a paper may take in several bodies.  A page of two columns breaks
no table, so a long one becomes several; what is too wide for its column shrinks to it.
"""

from __future__ import annotations

from dataclasses import replace

from .document import Block, Document, Node, Prose, Section, Statement, Table, numbered, rebuilt
from .latex import COLUMN, LONG_TABLE, length, macros, show, under_one_heading

PACKAGE = "mechproof-body"

STYLE = rf"""% For bodies of mechproof transcripts: \usepackage{{{PACKAGE}}} in the paper's preamble, then \input a body
% where it is to stand, in one column or in two. Theorem environments that the paper defines are used as they are.
\NeedsTeXFormat{{LaTeX2e}}
\ProvidesPackage{{{PACKAGE}}}[2026/11/21 bodies of mechproof transcripts]
\RequirePackage{{amsmath,amssymb,amsthm,array,booktabs,color,graphicx}}
\AtBeginDocument{{\mechprooftheorems\setlength{{\emergencystretch}}{{3em}}}}
"""


def style_file() -> str:
    """The package that a paper needs for a :func:`body`."""
    return STYLE + macros()


def body(document: Document, name: str) -> str:
    """The document for a paper to take in, its labels starting with ``mechproof:name:``.

    Raises what :func:`.document.numbered` raises.
    """

    def fitted(node: Node) -> Node:
        match node:
            case Section():
                node = replace(node, blocks=_in_pages(node.blocks))
            case Statement():
                node = replace(node, body=_in_pages(node.body), proof=node.proof and _in_pages(node.proof))
        label = getattr(node, "label", "")
        return replace(node, label=f"{name}:{label}") if label else node  # type: ignore[call-arg,type-var]

    whole = numbered(under_one_heading(document))
    return str(show(rebuilt(whole, fitted), form="body")) + "\n"


def _in_pages(blocks: tuple[Block, ...]) -> tuple[Block, ...]:
    return tuple(page for block in blocks for page in (_pages(block) if isinstance(block, Table) else (block,)))


def _pages(table: Table) -> tuple[Table, ...]:
    """The table as tables that fit a column's height, the first with its caption and label."""
    pages: list[list[tuple[Prose, ...]]] = [[]]
    lines = 0
    for row in table.rows:
        height = -(-sum(map(length, row)) // COLUMN)
        if pages[-1] and lines + height > LONG_TABLE:
            pages.append([])
            lines = 0
        pages[-1].append(row)
        lines += height
    first, *others = (replace(table, rows=tuple(rows)) for rows in pages)
    return first, *(replace(part, caption=(), label="") for part in others)

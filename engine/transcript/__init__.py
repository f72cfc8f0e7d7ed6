"""Transcripts: what was proved, written for people, from one document model in several forms.

>>> from mechproof.engine.transcript import Document, markdown, paragraph
>>> print(markdown(Document("Example", "s PROVED accuracy >= 3/4", (paragraph("Here $x < 1$."),))))
# Example
<BLANKLINE>
`s PROVED accuracy >= 3/4`
<BLANKLINE>
Here $x \\lt 1$.
<BLANKLINE>
"""

from .body import PACKAGE, body, style_file
from .document import (
    Block,
    Code,
    CodeBlock,
    DisplayMath,
    Document,
    Emphasis,
    Figure,
    Folded,
    Inline,
    Listing,
    Math,
    Paragraph,
    Prose,
    Reference,
    Section,
    Statement,
    Strong,
    Table,
    Text,
    numbered,
)
from .html import html
from .latex import latex
from .markdown import markdown
from .markup import paragraph, passage, prose
from .writing import write

__all__ = [
    "PACKAGE",
    "Block",
    "Code",
    "CodeBlock",
    "DisplayMath",
    "Document",
    "Emphasis",
    "Figure",
    "Folded",
    "Inline",
    "Listing",
    "Math",
    "Paragraph",
    "Prose",
    "Reference",
    "Section",
    "Statement",
    "Strong",
    "Table",
    "Text",
    "body",
    "html",
    "latex",
    "markdown",
    "numbered",
    "paragraph",
    "passage",
    "prose",
    "style_file",
    "write",
]

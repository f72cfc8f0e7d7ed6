"""Sphinx: the pages of this folder and the public names of the package, as one HTML manual (``make docs``).

Formulas become MathML by the reader that transcripts use: the manual needs no network, and a formula that a transcript
could not show stops the build.
"""

from importlib.metadata import version as installed
from typing import Any

from docutils.nodes import SkipNode

from mechproof.engine.transcript.formula import mathml

project = "mechproof"
version = release = installed("mechproof")
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.viewcode"]
exclude_patterns = ["_build"]
myst_heading_anchors = 4
myst_enable_extensions = ["dollarmath"]
autodoc_member_order = "bysource"
autodoc_typehints = "description"
html_math_renderer = "mathml"
html_theme = "alabaster"
html_theme_options = {
    "description": "Exact proofs about trained networks",
    "page_width": "75em",
    "body_max_width": "auto",
}


def inline_math(translator: Any, node: Any) -> None:
    translator.body.append(mathml(node.astext()))
    raise SkipNode


def displayed_math(translator: Any, node: Any) -> None:
    translator.body.append(f'<div style="text-align: center">{mathml(node.astext(), display=True)}</div>')
    raise SkipNode


def setup(app: Any) -> None:
    app.add_html_math_renderer("mathml", (inline_math, None), (displayed_math, None))
